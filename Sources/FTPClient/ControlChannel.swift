import FTPWire
import Logging
import Posix
import TLS

/// The control connection: commands go out in flights, replies come back in their order.
///
/// A flight is any number of commands in one write; each command then has one final reply to expect. All waits end at a
/// deadline or when `wakeup` is raised. After an error the dialogue is out of step and the connection of no further use
/// (`isBroken`), but for an interrupted wait for a reply: `settle` takes the replies that are still owed then.
/// Used by one thread at a time.
final class ControlChannel {
    private let stream: ByteStream
    private let logger: Logger
    private var reader = ReplyReader()
    /// The commands sent whose final reply has not been taken, the oldest first.
    private var awaited: [Awaited] = []
    /// The preliminary replies in a row.
    private var preliminaryCount = 0
    private var scratch = [UInt8](repeating: 0, count: 4096)

    /// Whom a reply concerns.
    enum Concern: Hashable {
        /// Whoever sent the command and waits, or has been interrupted while he did.
        case caller
        /// Nobody: the transfer of this verb was seen to be complete before.
        case completeTransfer(String)
        /// The next transfer, which has asked for its port ahead.
        case nextPort
    }

    private struct Awaited {
        let verb: String
        var concern: Concern
    }

    /// Takes replies that concern no caller, between those that do; must not use this object.
    var onLateReply: (Concern, Reply) -> Void = { _, _ in }

    /// Ends every wait early when raised.
    let wakeup: Wakeup
    /// How commands are written for this server.
    var dialect = WireDialect()
    /// How long one reply may take.
    let replyTimeout: Duration
    /// Whether the dialogue is out of step or the connection gone.
    private(set) var isBroken = false
    /// The verb of the command that the newest final reply was for; empty before the first.
    private(set) var answeredVerb = ""
    /// Whether the last reply was a 421, up to which everything was in step.
    private var hasBeenDismissed = false
    /// How long an answer takes to come, as measured at the beginning; nil before that.
    var roundTrip: Duration?
    /// Whether the log-in is complete, so that a server that asks for one has lost its state (RFC 4217 section 13).
    var isLoggedIn = false

    /// Takes over a connected socket, plain.
    init(_ socket: consuming Socket, wakeup: Wakeup, replyTimeout: Duration, logger: Logger) {
        stream = ByteStream(socket)
        self.wakeup = wakeup
        self.replyTimeout = replyTimeout
        self.logger = logger
    }

    /// The address of the other end.
    var peerAddress: SocketAddress { stream.peerAddress }
    /// The address of this end.
    var localAddress: SocketAddress? { stream.localAddress }
    /// The TLS stream once the connection is protected.
    var tls: TLSStream? { stream.tls }
    /// The descriptor to poll; -1 once closed.
    var descriptor: CInt { stream.descriptor }
    /// Whether commands are out that have no final reply yet.
    var isAwaitingReplies: Bool { !awaited.isEmpty }
    /// Whether replies are to come that a caller was waiting for who has been interrupted, or is waiting for still.
    var owesCallers: Bool { awaited.contains { $0.concern == .caller } }
    /// Whether one of these commands is out and has no final reply yet.
    func awaitsReply(to verbs: String...) -> Bool { awaited.contains { verbs.contains($0.verb) } }
    /// Whether bytes have come that belong to no reply taken so far.
    var hasUnreadBytes: Bool { reader.hasBufferedBytes || stream.hasPendingBytes }

    /// Marks the dialogue as out of step: the connection is of no further use.
    func breakOff() {
        isBroken = true
    }

    /// Puts TLS over the connection.
    ///
    /// Bytes that came in plain behind the reply to AUTH were not sent by who holds the certificate, and end the connection
    /// (CVE-2021-22947 is the class).
    func protect(
        context: TLSContext, host: String, tickets: SessionTickets, until deadline: Deadline
    ) throws(FTPError) {
        guard !reader.hasBufferedBytes else {
            isBroken = true
            throw .protocolViolation("plain text behind the reply to AUTH TLS")
        }
        reader = ReplyReader()
        do throws(FTPError) {
            try stream.protect(
                context: context, host: host, tickets: tickets, until: deadline, wakeup: wakeup)
        } catch {
            isBroken = true
            throw error
        }
    }

    /// Takes TLS off the connection, after the server has agreed to that.
    ///
    /// Blocks within the time of one reply. The connection is of no further use when this throws.
    func unprotect() throws(FTPError) {
        do throws(FTPError) {
            guard !hasUnreadBytes else { throw .protocolViolation("replies behind the one to CCC") }
            try stream.unprotect(until: .after(replyTimeout), wakeup: wakeup)
        } catch {
            isBroken = true
            throw error
        }
    }

