import FTPWire
import Logging
import Posix
import TLS

/// Opening transfers: from the passive command up to the first byte (RFC 959 section 5, RFC 4217 section 9).
extension Session {
    /// Gets a data connection and starts a transfer on it; returns when its TLS handshake is done and the server has said 150 or 125.
    ///
    /// `preparations` go out in one write with the passive command and must succeed. `commands` is RETR, STOR or the like, perhaps
    /// with REST before it, in one write; with `oneByOne` REST must be granted before the other is sent. Throws `.refused`
    /// when the server refuses; the session stays in step then. When the wait is interrupted or fails in the
    /// middle, the session is given up: some servers end it when a data connection is closed before its handshake is
    /// complete (vsftpd 3.0.3, Pure-FTPd 1.0.50).
    func openTransfer(
        preparing preparations: [Command] = [], _ commands: [Command], oneByOne: Bool = false
    ) throws(FTPError) -> DataChannel {
        guard !isTransferring else { throw .protocolViolation("a transfer is open") }
        try control.settle()
        let facts = profile.facts
        let passive = passiveCommand
        let inOneFlight = preparations.isEmpty && !oneByOne && facts.sendsTransfersInOneFlight
        try control.send(preparations + [passive] + (inOneFlight ? commands : []))
        // From the moment a command that transfers is out, any error but its refusal gives the session up.
        isTransferring = inOneFlight
        var opening = TransferOpening(commands)
        do throws(FTPError) {
            let reply = try passiveReply(preparations)
            if inOneFlight { return try openAtOnce(passive, reply, &opening) }
            if facts.passiveIsProven, !oneByOne {
                let socket = try beginDialling(port(in: reply, to: passive))
                isTransferring = true
                try control.send(commands)
                try connect(socket, &opening)
                return try establish(socket, &opening)
            }
            let socket = try dial(passive, reply)
            var rest = commands[...]
            while oneByOne, rest.count > 1 {
                let command = rest.removeFirst()
                let reply = try run(command)
                guard reply.isIntermediate else { throw .refused(command.verb, reply) }
                opening = TransferOpening(Array(rest))
            }
            isTransferring = true
            try control.send(Array(rest))
            let channel = try establish(socket, &opening)
            profile.update { $0.passiveIsProven = true }
            return channel
        } catch {
            throw ended(error, opening)
        }
    }

    /// The reply to the passive command, after those to the preparations, which must have succeeded.
    private func passiveReply(_ preparations: [Command]) throws(FTPError) -> Reply {
        var refusal: FTPError?
        for preparation in preparations {
            let reply = try finalReply()
            if !reply.isSuccess, refusal == nil { refusal = .refused(preparation.verb, reply) }
        }
        let reply = try finalReply()
        if let refusal { throw refusal }
        return reply
    }

    /// Goes on with a transfer whose command went out together with the passive one.
    private func openAtOnce(
        _ passive: Command, _ reply: Reply, _ opening: inout TransferOpening
    ) throws(FTPError) -> DataChannel {
        guard reply.isSuccess else {
            // Without a port the transfer is refused as well.
            while !opening.isOver, !opening.hasBegun {
                opening.take(try control.expect(until: .after(DataChannel.explanationTimeout)))
            }
            throw .refused(passive.verb, reply)
        }
        // A refusal that has come together with the port saves the data connection.
        try opening.takeReplies(control)
        if let refusal = opening.refusal { throw refusal }
        let port = try port(in: reply, to: passive)
        let socket: Socket
        do throws(FTPError) {
            socket = try beginDialling(port)
        } catch {
            throw try explained(error, &opening, until: .after(DataChannel.explanationTimeout))
        }
        try connect(socket, &opening)
        return try establish(socket, &opening)
    }

    /// Waits until a connection stands whose transfer command is out.
    private func connect(_ socket: borrowing Socket, _ opening: inout TransferOpening) throws(FTPError) {
        let deadline = Deadline.after(configuration.connectTimeout)
        do throws(FTPError) {
            try finishDialling(socket, until: deadline)
        } catch {
            let limit = deadline.earlier(.after(DataChannel.explanationTimeout))
            throw try explained(error, &opening, until: limit)
        }
    }

    /// What stands behind a data connection that could not be made.
    ///
    /// That may be the refusal of its command, for a server closes the port before our connection has come through (ProFTPD 1.3.8).
    ///
    /// When it is not, the way that has worked before does so no more: the next transfer takes the careful one.
    private func explained(
        _ failure: FTPError, _ opening: inout TransferOpening, until deadline: Deadline
    ) throws(FTPError) -> FTPError {
        switch failure {
        case .dataConnection, .timedOut: break
        default: return failure
        }
        do throws(FTPError) {
            while !opening.isOver { opening.take(try control.expect(until: deadline)) }
        } catch {
            guard case .timedOut = error else { throw error }
        }
        if let refusal = opening.refusal, refusal.reply?.isAboutDataConnection != true { return refusal }
        profile.update { $0.passiveIsProven = false }
        return failure
    }

