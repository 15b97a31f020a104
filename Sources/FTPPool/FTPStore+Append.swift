import FTPClient
import FTPWire
package import Remote
import Synchronization

/// Adding bytes at the end of a file.
extension FTPStore {
    /// Adds bytes at the end of a file with APPE (RFC 959 section 4.1.3), as `RemoteStore` says.
    package func append(
        to path: RemotePath, at offset: UInt64, from source: any UploadSource, _ order: UploadOrder,
        for request: Request
    ) throws(RemoteError) -> Attributes {
        guard learned.withLock({ $0.appends }) else {
            throw RemoteError(.unsupported, operation: "APPE", path: path)
        }
        var progress = Progress(start: offset)
        var failure: UploadFailure
        var attempt = 0
        repeat {
            attempt += 1
            do throws(UploadFailure) {
                return try appendOnce(path, from: source, order, &progress, for: request)
            } catch {
                failure = error
            }
        } while failure.isBroken && attempt < 4
        if !progress.hasBegun, case .refused = failure {
            throw RemoteError(.unsupported, operation: "APPE", path: path, words: "\(failure)")
        }
        try giveUp(failure, path, after: attempt, for: request)
        throw RemoteError(.unreachable, operation: "APPE", path: path, words: "\(failure)")
    }

    /// How far an append has come over its attempts.
    private struct Progress {
        /// The size the file must have at the beginning.
        let start: UInt64
        /// Whether bytes of ours may have reached the file.
        var hasBegun = false
    }

    /// Sends what is missing: all at first, after a break what lies beyond the size that the server states.
    private func appendOnce(
        _ path: RemotePath, from source: any UploadSource, _ order: UploadOrder, _ progress: inout Progress,
        for request: Request
    ) throws(UploadFailure) -> Attributes {
        let lease = try leaseForUpload(for: request)
        defer { lease.release() }
        let session = lease.session
        var order = order
        if progress.hasBegun { order.expectation = .anything }
        guard let size = try currentTarget(path, order, over: session)?.size else {
            throw .other(RemoteError(.changed, operation: "APPE", path: path, words: "the file is gone"))
        }
        let isExpected =
            progress.hasBegun ? (progress.start...source.size).contains(size) : size == progress.start
        guard isExpected else {
            throw .other(
                RemoteError(.changed, operation: "APPE", path: path, words: "the file has another size"))
        }
        if size < source.size {
            let hadBegun = progress.hasBegun
            progress.hasBegun = true
            do throws(UploadFailure) {
                try send(source, from: size, to: path, .append, over: lease)
            } catch {
                if case .refused(let refusal) = error, !hadBegun {
                    progress.hasBegun = false
                    noteRefusedAppend(refusal)
                }
                throw error
            }
        }
        return try UploadFailure.sorting { () throws(FTPError) in
            try dress(path, mode: nil, order.modified, over: session)
            return try check(path, holds: source.size, session)
        }
    }

    /// Remembers a server that cannot append at all; any other refusal may concern this file alone.
    private func noteRefusedAppend(_ refusal: FTPError) {
        guard let code = refusal.reply?.code, [451, 500, 502, 504].contains(code) else { return }
        learned.withLock { $0.appends = false }
    }
}