    /// Sends commands in one write; nothing is sent when one of them cannot be encoded.
    func send(
        _ commands: [Command], interruptible: Bool = true, concern: Concern = .caller
    ) throws(FTPError) {
        guard !isBroken else { throw .connectionLost("the session is out of step") }
        var bytes: [UInt8] = []
        do throws(CommandError) {
            for command in commands { bytes += try command.encoded(dialect) }
        } catch {
            throw FTPError(error)
        }
        for command in commands {
            logger.debug("> \(command.logText)")
            awaited.append(Awaited(verb: command.verb, concern: concern))
        }
        try bytes.withRawSpan { (span) throws(FTPError) in
            try write(span, wakeup: interruptible ? wakeup : nil)
        }
    }

    /// Sends PASS or ACCT from pages that are wiped, so that no copy of the secret is left on the heap.
    func send(_ verb: StaticString, secret: SecretBytes) throws(FTPError) {
        let verb = verb.description
        guard !isBroken else { throw .connectionLost("the session is out of step") }
        guard ![0, UInt8(ascii: "\r"), UInt8(ascii: "\n")].contains(where: secret.contains) else {
            throw FTPError(.forbiddenByte(verb: verb))
        }
        let (start, end) = (Array("\(verb) ".utf8), Array("\r\n".utf8))
        let length = start.count + secret.count + end.count
        guard length <= dialect.maxLength else {
            throw FTPError(.tooLong(verb: verb, length: length, limit: dialect.maxLength))
        }
        let line = SecretBytes(length: length) { add in
            start.forEach(add)
            secret.withBytes { bytes in for index in bytes.indices { add(bytes[index]) } }
            end.forEach(add)
        }
        logger.debug("> \(verb) ****")
        awaited.append(Awaited(verb: verb, concern: .caller))
        try line.withRawSpan { (span) throws(FTPError) in try write(span, wakeup: wakeup) }
    }

    private func write(_ bytes: RawSpan, wakeup: Wakeup?) throws(FTPError) {
        do throws(FTPError) {
            try stream.write(bytes, until: .after(replyTimeout), wakeup: wakeup)
        } catch {
            isBroken = true
            throw error
        }
    }

    /// Waits for the next reply to the oldest command that has no final one: a preliminary reply (1xx) or the final one.
    ///
    /// A 421 is the end of the session and is thrown as `.unavailable`; a server that has lost the session's state is thrown as
    /// `.loggedOut`.
    func expect(
        until deadline: Deadline? = nil, interruptible: Bool = true
    ) throws(FTPError) -> Reply {
        let deadline = deadline ?? .after(replyTimeout)
        while let next = awaited.first {
            let reply = try taken(
                receive(until: deadline, wakeup: interruptible ? wakeup : nil, "reply to \(next.verb)"))
            if next.concern == .caller { return reply }
            noteLate(reply, next.concern)
        }
        throw .protocolViolation("no reply is expected")
    }

    private func noteLate(_ reply: Reply, _ concern: Concern) {
        if !reply.isPreliminary { onLateReply(concern, reply) }
    }

    /// Lets the reply to the oldest command concern nobody: its transfer is known to be complete.
    func postponeOldest() {
        guard !awaited.isEmpty else { return }
        awaited[0].concern = .completeTransfer(awaited[0].verb)
    }

    /// Lets the reply to the command that has asked for the next port concern the caller.
    func claimPort() {
        for index in awaited.indices where awaited[index].concern == .nextPort {
            awaited[index].concern = .caller
        }
    }

    /// Gives the next reply to the oldest command if it is there already; nil when it is not.
    ///
    /// Does not block.
    func expectAvailable() throws(FTPError) -> Reply? {
        while let next = awaited.first {
            guard let reply = try receiveAvailable() else { return nil }
            let taken = try taken(reply)
            if next.concern == .caller { return taken }
            noteLate(taken, next.concern)
        }
        return nil
    }

    /// Waits for a reply whatever was sent, and counts nothing: for greetings and for getting in step again.
    ///
    /// The deadline counts for a reply that is there already as well, so that a flood of them ends with it.
    func receive(until deadline: Deadline, wakeup: Wakeup?, _ purpose: String) throws(FTPError) -> Reply {
        guard !isBroken else { throw .connectionLost("the session is out of step") }
        do throws(FTPError) {
            while true {
                guard !deadline.hasPassed else { throw .timedOut(purpose) }
                if let reply = try nextBuffered() { return reply }
                switch try takeBytes() {
                case .bytes: break
                case .nothing(let readiness):
                    try stream.wait(readiness, until: deadline, wakeup: wakeup, purpose)
                case .end: throw .connectionLost("the server closed the connection")
                }
            }
        } catch {
            if case .interrupted = error { throw error }
            isBroken = true
            throw error
        }
    }

