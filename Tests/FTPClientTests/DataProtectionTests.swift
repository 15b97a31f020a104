import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Levels of protection of data connections (RFC 4217 sections 9 and 10).
@Suite struct DataProtectionTests {
    /// Plays EPSV and a command on a connection without TLS.
    private static func beginClear(_ script: Counterpart, _ command: String) throws -> TestConnection {
        let listener = try script.passive()
        try script.answer(command, "150 here it comes")
        guard let data = listener.accept(within: 60_000) else {
            throw TestConnectionError(description: "no data connection")
        }
        return data
    }

    private static func sendClear(_ script: Counterpart, _ command: String, _ bytes: [UInt8]) throws {
        let data = try beginClear(script, command)
        try data.write(bytes)
        data.endSending()
        try script.reply("226 done")
        data.waitForFIN()
    }

    private static func send(_ script: Counterpart, _ command: String, _ bytes: [UInt8]) throws {
        try script.send(bytes, on: try script.begin(command))
        try script.reply("226 done")
    }

    /// Plays EPSV and a command that is refused.
    private static func refuse(_ script: Counterpart, _ command: String, _ answer: String) throws {
        let listener = try script.passive()
        try script.answer(command, answer)
        listener.stop()
    }

    private static let rows = Array("type=file;size=1; a\r\n".utf8)

    /// The commands behind the log-in, without their arguments but those of PROT.
    private static func verbs(_ record: Record) -> [String] {
        let lines = record.all
        let start = lines.firstIndex { $0 == "PWD" }.map { $0 + 1 } ?? 0
        return lines[start...].filter { $0 != "QUIT" }.map {
            $0.hasPrefix("PROT") ? $0 : String($0.prefix { $0 != " " })
        }
    }

    @Test("clear by the user's wish: files and listings come and go without TLS")
    func clear() throws {
        try play { script in
            try script.logIn(level: "C")
            try Self.sendClear(script, "RETR", noise(100_000))
            let upload = try Self.beginClear(script, "STOR")
            #expect(try upload.readAll() == noise(3_000_000))
            upload.close()
            try script.reply("226 done")
            try Self.sendClear(script, "MLSD", Self.rows)
            try Self.sendClear(script, "RETR", [])
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dataProtection = .clear
            let session = try open(configuration)
            #expect(try session.content(path("/f")) == noise(100_000))
            try session.put(path("/g"), noise(3_000_000))
            let listing = try session.list(path("/"))
            #expect(listing.entries.count == 1 && listing.isComplete)
            #expect(try session.content(path("/empty")) == [])
            session.close()
            #expect(!record.contains("PROT P"))
        }
    }

