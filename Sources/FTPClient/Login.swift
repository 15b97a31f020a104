import FTPWire
import Logging
import Posix
package import Remote
import TLS

extension Session {
    /// Opens a session: resolves, connects, protects, logs in and sets up; everything but AUTH itself goes through TLS.
    ///
    /// Blocks within the limits of the configuration, or until the request is cancelled. The session is left bound to the request.
    package static func open(
        _ configuration: SessionConfiguration, profile: ServerProfile, for request: Request
    ) throws(FTPError) -> Session {
        let mayClear = configuration.dialogue.clearing == .tried && !profile.facts.clearingFails
        do throws(FTPError) {
            return try openOnce(configuration, profile: profile, for: request)
        } catch {
            // A server that has lost the connection over CCC is asked without.
            guard mayClear, profile.facts.clearingFails else { throw error }
            configuration.logger.notice("\(error); going on without CCC")
            return try openOnce(configuration, profile: profile, for: request)
        }
    }

    private static func openOnce(
        _ configuration: SessionConfiguration, profile: ServerProfile, for request: Request
    ) throws(FTPError) -> Session {
        let wakeup: Wakeup
        do throws(Errno) { wakeup = try Wakeup() } catch { throw .connectionLost(error.description) }
        let binding = Binding(request, raising: wakeup)
        let session: Session
        do throws(FTPError) {
            session = try greeted(configuration, profile, wakeup, request, binding)
        } catch {
            binding.dissolve()
            throw error
        }
        do throws(FTPError) {
            if session.canLogInAtOnce { try session.logInAtOnce() } else { try session.logIn() }
            if !session.isSetUp { try session.setUp() }
            session.control.isLoggedIn = true
            try session.clearControlConnection()
        } catch {
            let isUnanswered = session.control.awaitsReply(to: "PASS", "ACCT")
            session.close()
            if isUnanswered, case .timedOut(let purpose) = error { throw .loginUnanswered(purpose) }
            throw error
        }
        return session
    }

    /// Connects, reads the greeting and protects the connection, in the order the kind of TLS demands.
    ///
    /// AUTH goes out ahead of the greeting, which saves a round trip; where a server does not take that, it is connected to once more.
    private static func greeted(
        _ configuration: SessionConfiguration, _ profile: ServerProfile, _ wakeup: Wakeup, _ request: Request,
        _ binding: Binding
    ) throws(FTPError) -> Session {
        let takesAuthAhead = profile.facts.takesAuthAhead
        guard configuration.mayAuthAhead, takesAuthAhead != false else {
            return try greeted(configuration, profile, wakeup, request, binding, authAhead: false)
        }
        do throws(FTPError) {
            let session = try greeted(configuration, profile, wakeup, request, binding, authAhead: true)
            if takesAuthAhead == nil { profile.update { $0.takesAuthAhead = true } }
            return session
        } catch {
            guard error.mayComeOfHaste else { throw error }
            guard takesAuthAhead == nil else {
                // It took that before: most likely it is away, but it may have become another one, which the next log-in finds out.
                profile.update { $0.takesAuthAhead = nil }
                throw error
            }
            configuration.logger.debug("AUTH ahead of the greeting: \(error); trying again behind it")
            profile.update { $0.takesAuthAhead = false }
            return try greeted(configuration, profile, wakeup, request, binding, authAhead: false)
        }
    }

    private static func greeted(
        _ configuration: SessionConfiguration, _ profile: ServerProfile, _ wakeup: Wakeup, _ request: Request,
        _ binding: Binding, authAhead: Bool
    ) throws(FTPError) -> Session {
        let control = try connected(configuration, wakeup, request)
        let tickets = SessionTickets()
        do throws(FTPError) {
            var noted: Reply?
            let greeting = try greet(
                configuration, control, tickets, authAhead: authAhead, noting: &noted)
            guard let tls = control.tls, let negotiated = tls.negotiated, let peer = tls.peer else {
                throw .protocolViolation("a session without TLS")
            }
            configuration.logger.debug("control connection protected: \(negotiated)")
            if let measured = control.roundTrip {
                profile.update { $0.roundTrip = min($0.roundTrip ?? measured, measured) }
            }
            return Session(
                control, greeting: greeting, peer: peer, tickets: tickets, configuration: configuration,
                profile: profile,
                binding: binding)
        } catch {
            control.close(saying: false)
            throw error
        }
    }