    /// Takes a reply that is there already, whatever was sent; nil when there is none, or so much else that the rest is for the next call.
    ///
    /// Does not block, and takes no more than `intakeLimit` bytes and what TLS has taken from the socket already, of which poll(2) does not tell.
    func receiveAvailable() throws(FTPError) -> Reply? {
        guard !isBroken else { throw .connectionLost("the session is out of step") }
        var budget = Self.intakeLimit
        do throws(FTPError) {
            while true {
                if let reply = try nextBuffered() { return reply }
                guard budget > 0 || stream.hasPendingBytes else { return nil }
                switch try takeBytes() {
                case .bytes(let count): budget -= count
                case .nothing: return nil
                case .end: throw .connectionLost("the server closed the connection")
                }
            }
        } catch {
            isBroken = true
            throw error
        }
    }

    /// Takes and drops the replies that an interrupted caller has left behind, and those nobody has asked for, so that the next
    /// command gets its own.
    ///
    /// A 421 among them, as servers send before they hang up on an idle client, is thrown as `.unavailable`. Blocks for `settleTimeout` at the
    /// most: the caller has not caused what is owed, and is better served by another connection. Replies that concern no caller are waited for
    /// only where `takesFlights` is false, so that nothing may be sent ahead of them.
    func settle(takesFlights: Bool) throws(FTPError) {
        let deadline = Deadline.after(min(replyTimeout, Self.settleTimeout))
        do throws(FTPError) {
            while owesCallers { _ = try expect(until: deadline) }
            while !takesFlights, let next = awaited.first {
                noteLate(
                    try taken(receive(until: deadline, wakeup: wakeup, "reply to \(next.verb)")), next.concern
                )
            }
        } catch .timedOut(let purpose) {
            throw .timedOut("\(purpose), left behind by an interrupted caller")
        }
        _ = try expectAvailable()
        guard awaited.isEmpty else { return }
        for _ in 0..<Self.strayLimit {
            guard let reply = try receiveAvailable() else { return }
            guard reply.code != 421 else {
                isBroken = true
                throw .unavailable(reply)
            }
            logger.debug("skipping a reply that nobody has asked for")
        }
        isBroken = true
        throw .protocolViolation("replies without end that nobody has asked for")
    }

    /// The most bytes that are taken from the socket in one call that does not block.
    private static let intakeLimit = 64 << 10
    /// How long replies that an interrupted caller has left behind are waited for.
    private static let settleTimeout = Duration.seconds(5)
    /// The most replies in a row that nobody has asked for, or that are preliminary.
    private static let strayLimit = 100

    /// Forgets which commands have no final reply: the caller has brought the dialogue in step by other means.
    func forgetAwaited() {
        awaited = []
    }

    /// Says good-bye, also behind a 421, and closes, without waiting for the answer.
    ///
    /// Blocks for a second at the most.
    func close(saying farewell: Bool) {
        if farewell, !isBroken || hasBeenDismissed, !owesCallers,
            let bytes = try? Command.quit.encoded(dialect)
        {
            logger.debug("> QUIT")
            try? bytes.withRawSpan { try stream.write($0, until: .after(.seconds(1)), wakeup: nil) }
        }
        isBroken = true
        stream.close()
    }

    /// Says good-bye, waits until the server has ended the connection and so counts it no more, and closes.
    ///
    /// Blocks for two seconds at the most.
    func leave() {
        if !isBroken, !owesCallers, (try? send([.quit], interruptible: false)) != nil {
            let deadline = Deadline.after(.seconds(2))
            while (try? receive(until: deadline, wakeup: nil, "end of the connection")) != nil {}
        }
        close(saying: false)
    }

    private func taken(_ reply: Reply) throws(FTPError) -> Reply {
        if reply.isPreliminary {
            preliminaryCount += 1
            guard preliminaryCount <= Self.strayLimit else {
                isBroken = true
                throw .protocolViolation("preliminary replies without end")
            }
        } else {
            preliminaryCount = 0
            answeredVerb = awaited.removeFirst().verb
        }
        // The next reply may wait for that.
        if !awaited.isEmpty { acknowledgeAtOnce(on: descriptor) }
        guard reply.code != 421 else {
            isBroken = true
            hasBeenDismissed = true
            throw .unavailable(reply)
        }
        // Another greeting comes from a session that begins anew, with neither log-in nor PROT.
        guard !isLoggedIn || reply.code != 220 && !reply.saysNotLoggedIn else {
            isBroken = true
            throw .loggedOut(reply)
        }
        return reply
    }

    private func nextBuffered() throws(FTPError) -> Reply? {
        do throws(ReplyError) {
            guard let reply = try reader.next() else { return nil }
            logger.debug("< \(reply)")
            return reply
        } catch {
            throw .protocolViolation(error.description)
        }
    }

    private func takeBytes() throws(FTPError) -> ByteStream.Intake {
        let intake = try scratch.withMutableRawSpan { (span) throws(FTPError) in
            try stream.readAvailable(into: &span)
        }
        if case .bytes(let count) = intake {
            reader.append(scratch[..<count])
        }
        return intake
    }
}
