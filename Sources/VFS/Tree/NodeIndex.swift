import Remote

/// What nodes can be found by: something that they hold themselves, and that does not change while they are in an index.
protocol NodeKey: Hashable {
    /// The key of a node, nil where it has none.
    init?(of node: Node)
}

extension FileName: NodeKey {
    init?(of node: Node) {
        guard let name = node.name else { return nil }
        self = name
    }
}

/// Nodes by a key of theirs, in a third of the memory of a dictionary: it is kept once, and the table grows by half.
///
/// A hash table with linear probing, three quarters full at the most.
struct NodeIndex<Key: NodeKey> {
    private var slots: [Node?] = []
    private var count = 0

    /// Whether there are no nodes.
    var isEmpty: Bool { count == 0 }

    /// The node of a key; a node that is put in must have that key.
    subscript(key: Key) -> Node? {
        get {
            guard count > 0 else { return nil }
            return slots[slot(of: key)]
        }
        set {
            guard let newValue else { return remove(key) }
            if (count + 1) * 4 > slots.count * 3 { grow() }
            let slot = slot(of: key)
            if slots[slot] == nil { count += 1 }
            slots[slot] = newValue
        }
    }

    // The slot of a key, or the free one where it would be put.
    private func slot(of key: Key) -> Int {
        var slot = home(of: key)
        while let node = slots[slot], Key(of: node) != key { slot = next(after: slot) }
        return slot
    }

    // Where the search for a key begins: its hash as a fraction of the table.
    private func home(of key: Key) -> Int {
        let hash = UInt64(truncatingIfNeeded: UInt(bitPattern: key.hashValue))
        return Int(hash.multipliedFullWidth(by: UInt64(slots.count)).high)
    }

    private func next(after slot: Int) -> Int {
        slot + 1 == slots.count ? 0 : slot + 1
    }

    private mutating func grow() {
        let old = slots
        slots = [Node?](repeating: nil, count: max(8, old.count + old.count / 2))
        for case let node? in old {
            guard let key = Key(of: node) else { continue }
            slots[slot(of: key)] = node
        }
    }

    // Moves back what stands behind only because the slot was taken, so that every search still finds it.
    private mutating func remove(_ key: Key) {
        guard count > 0 else { return }
        var hole = slot(of: key)
        guard slots[hole] != nil else { return }
        count -= 1
        guard count > 0 else {
            slots = []
            return
        }
        var slot = next(after: hole)
        while let node = slots[slot], let other = Key(of: node) {
            if distance(from: home(of: other), to: slot) >= distance(from: hole, to: slot) {
                slots[hole] = node
                hole = slot
            }
            slot = next(after: slot)
        }
        slots[hole] = nil
    }

    private func distance(from start: Int, to end: Int) -> Int {
        end >= start ? end - start : end - start + slots.count
    }
}
