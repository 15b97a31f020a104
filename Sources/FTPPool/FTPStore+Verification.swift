import FTPClient
import FTPWire
import Logging
import Posix
import Remote

/// Comparing what the server has with what was sent, beyond its size.
extension FTPStore {
    /// How an upload is checked once the server has acknowledged it.
    package enum Verification: Sendable {
        /// By the size that the server states.
        case size
        /// By a checksum as well, the strongest that the server offers.
        case checksum
    }

    /// The way to compare checksums of an upload, and what computes ours while it is sent; nil where sizes have to do.
    func makeVerifier() -> (method: ChecksumMethod, digest: SentDigest)? {
        guard verification == .checksum, learned.withLock({ $0.checksums }) else { return nil }
        for method in profile.facts.features.checksumMethods {
            if let digest = SentDigest(method) { return (method, digest) }
        }
        learned.withLock { $0.checksums = false }
        logger.notice("the server offers no checksums: uploads are checked by their size alone")
        return nil
    }

    /// Asks for the checksum of a file and compares it with what was sent; throws `.other` where the two differ.
    ///
    /// A server that gives none is believed as to the size, with a line in the log.
    func verify(
        _ path: RemotePath, holds source: any UploadSource,
        _ verifier: (method: ChecksumMethod, digest: SentDigest)?, over session: Session
    ) throws(UploadFailure) {
        guard let (method, digest) = verifier else { return }
        let size = source.size
        try complete(digest, from: source, path)
        guard let ours = digest.finish(size: size) else {
            return logger.warning("no checksum of what was sent", metadata: ["path": "\(path)"])
        }
        let theirs: [UInt8]?
        do throws(FTPError) {
            theirs = try session.checksum(of: path, size: size, by: method)
        } catch .refused(let verb, let reply) {
            let isUnknown = [500, 502, 504].contains(reply.code)
            if isUnknown { learned.withLock { $0.checksums = false } }
            return logger.notice(
                "the server gives no checksum: checked by size alone",
                metadata: ["path": "\(path)", "command": "\(verb)", "reply": "\(reply)"])
        } catch {
            throw UploadFailure(error, hasBegun: true)
        }
        guard let theirs else {
            return logger.notice(
                "the server's checksum cannot be read: checked by size alone", metadata: ["path": "\(path)"])
        }
        guard theirs == ours else {
            throw .other(
                RemoteError(
                    .protocolBroken, operation: "STOR", path: path,
                    words: "the \(method.name) of what the server has is not that of what was sent"))
        }
    }

    /// Adds what did not come by while it was sent.
    private func complete(
        _ digest: SentDigest, from source: any UploadSource, _ path: RemotePath
    ) throws(UploadFailure) {
        let piece = Block(capacity: Self.uploadPiece)
        while digest.end < source.size {
            do throws(RemoteError) {
                let place = digest.end
                let count = try piece.withRoom(from: 0) { room throws(RemoteError) in
                    try source.read(into: &room, at: place)
                }
                guard count > 0 else {
                    throw RemoteError(.local, operation: "STOR", path: path, words: "the spool is too short")
                }
                piece.withBytes(0..<count) { digest.add($0, at: place) }
            } catch {
                throw .other(error)
            }
        }
    }
}
