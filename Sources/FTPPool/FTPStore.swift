package import FTPClient
import FTPWire
package import Logging
import Posix
package import Remote

/// The files of an FTPS server as a `RemoteStore`: every operation leases a session, and is tried again where that is safe.
///
/// Rules kept here: a transfer that changes a file goes to a temporary name and is renamed (`FTPStore+Upload`); a refusal that leaves
/// its reason open is settled by asking (`FTPStore+Settling`); what may have happened before a connection was lost is found out, not
/// guessed.
package final class FTPStore: RemoteStore {
    let pool: Pool
    let profile: ServerProfile
    let logger: Logger
    /// How uploads are checked.
    let verification: Verification
    /// Whether the server's 226 is believed where it states no size of what was sent.
    let believesUploads: Bool
    /// Temporary names of uploads under way, which listings leave out.
    let activeNames = Monitor<Set<RemotePath>>([])
    /// What uploads have left on the server to be seen to.
    let leftovers = Monitor(Leftovers())
    /// Where the names of both are kept on this machine; nil where they are not.
    let ledger = Monitor<UploadLedger?>(nil)
    /// What this store has learned besides its sessions.
    let learned = Monitor(Learned())

    /// Facts of the server that only the store has use for.
    struct Learned {
        /// False once RNTO onto an existing file was refused.
        var renameReplaces = true
        /// False once APPE was refused as unknown or forbidden.
        var appends = true
        /// Whether parts of files can be changed; nil while that was not tried.
        var patches: Bool?
        /// False once the server was found to have no checksums.
        var checksums = true
        /// False once a server refused to go on with a broken upload.
        var restarts = true
        /// False once a temporary name was taken only without a dot in front.
        var takesHiddenNames = true
        /// The directories in which the server did not say what had arrived, and when.
        var uncheckable: [RemotePath: ContinuousClock.Instant] = [:]
        /// Of each directory whose listing is cut short, a file that can be asked for; see `canAskIn`.
        var witnesses: [RemotePath: RemotePath] = [:]
        /// Of each directory the links that lead nowhere, as far as a listing has shown some; see `FTPStore+DanglingLinks`.
        var danglingLinks: [RemotePath: Set<FileName>] = [:]
    }

    /// Makes a store over a pool; `profile` is the one its sessions share.
    ///
    /// Without `patchesFiles` no part of a file is changed in place. With `believesUploads` files are written under their own names, and
    /// names in directories that cannot be listed count as free (see `FTPStore+DropBox`).
    package init(
        pool: Pool, profile: ServerProfile, logger: Logger, patchesFiles: Bool = true,
        verification: Verification = .size, believesUploads: Bool = false
    ) {
        self.pool = pool
        self.profile = profile
        self.logger = logger
        self.verification = verification
        self.believesUploads = believesUploads
        if !patchesFiles { learned.withLock { $0.patches = false } }
        pool.onQuiet { [weak self] request in self?.tidyUp(for: request) }
    }

    /// What is known of the server by now.
    package var traits: StoreTraits {
        let facts = profile.facts
        return StoreTraits(
            statsOneName: facts.features.hasMachineListing && !facts.machineListingFails,
            statesExactTimes: facts.features.hasMDTM, setsFileTimes: facts.fileTimes.works,
            setsDirectoryTimes: facts.directoryTimes.works,
            setsModes: facts.modes.works, replacesAtomically: learned.withLock { $0.renameReplaces })
    }

    /// Runs the body with a leased session until it succeeds, fails for good, or has been tried often enough.
    ///
    /// Tried again: lost connections, passed deadlines, broken data connections, 421, 425, 426, and refused resumptions, each
    /// on another session. Before that `look`, which holds no session, may find that the work is done, or throw when it must not be
    /// repeated; without it `body` must be safe to repeat.
    func withSession<Result>(
        _ purpose: Purpose, _ operation: String, _ path: RemotePath?, for request: Request,
        beforeRepeating look: () throws(RemoteError) -> Result? = { nil },
        _ body: (Lease) throws(FTPError) -> Result
    ) throws(RemoteError) -> Result {
        var attempt = 1
        while true {
            let lease = try pool.lease(purpose, for: request)
            let failure: FTPError
            do throws(FTPError) {
                defer { lease.release() }
                return try body(lease)
            } catch {
                failure = error
            }
            if case .interrupted = failure {
                throw RemoteError(.interrupted, operation: operation, path: path)
            }
            guard failure.isWorthRetrying else { throw try settle(failure, operation, path, for: request) }
            suspectIdleSessions(after: failure)
            guard attempt < failure.attempts else {
                throw RemoteError(failure, operation: operation, path: path)
            }
            logger.info(
                "trying again",
                metadata: ["operation": "\(operation)", "path": "\(path ?? .root)", "reason": "\(failure)"])
            if let result = try look() { return result }
            attempt += 1
        }
    }

    /// Closes the idle sessions when one was lost.
    ///
    /// A firewall that has forgotten one connection has forgotten the others too, and a server that has forgotten one session, or its
    /// TLS, those of the same age: each would cost an attempt.
    func suspectIdleSessions(after failure: FTPError) {
        switch failure {
        case .connectionLost, .timedOut, .loggedOut, .resumptionRefused: pool.distrustIdleSessions()
        default: break
        }
    }

    /// Lists a directory whole, without the temporary names of uploads under way, as `RemoteStore` says.
    package func list(_ directory: RemotePath, for request: Request) throws(RemoteError) -> Listing {
        var answer: SessionListing
        do throws(RemoteError) {
            answer = try withSession(.metadata, "list", directory, for: request) {
                lease throws(FTPError) in
                try lease.session.list(directory)
            }
        } catch {
            throw try missingDirectory(error, directory, for: request)
        }
        for row in answer.dropped {
            logger.warning(
                "a name cannot be shown", metadata: ["directory": "\(directory)", "row": "\(row)"])
        }
        let doubtsRights = profile.facts.software.statesConfiguredRights
        let hidden =
            activeNames.withLock { names in names.filter { $0.parent == directory } }
            .union(leftovers.withLock { $0.hidden(in: directory) })
        if hidden.contains(where: { $0.name.map { answer.entries.row(of: $0) != nil } ?? false }) {
            let shown = answer.entries.lazy.filter { !hidden.contains(directory.appending($0.name)) }
            answer.entries = EntryList(shown)
        }
        noteDanglingLinks(answer.danglingLinks, in: directory)
        if doubtsRights {
            for row in answer.entries.indices { answer.entries.change(row) { $0.rights = nil } }
        }
        return Listing(
            entries: answer.entries, isComplete: answer.isComplete, mayLackDotNames: answer.mayLackDotNames)
    }

    /// Tells a missing directory from a name that is a file: pyftpdlib says "No such directory" of both.
    private func missingDirectory(
        _ error: RemoteError, _ path: RemotePath, for request: Request
    ) throws(RemoteError) -> RemoteError {
        guard error.kind == .notFound, !path.isRoot else { return error }
        var error = error
        do throws(RemoteError) {
            if try attributes(of: path, for: request).kind != .directory { error.kind = .notDirectory }
        } catch let other {
            guard other.kind == .notFound else { throw other }
        }
        return error
    }

    /// Begins to read a file (REST and RETR), as `RemoteStore` says; the session is taken until the reader is closed.
    package func openReader(
        _ path: RemotePath, at offset: UInt64, length: UInt64?, for request: Request
    ) throws(RemoteError) -> any RemoteReader {
        try reading(path, for: request) { lease throws(FTPError) in
            let download = try lease.session.download(path, from: offset, expecting: length)
            return FTPReader(download: Confined(download), lease: lease, path: path, length: length)
        }
    }

    /// Asks for a file's attributes and begins to read it, in one flight with RETR, as `RemoteStore` says.
    ///
    /// Where the answers leave open what the name is, the questions are asked one after the other.
    package func open(
        _ path: RemotePath, at offset: UInt64, for request: Request
    ) throws(RemoteError) -> (attributes: Attributes, reader: any RemoteReader) {
        let opened = try reading(path, for: request) {
            lease throws(FTPError) -> (attributes: Attributes, reader: FTPReader)? in
            let session = lease.session
            var attributes: Attributes?
            let questions = session.questions(ofFile: path)
            let download = try session.download(path, from: offset, asking: questions) { answers in
                attributes = session.plainFile(answers: answers)
                return attributes?.size.map { $0 - min($0, offset) }
            }
            if profile.facts.software.statesConfiguredRights { attributes?.rights = nil }
            guard let attributes else {
                download.abort()
                lease.release()
                return nil
            }
            let length = attributes.size.map { $0 - min($0, offset) }
            return (
                attributes,
                FTPReader(download: Confined(download), lease: lease, path: path, length: length)
            )
        }
        if let opened { return (opened.attributes, opened.reader) }
        let attributes = try attributes(of: path, for: request)
        guard attributes.kind != .directory else {
            throw RemoteError(.isDirectory, operation: "RETR", path: path)
        }
        let length = attributes.size.map { $0 - min($0, offset) }
        return (attributes, try openReader(path, at: offset, length: length, for: request))
    }

    /// Begins to read with leased sessions until that succeeds, fails for good, or has been tried often enough; `body` hands the lease on when
    /// it returns.
    private func reading<Result>(
        _ path: RemotePath, for request: Request, _ body: (Lease) throws(FTPError) -> Result
    ) throws(RemoteError) -> Result {
        var attempt = 1
        while true {
            let lease = try pool.lease(.transfer, for: request)
            do throws(FTPError) {
                return try body(lease)
            } catch {
                lease.release()
                suspectIdleSessions(after: error)
                guard attempt < error.attempts else {
                    throw try settle(error, "RETR", path, for: request)
                }
                logger.info(
                    "trying again", metadata: ["operation": "RETR", "path": "\(path)", "reason": "\(error)"])
                attempt += 1
            }
        }
    }
}

extension ServerProfile.Way {
    /// Whether the server can do it; nil while unknown.
    fileprivate var works: Bool? {
        switch self {
        case .untried: nil
        case .known: true
        case .none: false
        }
    }
}
