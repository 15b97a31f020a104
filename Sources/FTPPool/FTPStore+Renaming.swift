import FTPClient
import FTPWire
import Logging
import Remote
import Posix

/// Renaming over a file, on servers that refuse to as well.
extension FTPStore {
    /// Renames over a file.
    ///
    /// Where the server refuses because the target exists (IIS 550, others 553), the target is moved aside in the same flight as the
    /// rename, and back when that does not help either: the old content is never removed before the new one has its place.
    func rename(
        _ source: RemotePath, over target: RemotePath, isThere: Bool, _ session: Session,
        for request: Request
    ) throws(FTPError) {
        do throws(FTPError) {
            try session.rename(source, to: target)
        } catch {
            try rename(source, over: target, isThere: isThere, after: error, session, for: request)
        }
    }

    /// Renames over a file after the rename alone was refused; throws that refusal where it has another reason.
    func rename(
        _ source: RemotePath, over target: RemotePath, isThere: Bool, after refusal: FTPError,
        _ session: Session, for request: Request
    ) throws(FTPError) {
        guard isThere, refusal.mayForbidReplacing else { throw refusal }
        // A directory is not to take the place of a file.
        guard try session.run(.size(source)).isSuccess else { throw refusal }
        logger.debug("the server does not rename over a file", metadata: ["reason": "\(refusal)"])
        let aside = target.parent.appending(TemporaryName.makeAside())
        addLeftover(aside, .restore(target), isHeld: true)
        // No program's signal may fall between the two renames.
        session.bind(to: Request())
        defer { session.bind(to: request) }
        try exchange(source, target, aside, over: session)
    }

    /// Moves the target aside and the source into its place; what becomes of `aside` after a failure is left to `restoreAsides`.
    private func exchange(
        _ source: RemotePath, _ target: RemotePath, _ aside: RemotePath, over session: Session
    ) throws(FTPError) {
        let replies = try session.run([.rnfr(target), .rnto(aside), .rnfr(source), .rnto(target)])
        let isAside = replies[1].isSuccess
        guard replies[2].isIntermediate, replies[3].isSuccess else {
            if isAside {
                try session.rename(aside, to: target)
            }
            settleLeftover(aside)
            throw .refused("RNTO", replies[3])
        }
        guard isAside else { return settleLeftover(aside) }
        learned.withLock { $0.renameReplaces = false }
        let reply = try? session.run(.dele(aside))
        if reply?.isSuccess == true { settleLeftover(aside) } else { addLeftover(aside, .remove) }
    }
}

extension FTPError {
    /// Whether a refused rename may have failed only because its target exists.
    ///
    /// IIS: 550 `Cannot create a file when that file already exists.`; ProFTPD without `AllowOverwrite`: 550 `Rename permission denied`.
    fileprivate var mayForbidReplacing: Bool {
        guard case .refused("RNTO", let reply) = self, [550, 553].contains(reply.code) else { return false }
        switch ReplyMeaning(reply, to: "RNTO").kind {
        case nil, .exists?, .denied?: return true
        default: return false
        }
    }
}
