import Remote

/// A listing as it came from the server, packed: about 45 bytes an entry besides the name.
///
/// Never changes; what happens after its arrival is laid over it as facts (`DirectoryState.facts`). Readers of a directory share it.
final class PackedListing: Sendable {
    /// Whether a name that is not here does not exist.
    let isComplete: Bool
    private let names: [UInt8]
    private let ends: [UInt32]
    private let records: [PackedAttributes]
    /// The targets of symbolic links, by row.
    private let targets: [Int: [UInt8]]
    /// Rows + 1 by the hash of their name, with linear probing; 0 is free.
    ///
    /// Its size is a power of two.
    private let slots: [UInt32]

    /// Packs rows; of rows with the same name the first one counts.
    init(_ entries: some Collection<Entry>, isComplete: Bool) {
        var capacity = 8
        while capacity < entries.count + entries.count / 2 { capacity *= 2 }
        var names: [UInt8] = []
        names.reserveCapacity(entries.reduce(0) { $0 + $1.name.bytes.count })
        var ends: [UInt32] = []
        ends.reserveCapacity(entries.count)
        var records: [PackedAttributes] = []
        records.reserveCapacity(entries.count)
        var targets: [Int: [UInt8]] = [:]
        var slots = [UInt32](repeating: 0, count: capacity)
        var fits = true
        for entry in entries {
            let (slot, row) = Self.find(entry.name, slots: slots, names: names, ends: ends)
            guard row == nil else { continue }
            guard let end = UInt32(exactly: names.count + entry.name.bytes.count) else {
                fits = false
                break
            }
            names += entry.name.bytes
            ends.append(end)
            if let target = entry.attributes.linkTarget { targets[records.count] = target }
            records.append(PackedAttributes(entry.attributes))
            slots[slot] = UInt32(records.count)
        }
        self.names = names
        self.ends = ends
        self.records = records
        self.targets = targets
        self.slots = slots
        self.isComplete = isComplete && fits
    }

    /// The same rows, some of them with a time stated to the second.
    func with(exactTimes times: [Int: Timestamp]) -> PackedListing {
        PackedListing(self, exactTimes: times)
    }

    private init(_ other: PackedListing, exactTimes times: [Int: Timestamp]) {
        var records = other.records
        for (row, time) in times { records[row].state(time) }
        self.records = records
        (names, ends, targets, slots) = (other.names, other.ends, other.targets, other.slots)
        isComplete = other.isComplete
    }

    /// The number of rows.
    var count: Int { records.count }

    /// The row of a name, nil where it is not listed.
    func row(of name: FileName) -> Int? {
        Self.find(name, slots: slots, names: names, ends: ends).row
    }

    /// The bytes of a row's name.
    func nameBytes(at row: Int) -> ArraySlice<UInt8> {
        let start = row == 0 ? 0 : Int(ends[row - 1])
        return names[start..<Int(ends[row])]
    }

    /// What a row stands for, without its other attributes.
    func kind(at row: Int) -> FileKind { records[row].kind }

    /// A row's size in bytes, nil where none is stated.
    func size(at row: Int) -> UInt64? { records[row].size }

    /// A row's attributes.
    func attributes(at row: Int) -> Attributes {
        let record = records[row]
        return record.unpacked(linkTarget: record.kind == .symlink ? targets[row] : nil)
    }

    /// All rows, unpacked.
    var entries: [Entry] {
        (0..<count).compactMap { row in
            FileName(nameBytes(at: row)).map { Entry(name: $0, attributes: attributes(at: row)) }
        }
    }

    // Returns the slot where a name is or would be put, and its row.
    private static func find(
        _ name: FileName, slots: [UInt32], names: [UInt8], ends: [UInt32]
    ) -> (slot: Int, row: Int?) {
        let mask = slots.count - 1
        var slot = name.hashValue & mask
        while slots[slot] != 0 {
            let row = Int(slots[slot]) - 1
            let start = row == 0 ? 0 : Int(ends[row - 1])
            if Int(ends[row]) - start == name.bytes.count, Self.stand(name.bytes, in: names, at: start) {
                return (slot, row)
            }
            slot = (slot + 1) & mask
        }
        return (slot, nil)
    }

    // Whether bytes are found at a place. A loop, for comparing slices costs more than the rest of a search.
    private static func stand(_ bytes: [UInt8], in names: [UInt8], at start: Int) -> Bool {
        for index in bytes.indices where names[start + index] != bytes[index] { return false }
        return true
    }
}
