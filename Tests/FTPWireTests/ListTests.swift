import Remote
import Testing

@testable import FTPWire

@Suite struct ListTests {
    private static let november = Timestamp(seconds: 1_795_474_620)  // 2026-11-23 22:57 UTC

    @Test("rows of vsftpd 3.0.3 are read")
    func vsftpd() throws {
        let listing = try list(Transcripts.vsftpd)
        #expect(
            listing.entries.map { String(decoding: $0.name.bytes, as: UTF8.self) } == [
                " lead", ".hidden", "a -> b", "dangling", "dir", "fifo", "link", "plain.txt", "trail ",
                "two  spaces",
            ])
        #expect(listing.sawDotRows && listing.format == .unix && !listing.isComplete)
        #expect(listing.dropped.map(\.reason) == [.forbiddenName])
        #expect(
            listing.entries[0].attributes
                == Attributes(
                    kind: .file, size: 5, modified: Self.november, granularity: .minute, mode: 0o644))
        #expect(listing.entries[1].attributes.modified == Timestamp(seconds: 951_782_400))
        #expect(listing.entries[1].attributes.granularity == .day)
        #expect(listing.entries[3].attributes.linkTarget == Array("z -> x -> y".utf8))
        #expect(listing.entries[4].attributes.mode == 0o1777 && listing.entries[4].attributes.size == nil)
        #expect(listing.entries[5].attributes.kind == .other)
        #expect(listing.entries[6].attributes.kind == .symlink)
        #expect(listing.entries[6].attributes.linkTarget == Array("plain.txt".utf8))
        #expect(listing.entries[7].attributes.mode == 0o4755)
        #expect(listing.directory?.mode == 0o777)
    }

    @Test("the same directory reads the same from ProFTPD, Pure-FTPd and pyftpdlib")
    func others() throws {
        let expected = try list(Transcripts.vsftpd)
        for body in [Transcripts.proftpd, Transcripts.pureFTPd, Transcripts.pyftpdlib] {
            let listing = try list(body)
            for entry in listing.entries {
                let other = try #require(expected.entries.first { $0.name == entry.name })
                #expect(entry.attributes.kind == other.attributes.kind)
                #expect(entry.attributes.size == other.attributes.size)
                #expect(entry.attributes.linkTarget == other.attributes.linkTarget)
                #expect(entry.attributes.mode == other.attributes.mode)
                #expect(
                    entry.attributes.version.matches(other.attributes.version)
                        || entry.attributes.granularity == .minute)
            }
            #expect(listing.entries.count >= 8)
        }
        #expect(!(try list(Transcripts.pyftpdlib).sawDotRows))
    }

    @Test(
        "a row that is not understood is an error, never a file that is missing without a word",
        arguments: ["x", "ls: short read", "ls: cannot open 'x': Permission denied", "b b b", "total 5"])
    func strayRow(stray: String) {
        for (front, parse) in Self.parsers {
            for rows in ["\(front)a\r\n\(stray)\r\n\(front)b\r\n", "\(front)a\r\n\(stray)\r\n"] {
                #expect(throws: ListingError.unintelligible(row: 2, text: stray)) {
                    try parse(Array(rows.utf8))
                }
            }
        }
    }

    @Test(
        "a name that ends with a line end is left out, not shown without it, and the listing is not complete",
        arguments: ["\r\n", "\r\n\r\n"])
    func nameWithLineEnd(ending: String) throws {
        for (front, parse) in Self.parsers {
            for (rows, names) in [
                ("\(front)a\r\n\(front)b\(ending)\r\n\(front)c\r\n", ["a", "c"]),
                ("\(front)a\r\n\(front)b\(ending)\r\n", ["a"]),
                ("\(front)b\(ending)\r\n\(front)b\r\n", ["b"]),
            ] {
                let listing = try parse(Array(rows.utf8))
                #expect(listing.entries.map(\.name) == names.map { FileName($0) })
                #expect(listing.dropped.map(\.reason) == [.broken])
                #expect(!listing.isComplete)
            }
        }
    }

    @Test("an empty row that no name stands before means nothing")
    func emptyFirstRow() throws {
        for (front, parse) in Self.parsers {
            let listing = try parse(Array("\r\n\(front)a\r\n".utf8))
            #expect(listing.entries.map(\.name) == [FileName("a")] && listing.isComplete)
        }
    }

    @Test("a listing is complete only without names that cannot be carried")
    func completeness() throws {
        for (front, parse) in Self.parsers {
            for name in ["a/b", "a\0b", "a\nb", ""] {
                #expect(try !parse(Array("\(front)\(name)\r\n\(front)x\r\n".utf8)).isComplete)
            }
            for name in [".", "..", "y", "x"] {
                #expect(try parse(Array("\(front)\(name)\r\n\(front)x\r\n".utf8)).isComplete)
            }
        }
    }

    /// The two kinds of listings, each with what stands before a name in it.
    private static let parsers: [(front: String, parse: @Sendable ([UInt8]) throws -> ParsedListing)] = [
        ("-rw-r--r-- 1 a b 7 Nov 23 22:57 ", { try list($0) }), ("type=file; ", { try machineListing($0) }),
    ]

    @Test("rows of IIS are read")
    func iis() throws {
        let listing = try list(Transcripts.iis)
        #expect(listing.format == .dos)
        #expect(
            listing.entries.map { String(decoding: $0.name.bytes, as: UTF8.self) } == [
                "aspnet_client", "file with spaces.txt", "big", " lead", "x",
            ])
        #expect(listing.entries.map(\.attributes.kind) == [.directory, .file, .file, .directory, .file])
        #expect(listing.entries.map(\.attributes.size) == [nil, 1234, 12_345_678_901, nil, 0])
        #expect(
            listing.entries.map(\.attributes.modified?.seconds) == [
                1_411_546_440, 1_437_488_100, 951_782_400, 951_827_400, 3_155_759_940,
            ])
        #expect(
            listing.entries.allSatisfy { $0.attributes.granularity == .minute && $0.attributes.mode == nil })
    }

    @Test("rows of FileZilla Server and of servers in Go are read")
    func others2() throws {
        let listing = try list(Transcripts.fileZilla)
        #expect(
            listing.entries.map(\.attributes.modified?.seconds) == [
                Self.november.seconds + 60, 951_782_400, nil,
            ])
        #expect(listing.entries.map(\.attributes.size) == [nil, 1_234_567_890, 1])
        let go = try list(Transcripts.sftpgo)
        #expect(go.entries.map(\.attributes.kind) == [.directory, .symlink, .directory, .file])
        #expect(go.entries.map(\.attributes.mode) == [0o755, 0o777, 0o1777, 0o4755])
    }

    @Test(
        "other Unix rows are read",
        arguments: [
            ("-rw-r--r--+ 1 a b 7 Nov 23 22:57 f", "f", .file, 7, 0o644, 1_795_474_620),
            ("-rw-r--r--. 1 a b 7 Nov 23 22:57 f", "f", .file, 7, 0o644, 1_795_474_620),
            ("drwxr-xr-x@ 1 a b 7 Nov 23 22:57 f", "f", .directory, nil, 0o755, 1_795_474_620),
            ("-rw-r--r--   1 owner 7 Nov 23 22:57 no group", "no group", .file, 7, 0o644, 1_795_474_620),
            (
                "-rw-r--r--   1 Domain Users 5 of 7 Domain Admins 7 Nov 23 22:57 f", "f", .file, 7, 0o644,
                1_795_474_620
            ),
            ("crw-rw-rw-   1 root root 1,   3 Nov 23 22:57 null", "null", .other, nil, 0o666, 1_795_474_620),
            ("brw-rw----   1 root root 8,1 Nov 23 22:57 sda", "sda", .other, nil, 0o660, 1_795_474_620),
            ("-rwSr-Sr-T   1 a b 7 2026-11-23 22:57 iso", "iso", .file, 7, 0o7644, 1_795_474_620),
            ("-rwsr-sr-t   1 a b 7 2026-11-23 22:57:33 iso", "iso", .file, 7, 0o7755, 1_795_474_653),
            ("-rw-r--r-- 1 a b 7 2026-11-23 22:57:33.123456789 +0100 f", "f", .file, 7, 0o644, 1_795_471_053),
            ("-rw-r--r-- 1 a b 7 2026-11-23 22:57:33 +0100 f", "+0100 f", .file, 7, 0o644, 1_795_474_653),
            ("-rw-r--r-- 1 a b 7 23 Nov 22:57 f", "f", .file, 7, 0o644, 1_795_474_620),
            ("-rw-r--r-- 1 a b 7 29 Feb 2000 f", "f", .file, 7, 0o644, 951_782_400),
            ("-rw-r--r-- 1 a b 7 Nov 23 22:57:33 2026 bsd", "bsd", .file, 7, 0o644, 1_795_474_653),
            ("-rw-r--r-- 1 a b 7 nov 3 2:07 f", "f", .file, 7, 0o644, 1_793_671_620),
            ("-rw-r--r-- 1 a b 7 Okt 23 22:57 f", "f", .file, 7, 0o644, nil),
            ("-rw-r--r-- 1 a b 7 23. M\u{e4}r. 2020 f", "f", .file, 7, 0o644, nil),
            ("-rw-r--r-- 1 a b 7 Nov 31 2020 f", "f", .file, 7, 0o644, nil),
            (
                "-rw-r--r-- 1 a b 18446744073709551616 Nov 23 22:57 huge", "huge", .file, nil, 0o644,
                1_795_474_620
            ),
            (
                "-rw-r--r-- 1 a b 7 Nov 23 22:57 7 Nov 23 22:57 x", "7 Nov 23 22:57 x", .file, 7, 0o644,
                1_795_474_620
            ),
            ("-rw-r--r-- 1 a b 7 Nov 23  2020 total 5", "total 5", .file, 7, 0o644, 1_606_089_600),
            ("lrwxrwxrwx 1 a b 7 Nov 23  2020 l", "l", .symlink, nil, 0o777, 1_606_089_600),
            ("-rwxr-lr-x 1 a b 7 Nov 23  2020 l", "l", .file, 7, 0o2745, 1_606_089_600),
            (" -rw-r--r-- 1 a b 7 Nov 23  2020 status", "status", .file, 7, 0o644, 1_606_089_600),
        ] as [(String, String, FileKind, UInt64?, UInt16, Int64?)])
    func unix(row: String, name: String, kind: FileKind, size: UInt64?, mode: UInt16, time: Int64?) throws {
        let entry = try #require(try listRow(row))
        #expect(entry.name == FileName(name))
        #expect(entry.attributes.kind == kind)
        #expect(entry.attributes.size == size)
        #expect(entry.attributes.mode == mode)
        #expect(entry.attributes.modified?.seconds == time)
    }

    @Test(
        "other DOS rows are read",
        arguments: [
            ("2014-09-24  08:14       <DIR>          d", "d", .directory, nil, 1_411_546_440),
            ("09/24/2014  08:14 AM    <DIR>          d", "d", .directory, nil, 1_411_546_440),
            ("09.24.2014  08:14 PM            1,234 f", "f", .file, 1234, 1_411_589_640),
            ("09-24-14  12:14AM       <JUNCTION>     j", "j", .directory, nil, 1_411_517_640),
            ("09-24-14  12:14PM       <SYMLINKD>     s", "s", .directory, nil, 1_411_560_840),
            ("24-09-14  08:14AM                    7 f", "f", .file, 7, nil),
            ("09-24-14  08:14AM                    7  f ", " f ", .file, 7, 1_411_546_440),
            ("09-24-14  08:14AM <DIR> d", "d", .directory, nil, 1_411_546_440),
        ] as [(String, String, FileKind, UInt64?, Int64?)])
    func dos(row: String, name: String, kind: FileKind, size: UInt64?, time: Int64?) throws {
        let entry = try #require(try listRow(row))
        #expect(entry.name == FileName(name))
        #expect(entry.attributes.kind == kind)
        #expect(entry.attributes.size == size)
        #expect(entry.attributes.modified?.seconds == time)
    }

    @Test("a date without a year is of the last year in which it is not more than a day ahead")
    func years() throws {
        let now: Int64 = 1_704_110_400  // 2024-01-01 12:00 UTC
        let table: [(String, Int64?)] = [
            ("Jan  1 11:59", 1_704_110_340), ("Jan  2 11:59", 1_704_196_740), ("Jan  2 12:01", 1_672_660_860),
            ("Dec 31 23:59", 1_704_067_140), ("Feb 29 00:00", 1_582_934_400), ("Nov 23 22:57", 1_700_780_220),
        ]
        for (date, seconds) in table {
            let entry = try listRow("-rw-r--r-- 1 a b 7 \(date) f", now: now)
            #expect(entry?.attributes.modified?.seconds == seconds, "\(date)")
            #expect(entry?.attributes.granularity == .minute)
        }
        // A server two hours ahead of UTC: its new year has begun.
        let late: Int64 = 1_704_067_140  // 2023-12-31 23:59 UTC
        let entry = try listRow("-rw-r--r-- 1 a b 7 Jan  1 01:58 f", now: late, offset: 7200)
        #expect(entry?.attributes.modified?.seconds == late - 60)
        for now in [Int64.min, .max] {
            #expect(try listRow("-rw-r--r-- 1 a b 7 Jan  1 01:58 f", now: now)?.attributes.modified == nil)
        }
    }

    @Test("the offset is taken off, an absurd one is not")
    func offsets() throws {
        let row = "-rw-r--r-- 1 a b 7 Nov 23 22:57 f"
        #expect(try listRow(row, offset: 5400)?.attributes.modified?.seconds == Self.november.seconds - 5400)
        #expect(try listRow(row, offset: -5400)?.attributes.modified?.seconds == Self.november.seconds + 5400)
        #expect(try listRow(row, offset: .max)?.attributes.modified == Self.november)
        #expect(try listRow(row, offset: .min)?.attributes.modified == Self.november)
    }

    @Test("a count of blocks may come first, and only there")
    func total() throws {
        let row = "-rw-r--r-- 1 a b 7 Nov 23 22:57 f\r\n"
        #expect(try list(Array("total 5\r\n\(row)".utf8)).entries.count == 1)
        #expect(try list(Array("total 5\r\n".utf8)).entries.isEmpty)
        #expect(try list([]).entries.isEmpty)
        #expect(try list([]).format == nil)
        #expect(throws: ListingError.self) { try list(Array("total x\r\n\(row)".utf8)) }
    }

    @Test(
        "a row that is not understood makes the listing an error that names it",
        arguments: [
            "x y z w", "ls: cannot open directory: Permission denied", "-rw-r--r-- 1 a b 7 Nov 23 f",
            "-rw-r--r-- 1 a b 7",
            "-rw-r--r-- 1 a b 7 Nov 23 22:57", "-rw-r--r-- 1 a b seven Nov 23 22:57 f",
            "zrw-r--r-- 1 a b 7 Nov 23 22:57 f",
            "-rw-r--rw- 1 a b 7 Nov 23 25:57 f", "09-24-14  08:14AM       <DIR>          dos",
            "-rqxr--r-- 1 a b 7 Nov 23 22:57 f",
            "-rw-r--r-- 1 a b 7 Nov 32 2020 f", "modify=20010909014640;type=file; x y z",
        ])
    func unintelligible(row: String) throws {
        let good = "-rw-r--r-- 1 a b 7 Nov 23 22:57 "
        #expect(throws: ListingError.unintelligible(row: 2, text: row)) {
            try list(Array("\(good)a\r\n\(row)\r\n\(good)b\r\n".utf8))
        }
        #expect(throws: ListingError.self) { try list(Array("x\r\n".utf8)) }
    }

    @Test(
        "DOS rows that are not understood are errors",
        arguments: [
            "09-24-14  08:14AM       <DIR>", "09-24-14  08:14XM  <DIR> d", "09-24-14  08:14AM  seven d",
            "09-24-14", "09-24-1  08:14 7 d",
            "09-24/14  08:14 7 d", "09-24-14  8 7 d d", "009-24-14  08:14 7 d", "09-24-14-  08:14 7 d",
        ])
    func unintelligibleDOS(row: String) throws {
        #expect(throws: ListingError.self) { try list(Array("\(row)\r\n".utf8)) }
    }

    @Test("names longer than a directory here can show are left out and reported")
    func tooLong() throws {
        let longest = String(repeating: "n", count: 255)
        let rows = [longest, longest + "n", String(repeating: "n", count: 2000), "behind"]
        for listing in [
            try machineListing(Array(rows.map { "type=file;size=1; \($0)\r\n" }.joined().utf8)),
            try list(Array(rows.map { "-rw-r--r-- 1 u g 1 Jan  1 2020 \($0)\r\n" }.joined().utf8)),
        ] {
            #expect(listing.entries.map(\.name.bytes.count) == [255, 6])
            #expect(listing.dropped.map(\.reason) == [.tooLong, .tooLong])
            #expect(!listing.isComplete)
        }
    }

    @Test("names that can never be shown are left out and reported; duplicates keep their first row")
    func dropped() throws {
        let good = "-rw-r--r-- 1 a b 7 Nov 23 22:57 "
        let listing = try list(
            Array("\(good)a/b\r\n\(good)\r\n\(good)x\r\n\(good)x\r\n\(good)n\0ul\r\n".utf8))
        #expect(listing.entries.map(\.name) == [FileName("x")])
        #expect(
            listing.dropped.map(\.reason) == [.forbiddenName, .forbiddenName, .duplicate, .forbiddenName])
    }

    @Test("a listing cut at any place is an error or has only whole rows", arguments: Transcripts.lists)
    func prefixes(body: [UInt8]) throws {
        let whole = Set(try list(body).entries)
        for count in 0..<body.count {
            let prefix = Array(body[..<count])
            guard let listing = try? list(prefix) else { continue }
            #expect(prefix.isEmpty || prefix.suffix(2).elementsEqual([13, 10]))
            #expect(listing.entries.allSatisfy { whole.contains($0) })
        }
        #expect(throws: ListingError.self) { try list(Array(body.dropLast(2))) }
        #expect(try list(Array(body.dropLast(2)), isProvenWhole: true).entries == list(body).entries)
    }

    @Test("STAT replies are listings too")
    func status() throws {
        let rows = Transcripts.vsftpd.split(separator: [13, 10]).map { Array($0) }
        for space in [[], [UInt8(ascii: " ")]] {
            let reply = Reply(
                code: 213, lines: [Array("Status:".utf8)] + rows.map { space + $0 } + [Array("End".utf8)])
            let listing = try ListingFormat.parseListing(
                status: reply, now: Timestamp(seconds: 1_795_521_600))
            #expect(listing.entries == (try list(Transcripts.vsftpd).entries))
        }
        #expect(throws: ListingError.self) {
            try ListingFormat.parseListing(status: Reply(550, "a", "b", "c"), now: Timestamp(seconds: 0))
        }
    }

    @Test("a megabyte in one row does no harm")
    func long() throws {
        for byte in Array(" x1:-,?/".utf8) {
            let long = [UInt8](repeating: byte, count: 1 << 20)
            _ = try? list(long + [13, 10])
            _ = try? list(Array("-rw-r--r-- 1 a b 7 ".utf8) + long + [13, 10])
            _ = try? list(Array("09-24-14  08:14AM ".utf8) + long + [13, 10])
            _ = try? list(Array("lrw-r--r-- 1 a b 7 Nov 23 22:57 ".utf8) + long + [13, 10])
        }
    }
}

