import FTPWire
import Logging
import Posix
import Remote
import TLS
import TestSupport
import Testing

@testable import FTPClient

/// What a hostile or broken server can try before and at the log-in.
@Suite struct ProtectionTests {
    @Test(
        "without 234 nothing but QUIT follows AUTH: no name, no password, no plain text",
        arguments: [
            "500 what", "502 no", "504 no", "530 log in first", "534 no", "334 go on", "200 fine",
            "431 later",
            "230 welcome", "421 not now",
        ])
    func authRefused(_ answer: String) throws {
        try play { script in
            try script.reply("220 ready")
            try script.answer("AUTH TLS", answer)
            script.waitForEnd()
        } client: { configuration, record in
            // 421 may pass, all else is a verdict.
            let isPassing = answer.hasPrefix("421")
            let error = failure { try open(configuration).close() }
            #expect(error?.name == (isPassing ? "unavailable" : "protectionRefused"))
            waitUntil(within: .seconds(30)) { record.contains("QUIT") }
            #expect(record.all == ["AUTH TLS", "QUIT"])
        }
    }

    @Test("plain text behind the reply to AUTH ends the connection")
    func injection() throws {
        try play { script in
            try script.reply("220 ready")
            try script.answer("AUTH TLS", "234 go on\r\n331 injected")
            script.waitForEnd()
        } client: { configuration, record in
            #expect(failure { try open(configuration).close() }?.name == "protocolViolation")
            #expect(!record.contains("USER") && !record.contains("PASS"))
        }
    }

    @Test("half a reply behind the reply to AUTH ends the connection too")
    func halfInjection() throws {
        try play { script in
            try script.reply("220 ready")
            try script.expect("AUTH TLS")
            try script.control.write("234 go on\r\n331")
            script.waitForEnd()
        } client: { configuration, record in
            #expect(failure { try open(configuration).close() }?.name == "protocolViolation")
        }
    }

    @Test("a session without PROT P is no session", arguments: ["500 what", "534 no", "536 no", "220 hm"])
    func protRefused(_ answer: String) throws {
        try play { script in
            try script.protect()
            try script.answer("USER", "331 who")
            try script.answer("PASS", "230 welcome")
            try script.answer("PBSZ", "200 ok")
            try script.answer("PROT P", answer)
            for _ in 0..<4 { try script.reply(try script.line() == "PWD" ? "257 \"/\"" : "200 ok") }
            script.waitForEnd()
        } client: { configuration, record in
            #expect(failure { try open(configuration).close() }?.name == "protectionRefused")
            #expect(!record.contains("EPSV"))
        }
    }

    @Test("a session without TYPE I is no session")
    func typeRefused() throws {
        try play { script in
            try script.protect()
            try script.answer("USER", "331 who")
            try script.answer("PASS", "230 welcome")
            for _ in 0..<6 { try script.reply(try script.line() == "TYPE I" ? "504 no" : "200 ok") }
            script.waitForEnd()
        } client: { configuration, _ in
            #expect(failure { try open(configuration).close() }?.verb == "TYPE")
        }
    }

    @Test(
        "a server that refuses our certificate refuses TLS, at whatever moment it says so",
        arguments: [
            TestServerTLS.Version.v1_2, .v1_3,
        ])
    func clientCertificateRefused(_ version: TestServerTLS.Version) throws {
        var settings = TestServerTLS(only: version)
        settings.clientAuthority = .authority
        try play(settings) { script in
            try? script.protect()
            script.control.waitForFIN()
        } client: { configuration, _ in
            #expect(failure { try open(configuration).close() }?.name == "tls")
        }
    }

    @Test("a server may take longer to greet than a connection may take")
    func slowGreeting() throws {
        try play { script in
            #expect(!script.control.isReadable(within: 2000))
            try script.logIn()
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.connectTimeout = .seconds(1)
            // Nothing is to come ahead of the greeting, which is what the server waits for in vain.
            configuration.shortcuts.remove(.pipelining)
            try open(configuration).close()
        }
    }

