import Posix
import TLS
import TestSupport
import Testing

@Suite("TLS handshakes")
struct HandshakeTests {
    @Test("both versions connect, send SNI, and name version, cipher, group and peer", arguments: versions)
    func connects(version: TestServerTLS.Version) throws {
        let context = TestServerContext(TestServerTLS(only: version))
        let name = TestResult<String?>()
        try withServer { connection, _ in
            try connection.secure(context)
            name.set(connection.serverName)
            try connection.write(connection.read())
            connection.sendClose()
        } _: { server in
            let client = try Client()
            let stream = try client.connect(server)
            #expect(stream.negotiated?.version == version.asClientSees)
            #expect(stream.negotiated?.group == "secp256r1" || stream.negotiated?.group == "prime256v1")
            #expect(stream.peer?.sha256 == TestCertificate.server.sha256)
            #expect(stream.peer?.subject == "CN=localhost")
            #expect(stream.peer?.names.contains("DNS:localhost") == true)
            #expect(!stream.isResumed)
            try stream.send("hello")
            #expect(try stream.everything() == Array("hello".utf8))
            #expect(try name.wait() == "localhost")
            stream.closeOrderly()
            #expect(stream.descriptor == -1)
        }
    }

    @Test("an IP address is verified as such and not sent as SNI")
    func address() throws {
        let context = TestServerContext()
        let name = TestResult<String?>()
        try withServer { connection, _ in
            try connection.secure(context)
            name.set(connection.serverName)
            connection.sendClose()
        } _: { server in
            let stream = try Client(host: "127.0.0.1").connect(server)
            #expect(try stream.everything().isEmpty)
            #expect(try name.wait() == nil)
        }
    }

    @Test("a final dot belongs neither to SNI nor to the verified name")
    func finalDot() throws {
        let context = TestServerContext()
        let name = TestResult<String?>()
        try withServer { connection, _ in
            try connection.secure(context)
            name.set(connection.serverName)
        } _: { server in
            _ = try Client(host: "localhost.").connect(server)
            #expect(try name.wait() == "localhost")
        }
    }

    @Test("the handshake starts while TCP is still connecting")
    func earlyStart() throws {
        let context = TestServerContext()
        try withServer { connection, _ in
            try connection.secure(context)
            connection.sendClose()
        } _: { server in
            let client = try Client()
            let socket = try Socket.beginConnecting(to: server.address)
            let stream = try TLSStream(
                control: socket, context: client.context, host: "localhost", tickets: client.tickets)
            try stream.beginHandshake()
            try stream.handshake(until: soon)
            #expect(try stream.everything().isEmpty)
        }
    }

    @Test("a failed connect shows up in the handshake with its errno")
    func refusedConnect() throws {
        let listener = try TestListener()
        let address = listener.address
        listener.stop()
        let client = try Client()
        do {
            let socket = try Socket.beginConnecting(to: address)
            let stream = try TLSStream(
                control: socket, context: client.context, host: "localhost", tickets: client.tickets)
            let error = #expect(throws: TLSError.self) { try stream.handshake(until: soon) }
            guard case .system = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        } catch is Errno {
            // Loopback may refuse at once.
        }
    }

    @Test("version limits hold on both sides")
    func versionLimits() throws {
        let old = TestServerContext(TestServerTLS(only: .v1_2))
        try withServer { connection, _ in
            try? connection.secure(old)
        } _: { server in
            let client = try Client { $0.minimumVersion = .v1_3 }
            let error = #expect(throws: TLSError.self) { _ = try client.connect(server) }
            #expect(error == .refusedByPeer("protocol version"), "\(String(describing: error))")
        }
        let new = TestServerContext()
        try withServer { connection, _ in
            try connection.secure(new)
            connection.sendClose()
        } _: { server in
            let stream = try Client { $0.maximumVersion = .v1_2 }.connect(server)
            #expect(stream.negotiated?.version == .v1_2)
        }
        let ancient = TestServerContext(TestServerTLS(only: .v1_1))
        try withServer { connection, _ in
            try? connection.secure(ancient)
        } _: { server in
            #expect(throws: TLSError.self) { _ = try Client().connect(server) }
        }
    }

    @Test("a server that answers in clear text is named by what it said")
    func clearText() throws {
        try withServer { connection, _ in
            try connection.write("220 Welcome to my server\r\n")
            _ = try? connection.read()
        } _: { server in
            let error = #expect(throws: TLSError.self) { _ = try Client().connect(server) }
            #expect(error == .notTLS("the server answered '220 Welcome to my server'"))
        }
    }

