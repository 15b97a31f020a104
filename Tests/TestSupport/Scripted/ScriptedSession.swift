import COpenSSL
import Glibc
import Posix

/// One control connection of a scripted server.
final class ScriptedSession: @unchecked Sendable {
    // Unchecked: all but `inbox` and the connection's own locks belongs to the session's thread.

    /// Thrown to end the session.
    struct End: Error {
        let ending: Ending
    }

    /// A transfer's way to tell the session that it is over.
    struct Result: Sendable {
        let transfer: ScriptedTransfer
        /// Nil: no final reply at all.
        let reply: String?
        let closesControl: Bool
    }

    let number: Int
    let connection: TestConnection
    let server: ScriptedServer
    let settings: ScriptedServerSettings
    var like: ServerLikeness { settings.likeness }
    var tree: ScriptedTree { server.tree }

    /// What other threads want this session's thread to do.
    private enum Message: Sendable {
        case finished(Result)
        case say(String, Ending?)
    }

    // Nil once nobody reads it any more: transfers and their results hold the session.
    private let inbox = Monitor<[Message]?>([])
    private let wakeup: Wakeup
    private var input: [UInt8] = []
    private var hasSentSinceRead = false
    private var flight = -1
    private var reads = -1
    /// Where in `input` each read ended, so that a command can be told the read that brought it.
    private var marks: [(end: Int, read: Int, flight: Int)] = []

    var context: TestServerContext?
    var user: String?
    var isLoggedIn = false
    var protectsData = false
    var isASCII = true
    var directory: [UInt8]
    var restart = 0
    var renameSource: [UInt8]?
    var copySource: [UInt8]?
    var listener: TestListener? {
        didSet {
            let change = (listener == nil ? 0 : 1) - (oldValue == nil ? 0 : 1)
            if change != 0 { server.count { $0.openPorts += change } }
        }
    }
    var transfer: ScriptedTransfer?
    /// Set by ABOR: what is to be said after the transfer's own final reply.
    var replyAfterTransfer: String?

    init(
        _ number: Int, _ connection: TestConnection, _ server: ScriptedServer,
        _ settings: ScriptedServerSettings
    ) throws {
        self.number = number
        self.connection = connection
        self.server = server
        self.settings = settings
        directory = Array(settings.home.utf8)
        wakeup = try Wakeup()
    }

    /// Serves the connection to its end.
    func run() {
        var ending = Ending.silent
        do {
            try greet()
            while let line = try nextCommand() { try handle(line) }
            if connection.isSecured { ending = .orderly }
        } catch let end as End {
            ending = end.ending
        } catch {}
        listener?.stop()
        listener = nil
        finish(ending)
        transfer?.drop()
        transfer = nil
        inbox.withLock { $0 = nil }
    }

    /// Ends the connection from another thread.
    func drop(_ ending: Ending) {
        if ending == .reset { connection.resetOnClose() }
        connection.interrupt()
        wakeup.raise()
    }

    private func finish(_ ending: Ending) {
        switch ending {
        case .orderly:
            connection.sendClose()
            connection.endSending()
            // A close with unread input would be a reset, and take the last reply with it.
            while connection.isReadable(within: 1000), let part = try? connection.read(), !part.isEmpty {}
            connection.close()
        case .silent: connection.close()
        case .reset: connection.reset()
        }
    }

    private func greet() throws {
        server.record(.accepted, connection: number)
        if try !obey(.accept) { try stayMute() }
        if let limit = settings.maximumConnections, !like.refusesAtLogin, server.counts.openControl > limit {
            try send("421 There are too many connections from your internet address.", for: "CONNECT")
            throw End(ending: .orderly)
        }
        if settings.isImplicit { try secure() }
        try send("220 \(like.greeting)", for: "CONNECT")
    }

    /// The TLS handshake of the control connection.
    func secure() throws {
        if try !obey(.handshake) { try stayMute() }
        let context = server.controlContext()
        try connection.secure(context)
        self.context = context
        server.record(.secured, connection: number)
    }

    private func pass(_ gate: Gate) throws {
        try server.pass(gate) { connection.hasHungUp }
    }

    private func stayMute() throws -> Never {
        while !server.isStopping, let part = try? connection.read(), !part.isEmpty {}
        throw End(ending: .silent)
    }

    /// Does what the script says at a moment that is not a reply; false if what was due is not to be done.
    func obey(_ moment: Moment, _ alternative: Moment? = nil) throws -> Bool {
        let moments = [moment] + (alternative.map { [$0] } ?? [])
        var goesOn = true
        for reaction in server.reactions(at: moments, connection: number) {
            switch reaction {
            case .reply(let text):
                try emit(Array((text + "\r\n").utf8))
                server.record(.reply(text), connection: number)
                goesOn = false
            case .send(let text): try emit(Array(text.utf8))
            case .sendRaw(let bytes): try connection.writeRaw(bytes)
            case .wait(let gate): try pass(gate)
            case .silence: goesOn = false
            case .close(let ending), .closeControl(let ending): throw End(ending: ending)
            case .run(let body): body()
            case .sendBehind, .pieces, .cut, .freeze, .endEarly, .fail: break
            }
        }
        return goesOn
    }

