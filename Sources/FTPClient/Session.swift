package import FTPWire
import Logging
import Posix
package import Remote
import TLS

/// One logged-in control connection with what belongs to it.
///
/// Used by one thread at a time: the holder of the lease. All calls block, each within the time limits of the configuration, and
/// end early with `.interrupted` when the bound request is cancelled. Paths are absolute everywhere, so that the
/// server's current directory means nothing; TYPE is image from the log-in on.
package final class Session {
    /// How the session was opened.
    let configuration: SessionConfiguration
    /// What all sessions learn of the server.
    package let profile: ServerProfile
    /// The dialogue.
    let control: ControlChannel
    /// The TLS sessions the server has given to this control connection; data connections resume the newest.
    let tickets: SessionTickets
    /// Where the session speaks of itself.
    let logger: Logger

    /// The server's greeting.
    package internal(set) var greeting: Reply
    /// What FEAT said, inside TLS and after log-in.
    package internal(set) var features = Features()
    /// The server's program.
    package internal(set) var software = ServerSoftware(.unknown)
    /// The directory the server has put us in; the root where it does not say.
    package internal(set) var home = RemotePath.root
    /// Whose certificate the control connection has shown; data connections must show the same.
    let peer: PeerIdentity
    /// Whether a transfer is open, so that no command may be sent.
    var isTransferring = false
    /// The level of data connections the server has accepted last; nil while that is not known.
    var protection: Command.Protection?

    /// Whether all that was to be asked behind the log-in has been answered.
    var isSetUp = false
    /// Whether the server may remember the source of a rename that has come to nothing.
    private var mayRememberSource = false
    /// The port of the next transfer, where one was asked for.
    var armedPort: ArmedPort?
    /// Whether one is to be asked for once the replies still to come are here.
    var wantsArming = false

    private var binding: Binding?

    /// Puts a session together around a dialogue that has just begun and is protected.
    init(
        _ control: ControlChannel, greeting: Reply, peer: PeerIdentity, tickets: SessionTickets,
        configuration: SessionConfiguration, profile: ServerProfile, binding: Binding
    ) {
        self.control = control
        self.greeting = greeting
        self.peer = peer
        self.tickets = tickets
        self.configuration = configuration
        self.profile = profile
        self.binding = binding
        logger = configuration.logger
        control.onLateReply = { [unowned self] concern, reply in noteLate(concern, reply) }
    }

    deinit {
        // The bond and its request hold each other.
        binding?.dissolve()
    }

    /// Whether the session is in step, connected as far as known, and between transfers.
    ///
    /// A session that is not must be closed.
    package var isUsable: Bool { !control.isBroken && !isTransferring }

    /// Whether the session's TLS tickets have expired or are about to, so that data connections are refused.
    ///
    /// A new session has to take its place before the next transfer: servers empty the target before they refuse.
    package var needsReplacement: Bool { tickets.expiresSoon(margin: .seconds(15)) }

    /// Whether no reply is owed to a caller that was interrupted.
    ///
    /// The next command waits for such replies, and the server may be a long time about them: another session is the better choice.
    package var isSettled: Bool { !control.owesCallers }

    /// Whether nothing has come in that ends the session; takes what has come in, replies that are owed included.
    ///
    /// Does not block.
    ///
    /// False after a 421 and after the end of the connection. A server that vanished without a word is not
    /// noticed.
    package func looksAlive() -> Bool {
        guard isUsable else { return false }
        do throws(FTPError) {
            while try control.expectAvailable() != nil {}
            guard !control.isAwaitingReplies, let reply = try control.receiveAvailable() else { return true }
            logger.debug("unasked reply on an idle session: \(reply)")
        } catch {
            logger.debug("idle session has ended: \(error)")
        }
        control.breakOff()
        return false
    }

    /// Lets the cancellation of a request end every wait of this session, until `unbind`.
    package func bind(to request: Request) {
        unbind()
        binding = Binding(request, raising: control.wakeup)
    }

    /// Dissolves the bond that `bind` made and lowers a wakeup it has raised.
    package func unbind() {
        binding?.dissolve()
        binding = nil
    }

    /// Says good-bye without waiting for the answer, and closes.
    ///
    /// Blocks for a second at the most; a second call does nothing.
    package func close() {
        unbind()
        control.close(saying: !isTransferring)
    }

    /// Says good-bye, waits until the server has ended the connection and so counts it no more, and closes.
    ///
    /// Blocks for two seconds at the most.
    package func leave() {
        unbind()
        if isTransferring { control.close(saying: false) } else { control.leave() }
    }

    /// Sends commands in flights and gives their final replies in the same order, refusals included.
    ///
    /// The caller vouches that a later command does no harm when an earlier one is refused.
    package func run(_ commands: [Command]) throws(FTPError) -> [Reply] {
        var replies: [Reply] = []
        try run(commands, into: &replies)
        return replies
    }

    /// The same, with the replies at hand that came before an error.
    ///
    /// Servers remember the source of a rename that has come to nothing (Pure-FTPd 1.0.50, pyftpdlib 2.2.0), and an RNTO behind a refused RNFR
    /// would rename that one: where there may be such a source, and where nothing is sent ahead, RNTO goes out only once its own
    /// RNFR was granted, and is answered by 503 here otherwise.
    package func run(_ commands: [Command], into replies: inout [Reply]) throws(FTPError) {
        replies = []
        guard commands.contains(where: { $0.verb == "RNTO" }) else {
            return try runInFlights(commands[...], into: &replies)
        }
        let waits = mayRememberSource || !configuration.shortcuts.contains(.pipelining)
        mayRememberSource = true
        var rest = commands[...]
        while let first = rest.first {
            if waits, first.verb == "RNTO", replies.last?.isIntermediate != true {
                replies.append(Reply(503, "RNTO not sent: RNFR was refused"))
                rest = rest.dropFirst()
                continue
            }
            let end =
                waits ? rest.dropFirst().firstIndex { $0.verb == "RNTO" } ?? rest.endIndex : rest.endIndex
            try runInFlights(rest[..<end], into: &replies)
            rest = rest[end...]
        }
        mayRememberSource = zip(zip(commands, replies), replies.dropFirst()).contains { step, next in
            step.0.verb == "RNFR" && step.1.isIntermediate && !next.isSuccess
        }
    }

    /// Sends commands without regard for what they are, and adds their replies.
    private func runInFlights(
        _ commands: ArraySlice<Command>, into replies: inout [Reply]
    ) throws(FTPError) {
        guard !isTransferring else { throw .protocolViolation("a transfer is open") }
        try control.settle(takesFlights: takesFlights)
        let commands = Array(commands)
        let limit = configuration.shortcuts.contains(.pipelining) ? Self.flightLimit : 1
        replies.reserveCapacity(replies.count + commands.count)
        var (sent, answered, unanswered) = (0, 0, 0)
        while answered < commands.count {
            // More goes out when half is answered, so that neither side waits for the other.
            let isHalfAnswered = sent - answered <= limit / 2 && unanswered <= Self.flightBytes / 2
            if isHalfAnswered, sent < commands.count {
                let start = sent
                repeat {
                    unanswered += commands[sent].length
                    sent += 1
                } while sent < commands.count && sent - answered < limit && unanswered < Self.flightBytes
                try control.send(Array(commands[start..<sent]))
            }
            unanswered -= commands[answered].length
            replies.append(try finalReply())
            answered += 1
        }
    }

    /// Sends one command and gives its final reply, a refusal included.
    package func run(_ command: Command) throws(FTPError) -> Reply {
        let replies = try run([command])
        guard let reply = replies.first else { throw .protocolViolation("no reply") }
        return reply
    }

    /// The same for a command that takes its time: the final reply may come so late.
    func run(_ command: Command, within limit: Duration) throws(FTPError) -> Reply {
        guard !isTransferring else { throw .protocolViolation("a transfer is open") }
        try control.settle(takesFlights: takesFlights)
        try control.send([command])
        let deadline = Deadline.after(limit)
        while true {
            let reply = try control.expect(until: deadline)
            if !reply.isPreliminary { return reply }
        }
    }

    /// Sends one command and gives its reply when it is a success; throws `.refused` otherwise.
    @discardableResult
    package func perform(_ command: Command) throws(FTPError) -> Reply {
        let reply = try run(command)
        guard reply.isSuccess else { throw .refused(command.verb, reply) }
        return reply
    }

    /// The final reply to the oldest command, preliminary ones passed over; they prolong nothing.
    func finalReply() throws(FTPError) -> Reply {
        let deadline = Deadline.after(control.replyTimeout)
        while true {
            let reply = try control.expect(until: deadline)
            if !reply.isPreliminary { return reply }
        }
    }

    /// The most commands without a reply: few enough that neither side's socket buffers fill while both only write.
    private static let flightLimit = 256
    /// The most bytes of commands without a reply, for the same reason; a reply is not much longer than its command.
    private static let flightBytes = 16 << 10
}
