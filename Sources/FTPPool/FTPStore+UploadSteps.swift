import FTPClient
import FTPWire
import Logging
import Posix
import Remote

/// The steps that uploads are made of.
extension FTPStore {
    /// The bytes that travel from the source to TLS at once.
    static let uploadPiece = 256 * 1024

    /// Leases a session for an upload of some bytes to the file that is to have them in the end.
    func leaseForUpload(
        _ operation: String, _ path: RemotePath, size: UInt64, for request: Request
    ) throws(UploadFailure) -> Lease {
        do throws(RemoteError) {
            let lease = try pool.lease(.transfer, for: request)
            lease.begins(operation, path, size: size)
            return lease
        } catch {
            throw .other(error)
        }
    }

    /// Sends the bytes from an offset up to another one, or to the end, and waits until the server has acknowledged them.
    ///
    /// The answers to the questions that are asked ahead of the transfer, in the same flight, go to `weigh` before any byte is sent; what it
    /// throws is the end. `watch` sees each piece, and where it belongs, before it is sent.
    func send(
        _ source: any UploadSource, from offset: UInt64, upTo end: UInt64? = nil, to path: RemotePath,
        _ way: UploadMode, asking questions: [Command] = [], over lease: Lease,
        weighing weigh: ([Reply]) throws(UploadFailure) -> Void = { _ in },
        watching watch: (RawSpan, UInt64) -> Void = { _, _ in }
    ) throws(UploadFailure) {
        let upload: Upload
        do throws(FTPError) {
            upload = try lease.session.upload(path, way, asking: questions)
        } catch {
            throw UploadFailure(error, hasBegun: false)
        }
        do throws(UploadFailure) {
            try weigh(upload.answers)
            try pour(source, offset..<(end ?? source.size), into: upload, path, noting: lease, watch)
        } catch {
            // Else the connection would end like that of a complete file.
            upload.abort()
            throw error
        }
    }

    /// Sends a range of the source's bytes over an upload that has begun, up to the upload's end, and waits for the acknowledgement.
    func pour(
        _ source: any UploadSource, _ range: Range<UInt64>, into upload: Upload, _ path: RemotePath,
        noting lease: Lease, _ watch: (RawSpan, UInt64) -> Void
    ) throws(UploadFailure) {
        let piece = Block(capacity: Self.uploadPiece)
        var place = range.lowerBound
        while place < range.upperBound {
            var count: Int
            do throws(RemoteError) {
                count = try piece.withRoom(from: 0) { room throws(RemoteError) in
                    try source.read(into: &room, at: place)
                }
                guard count > 0 else {
                    throw RemoteError(.local, operation: "STOR", path: path, words: "the spool is too short")
                }
            } catch {
                throw .other(error)
            }
            count = Int(min(UInt64(count), range.upperBound - place))
            try UploadFailure.sorting { [count, place] () throws(FTPError) in
                try piece.withBytes(0..<count) { bytes throws(FTPError) in
                    watch(bytes, place)
                    try upload.write(bytes)
                }
            }
            place += UInt64(count)
            lease.noteProgress(count)
        }
        try UploadFailure.sorting { () throws(FTPError) in
            _ = try upload.finish(demandingEnd: believesUploads)
        }
    }

    /// Asks for a file's attributes and throws when its size is not what was sent: an acknowledgement alone proves nothing.
    @discardableResult
    func check(_ path: RemotePath, holds size: UInt64, _ session: Session) throws(FTPError) -> Attributes {
        let attributes: Attributes
        do throws(FTPError) { attributes = try session.attributesOfFile(path) } catch {
            return try believed(error, path, size: size)
        }
        return try checked(attributes, size)
    }

    /// Throws when a file's size is not what was sent.
    @discardableResult
    func checked(_ attributes: Attributes, _ size: UInt64) throws(FTPError) -> Attributes {
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
        let found = try target(path, over: session)
        // What cannot be seen cannot be compared.
        if found == nil, believesUploads { return nil }
        try compare(found, with: order, path)
        return found
    }

    /// Asks what is under the name now; nil when nothing is there, or no file.
    func target(_ path: RemotePath, over session: Session) throws(UploadFailure) -> Attributes? {
        try UploadFailure.sorting { () throws(FTPError) -> Attributes? in
            let answers = try session.run(session.questions(ofFile: path))
            do throws(FTPError) {
                return try session.attributesOfTarget(answers: answers[...])
            } catch {
                guard believesUploads, case .refused = error else { throw error }
                return nil
            }
        }
    }

    /// Whether the server says that nothing is under the name; false as well where it does not say.
    func isAbsent(_ path: RemotePath, over session: Session) throws(UploadFailure) -> Bool {
        try UploadFailure.sorting { () throws(FTPError) -> Bool in
            let answers = try session.run(session.questions(ofFile: path))
            do throws(FTPError) {
                return try session.attributesOfTarget(answers: answers[...]) == nil
            } catch {
                guard case .refused = error else { throw error }
                return false
            }
        }
    }

    /// Throws `.other` with `.changed` when a file is not the one that the order expects.
    func compare(
        _ found: Attributes?, with order: UploadOrder, _ path: RemotePath
    ) throws(UploadFailure) {
        let surprise: String? =
            switch (order.expectation, found) {
            case (.anything, _), (.nothing, nil): nil
            case (.nothing, _?): "a file of this name was made on the server meanwhile"
            case (.version, nil): "the file was removed on the server meanwhile"
            case (.version(let expected), let found?):
                found.version.matches(expected) ? nil : "the file was changed on the server meanwhile"
            }
        guard let surprise else { return }
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

    /// The commands that do the same, to go out together with what follows; nil where it is not known yet which ones work.
    func dressing(
        _ path: RemotePath, mode: UInt16?, _ modified: Timestamp?, over session: Session
    ) -> [Command]? {
        var commands: [Command] = []
        let traits = traits
        if let mode, traits.setsModes != false {
            guard let command = session.knownCommand(toSetMode: mode, of: path) else { return nil }
            commands.append(command)
        }
        if let modified, traits.setsFileTimes != false {
            guard let command = session.knownCommand(toSetModified: modified, of: path) else { return nil }
            commands.append(command)
        }
        return commands
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
}

extension Reply {
    /// The number in a 213 reply to SIZE (RFC 3659 section 4.2); nil for other replies and for nonsense.
    var sizeValue: UInt64? {
        guard code == 213, let line = lines.last else { return nil }
        let digits = line.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != UInt8(ascii: " ") }
        return UInt64(String(decoding: digits, as: UTF8.self))
    }
}
