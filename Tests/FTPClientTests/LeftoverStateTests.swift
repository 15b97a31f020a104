import FTPClient
import FTPWire
import Glibc
import Posix
import Remote
import TestSupport
import Testing

/// What a server remembers of commands that came to nothing must not meet those that follow.
@Suite struct LeftoverStateTests {
    @Test(
        "RNTO is not sent behind a refused RNFR where the server may remember the source of an earlier rename"
    )
    func lingeringSource() throws {
        try play { script in
            try script.logIn(banner: "220 (vsFTPd 3.0.3)", features: ["SIZE"])
            _ = try script.passive()
            try script.answer("RNFR /a", "350 go on")
            try script.answer("RNTO /.b", "553 no such names")
            try script.answer("RNFR /x", "550 gone")
            try script.answer("RNFR /c", "350 go on")
            try script.answer("RNTO /d", "250 done")
            // In one flight again.
            try script.expect("RNFR /e")
            try script.answer("RNTO /f", "350 go on\r\n250 done")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { try session.rename(path("/a"), to: path("/.b")) }?.verb == "RNTO")
            #expect(failure { try session.rename(path("/x"), to: path("/y")) }?.verb == "RNFR")
            try session.rename(path("/c"), to: path("/d"))
            try session.rename(path("/e"), to: path("/f"))
            #expect(!record.contains("RNTO /y"))
        }
    }

    @Test("a session that has said REST and was interrupted before the transfer is given up")
    func lingeringOffset() throws {
        let request = Request()
        try play { script in
            try script.logIn()
            let listener = try script.passive()
            try script.expect("REST 5")
            request.cancel()
            script.waitForEnd()
            withExtendedLifetime(listener) {}
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            session.bind(to: request)
            #expect(failure { _ = try session.upload(path("/f"), .restart(5)) }?.name == "interrupted")
            #expect(!session.isUsable)
        }
    }

    @Test(
        "the offset of a refused download is not applied to the next transfer", arguments: ServerCase.all)
    func offsetOfRefusedDownload(_ test: ServerCase) throws {
        let server = try test.server
        // pyftpdlib refuses what lies outside its root before it looks at the offset; elsewhere nothing is there.
        let outside = server.onDisk("/offset-outside")
        try #require(symlink("/etc/passwd", outside) == 0)
        defer { unlink(outside) }
        try server.put("/offset-file", Array("0123456789".utf8))
        let session = try server.session()
        defer { session.close() }
        #expect(failure { _ = try session.download(path("/offset-outside"), from: 4) }?.verb == "RETR")
        #expect(session.isUsable)
        #expect(try session.content(path("/offset-file")) == Array("0123456789".utf8))
        #expect(failure { _ = try session.download(path("/offset-outside"), from: 4) }?.verb == "RETR")
        try session.put(path("/offset-file"), Array("abc".utf8))
        #expect(server.content("/offset-file") == Array("abc".utf8))
    }

    @Test("a session whose server does not take back the offset of a refused transfer is given up")
    func lastingOffset() throws {
        try play { script in
            try script.logIn()
            let listener = try script.passive()
            try script.answer("REST 5", "350 from there")
            try script.answer("RETR /f", "550 no")
            try script.answer("REST 0", "501 what")
            script.waitForEnd()
            withExtendedLifetime(listener) {}
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.download(path("/f"), from: 5) }?.verb == "RETR")
            #expect(!session.isUsable)
        }
    }
}
