import FTPClient
import FTPWire
import Logging
import Posix
import Remote
import Synchronization

/// The steps that uploads are made of.
extension FTPStore {
    /// The bytes that travel from the source to TLS at once.
    static let uploadPiece = 256 * 1024

    /// Leases a session for an upload.
    func leaseForUpload(for request: Request) throws(UploadFailure) -> Lease {
        do throws(RemoteError) { return try pool.lease(.transfer, for: request) } catch {
            throw .other(error)
        }
    }

    /// Sends the bytes from an offset to the end, and waits until the server has acknowledged them.
    func send(
        _ source: any UploadSource, from offset: UInt64, to path: RemotePath, _ way: UploadMode,
        over session: Session
    ) throws(UploadFailure) {
        let upload: Upload
        do throws(FTPError) {
            upload = try session.upload(path, way)
        } catch {
            throw UploadFailure(error, hasBegun: false)
        }
        let piece = Block(capacity: Self.uploadPiece)
        var place = offset
        while place < source.size {
            let count: Int
            do throws(RemoteError) {
                count = try piece.withRoom(from: 0) { room throws(RemoteError) in
                    try source.read(into: &room, at: place)
                }
                guard count > 0 else {
                    throw RemoteError(.local, operation: "STOR", path: path, words: "the spool is too short")
                }
            } catch {
                upload.abort()
                throw .other(error)
            }
            do throws(FTPError) {
                try piece.withBytes(0..<count) { bytes throws(FTPError) in try upload.write(bytes) }
            } catch {
                throw UploadFailure(error, hasBegun: true)
            }
            place += UInt64(count)
        }
        do throws(FTPError) {
            _ = try upload.finish()
        } catch {
            throw UploadFailure(error, hasBegun: true)
        }
    }

    /// Asks for a file's attributes and throws when its size is not what was sent: an acknowledgement alone proves nothing.
    @discardableResult
    func check(_ path: RemotePath, holds size: UInt64, _ session: Session) throws(FTPError) -> Attributes {
        let attributes = try session.attributesOfFile(path)
        guard attributes.size == size else {
            let stated = attributes.size.map(String.init) ?? "nothing"
            throw .dataConnection("\(size) bytes were acknowledged, but the server states \(stated)")
        }
        return attributes
    }

    /// Asks what is under the name now, and compares it with what the order expects.
    ///
    /// Nil when nothing is there. Throws `.other` with `.changed` when the two differ.
    func currentTarget(
        _ path: RemotePath, _ order: UploadOrder, over session: Session
    ) throws(UploadFailure) -> Attributes? {
        let found = try UploadFailure.sorting { () throws(FTPError) -> Attributes? in
            do throws(FTPError) {
                return try session.attributesOfFile(path)
            } catch {
                guard let reply = error.reply, reply.code == 550 || reply.code == 450 else { throw error }
                return nil
            }
        }
        let surprise: String? =
            switch (order.expectation, found) {
            case (.anything, _), (.nothing, nil): nil
            case (.nothing, _?): "a file of this name was made on the server meanwhile"
            case (.version, nil): "the file was removed on the server meanwhile"
            case (.version(let expected), let found?):
                found.version.matches(expected) ? nil : "the file was changed on the server meanwhile"
            }
        guard let surprise else { return found }
        throw .other(RemoteError(.changed, operation: "STOR", path: path, words: surprise))
    }

    /// Gives a new file its mode and time, as far as the server can; a server that cannot is no failure.
    func dress(
        _ path: RemotePath, mode: UInt16?, _ modified: Timestamp?, over session: Session
    ) throws(FTPError) {
        if let mode, traits.setsModes != false {
            try tolerating(path) { () throws(FTPError) in try session.setMode(path, to: mode) }
        }
        if let modified, traits.setsFileTimes != false {
            try tolerating(path) { () throws(FTPError) in
                try session.setModified(path, kind: .file, to: modified)
            }
        }
    }

    private func tolerating(_ path: RemotePath, _ action: () throws(FTPError) -> Void) throws(FTPError) {
        do throws(FTPError) {
            try action()
        } catch {
            switch error {
            case .refused, .unsupported:
                logger.debug("mode or time not set", metadata: ["path": "\(path)", "reason": "\(error)"])
            default: throw error
            }
        }
    }

    /// Renames over a file.
    ///
    /// Where the server refuses because the target exists (IIS 550, others 553), the target is moved aside first, and back when
    /// that does not help either: the old content is never removed before the new one has its place.
    func rename(
        _ source: RemotePath, over target: RemotePath, isThere: Bool, _ session: Session
    ) throws(FTPError) {
        do throws(FTPError) {
            try session.rename(source, to: target)
            return
        } catch {
            guard case .refused("RNTO", let reply) = error, isThere, [550, 553].contains(reply.code) else {
                throw error
            }
            logger.debug("the server does not rename over a file", metadata: ["reply": "\(reply)"])
        }
        learned.withLock { $0.renameReplaces = false }
        let aside = target.parent.appending(TemporaryName.make())
        try session.rename(target, to: aside)
        do throws(FTPError) {
            try session.rename(source, to: target)
        } catch {
            try session.rename(aside, to: target)
            throw error
        }
        try session.delete(aside)
    }

    /// Logs why an attempt failed.
    func note(_ failure: UploadFailure, _ path: RemotePath) {
        logger.info(
            "upload failed", metadata: ["path": "\(path)", "reason": "\(failure.remote("STOR", path))"])
    }

    /// Removes temporary files that failed uploads have left; what cannot be removed now is tried again later.
    func clearDebris() {
        let names = debris.withLock { names in
            defer { names.removeAll() }
            return names
        }
        for name in names where pool.isReachable {
            do throws(RemoteError) {
                try withSession(.metadata, "DELE", name, for: Request()) { session, _ throws(FTPError) in
                    try session.delete(name)
                }
            } catch {
                guard error.kind != .notFound, error.isTransient else { continue }
                debris.withLock { _ = $0.insert(name) }
            }
        }
    }
}

extension Reply {
    /// The number in a 213 reply to SIZE (RFC 3659 section 4.2); nil for other replies and for nonsense.
    var sizeValue: UInt64? {
        guard code == 213, let line = lines.last else { return nil }
        let digits = line.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != UInt8(ascii: " ") }
        return UInt64(String(decoding: digits, as: UTF8.self))
    }
}
