import FTPClient
import FTPWire
import Remote

/// Questions about one name, each in one flight.
extension Session {
    /// Asks for a regular file's size and time: MLST with SIZE, or SIZE with MDTM.
    ///
    /// The size is SIZE's, which follows links and counts bytes in TYPE I on every server; an upload is judged by it. Throws `.refused`
    /// where the server states no size.
    func attributesOfFile(_ path: RemotePath) throws(FTPError) -> Attributes {
        if usesMachineListing {
            let replies = try run([.mlst(path), .size(path)])
            guard let size = replies[1].sizeValue else { throw .refused("SIZE", replies[1]) }
            var attributes = Attributes(kind: .file)
            if let stated = try? MachineListing.attributes(in: replies[0]), stated.kind == .file {
                attributes = stated
            }
            attributes.size = size
            return attributes
        }
        let replies = try run([.size(path), .mdtm(path)])
        guard let size = replies[0].sizeValue else { throw .refused("SIZE", replies[0]) }
        let time = StatedTime(replies[1])
        return Attributes(
            kind: .file, size: size, modified: time?.time, granularity: time?.granularity ?? .second)
    }

    /// Whether MLST answers for single names.
    var usesMachineListing: Bool { features.hasMachineListing && !profile.facts.machineListingFails }
}
