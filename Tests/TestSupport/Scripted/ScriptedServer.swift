import Posix

/// How a scripted server is set up; may be changed while it runs, for what comes after.
package struct ScriptedServerSettings: Sendable {
    /// Whom it resembles.
    package var likeness = ServerLikeness.proftpd
    /// How it speaks TLS; the likeness adds its groups and takes its tickets away.
    package var tls = TestServerTLS()
    /// Whether TLS comes first (`ftps` on port 990), without AUTH.
    package var isImplicit = false
    /// The one user there is.
    package var user = "user"
    /// The user's password.
    package var password = "secret"
    /// What PWD says after the log-in.
    package var home = "/"
    /// How many control connections may be open; nil means any number.
    package var maximumConnections: Int?
    /// Overrides the likeness's demand for resumption on data connections.
    package var requiresResumption: Bool?
    /// Presented on data connections instead of the control connection's, which are then full handshakes.
    package var dataCertificate: TestCertificate?
    /// Whether data connections may resume; if not, they are full handshakes.
    package var resumesData = true
    /// Presented on control connections instead of `tls.certificate`.
    package var certificate: TestCertificate?
    /// How long the server waits for more input before it looks at a command: what the client sends without waiting for a reply then
    /// counts as one flight.
    package var settling: Duration = .zero
    /// Told of each passive port that is open, before the client is: for a relay.
    package var announcePort: (@Sendable (UInt16) throws -> Void)?
    /// How long it waits for a data connection.
    package var dataTimeout: Duration = .seconds(60)

    /// ProFTPD with explicit TLS.
    package init() {}

    /// Like a certain server.
    package init(_ likeness: ServerLikeness) { self.likeness = likeness }
}

/// An FTPS server inside the test process, which behaves, or misbehaves where a script says so.
///
/// It listens on 127.0.0.1 with threads of its own, serves a tree in memory, records the dialogue and counts connections. To be
/// stopped by whoever made it: `ScriptedServer.run` does it.
///
///     try ScriptedServer.run(ScriptedServerSettings(.vsftpd)) { server in
///         server.tree.addFile("/a", Array("hello".utf8))
///         server.at(.transfer("RETR"), times: 1, .cut(after: 3, .silent))
///         ...
///         #expect(server.dialogue.verbs().last == "QUIT")
///     }
package final class ScriptedServer: Sendable {
    private struct State {
        var settings: ScriptedServerSettings
        var script = Script()
        var dialogue = Dialogue()
        var counts = ConnectionCounts()
        var threads: [Thread] = []
        var sessions: [ScriptedSession] = []
        var shared: TestServerContext?
        var isStopping = false
    }

    /// What it serves.
    package let tree: ScriptedTree
    private let listener: TestListener
    private let state: Monitor<State>

    /// Starts to listen; throws when the system has no port or thread left.
    package init(
        _ settings: ScriptedServerSettings = ScriptedServerSettings(), tree: ScriptedTree = ScriptedTree()
    ) throws {
        self.tree = tree
        let listener = try TestListener()
        self.listener = listener
        state = Monitor(State(settings: settings))
        let acceptor = try Thread(named: "script-accept") { [self] in
            while let connection = listener.accept() { begin(connection) }
        }
        state.withLock { $0.threads.append(acceptor) }
    }

    /// Starts a server, runs the body, and stops the server in any case.
    package static func run<Result>(
        _ settings: ScriptedServerSettings = ScriptedServerSettings(), tree: ScriptedTree = ScriptedTree(),
        _ body: (ScriptedServer) throws -> Result
    ) throws -> Result {
        let server = try ScriptedServer(settings, tree: tree)
        defer { server.stop() }
        return try body(server)
    }

    /// The port to connect to, on 127.0.0.1.
    package var port: UInt16 { listener.port }

    /// Adds a rule: at the moment, having passed over `skip` occurrences, the reactions happen `times` times.
    ///
    /// With a `connection` only occurrences on the control connection of that number (from 0) count.
    package func at(
        _ moment: Moment, connection: Int? = nil, skip: Int = 0, times: Int = .max, _ reactions: Reaction...
    ) {
        let rule = Rule(
            moment: moment, connection: connection, skip: skip, times: times, reactions: reactions)
        state.withLock { $0.script.add(rule) }
    }

    /// Takes all rules away; whoever waits at a gate goes on waiting.
    package func behave() {
        state.withLock { $0.script.removeAll() }
    }

    /// The settings; changes concern connections made later.
    package var settings: ScriptedServerSettings {
        get { state.withLock { $0.settings } }
        set {
            state.withLock { state in
                state.settings = newValue
                state.shared = nil
            }
        }
    }

    /// What has been said so far.
    package var dialogue: Dialogue { state.withLock { $0.dialogue } }

    /// Forgets what has been said.
    package func clearDialogue() { state.withLock { $0.dialogue.entries = [] } }

    /// How many connections there are and were.
    package var counts: ConnectionCounts { state.withLock { $0.counts } }

    /// Waits until the dialogue or the counts satisfy a condition; false when they do not within a minute.
    @discardableResult
    package func wait(
        atMost limit: Duration = .seconds(60), for condition: (Dialogue, ConnectionCounts) -> Bool
    ) -> Bool {
        state.wait(until: .after(limit)) { condition($0.dialogue, $0.counts) ? true : nil } ?? false
    }

    /// Waits until no connection and no passive port is open: false means that the client leaks.
    package func waitUntilIdle() -> Bool {
        wait { _, counts in counts.openControl == 0 && counts.openData == 0 && counts.openPorts == 0 }
    }

    /// Ends all connections at once, as a server that is killed; new ones are accepted as before.
    package func dropConnections(_ ending: Ending = .reset) {
        for session in state.withLock({ $0.sessions }) { session.drop(ending) }
    }

    /// Sends a line that nobody asked for on one control connection, or on all, and ends it then if an ending is given: an idle
    /// connection's `421 Timeout.`, for one.
    package func interject(_ text: String, connection: Int? = nil, then ending: Ending? = nil) {
        for session in state.withLock({ $0.sessions }) where connection == nil || session.number == connection
        {
            session.interject(text, ending)
        }
    }

    /// Ends everything and waits for the threads; may be called again.
    package func stop() {
        let gates = state.update { state in
            state.isStopping = true
            return state.script.gates
        }
        listener.stop()
        for gate in gates { gate.wake() }
        while true {
            let (threads, sessions) = state.withLock { state in
                defer { state.threads = [] }
                return (state.threads, state.sessions)
            }
            for session in sessions { session.drop(.reset) }
            if threads.isEmpty { break }
            for thread in threads { thread.join() }
        }
        state.withLock { $0.sessions = [] }
    }

    private func begin(_ connection: TestConnection) {
        state.update { state in
            let number = state.counts.control
            state.counts.control += 1
            state.counts.openControl += 1
            state.counts.peakControl = max(state.counts.peakControl, state.counts.openControl)
            guard let session = try? ScriptedSession(number, connection, self, state.settings) else { return }
            let thread = try? Thread(named: "script-session") {
                session.run()
                self.end(session)
            }
            if let thread { state.threads.append(thread) }
            state.sessions.append(session)
            if state.isStopping { session.drop(.reset) }
        }
    }

    private func end(_ session: ScriptedSession) {
        state.update { state in
            state.counts.openControl -= 1
            state.dialogue.entries.append(
                Dialogue.Entry(connection: session.number, event: .closed, flight: 0, record: 0))
            state.sessions.removeAll { $0 === session }
        }
    }
}

