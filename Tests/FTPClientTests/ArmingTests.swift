import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Ports that are asked for before there is a transfer for them, and replies that nobody waits for.
@Suite struct ArmingTests {
    private static let banner = "220 (vsFTPd 3.0.3)"
    private static let features = ["MDTM", "SIZE"]

    /// Plays a server that is known to bear everything, after a transfer that has shown that its ports can be reached; the client's part
    /// begins with that transfer done and the next port asked for.
    private static func playWarm(
        _ script: @escaping @Sendable (Counterpart) throws -> Void,
        client: (Session, Record) throws -> Void
    ) throws {
        try play { script1 in
            guard script1.isFirst else { return script1.waitForEnd() }
            try script1.logIn(banner: banner, features: features)
            try script1.send(noise(10), on: try script1.begin("RETR"))
            try script1.reply("226 done")
            try script(script1)
            script1.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f"), expecting: 10) == noise(10))
            try client(session, record)
        }
    }

    /// Gives the session its turns until its port is connected to.
    private static func attend(_ session: Session, until readiness: Int) -> Bool {
        waitUntil(within: .seconds(30)) {
            session.attend()
            return session.readiness == readiness
        }
    }

    private static func readAgain(_ session: Session) throws {
        #expect(try session.content(path("/f"), expecting: 20) == noise(20))
    }

    @Test("a transfer goes over a connection that was made while the session was idle")
    func armed() throws {
        let connected = Gate()
        try Self.playWarm { script in
            let listener = try script.passive()
            guard let connection = listener.accept(within: 60_000) else {
                throw TestConnectionError(description: "no connection ahead")
            }
            connected.open()
            try script.answer("RETR", "150 here")
            try connection.secure(script.context)
            try script.send(noise(20), on: connection)
            try script.reply("226 done")
        } client: { session, _ in
            #expect(Self.attend(session, until: 2))
            connected.pass()
            try Self.readAgain(session)
        }
    }

    @Test("a port that was closed in the meantime is replaced unseen", arguments: [true, false])
    func stale(_ isReset: Bool) throws {
        let closed = Gate()
        try Self.playWarm { script in
            let listener = try script.passive()
            guard let connection = listener.accept(within: 60_000) else {
                throw TestConnectionError(description: "no connection ahead")
            }
            if isReset { connection.reset() } else { connection.close() }
            closed.open()
            try script.send(noise(20), on: try script.begin("RETR"))
            try script.reply("226 done")
        } client: { session, record in
            #expect(Self.attend(session, until: 2))
            closed.pass()
            // The end travels through the kernel alone.
            _ = try session.run([])
            try Self.readAgain(session)
            #expect(record.all.filter { $0 == "RETR /f" }.count == 2)
        }
    }

    @Test(
        "a port that is not taken for a transfer is replaced, and after two such no other is asked for ahead")
    func refused() throws {
        try Self.playWarm { script in
            for _ in 0..<2 {
                let listener = try script.passive()
                guard let connection = listener.accept(within: 60_000) else {
                    throw TestConnectionError(description: "no connection ahead")
                }
                try script.answer("RETR", "425 Failed to establish connection.")
                connection.close()
                try script.send(noise(20), on: try script.begin("RETR"))
                try script.reply("226 done")
            }
            try script.answer("NOOP", "200 ok")
        } client: { session, record in
            for _ in 0..<2 {
                #expect(Self.attend(session, until: 2))
                try Self.readAgain(session)
            }
            #expect(session.readiness == 0)
            let answer = try session.run(.noop)
            #expect(answer.isSuccess)
            #expect(record.all.last == "NOOP")
        }
    }

    @Test("a server that refuses to name a port ahead is asked again when there is a transfer")
    func noPort() throws {
        try Self.playWarm { script in
            try script.answer("EPSV", "425 no port")
            try script.send(noise(20), on: try script.begin("RETR"))
            try script.reply("226 done")
        } client: { session, _ in
            #expect(Self.attend(session, until: 0))
            try Self.readAgain(session)
        }
    }

    @Test("a complete file needs no waiting for 226, and questions go ahead of it")
    func lateReply() throws {
        try Self.playWarm { script in
            try script.send(noise(20), on: try script.begin("RETR"))
            // Not before the client has gone on.
            let listener = try TestListener()
            try script.expect("EPSV")
            try script.expect("SIZE /g")
            try script.reply("226 done")
            try script.reply("229 here (|||\(listener.port)|)")
            try script.reply("213 5")
        } client: { session, _ in
            try Self.readAgain(session)
            #expect(session.isUsable && session.isSettled)
            let size = try session.size(path("/g"))
            #expect(size == 5)
        }
    }

