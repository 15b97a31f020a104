import Remote
import Testing

@testable import FTPWire

@Suite struct ListingParserTests {
    private static let now = Timestamp(seconds: 1_795_521_600)

    private struct Outcome: Equatable {
        var entries: EntryList
        var dropped: [ParsedListing.DroppedRow]
        var counts: [Int]
        var flags: [Bool]
        var directory: Attributes?
        var format: ListingFormat?

        init?(_ parse: () throws -> ParsedListing) {
            guard let listing = try? parse() else { return nil }
            entries = listing.entries
            dropped = listing.dropped
            counts = [listing.rowCount, listing.droppedCount]
            flags = [listing.sawDotRows, listing.isComplete]
            (directory, format) = (listing.directory, listing.format)
        }
    }

    private func inPieces(
        _ body: [UInt8], _ form: ListingParser.Form, isProvenWhole: Bool, _ size: () -> Int
    ) -> Outcome? {
        var parser = ListingParser(form)
        var place = 0
        while place < body.count {
            let end = min(body.count, place + size())
            parser.add(Array(body[place..<end]).span)
            place = end
        }
        return Outcome { try parser.finish(isProvenWhole: isProvenWhole) }
    }

    @Test(
        "a listing of more rows than the limit is of no use, whatever ends them", arguments: ["\r\n", "\n"])
    func rowLimit(end: String) throws {
        func parse(_ count: Int, _ form: ListingParser.Form, _ row: (Int) -> String) throws -> ParsedListing {
            var parser = ListingParser(form, limit: 5)
            for number in 0..<count { parser.add(Array((row(number) + end).utf8).span) }
            return try parser.finish(isProvenWhole: true)
        }
        let forms: [(ListingParser.Form, (Int) -> String)] = [
            (.machine, { "type=file; \($0)" }),
            (.rows(now: Self.now, offset: 0), { "-rw-r--r-- 1 0 0 7 Jan 01 2020 \($0)" }),
        ]
        for (form, row) in forms {
            #expect(try parse(5, form, row).entries.count == 5)
            #expect(throws: ListingError.tooLong(limit: 5)) { _ = try parse(6, form, row) }
        }
    }

    @Test(
        "rows show names with a dot where one is there, where the directory itself is, and in DOS form",
        arguments: [
            ("-rw-r--r-- 1 0 0 7 Jan 01 2020 a", false), ("-rw-r--r-- 1 0 0 7 Jan 01 2020 .a", true),
            ("drwxr-xr-x 1 0 0 7 Jan 01 2020 .", true), ("drwxr-xr-x 1 0 0 7 Jan 01 2020 ..", true),
            ("01-01-20  10:00AM  7 a", true), ("", false),
        ])
    func dotNames(row: String, shows: Bool) throws {
        var parser = ListingParser(.rows(now: Self.now, offset: 0))
        if !row.isEmpty { parser.add(Array((row + "\r\n").utf8).span) }
        #expect(try parser.finish(isProvenWhole: true).showsDotNames == shows)
    }

    @Test("times that were taken for UTC can be set back")
    func setBack() throws {
        func parse(offset: Int) throws -> ParsedListing {
            var parser = ListingParser(.rows(now: Self.now, offset: offset))
            for row in Transcripts.lists.prefix(1) { parser.add(row.span) }
            return try parser.finish(isProvenWhole: true)
        }
        var listing = try parse(offset: 0)
        listing.setBack(by: 7200)
        #expect(try listing.entries == parse(offset: 7200).entries && !listing.entries.isEmpty)
        #expect(try listing.directory == parse(offset: 7200).directory)
    }

    @Test("a listing that comes in pieces reads as one that comes whole", arguments: 0..<6)
    func pieces(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<30 {
            for body in Transcripts.machine + Transcripts.lists {
                let body = round == 0 ? body : body.mutated(using: &random)
                let isProvenWhole = Bool.random(using: &random)
                let most = [1, 7, 60, 300][Int.random(in: 0..<4, using: &random)]
                let machine = inPieces(body, .machine, isProvenWhole: isProvenWhole) {
                    Int.random(in: 1...most, using: &random)
                }
                #expect(machine == Outcome { try machineListing(body, isProvenWhole: isProvenWhole) })
                let rows = inPieces(
                    body, .rows(now: Self.now, offset: 3600), isProvenWhole: isProvenWhole
                ) { Int.random(in: 1...most, using: &random) }
                #expect(rows == Outcome { try list(body, offset: 3600, isProvenWhole: isProvenWhole) })
            }
        }
    }

    @Test("the text of a long listing is not kept")
    func memory() throws {
        var parser = ListingParser(.machine)
        let count = 20_000
        for number in 0..<count {
            parser.add(
                Array("type=file;size=1;modify=20250101120000;unique=1g2; file\(number)\r\n".utf8).span)
            #expect(parser.keptCount < 200)
        }
        #expect(try parser.finish(isProvenWhole: false).entries.count == count)
    }

    @Test("a row that is cut is an error, and so is a broken one far from the end")
    func endings() {
        var cut = ListingParser(.machine)
        cut.add(Array("type=file;size=1; a\r\ntype=file;size=1; b".utf8).span)
        #expect(throws: ListingError.self) { _ = try cut.finish(isProvenWhole: false) }
        var broken = ListingParser(.machine)
        broken.add(Array("type=file;size=1; a\r\nnonsense\r\n".utf8).span)
        broken.add(Array("type=file;size=1; b\r\n".utf8).span)
        #expect(throws: ListingError.unintelligible(row: 2, text: "nonsense")) {
            _ = try broken.finish(isProvenWhole: true)
        }
    }
}
