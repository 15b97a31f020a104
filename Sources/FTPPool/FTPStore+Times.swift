import FTPClient
import FTPWire
package import Remote

/// Exact times where listings have none (LIST rows state the minute, or only the day).
extension FTPStore {
    /// Asks for times by MDTM, many in one flight, as `RemoteStore` says.
    package func exactTimes(of paths: [RemotePath], for request: Request) throws(RemoteError) -> [Timestamp?]
    {
        guard let first = paths.first else { return [] }
        return try withSession(.metadata, "MDTM", first, for: request) { lease throws(FTPError) in
            try lease.session.run(paths.map { .mdtm($0) }).map { StatedTime($0)?.time }
        }
    }
}
