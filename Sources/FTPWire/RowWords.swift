/// Reading of the words of a LIST row.
extension Span where Element == UInt8 {
    /// The next run of bytes without blanks at or behind a place; nil when the row has no more.
    func word(from place: Int, in row: Range<Int>) -> Range<Int>? {
        var start = place
        while start < row.upperBound, isBlank(self[start]) { start += 1 }
        guard start < row.upperBound else { return nil }
        var end = start
        while end < row.upperBound, !isBlank(self[end]) { end += 1 }
        return start..<end
    }

    /// The number that fills a word of one up to `limit` digits; `limit` is at most 9.
    func smallNumber(_ word: Range<Int>, limit: Int) -> Int? {
        guard 1...limit ~= word.count else { return nil }
        return digits(word.count, at: word.lowerBound, before: word.upperBound)
    }

    /// A time of day that fills a word: `H:MM`, `HH:MM` or `HH:MM:SS`, a fraction behind the seconds being skipped.
    func timeOfDay(_ word: Range<Int>) -> (hour: Int, minute: Int, second: Int?)? {
        let colon = UInt8(ascii: ":")
        guard let first = firstOffset(of: colon, in: word),
            let hour = smallNumber(word.lowerBound..<first, limit: 2),
            let minute = digits(2, at: first + 1, before: word.upperBound), hour < 24, minute < 60
        else { return nil }
        let rest = (first + 3)..<word.upperBound
        if rest.isEmpty { return (hour, minute, nil) }
        guard self[rest.lowerBound] == colon,
            let second = digits(2, at: rest.lowerBound + 1, before: rest.upperBound), second <= 60
        else { return nil }
        let fraction = (rest.lowerBound + 3)..<rest.upperBound
        guard fraction.isEmpty || self[fraction.lowerBound] == UInt8(ascii: ".") else { return nil }
        return (hour, minute, second)
    }

    /// A year of four digits that fills a word.
    func year(_ word: Range<Int>) -> Int? {
        word.count == 4 ? smallNumber(word, limit: 4) : nil
    }
}
