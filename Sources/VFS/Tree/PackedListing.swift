import Remote

/// A listing as it came from the server.
///
/// Never changes; what happens after its arrival is laid over it as facts (`DirectoryState.facts`). Readers of a directory share it.
final class PackedListing: Sendable {
    /// Whether a name that is not here does not exist, unless it begins with a dot and such names may be missing.
    let isComplete: Bool
    /// Whether names that begin with a dot may be missing.
    let mayLackDotNames: Bool
    /// All rows.
    let entries: EntryList

    /// Keeps rows.
    init(_ entries: EntryList, isComplete: Bool, mayLackDotNames: Bool = false) {
        self.entries = entries
        self.isComplete = isComplete
        self.mayLackDotNames = mayLackDotNames
    }

    /// Packs rows; of rows with the same name the first one counts.
    convenience init(_ entries: [Entry], isComplete: Bool) {
        self.init(EntryList(entries), isComplete: isComplete)
    }

    /// The same rows, some of them with a time stated to the second.
    func with(exactTimes times: [Int: Timestamp]) -> PackedListing {
        var entries = entries
        for (row, time) in times { entries.state(time, at: row) }
        return PackedListing(entries, isComplete: isComplete, mayLackDotNames: mayLackDotNames)
    }

    /// Whether a name that is not here does not exist.
    func proves(absenceOf name: FileName) -> Bool {
        isComplete && !(mayLackDotNames && name.isHidden)
    }

    /// The number of rows.
    var count: Int { entries.count }

    /// The row of a name, nil where it is not listed.
    func row(of name: FileName) -> Int? { entries.row(of: name) }

    /// The bytes of a row's name.
    func nameBytes(at row: Int) -> ArraySlice<UInt8> { entries.nameBytes(at: row) }

    /// What a row stands for, without its other attributes.
    func kind(at row: Int) -> FileKind { entries.kind(at: row) }

    /// A row's size in bytes, nil where none is stated.
    func size(at row: Int) -> UInt64? { entries.size(at: row) }

    /// A row's attributes.
    func attributes(at row: Int) -> Attributes { entries.attributes(at: row) }
}
