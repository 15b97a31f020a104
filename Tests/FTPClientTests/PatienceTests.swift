import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// How long a session waits for a server that has much to say and never comes to the point, or owes an answer to somebody else.
@Suite struct PatienceTests {
    @Test("preliminary replies do not prolong the time limit of a command")
    func slowPreliminaryReplies() throws {
        try play { script in
            try script.logIn()
            try script.expect("SIZE")
            while !script.control.isReadable(within: 100) {
                guard (try? script.reply("150 wait")) != nil else { return }
            }
        } client: { configuration, _ in
            var configuration = configuration
            configuration.replyTimeout = .seconds(2)
            let session = try open(configuration)
            #expect(failure { _ = try session.size(path("/f")) }?.name == "timedOut")
            #expect(!session.isUsable)
            session.close()
        }
    }

    @Test("preliminary replies without end are given up")
    func manyPreliminaryReplies() throws {
        try play { script in
            try script.logIn()
            try script.expect("SIZE")
            while (try? script.reply("150 wait")) != nil {}
        } client: { configuration, _ in
            let session = try open(configuration)
            #expect(failure { _ = try session.size(path("/f")) }?.name == "protocolViolation")
            #expect(!session.isUsable)
            session.close()
        }
    }

    @Test("preliminary replies without end do not hold a transfer up for ever")
    func manyPreliminaryRepliesDuringTransfer() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            while (try? script.reply("150 wait")) != nil {}
            data.close()
        } client: { configuration, _ in
            let session = try open(configuration)
            #expect(failure { _ = try session.content(path("/f")) }?.name == "protocolViolation")
            #expect(!session.isUsable)
            session.close()
        }
    }

    @Test("greetings without end are given up")
    func manyGreetings() throws {
        try play { script in
            while (try? script.reply("120 soon")) != nil {}
        } client: { configuration, _ in
            var configuration = configuration
            configuration.connectTimeout = .seconds(1)
            configuration.replyTimeout = .seconds(1)
            #expect(failure { try open(configuration).close() }?.name == "timedOut")
        }
    }

    @Test("a session owes replies after an interruption, and takes them when they come")
    func settles() throws {
        let (request, go) = (Request(), TestResult<Bool>())
        try play { script in
            try script.logIn()
            try script.expect("NOOP")
            request.cancel()
            _ = try go.wait()
            try script.reply("200 late")
            try script.answer("SIZE", "213 5")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            session.bind(to: request)
            #expect(session.isSettled)
            #expect(failure { _ = try session.run(.noop) }?.name == "interrupted")
            session.unbind()
            #expect(session.looksAlive() && !session.isSettled)
            go.set(true)
            waitUntil(within: .seconds(30)) { session.looksAlive() && session.isSettled }
            #expect(session.isSettled)
            #expect(try session.size(path("/f")) == 5)
        }
    }

    @Test("the replies that an interrupted caller has left behind are not waited for long")
    func settlesSoonOrNever() throws {
        let request = Request()
        try play { script in
            try script.logIn()
            try script.expect("NOOP")
            request.cancel()
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            session.bind(to: request)
            #expect(failure { _ = try session.run(.noop) }?.name == "interrupted")
            session.unbind()
            let error = failure { _ = try session.size(path("/f")) }?.error
            #expect(error?.description == "timed out: reply to NOOP, left behind by an interrupted caller")
            #expect(!session.isUsable)
            session.close()
        }
    }
}
