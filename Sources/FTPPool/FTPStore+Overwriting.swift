import FTPClient
import FTPWire
import Logging
import Remote

/// Writing onto a name itself: for links to be followed, and for directories that take no other names.
extension FTPStore {
    /// Writes onto the name itself; its old content is gone as soon as the transfer begins.
    ///
    /// Where that is done because temporary names were refused, `refusal` says how: an old content does not give way to a guess.
    func overwrite(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder,
        after refusal: FTPError? = nil, for request: Request
    ) throws(RemoteError) -> Attributes {
        var work = Overwriting(path: path, source: source, order: order, refusal: refusal)
        var attempt = 0
        while true {
            let failure: UploadFailure
            do throws(UploadFailure) {
                return try overwriteOnce(&work, for: request)
            } catch {
                failure = error
            }
            attempt += 1
            do throws(RemoteError) {
                try giveUp(failure, path, after: attempt, for: request)
            } catch {
                if failure.isBroken { removePart(work, for: request) }
                throw error
            }
        }
    }

    /// How far overwriting a file has come over its attempts.
    private struct Overwriting {
        let path: RemotePath
        let source: any UploadSource
        let order: UploadOrder
        /// How a temporary name was refused, if one was.
        let refusal: FTPError?
        /// Whether a transfer may have begun, and the old content be gone.
        var hasBegun = false
        /// Whether the file is ours alone: nothing was under the name before.
        var isNew = false
    }

    private func overwriteOnce(
        _ work: inout Overwriting, for request: Request
    ) throws(UploadFailure) -> Attributes {
        let lease = try leaseForUpload("STOR", work.path, size: work.source.size, for: request)
        defer { lease.release() }
        let session = lease.session
        let hadBegun = work.hasBegun
        if !hadBegun {
            let old = try currentTarget(work.path, work.order, over: session)
            if let refusal = work.refusal, old != nil, !refusal.saysWhy {
                guard try isClosed(work.path.parent, over: session) else { throw .final(refusal) }
            }
            // Where nothing can be seen, a name that is not seen may be somebody's.
            work.isNew = old == nil && !work.order.writesThrough
            if work.isNew, believesUploads { work.isNew = try isAbsent(work.path, over: session) }
        }
        work.hasBegun = true
        do throws(UploadFailure) {
            let verifier = makeVerifier()
            try send(
                work.source, from: 0, to: work.path, .store, over: lease,
                watching: { bytes, place in verifier?.digest.add(bytes, at: place) })
            let attributes = try UploadFailure.sorting { () throws(FTPError) in
                try dress(work.path, mode: work.order.mode, work.order.modified, over: session)
                return try check(work.path, holds: work.source.size, session)
            }
            try verify(work.path, holds: work.source, verifier, over: session)
            return attributes
        } catch {
            if case .refused = error {
                // A refusal that came behind 150 has left a new file.
                let isMade = work.isNew && (try? session.run(.size(work.path)))?.isSuccess == true
                work.hasBegun = hadBegun || isMade
            }
            if !error.isBroken, work.hasBegun { removePart(work, over: session, for: request) }
            throw error
        }
    }

    /// Whether a directory's own attributes say that no names can be made in it.
    ///
    /// vsftpd 3.0.3 has the same words for that as for a full disk or quota, where the old content would be lost and the new one not stored.
    private func isClosed(_ directory: RemotePath, over session: Session) throws(UploadFailure) -> Bool {
        let attributes = try UploadFailure.sorting { () throws(FTPError) in
            try session.list(directory).directory
        }
        if let rights = attributes?.rights { return !rights.contains(.create) }
        return attributes?.mode.map { $0 & 0o222 == 0 } ?? false
    }

    /// Removes what has arrived of a new file that will not be completed: nobody is to take it for one.
    ///
    /// At once or never, since the next file of this name is somebody's.
    private func removePart(_ work: Overwriting, over session: Session, for request: Request) {
        guard work.isNew, session.isUsable else { return }
        session.bind(to: Request())
        defer { session.bind(to: request) }
        let reply = try? session.run(.dele(work.path))
        logger.info(
            "part of a new file removed",
            metadata: ["path": "\(work.path)", "reply": "\(reply.map(String.init(describing:)) ?? "none")"])
    }

    private func removePart(_ work: Overwriting, for request: Request) {
        guard work.isNew, work.hasBegun, pool.isReachable,
            let lease = try? pool.lease(.metadata, for: request)
        else { return }
        defer { lease.release() }
        removePart(work, over: lease.session, for: request)
    }
}

extension FTPError {
    /// Whether a refusal's words leave no doubt about its reason.
    fileprivate var saysWhy: Bool {
        guard case .refused(let verb, let reply) = self else { return false }
        return ReplyMeaning(reply, to: verb).kind != nil
    }
}
