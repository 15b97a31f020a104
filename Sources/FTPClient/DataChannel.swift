import FTPWire
import Posix
import TLS

/// A data connection in use by one command, from the end of its TLS handshake on, watched together with the control connection.
///
/// The session belongs to the transfer until its final reply was taken (`Session.isTransferring`). Used by one thread at a time.
final class DataChannel {
    /// The bytes.
    let stream: any DataStream
    /// The session the transfer belongs to.
    let session: Session
    /// The verb of the command that uses the connection.
    let verb: String
    /// The final reply, once it was taken.
    private(set) var finalReply: Reply?
    /// When the data connection has to be over because the server has said that the transfer failed.
    private var graceEnd: Deadline?

    /// The replies to the questions that were asked ahead of the transfer.
    let answers: [Reply]

    /// Takes over a data connection whose handshake is done.
    init(_ stream: any DataStream, session: Session, _ opening: TransferOpening) {
        self.stream = stream
        self.session = session
        verb = opening.verb
        answers = opening.answers
        if let reply = opening.final { note(reply) }
    }

    /// What one look at the incoming bytes gave.
    enum Intake {
        /// A number of bytes, at least one.
        case bytes(Int)
        /// Nothing at the moment; what to wait for before looking again.
        case nothing(Readiness)
        /// The end, announced by a close_notify, or by the FIN of a clear connection.
        case end
        /// The end without a close_notify (`.truncated`), or an error: bytes may be missing.
        case cut(TLSError)
    }

    /// Takes what bytes there are, without waiting.
    func receive(into bytes: inout MutableRawSpan) -> Intake {
        do throws(TLSError) {
            switch try stream.readAvailable(into: &bytes) {
            case .bytes(let count): return .bytes(count)
            case .wantsRead: return .nothing(.readable)
            case .wantsWrite: return .nothing(.writable)
            case .closed: return .end
            }
        } catch {
            return .cut(error)
        }
    }

    /// What it means for the transfer that the data connection has failed.
    func failure(_ error: TLSError) -> FTPError { FTPError(data: error, verb) }

    /// Waits until the data connection is ready for something, and takes replies that come meanwhile.
    ///
    /// Throws `.timedOut` when nothing moved on the data connection until the deadline, whatever came on the other one, and the refusal when
    /// the server has ended the transfer with an error and the data connection does not end by itself. With `orReply` the final reply ends the
    /// wait as well, and nothing is ready then.
    @discardableResult
    func wait(
        _ readiness: Readiness, orReply: Bool = false, until deadline: Deadline
    ) throws(FTPError) -> Readiness {
        if stream.hasPendingBytes, readiness.contains(.readable) { return .readable }
        var isLate = false
        while true {
            let watchesControl = finalReply == nil
            if watchesControl, let reply = try session.control.expectAvailable() {
                note(reply)
                continue
            }
            if orReply, finalReply != nil { return [] }
            let limit = graceEnd.map(deadline.earlier) ?? deadline
            do throws(WaitError) {
                guard !isLate else { throw .timedOut }
                let ready = try Posix.wait(
                    for: readiness, on: stream.descriptor, and: watchesControl ? .readable : [],
                    on: session.control.descriptor, until: limit, wakeup: session.control.wakeup)
                if !ready.first.isEmpty { return ready.first }
                isLate = limit.hasPassed
            } catch {
                switch error {
                case .interrupted: throw .interrupted
                case .failed(let errno): throw .dataConnection("\(verb): \(errno)")
                case .timedOut:
                    if let finalReply, finalReply.isFailure { throw refusal(finalReply) }
                    throw .timedOut("\(verb) stands still")
                }
            }
        }
    }

    /// Waits as `wait` does while bytes of ours are on their way: the time starts anew as long as the other end acknowledges them at some pace.
    ///
    /// On a slow connection the kernel holds much and says for a long time that nothing more fits.
    @discardableResult
    func waitWhileSending(_ readiness: Readiness, orReply: Bool = false) throws(FTPError) -> Readiness {
        var unsent = unsent
        while true {
            do throws(FTPError) {
                return try wait(
                    readiness, orReply: orReply, until: .after(session.configuration.stallTimeout))
            } catch {
                let left = self.unsent
                guard case .timedOut = error, getsOn(from: unsent, to: left) else { throw error }
                unsent = left
            }
        }
    }

    /// How many bytes of ours the other end has not acknowledged; nil where the system does not say.
    var unsent: Int? { unsentByteCount(on: stream.descriptor) }

    /// Whether so many of our bytes were acknowledged in the time a transfer may stand still that it does not: a quarter of them, or 1 KiB a second.
    func getsOn(from before: Int?, to left: Int?) -> Bool {
        guard let before, let left else { return false }
        let seconds = Int(clamping: session.configuration.stallTimeout.components.seconds)
        return before - left >= max(1, min(before / 4, Self.leastRate * min(max(seconds, 1), 64)))
    }

    /// The least number of bytes a second that is no standstill.
    private static let leastRate = 1 << 10

    /// Waits for the final reply, at most until the deadline; the session is free for other commands afterwards.
    func takeFinalReply(until deadline: Deadline, interruptible: Bool = true) throws(FTPError) -> Reply {
        while finalReply == nil {
            let reply = try session.control.expect(until: deadline, interruptible: interruptible)
            note(reply)
        }
        session.isTransferring = false
        guard let finalReply else { throw .protocolViolation("no final reply") }
        return finalReply
    }

    /// Leaves the final reply of a transfer that is known to be complete to come when it will, where the server bears commands before it, and
    /// asks for the next port; returns false, and does nothing, where it has to be waited for.
    func postponeFinalReply() -> Bool {
        guard session.takesFlights, !session.control.isBroken else { return false }
        if finalReply == nil { session.control.postponeOldest() }
        session.isTransferring = false
        session.arm()
        return true
    }

    /// What a failing final reply means for the caller.
    ///
    /// After 150, 522 and some 425 say that the data connection had to resume the TLS session and did not (vsftpd 3.0.3, which then
    /// ends the session; ProFTPD 1.3.8; FileZilla Server 1.9, which uses 425 for disk errors too). The session is given up then.
    func refusal(_ reply: Reply) -> FTPError {
        guard stream.isProtected, Self.saysNotResumed(reply) else { return .refused(verb, reply) }
        session.control.breakOff()
        return .resumptionRefused(reply)
    }

    /// Explains a failed data connection: the server's own words where they come soon, else the failure itself.
    ///
    /// The data connection is closed. Without a final reply the session is given up (pyftpdlib 2.2.0 says nothing when its disk is full).
    func explain(_ failure: FTPError) -> FTPError {
        stream.closeAbruptly()
        do throws(FTPError) {
            let limit = min(session.control.replyTimeout, Self.explanationTimeout)
            let reply = try takeFinalReply(until: .after(limit))
            return reply.isFailure ? refusal(reply) : failure
        } catch {
            session.control.breakOff()
            switch error {
            case .interrupted, .unavailable: return error
            default: return failure
            }
        }
    }

    /// How long a server may take to say why it has ended a data connection.
    static let explanationTimeout = Duration.seconds(10)
    /// How long a data connection may go on after a final reply that reports a failure.
    private static let graceTimeout = Duration.seconds(5)

    private func note(_ reply: Reply) {
        guard !reply.isPreliminary else { return }
        finalReply = reply
        if reply.isFailure { graceEnd = .after(Self.graceTimeout) }
    }

    /// Whether a refusal after 150 is about TLS session resumption.
    static func saysNotResumed(_ reply: Reply) -> Bool {
        reply.isSessionReuseDemanded || reply.code == 522
    }
}
