package import Remote

/// A listing as it was read from a data connection.
package struct ParsedListing: Sendable {
    /// A row that names nothing a local directory can show.
    package struct DroppedRow: Hashable, Sendable {
        /// Why the row was left out.
        package enum Reason: Hashable, Sendable {
            /// The name is empty or has NUL, `/`, CR or LF in it.
            case forbiddenName
            /// The name has more bytes than a local directory can show (NAME_MAX).
            case tooLong
            /// The name came before; the first row stays.
            case duplicate
            /// The name ends with a line end, since an empty row follows: without it, it would be another file's name.
            case broken
        }
        /// Why the row was left out.
        package let reason: Reason
        /// The row's bytes without its end, cut after 1024.
        package let bytes: [UInt8]
    }

    /// The entries in the server's order, without `.` and `..`; no name occurs twice.
    package internal(set) var entries = EntryList()
    /// Whether rows for `.` or `..` were there: proof that dot files are shown and that a directory was listed.
    package internal(set) var sawDotRows = false
    private var sawHiddenName = false
    /// Whether the rows show that names which begin with a dot are not left out: some do, or they are those of a system that hides none.
    package var showsDotNames: Bool { sawDotRows || sawHiddenName || format == .dos }
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

    /// False when names were left out that exist on the server: then a missing one is no proof of absence, nor no entry of emptiness.
    package private(set) var isComplete = true

    /// The place of the row before, when it has become the last entry.
    private var previous: Range<Int>?

    /// Makes a listing without rows.
    init() {}

    /// Takes a row whose name fills the range `name` of the body.
    mutating func add(_ body: Span<UInt8>, name range: Range<Int>, row: Range<Int>, _ attributes: Attributes)
    {
        rowCount += 1
        previous = nil
        if Self.isDots(body, range) {
            sawDotRows = true
            if range.count == 1 { directory = attributes }
            return
        }
        guard let name = FileName(body.extracting(range)) else {
            return drop(body, row, for: .forbiddenName)
        }
        guard range.count <= FileName.longest else { return drop(body, row, for: .tooLong) }
        guard entries.append(Entry(name: name, attributes: attributes)) else {
            return drop(body, row, for: .duplicate)
        }
        if name.isHidden { sawHiddenName = true }
        previous = row
    }

    /// Takes an empty row for the line end that the name before it ends with.
    ///
    /// vsftpd, ProFTPD and pyftpdlib send such names raw.
    mutating func addEmptyRow(_ body: Span<UInt8>) {
        guard let row = previous.take() else { return }
        entries.removeLast()
        drop(body, row, for: .broken)
    }

    /// Takes the row of the directory itself, or of its parent.
    mutating func addDotRow(_ attributes: Attributes?) {
        rowCount += 1
        previous = nil
        sawDotRows = true
        if let attributes { directory = attributes }
    }

    /// The place of the row before, which the next one may show to be broken.
    var pending: Int? { previous?.lowerBound }

    /// Says that so many bytes at the front of the body are gone.
    mutating func shift(by count: Int) {
        previous = previous.map { ($0.lowerBound - count)..<($0.upperBound - count) }
    }

    /// Takes all times, which were taken for UTC, for those of a clock that is so many seconds ahead.
    package mutating func setBack(by offset: Int) {
        for row in entries.indices { entries.change(row) { $0.setBack(by: offset) } }
        directory?.setBack(by: offset)
    }

    private mutating func drop(_ body: Span<UInt8>, _ row: Range<Int>, for reason: DroppedRow.Reason) {
        droppedCount += 1
        // The first row of a name that occurs twice stands for both.
        if reason != .duplicate { isComplete = false }
        guard dropped.count < Self.droppedLimit else { return }
        let cut = row.lowerBound..<min(row.upperBound, row.lowerBound + 1024)
        dropped.append(DroppedRow(reason: reason, bytes: body.array(cut)))
    }

    private static func isDots(_ body: Span<UInt8>, _ name: Range<Int>) -> Bool {
        let dot = UInt8(ascii: ".")
        return 1...2 ~= name.count && body[name.lowerBound] == dot && body[name.upperBound - 1] == dot
    }
}

extension Attributes {
    fileprivate mutating func setBack(by offset: Int) {
        modified?.seconds -= Int64(offset)
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
    /// There are more rows than so many.
    case tooLong(limit: Int)
}

extension ListingError: CustomStringConvertible {
    /// One line for messages.
    package var description: String {
        switch self {
        case .unintelligible(let row, let text): "row \(row) of the listing is not understood: \(text)"
        case .unterminated(let text): "the listing ends in the middle of a row: \(text)"
        case .noFacts(let text): "the reply states no facts: \(text)"
        case .tooLong(let limit): "the listing has more than \(limit) rows"
        }
    }
}