    @Test(
        "what a server says after a file that has come whole changes nothing",
        arguments: ["426 broken", "451 disk"])
    func lateFailure(_ reply: String) throws {
        try Self.playWarm { script in
            try script.send(noise(20), on: try script.begin("RETR"))
            // Before that the client has seen the end of the file.
            try script.expect("EPSV")
            let listener = try TestListener()
            try script.reply("\(reply)\r\n229 here (|||\(listener.port)|)")
            try script.answer("SIZE /g", "213 5")
        } client: { session, _ in
            try Self.readAgain(session)
            let size = try session.size(path("/g"))
            #expect(size == 5)
        }
    }

    @Test("a file of unknown size is complete with 226 alone")
    func unknownSize() throws {
        try Self.playWarm { script in
            try script.send(noise(20), on: try script.begin("RETR"))
            try script.reply("426 broken")
        } client: { session, _ in
            #expect(failure { _ = try session.content(path("/f")) }?.code == 426)
        }
    }

    @Test("421 in place of a late reply ends the session and is not taken for an answer")
    func dismissed() throws {
        try Self.playWarm { script in
            try script.send(noise(20), on: try script.begin("RETR"))
            try script.answer("EPSV", "421 Timeout.")
        } client: { session, _ in
            try Self.readAgain(session)
            #expect(failure { _ = try session.size(path("/g")) }?.name == "unavailable")
            #expect(!session.isUsable)
        }
    }

    @Test("no port is asked for ahead, and every answer is waited for, where the user says so")
    func switchedOff() throws {
        try play { script in
            try script.protect(banner: Self.banner)
            for (command, answer) in [
                ("USER", "331 go on"), ("PASS", "230 in"), ("PBSZ", "200 ok"), ("PROT P", "200 ok"),
                ("FEAT", "211-x\r\n SIZE\r\n211 end"), ("OPTS UTF8", "200 ok"), ("TYPE I", "200 ok"),
                ("PWD", "257 \"/\""), ("SIZE", "213 1"), ("SIZE", "213 2"),
            ] {
                try script.expect(command)
                #expect(!script.hasMore, "\(command) was not waited for")
                try script.reply(answer)
            }
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.shortcuts = []
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.run([.size(path("/f")), .size(path("/g"))]).map(\.code) == [213, 213])
            session.arm()
            #expect(session.readiness == 0)
        }
    }

    @Test("a known server gets the log-in in one flight")
    func loginFlight() throws {
        try play { script in
            try script.protect(banner: Self.banner)
            for command in [
                "USER", "PASS", "PBSZ", "PROT P", "FEAT", "OPTS UTF8", "TYPE I", "PWD", "OPTS MLST",
            ] {
                try script.expect(command)
            }
            for answer in [
                "331 go on", "230 in", "200 ok", "200 ok", "211-x\r\n SIZE\r\n211 end", "200 ok", "200 ok",
                "257 \"/home\"", "500 what",
            ] {
                try script.reply(answer)
            }
            let listener = try script.passive()
            script.waitForEnd()
            withExtendedLifetime(listener) {}
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(session.home == path("/home"))
            #expect(Self.attend(session, until: 2))
        }
    }

    @Test("a password that is refused is sent once, in one flight too")
    func refusedLogin() throws {
        try play { script in
            try script.protect(banner: Self.banner)
            try script.answer("USER", "331 go on")
            try script.answer("PASS", "530 Login incorrect.")
            script.waitForEnd()
        } client: { configuration, record in
            #expect(failure { _ = try open(configuration) }?.name == "loginRefused")
            #expect(record.all.filter { $0.hasPrefix("PASS") }.count == 1)
        }
    }

    @Test("a server that wants PROT ahead of USER gets it behind a flight that it has refused")
    func protectionFirst() throws {
        try play { script in
            try script.protect(banner: Self.banner)
            try script.answer("USER", "536 PROT P first")
            try script.answer("PASS", "503 USER first")
            for command in ["PBSZ", "PROT P"] { try script.answer(command, "200 ok") }
            for command in ["FEAT", "OPTS UTF8", "TYPE I", "PWD", "OPTS MLST", "EPSV"] {
                try script.answer(command, "530 log in")
            }
            try script.answer("USER", "331 go on")
            try script.answer("PASS", "230 in")
            try script.answer("FEAT", "211-x\r\n SIZE\r\n211 end")
            for command in ["OPTS UTF8", "TYPE I"] { try script.answer(command, "200 ok") }
            try script.answer("PWD", "257 \"/\"")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(session.features.hasSize)
        }
    }
}
