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
