import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Data connections that the server makes (RFC 4217 sections 7 and 12.4 to 12.7).
@Suite struct ActiveModeTests {
    /// Plays a script against a client in active mode.
    private static func playActively(
        _ mode: ActiveMode = ActiveMode(), _ script: @escaping @Sendable (Counterpart) throws -> Void,
        client: (SessionConfiguration, Record) throws -> Void
    ) throws {
        try play(TestServerTLS(), script) { configuration, record in
            var configuration = configuration
            configuration.active = mode
            try client(configuration, record)
        }
    }

    @Test("files and listings come and go over connections of the server's, TLS being accepted by the server")
    func transfers() throws {
        try Self.playActively { script in
            try script.logIn()
            try script.send(noise(1000), on: try script.beginActively("RETR"))
            try script.reply("226 done")
            let upload = try script.beginActively("STOR")
            #expect(try upload.readAll() == noise(70_000))
            #expect(upload.isResumed)
            upload.sendClose()
            try script.reply("226 done")
            try script.send(Array("type=file;size=1; a\r\n".utf8), on: try script.beginActively("MLSD"))
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            #expect(try session.content(path("/f")) == noise(1000))
            try session.put(path("/g"), noise(70_000))
            #expect(try session.list(path("/")).entries.count == 1)
            session.close()
            #expect(!record.contains("EPSV") && !record.contains("PASV"))
            #expect(record.contains("EPRT |1|127.0.0.1|"))
        }
    }

