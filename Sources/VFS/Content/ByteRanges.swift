/// Which bytes of a file something is true of: offsets in bytes, kept as few ranges as possible.
typealias ByteRanges = RangeSet<UInt64>

extension RangeSet where Bound == UInt64 {
    /// The number of bytes in all ranges.
    var byteCount: UInt64 {
        ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    }

    /// Whether every byte of a range is in the set; true for an empty range.
    func covers(_ range: Range<UInt64>) -> Bool {
        guard !range.isEmpty else { return true }
        let index = firstIndex(endingAfter: range.lowerBound)
        guard index < ranges.endIndex else { return false }
        return ranges[index].lowerBound <= range.lowerBound && range.upperBound <= ranges[index].upperBound
    }

    /// Whether any byte of a range is in the set.
    func touches(_ range: Range<UInt64>) -> Bool {
        let index = firstIndex(endingAfter: range.lowerBound)
        return !range.isEmpty && index < ranges.endIndex && ranges[index].lowerBound < range.upperBound
    }

    /// The parts of a range that are not in the set, in order.
    func gaps(in range: Range<UInt64>) -> [Range<UInt64>] {
        var gaps: [Range<UInt64>] = []
        visitRuns(in: range) { run, isMember in
            if !isMember { gaps.append(run) }
        }
        return gaps
    }

    /// Cuts a range into the runs that are in the set and those that are not, in order.
    func visitRuns(in range: Range<UInt64>, _ body: (Range<UInt64>, _ isMember: Bool) -> Void) {
        var place = range.lowerBound
        var index = firstIndex(endingAfter: place)
        while place < range.upperBound {
            guard index < ranges.endIndex, ranges[index].lowerBound < range.upperBound else {
                body(place..<range.upperBound, false)
                return
            }
            let member = ranges[index]
            if member.lowerBound > place { body(place..<member.lowerBound, false) }
            let start = Swift.max(place, member.lowerBound)
            place = Swift.min(member.upperBound, range.upperBound)
            body(start..<place, true)
            index += 1
        }
    }

    /// The first byte at or after an offset that is in the set, nil when there is none.
    func firstMember(from offset: UInt64) -> UInt64? {
        let index = firstIndex(endingAfter: offset)
        return index < ranges.endIndex ? Swift.max(offset, ranges[index].lowerBound) : nil
    }

    /// The first byte at or after an offset that is not in the set.
    func firstAbsent(from offset: UInt64) -> UInt64 {
        let index = firstIndex(endingAfter: offset)
        guard index < ranges.endIndex, ranges[index].lowerBound <= offset else { return offset }
        return ranges[index].upperBound
    }

    /// Takes out everything from an offset on.
    mutating func removeAll(from offset: UInt64) {
        guard let last = ranges.last, last.upperBound > offset else { return }
        remove(contentsOf: offset..<last.upperBound)
    }

    // Binary search: a file written at random has many ranges.
    private func firstIndex(endingAfter offset: UInt64) -> Int {
        let ranges = self.ranges
        var low = ranges.startIndex
        var high = ranges.endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if ranges[middle].upperBound > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
