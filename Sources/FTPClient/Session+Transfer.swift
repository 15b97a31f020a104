import FTPWire
import Logging
import Posix
import TLS

/// Opening transfers: from the command for a port up to the first byte (RFC 959 section 5, RFC 4217 section 9).
extension Session {
    /// Gets a data connection and starts a transfer; returns when its TLS handshake is done and the server has said 150 or 125.
    ///
    /// Throws `.refused` when the server refuses the transfer or one of its preparations; the session stays in step then. A refusal for lack of
    /// protection is met by asking for it, once, and one of a port that was asked for ahead by asking for another. When the
    /// wait is interrupted or fails in the middle, the session is given up: some servers end it when a data connection is closed before its
    /// handshake is complete (vsftpd 3.0.3, Pure-FTPd 1.0.50).
    func openTransfer(
        preparing preparations: [Command] = [], asking questions: [Command] = [], _ commands: [Command],
        oneByOne: Bool = false, isListing: Bool = false
    ) throws(FTPError) -> DataChannel {
        var plan = TransferPlan(
            preparations: preparations, questions: questions, commands: commands,
            oneByOne: oneByOne || !configuration.shortcuts.contains(.pipelining),
            level: wantedProtection(isListing: isListing))
        do throws(FTPError) {
            return try open(plan)
        } catch .refused(let verb, let reply) where asksForProtection(verb, reply, plan) {
            noteProtectionDemand(verb, reply, plan)
            plan.level = .private
            return try open(plan)
        } catch .refused(let verb, let reply) where isOnlyPort(verb, reply) {
            // It has worked before: the server has become another one, or is told otherwise by now. The careful way falls back.
            profile.update { $0.dataPortIsProven = false }
            guard isUsable else {
                throw .dataConnection("\(verb) is refused where it has worked: \(reply)")
            }
            return try open(plan)
        }
    }

    private func open(_ plan: TransferPlan) throws(FTPError) -> DataChannel {
        guard !isTransferring else { throw .protocolViolation("a transfer is open") }
        try control.settle(takesFlights: takesFlights)
        let isChanged = try reach(plan.level)
        if let mode = configuration.active { return try openActively(plan, mode) }
        return try openPassively(plan, mayRefusePort: isChanged)
    }

    /// Says the protection level that the transfer is to have, where the server has not accepted it last; returns whether that was so.
    ///
    /// The session's level is unknown while a PROT has no reply, and the former one when it is refused.
    private func reach(_ level: Command.Protection) throws(FTPError) -> Bool {
        let commands = commands(toReach: level)
        guard !commands.isEmpty else { return false }
        try dropArmedPort()
        let formerLevel = protection
        protection = nil
        // PBSZ may be refused: PROT tells what the server makes of it.
        guard let reply = try run(commands).last else { return false }
        guard reply.code == 200 else {
            protection = formerLevel
            throw level == .private ? .protectionRefused("PROT", reply) : .refused("PROT", reply)
        }
        protection = level
        return true
    }

    /// With `mayRefusePort` the command for a port is waited for: pyftpdlib 2.2.0 refuses it at a level that it does not want, and begins the
    /// transfer behind it all the same.
    private func openPassively(_ plan: TransferPlan, mayRefusePort: Bool) throws(FTPError) -> DataChannel {
        var port = takeArmedPort()
        let facts = profile.facts
        if let dialled = port, dialled.isDialled, facts.dataPortIsProven {
            port = nil
            if let channel = try openAhead(plan, dialled) { return channel }
        }
        let passive = port?.command ?? passiveCommand
        let inOneFlight = !plan.oneByOne && facts.dataPortIsProven && takesFlights && !mayRefusePort
        // What leads up to a transfer never did any harm ahead of the command for its port.
        let lead = plan.oneByOne || takesFlights ? [] : plan.preparations + plan.questions
        try control.send(lead + (port == nil ? [passive] : []) + (inOneFlight ? plan.flight : []))
        // From the moment a command that transfers is out, any error but its refusal gives the session up.
        isTransferring = inOneFlight
        var opening = TransferOpening(plan)
        do throws(FTPError) {
            for _ in lead { opening.take(try finalReply()) }
            let reply = if let known = port?.reply { known } else { try finalReply() }
            if let refusal = opening.leadingRefusal { throw refusal }
            if inOneFlight { return try openAtOnce(passive, reply, &opening) }
            if facts.dataPortIsProven, !plan.oneByOne {
                let socket = try beginDialling(address(in: reply, to: passive))
                try send(plan, &opening)
                try connect(socket, &opening)
                return try establish(socket, &opening)
            }
            let socket = try dial(passive, reply, port?.takeSocket())
            try send(plan, &opening)
            let channel = try establish(socket, &opening)
            profile.update { $0.dataPortIsProven = true }
            return channel
        } catch {
            throw ended(error, opening)
        }
    }