@Suite struct TimeOffsetTests {
    private func learn(_ listed: Int64, _ exact: Int64, _ granularity: TimeGranularity = .minute) -> Int? {
        TimeOffset.learn(
            listed: StatedTime(Timestamp(seconds: listed), granularity), exact: Timestamp(seconds: exact),
            now: Timestamp(seconds: 2_000_000_000))
    }

    @Test("the offset is the difference in whole quarters of an hour")
    func learned() {
        let exact: Int64 = 1_795_474_653
        #expect(learn(1_795_474_620, exact) == 0)
        #expect(learn(1_795_474_620 + 7200, exact) == 7200)
        #expect(learn(1_795_474_620 - 12_600, exact) == -12_600)
        #expect(learn(1_795_474_620 + 20_700, exact) == 20_700)
    }

    @Test("what no zone makes teaches nothing")
    func refused() {
        let exact: Int64 = 1_795_474_653
        #expect(learn(1_795_474_620 + 400, exact) == nil)
        #expect(learn(1_795_474_620 + 49 * 3600, exact) == nil)
        #expect(learn(1_795_474_620, exact, .day) == nil)
        #expect(learn(2_000_003_600, 2_000_000_001) == nil)
        #expect(learn(.min, exact) == nil)
        #expect(learn(exact, .min) == nil)
    }
}
