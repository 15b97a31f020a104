import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Which address a data connection goes to (RFC 4217 sections 15.2.1 and 15.2.6).
@Suite struct NamedAddressTests {
    private static func answer(_ host: String, _ port: UInt16) -> String {
        let numbers = host.split(separator: ".").joined(separator: ",")
        return "227 here (\(numbers),\(port >> 8),\(port & 255))"
    }

    /// The answers to PASV that a client must not follow, with or without `pasv_ip`.
    private static let absurd = [
        "227 here", "227 (1,2,3,4,5)", "227 (127,0,0,1,0,0)", "227 (127,0,0,1,0,22)", "227 (127,0,0,1,3,255)",
        "227 (256,0,0,1,200,1)", "227 (127,0,0,1,256,1)", "227 (127,0,0,1,-1,1)", "227 (|||2000|)",
        "227 (99999999999999999999,0,0,1,200,1)",
    ]

    @Test("answers to PASV that name no port, or the system's, are not followed", arguments: absurd)
    func absurdAnswers(_ answer: String) throws {
        try play { script in
            try script.logIn()
            try script.answer("PASV", answer)
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.passive = .passiveOnly
            let session = try open(configuration)
            #expect(failure { _ = try session.content(path("/f")) }?.name == "protocolViolation")
            session.close()
            #expect(!record.contains("RETR"))
        }
    }

    @Test("another host that PASV names is not dialled")
    func otherHost() throws {
        try play { script in
            try script.logIn()
            let listener = try TestListener()
            try script.answer("PASV", Self.answer("192.0.2.1", listener.port))
            try script.answer("RETR", "150 here")
            try script.send(noise(10), on: try script.data(listener))
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.passive = .passiveOnly
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
        }
    }

    @Test(
        "with pasv_ip addresses that are none of another machine are refused",
        arguments: [
            "0.0.0.0", "127.0.0.2", "127.255.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255",
        ])
    func unroutable(_ host: String) throws {
        try play { script in
            try script.logIn()
            try script.answer("PASV", Self.answer(host, 40_000))
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.usesNamedAddress = true
            let session = try open(configuration)
            let error = failure { _ = try session.content(path("/f")) }
            #expect(error?.name == "protocolViolation")
            #expect(error?.error.description.contains(host) == true)
            #expect(try session.run(.noop).isSuccess)
            session.close()
            #expect(!record.contains("RETR") && !record.contains("EPSV"))
        }
    }

    @Test("with pasv_ip the control connection's own address counts, loopback or not")
    func samePeer() throws {
        try play { script in
            try script.logIn()
            let listener = try TestListener()
            try script.answer("PASV", Self.answer("127.0.0.1", listener.port))
            try script.answer("RETR", "150 here")
            try script.send(noise(10), on: try script.data(listener))
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.usesNamedAddress = true
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
        }
    }

    @Test(
        "with pasv_ip the address that PASV names is dialled, and the certificate must still be the server's",
        .enabled(if: Loopback.outerAddress != nil, "this machine has no address but the loopback's"))
    func named() throws {
        let host = try #require(Loopback.outerAddress)
        var other = TestServerTLS()
        other.certificate = TestCertificate(
            "localhost", names: TestCertificate.loopbackNames, issuer: .authority)
        let settings = other
        try play { script in
            try script.logIn()
            let listener = try TestListener(on: host)
            try script.answer("PASV", Self.answer(host, listener.port))
            try script.answer("RETR", "150 here")
            try script.send(noise(10), on: try script.data(listener))
            try script.reply("226 done")
            let second = try TestListener(on: host)
            try script.answer("PASV", Self.answer(host, second.port))
            try script.answer("RETR", "150 here")
            _ = try? script.data(second, TestServerContext(settings))
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.usesNamedAddress = true
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
            #expect(failure { _ = try session.content(path("/f")) }?.error.breaksTrust == true)
        }
    }

    @Test(
        "vsftpd and ProFTPD that name another host are followed on the user's order alone",
        arguments: [
            (ServerKind.vsftpd, "pasv_address=127.0.0.2"), (.proftpd, "MasqueradeAddress 127.0.0.2"),
        ])
    func real(_ kind: ServerKind, _ line: String) throws {
        try #require(ServerKind.available.contains(kind))
        let server = try ServerFixture(kind, ServerOptions { $0.extra = [line] })
        try server.put("f", noise(1000))
        let usual = try server.session { $0.passive = .passiveOnly }
        defer { usual.close() }
        #expect(try usual.content(path("/f")) == noise(1000))
        let trusting = try server.session { $0.usesNamedAddress = true }
        defer { trusting.close() }
        #expect(failure { _ = try trusting.content(path("/f")) }?.name == "protocolViolation")
    }
}
