package import Remote

/// Reads the body of a listing while it arrives, so that its text need not be kept: gives what the parsers of whole bodies give.
///
/// Only where no CRLF has come yet is the text kept, for the end of the rows is not known then (`ListingRows`).
package struct ListingParser {
    /// What the rows are.
    package enum Form: Sendable {
        /// Those of MLSD, as `MachineListing` reads them.
        case machine
        /// Those of LIST, as `ListingFormat` reads them.
        case rows(now: Timestamp, offset: Int)
    }

    /// The most rows of a listing: one of a few bytes a row would fill the memory otherwise.
    package static let rowLimit = 3_000_000

    private let form: Form
    private let limit: Int
    private var listing = ParsedListing()
    // Nil until a CRLF has come.
    private var rows: ListingRows?
    private var buffer: [UInt8] = []
    private var failure: ListingError?

    /// The bytes that are kept, since more have to come before they can be read.
    var keptCount: Int { buffer.count }

    /// Begins with nothing; more rows than the limit make the listing one of no use.
    package init(_ form: Form, limit: Int = rowLimit) {
        self.form = form
        self.limit = limit
    }

    /// Takes the next bytes; what is wrong with them is thrown by `finish`.
    package mutating func add(_ bytes: Span<UInt8>) {
        guard failure == nil else { return }
        // Out of here, so that it can be read while the listing grows.
        var text: [UInt8] = []
        swap(&text, &buffer)
        defer { swap(&text, &buffer) }
        let seen = max(0, text.count - 1)
        for offset in bytes.indices { text.append(bytes[offset]) }
        if rows == nil, ListingRows.firstCRLF(text.span, from: seen) != nil { rows = ListingRows() }
        guard var rows, let end = ListingRows.lastEnd(text.span, from: seen) else { return }
        do throws(ListingError) {
            try Self.take(form, text.span.extracting(0..<end), &rows, &listing, limit: limit)
        } catch {
            failure = error
        }
        // The row before the next one is needed still.
        let gone = min(listing.pending ?? rows.position, rows.position)
        text.removeSubrange(..<gone)
        rows.shift(by: gone)
        listing.shift(by: gone)
        self.rows = rows
    }

    /// Ends the body; `isProvenWhole` is that of the parsers of whole bodies.
    package mutating func finish(isProvenWhole: Bool) throws(ListingError) -> ParsedListing {
        if let failure { throw failure }
        let text = buffer
        var rows: ListingRows
        if let known = self.rows {
            rows = known
            try rows.checkEnd(of: text.span, isProvenWhole: isProvenWhole)
        } else {
            rows = try ListingRows(text.span, isProvenWhole: isProvenWhole)
        }
        try Self.take(form, text.span, &rows, &listing, limit: limit)
        return listing
    }

    private static func take(
        _ form: Form, _ body: Span<UInt8>, _ rows: inout ListingRows, _ listing: inout ParsedListing,
        limit: Int
    ) throws(ListingError) {
        switch form {
        case .machine:
            while let row = rows.next(body) {
                guard rows.count <= limit else { throw .tooLong(limit: limit) }
                try MachineListing.take(body, row, number: rows.count, into: &listing)
            }
        case .rows(let now, let offset):
            let clock = ListingClock(now: now, offset: offset)
            while let row = rows.next(body) {
                guard rows.count <= limit else { throw .tooLong(limit: limit) }
                try ListingFormat.take(body, row, number: rows.count, clock, into: &listing)
            }
        }
    }
}
