import FTPClient
import FTPWire
import Posix
import Remote
import TLS
import TestSupport
import Testing

/// Transfers that are broken off, stand still or are interrupted, against a server that follows a script.
@Suite struct TransferEndingTests {
    @Test("Pure-FTPd is stopped with ABOR, any other server without", arguments: [true, false])
    func abor(_ isPure: Bool) throws {
        try play { script in
            // Its features give Pure-FTPd away, and its name alone does not.
            try script.logIn(
                banner: isPure ? "220 ready" : "220 Pure-FTPd", features: isPure ? ["ESTA", "ESTP"] : [])
            let data = try script.begin("RETR")
            try data.write(noise(100))
            if isPure {
                try script.expect("ABOR")
                try script.reply("150 0.005 seconds (measured here)\r\n226 Since you see this ABOR")
                try script.answer("PWD", "257 \"/\"")
            } else {
                _ = try? data.readAll()
                try script.reply("426 broken off")
            }
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            let download = try session.download(path("/f"))
            try download.some()
            download.abort()
            #expect(session.isUsable)
            #expect(try session.run(.noop).code == 200)
            session.close()
            #expect(record.contains("ABOR") == isPure)
        }
    }

    @Test("a reply that makes no sense after an early end is followed by a question that cannot be mistaken")
    func resynchronises() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            try data.write(noise(100))
            _ = try? data.readAll()
            try script.reply("500 0.005 seconds (measured here)")
            try script.expect("PWD")
            try script.reply("226 late\r\n257 \"/\" is here")
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            let download = try session.download(path("/f"))
            try download.some()
            download.abort()
            #expect(session.isUsable)
            #expect(try session.run(.noop).code == 200)
        }
    }

    @Test("a transfer that stands still costs the time limit")
    func stalls() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            try data.write(noise(100))
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.stallTimeout = .milliseconds(500)
            let session = try open(configuration)
            defer { session.close() }
            let download = try session.download(path("/f"))
            #expect(try download.some() == noise(100))
            #expect(failure { try download.some() }?.name == "timedOut")
        }
    }

    @Test("reading goes on after an interruption")
    func interruptedRead() throws {
        let go = TestResult<Bool>()
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            try data.write(noise(100))
            _ = try go.wait()
            try script.send(noise(100), on: data)
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            let download = try session.download(path("/f"))
            #expect(try download.some() == noise(100))
            let request = Request()
            session.bind(to: request)
            request.cancel()
            #expect(failure { try download.some() }?.name == "interrupted")
            session.unbind()
            go.set(true)
            #expect(try download.rest() == noise(100))
            #expect(session.isUsable)
        }
    }

    @Test("an upload that is dropped after an interruption ends with a reset, and gives the session up")
    func droppedUpload() throws {
        let end = TestResult<Bool>()
        try play { script in
            try script.logIn()
            let data = try script.begin("STOR")
            do {
                _ = try data.readAll()
                end.set(false)
            } catch let error as TestConnectionError {
                end.set(!error.isTruncation)
            }
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            let request = Request()
            do {
                let upload = try session.upload(path("/f"), .store)
                try noise(1000).withRawSpan { try upload.write($0) }
                session.bind(to: request)
                request.cancel()
                let error = failure {
                    while true { try noise(1_000_000).withRawSpan { try upload.write($0) } }
                }
                #expect(error?.name == "interrupted")
            }
            #expect(!session.isUsable)
            #expect(try end.wait())
            session.close()
        }
    }

    @Test("an interruption before the end of the handshake gives the session up")
    func interruptedOpening() throws {
        let request = Request()
        try play { script in
            try script.logIn()
            let listener = try script.passive()
            try script.answer("RETR", "150 here")
            let connection = listener.accept(within: 60_000)
            request.cancel()
            script.waitForEnd()
            connection?.close()
        } client: { configuration, _ in
            let session = try open(configuration)
            session.bind(to: request)
            #expect(failure { _ = try session.download(path("/f")) }?.name == "interrupted")
            #expect(!session.isUsable)
            session.close()
        }
    }
}
