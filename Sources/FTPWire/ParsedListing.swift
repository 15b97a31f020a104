package import Remote

/// A listing as it was read from a data connection.
package struct ParsedListing: Sendable {
    /// A row that names nothing a local directory can show.
    package struct DroppedRow: Hashable, Sendable {
        /// Why the row was left out.
        package enum Reason: Hashable, Sendable {
            /// The name is empty or has NUL, `/`, CR or LF in it.
            case forbiddenName
            /// The name came before; the first row stays.
            case duplicate
            /// The name has a CRLF in it, so that the row came in pieces; one such row for each piece.
            case broken
        }
        /// Why the row was left out.
        package let reason: Reason
        /// The row's bytes without its end, cut after 1024.
        package let bytes: [UInt8]
    }

    /// The entries in the server's order, without `.` and `..`; no name occurs twice.
    package internal(set) var entries: [Entry] = []
    /// Whether rows for `.` or `..` were there: proof that dot files are shown and that a directory was listed.
    package internal(set) var sawDotRows = false
    /// What the row for the directory itself says (`type=cdir`, or `.`), if there was one.
    package internal(set) var directory: Attributes?
    /// The rows left out, for the log; at most `ParsedListing.droppedLimit` are kept.
    package internal(set) var dropped: [DroppedRow] = []
    /// The number of rows left out.
    package internal(set) var droppedCount = 0
    /// The form of the rows of a LIST body that has any; nil for MLSD.
    package internal(set) var format: ListingFormat?
    /// The number of rows, those for `.` and `..` and those left out included.
    package internal(set) var rowCount = 0

    /// The most dropped rows that are kept.
    package static let droppedLimit = 100

    /// False when names with a CRLF in them have broken rows apart: then a missing name is no proof of absence.
    package private(set) var isComplete = true

    private var names: Set<FileName> = []
    /// The place of the row before, as long as it can be continued.
    private var previous: (row: Range<Int>, isEntry: Bool)?

    /// Makes a listing without rows.
    init() {}

    /// Takes a row whose name fills the range `name` of the body.
    mutating func add(_ body: Span<UInt8>, name range: Range<Int>, row: Range<Int>, _ attributes: Attributes)
    {
        rowCount += 1
        previous = (row, false)
        if Self.isDots(body, range) {
            sawDotRows = true
            if range.count == 1 { directory = attributes }
            return
        }
        guard let name = FileName(body.extracting(range)) else {
            return drop(body, row, for: .forbiddenName)
        }
        guard names.insert(name).inserted else { return drop(body, row, for: .duplicate) }
        entries.append(Entry(name: name, attributes: attributes))
        previous = (row, true)
    }

    /// Takes a row in no known form for the rest of the name before it, which then holds a CRLF and cannot be shown.
    ///
    /// vsftpd, ProFTPD and pyftpdlib send such names raw, and one of them must not make a whole directory unreadable. Returns false
    /// when no row was before it: then the row is not understood.
    mutating func takeContinuation(_ body: Span<UInt8>, _ row: Range<Int>) -> Bool {
        guard let previous else { return false }
        if previous.isEntry, let broken = entries.popLast() {
            names.remove(broken.name)
            drop(body, previous.row, for: .broken)
        }
        drop(body, row, for: .broken)
        self.previous = (row, false)
        isComplete = false
        return true
    }

    /// Takes the row of the directory itself, or of its parent.
    mutating func addDotRow(_ attributes: Attributes?) {
        rowCount += 1
        previous = nil
        sawDotRows = true
        if let attributes { directory = attributes }
    }

    private mutating func drop(_ body: Span<UInt8>, _ row: Range<Int>, for reason: DroppedRow.Reason) {
        droppedCount += 1
        guard dropped.count < Self.droppedLimit else { return }
        let cut = row.lowerBound..<min(row.upperBound, row.lowerBound + 1024)
        dropped.append(DroppedRow(reason: reason, bytes: body.array(cut)))
    }

    private static func isDots(_ body: Span<UInt8>, _ name: Range<Int>) -> Bool {
        let dot = UInt8(ascii: ".")
        return 1...2 ~= name.count && body[name.lowerBound] == dot && body[name.upperBound - 1] == dot
    }
}

/// Why a listing is of no use.
///
/// Nothing of it may be shown: a file that is not listed must not be taken for absent.
package enum ListingError: Error, Hashable, Sendable {
    /// A row is in no form known here; its number from 1, and its text in printable form, cut.
    case unintelligible(row: Int, text: String)
    /// The last row has no line end, so that its name may be cut; its text in printable form, cut.
    case unterminated(text: String)
    /// The reply to MLST holds no facts; its text in printable form, cut.
    case noFacts(text: String)
}

extension ListingError: CustomStringConvertible {
    /// One line for messages.
    package var description: String {
        switch self {
        case .unintelligible(let row, let text): "row \(row) of the listing is not understood: \(text)"
        case .unterminated(let text): "the listing ends in the middle of a row: \(text)"
        case .noFacts(let text): "the reply states no facts: \(text)"
        }
    }
}
