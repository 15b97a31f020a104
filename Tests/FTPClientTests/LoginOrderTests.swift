import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Log-ins in the order that server or user dictate (RFC 4217 sections 4.2, 10.3 and 12).
@Suite struct LoginOrderTests {
    /// Answers everything between log-in and first use; gives the commands up to PWD.
    private static func setUp(_ script: Counterpart) throws {
        while true {
            let line = try script.line()
            try script.reply(line == "PWD" ? "257 \"/\"" : "200 ok")
            if line == "PWD" { return }
        }
    }

    private static let end = ["FEAT", "OPTS UTF8 ON", "TYPE I", "PWD"]

    @Test(
        "AUTH asks for what the user has chosen",
        arguments: [
            (Command.Authentication.ssl, "AUTH SSL"), (.tlsC, "AUTH TLS-C"), (.tlsP, "AUTH TLS-P"),
        ])
    func mechanism(_ mechanism: Command.Authentication, _ line: String) throws {
        try play { script in
            try script.reply("220 ready")
            try script.answer(line, "234 go on")
            try script.control.secure(script.context)
            try script.answer("USER", "230 welcome")
            try Self.setUp(script)
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dialogue.mechanism = mechanism
            try open(configuration).close()
            // Data connections are protected by word all the same.
            #expect(record.contains("PBSZ 0") && record.contains("PROT P"))
        }
    }

    @Test("the user's commands have their places around AUTH and the log-in")
    func extras() throws {
        try play { script in
            try script.reply("220 ready")
            try script.answer("CLNT x", "200 ok")
            try script.answer("AUTH TLS", "234 go on")
            try script.control.secure(script.context)
            try script.answer("HOST ftp.example.com", "220 hello")
            try script.answer("USER", "331 who")
            try script.answer("PASS", "230 welcome")
            try script.answer("SITE UMASK 022", "500 what")
            try script.answer("OPTS X", "100 wait\r\n200 ok")
            try Self.setUp(script)
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dialogue.beforeAuth = [.init(try .raw("CLNT x".utf8))]
            configuration.dialogue.beforeLogin = [.init(try .raw("HOST ftp.example.com".utf8))]
            configuration.dialogue.afterLogin = [
                .init(try .raw("SITE UMASK 022".utf8), mayFail: true), .init(try .raw("OPTS X".utf8)),
            ]
            try open(configuration).close()
            let rest = record.all.drop { $0 != "PBSZ 0" }
            #expect(Array(rest.prefix(6)) == ["PBSZ 0", "PROT P"] + Self.end)
        }
    }

    @Test("a refused command of the user's ends the log-in, and before AUTH without any secret")
    func refusedExtra() throws {
        try play { script in
            try script.reply("220 ready")
            try script.answer("HOST", "504 no such host")
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dialogue.beforeAuth = [.init(try .raw("HOST ftp.example.com".utf8))]
            let error = failure { try open(configuration).close() }
            #expect(error?.name == "refused" && error?.verb == "HOST" && error?.code == 504)
            waitUntil(within: .seconds(30)) { record.contains("QUIT") }
            #expect(record.all == ["HOST ftp.example.com", "QUIT"])
        }
    }

    @Test("PBSZ and PROT can lead, and are not said twice")
    func protectionFirst() throws {
        try play { script in
            try script.protect()
            try script.answer("PBSZ 0", "200 ok")
            try script.answer("PROT P", "200 ok")
            try script.answer("USER", "331 who")
            try script.answer("PASS", "230 welcome")
            try Self.setUp(script)
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dialogue.order = .protectionFirst
            try open(configuration).close()
            #expect(record.all.filter { $0 == "PROT P" }.count == 1)
        }
    }

    @Test(
        "a server that wants the log-in first gets it first",
        arguments: ["503 bad order", "530 log in", "536 not yet"])
    func protectionFirstRefused(_ answer: String) throws {
        try play { script in
            try script.protect()
            try script.answer("PBSZ 0", answer)
            try script.answer("PROT P", answer)
            try script.answer("USER", "331 who")
            try script.answer("PASS", "230 welcome")
            try Self.setUp(script)
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dialogue.order = .protectionFirst
            try open(configuration).close()
            #expect(record.all.filter { $0 == "PROT P" }.count == 2)
        }
    }

    @Test(
        "a server that takes no PROT at all is refused, whatever the order",
        arguments: ["500 what", "534 no"])
    func noProtection(_ answer: String) throws {
        try play { script in
            try script.protect()
            try script.answer("PBSZ 0", "200 ok")
            try script.answer("PROT P", answer)
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dialogue.order = .protectionFirst
            #expect(failure { try open(configuration).close() }?.name == "protectionRefused")
            #expect(!record.contains("USER"))
        }
    }

    @Test(
        "a server that wants PROT before USER gets it, and the next session begins with it",
        arguments: ["503 PROT first", "530 no unprotected data", "536 no unprotected data"])
    func userRefused(_ answer: String) throws {
        try play { script in
            try script.protect()
            if try script.line() == "PBSZ 0" {
                try script.reply("200 ok")
            } else {
                try script.reply(answer)
                try script.answer("PBSZ 0", "200 ok")
            }
            try script.answer("PROT P", "200 ok")
            try script.answer("USER", "331 who")
            try script.answer("PASS", "230 welcome")
            try Self.setUp(script)
            script.waitForEnd()
        } client: { configuration, record in
            let profile = ServerProfile()
            try open(configuration, profile).close()
            try open(configuration, profile).close()
            #expect(record.all.filter { $0.hasPrefix("USER") }.count == 3)
            #expect(record.all.filter { $0.hasPrefix("PASS") }.count == 2)
        }
    }

    @Test("a wrong password is sent once, although 530 may mean another order elsewhere")
    func wrongPassword() throws {
        try play { script in
            try script.protect()
            try script.answer("USER", "331 who")
            try script.answer("PASS", "530 wrong")
            script.waitForEnd()
        } client: { configuration, record in
            #expect(failure { try open(configuration).close() }?.name == "loginRefused")
            waitUntil(within: .seconds(30)) { record.contains("QUIT") }
            #expect(record.all.filter { $0.hasPrefix("PASS") }.count == 1 && !record.contains("PROT"))
        }
    }

    @Test("an account is given where the server asks for one", arguments: ["PASS", "USER"])
    func account(_ verb: String) throws {
        try play { script in
            try script.protect()
            if verb == "PASS" {
                try script.answer("USER", "331 who")
                try script.answer("PASS", "332 account")
            } else {
                try script.answer("USER", "332 account")
            }
            try script.answer("ACCT blue", "230 welcome")
            try Self.setUp(script)
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.dialogue.account = SecretBytes(text: "blue")
            try open(configuration).close()
        }
    }

    @Test("PBSZ and PROT ahead of the log-in work on real servers, or follow it", arguments: ServerCase.all)
    func real(_ test: ServerCase) throws {
        let server = try test.server
        let name = "/order-\(test.kind)-\(test.tls)"
        try server.put(name, [7])
        let session = try server.session {
            $0.dialogue.order = .protectionFirst
            if let opts = try? Command.raw("OPTS UTF8 ON".utf8) {
                $0.dialogue.afterLogin = [.init(opts, mayFail: true)]
            }
        }
        defer { session.close() }
        #expect(try session.content(path(name)) == [7])
    }
}
