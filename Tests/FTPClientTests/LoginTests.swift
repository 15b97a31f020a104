import FTPClient
import FTPWire
import Posix
import Remote
import TLS
import TestSupport
import Testing

/// Opening sessions on real servers.
@Suite struct LoginTests {
    @Test("a session is logged in, protected and knows its server", arguments: ServerCase.all)
    func logsIn(_ test: ServerCase) throws {
        let profile = ServerProfile()
        let session = try test.server.session(profile)
        defer { session.close() }
        #expect(session.home == .root)
        #expect(session.isUsable)
        #expect(session.looksAlive())
        #expect(session.software.program == test.kind.program)
        #expect(session.features.hasMachineListing == (test.kind != .vsftpd))
        #expect(profile.facts.software == session.software)
        #expect(!session.needsReplacement)
    }

    @Test("TLS can begin with the first byte", arguments: ServerKind.available(except: .pureftpd))
    func implicit(_ kind: ServerKind) throws {
        try withServer(kind, ServerOptions { $0.implicit = true }) { server in
            try server.put("/file", [7])
            let session = try server.session()
            defer { session.close() }
            #expect(try session.content(path("/file")) == [7])
        }
    }

    @Test("IPv6 works with EPSV", arguments: ServerKind.available)
    func ipv6(_ kind: ServerKind) throws {
        try withServer(kind, ServerOptions { $0.ipv6 = true }) { server in
            try server.put("/file", [7])
            let session = try server.session()
            defer { session.close() }
            #expect(try session.content(path("/file")) == [7])
        }
    }

    @Test("a wrong password is final", arguments: ServerKind.available)
    func wrongPassword(_ kind: ServerKind) throws {
        let server = try ServerCase(kind: kind, tls: .only13).server
        let refused = failure { try server.session { $0.password = SecretBytes(text: "wrong") }.close() }
        #expect(refused?.name == "loginRefused" && refused?.code == 530)
    }

    @Test("one connection too many is told from a wrong password", arguments: ServerKind.available)
    func tooMany(_ kind: ServerKind) throws {
        try withServer(kind, ServerOptions { $0.maxClients = 2 }) { server in
            let first = try server.session()
            defer { first.close() }
            let second = try server.session()
            defer { second.close() }
            // Some servers hang up before they have read the whole log-in.
            for _ in 0..<20 {
                #expect(failure { try server.session().close() }?.name == "tooManyConnections")
            }
            #expect(try first.run(.pwd).isSuccess)
        }
    }

    @Test(
        "a certificate of nobody, or for another host, ends the connection before USER",
        arguments: [
            ServerCertificate.selfSigned, .wrongHost,
        ])
    func untrusted(_ certificate: ServerCertificate) throws {
        guard let kind = ServerKind.available.first else { return }
        try withServer(kind, ServerOptions { $0.certificate = certificate }) { server in
            #expect(failure { try server.session().close() }?.name == "tls")
            #expect(!server.log.contains("USER"))
        }
    }

    @Test("a silent server costs the time limit and no more", arguments: ServerKind.available)
    func frozen(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            let session = try server.session { $0.replyTimeout = .seconds(3) }
            defer { session.close() }
            try server.freeze()
            defer { try? server.thaw() }
            #expect(failure { _ = try session.run(.pwd) }?.name == "timedOut")
            #expect(!session.isUsable)
            #expect(
                failure { try server.session { $0.replyTimeout = .milliseconds(300) }.close() }?.name
                    == "timedOut")
        }
    }

    @Test(
        "a cancelled request ends every wait, and the session stays in step", arguments: ServerKind.available)
    func interrupted(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            let session = try server.session()
            defer { session.close() }
            // What the log-in has asked for besides is answered by then: vsftpd, stopped in the middle of it, may not go on.
            _ = try session.run(.noop)
            try server.freeze()
            let request = Request()
            session.bind(to: request)
            let canceller = try Posix.Thread(named: "canceller") { request.cancel() }
            #expect(failure { _ = try session.run(.pwd) }?.name == "interrupted")
            canceller.join()
            session.unbind()
            try server.thaw()
            #expect(session.isUsable)
            #expect(try session.run(.pwd).code == 257)
            #expect(try session.run(.noop).code == 200)
        }
    }

    @Test("a cancelled request ends the log-in", arguments: ServerKind.available)
    func interruptedLogIn(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            try server.freeze()
            defer { try? server.thaw() }
            let request = Request()
            let configuration = try server.configuration()
            let canceller = try Posix.Thread(named: "canceller") { request.cancel() }
            #expect(
                failure { try Session.open(configuration, profile: ServerProfile(), for: request).close() }?
                    .name == "interrupted")
            canceller.join()
        }
    }

    @Test("a server that goes away is noticed", arguments: ServerKind.available)
    func killed(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            let session = try server.session()
            defer { session.close() }
            #expect(session.looksAlive())
            try server.kill()
            waitUntil(within: .seconds(30)) { !session.looksAlive() }
            #expect(!session.isUsable)
            #expect(failure { try server.session().close() }?.name == "connect")
        }
    }
}

extension ServerKind {
    /// What the client should recognise.
    var program: ServerSoftware.Program {
        switch self {
        case .vsftpd: .vsftpd
        case .proftpd: .proftpd
        case .pureftpd: .pureFTPd
        case .pyftpdlib: .pyftpdlib
        }
    }
}