    @Test("a session whose tickets have expired is to be replaced")
    func expiredTickets() throws {
        var settings = TestServerTLS()
        settings.lifetime = 1
        try play(settings) { script in
            try script.logIn()
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(session.needsReplacement)
            waitUntil(within: .seconds(30)) { !session.tickets.canResume }
            #expect(session.needsReplacement)
        }
    }

    @Test("FEAT is asked inside TLS, after the log-in")
    func featuresInside() throws {
        try play { script in
            try script.logIn()
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            session.close()
            let all = record.all
            #expect(
                all.firstIndex(of: "FEAT").map { $0 > (all.firstIndex(of: "PASS kite-4711") ?? 99) } == true)
            #expect(session.features.hasMachineListing)
        }
    }

    @Test("a name with a line end never leaves the machine")
    func injectedName() throws {
        try play { script in
            try script.protect()
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.user = Array("alice\r\nDELE /x".utf8)
            #expect(failure { try open(configuration).close() }?.name == "invalidName")
            #expect(record.all == ["AUTH TLS"] || record.all == ["AUTH TLS", "QUIT"])
        }
    }

    @Test(
        "a password is sent as it is, and one with a line end never",
        arguments: ["p\u{e4}ss w\u{f6}rd ", "", "x\r\nDELE /x"])
    func passwordBytes(_ password: String) throws {
        let isSafe = !password.contains("\r\n")
        try play { script in
            if isSafe {
                try script.logIn()
            } else {
                try script.protect()
                try script.answer("USER", "331 who")
            }
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.password = SecretBytes(text: password)
            if isSafe {
                try open(configuration).close()
                #expect(record.all.contains("PASS " + password))
            } else {
                #expect(failure { try open(configuration).close() }?.name == "invalidName")
                #expect(!record.contains("PASS") && !record.contains("DELE"))
            }
        }
    }

    @Test(
        "refusals instead of the greeting are told apart",
        arguments: [
            ("421 There are too many connections from your internet address.", "tooManyConnections"),
            ("421 Service not available, remote server has closed connection", "unavailable"),
            (
                "530 Sorry, the maximum number of clients (1) from your host are already connected.",
                "tooManyConnections"
            ),
        ])
    func greetings(_ answer: String, _ expected: String) throws {
        try play { script in
            try script.reply(answer)
        } client: { configuration, _ in
            #expect(failure { try open(configuration).close() }?.name == expected)
        }
    }

    @Test(
        "answers to the log-in are told apart",
        arguments: [
            ("530 Login incorrect.", "loginRefused"),
            (
                "530 Sorry, the maximum number of clients (1) from your host are already connected.",
                "tooManyConnections"
            ),
            ("421 Too many connections", "tooManyConnections"),
            ("421 Shutting down", "unavailable"),
            ("332 need an account", "loginRefused"),
        ])
    func passwords(_ answer: String, _ expected: String) throws {
        try play { script in
            try script.protect()
            try script.answer("USER", "331 who")
            try script.answer("PASS", answer)
            script.waitForEnd()
        } client: { configuration, _ in
            #expect(failure { try open(configuration).close() }?.name == expected)
        }
    }

    @Test("no password is asked for where USER is enough")
    func userAlone() throws {
        try play { script in
            try script.protect()
            try script.answer("USER", "230 welcome")
            for _ in 0..<6 { try script.reply(try script.line() == "PWD" ? "257 \"/home/alice\"" : "200 ok") }
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            #expect(session.home == path("/home/alice"))
            session.close()
            #expect(!record.contains("PASS"))
        }
    }

    @Test("the password is in no log")
    func secrets() throws {
        try play { script in
            try script.logIn()
            script.waitForEnd()
        } client: { configuration, _ in
            let lines = Record()
            var configuration = configuration
            configuration.logger = Logger(label: "test") { _ in RecordingHandler(lines) }
            configuration.logger.logLevel = .debug
            try open(configuration).close()
            #expect(lines.all.contains { $0.contains("PASS ****") })
            #expect(!lines.all.contains { $0.contains("kite-4711") })
        }
    }
}

/// Keeps messages.
private struct RecordingHandler: LogHandler {
    let record: Record
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    init(_ record: Record) { self.record = record }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { record.add(event.message.description) }
}
