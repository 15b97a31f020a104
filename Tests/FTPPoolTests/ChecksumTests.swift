import FTPClient
import FTPWire
import Logging
import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Comparing checksums of uploads")
struct ChecksumTests {
    private static let content = Array("123456789".utf8)
    private static let offers = [
        ("XCRC", "XCRC", "250 CBF43926"),
        ("XMD5", "XMD5", "250 25F9E794323B453885F5181F1B624D0B"),
        ("MD5", "MD5", "251 \"/a b\" 25F9E794323B453885F5181F1B624D0B"),
        ("XSHA1", "XSHA1", "250-Computing SHA1 digest\r\n250 F7C3BC1D808E04732ADF679965CCC34CA7AE3441"),
        (
            "XSHA256", "XSHA256",
            "250 15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
        ),
        (
            "HASH SHA-1*;SHA-256;CRC32", "HASH",
            "213 SHA-256 0-8 15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225 name"
        ),
    ]

    /// What the log says.
    private final class Lines: Sendable {
        let lines = Monitor<[String]>([])
        var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

        func count(_ text: String) -> Int { lines.withLock { $0.count { $0.contains(text) } } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.notice

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.lines.withLock { $0.append("\(event.message)") } }
    }

    private func run(_ features: [String], _ body: (ScriptedStore, FTPStore, Lines) throws -> Void) throws {
        var like = ServerLikeness.proftpd
        like.features += features
        try ScriptedStore.run(like) { fixture in
            fixture.tree.addFile("/old", [1])
            fixture.server.at(.command("OPTS"), skip: 2, .reply("200 OK"))
            let lines = Lines()
            let store = FTPStore(
                pool: fixture.pool, profile: fixture.store.profile, logger: lines.logger,
                verification: .checksum)
            _ = try store.list(.root, for: Request())
            try body(fixture, store, lines)
        }
    }

    private func replace(_ store: FTPStore, _ name: String) throws {
        _ = try store.replace(path(name), with: BytesSource(Self.content), UploadOrder(), for: Request())
    }

    @Test("the right checksum is asked for and compared before the rename", arguments: offers.indices)
    func rightChecksum(index: Int) throws {
        let (feature, verb, reply) = Self.offers[index]
        try run([feature]) { fixture, store, lines in
            fixture.server.at(.command(verb), .reply(reply))
            try replace(store, "/file")
            #expect(fixture.tree.content("/file") == Self.content)
            let verbs = fixture.server.dialogue.verbs()
            let asked = try #require(verbs.lastIndex(of: verb))
            #expect(try asked < #require(verbs.lastIndex(of: "RNTO")))
            #expect(lines.lines.withLock { $0 } == [])
        }
    }

    @Test("another checksum is an error, and the old file stays", arguments: offers.indices)
    func wrongChecksum(index: Int) throws {
        let (feature, verb, reply) = Self.offers[index]
        try run([feature]) { fixture, store, _ in
            let wrong = reply.replacing("F9", with: "F8").replacing("CBF", with: "CBE")
                .replacing("F7C", with: "F7D").replacing("15e2", with: "15e3")
            #expect(wrong != reply)
            fixture.server.at(.command(verb), .reply(wrong))
            #expect(kind { try replace(store, "/old") } == .protocolBroken)
            #expect(fixture.tree.content("/old") == [1])
            #expect(fixture.tree.names(in: "/") == ["old"])
        }
    }

    @Test("the strongest algorithm is chosen, and the one that HASH was told of")
    func strongest() throws {
        try run(["XCRC", "XMD5", "HASH MD5*;SHA-1;SHA-256"]) { fixture, store, _ in
            fixture.server.at(.command("HASH"), .reply(Self.offers[5].2))
            try replace(store, "/file")
            #expect(fixture.arguments("OPTS").last == "HASH SHA-256")
            let verbs = fixture.server.dialogue.verbs()
            #expect(!verbs.contains("XCRC") && !verbs.contains("XMD5"))
        }
    }

    @Test(
        "where none is to be had the size has to do, and the log says so once",
        arguments: [nil, "500 Unknown command", "550 Too large to be computed", "250 What?"])
    func noChecksum(reply: String?) throws {
        try run(reply == nil ? [] : ["XSHA256"]) { fixture, store, lines in
            if let reply { fixture.server.at(.command("XSHA256"), .reply(reply)) }
            try replace(store, "/file")
            #expect(lines.count("size alone") == 1)
            try replace(store, "/other")
            #expect(
                lines.count("size alone")
                    == (reply?.hasPrefix("5") == false || reply?.hasPrefix("550") == true ? 2 : 1))
            #expect(fixture.tree.content("/other") == Self.content)
        }
    }

    @Test("what a broken upload has sent twice counts once")
    func afterABreak() throws {
        let bytes = pattern(3 << 20)
        let method = try #require(Features(Reply(211, "Features:", " XSHA256", "End")).checksumMethods.first)
        let whole = try #require(SentDigest(method))
        bytes.withRawSpan { whole.add($0, at: 0) }
        let digits = try #require(whole.finish(size: UInt64(bytes.count)))
            .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        try run(["XSHA256"]) { fixture, store, lines in
            fixture.server.at(.command("XSHA256"), .reply("250 \(digits)"))
            fixture.server.at(.transfer("STOR"), times: 1, .cut(after: 2 << 20, .reset))
            _ = try store.replace(path("/file"), with: BytesSource(bytes), UploadOrder(), for: Request())
            #expect(fixture.tree.content("/file") == bytes)
            #expect(!fixture.arguments("REST").isEmpty)
            #expect(lines.count("size alone") == 0)
        }
    }

    @Test(
        "ProFTPD's mod_digest agrees, whatever the path",
        .enabled(if: ServerKind.available.contains(.proftpd)))
    func realServer() throws {
        let fixture = try StoreFixture(ServerFixture(.proftpd))
        try fixture.server.makeDirectory("a dir 0 12")
        let lines = Lines()
        let store = FTPStore(
            pool: fixture.pool, profile: fixture.store.profile, logger: lines.logger, verification: .checksum)
        for (name, bytes) in [("/file", pattern(3_000_000)), ("/a dir 0 12/empty file", [])] {
            _ = try store.replace(
                fixture.path(name), with: BytesSource(bytes), UploadOrder(), for: Request())
            #expect(fixture.server.content(name) == bytes)
        }
        #expect(lines.lines.withLock { $0 } == [])
        #expect(store.learned.withLock { $0.checksums })
    }
}
