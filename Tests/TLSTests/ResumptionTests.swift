import Glibc
import Posix
import TLS
import TestSupport
import Testing

@Suite("Session resumption")
struct ResumptionTests {
    /// Answers each line of the control connection (number 0) and each data connection with a text and a clean end.
    private func serve(_ context: TestServerContext, data: TestServerContext? = nil)
        -> @Sendable (TestConnection, Int) throws -> Void
    {
        { connection, number in
            if number == 0 {
                try connection.secure(context)
                while true {
                    let line = try connection.read()
                    if line.isEmpty { return }
                    try connection.write(line)
                }
            }
            try connection.secure(data ?? context)
            try connection.write(connection.isResumed ? "resumed" : "full")
            connection.sendClose()
            _ = try? connection.readAll()
        }
    }

    private func logIn(_ client: Client, _ server: TestServer) throws -> TLSStream {
        let control = try client.connect(server)
        try control.send("USER")
        #expect(try control.next() == Array("USER".utf8))
        return control
    }

    @Test("every data connection resumes, also when aborted ones lie between", arguments: versions)
    func resumes(version: TestServerTLS.Version) throws {
        let context = TestServerContext(TestServerTLS(only: version))
        try withServer(serve(context)) { server in
            let client = try Client()
            #expect(!client.tickets.canResume)
            let control = try logIn(client, server)
            #expect(client.tickets.canResume)
            for turn in 0..<12 {
                let data = try client.connectData(server, like: control)
                #expect(data.isResumed, "turn \(turn)")
                #expect(data.peer?.sha256 == control.peer?.sha256)
                switch turn % 4 {
                case 0, 1:
                    #expect(try data.everything() == Array("resumed".utf8))
                    data.closeOrderly()
                case 2: data.closeAbruptly()
                default:
                    _ = try data.next()
                    data.closeAbruptly()
                }
            }
        }
    }

    @Test("TLS 1.2 sessions without tickets resume by their id")
    func sessionIdentifiers() throws {
        var settings = TestServerTLS(only: .v1_2)
        settings.usesTicketsInTLS12 = false
        let context = TestServerContext(settings)
        try withServer(serve(context)) { server in
            let client = try Client()
            let control = try logIn(client, server)
            for _ in 0..<4 {
                let data = try client.connectData(server, like: control)
                #expect(try data.everything() == Array("resumed".utf8))
                data.closeOrderly()
            }
            #expect(!client.tickets.expiresSoon(margin: .seconds(1_000_000)))
        }
    }

    @Test("one ticket serves many connections when no newer one is read")
    func repeatedUse() throws {
        var settings = TestServerTLS(only: .v1_3)
        settings.tickets = 1
        let context = TestServerContext(settings)
        try withServer(serve(context)) { server in
            let client = try Client()
            let control = try logIn(client, server)
            for _ in 0..<6 {
                // Never read: no new ticket arrives.
                let data = try client.connectData(server, like: control)
                #expect(data.isResumed)
                data.closeAbruptly()
            }
            #expect(client.tickets.receivedCount == 1)
        }
    }

    @Test("tickets are taken from data connections, by reading, writing and draining alike")
    func ticketsFromData() throws {
        let context = TestServerContext(TestServerTLS(only: .v1_3))
        try withServer { connection, number in
            try connection.secure(context)
            if number == 0 { try connection.write("in") }
            _ = try connection.readAll()
            connection.sendClose()
        } _: { server in
            let client = try Client()
            let control = try client.connect(server)
            _ = try control.next()
            let before = client.tickets.receivedCount
            #expect(before == 2)
            let data = try client.connectData(server, like: control)
            try data.send(pattern(100_000))
            try data.finishSending(until: soon)
            #expect(try data.drain(until: soon))
            #expect(client.tickets.receivedCount == before + 1)
        }
    }

    @Test("a server without tickets means a full handshake with the same certificate")
    func withoutTickets() throws {
        var settings = TestServerTLS(only: .v1_3)
        settings.tickets = 0
        let context = TestServerContext(settings)
        try withServer(serve(context)) { server in
            let client = try Client()
            let control = try logIn(client, server)
            #expect(!client.tickets.canResume)
            let data = try client.connectData(server, like: control)
            #expect(!data.isResumed)
            #expect(try data.everything() == Array("full".utf8))
        }
    }

    @Test("a data connection with another certificate is refused, trusted or not", arguments: versions)
    func peerChanged(version: TestServerTLS.Version) throws {
        let context = TestServerContext(TestServerTLS(only: version))
        var other = TestServerTLS(only: version)
        other.certificate = TestCertificate(
            "localhost", names: TestCertificate.loopbackNames, issuer: .authority)
        let thief = TestServerContext(other)
        try withServer(serve(context, data: thief)) { server in
            let client = try Client()
            let control = try logIn(client, server)
            #expect(throws: TLSError.peerChanged) { _ = try client.connectData(server, like: control) }
            let lax = try Client { $0.verifiesPeer = false }
            let data = try TLSStream(
                data: Socket.connect(to: server.address, until: soon), context: lax.context,
                host: "localhost",
                tickets: lax.tickets, peer: #require(control.peer))
            #expect(throws: TLSError.peerChanged) { try data.handshake(until: soon) }
        }
    }

    @Test("a resumed session must carry the control connection's certificate")
    func foreignSession() throws {
        let context = TestServerContext(TestServerTLS(only: .v1_3))
        try withServer(serve(context)) { server in
            let client = try Client()
            let control = try logIn(client, server)
            let real = try #require(control.peer)
            let forged = TestCertificate("x", names: nil, issuer: nil)
            let other = try withIdentity(of: forged)
            #expect(other.sha256 != real.sha256)
            let data = try TLSStream(
                data: Socket.connect(to: server.address, until: soon), context: client.context,
                host: "localhost", tickets: client.tickets, peer: other)
            #expect(throws: TLSError.peerChanged) { try data.handshake(until: soon) }
        }
    }

    private func withIdentity(of certificate: TestCertificate) throws -> PeerIdentity {
        var settings = TestServerTLS()
        settings.certificate = certificate
        let context = TestServerContext(settings)
        let result = TestResult<PeerIdentity>()
        try withServer { connection, _ in
            try connection.secure(context)
        } _: { server in
            let stream = try Client { $0.verifiesPeer = false }.connect(server)
            result.set(try #require(stream.peer))
        }
        return try result.wait()
    }

    @Test("an expired ticket is not offered, and the end of its life is announced", arguments: versions)
    func expiry(version: TestServerTLS.Version) throws {
        var settings = TestServerTLS(only: version)
        settings.lifetime = 1
        let context = TestServerContext(settings)
        try withServer(serve(context)) { server in
            let client = try Client()
            let control = try logIn(client, server)
            #expect(client.tickets.expiresSoon(margin: .seconds(60)))
            let deadline = soon
            while client.tickets.canResume && !deadline.hasPassed { usleep(10_000) }
            #expect(client.tickets.expiresSoon(margin: .zero))
            let data = try client.connectData(server, like: control)
            #expect(!data.isResumed)
        }
    }

    @Test("the control connection's group comes first on data connections")
    func groupOrder() throws {
        var settings = TestServerTLS(only: .v1_3)
        settings.groups = "X25519"
        let context = TestServerContext(settings)
        try withServer(serve(context)) { server in
            let client = try Client()
            let control = try logIn(client, server)
            #expect(control.negotiated?.group?.lowercased() == "x25519")
            let data = try client.connectData(server, like: control)
            #expect(data.negotiated?.group?.lowercased() == "x25519")
            #expect(data.isResumed)
        }
    }
}
