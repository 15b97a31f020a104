import Remote
import Testing

@testable import FTPWire

@Suite struct CommandTests {
    private let path = RemotePath("/a b/ c") ?? .root

    private func line(_ command: Command, _ dialect: WireDialect = WireDialect()) throws -> String {
        String(decoding: try command.encoded(dialect), as: UTF8.self)
    }

    @Test("commands are written as the RFCs have them")
    func forms() throws {
        let time = Timestamp(seconds: 1_000_000_000, nanoseconds: 999)
        let table: [(Command, String)] = [
            (try .user("ann"), "USER ann"), (try .acct(Array("x y".utf8)), "ACCT x y"), (.auth(), "AUTH TLS"),
            (.auth(.ssl), "AUTH SSL"), (.pbsz, "PBSZ 0"), (.prot(.private), "PROT P"), (.feat, "FEAT"),
            (.optsUTF8, "OPTS UTF8 ON"), (.type(.image), "TYPE I"), (.pwd, "PWD"),
            (.cwd(path), "CWD /a b/ c"),
            (.cwd(.root), "CWD /"), (.mlsd(), "MLSD"), (.mlsd(path), "MLSD /a b/ c"),
            (.mlst(path), "MLST /a b/ c"),
            (.list(), "LIST"), (.list(showingHidden: true), "LIST -a"),
            (.list(showingHidden: true, path), "LIST -a /a b/ c"), (.list(path), "LIST /a b/ c"),
            (.stat(path), "STAT /a b/ c"), (.size(path), "SIZE /a b/ c"), (.mdtm(path), "MDTM /a b/ c"),
            (try .mfmt(time, path), "MFMT 20010909014640 /a b/ c"),
            (try .mdtmSet(time, path), "MDTM 20010909014640 /a b/ c"),
            (try .mff(modified: time, path), "MFF modify=20010909014640; /a b/ c"),
            (try .mff(mode: 0o644, path), "MFF UNIX.mode=644; /a b/ c"),
            (try .siteUtime(time, path), "SITE UTIME 20010909014640 /a b/ c"),
            (
                try .siteUtimeThreefold(time, path),
                "SITE UTIME /a b/ c 20010909014640 20010909014640 20010909014640 UTC"
            ),
            (try .siteChmod(0o7, path), "SITE CHMOD 007 /a b/ c"),
            (try .siteChmod(0o1777, path), "SITE CHMOD 1777 /a b/ c"),
            (try .siteCopyFrom(path), "SITE CPFR /a b/ c"), (try .siteCopyTo(path), "SITE CPTO /a b/ c"),
            (try .siteSymlink(target: Array("../x".utf8), RemotePath("/l")!), "SITE SYMLINK ../x /l"),
            (.epsv, "EPSV"), (.pasv, "PASV"),
            (.port(address: (10, 0, 0, 255), port: 5001), "PORT 10,0,0,255,19,137"),
            (.eprt(address: (10, 0, 0, 1), port: 65535), "EPRT |1|10.0.0.1|65535|"),
            (.eprt(groups: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], port: 21), "EPRT |2|2001:db8::1|21|"),
            (.eprt(groups: [0, 0, 0, 0, 0, 0, 0, 1], port: 21), "EPRT |2|::1|21|"),
            (.eprt(groups: [1, 0, 0, 2, 0, 0, 0, 0], port: 21), "EPRT |2|1:0:0:2::|21|"),
            (.eprt(groups: [1, 0, 0, 2, 3, 0, 0, 4], port: 21), "EPRT |2|1::2:3:0:0:4|21|"),
            (.eprt(groups: [1, 2, 0, 4, 5, 6, 7, 8], port: 21), "EPRT |2|1:2:0:4:5:6:7:8|21|"),
            (.rest(UInt64.max), "REST 18446744073709551615"), (.retr(path), "RETR /a b/ c"),
            (try .pret(.retr(path)), "PRET RETR /a b/ c"), (try .checksum(.sha256, path), "XSHA256 /a b/ c"),
            (try .checksum(.crc, path, quoted: true), "XCRC \"/a b/ c\""),
            (try .raw(Array("site idle 5".utf8)), "SITE idle 5"),
            (try .raw(Array("noop".utf8)), "NOOP"),
        ]
        for (command, expected) in table { #expect(try line(command) == expected + "\r\n") }
    }

