package import Remote

/// Reads what MLSD and MLST state (RFC 3659 section 7).
package enum MachineListing {
    /// Reads the body of an MLSD transfer.
    ///
    /// `isProvenWhole` says that both the data connection's clean end and the server's 226 were seen: then a last row without
    /// a line end is taken, else it is `.unterminated`. A row without a kind or a name is `.unintelligible`. Rows of type `cdir` and
    /// `pdir` are the directory itself and its parent, whatever their names.
    package static func parse(
        _ body: Span<UInt8>, isProvenWhole: Bool = false
    ) throws(ListingError) -> ParsedListing {
        var rows = try ListingRows(body, isProvenWhole: isProvenWhole)
        var listing = ParsedListing()
        while let row = rows.next(body) { try take(body, row, number: rows.count, into: &listing) }
        return listing
    }

    /// Takes one row, the empty ones too; `number` counts the others from 1.
    static func take(
        _ body: Span<UInt8>, _ row: Range<Int>, number: Int, into listing: inout ParsedListing
    ) throws(ListingError) {
        guard !row.isEmpty else { return listing.addEmptyRow(body) }
        guard let split = split(body, row), let facts = MachineFacts(body, split.facts) else {
            throw .unintelligible(row: number, text: excerpt(body.array(row)))
        }
        switch facts.place {
        case .entry: listing.add(body, name: split.name, row: row, facts.attributes)
        case .directoryItself: listing.addDotRow(facts.attributes)
        case .parent: listing.addDotRow(nil)
        }
    }

    /// Reads a 250 reply to MLST.
    ///
    /// Types `cdir` and `pdir` are directories (Pure-FTPd 1.0.50 says so of `.` and `/`).
    ///
    /// Throws `.noFacts` when no line has facts that tell the kind.
    package static func attributes(in reply: Reply) throws(ListingError) -> Attributes {
        let lines = reply.lines.count > 2 ? reply.lines.dropFirst().dropLast() : reply.lines[...]
        for line in lines where reply.isSuccess {
            let span = line.span
            let row = span.trimmed(line.indices).lowerBound..<line.count
            if let split = split(span, row), let facts = MachineFacts(span, split.facts) {
                return facts.attributes
            }
        }
        throw .noFacts(text: reply.text)
    }

    /// Cuts a row into its facts and its name: at the first space behind a semicolon, for values may have spaces in them
    /// (link targets, group names of Windows domains); where there is none, at the first space at all.
    private static func split(_ body: Span<UInt8>, _ row: Range<Int>) -> (
        facts: Range<Int>, name: Range<Int>
    )? {
        let (space, semicolon) = (UInt8(ascii: " "), UInt8(ascii: ";"))
        var firstSpace: Int?
        var offset = row.lowerBound
        while let place = body.firstOffset(of: space, in: offset..<row.upperBound) {
            if place > row.lowerBound, body[place - 1] == semicolon {
                return (row.lowerBound..<place, (place + 1)..<row.upperBound)
            }
            if firstSpace == nil { firstSpace = place }
            offset = place + 1
        }
        guard let firstSpace, firstSpace > row.lowerBound else { return nil }
        return (row.lowerBound..<firstSpace, (firstSpace + 1)..<row.upperBound)
    }
}
