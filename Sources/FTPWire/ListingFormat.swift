package import Remote

/// The forms in which servers send LIST (RFC 959 section 4.1.3 leaves it open).
package enum ListingFormat: Hashable, Sendable {
    /// As `ls -l` writes it.
    case unix
    /// As the Windows command `dir` writes it.
    case dos

    /// Reads the body of a LIST transfer.
    ///
    /// All rows must have the form of the first one, but for `total N` before it; one that has not is `.unintelligible`, for it may be
    /// an error message in the place of rows, or a part of a name with a CRLF in it.
    ///
    /// `now` is the time now; rows without a year are taken for the last year in which they are not more than a day ahead of it.
    /// `offset` is how far the server's rows are ahead of UTC, in seconds, as `TimeOffset` learns it. `isProvenWhole` says that the data
    /// connection's clean end and the server's 226 were both seen: then a last row without a line end is taken.
    /// An empty body is an empty listing: whether the directory exists has to be asked otherwise (vsftpd 3.0.3, Pure-FTPd 1.0.50).
    package static func parseListing(
        _ body: Span<UInt8>, now: Timestamp, offset: Int = 0, isProvenWhole: Bool = false
    ) throws(ListingError) -> ParsedListing {
        var rows = try ListingRows(body, isProvenWhole: isProvenWhole)
        let clock = ListingClock(now: now, offset: offset)
        var listing = ParsedListing()
        while let row = rows.next(body) { try take(body, row, number: rows.count, clock, into: &listing) }
        return listing
    }

    /// Takes one row, the empty ones too; `number` counts the others from 1.
    static func take(
        _ body: Span<UInt8>, _ row: Range<Int>, number: Int, _ clock: ListingClock,
        into listing: inout ParsedListing
    ) throws(ListingError) {
        guard !row.isEmpty else { return listing.addEmptyRow(body) }
        if number == 1, UnixListing.isTotal(body, row) { return }
        let parsed: UnixListing.Row?
        switch listing.format {
        case .unix: parsed = UnixListing.row(body, row, clock)
        case .dos: parsed = DOSListing.row(body, row, clock)
        case nil:
            if let unix = UnixListing.row(body, row, clock) {
                (parsed, listing.format) = (unix, .unix)
            } else {
                (parsed, listing.format) = (DOSListing.row(body, row, clock), .dos)
            }
        }
        guard let parsed else { throw .unintelligible(row: number, text: excerpt(body.array(row))) }
        listing.add(body, name: parsed.name, row: row, parsed.attributes)
    }

    /// Reads a 211, 212 or 213 reply to `STAT path`: a listing between its first and its last line, perhaps with a space before each row.
    ///
    /// A name with a line end in it can forge rows, and ends the reply early on vsftpd 3.0.3 and pyftpdlib 2.2.0: for use only where
    /// the caller proves that no other reply follows. For the path of a file the rows have to be looked through for its name: vsftpd adds
    /// the links that point to it, and has no row for a link itself.
    package static func parseListing(
        status reply: Reply, now: Timestamp, offset: Int = 0
    ) throws(ListingError) -> ParsedListing {
        guard reply.isSuccess else { throw .noFacts(text: reply.text) }
        var body: [UInt8] = []
        for line in reply.lines.dropFirst().dropLast() {
            body += line.first == UInt8(ascii: " ") ? line[1...] : line[...]
            body += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
        }
        return try parseListing(body.span, now: now, offset: offset)
    }
}