/// What sessions and transfers ask of their server.
extension ScriptedServer {
    var isStopping: Bool { state.withLock { $0.isStopping } }

    func reactions(at moments: [Moment], connection: Int) -> [Reaction] {
        state.withLock { $0.script.reactions(at: moments, connection: connection) }
    }

    func record(_ event: Dialogue.Event, connection: Int, flight: Int = 0, record: Int = 0) {
        state.update { state in
            state.dialogue.entries.append(
                Dialogue.Entry(connection: connection, event: event, flight: flight, record: record))
        }
    }

    func count(_ change: (inout ConnectionCounts) -> Void) {
        state.update { change(&$0.counts) }
    }

    /// Keeps a transfer's thread until `stop` joins it.
    func adopt(_ thread: Thread) {
        state.withLock { $0.threads.append(thread) }
    }

    /// Waits at a gate; throws when the server is stopped meanwhile, or `isPointless` says so.
    func pass(_ gate: Gate, isPointless: () -> Bool) throws {
        // In slices, since nobody wakes the gate for those reasons.
        while !gate.pass(until: .after(.milliseconds(50)), isGivenUp: { isStopping }) {
            if isStopping { throw TestConnectionError(description: "stopped") }
            if isPointless() { throw TestConnectionError(description: "the client has gone") }
        }
    }

    /// The TLS context of a new control connection.
    func controlContext() -> TestServerContext {
        let (settings, shared) = state.withLock { ($0.settings, $0.shared) }
        if !settings.likeness.requiresOwnSession, let shared { return shared }
        var tls = settings.tls
        tls.groups = tls.groups ?? settings.likeness.groups
        if !settings.likeness.sendsTickets { tls.tickets = 0 }
        if let certificate = settings.certificate { tls.certificate = certificate }
        let context = TestServerContext(tls)
        if !settings.likeness.requiresOwnSession { state.withLock { $0.shared = context } }
        return context
    }

    /// The TLS context of a data connection that belongs to a control connection with the given one.
    func dataContext(_ control: TestServerContext) -> TestServerContext {
        let settings = self.settings
        guard settings.dataCertificate != nil || !settings.resumesData else { return control }
        var tls = control.settings
        if let certificate = settings.dataCertificate { tls.certificate = certificate }
        return TestServerContext(tls)
    }
}