    @Test("a server that hangs up inside the handshake is a truncation")
    func hangUp() throws {
        try withServer { connection, _ in
            _ = try connection.read()
            connection.close()
        } _: { server in
            #expect(throws: TLSError.truncated) { _ = try Client().connect(server) }
        }
    }

    @Test("a stalled handshake ends at the deadline, and at the wakeup")
    func stalled() throws {
        let release = TestResult<Bool>()
        try withServer { connection, _ in
            _ = try connection.read()
            _ = try? release.wait()
        } _: { server in
            defer { release.set(true) }
            let client = try Client()
            let stream = try client.control(server)
            #expect(throws: TLSError.timedOut) { try stream.handshake(until: .after(.milliseconds(50))) }
            let wakeup = try Wakeup()
            wakeup.raise()
            #expect(throws: TLSError.interrupted) { try stream.handshake(until: soon, wakeup: wakeup) }
        }
    }

    @Test("a client certificate is shown where the server insists on one", arguments: versions)
    func clientCertificate(version: TestServerTLS.Version) throws {
        var settings = TestServerTLS(only: version)
        settings.clientAuthority = .authority
        let context = TestServerContext(settings)
        let mine = TestCertificate("me", names: nil, issuer: .authority)
        let directory = try TemporaryDirectory("key")
        try TestFile.write(directory.path + "/cert.pem", mine.pem.utf8)
        try TestFile.write(directory.path + "/key.pem", mine.keyPEM(passphrase: "open").utf8)
        try withServer { connection, _ in
            try connection.secure(context)
            try connection.write("in")
            connection.sendClose()
        } _: { server in
            let client = try Client {
                $0.certificateFile = directory.path + "/cert.pem"
                $0.keyFile = directory.path + "/key.pem"
                $0.keyPassphrase = SecretBytes(text: "open")
            }
            #expect(try client.connect(server).everything() == Array("in".utf8))
            // Without one the refusal comes in the handshake (1.2) or with the first read (1.3).
            let error = #expect(throws: TLSError.self) { _ = try Client().connect(server).everything() }
            guard case .refusedByPeer = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("a configuration that cannot be used is an error that names the part")
    func badConfiguration() throws {
        func problem(_ change: (inout TLSConfiguration) -> Void) -> String {
            var configuration = TLSConfiguration()
            change(&configuration)
            do {
                _ = try TLSContext(configuration)
                return "none"
            } catch {
                return error.description
            }
        }
        let mine = TestCertificate("me", names: nil, issuer: nil)
        let directory = try TemporaryDirectory("bad")
        let certificate = directory.path + "/cert.pem"
        let key = directory.path + "/key.pem"
        try TestFile.write(certificate, mine.pem.utf8)
        try TestFile.write(key, mine.keyPEM(passphrase: "open").utf8)
        #expect(problem { $0.caFile = "/nowhere/ca.pem" }.contains("/nowhere/ca.pem"))
        #expect(problem { $0.caDirectory = "/nowhere" }.contains("/nowhere"))
        #expect(problem { $0.ciphers = "NONSENSE" }.contains("NONSENSE"))
        #expect(problem { $0.cipherSuites = "NONSENSE" }.contains("NONSENSE"))
        #expect(problem { $0.groups = "NONSENSE" }.contains("NONSENSE"))
        #expect(problem { $0.pins = [[1, 2, 3]] }.contains("SHA-256"))
        #expect(problem { $0.keyFile = key }.contains("without a certificate"))
        #expect(
            problem {
                $0.minimumVersion = .v1_3
                $0.maximumVersion = .v1_2
            }.contains("TLS 1.2"))
        #expect(
            problem {
                $0.certificateFile = certificate
                $0.keyFile = key
            }.contains("no passphrase"))
        #expect(
            problem {
                $0.certificateFile = certificate
                $0.keyFile = key
                $0.keyPassphrase = SecretBytes(text: "wrong")
            }.contains(key))
        #expect(problem { _ in } == "none")
    }

    @Test(
        "what is no host name is refused before anything is sent",
        arguments: ["", ".", "a\0b", "b\u{fc}cher.example", "a b"])
    func badHost(host: String) throws {
        let listener = try TestListener()
        let client = try Client(host: host)
        let error = #expect(throws: TLSError.self) {
            _ = try TLSStream(
                control: Socket.connect(to: listener.address, until: soon), context: client.context,
                host: client.host, tickets: client.tickets)
        }
        guard case .configuration = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
