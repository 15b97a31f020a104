import Posix

/// The bytes of one file version that are in memory, as pieces that streams fill from the front.
///
/// Pieces may overlap: two streams can have passed the same place. A value; its owner's lock guards it.
struct Pieces {
    /// One block of bytes of the file.
    struct Piece {
        /// The offset in the file of the block's first byte.
        let start: UInt64
        /// The memory.
        let block: Block
        /// The stream that fills it.
        let stream: Int
        /// The bytes announced so far; these never change again.
        var count: Int
        /// Whether its stream may still add to it.
        var isFilling: Bool

        /// The announced bytes as offsets in the file.
        var range: Range<UInt64> { start..<(start + UInt64(count)) }
    }

    /// What of a wanted range is here.
    struct Finding {
        /// The bytes from the start of the wanted range on, without a gap.
        var slices: [Slice]
        /// The first byte that is not here; the range's end when all is.
        var end: UInt64
    }

    // In the order of age. A few dozen as a rule, so a scan is cheaper than keeping an index.
    private var list: [Piece] = []

    /// The most pieces kept; bounds the scan.
    static let limit = 256

    /// Whether there is room for another piece without dropping one.
    var isFull: Bool { list.count >= Self.limit }

    /// Whether nothing is here.
    var isEmpty: Bool { list.isEmpty }

    /// The memory of all pieces in bytes.
    var capacity: Int { list.reduce(0) { $0 + $1.block.capacity } }

    /// The memory of the pieces that reach beyond an offset, in bytes.
    func capacity(beyond offset: UInt64) -> Int {
        list.reduce(0) { $0 + ($1.range.upperBound > offset || $1.isFilling ? $1.block.capacity : 0) }
    }

    /// Adds a piece that its stream is going to fill.
    mutating func begin(at start: UInt64, block: Block, stream: Int) {
        list.append(Piece(start: start, block: block, stream: stream, count: 0, isFilling: true))
    }

    /// Announces the bytes of a stream's current piece.
    mutating func announce(_ count: Int, of stream: Int) {
        guard let index = list.lastIndex(where: { $0.stream == stream && $0.isFilling }) else { return }
        list[index].count = count
        if count == list[index].block.capacity { list[index].isFilling = false }
    }

    /// Says that a stream adds nothing any more to its current piece; an empty one goes.
    ///
    /// Returns the memory freed.
    mutating func finish(stream: Int) -> Int {
        guard let index = list.lastIndex(where: { $0.stream == stream && $0.isFilling }) else { return 0 }
        list[index].isFilling = false
        return list[index].count == 0 ? list.remove(at: index).block.capacity : 0
    }

    /// Looks for a range from its start on.
    func find(_ range: Range<UInt64>) -> Finding {
        var finding = Finding(slices: [], end: range.lowerBound)
        while finding.end < range.upperBound {
            var best: Piece?
            for piece in list where piece.range.contains(finding.end) {
                if best.map({ $0.range.upperBound < piece.range.upperBound }) ?? true { best = piece }
            }
            guard let best else { break }
            let end = min(best.range.upperBound, range.upperBound)
            finding.slices.append(
                Slice(
                    block: best.block,
                    range: Int(finding.end - best.start)..<Int(end - best.start)))
            finding.end = end
        }
        return finding
    }

    /// Drops the finished pieces a condition holds for; returns the memory freed in bytes.
    mutating func drop(where condition: (Piece) -> Bool) -> Int {
        var freed = 0
        list.removeAll { piece in
            guard !piece.isFilling, condition(piece) else { return false }
            freed += piece.block.capacity
            return true
        }
        return freed
    }

    /// Drops the oldest finished piece a condition holds for; returns the memory freed in bytes.
    mutating func dropOldest(where condition: (Piece) -> Bool) -> Int {
        guard let index = list.firstIndex(where: { !$0.isFilling && condition($0) }) else { return 0 }
        return list.remove(at: index).block.capacity
    }
}