    @Test(
        "EPRT that is refused is replaced by PORT, and not tried again",
        arguments: ["500 what", "502 no", "522 (2)"])
    func fallsBackToPORT(_ answer: String) throws {
        try Self.playActively { script in
            try script.logIn()
            try script.answer("EPRT", answer)
            for _ in 0..<2 {
                let port = try script.active("PORT")
                try script.answer("RETR", "150 here")
                let data = try TestConnection.dial(port)
                try data.secure(script.context)
                try script.send(noise(10), on: data)
                try script.reply("226 done")
            }
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            for _ in 0..<2 { #expect(try session.content(path("/f")) == noise(10)) }
            session.close()
            #expect(record.all.filter { $0.hasPrefix("EPRT") }.count == 1)
        }
    }

    @Test("a server that takes neither EPRT nor PORT is not asked for the file")
    func refused() throws {
        try Self.playActively { script in
            try script.logIn()
            try script.answer("EPRT", "500 what")
            try script.answer("PORT", "550 Permission denied.")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            let error = failure { _ = try session.content(path("/f")) }
            #expect(error?.name == "unsupported")
            #expect(error?.error.description.contains("550 Permission denied") == true)
            #expect(session.isUsable)
            session.close()
            #expect(!record.contains("RETR"))
        }
    }

    @Test("a thief who connects first from another address is turned away, and the server is waited for")
    func thief() throws {
        try Self.playActively { script in
            try script.logIn()
            let port = try script.active()
            try script.answer("RETR", "150 here")
            for _ in 0..<3 {
                let thief = try TestConnection.dial(port, from: "127.0.0.2")
                // Not even a ClientHello reaches it.
                #expect((try? thief.read()) ?? [] == [])
            }
            let data = try TestConnection.dial(port)
            try data.secure(script.context)
            try script.send(noise(10), on: data)
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
        }
    }

    @Test("a server that never connects costs the time of a connection, and the message names the thief")
    func neverConnects() throws {
        try Self.playActively { script in
            try script.logIn()
            let port = try script.active()
            try script.answer("RETR", "150 here")
            let thief = try TestConnection.dial(port, from: "127.0.0.2")
            script.waitForEnd()
            thief.close()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.connectTimeout = .seconds(1)
            let session = try open(configuration)
            let error = failure { _ = try session.content(path("/f")) }
            #expect(error?.name == "timedOut")
            let words = error?.error.description ?? ""
            #expect(words.contains("data connection from 127.0.0.1 to 127.0.0.1:"), "\(words)")
            #expect(words.contains("127.0.0.2 was turned away"), "\(words)")
            #expect(!session.isUsable)
            session.close()
        }
    }

    @Test(
        "a refusal ends the wait, closes the port and leaves the session in step",
        arguments: ["550 No such file or directory", "425 Cannot open data connection"])
    func refusedTransfer(_ answer: String) throws {
        let port = TestResult<UInt16>()
        try Self.playActively { script in
            try script.logIn()
            port.set(try script.active())
            try script.answer("RETR", answer)
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.content(path("/f")) }?.verb == "RETR")
            let number = try port.wait()
            #expect(throws: TestConnectionError.self) { try TestConnection.dial(number) }
            #expect(try session.run(.noop).isSuccess)
        }
    }

    @Test("a port and a transfer that are refused in one flight leave the session in step")
    func refusedInOneFlight() throws {
        try Self.playActively { script in
            try script.logIn(banner: "220 (vsFTPd 3.0.3)", features: ["MDTM", "SIZE"])
            try script.send(noise(10), on: try script.beginActively("RETR"))
            try script.reply("226 done")
            try script.expect("EPRT")
            try script.expect("RETR")
            try script.reply("500 what\r\n425 Use PORT or PASV first.")
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
            #expect(failure { _ = try session.content(path("/f")) }?.verb == "EPRT")
            #expect(try session.run(.noop).isSuccess)
        }
    }

    @Test("the port is closed as soon as the server has connected")
    func closedAfterConnection() throws {
        try Self.playActively { script in
            try script.logIn()
            let port = try script.active()
            try script.answer("RETR", "150 here")
            let data = try TestConnection.dial(port)
            // The handshake is past only when the connection has been taken.
            try data.secure(script.context)
            #expect(throws: TestConnectionError.self) { try TestConnection.dial(port) }
            try script.send(noise(10), on: data)
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
        }
    }

    @Test("cancelling a request ends the wait for the server")
    func interrupted() throws {
        let request = Request()
        try Self.playActively { script in
            try script.logIn()
            _ = try script.active()
            try script.answer("RETR", "150 here")
            request.cancel()
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            session.bind(to: request)
            #expect(failure { _ = try session.content(path("/f")) }?.name == "interrupted")
            session.close()
        }
    }

    @Test("a server that shows another certificate than on the control connection is refused")
    func otherCertificate() throws {
        var other = TestServerTLS()
        other.certificate = TestCertificate(
            "localhost", names: TestCertificate.loopbackNames, issuer: .authority)
        let settings = other
        try Self.playActively { script in
            try script.logIn()
            let port = try script.active()
            try script.answer("RETR", "150 here")
            let data = try TestConnection.dial(port)
            try? data.secure(TestServerContext(settings))
            data.waitForFIN()
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            #expect(failure { _ = try session.content(path("/f")) }?.error.breaksTrust == true)
            #expect(!session.isUsable)
            session.close()
        }
    }

    @Test("ports are of the range, and a range that is taken is named")
    func ports() throws {
        let taken = try TestListener()
        var mode = ActiveMode()
        mode.ports = taken.port...taken.port
        try Self.playActively(mode) { script in
            try script.logIn()
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            let error = failure { _ = try session.content(path("/f")) }
            #expect(error?.name == "dataConnection")
            #expect(error?.error.description.contains("\(taken.port)") == true)
            #expect(session.isUsable)
            session.close()
            #expect(!record.contains("RETR"))
        }
    }

    @Test("the server is told the address outside, and the connection's own is listened on")
    func address() throws {
        var mode = ActiveMode()
        mode.address = SocketAddress(numeric: "192.0.2.77", port: 0)
        try Self.playActively(mode) { script in
            try script.logIn()
            try script.send(noise(10), on: try script.beginActively("RETR"))
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            #expect(try session.content(path("/f")) == noise(10))
            session.close()
            #expect(record.contains("EPRT |1|192.0.2.77|"))
        }
    }

    @Test("an address of this machine is listened on, though the control connection comes from another")
    func otherLocalAddress() throws {
        var mode = ActiveMode()
        mode.address = SocketAddress(numeric: "127.0.0.3", port: 0)
        try Self.playActively(mode) { script in
            try script.logIn()
            let port = try script.active()
            // Only there.
            #expect(throws: TestConnectionError.self) { try TestConnection.dial(port) }
            try script.answer("RETR", "550 no")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            #expect(failure { _ = try session.content(path("/f")) }?.code == 550)
            session.close()
            #expect(record.contains("EPRT |1|127.0.0.3|"))
        }
    }

    @Test("real servers connect to us", arguments: ServerCase.all)
    func real(_ test: ServerCase) throws {
        let server = try test.server
        let name = "/active-\(test.kind)-\(test.tls)"
        let session = try server.session { $0.active = ActiveMode() }
        defer { session.close() }
        let content = noise(300_000)
        for _ in 0..<2 {
            try session.put(path(name), content)
            #expect(server.content(String(name.dropFirst())) == content)
            #expect(try session.content(path(name)) == content)
            #expect(try session.content(path(name), from: 299_990) == Array(content.suffix(10)))
            #expect(try session.list(path("/")).entries.contains { "/\($0.name)" == name })
        }
        // A file that is not there, and one that is given up early.
        #expect(failure { _ = try session.content(path("/nothing-here")) }?.code == 550)
        let download = try session.download(path(name))
        try download.some()
        download.abort()
        if session.isUsable { #expect(try session.content(path(name)) == content) }
    }

    @Test(
        "real servers connect over IPv6", .enabled(if: Loopback.hasIPv6, "this machine has no ::1"),
        arguments: ServerKind.available)
    func ipv6(_ kind: ServerKind) throws {
        let server = try ServerFixture(kind, ServerOptions { $0.ipv6 = true })
        try server.put("f", noise(1000))
        let session = try server.session { $0.active = ActiveMode() }
        defer { session.close() }
        for _ in 0..<2 { #expect(try session.content(path("/f")) == noise(1000)) }
    }

    @Test("vsftpd without EPRT gets PORT, and without active mode says so")
    func vsftpd() throws {
        try #require(ServerKind.available.contains(.vsftpd))
        let old = try ServerFixture(.vsftpd, ServerOptions { $0.extra = ["cmds_denied=EPRT"] })
        try old.put("f", noise(1000))
        let session = try old.session { $0.active = ActiveMode() }
        defer { session.close() }
        for _ in 0..<2 { #expect(try session.content(path("/f")) == noise(1000)) }
        let strict = try ServerFixture(.vsftpd, ServerOptions { $0.extra = ["port_enable=NO"] })
        let other = try strict.session { $0.active = ActiveMode() }
        defer { other.close() }
        #expect(failure { _ = try other.content(path("/f")) }?.name == "unsupported")
    }
}
