import FTPClient
import FTPWire
package import Remote
import Posix

/// Asking for one name.
extension FTPStore {
    /// Asks for one name, as `RemoteStore` says: MLST or SIZE with MDTM, and the listing of its directory where these leave doubt.
    package func attributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes {
        do throws(RemoteError) {
            return try statedAttributes(of: path, for: request)
        } catch {
            guard try countsAsFree(path, after: error, for: request) else { throw error }
            throw RemoteError(.notFound, operation: "stat", path: path, words: error.words)
        }
    }

    private func statedAttributes(
        of path: RemotePath, for request: Request
    ) throws(RemoteError) -> Attributes {
        let answer = try withSession(.metadata, "stat", path, for: request) {
            lease throws(FTPError) -> Answer in
            let session = lease.session
            return try session.usesMachineListing
                ? Self.askMachine(session, path) : Self.askSizeAndTime(session, path)
        }
        switch answer {
        case .attributes(var attributes):
            if profile.facts.software.statesConfiguredRights { attributes.rights = nil }
            return attributes
        // Of the root a server may say little, but there is one.
        case .absent where path.isRoot, .refused where path.isRoot, .unclear where path.isRoot:
            return Attributes(kind: .directory)
        case .absent(let words) where !mayLeadNowhere(path):
            throw RemoteError(.notFound, operation: "stat", path: path, words: words)
        case .absent, .unclear, .refused: break
        }
        if case .refused(let words) = answer, try canAskIn(path.parent, for: request) {
            throw RemoteError(.notFound, operation: "stat", path: path, words: words)
        }
        let listing = try list(path.parent, for: request)
        if let entry = listing.entries.first(where: { $0.name == path.name }) { return entry.attributes }
        if listing.isComplete {
            if listing.mayLackDotNames, path.name?.isHidden == true {
                return try unlisted(path, after: answer, for: request)
            }
            throw RemoteError(
                .notFound, operation: "stat", path: path, words: "not in its directory's listing")
        }
        if case .refused(let words) = answer {
            let file = listing.entries.first { $0.attributes.kind == .file }
            learned.withLock { $0.witnesses[path.parent] = file.map { path.parent.appending($0.name) } }
            if try canAskIn(path.parent, for: request) {
                throw RemoteError(.notFound, operation: "stat", path: path, words: words)
            }
        }
        throw RemoteError(
            .protocolBroken, operation: "stat", path: path,
            words: "the server's listing of its directory is cut short")
    }

    /// What a name stands for that listings may leave out for the dot it begins with, after an answer that leaves that open.
    private func unlisted(
        _ path: RemotePath, after answer: Answer, for request: Request
    ) throws(RemoteError) -> Attributes {
        // MLST knows directories too.
        if let words = answer.denial, traits.statsOneName {
            throw RemoteError(.notFound, operation: "stat", path: path, words: words)
        }
        let (found, refusal) = try withSession(.metadata, "stat", path, for: request) {
            lease throws(FTPError) in
            let replies = try lease.session.run([.size(path), .mdtm(path), .cwd(path)])
            return (Self.attributes(replies), replies[2])
        }
        if let found { return found }
        guard let words = answer.denial, refusal.isPermanentFailure else {
            throw RemoteError(
                .protocolBroken, operation: "stat", path: path,
                words: "the server's listings may leave out names that begin with a dot (\(refusal))")
        }
        throw RemoteError(.notFound, operation: "stat", path: path, words: words)
    }

    /// What SIZE, MDTM and CWD say, which follow links on every server.
    private static func attributes(_ replies: [Reply]) -> Attributes? {
        let time = StatedTime(replies[1])
        if let size = replies[0].sizeValue {
            return Attributes(
                kind: .file, size: size, modified: time?.time, granularity: time?.granularity ?? .second)
        }
        return replies[2].isSuccess ? Attributes(kind: .directory, modified: time?.time) : nil
    }

