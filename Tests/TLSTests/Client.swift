import Posix
import TLS
import TestSupport
import Testing

/// A deadline that only a broken program misses, however busy the machine.
var soon: Deadline { .after(.seconds(60)) }

/// Runs a server on loopback for the time of the body.
func withServer(
    _ serve: @escaping @Sendable (TestConnection, Int) throws -> Void, _ body: (TestServer) throws -> Void
) throws {
    let server = try TestServer(serve)
    defer { server.stop() }
    try body(server)
}

/// The client side of the tests: a context and the ticket store of one control connection.
struct Client {
    let context: TLSContext
    let tickets = SessionTickets()
    var host = "localhost"

    /// Trusts the tests' authority unless the closure changes that.
    init(host: String = "localhost", _ change: (inout TLSConfiguration) throws -> Void = { _ in }) throws {
        self.host = host
        let directory = try TemporaryDirectory("tls")
        let authority = directory.path + "/ca.pem"
        try TestFile.write(authority, TestCertificate.authority.pem.utf8)
        var configuration = TLSConfiguration()
        configuration.caFile = authority
        try change(&configuration)
        context = try TLSContext(configuration)
    }

    func control(_ server: TestServer) throws -> TLSStream {
        let socket = try Socket.connect(to: server.address, until: soon)
        return try TLSStream(control: socket, context: context, host: host, tickets: tickets)
    }

    /// A control connection after its handshake.
    func connect(_ server: TestServer) throws -> TLSStream {
        let stream = try control(server)
        try stream.handshake(until: soon)
        return stream
    }

    func data(_ server: TestServer, like control: TLSStream) throws -> TLSStream {
        let socket = try Socket.connect(to: server.address, until: soon)
        let peer = try #require(control.peer)
        return try TLSStream(data: socket, context: context, host: host, tickets: tickets, peer: peer)
    }

    /// A data connection after its handshake.
    func connectData(_ server: TestServer, like control: TLSStream) throws -> TLSStream {
        let stream = try data(server, like: control)
        try stream.handshake(until: soon)
        return stream
    }
}

extension TLSStream {
    /// Reads what comes next, at most so many bytes; empty at the clean end.
    func next(atMost limit: Int = 64 << 10, until deadline: Deadline = soon, wakeup: Wakeup? = nil) throws
        -> [UInt8]
    {
        var buffer = [UInt8](repeating: 0, count: limit)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        let count = try read(into: &bytes, until: deadline, wakeup: wakeup)
        return Array(buffer.prefix(count))
    }

    /// Reads to the clean end.
    func everything() throws -> [UInt8] {
        var result: [UInt8] = []
        while true {
            let part = try next()
            if part.isEmpty { return result }
            result += part
        }
    }

    func send(_ bytes: [UInt8], until deadline: Deadline = soon, wakeup: Wakeup? = nil) throws {
        try write(bytes.span.bytes, until: deadline, wakeup: wakeup)
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }
}

/// Bytes that show a lost, doubled or swapped part: their period is prime, and longer than a record.
func pattern(_ count: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    while result.count < count { result += period.prefix(count - result.count) }
    return result
}

private let period: [UInt8] = {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    return (0..<65_521).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}()

let versions: [TestServerTLS.Version] = [.v1_2, .v1_3]

extension TestServerTLS.Version {
    var asClientSees: TLSVersion { self == .v1_3 ? .v1_3 : .v1_2 }
}

/// What a client says to a server with this certificate; nil if it accepts.
///
/// `authority` is sent along.
func verdict(
    on certificate: TestCertificate, sending authority: TestCertificate? = nil, of client: Client
) throws -> TLSError? {
    var settings = TestServerTLS()
    settings.certificate = certificate
    settings.sentAuthority = authority
    settings.securityLevel = 0
    let context = TestServerContext(settings)
    var verdict: TLSError?
    try withServer { connection, _ in
        try connection.secure(context)
        connection.sendClose()
    } _: { server in
        do {
            let stream = try client.connect(server)
            #expect(stream.peer?.sha256 == certificate.sha256)
        } catch let error as TLSError { verdict = error }
    }
    return verdict
}

/// Why a certificate was not trusted; throws where something else was wrong.
func problem(_ error: TLSError?) throws -> CertificateProblem {
    guard case .notTrusted(let problem) = try #require(error) else {
        throw TestConnectionError(description: "not a matter of trust: \(String(describing: error))")
    }
    return problem
}