    @Test("no value with CR, LF or NUL becomes a command", arguments: [0, 10, 13] as [UInt8])
    func injection(byte: UInt8) throws {
        let bytes = Array("x".utf8) + [byte] + Array("DELE /y".utf8)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(throws: CommandError.forbiddenByte(verb: "USER")) { try Command.user(bytes) }
        #expect(throws: CommandError.forbiddenByte(verb: "ACCT")) { try Command.acct(bytes) }
        #expect(throws: CommandError.forbiddenByte(verb: "SITE")) { try Command.site(bytes) }
        #expect(throws: CommandError.forbiddenByte(verb: "OPTS")) { try Command.opts(text) }
        #expect(throws: CommandError.forbiddenByte(verb: "CLNT")) { try Command.clnt(text) }
        #expect(throws: CommandError.forbiddenByte(verb: "HOST")) { try Command.host(text) }
        #expect(throws: CommandError.forbiddenByte(verb: "LIST")) { try Command.list(argument: bytes) }
        #expect(throws: CommandError.forbiddenByte(verb: "raw command")) { try Command.raw(bytes) }
        #expect(throws: CommandError.forbiddenByte(verb: "SITE")) {
            try Command.siteSymlink(target: bytes.filter { $0 != 0x20 }, .root)
        }
    }

    @Test("0xFF is doubled for ProFTPD alone")
    func telnet() throws {
        let path = RemotePath([0x2f, 0xff, 0x41])!
        #expect(try Command.retr(path).encoded(WireDialect()) == Array("RETR /".utf8) + [0xff, 0x41, 13, 10])
        let doubled = try Command.retr(path).encoded(ServerSoftware(.proftpd).dialect)
        #expect(doubled == Array("RETR /".utf8) + [0xff, 0xff, 0x41, 13, 10])
    }

    @Test("a command beyond the server's limit is refused, one at the limit is not")
    func length() throws {
        let name = { (count: Int) in RemotePath([0x2f] + [UInt8](repeating: 0x78, count: count))! }
        #expect(try Command.size(name(2040 - 8)).encoded(WireDialect()).count == 2040)
        #expect(throws: CommandError.tooLong(verb: "SIZE", length: 2041, limit: 2040)) {
            try Command.size(name(2040 - 7)).encoded(WireDialect())
        }
        let eights = RemotePath([0x2f] + [UInt8](repeating: 0xff, count: 1100))!
        #expect(throws: CommandError.self) { try Command.size(eights).encoded(WireDialect(doubleIAC: true)) }
    }

    @Test("logs never show a secret and never a control character")
    func logs() throws {
        #expect(try Command.acct(Array("hunter2".utf8)).description == "ACCT ****")
        #expect(try Command.raw(Array("pass hunter2".utf8)).logText == "PASS ****")
        #expect(try Command.raw(Array("site pswd hunter2 hunter3".utf8)).logText == "SITE ****")
        #expect(try Command.user("a\u{1b}b").logText == "USER a\\x1bb")
        #expect(Command.retr(path).logText == "RETR /a b/ c")
    }

    @Test("SITE commands whose path the server could take for another one are refused")
    func spaces() throws {
        for text in ["/a  b", "/a ", "/a\tb"] {
            let command = try Command.siteChmod(0o644, RemotePath(text)!)
            #expect(throws: CommandError.self) { try command.encoded(WireDialect()) }
            #expect(try line(command, ServerSoftware(.vsftpd).dialect) == "SITE CHMOD 644 \(text)\r\n")
        }
        #expect(throws: CommandError.self) { try Command.siteSymlink(target: Array("a b".utf8), .root) }
        #expect(throws: CommandError.self) { try Command.siteSymlink(target: [], .root) }
    }

    @Test("a raw command needs a verb", arguments: ["", " NOOP", "1x", "x-y z", "\u{e9} x"])
    func raw(text: String) {
        #expect(throws: CommandError.self) { try Command.raw(Array(text.utf8)) }
    }

    @Test("times beyond four digits of a year are refused")
    func times() {
        #expect(throws: CommandError.self) { try Command.mfmt(Timestamp(seconds: .max), .root) }
        #expect(throws: CommandError.self) { try Command.mdtmSet(Timestamp(seconds: .min), .root) }
        #expect(throws: CommandError.self) {
            try Command.siteUtime(Timestamp(seconds: 253_402_300_800), .root)
        }
    }
}
