import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Control connections that go on in clear text after the log-in (CCC, RFC 4217 sections 5 and 12.3).
@Suite struct ClearingTests {
    /// Opens a session that clears its control connection, or only tries to.
    private static func clearing(
        _ configuration: SessionConfiguration, _ policy: LoginDialogue.Clearing = .required,
        _ profile: ServerProfile = ServerProfile()
    ) throws -> Session {
        var configuration = configuration
        configuration.dialogue.clearing = policy
        return try open(configuration, profile)
    }

    @Test("CCC comes last, commands are clear from there on, and data connections stay protected")
    func cleared() throws {
        try play { script in
            try script.logIn()
            try script.answer("CCC", "200 as you like")
            try script.control.unsecure()
            let data = try script.begin("RETR /f")
            try script.send(Array("content".utf8), on: data)
            guard data.isSecured, data.isResumed, !script.control.isSecured else {
                throw TestConnectionError(description: "not as agreed")
            }
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try Self.clearing(configuration)
            #expect(try session.content(path("/f"), expecting: 7) == Array("content".utf8))
            session.close()
            waitUntil(within: .seconds(30)) { record.contains("QUIT") }
            #expect(record.all.drop { $0 != "CCC" } == ["CCC", "EPSV", "RETR /f", "QUIT"])
        }
    }

    @Test("no PROT follows CCC, whatever other sessions have learned")
    func levelStays() throws {
        try play { script in
            try script.logIn(level: "C")
            try script.answer("CCC", "200 as you like")
            try script.control.unsecure()
            let listener = try script.passive()
            try script.answer("RETR", "150 here it comes")
            guard let data = listener.accept(within: 60_000) else {
                throw TestConnectionError(description: "no data connection")
            }
            try data.write([1, 2, 3])
            data.endSending()
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dataProtection = .clear
            let profile = ServerProfile()
            let session = try Self.clearing(configuration, .required, profile)
            defer { session.close() }
            // Another session, at another machine of the same service, was refused.
            profile.update { $0.clearRefusals = 3 }
            #expect(try session.content(path("/f")) == [1, 2, 3])
            #expect(!record.all.drop { $0 != "CCC" }.contains { $0.hasPrefix("PROT") })
        }
    }

    @Test("a refused CCC leaves the connection protected where it was only tried, and is not tried again")
    func refused() throws {
        try play { script in
            try script.logIn()
            if script.isFirst { try script.answer("CCC", "534 I will not") }
            try script.answer("NOOP", script.control.isSecured ? "200 still here" : "500 in the clear")
            script.waitForEnd()
        } client: { configuration, record in
            let profile = ServerProfile()
            for _ in 0..<2 {
                let session = try Self.clearing(configuration, .tried, profile)
                try session.perform(.noop)
                session.close()
            }
            #expect(record.all.filter { $0 == "CCC" }.count == 1)
        }
    }

    @Test("a refused CCC ends the log-in where it is required", arguments: [500, 533, 534])
    func requiredAndRefused(_ code: Int) throws {
        try play { script in
            try script.logIn()
            try script.answer("CCC", "\(code) no")
            script.waitForEnd()
        } client: { configuration, record in
            let error = failure { try Self.clearing(configuration).close() }
            #expect(error?.verb == "CCC" && error?.code == code)
            waitUntil(within: .seconds(30)) { record.contains("QUIT") }
        }
    }

    /// What a server does wrong after its 200.
    enum Fault: CaseIterable, Sendable {
        /// It ends TCP with TLS.
        case closes
        /// It says nothing about the end of TLS.
        case isSilent
        /// It goes on talking inside TLS.
        case talks
        /// It answers in clear text without having ended TLS.
        case skipsTheEnd

        func play(_ script: Counterpart) throws {
            switch self {
            case .closes: script.control.endSending()
            case .isSilent: break
            case .talks: try script.reply("220 more")
            case .skipsTheEnd: try script.control.writeRaw(Array("220 clear\r\n".utf8))
            }
            script.waitForEnd()
        }
    }

    @Test(
        "a server that cannot take TLS off is asked without, or there is no session",
        arguments: Fault.allCases)
    func faults(_ fault: Fault) throws {
        for policy in [LoginDialogue.Clearing.tried, .required] {
            try play { script in
                try script.logIn()
                let isSecond = policy == .tried && !script.isFirst
                if isSecond {
                    try script.answer("NOOP", "200 here")
                } else {
                    try script.answer("CCC", "200 now")
                    try fault.play(script)
                }
                script.waitForEnd()
            } client: { configuration, record in
                var configuration = configuration
                configuration.replyTimeout = .milliseconds(500)
                switch policy {
                case .tried:
                    let session = try Self.clearing(configuration, .tried)
                    try session.perform(.noop)
                    session.close()
                    #expect(record.all.filter { $0 == "CCC" }.count == 1)
                default:
                    #expect(failure { try Self.clearing(configuration).close() }?.name == "connectionLost")
                }
            }
        }
    }

    @Test(
        "real servers: transfers and listings after CCC",
        arguments: ServerCase.kinds(ServerKind.available(except: .vsftpd, .pyftpdlib)))
    func real(_ server: ServerCase) throws {
        // vsftpd 3.0.3 and pyftpdlib 2.2 do not know CCC; ProFTPD allows it where TLS is not required for commands.
        let fixture = try ServerFixture(
            server.kind,
            ServerOptions {
                $0.tls = server.tls
                if server.kind == .proftpd { $0.extra = ["TLSRequired auth+data"] }
            })
        let session = try fixture.session { $0.dialogue.clearing = .required }
        defer { session.close() }
        let path = path("/cleared")
        try session.put(path, Array("content".utf8))
        #expect(try session.content(path) == Array("content".utf8))
        #expect(try session.list(.root).entries.map(\.name) == [FileName("cleared")])
    }

    @Test("real servers that refuse CCC", arguments: ServerKind.available(except: .pureftpd))
    func realRefusal(_ kind: ServerKind) throws {
        let server = try ServerCase(kind: kind, tls: .only13).server
        let session = try server.session { $0.dialogue.clearing = .tried }
        try session.perform(.noop)
        session.close()
        let error = failure { try server.session { $0.dialogue.clearing = .required }.close() }
        #expect(error?.verb == "CCC")
    }
}
