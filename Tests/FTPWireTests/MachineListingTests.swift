import Remote
import Testing

@testable import FTPWire

@Suite struct MachineListingTests {
    private func parse(_ rows: String...) throws -> ParsedListing {
        try machineListing(Array(rows.map { $0 + "\r\n" }.joined().utf8))
    }

    private func attributes(_ facts: String) throws -> Attributes? {
        try parse(facts + " x").entries.first?.attributes
    }

    @Test("rows of ProFTPD 1.3.8 are read")
    func proftpd() throws {
        let tail = ";unique=801U1A;UNIX.group=1001;UNIX.groupname=ann;UNIX.mode="
        let listing = try parse(
            "modify=20240229120000;perm=flcdmpe;type=cdir\(tail)0755;UNIX.owner=1000;UNIX.ownername=ann; .",
            "modify=20240229120000;perm=flcdmpe;type=pdir\(tail)0755;UNIX.owner=0;UNIX.ownername=root; ..",
            "modify=20010909014640;perm=adfrw;size=12345678901;type=file\(tail)0644;UNIX.owner=1000;UNIX.ownername=ann; a b",
            "modify=20010909014640;perm=flcdmpe;type=dir\(tail)01777;UNIX.owner=1000;UNIX.ownername=ann;  d",
            "modify=20010909014640;perm=adfrw;size=4;type=OS.unix=symlink\(tail)0777;UNIX.owner=1000;UNIX.ownername=ann; l",
            "modify=20010909014640;perm=adfrw;size=4;type=OS.unix=slink:/t a;b\(tail)00;UNIX.owner=1000;UNIX.ownername=ann; m"
        )
        #expect(
            listing.entries.map { String(decoding: $0.name.bytes, as: UTF8.self) } == ["a b", " d", "l", "m"])
        #expect(listing.sawDotRows && listing.dropped.isEmpty && listing.rowCount == 6)
        #expect(
            listing.directory?.rights == [.rename, .list, .create, .delete, .makeDirectory, .purge, .enter])
        let file = listing.entries[0].attributes
        #expect(
            file
                == Attributes(
                    kind: .file, size: 12_345_678_901, modified: Timestamp(seconds: 1_000_000_000),
                    mode: 0o644, rights: [.append, .delete, .rename, .read, .write]))
        #expect(listing.entries[1].attributes.mode == 0o1777)
        #expect(listing.entries[1].attributes.kind == .directory)
        #expect(listing.entries[2].attributes.kind == .symlink)
        #expect(listing.entries[2].attributes.size == nil && listing.entries[2].attributes.linkTarget == nil)
        #expect(listing.entries[3].attributes.linkTarget == Array("/t a".utf8))
        #expect(listing.entries[3].attributes.mode == 0)
    }

    @Test("rows of Pure-FTPd 1.0.50 are read")
    func pureFTPd() throws {
        let listing = try parse(
            "type=cdir;sizd=4096;modify=20240229120000;UNIX.mode=0755;UNIX.uid=1000;UNIX.gid=1000;unique=801g1; .",
            "type=pdir;sizd=4096;modify=20240229120000;UNIX.mode=0755;UNIX.uid=0;UNIX.gid=0;unique=801g0; ..",
            "type=file;size=0;modify=20240229120000;UNIX.mode=0600;UNIX.uid=1000;UNIX.gid=1000;unique=801g2; .hidden",
            "type=dir;sizd=4096;modify=20240229120000;UNIX.mode=0755;UNIX.uid=1000;UNIX.gid=1000;unique=801g3; d",
            "type=OS.unix=slink:;size=3;modify=20240229120000;UNIX.mode=0777;UNIX.uid=0;UNIX.gid=0;unique=801g4; l",
            "type=unknown;size=0;modify=20240229120000;UNIX.mode=0644;UNIX.uid=0;UNIX.gid=0;unique=801g5; fifo"
        )
        #expect(listing.entries.map(\.attributes.kind) == [.file, .directory, .symlink, .other])
        #expect(listing.entries.map(\.attributes.size) == [0, nil, nil, nil])
        #expect(listing.entries[2].attributes.linkTarget == nil)
        #expect(listing.directory?.mode == 0o755)
    }

    @Test("rows of pyftpdlib 2.2.0, FileZilla Server and SFTPGo are read")
    func others() throws {
        let listing = try parse(
            "modify=20240229120000;perm=elcmdfT;size=4096;type=dir;unique=801gx;unix.gid=0;unix.mode=0o755;unix.uid=0; d",
            "modify=20240229120000;perm=adfrwMT;size=7;type=file;unique=801gy; f",
            "type=file;size=99;modify=20240229120000.123;perms=awr; fz",
            "Type=file;Size=7;Modify=20240229120000; go",
            "Type=dir;Size=0;Modify=20240229120000; godir")
        #expect(listing.entries.map(\.attributes.kind) == [.directory, .file, .file, .file, .directory])
        #expect(listing.entries.map(\.attributes.size) == [nil, 7, 99, 7, nil])
        #expect(listing.entries[0].attributes.mode == 0o755)
        // `m` is to make directories; `M` and `T` are rights of pyftpdlib's own.
        #expect(listing.entries[1].attributes.rights == [.append, .delete, .rename, .read, .write])
        #expect(listing.entries[2].attributes.granularity == .fraction)
        #expect(
            listing.entries[2].attributes.modified
                == Timestamp(seconds: 1_709_208_000, nanoseconds: 123_000_000))
        #expect(listing.entries[2].attributes.rights == [.append, .write, .read])
        #expect(!listing.sawDotRows)
    }

    @Test("names keep every space, semicolon and byte")
    func names() throws {
        for name in [
            "a", " a", "a ", "  ", "a; b", ";", "type=dir; x", "-la", "~", "...", "a\u{1b}\t\\", "\u{e9}",
            "a\nb -> c",
        ] {
            let listing = try parse("type=file; \(name)", "type=file; last")
            if name.contains("\n") {
                #expect(listing.dropped.map(\.reason) == [.forbiddenName])
            } else {
                #expect(listing.entries.first?.name.bytes == Array(name.utf8))
            }
            #expect(listing.entries.last?.name == FileName("last"))
        }
        let raw: [UInt8] = [0xff, 0xfe, 0x80]
        let listing = try machineListing((Array("type=file; ".utf8) + raw + [13, 10]))
        #expect(listing.entries.first?.name.bytes == raw)
    }

    @Test("a name is accepted from a span as it is from an array")
    func nameForms() {
        let texts = ["", ".", "..", "...", ".a", "a.", "a", "..a", "a/b", "/", "a\0", "\r", "a\n", " ", ". "]
        for bytes in texts.map({ Array($0.utf8) }) {
            #expect(FileName(bytes.span) == FileName(bytes))
        }
    }

    @Test(
        "names that can never be shown are left out and reported",
        arguments: ["", "a/b", "/", "../x", "a\0b", "a\rb"])
    func forbidden(name: String) throws {
        let row = "type=file;size=1; \(name)"
        let listing = try parse(row, "type=file; ok")
        #expect(listing.entries.map(\.name) == [FileName("ok")!])
        #expect(listing.dropped == [.init(reason: .forbiddenName, bytes: Array(row.utf8))])
        #expect(listing.rowCount == 2)
    }

    @Test("of rows with the same name the first stays, the others are reported")
    func duplicates() throws {
        let listing = try parse("type=file;size=1; a", "type=dir; a", "type=file; b", "type=file;size=2; a")
        #expect(listing.entries.map(\.name) == [FileName("a")!, FileName("b")!])
        #expect(listing.entries[0].attributes.size == 1)
        #expect(listing.dropped.map(\.reason) == [.duplicate, .duplicate])
        #expect(listing.droppedCount == 2)
    }

    @Test("dot rows are known by type or by name")
    func dotRows() throws {
        #expect(try parse("type=cdir; /home/ann", "type=pdir; /home").sawDotRows)
        let listing = try parse("type=dir;perm=c; .", "type=dir; ..", "Type=CDIR; whatever")
        #expect(listing.sawDotRows && listing.entries.isEmpty && listing.dropped.isEmpty)
        #expect(listing.directory != nil)
    }

    @Test("values that cannot be read are taken as not stated")
    func unreadable() throws {
        #expect(try attributes("type=file;size=18446744073709551615;")?.size == .max)
        for size in ["18446744073709551616", "99999999999999999999999", "-1", "1 2", "", "0x10", "1.5"] {
            #expect(try attributes("type=file;size=\(size);")?.size == nil)
        }
        for mode in ["8", "0o", "", "o644", "-644", "77777777777", "rw-r--r--"] {
            #expect(try attributes("type=file;UNIX.mode=\(mode);")?.mode == nil)
        }
        for (mode, bits) in [
            ("0100644", 0o644), ("0o100755", 0o755), ("00", 0), ("7777", 0o7777), ("0O1", 1),
        ] as [(String, UInt16)] {
            #expect(try attributes("type=file;UNIX.mode=\(mode);")?.mode == bits)
        }
        #expect(try attributes("type=file;modify=00010101000000;")?.modified == nil)
        #expect(try attributes("type=file;UNIX.uid=4294967296;UNIX.gid=ann;")?.kind == .file)
        #expect(try attributes("TYPE=FILE;SIZE=3;PERM=RW;Unix.Mode=0600;")?.rights == [.read, .write])
        #expect(try attributes("x=1;;=;=3;type=file;size;unknown.long.fact.name.of.many=4;")?.kind == .file)
        #expect(try attributes("type=OS.unix=chr-13/29;")?.kind == .other)
        #expect(try attributes("type=OS.unix=slink:a\u{0}b;")?.linkTarget == nil)
        #expect(try attributes("type=file;size=3")?.size == 3)
    }

    @Test(
        "a row that is not understood makes the listing an error that names it",
        arguments: [
            "size=3; x", "type=; x", "type=file;x", "=", "x=y", "ls: cannot open x",
            "-rw-r--r-- 1 a b 3 Jan 1 2000 x",
        ])
    func unintelligible(row: String) throws {
        #expect(throws: ListingError.unintelligible(row: 2, text: row)) {
            try parse("type=file; a", row, "type=file; b")
        }
    }

    @Test("a first row in no known form is an error", arguments: ["x", "total 5", " x", "type x", ";;; x"])
    func unintelligibleFirst(row: String) throws {
        #expect(throws: ListingError.unintelligible(row: 1, text: row)) { try parse(row, "type=file; b") }
    }

    @Test("a body of LF-ended rows is read where no CRLF occurs at all")
    func lineFeeds() throws {
        let listing = try machineListing(Array("type=file; a\ntype=file; b\n".utf8))
        #expect(listing.entries.count == 2)
        // Else names would hide rows: a file called `a CR` on a server that ends rows with LF.
        #expect(throws: ListingError.self) {
            let body = Array("type=file; a\r\ntype=file; b\ntype=file; c\n".utf8)
            return try machineListing(body, isProvenWhole: true)
        }
    }

    @Test("a listing cut at any place is an error or has only whole rows")
    func prefixes() throws {
        let rows = [
            "type=cdir; .", "modify=20240229120000;size=3;type=file;UNIX.mode=0644; name one",
            "type=dir; two",
        ]
        let body = Array(rows.map { $0 + "\r\n" }.joined().utf8)
        let whole = try machineListing(body).entries
        for count in 0..<body.count {
            let prefix = Array(body[..<count])
            guard let listing = try? MachineListing.parse(prefix.span) else { continue }
            #expect(prefix.isEmpty || prefix.suffix(2).elementsEqual([13, 10]))
            #expect(whole.starts(with: listing.entries))
        }
        #expect(throws: ListingError.self) { try machineListing(body.dropLast(2).map { $0 }) }
        #expect(
            try machineListing(body.dropLast(2).map { $0 }, isProvenWhole: true).entries == whole)
        #expect(try machineListing([UInt8]()).entries.isEmpty)
    }

    @Test("a megabyte without a line end, or in one name, does no harm")
    func long() throws {
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        #expect(throws: ListingError.self) { try machineListing(long) }
        let row = Array("type=file; ".utf8) + long + [13, 10]
        // No directory here can show it.
        #expect(try machineListing(row).entries.isEmpty)
        let semicolons = [UInt8](repeating: UInt8(ascii: ";"), count: 1 << 20) + Array(" x\r\n".utf8)
        #expect(throws: ListingError.self) { try machineListing(semicolons) }
    }

    @Test("only some of many dropped rows are kept")
    func manyDropped() throws {
        let body = Array(String(repeating: "type=file; a/b\r\n", count: 1000).utf8)
        let listing = try machineListing(body)
        #expect(listing.droppedCount == 1000 && listing.dropped.count == ParsedListing.droppedLimit)
    }

    @Test("replies to MLST are read; cdir and pdir are directories")
    func mlst() throws {
        let proftpd = Reply(
            250, "Start of list for /a", " modify=20010909014640;size=3;type=file;UNIX.mode=0644; /a",
            "End of list")
        #expect(try MachineListing.attributes(in: proftpd).size == 3)
        #expect(
            try MachineListing.attributes(in: Reply(250, "Begin", " type=pdir;sizd=9; /", "End.")).kind
                == .directory)
        #expect(
            try MachineListing.attributes(in: Reply(250, "Begin", "type=cdir; .", "End.")).kind == .directory)
        #expect(
            try MachineListing.attributes(in: Reply(250, "Begin", " type=OS.unix=slink:; l", "End.")).kind
                == .symlink)
        #expect(try MachineListing.attributes(in: Reply(250, "type=file;size=9; /x")).size == 9)
        for reply in [
            Reply(250, "Begin", "End"), Reply(250, ""), Reply(250, "a", " size=3; x", "b"),
            Reply(550, "type=file; x"),
        ] {
            #expect(throws: ListingError.self) { try MachineListing.attributes(in: reply) }
        }
    }
}