    /// Starts a transfer on a connection that was begun before; nil when the server has closed it by now, or does not take it for a transfer.
    private func openAhead(_ plan: TransferPlan, _ port: ArmedPort) throws(FTPError) -> DataChannel? {
        guard let socket = port.takeSocket() else { return nil }
        var opening = TransferOpening(plan)
        do throws(FTPError) {
            try send(plan, &opening)
            try connect(socket, &opening)
            let channel = try establish(socket, &opening)
            profile.update { $0.armingFailures = 0 }
            return channel
        } catch {
            let failure = ended(error, opening)
            switch failure {
            case .refused(_, let reply) where reply.isAboutDataConnection && !opening.hasBegun:
                noteArmingFailure(failure)
                guard isUsable else { throw failure }
                return nil
            case .dataConnection, .timedOut:
                if !opening.hasBegun { noteArmingFailure(failure) }
                throw failure
            default: throw failure
            }
        }
    }

    /// Sends the commands of a transfer whose port is agreed on.
    func send(_ plan: TransferPlan, _ opening: inout TransferOpening) throws(FTPError) {
        var rest = opening.leading + plan.commands.suffix(1)
        while rest.count > 1, plan.oneByOne || !takesFlights && rest.first?.verb != "REST" {
            let command = rest.removeFirst()
            do throws(FTPError) {
                opening.take(try run(command))
            } catch {
                // A server remembers REST until a transfer comes, and it would be somebody else's.
                if command.verb == "REST" { control.breakOff() }
                throw error
            }
            if let refusal = opening.leadingRefusal { throw refusal }
        }
        do throws(FTPError) {
            try control.send(Array(rest))
        } catch {
            if plan.commands.count > 1 { control.breakOff() }
            throw error
        }
        isTransferring = true
    }

    /// The refusal of a transfer whose command went out together with one for a port that was refused; waits for its end.
    func refusedPort(
        _ command: Command, _ reply: Reply, _ opening: inout TransferOpening
    ) throws(FTPError) -> FTPError {
        while !opening.isOver, !opening.hasBegun {
            opening.take(try control.expect(until: .after(DataChannel.explanationTimeout)))
        }
        return .refused(command.verb, reply)
    }

    /// Goes on with a transfer whose command went out together with the passive one.
    private func openAtOnce(
        _ passive: Command, _ reply: Reply, _ opening: inout TransferOpening
    ) throws(FTPError) -> DataChannel {
        guard reply.isSuccess else { throw try refusedPort(passive, reply, &opening) }
        // A refusal that has come together with the port saves the data connection.
        try opening.takeReplies(control)
        if let refusal = opening.refusal { throw refusal }
        let address = try address(in: reply, to: passive)
        let socket: Socket
        do throws(FTPError) {
            socket = try beginDialling(address)
        } catch {
            throw try explained(error, &opening, until: .after(DataChannel.explanationTimeout))
        }
        try connect(socket, &opening)
        return try establish(socket, &opening)
    }