    /// Reads the greeting and protects the connection; `noted` is the greeting as soon as it has come.
    ///
    /// With `authAhead` AUTH goes out before the greeting has come.
    static func greet(
        _ configuration: SessionConfiguration, _ control: ControlChannel, _ tickets: SessionTickets,
        authAhead: Bool = false, noting noted: inout Reply?
    ) throws(FTPError) -> Reply {
        // A server may look our name up before it greets, and takes its time about it where that fails.
        let deadline = Deadline.after(configuration.replyTimeout)
        if configuration.implicitTLS {
            try control.protect(
                context: configuration.tls, host: configuration.host, tickets: tickets, until: deadline)
        }
        if authAhead { try control.send([.auth(configuration.dialogue.mechanism)]) }
        let greeting = try greeting(control, until: deadline)
        noted = greeting
        if !configuration.implicitTLS {
            if authAhead {
                do throws(FTPError) {
                    try takeAnswerToAuth(control, until: deadline.earlier(.after(hastePatience)))
                } catch .timedOut {
                    throw .protocolViolation("no answer to an AUTH ahead of the greeting")
                }
            } else {
                try say(configuration.dialogue.beforeAuth, over: control)
                try requestTLS(configuration.dialogue.mechanism, control, until: deadline)
            }
            let start = ContinuousClock.now
            try control.protect(
                context: configuration.tls, host: configuration.host, tickets: tickets, until: deadline)
            // AUTH was answered behind a greeting that takes its own time, and a connection may stand with somebody near. Half a handshake is
            // a round trip, or at least half of one where processors cost little.
            if authAhead {
                control.roundTrip = max(control.roundTrip ?? .zero, start.duration(to: .now) / 2)
            }
        }
        return greeting
    }

    /// Makes the TCP connection to the first address that answers.
    ///
    /// The time left is shared out among the addresses left.
    static func connected(
        _ configuration: SessionConfiguration, _ wakeup: Wakeup, _ request: Request
    ) throws(FTPError) -> ControlChannel {
        let deadline = Deadline.after(configuration.connectTimeout)
        let addresses: [SocketAddress]
        do throws(ResolveError) {
            addresses = try Resolver.resolve(
                configuration.host, port: configuration.port, family: configuration.family, until: deadline,
                isCancelled: { request.isCancelled })
        } catch {
            if error == .interrupted { throw .interrupted }
            throw .resolve(error)
        }
        var failure = FTPError.resolve(.failed("no address"))
        for (index, address) in addresses.enumerated() {
            let share = (deadline.remaining ?? configuration.connectTimeout) / (addresses.count - index)
            do throws(WaitError) {
                let start = ContinuousClock.now
                let socket = try Socket.connect(to: address, until: .after(share), wakeup: wakeup)
                configuration.logger.debug("connected to \(address)")
                let control = ControlChannel(
                    socket, wakeup: wakeup, replyTimeout: configuration.replyTimeout,
                    logger: configuration.logger)
                control.roundTrip = start.duration(to: .now)
                return control
            } catch {
                if error == .interrupted { throw .interrupted }
                configuration.logger.debug("cannot connect to \(address): \(error)")
                failure = .connect(address.description, error)
            }
        }
        throw failure
    }

    /// Reads the greeting; 120 announces that it takes a while.
    private static func greeting(
        _ control: ControlChannel, until deadline: Deadline
    ) throws(FTPError) -> Reply {
        while true {
            let reply = try control.receive(until: deadline, wakeup: control.wakeup, "greeting")
            switch reply.code {
            case 220: return reply
            case 120: continue
            case 530: throw refusal(of: reply, to: "")
            case 400...: throw reply.isTooManyConnections ? .tooManyConnections(reply) : .unavailable(reply)
            default: throw .protocolViolation("not a greeting: \(reply)")
            }
        }
    }

    /// How long an AUTH that went out ahead of the greeting may be without an answer once that has come.
    private static let hastePatience = Duration.seconds(5)

    /// Asks for TLS.
    private static func requestTLS(
        _ mechanism: Command.Authentication, _ control: ControlChannel, until deadline: Deadline
    ) throws(FTPError) {
        let start = ContinuousClock.now
        try control.send([.auth(mechanism)])
        try takeAnswerToAuth(control, until: deadline)
        control.roundTrip = start.duration(to: .now)
    }

    /// Waits for the consent to TLS.
    ///
    /// Anything but 234 is the end, never a reason to go on in plain text (RFC 4217 section 4; CVE-2021-22946
    /// is the class).
    private static func takeAnswerToAuth(
        _ control: ControlChannel, until deadline: Deadline
    ) throws(FTPError) {
        let reply: Reply
        do throws(FTPError) {
            reply = try control.expect(until: deadline)
        } catch {
            // 421 may pass, and is no verdict on TLS.
            if case .unavailable = error { control.close(saying: true) }
            throw error
        }
        guard reply.code == 234 else {
            control.close(saying: true)
            throw .protectionRefused("AUTH", reply)
        }
    }

    /// What a refusal instead of the greeting or in answer to a command of the log-in means.
    static func refusal(of reply: Reply, to verb: String) -> FTPError {
        if reply.isTooManyConnections { return .tooManyConnections(reply) }
        let mayPass = reply.isTransientFailure && !reply.refusesCredentials(to: verb)
        return mayPass ? .unavailable(reply) : .loginRefused(reply)
    }

    /// Sends the user's own commands, one by one; a refusal ends the log-in unless the command may fail.
    static func say(_ extras: [LoginDialogue.Extra], over control: ControlChannel) throws(FTPError) {
        for extra in extras {
            try control.send([extra.command])
            let deadline = Deadline.after(control.replyTimeout)
            var reply = try control.expect(until: deadline)
            while reply.isPreliminary { reply = try control.expect(until: deadline) }
            guard reply.isSuccess || extra.mayFail else {
                control.close(saying: true)
                throw .refused(extra.command.verb, reply)
            }
        }
    }