    @Test("a clear listing that ends in the middle of a row is an error, whatever the final reply says")
    func cutClearListing() throws {
        try play { script in
            try script.logIn(level: "C")
            try Self.sendClear(script, "MLSD", Array("type=file;size=1; one\r\ntype=file;size=2; tw".utf8))
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.dataProtection = .clear
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.list(.root) }?.name == "listing")
        }
    }

    @Test(
        "a server that refuses PROT C at the log-in gets PROT P",
        arguments: ["534 no", "521 no", "522 no", "536 no", "504 no", "500 what"])
    func clearRefused(_ answer: String) throws {
        try play { script in
            try script.protect()
            try script.answer("USER", "230 welcome")
            while true {
                let line = try script.line()
                try script.reply(line == "PROT C" ? answer : line == "PWD" ? "257 \"/\"" : "200 ok")
                if line == "PROT P" { break }
            }
            try Self.send(script, "RETR", noise(10))
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.dataProtection = .clear
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
        }
    }

    @Test("with clear-listings PROT is said when the level changes, and at no other time")
    func clearListings() throws {
        try play { script in
            try script.logIn(features: ["MLST type*;size*;"])
            try Self.send(script, "RETR", noise(10))
            try script.answer("PROT C", "200 ok")
            for _ in 0..<2 { try Self.sendClear(script, "MLSD", Self.rows) }
            try script.answer("PROT P", "200 ok")
            for _ in 0..<2 { try Self.send(script, "RETR", noise(10)) }
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dataProtection = .clearListings
            let session = try open(configuration)
            #expect(try session.content(path("/f")) == noise(10))
            for _ in 0..<2 { #expect(try session.list(path("/")).entries.count == 1) }
            for _ in 0..<2 { #expect(try session.content(path("/f")) == noise(10)) }
            session.close()
            #expect(record.all.filter { $0.hasPrefix("PROT") } == ["PROT P", "PROT C", "PROT P"])
        }
    }

    @Test("a server that refuses PROT C has its listings protected, and is not asked again")
    func clearListingsRefused() throws {
        try play { script in
            try script.logIn(features: ["MLST type*;size*;"])
            try script.answer("PROT C", "534 no")
            for _ in 0..<2 { try Self.send(script, "MLSD", Self.rows) }
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dataProtection = .clearListings
            let session = try open(configuration)
            for _ in 0..<2 { #expect(try session.list(path("/")).entries.count == 1) }
            session.close()
            #expect(Self.verbs(record) == ["PROT C", "EPSV", "MLSD", "EPSV", "MLSD"])
        }
    }

    @Test(
        "a clear listing that is refused is protected; the next is tried in the clear, up to three in a row",
        arguments: ["521 PROT P", "522 Data connections must be encrypted.", "534 no", "536 no"])
    func oneClearListingRefused(_ answer: String) throws {
        try play { script in
            try script.logIn(features: ["MLST type*;size*;"])
            for _ in 0..<3 {
                try script.answer("PROT C", "200 ok")
                try Self.refuse(script, "MLSD", answer)
                try script.answer("PROT P", "200 ok")
                try Self.send(script, "MLSD", Self.rows)
            }
            try Self.send(script, "MLSD", Self.rows)
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.dataProtection = .clearListings
            let session = try open(configuration)
            defer { session.close() }
            for _ in 0..<4 { #expect(try session.list(path("/")).entries.count == 1) }
        }
    }

    @Test(
        "PROT P is said once more where a transfer is refused for its level, and never PROT C",
        arguments: [
            "521 PROT P required", "522 Data connections must be encrypted.", "536 PROT P required",
        ])
    func levelLost(_ answer: String) throws {
        try play { script in
            try script.logIn()
            try Self.refuse(script, "STOR", answer)
            try script.answer("PBSZ 0", "200 ok")
            try script.answer("PROT P", "200 ok")
            #expect(try script.begin("STOR").readAll() == noise(10))
            try script.reply("226 done")
            // A second refusal is final.
            try Self.refuse(script, "RETR", answer)
            try script.answer("PBSZ 0", "200 ok")
            try script.answer("PROT P", "200 ok")
            try Self.refuse(script, "RETR", answer)
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            try session.put(path("/f"), noise(10))
            let error = failure { _ = try session.content(path("/f")) }
            #expect(error?.verb == "RETR" && error?.code == Int(answer.prefix(3)))
            #expect(try session.run(.noop).isSuccess)
            session.close()
            #expect(!record.contains("PROT C"))
        }
    }

    @Test("a server that takes PROT P back is refused, and nothing is transferred")
    func levelRefusedLater() throws {
        try play { script in
            try script.logIn()
            try Self.refuse(script, "RETR", "521 no")
            try script.answer("PBSZ 0", "200 ok")
            try script.answer("PROT P", "534 no more")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            #expect(failure { _ = try session.content(path("/f")) }?.name == "protectionRefused")
            session.close()
            #expect(record.all.filter { $0.hasPrefix("RETR") }.count == 1 && !record.contains("PROT C"))
        }
    }

    @Test("a listing in the clear makes no file clear: PROT P refused means that it stays where it is")
    func fileAfterClearListing() throws {
        try play { script in
            try script.logIn(features: ["MLST type*;size*;"])
            try script.answer("PROT C", "200 ok")
            try Self.sendClear(script, "MLSD", Self.rows)
            try script.answer("PROT P", "534 no")
            try Self.sendClear(script, "MLSD", Self.rows)
            script.waitForEnd()
        } client: { configuration, record in
            var configuration = configuration
            configuration.dataProtection = .clearListings
            let session = try open(configuration)
            #expect(try session.list(path("/")).entries.count == 1)
            #expect(failure { _ = try session.content(path("/f")) }?.name == "protectionRefused")
            #expect(try session.list(path("/")).entries.count == 1)
            session.close()
            #expect(!record.contains("RETR"))
        }
    }

    @Test("a refusal that comes together with the port is met in the same way")
    func refusedInOneFlight() throws {
        try play { script in
            try script.logIn(banner: "220 (vsFTPd 3.0.3)", features: ["MDTM", "SIZE"])
            try Self.send(script, "RETR", noise(10))
            try script.expect("EPSV")
            try script.expect("RETR")
            let listener = try TestListener()
            try script.reply("229 ok (|||\(listener.port)|)\r\n522 Data connections must be encrypted.")
            try script.answer("PBSZ 0", "200 ok")
            try script.answer("PROT P", "200 ok")
            try Self.send(script, "RETR", noise(20))
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
            #expect(try session.content(path("/f")) == noise(20))
        }
    }

    @Test("a refusal for policy is final, one for lack of resumption gives the session up")
    func otherRefusals() throws {
        try play { script in
            try script.logIn()
            try Self.refuse(script, "RETR", "534 Request denied for policy reasons")
            try Self.refuse(script, "RETR", "522 TLS session reuse required")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            #expect(failure { _ = try session.content(path("/f")) }?.code == 534)
            #expect(session.isUsable)
            #expect(failure { _ = try session.content(path("/f")) }?.name == "resumptionRefused")
            #expect(!session.isUsable)
            session.close()
            #expect(Self.verbs(record) == ["EPSV", "RETR", "EPSV", "RETR"])
        }
    }

    @Test("a FIN that comes early is no end of a clear file whose size is known")
    func earlyFIN() throws {
        try play { script in
            try script.logIn(level: "C")
            for _ in 0..<2 { try Self.sendClear(script, "RETR", noise(10)) }
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.dataProtection = .clear
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f"), expecting: 10) == noise(10))
            #expect(failure { _ = try session.content(path("/f"), expecting: 11) }?.name == "dataConnection")
        }
    }

    @Test("a clear listing whose final reply is no success does not count")
    func failedListing() throws {
        try play { script in
            try script.logIn(level: "C", features: ["MLST type*;size*;"])
            let data = try Self.beginClear(script, "MLSD")
            try data.write(Self.rows)
            data.endSending()
            try script.reply("426 broken off")
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.dataProtection = .clear
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.list(path("/")) }?.code == 426)
        }
    }

    @Test("a clear upload that is broken off ends with a reset, not with an end of file")
    func brokenUpload() throws {
        let end = TestResult<Bool>()
        try play { script in
            try script.logIn(level: "C")
            let data = try Self.beginClear(script, "STOR")
            #expect(try data.read(exactly: 10) == noise(10))
            end.set((try? data.read()) == nil)
            try script.reply("426 broken off")
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.dataProtection = .clear
            let session = try open(configuration)
            defer { session.close() }
            let upload = try session.upload(path("/f"), .store)
            try noise(10).withRawSpan { try upload.write($0) }
            waitUntil(within: .seconds(30)) { upload.count == 10 }
            upload.abort()
            #expect(try end.wait())
            #expect(session.isUsable)
        }
    }

    @Test(
        "real servers that leave the choice to us transfer in the clear, passive and active",
        arguments: ServerKind.available)
    func realClear(_ kind: ServerKind) throws {
        let server = try ServerFixture(kind, .allowingClearData(kind))
        for protection in [DataProtection.clear, .clearListings] {
            for active in [nil, ActiveMode()] {
                let session = try server.session {
                    $0.dataProtection = protection
                    $0.active = active
                }
                defer { session.close() }
                for count in [0, 10, 3_000_000] {
                    try session.put(path("/f"), noise(count))
                    #expect(server.content("f") == noise(count))
                    #expect(try session.content(path("/f"), expecting: UInt64(count)) == noise(count))
                    #expect(try session.list(path("/")).entries.map(\.name.description) == ["f"])
                }
                let download = try session.download(path("/f"))
                let isProtected = download.isProtected
                download.abort()
                #expect(isProtected == (protection == .clearListings))
            }
        }
    }

    @Test(
        "real servers that insist on TLS get it, whatever we would rather have",
        arguments: ServerKind.available)
    func realPrivate(_ kind: ServerKind) throws {
        let server = try ServerFixture(kind)
        try server.put("f", noise(1000))
        for protection in [DataProtection.clear, .clearListings] {
            let session = try server.session { $0.dataProtection = protection }
            defer { session.close() }
            for _ in 0..<4 {
                #expect(try session.list(path("/")).entries.count == 1)
                #expect(try session.content(path("/f")) == noise(1000))
            }
            let download = try session.download(path("/f"))
            #expect(download.isProtected)
            download.abort()
        }
    }
}