    /// Waits until a connection stands whose transfer command is out, or the command has been refused: firewalls drop what is sent to a port that
    /// the server has closed.
    private func connect(_ socket: borrowing Socket, _ opening: inout TransferOpening) throws(FTPError) {
        let deadline = Deadline.after(configuration.connectTimeout)
        do throws(FTPError) {
            while !opening.isOver, !deadline.hasPassed, try !isDialled(socket, orReplyUntil: deadline) {
                try opening.takeReplies(control)
            }
            if opening.refusal != nil { throw .dataConnection("nothing answers at \(socket.peer)") }
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
            try opening.takeReplies(control)
            while !opening.isOver { opening.take(try control.expect(until: deadline)) }
        } catch {
            guard case .timedOut = error else { throw error }
        }
        if let refusal = opening.refusal, refusal.reply?.isAboutDataConnection != true { return refusal }
        profile.update { $0.dataPortIsProven = false }
        return failure
    }

    /// Settles the session's state after a transfer that did not begin.
    func ended(_ error: FTPError, _ opening: TransferOpening) -> FTPError {
        if isTransferring, !opening.isOver { control.breakOff() }
        if case .resumptionRefused = error { control.breakOff() }
        isTransferring = false
        if opening.leavesOffset, isUsable, !software.forgetsRest { dropOffset() }
        return error
    }

    /// Takes REST back: pyftpdlib 2.2.0 refuses a transfer for lack of rights without forgetting it.
    private func dropOffset() {
        do throws(FTPError) {
            if try run(.rest(0)).isIntermediate { return }
        } catch {
            logger.debug("REST 0: \(error)")
        }
        control.breakOff()
    }

    /// Waits for the handshake and the first reply, watching both connections: either may come first, and a refusal instead.
    func establish(
        _ socket: consuming Socket, _ opening: inout TransferOpening
    ) throws(FTPError) -> DataChannel {
        var deadline = Deadline.after(configuration.replyTimeout)
        let stream = try stream(over: socket, opening)
        var failure: TLSError?
        while true {
            // What comes on the control connection and is no reply prolongs nothing.
            let isLate = deadline.hasPassed
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
                throw refusal
            }
            if let failure, opening.isOver || failure.endsTheSession {
                throw FTPError(data: failure, opening.verb)
            }
            if failure == nil, readiness.isEmpty, opening.hasBegun { break }
            do throws(FTPError) {
                guard !isLate else { throw .timedOut("start of \(opening.verb)") }
                try watch(stream, readiness, control: !opening.isOver, until: deadline, opening.verb)
            } catch {
                if case .timedOut = error, let failure { throw FTPError(data: failure, opening.verb) }
                throw error
            }
        }
        // What a server sends may wait for the acknowledgement of its tickets.
        acknowledgeAtOnce(on: stream.descriptor)
        if stream.isProtected {
            logger.debug("data connection protected, resumed: \(stream.isResumed)")
            profile.update { $0.lastDataConnectionResumed = stream.isResumed }
        } else {
            logger.debug("data connection in clear text")
            if profile.facts.clearRefusals > 0 { profile.update { $0.clearRefusals = 0 } }
        }
        let channel = DataChannel(stream, session: self, opening)
        if let refusal = opening.leadingRefusal {
            // The transfer runs, but of another directory, or from the beginning of the file.
            channel.abandon(isDownload: true)
            throw refusal
        }
        return channel
    }

    /// Puts TLS over a data connection, unless the transfer's level is clear.
    private func stream(
        over socket: consuming Socket, _ opening: TransferOpening
    ) throws(FTPError) -> any DataStream {
        switch opening.level {
        case .clear: return ClearStream(socket)
        case .private:
            do throws(TLSError) {
                return try TLSStream(
                    data: socket, context: configuration.tls, host: configuration.host, tickets: tickets,
                    peer: peer)
            } catch {
                throw FTPError(data: error, opening.verb)
            }
        }
    }

    private func watch(
        _ stream: any DataStream, _ readiness: Readiness, control watchesControl: Bool,
        until deadline: Deadline,
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

extension DataStream {
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