    /// Sends a reply, or what the script puts in its place.
    func send(_ text: String, for verb: String) throws { try send(Array(text.utf8), for: verb) }

    /// The same for text with a name of any bytes in it.
    func send(_ reply: [UInt8], for verb: String) throws {
        let code = Int(String(decoding: reply.prefix(3), as: UTF8.self))
        var reply = reply
        var before: [UInt8] = []
        var behind: [UInt8] = []
        var piece: Int?
        var isSilent = false
        var isReplaced = false
        var ending: Ending?
        let moments: [Moment] = [
            .reply(verb, code), .reply(verb, nil), .reply("*", code), .reply("*", nil),
        ]
        for reaction in server.reactions(at: moments, connection: number) {
            switch reaction {
            case .reply(let other):
                reply = Array(other.utf8)
                isReplaced = true
            case .send(let extra): before += Array(extra.utf8)
            case .sendBehind(let extra): behind += Array(extra.utf8)
            case .sendRaw(let bytes): try connection.writeRaw(bytes)
            case .pieces(let count): piece = count
            case .wait(let gate): try pass(gate)
            case .silence: isSilent = true
            case .close(let end), .closeControl(let end): ending = end
            case .run(let body): body()
            case .cut, .freeze, .endEarly, .fail: break
            }
        }
        // To close takes the place of the reply, unless another was given: that one goes first.
        if !isSilent && (ending == nil || isReplaced) {
            server.record(.reply(String(decoding: reply, as: UTF8.self)), connection: number)
            try emit(before + reply + [0x0d, 0x0a] + behind, piece: piece)
        } else if !before.isEmpty {
            try emit(before, piece: piece)
        }
        if let ending { throw End(ending: ending) }
    }

    private func emit(_ bytes: [UInt8], piece: Int? = nil) throws {
        hasSentSinceRead = true
        let step = max(1, piece ?? max(1, bytes.count))
        for start in stride(from: 0, to: bytes.count, by: step) {
            try connection.write(Array(bytes[start..<min(start + step, bytes.count)]))
        }
    }

    /// Called by a transfer's thread at its end.
    func post(_ result: Result) {
        inbox.withLock { $0?.append(.finished(result)) }
        wakeup.raise()
    }

    /// Makes the session send a line that nobody asked for, and end then if an ending is given.
    func interject(_ text: String, _ ending: Ending?) {
        inbox.withLock { $0?.append(.say(text, ending)) }
        wakeup.raise()
    }

    /// The next command, after the ends of transfers have been dealt with; nil when the client has gone.
    private func nextCommand() throws -> [UInt8]? {
        while true {
            wakeup.lower()
            let messages = inbox.withLock { inbox in
                defer { inbox = [] }
                return inbox ?? []
            }
            for message in messages {
                switch message {
                case .finished(let result): try conclude(result)
                case .say(let text, let ending):
                    try send(text, for: "INTERJECTION")
                    if let ending { throw End(ending: ending) }
                }
            }
            let listens = transfer.map { like.busyness != .queues && !$0.hasSentAll } ?? true
            if listens, let line = takeLine() { return line }
            if !listens || !connection.isReadable() {
                var slots = [
                    pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: listens ? connection.pollDescriptor : -1, events: Int16(POLLIN), revents: 0),
                ]
                poll(&slots, 2, 1000)
                if server.isStopping { throw End(ending: .reset) }
                if slots[1].revents == 0 { continue }
            }
            if try !readMore() { return nil }
            while settings.settling > .zero,
                connection.isReadable(within: CInt(settings.settling / .milliseconds(1)))
            {
                if try !readMore() { break }
            }
        }
    }

    private func readMore() throws -> Bool {
        let part = try connection.read()
        if part.isEmpty { return false }
        if hasSentSinceRead || flight < 0 { flight += 1 }
        hasSentSinceRead = false
        reads += 1
        input += part
        marks.append((input.count, reads, flight))
        return true
    }

    /// Throws away what came in clear behind AUTH, as servers do.
    func discardInput() {
        input = []
        marks = []
    }

    private func takeLine() -> [UInt8]? {
        guard let end = input.firstIndex(of: 0x0a) else { return nil }
        var line = Array(input[..<end])
        if line.last == 0x0d { line.removeLast() }
        let mark = marks.first { $0.end > end }
        let text = String(decoding: line, as: UTF8.self)
        let shown = text.uppercased().hasPrefix("PASS ") ? "PASS" : text
        server.record(
            .command(shown), connection: number, flight: mark?.flight ?? flight, record: mark?.read ?? reads)
        input.removeFirst(end + 1)
        marks = marks.compactMap { $0.end > end + 1 ? ($0.end - end - 1, $0.read, $0.flight) : nil }
        return line
    }

    private func conclude(_ result: Result) throws {
        guard transfer === result.transfer else { return }
        transfer = nil
        if let reply = result.reply { try send(reply, for: result.transfer.verb) }
        if let reply = replyAfterTransfer {
            replyAfterTransfer = nil
            try send(reply, for: "ABOR")
        }
        if result.closesControl { throw End(ending: .orderly) }
    }
}
