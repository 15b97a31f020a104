/// The entries of a directory in the server's order, each name once: about 45 bytes an entry besides its name.
///
/// A directory may have a million of them, and each array or object of its own would cost more than that.
package struct EntryList: RandomAccessCollection, Sendable {
    private var names: [UInt8] = []
    private var ends: [UInt32] = []
    private var records: [PackedAttributes] = []
    /// The targets of symbolic links, by row.
    private var targets: [Int: [UInt8]] = [:]
    /// Rows + 1 by the hash of their name, with linear probing; 0 is free.
    ///
    /// Its size is a power of two, of which two thirds are in use at the most.
    private var slots: [UInt32] = []

    /// Makes a list without entries.
    package init() {}

    /// Takes entries in; of those with the same name the first one counts.
    package init(_ entries: some Sequence<Entry>) {
        for entry in entries { append(entry) }
    }

    /// Adds an entry behind the others; returns false, and does nothing, where its name is there already.
    ///
    /// All names together must have less than 4 GiB.
    @discardableResult
    package mutating func append(_ entry: Entry) -> Bool {
        if (count + 1) * 3 > slots.count * 2 { grow() }
        let (slot, row) = find(entry.name)
        guard row == nil else { return false }
        names += entry.name.bytes
        ends.append(UInt32(names.count))
        if let target = entry.attributes.linkTarget { targets[count] = target }
        records.append(PackedAttributes(entry.attributes))
        slots[slot] = UInt32(records.count)
        return true
    }

    /// Takes the last entry out again, if there is one.
    package mutating func removeLast() {
        guard let row = indices.last else { return }
        // No other name was put behind this one because its slot was taken.
        let mask = slots.count - 1
        var slot = Self.hash(names, bounds(of: row)) & mask
        while slots[slot] != UInt32(row + 1) { slot = (slot + 1) & mask }
        slots[slot] = 0
        names.removeSubrange(bounds(of: row))
        ends.removeLast()
        records.removeLast()
        targets[row] = nil
    }

    /// Changes what is known of an entry, all but its kind.
    package mutating func change(_ row: Int, _ body: (inout Attributes) -> Void) {
        var attributes = attributes(at: row)
        body(&attributes)
        records[row].take(attributes)
        if attributes.linkTarget != targets[row] { targets[row] = attributes.linkTarget }
    }

    /// Notes a time that is stated to the second in place of a coarser one.
    package mutating func state(_ time: Timestamp, at row: Int) {
        records[row].state(time)
    }

    // MARK: Rows

    /// The first row.
    package var startIndex: Int { 0 }
    /// Behind the last row.
    package var endIndex: Int { records.count }

    /// A row, unpacked.
    package subscript(row: Int) -> Entry {
        Entry(name: FileName(accepted: nameBytes(at: row)), attributes: attributes(at: row))
    }

    /// The row of a name, nil where it is not listed.
    package func row(of name: FileName) -> Int? {
        slots.isEmpty ? nil : find(name).row
    }

    /// The bytes of a row's name.
    package func nameBytes(at row: Int) -> ArraySlice<UInt8> { names[bounds(of: row)] }

    /// What a row stands for, without its other attributes.
    package func kind(at row: Int) -> FileKind { records[row].kind }

    /// A row's size in bytes, nil where none is stated.
    package func size(at row: Int) -> UInt64? { records[row].size }

    /// A row's attributes.
    package func attributes(at row: Int) -> Attributes {
        let record = records[row]
        return record.unpacked(linkTarget: record.kind == .symlink ? targets[row] : nil)
    }

    private func bounds(of row: Int) -> Range<Int> {
        (row == 0 ? 0 : Int(ends[row - 1]))..<Int(ends[row])
    }

    // MARK: The index

    // The slot where a name is or would be put, and its row.
    private func find(_ name: FileName) -> (slot: Int, row: Int?) {
        let mask = slots.count - 1
        var slot = Self.hash(name.bytes, name.bytes.indices) & mask
        while slots[slot] != 0 {
            let row = Int(slots[slot]) - 1
            let place = bounds(of: row)
            if place.count == name.bytes.count, stand(name.bytes, at: place.lowerBound) { return (slot, row) }
            slot = (slot + 1) & mask
        }
        return (slot, nil)
    }

    // Whether bytes are found at a place. A loop, for comparing slices costs more than the rest of a search.
    private func stand(_ bytes: [UInt8], at start: Int) -> Bool {
        for index in bytes.indices where names[start + index] != bytes[index] { return false }
        return true
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: Swift.max(8, slots.count * 2))
        let mask = slots.count - 1
        for row in records.indices {
            var slot = Self.hash(names, bounds(of: row)) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(row + 1)
        }
    }

    // Names come from the network: a server that knew the hash could make all searches long.
    private static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var hasher = Hasher()
        hasher.combine(range.count)
        var word: UInt64 = 0
        var filled = 0
        for index in range {
            word = word << 8 | UInt64(bytes[index])
            filled += 1
            if filled & 7 == 0 {
                hasher.combine(word)
                word = 0
            }
        }
        hasher.combine(word)
        return hasher.finalize()
    }
}

extension EntryList: Equatable {
    /// Whether both have the same entries in the same order.
    package static func == (left: EntryList, right: EntryList) -> Bool {
        left.elementsEqual(right)
    }
}