    /// Whether names in a directory whose listing is cut short can be asked for one by one.
    ///
    /// Where an entry that is there can be asked for, a refusal without a reason (Pure-FTPd 1.0.50: "Can't check for file existence")
    /// means that the name is not there. The entry is remembered, for such a listing is long.
    private func canAskIn(_ directory: RemotePath, for request: Request) throws(RemoteError) -> Bool {
        guard let witness = learned.withLock({ $0.witnesses[directory] }) else { return false }
        let isThere = try withSession(.metadata, "stat", directory, for: request) { lease throws(FTPError) in
            try lease.session.run(.size(witness)).isSuccess
        }
        if !isThere { learned.withLock { $0.witnesses[directory] = nil } }
        return isThere
    }

    /// Asks what a name stands for behind symbolic links, as `RemoteStore` says: by SIZE and CWD, which follow links on every server.
    package func resolvedAttributes(of path: RemotePath, for request: Request) throws(RemoteError)
        -> Attributes
    {
        guard !path.isRoot else { return Attributes(kind: .directory) }
        return try withSession(.metadata, "stat", path, for: request) {
            lease throws(FTPError) -> Attributes in
            let session = lease.session
            let replies = try session.run([.size(path), .mdtm(path)])
            let time = StatedTime(replies[1])
            if let size = replies[0].sizeValue {
                return Attributes(
                    kind: .file, size: size, modified: time?.time, granularity: time?.granularity ?? .second)
            }
            guard try session.isDirectory(path) else { throw .refused("SIZE", replies[0]) }
            return Attributes(kind: .directory, modified: time?.time)
        }
    }

    private enum Answer {
        case attributes(Attributes)
        /// The server says in so many words that the name does not exist.
        case absent(String)
        /// The server refuses without saying why; the directory's listing has to tell.
        case refused(String)
        /// What the server says leaves open what the name is; the directory's listing has to tell.
        case unclear

        /// The words that say or suggest that nothing is there; nil for other answers.
        var denial: String? {
            switch self {
            case .absent(let words), .refused(let words): words
            case .attributes, .unclear: nil
            }
        }
    }

    /// MLST together with SIZE, in one flight.
    ///
    /// ProFTPD 1.3.8 answers MLST on a symbolic link with `type=file` and the length of the link, while SIZE follows the link.
    /// Where the two differ, only the row in the listing says what the name is.
    private static func askMachine(_ session: Session, _ path: RemotePath) throws(FTPError) -> Answer {
        let replies = try session.run([.mlst(path), .size(path)])
        guard replies[0].isSuccess else {
            if replies[1].isSuccess { return .unclear }
            let answer = try refusal(replies[0], "MLST")
            guard case .refused = answer else { return answer }
            return try refusal(replies[1], "SIZE")
        }
        let attributes: Attributes
        do throws(ListingError) {
            attributes = try MachineListing.attributes(in: replies[0])
        } catch {
            throw .listing(error.description)
        }
        switch attributes.kind {
        case .directory: return .attributes(attributes)
        case .file: return replies[1].sizeValue == attributes.size ? .attributes(attributes) : .unclear
        case .symlink, .other: return .unclear
        }
    }

    /// SIZE and MDTM in one flight: what servers without MLST (vsftpd 3.0.3) can say of a file.
    ///
    /// A link to a file answers like the file, so that the caller, who has not listed the directory, sees the file.
    private static func askSizeAndTime(_ session: Session, _ path: RemotePath) throws(FTPError) -> Answer {
        let replies = try session.run([.size(path), .mdtm(path)])
        guard let size = replies[0].sizeValue else { return try refusal(replies[0], "SIZE") }
        guard let time = StatedTime(replies[1]) else { return .unclear }
        return .attributes(
            Attributes(kind: .file, size: size, modified: time.time, granularity: time.granularity))
    }

    private static func refusal(_ reply: Reply, _ verb: String) throws(FTPError) -> Answer {
        switch ReplyMeaning(reply, to: verb).kind {
        case .notFound?: return .absent(reply.text)
        case .unsupported?: return .unclear
        case nil where [450, 550].contains(reply.code): return .refused(reply.text)
        case nil where reply.code == 501: return .unclear
        default: throw .refused(verb, reply)
        }
    }
}
