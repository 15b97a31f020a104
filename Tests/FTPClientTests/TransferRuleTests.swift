import FTPClient
import FTPWire
import Posix
import Remote
import TLS
import TestSupport
import Testing

/// What transfers have to withstand, played by a script.
@Suite struct TransferRuleTests {
    @Test("an end without close_notify is a cut, even with 226")
    func cut() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            try data.write(noise(1000))
            data.endSending()
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.content(path("/f")) }?.name == "dataConnection")
            #expect(session.isUsable)
        }
    }

    @Test("an end without close_notify counts when all bytes came and 226 as well", arguments: [true, false])
    func knownSize(_ succeeds: Bool) throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            try data.write(noise(1000))
            data.endSending()
            try script.reply(succeeds ? "226 done" : "426 broken")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            if succeeds {
                #expect(try session.content(path("/f"), expecting: 1000) == noise(1000))
            } else {
                #expect(failure { _ = try session.content(path("/f"), expecting: 1000) }?.code == 426)
            }
            #expect(session.isUsable)
        }
    }

    @Test("a clean end without 226 is no end")
    func failureAtTheEnd() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            try script.send(noise(1000), on: data)
            try script.reply("451 disk error")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            let error = failure { _ = try session.content(path("/f")) }
            #expect(error?.verb == "RETR" && error?.code == 451)
            #expect(session.isUsable)
        }
    }

    @Test("a final reply that never comes costs the time limit and the session")
    func noFinalReply() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            try script.send(noise(10), on: data)
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.replyTimeout = .seconds(1)
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.content(path("/f")) }?.name == "timedOut")
            #expect(!session.isUsable)
        }
    }

    @Test("226 may come before the data, and the data before 150")
    func anyOrder() throws {
        try play { script in
            try script.logIn()
            for round in 0..<2 {
                let listener = try script.passive()
                try script.expect("RETR")
                if round == 0 { try script.reply("150 here\r\n226 done") }
                let data = try script.data(listener)
                try script.send(noise(5000), on: data)
                if round == 1 { try script.reply("150 here\r\n226 done") }
            }
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            for _ in 0..<2 { #expect(try session.content(path("/f")) == noise(5000)) }
        }
    }

    @Test("226 is not awaited before the data connection is closed on this side")
    func closesFirst() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            try script.send(noise(5000), on: data)
            #expect(try data.readAll().isEmpty)
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(5000))
        }
    }

    @Test("REST and RETR come in one write, and nothing else during the transfer")
    func restInOneWrite() throws {
        try play { script in
            try script.logIn()
            let listener = try script.passive()
            try script.answer("REST 100", "350 from there")
            #expect(script.hasMore)
            try script.answer("RETR /f", "150 here")
            let data = try script.data(listener)
            try data.write(noise(10))
            #expect(!script.control.isReadable(within: 200))
            try script.send(noise(10), on: data)
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f"), from: 100) == noise(10) + noise(10))
        }
    }

    @Test("a refused REST is an error, and no byte from the wrong place is given out")
    func restRefused() throws {
        try play { script in
            try script.logIn()
            let listener = try script.passive()
            try script.answer("REST 100", "502 no")
            try script.answer("RETR /f", "150 here")
            let data = try script.data(listener)
            // The client may have closed already.
            _ = try? data.write(noise(100))
            _ = try? data.readAll()
            try script.reply("426 broken off")
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.download(path("/f"), from: 100) }?.verb == "REST")
            #expect(try session.run(.noop).isSuccess)
        }
    }

    @Test("STOR is never sent behind a REST that was refused")
    func restRefusedForUpload() throws {
        try play { script in
            try script.logIn()
            let listener = try script.passive()
            try script.answer("REST 100", "502 no")
            try script.answer("NOOP", "200 ok")
            withExtendedLifetime(listener) {}
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            #expect(failure { _ = try session.upload(path("/f"), .restart(100)) }?.verb == "REST")
            #expect(try session.run(.noop).isSuccess)
            session.close()
            #expect(!record.contains("STOR"))
        }
    }

    @Test(
        "a refusal of the data connection for lack of resumption is told apart and ends the session",
        arguments: [
            "522 SSL connection failed: session reuse required",
            "425 Unable to build data connection: Operation not permitted",
            "425 Unable to build data connection: TLS session of data connection not resumed.",
        ])
    func notResumed(_ answer: String) throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("STOR")
            data.reset()
            try script.reply(answer)
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { try session.put(path("/f"), noise(3_000_000)) }?.name == "resumptionRefused")
            #expect(!session.isUsable)
        }
    }

    @Test("another certificate on the data connection ends the session")
    func otherCertificate() throws {
        try play { script in
            try script.logIn()
            let listener = try script.passive()
            try script.answer("RETR", "150 here")
            var settings = TestServerTLS()
            settings.certificate = TestCertificate(
                "localhost", names: TestCertificate.loopbackNames, issuer: .authority)
            _ = try? script.data(listener, TestServerContext(settings))
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.content(path("/f")) }?.name == "tls")
            #expect(!session.isUsable)
        }
    }

    @Test(
        "when the server's disk is full the upload says so",
        arguments: ["452 disk full", "552 quota", "451 local error"])
    func diskFull(_ answer: String) throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("STOR")
            _ = try data.read()
            data.reset()
            try script.reply(answer)
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            let error = failure { try session.put(path("/f"), noise(20_000_000)) }
            #expect(error?.verb == "STOR" && error?.code == Int(answer.prefix(3)))
            #expect(try session.run(.noop).isSuccess)
        }
    }

    @Test("a server that closes an upload and says nothing costs a bounded time and the session")
    func silentDiskFull() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("STOR")
            _ = try data.read()
            data.close()
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.replyTimeout = .seconds(1)
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { try session.put(path("/f"), noise(20_000_000)) }?.name == "dataConnection")
            #expect(!session.isUsable)
        }
    }

    @Test("an upload ends with close_notify and the end of the stream, and 226 is awaited")
    func uploadEnd() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("STOR")
            #expect(try data.readAll() == noise(300_000))
            data.sendClose()
            data.endSending()
            #expect(!script.control.isReadable(within: 200))
            try script.reply("226 stored")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.put(path("/f"), noise(300_000)).code == 226)
        }
    }

    @Test("an upload whose final reply is a failure has failed")
    func uploadRefusedAtTheEnd() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("STOR")
            _ = try data.readAll()
            data.sendClose()
            data.endSending()
            try script.reply("426 the end was not clean")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { try session.put(path("/f"), noise(1000)) }?.code == 426)
            #expect(session.isUsable)
        }
    }
}
