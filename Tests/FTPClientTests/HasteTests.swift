import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// What the client sends before it has been asked for it: AUTH ahead of the greeting, and the command for the first port with the log-in.
@Suite struct HasteTests {
    /// Takes AUTH first, and greets then.
    private static func protectLate(_ script: Counterpart, banner: String = "220 ready") throws {
        try script.expect("AUTH TLS")
        try script.reply(banner)
        try script.reply("234 go on")
        try script.control.secure(script.context)
    }

    @Test("AUTH goes out without waiting for the greeting")
    func authAhead() throws {
        try play { script in
            try Self.protectLate(script)
            try script.identify()
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(session.greeting.text == "ready")
            #expect(try session.run(.noop).isSuccess)
        }
    }

    /// How a server may be put off by a command that comes before it has spoken.
    enum Offence: CaseIterable {
        case hangsUp, hangsUpAfterGreeting, isConfused, refuses, doesNotGreet
    }

    @Test(
        "a server that is put off by that is connected to once more, and asked behind its greeting ever after",
        arguments: Offence.allCases)
    func putOff(_ offence: Offence) throws {
        try play { script in
            if script.isFirst {
                try script.expect("AUTH TLS")
                switch offence {
                case .hangsUp: break
                case .hangsUpAfterGreeting: try script.reply("220 ready")
                case .isConfused: try script.reply("234 go on\r\n220 ready")
                case .refuses: try script.reply("220 ready\r\n503 wait until you are greeted")
                case .doesNotGreet: try script.reply("500 what")
                }
                return script.control.close()
            }
            #expect(!script.control.isReadable(within: 100))
            try script.logIn()
            script.waitForEnd()
        } client: { configuration, record in
            let profile = ServerProfile()
            try open(configuration, profile).close()
            try open(configuration, profile).close()
            #expect(record.all.filter { $0 == "AUTH TLS" }.count == 3)
        }
    }

    @Test("a server that has taken it before and hangs up now is asked again by the next log-in, not at once")
    func lostLater() throws {
        let connections = Monitor(0)
        try play { script in
            let count = connections.withLock { count in
                count += 1
                return count
            }
            switch count {
            case 1:
                try Self.protectLate(script)
                try script.identify()
            case 2, 3:
                try script.expect("AUTH TLS")
                return script.control.close()
            default:
                #expect(!script.control.isReadable(within: 100))
                try script.logIn()
            }
            script.waitForEnd()
        } client: { configuration, _ in
            let profile = ServerProfile()
            try open(configuration, profile).close()
            #expect(failure { try open(configuration, profile).close() }?.name == "connectionLost")
            #expect(connections.withLock { $0 } == 2)
            try open(configuration, profile).close()
            #expect(connections.withLock { $0 } == 4)
        }
    }

    @Test("without pipelining the greeting is waited for")
    func withoutPipelining() throws {
        try play { script in
            #expect(!script.control.isReadable(within: 100))
            try script.logIn()
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.shortcuts.remove(.pipelining)
            try open(configuration).close()
        }
    }

    @Test("plain text behind the consent ends the connection, whenever AUTH went out")
    func injected() throws {
        try play { script in
            if script.isFirst { try script.expect("AUTH TLS") }
            try script.reply("220 ready")
            if !script.isFirst { try script.expect("AUTH TLS") }
            try script.reply("234 go on\r\n230 welcome")
            script.waitForEnd()
        } client: { configuration, record in
            #expect(failure { try open(configuration).close() }?.name == "protocolViolation")
            #expect(!record.contains("USER"))
        }
    }

    @Test(
        "the first port is asked for in the flight that logs in, and its transfer goes over the connection made then"
    )
    func firstPort() throws {
        try play { script in
            let banner = "220 (vsFTPd 3.0.3)"
            try Self.protectLate(script, banner: banner)
            let listener = try TestListener()
            for _ in 0..<4 { try script.expect("") }
            // All has come before anything is answered.
            for verb in ["FEAT", "OPTS UTF8", "TYPE I", "PWD", "OPTS MLST", "EPSV"] {
                try script.expect(verb)
            }
            for reply in ["331 who", "230 welcome", "200 ok", "200 ok"] { try script.reply(reply) }
            try script.reply("211-features\r\n SIZE\r\n211 end")
            for reply in ["200 ok", "200 ok", "257 \"/\"", "500 what"] { try script.reply(reply) }
            try script.reply("229 here (|||\(listener.port)|)")
            guard let connection = listener.accept(within: 60_000) else {
                throw TestConnectionError(description: "no connection ahead")
            }
            try script.answer("RETR", "150 here")
            try connection.secure(script.context)
            try script.send(noise(20), on: connection)
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f"), expecting: 20) == noise(20))
        }
    }
}
