/// Finding the word a user may have meant.
package enum Spelling {
    /// The candidate nearest to a misspelt word.
    ///
    /// Upper and lower case, and `-` and `_`, count as equal. `isClose` tells whether the distance is at most a third of the word's
    /// length, or 1. Nil for words that are no words at all, longer than 64 bytes.
    package static func nearest(
        to word: String, among candidates: [String]
    ) -> (name: String, isClose: Bool)? {
        guard word.utf8.count <= 64 else { return nil }
        let wanted = plain(word)
        var best: (name: String, distance: Int)?
        for candidate in candidates.sorted() {
            let distance = distance(wanted, plain(candidate))
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best.map { ($0.name, $0.distance <= max(1, wanted.count / 3)) }
    }

    private static func plain(_ word: String) -> [UInt8] {
        word.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "_")
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte + 32
            default: byte
            }
        }
    }

    /// The least number of letters to change, insert, leave out, or swap with their neighbour.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let change = last[column] + (left[row] == right[column] ? 0 : 1)
                var least = min(change, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current.append(least)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
