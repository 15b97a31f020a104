import FTPClient
import Logging
import Posix
import Remote
import TLS
import TestSupport
import Testing

/// The server's end of one FTP session, played step by step by a test.
final class Counterpart {
    /// The control connection.
    let control: TestConnection
    /// What both connections are secured with.
    let context: TestServerContext
    /// Whether this is the first session that the client has opened.
    let isFirst: Bool
    private var buffer: [UInt8] = []

    init(_ control: TestConnection, _ context: TestServerContext, _ record: Record, isFirst: Bool = true) {
        self.control = control
        self.isFirst = isFirst
        self.context = context
        lines = record
    }

    /// All lines the client has sent, in the order they came.
    let lines: Record

    /// Sends a reply of one line, or of several with their line ends between them.
    func reply(_ text: String) throws { try control.write(text + "\r\n") }

    /// The next command without its line end; throws when the client has gone.
    func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 0x0a) {
                let line = buffer[..<end].last == 0x0d ? buffer[..<(end - 1)] : buffer[..<end]
                let text = String(decoding: line, as: UTF8.self)
                buffer.removeSubrange(...end)
                lines.add(text)
                return text
            }
            let part = try control.read()
            if part.isEmpty { throw TestConnectionError(description: "the client has closed") }
            buffer += part
        }
    }

    /// Takes the next command, which must begin so.
    @discardableResult
    func expect(_ start: String) throws -> String {
        let line = try line()
        guard line.hasPrefix(start) else {
            throw TestConnectionError(description: "expected \(start), got \(line)")
        }
        return line
    }

    /// Whether the rest of the last write holds another command already.
    var hasMore: Bool { buffer.contains(0x0a) }

    /// Takes a command that must begin so, and replies.
    func answer(_ start: String, _ text: String) throws {
        try expect(start)
        try reply(text)
    }

    /// Greets and goes over to TLS.
    func protect(banner: String = "220 ready") throws {
        try reply(banner)
        try answer("AUTH TLS", "234 go on")
        try control.secure(context)
    }

    /// Plays everything up to the end of the client's set-up.
    func logIn(
        banner: String = "220 ready", level: String = "P",
        features: [String] = ["SIZE", "MDTM", "REST STREAM", "MLST type*;size*;modify*;"]
    )
        throws
    {
        try protect(banner: banner)
        try identify(banner: banner, level: level, features: features)
    }

    /// Plays the log-in and the client's set-up on a protected connection.
    func identify(
        banner: String = "220 ready", level: String = "P",
        features: [String] = ["SIZE", "MDTM", "REST STREAM", "MLST type*;size*;modify*;"]
    ) throws {
        try answer("USER", "331 who are you")
        try answer("PASS", "230 welcome")
        try answer("PBSZ", "200 ok")
        try answer("PROT \(level)", "200 ok")
        try answer(
            "FEAT", (["211-features"] + features.map { " " + $0 } + ["211 end"]).joined(separator: "\r\n"))
        try answer("OPTS UTF8", "200 ok")
        try answer("TYPE I", "200 ok")
        try answer("PWD", "257 \"/\" is here")
        // A program that is known to bear it gets the whole in one flight, before it has said whether it knows this.
        if ["vsFTPd", "ProFTPD", "Pure-FTPd"].contains(where: banner.contains) {
            try answer("OPTS MLST", "500 what")
        }
    }

    /// Answers EPSV with a port of its own.
    func passive() throws -> TestListener {
        let listener = try TestListener()
        try answer("EPSV", "229 here (|||\(listener.port)|)")
        return listener
    }

    /// Waits for the client on a port and secures the connection.
    func data(_ listener: TestListener, _ other: TestServerContext? = nil) throws -> TestConnection {
        guard let connection = listener.accept(within: 60_000) else {
            throw TestConnectionError(description: "no data connection")
        }
        try connection.secure(other ?? context)
        return connection
    }

    /// Plays EPSV and a transfer command up to the data connection's handshake.
    func begin(_ command: String) throws -> TestConnection {
        let listener = try passive()
        try answer(command, "150 here it comes")
        return try data(listener)
    }

    /// Takes EPRT or PORT and gives the port named; answers unless the reply is nil.
    func active(_ verb: String = "EPRT", _ answer: String? = "200 ok") throws -> UInt16 {
        let line = try expect(verb)
        if let answer { try reply(answer) }
        let numbers = line.split { !$0.isNumber }.compactMap { UInt16($0) }
        guard let last = numbers.last else { throw TestConnectionError(description: "no port: \(line)") }
        return verb == "EPRT" ? last : numbers[numbers.count - 2] << 8 | last
    }

    /// Plays EPRT and a transfer command up to the data connection's handshake; TLS is accepted here as in passive mode.
    func beginActively(_ command: String) throws -> TestConnection {
        let port = try active()
        try answer(command, "150 here it comes")
        let connection = try TestConnection.dial(port)
        try connection.secure(context)
        return connection
    }

    /// Sends the content and its clean end.
    func send(_ bytes: [UInt8], on data: TestConnection) throws {
        try data.write(bytes)
        data.sendClose()
        data.endSending()
    }

    /// Waits until the client has gone.
    func waitForEnd() {
        while (try? line()) != nil {}
    }
}

/// Lines as they come; any thread may look.
final class Record: Sendable {
    private let lines = Monitor<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
    func contains(_ start: String) -> Bool { all.contains { $0.hasPrefix(start) } }
}

/// Plays a script for every connection, and a client against it.
///
/// Errors of the script are recorded as issues.
func play(
    _ settings: TestServerTLS = TestServerTLS(), sourceLocation: SourceLocation = #_sourceLocation,
    _ script: @escaping @Sendable (Counterpart) throws -> Void,
    client: (SessionConfiguration, Record) throws -> Void
) throws {
    let place = try TemporaryDirectory("script")
    let authority = place.path + "/ca.pem"
    try TestFile.write(authority, TestCertificate.authority.pem.utf8)
    let record = Record()
    let context = TestServerContext(settings)
    let server = try TestServer { connection, number in
        try script(Counterpart(connection, context, record, isFirst: number == 0))
    }
    var tls = TLSConfiguration()
    tls.caFile = authority
    var configuration = SessionConfiguration(
        host: "127.0.0.1", port: server.port, tls: try TLSContext(tls), user: Array("alice".utf8),
        password: SecretBytes(text: "kite-4711"),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    configuration.passive = .automatic
    defer {
        server.stop()
        for error in server.errors where !error.contains("client has closed") {
            Issue.record("the script: \(error)", sourceLocation: sourceLocation)
        }
    }
    try client(configuration, record)
}

/// Opens a session for a script.
func open(_ configuration: SessionConfiguration, _ profile: ServerProfile = ServerProfile()) throws -> Session
{
    try Session.open(configuration, profile: profile, for: Request())
}