    /// Logs in, inside TLS only, with PBSZ and PROT ahead of it where the user or the server wants that.
    func logIn() throws(FTPError) {
        guard control.tls != nil else { throw .protocolViolation("log-in without TLS") }
        let dialogue = configuration.dialogue
        try Self.say(dialogue.beforeLogin, over: control)
        if dialogue.order == .protectionFirst || profile.facts.wantsProtectionFirst {
            try protectDataEarly()
        }
        do throws(FTPError) {
            var (verb, reply) = try identify()
            if protection == nil, Self.wantsProtectionFirst(verb, reply) {
                try protectDataEarly()
                if protection != nil {
                    (verb, reply) = try identify()
                    if reply.isSuccess { profile.update { $0.wantsProtectionFirst = true } }
                }
            }
            guard [230, 232, 202].contains(reply.code) else {
                throw Self.refusal(of: reply, to: verb)
            }
        } catch .unavailable(let reply) {
            throw Self.refusal(of: reply, to: control.answeredVerb)
        }
        try Self.say(dialogue.afterLogin, over: control)
    }

    /// USER, PASS and ACCT, as far as the server asks for them; gives the last command and its reply.
    private func identify() throws(FTPError) -> (verb: String, reply: Reply) {
        let user: Command
        do throws(CommandError) { user = try .user(configuration.user) } catch { throw FTPError(error) }
        var last = (verb: user.verb, reply: try run(user))
        if last.reply.code == 331 {
            try control.send("PASS", secret: configuration.password ?? SecretBytes(text: ""))
            last = ("PASS", try finalReply())
        }
        if last.reply.code == 332, let account = configuration.dialogue.account {
            try control.send("ACCT", secret: account)
            last = ("ACCT", try finalReply())
        }
        return last
    }

    /// Whether a log-in was refused because PROT has to come first.
    ///
    /// 530 is taken for that only in answer to USER: behind PASS it means a wrong password, and accounts are locked for sending one twice.
    static func wantsProtectionFirst(_ verb: String, _ reply: Reply) -> Bool {
        switch reply.code {
        case 503, 536: true
        case 530: verb == "USER" && !reply.isTooManyConnections
        default: false
        }
    }

    /// PBSZ and PROT ahead of the log-in; where the server refuses that with 503, 530 or 536, they follow behind it.
    private func protectDataEarly() throws(FTPError) {
        let reply = try protectData()
        guard protection != nil || [503, 530, 536].contains(reply.code) else {
            throw .protectionRefused("PROT", reply)
        }
    }

    /// Everything between the log-in and the first use, in one flight.
    private func setUp() throws(FTPError) {
        let known = profile.facts
        let level = wantedProtection(isListing: false)
        let protecting: [Command] = protection == nil ? [.pbsz, .prot(level)] : []
        let asksForFacts = known.features.needsOptsMLST
        var replies = try run(protecting + Self.questions + (asksForFacts ? [.optsMLST] : []))
        if !protecting.isEmpty {
            let reply = try settleProtection(level, replies[1])
            guard protection != nil else { throw .protectionRefused("PROT", reply) }
        }
        replies.removeFirst(protecting.count)
        try takeAnswers(replies)
        if features.needsOptsMLST, !asksForFacts { _ = try run(.optsMLST) }
    }

    /// What is asked behind every log-in.
    static let questions: [Command] = [.feat, .optsUTF8, .type(.image), .pwd]

    /// Takes the answers to `questions`, by which the session can be used.
    func takeAnswers(_ replies: [Reply]) throws(FTPError) {
        features = Features(replies[0])
        guard replies[2].code == 200 else { throw .refused("TYPE", replies[2]) }
        if let path = PathReply(replies[3]), path.bytes.first == UInt8(ascii: "/"), let path = path.path {
            home = path
        } else {
            logger.notice("the server does not say where we are, taking its root: \(replies[3])")
        }
        software = ServerSoftware(greeting: greeting, features: features)
        control.dialect = software.dialect
        let report = LoginReport(configuration, control.tls)
        profile.update { [software, features] facts in
            facts.software = software
            facts.features = features
            facts.newestLogin = report
        }
        isSetUp = true
        logger.debug("logged in, \(software.program.rawValue), home \(home)")
    }
}

extension SessionConfiguration {
    /// Whether AUTH may be sent before the server has greeted.
    fileprivate var mayAuthAhead: Bool {
        shortcuts.contains(.pipelining) && !implicitTLS && dialogue.beforeAuth.isEmpty
    }
}

extension FTPError {
    /// Whether a server, or a device on the way to it, may have been put off by a command ahead of the greeting.
    fileprivate var mayComeOfHaste: Bool {
        switch self {
        case .connectionLost, .protocolViolation: true
        case .protectionRefused(_, let reply): reply.code == 503
        case .unavailable(let reply): [500, 503].contains(reply.code)
        default: false
        }
    }
}
