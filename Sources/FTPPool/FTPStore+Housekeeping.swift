import FTPClient
import FTPWire
import Logging
import Remote
import Posix

/// Seeing to what uploads have left on the server.
///
/// Whoever notices a leftover in passing, on a session that works, removes it at once. All else is the keeper's: nobody waits
/// for it, and names are kept until the server says that they are gone.
extension FTPStore {
    /// Sees to the leftovers that are due; the pool's keeper calls it.
    ///
    /// Asks for a request for each; what finds no session to spare waits for the next time. A file that has lost its name is urgent.
    func tidyUp(for nextRequest: (_ isUrgent: Bool) -> Request) {
        for (name, errand) in leftovers.withLock({ $0.takeDue(now: .now) }) {
            let request = nextRequest(errand != .remove)
            do throws(RemoteError) {
                switch errand {
                case .remove:
                    try withSession(.metadata, "DELE", name, for: request) { lease throws(FTPError) in
                        try lease.session.delete(name)
                    }
                    settleLeftover(name)
                case .restore(let target):
                    try withSession(.metadata, "RNFR", name, for: request) { lease throws(FTPError) in
                        try restore(name, to: target, over: lease.session)
                    }
                }
            } catch {
                guard error.kind != .notFound else {
                    settleLeftover(name)
                    continue
                }
                if error.kind == .busy, error.operation == "connect" {
                    leftovers.withLock { $0.letGo(of: name) }
                    continue
                }
                logger.debug("not tidied up", metadata: ["name": "\(name)", "reason": "\(error)"])
                leftovers.withLock { $0.postpone(name, now: .now) }
            }
        }
    }

    /// Removes a temporary file over a session that has just worked, or leaves that to the keeper.
    ///
    /// Not after an interruption: the program is not to wait for a server that may have stalled.
    func discard(_ name: RemotePath, over session: Session, for request: Request) {
        addLeftover(name, .remove, isHeld: true)
        let reply = session.isUsable && !request.isCancelled ? try? session.run(.dele(name)) : nil
        if reply?.isSuccess == true { settleLeftover(name) } else { addLeftover(name, .remove) }
    }

    /// Removes what uploads have left in a directory, which the server does not take for empty; returns whether there was anything.
    func removeLeftovers(in directory: RemotePath, for request: Request) throws(RemoteError) -> Bool {
        var hasRemoved = false
        for name in leftovers.withLock({ $0.hidden(in: directory) }) {
            do throws(RemoteError) {
                try withSession(.metadata, "DELE", name, for: request) { lease throws(FTPError) in
                    try lease.session.delete(name)
                }
            } catch {
                guard error.kind == .notFound else { throw error }
            }
            settleLeftover(name)
            hasRemoved = true
        }
        return hasRemoved
    }

    /// Looks for leftovers where they are after a directory was renamed.
    func moveLeftovers(from old: RemotePath, to new: RemotePath) {
        for (former, name, errand) in leftovers.withLock({ $0.move(from: old, to: new) }) {
            let ledger = ledger.withLock { $0 }
            ledger?.note(name, errand)
            ledger?.settle(former)
        }
    }

    /// Gives back their names to old files that an earlier attempt has left moved aside, before anybody looks at the target.
    func restoreAsides(of target: RemotePath, over session: Session) throws(FTPError) {
        for aside in leftovers.withLock({ $0.hold(asidesOf: target) }) {
            try restore(aside, to: target, over: session)
        }
    }

    /// Leaves what is still moved aside from a name to the keeper.
    func releaseAsides(of target: RemotePath) {
        for aside in leftovers.withLock({ $0.release(asidesOf: target) }) {
            logger.warning(
                "a file may be left under another name, and will get its own back",
                metadata: ["path": "\(target)", "left": "\(aside)"])
        }
    }

    /// Gives an old file its name back; one whose name has been taken by a new content is of no use any more.
    private func restore(_ aside: RemotePath, to target: RemotePath, over session: Session) throws(FTPError) {
        let replies = try session.run([.size(target), .size(aside)])
        guard replies[0].sizeValue == nil else { return addLeftover(aside, .remove) }
        guard replies[0].code == 550 else { throw .refused("SIZE", replies[0]) }
        guard replies[1].code != 550 else { return settleLeftover(aside) }
        try session.rename(aside, to: target)
        logger.notice("restored", metadata: ["path": "\(target)", "from": "\(aside)"])
        settleLeftover(aside)
    }
}
