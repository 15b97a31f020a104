import FTPClient
import FTPWire
import Glibc
import Posix
import Remote
import TLS
import TestSupport
import Testing

/// Servers, and people on the way, that do what no server should; each has a stated outcome, in bounded time and memory.
@Suite struct HostileServerTests {
    @Test("tickets and key updates amid transfers change no byte (TLS 1.3)")
    func postHandshakeMessages() throws {
        let content = noise(300_000)
        try play(TestServerTLS(only: .v1_3)) { script in
            try script.logIn()
            let download = try script.begin("RETR")
            for start in stride(from: 0, to: content.count, by: 50_000) {
                try download.updateKeys()
                download.addTicket()
                try download.write(Array(content[start..<min(start + 50_000, content.count)]))
            }
            try script.send([], on: download)
            try script.control.updateKeys()
            try script.reply("226 done")
            let upload = try script.begin("STOR")
            var received: [UInt8] = []
            while received.count < content.count {
                try upload.updateKeys()
                received += try upload.read(exactly: min(50_000, content.count - received.count))
            }
            guard try received == content && upload.readAll().isEmpty else {
                throw TestConnectionError(description: "not what was sent")
            }
            upload.sendClose()
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f"), expecting: 300_000) == content)
            try session.put(path("/f"), content)
        }
    }

    @Test("a data connection that stands and never speaks costs the time limit and the session")
    func silentDataConnection() throws {
        try play { script in
            try script.logIn()
            let listener = try script.passive()
            try script.answer("RETR", "150 here it comes")
            // Accepted by the kernel, and by nobody else.
            withExtendedLifetime(listener) { script.waitForEnd() }
        } client: { configuration, _ in
            var configuration = configuration
            configuration.replyTimeout = .milliseconds(500)
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.content(path("/f")) }?.name == "timedOut")
            #expect(!session.isUsable)
        }
    }

    @Test("a data connection that drips is no better than a silent one")
    func drip() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            // The pace of the drip; it ends by itself where nobody else ends it.
            for _ in 0..<200 where !script.control.hasHungUp {
                try? data.write([0x2e])
                usleep(20_000)
            }
            data.sendClose()
            try? script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.stallTimeout = .milliseconds(300)
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.content(path("/f")) }?.name == "timedOut")
        }
    }

    @Test("a row of a listing without end is given up")
    func endlessRow() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("MLSD")
            try data.write("type=file;size=1; a\r\ntype=file;size=1; ")
            for _ in 0..<40 { try? data.write(Array(repeating: 0x61, count: 16 << 10)) }
            data.sendClose()
            try? script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            let error = failure { _ = try session.list(.root) }
            #expect(error?.name == "listing" && "\(error?.error as Any)".contains("65536"))
        }
    }

    @Test("what a server says in clear text behind a failed handshake is shown")
    func refusalInClearText() throws {
        try play(TestServerTLS(only: .v1_1)) { script in
            try script.reply("220 ready")
            try script.answer("AUTH TLS", "234 go on")
            try? script.control.secure(script.context)
            try script.control.writeRaw(Array("421 TLS is out of order\r\n".utf8))
            script.waitForEnd()
        } client: { configuration, record in
            let error = failure { try open(configuration).close() }?.error
            #expect(error?.description.contains("421 TLS is out of order") == true, "\(error as Any)")
            #expect(record.all == ["AUTH TLS"])
        }
    }

    @Test("a reply of ten megabytes in one line or in many ends the session", arguments: [true, false])
    func endlessReply(_ isOneLine: Bool) throws {
        try play { script in
            try script.logIn()
            try script.expect("NOOP")
            let piece = Array((isOneLine ? "x" : "200-x\r\n").utf8)
            let part = Array(repeating: piece, count: (64 << 10) / piece.count).flatMap { $0 }
            try script.control.write("200-")
            // The client may close before all is sent.
            for _ in 0..<160 { try? script.control.write(part) }
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { try session.perform(.noop) }?.name == "protocolViolation")
            #expect(!session.isUsable)
        }
    }

    @Test("features without AUTH, PBSZ and PROT, or none at all, weaken nothing", arguments: [true, false])
    func strippedFeatures(_ hasFeatures: Bool) throws {
        try play { script in
            try script.protect()
            try script.answer("USER", "230 welcome")
            try script.answer("PBSZ", "200 ok")
            try script.answer("PROT P", "200 ok")
            try script.answer("FEAT", hasFeatures ? "211-features\r\n SIZE\r\n211 end" : "502 what")
            try script.answer("OPTS UTF8", "200 ok")
            try script.answer("TYPE I", "200 ok")
            try script.answer("PWD", "257 \"/\" is here")
            let data = try script.begin("RETR")
            try script.send([1, 2, 3], on: data)
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == [1, 2, 3])
        }
    }

    @Test("the certificate of a new connection is judged like the first one")
    func changedCertificate() throws {
        try play { script in
            try script.reply("220 ready")
            try script.answer("AUTH TLS", "234 go on")
            if script.isFirst {
                try script.control.secure(script.context)
                try script.answer("USER", "230 welcome")
                while !(try script.line()).hasPrefix("PWD") { try script.reply("200 ok") }
                try script.reply("257 \"/\" is here")
            } else {
                let stranger = TestCertificate.authority(named: "another authority")
                var tls = TestServerTLS()
                tls.certificate = TestCertificate(
                    "localhost", names: TestCertificate.loopbackNames, issuer: stranger)
                try? script.control.secure(TestServerContext(tls))
            }
            script.waitForEnd()
        } client: { configuration, record in
            let profile = ServerProfile()
            try open(configuration, profile).close()
            let error = failure { try open(configuration, profile).close() }?.error
            #expect(error?.breaksTrust == true)
            #expect(record.all.filter { $0.hasPrefix("USER") }.count == 1)
        }
    }
}
