import FTPWire
import Logging
import Posix
import TLS

/// Ending transfers early (interop facts: what each server answers to a data connection that is closed under its hands).
extension DataChannel {
    /// Closes the data connection without ceremony and gets the dialogue in step again, or gives the session up.
    ///
    /// `isDownload` says that the server is sending: what it takes to stop it depends on the server. Blocks for `abortTimeout` at the
    /// most; cancellation does not shorten it.
    func abandon(isDownload: Bool) {
        defer { stream.closeAbruptly() }
        guard session.isTransferring, !session.control.isBroken else { return }
        let deadline = Deadline.after(Self.abortTimeout)
        do throws(FTPError) {
            if isDownload, session.software.abortsWithABOR, finalReply == nil {
                try abandonWithABOR(until: deadline)
            } else {
                stream.closeAbruptly()
                let reply = try takeFinalReply(until: deadline, interruptible: false)
                if ![226, 225, 250, 425, 426, 450, 451].contains(reply.code) {
                    try session.resynchronise(until: deadline)
                }
            }
            session.isTransferring = false
        } catch {
            session.logger.debug("cannot get in step after an early end: \(error)")
            session.control.breakOff()
            session.isTransferring = false
        }
    }

    /// Reads on to the end where that is near, so that nothing has to be broken off; false when the end was not reached.
    ///
    /// A reset that meets the server's own close_notify makes ProFTPD 1.3.8 end the whole session at times. `remaining` is the number of
    /// bytes to come, where it is known; when it is not, only what has arrived already is looked through.
    func readsToTheEnd(remaining: UInt64?) -> Bool {
        let isNear = remaining.map { $0 <= UInt64(Self.drainLimit) } ?? false
        let deadline = Deadline.after(Self.drainTimeout)
        var scratch = [UInt8](repeating: 0, count: 32 << 10)
        var budget = Self.drainLimit
        while budget > 0 {
            switch scratch.withMutableRawSpan({ receive(into: &$0) }) {
            case .bytes(let count): budget -= count
            case .end: return true
            case .cut: return false
            case .nothing(let readiness):
                guard isNear else { return false }
                let result = try? Posix.wait(for: readiness, on: stream.descriptor, until: deadline)
                guard result != nil else { return false }
            }
        }
        return false
    }

    /// Pure-FTPd 1.0.50: without ABOR it answers with a second 150 or not at all.
    ///
    /// ABOR goes out first, then the data connection is closed; replies come up to a 226, and another 226
    /// follows when the transfer had just ended by itself.
    private func abandonWithABOR(until deadline: Deadline) throws(FTPError) {
        try session.control.send([.abor], interruptible: false)
        stream.closeAbruptly()
        var reply: Reply
        repeat {
            reply = try session.control.receive(until: deadline, wakeup: nil, "reply to ABOR")
            guard reply.code != 421 else { throw .unavailable(reply) }
        } while reply.code != 226
        try session.resynchronise(until: deadline)
    }

    /// How long the end of an abandoned transfer may take.
    static let abortTimeout = Duration.seconds(5)
    /// How many bytes are read on rather than stopped.
    private static let drainLimit = 128 << 10
    /// How long they may take.
    private static let drainTimeout = Duration.seconds(2)
}

extension Session {
    /// Asks a question whose answer cannot be mistaken (PWD, 257) and skips all replies before it.
    func resynchronise(until deadline: Deadline) throws(FTPError) {
        try control.send([.pwd], interruptible: false)
        for _ in 0..<20 {
            let reply = try control.receive(until: deadline, wakeup: nil, "reply to PWD")
            switch reply.code {
            case 257:
                control.forgetAwaited()
                return
            case 421: throw .unavailable(reply)
            default: logger.debug("skipping a stray reply: \(reply)")
            }
        }
        throw .protocolViolation("no answer to PWD among many replies")
    }
}