    /// Settles the session's state after a transfer that did not begin.
    private func ended(_ error: FTPError, _ opening: TransferOpening) -> FTPError {
        if isTransferring, !opening.isOver { control.breakOff() }
        isTransferring = false
        return error
    }

    /// Waits for the handshake and the first reply, watching both connections: either may come first, and a refusal instead.
    private func establish(
        _ socket: consuming Socket, _ opening: inout TransferOpening
    ) throws(FTPError) -> DataChannel {
        var deadline = Deadline.after(configuration.replyTimeout)
        let stream: TLSStream
        do throws(TLSError) {
            stream = try TLSStream(
                data: socket, context: configuration.tls, host: configuration.host, tickets: tickets,
                peer: peer)
        } catch {
            throw FTPError(data: error, opening.verb)
        }
        var failure: TLSError?
        while true {
            var readiness: Readiness = []
            if failure == nil {
                do throws(TLSError) {
                    readiness = try stream.handshakeStep()
                } catch {
                    logger.debug("data connection: \(error)")
                    failure = error
                    deadline = deadline.earlier(.after(DataChannel.explanationTimeout))
                }
            }
            try opening.takeReplies(control)
            if let refusal = opening.refusal {
                stream.closeAbruptly()
                if case .resumptionRefused = refusal { control.breakOff() }
                throw refusal
            }
            if let failure, opening.isOver || failure.endsTheSession {
                throw FTPError(data: failure, opening.verb)
            }
            if failure == nil, readiness.isEmpty, opening.hasBegun { break }
            do throws(FTPError) {
                try watch(stream, readiness, control: !opening.isOver, until: deadline, opening.verb)
            } catch {
                if case .timedOut = error, let failure { throw FTPError(data: failure, opening.verb) }
                throw error
            }
        }
        logger.debug("data connection protected, resumed: \(stream.isResumed)")
        profile.update { $0.lastDataConnectionResumed = stream.isResumed }
        let channel = DataChannel(stream, session: self, verb: opening.verb, finalReply: opening.final)
        if let refusal = opening.restRefusal {
            // The transfer runs, but from the beginning of the file.
            channel.abandon(isDownload: true)
            throw .refused("REST", refusal)
        }
        return channel
    }

    private func watch(
        _ stream: TLSStream, _ readiness: Readiness, control watchesControl: Bool, until deadline: Deadline,
        _ verb: String
    ) throws(FTPError) {
        do throws(WaitError) {
            _ = try Posix.wait(
                for: readiness, on: readiness.isEmpty ? -1 : stream.descriptor,
                and: watchesControl ? .readable : [], on: control.descriptor, until: deadline,
                wakeup: control.wakeup)
        } catch {
            throw FTPError(control: error, "start of \(verb)")
        }
    }
}

/// The replies to a flight that starts a transfer.
private struct TransferOpening {
    /// The verb of the command that transfers.
    let verb: String
    /// Commands before it that have no reply yet: REST or none.
    private var leading: Int
    /// What the server said to REST when it was not 350.
    private(set) var restRefusal: Reply?
    /// Whether 150 or 125 was seen, or a success without either.
    private(set) var hasBegun = false
    /// The final reply, when it has come already.
    private(set) var final: Reply?

    init(_ commands: [Command]) {
        verb = commands.last?.verb ?? ""
        leading = commands.count - 1
    }

    /// Whether the final reply was seen, so that the dialogue is in step again.
    var isOver: Bool { final != nil }

    /// The error to throw when the server has refused the transfer.
    var refusal: FTPError? {
        guard let final, !final.isSuccess else { return nil }
        return hasBegun && DataChannel.saysNotResumed(final)
            ? .resumptionRefused(final) : .refused(verb, final)
    }

    /// Takes the replies that are there.
    mutating func takeReplies(_ control: ControlChannel) throws(FTPError) {
        while final == nil, let reply = try control.expectAvailable() { take(reply) }
    }

    /// Takes the next reply.
    mutating func take(_ reply: Reply) {
        if leading > 0 {
            leading -= 1
            if !reply.isIntermediate { restRefusal = reply }
        } else if reply.isPreliminary {
            hasBegun = true
        } else {
            final = reply
            if reply.isSuccess { hasBegun = true }
        }
    }
}

extension TLSStream {
    /// One step of the handshake; what to wait for before the next one, empty when it is done.
    fileprivate func handshakeStep() throws(TLSError) -> Readiness {
        switch try continueHandshake() {
        case .done: []
        case .wantsRead: .readable
        case .wantsWrite: .writable
        }
    }
}

extension TLSError {
    /// Whether a failed handshake says that somebody else is at the other end, so that the server's explanation is of no interest.
    fileprivate var endsTheSession: Bool {
        switch self {
        case .peerChanged, .notTrusted, .interrupted: true
        default: false
        }
    }
}
