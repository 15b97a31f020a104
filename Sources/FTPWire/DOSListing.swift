import Remote

/// Reads rows of LIST in the form of the Windows command `dir`, the default of IIS.
enum DOSListing {
    /// Reads one row: `MM-DD-YY  HH:MMAM`, then `<DIR>` or a size, then the name.
    ///
    /// Years have two or four digits, or stand first (`YYYY-MM-DD`); hours count to 12 with AM or PM, or to 24. A file's name
    /// begins one space behind its size, a directory's ten spaces behind `<DIR>`; further spaces belong to the name. A date that
    /// does not exist is taken as not stated.
    static func row(_ body: Span<UInt8>, _ row: Range<Int>, _ clock: ListingClock) -> UnixListing.Row? {
        guard let dateWord = body.word(from: row.lowerBound, in: row), let date = date(body, dateWord),
            let timeWord = body.word(from: dateWord.upperBound, in: row),
            var time = time(body, timeWord), var word = body.word(from: timeWord.upperBound, in: row)
        else { return nil }
        if let half = half(body, word) {
            guard let next = body.word(from: word.upperBound, in: row) else { return nil }
            time.half = half
            word = next
        }
        guard word.upperBound < row.upperBound else { return nil }
        var attributes: Attributes
        var name = (word.upperBound + 1)..<row.upperBound
        if let kind = kind(body, word) {
            attributes = Attributes(kind: kind)
            name = behindTag(body, word, row)
        } else if let size = size(body, word) {
            attributes = Attributes(kind: .file, size: size)
        } else {
            return nil
        }
        let local = CivilTime(
            year: date.year, month: date.month, day: date.day, hour: time.hour, minute: time.minute)
        if let stated = clock.time(local, .minute) {
            (attributes.modified, attributes.granularity) = (stated.time, stated.granularity)
        }
        return UnixListing.Row(attributes: attributes, name: name)
    }

    /// The spaces that the columns of `dir` put between `<DIR>` and the name.
    private static let tagGap = 10

    private static let dir = key("<dir>")
    private static let junction = key("<junction>")
    private static let directoryLink = key("<symlinkd>")
    private static let fileLink = key("<symlink>")

    private static func kind(_ body: Span<UInt8>, _ word: Range<Int>) -> FileKind? {
        switch body.key(word) {
        case dir, junction, directoryLink: .directory
        case fileLink: .file
        default: nil
        }
    }

    private static func behindTag(_ body: Span<UInt8>, _ tag: Range<Int>, _ row: Range<Int>) -> Range<Int> {
        // Longer tags fill up the same columns.
        let gap = max(1, tagGap - (tag.count - 5))
        var start = tag.upperBound
        while start < row.upperBound, start - tag.upperBound < gap, body[start] == UInt8(ascii: " ") {
            start += 1
        }
        return start..<row.upperBound
    }

    /// A number, perhaps with commas between groups of digits.
    private static func size(_ body: Span<UInt8>, _ word: Range<Int>) -> UInt64? {
        if let size = body.decimal(word) { return size }
        let digits = body.array(word).filter { $0 != UInt8(ascii: ",") }
        return isDigit(body[word.lowerBound]) ? digits.span.decimal(0..<digits.count) : nil
    }

    private static func date(_ body: Span<UInt8>, _ word: Range<Int>) -> (year: Int, month: Int, day: Int)? {
        guard 8...10 ~= word.count, isDigit(body[word.lowerBound]) else { return nil }
        guard let (first, afterFirst) = number(body, word.lowerBound, word.upperBound),
            let (second, afterSecond) = number(body, afterFirst + 1, word.upperBound),
            let (third, end) = number(body, afterSecond + 1, word.upperBound), end == word.upperBound,
            isSeparator(body[afterFirst]), body[afterSecond] == body[afterFirst]
        else { return nil }
        if afterFirst - word.lowerBound == 4 { return (first, second, third) }
        guard afterFirst - word.lowerBound <= 2, afterSecond - afterFirst <= 3 else { return nil }
        switch end - afterSecond - 1 {
        case 4: return (third, first, second)
        case 2: return (third < 70 ? 2000 + third : 1900 + third, first, second)
        default: return nil
        }
    }

    private static func number(_ body: Span<UInt8>, _ start: Int, _ end: Int) -> (value: Int, end: Int)? {
        var stop = start
        while stop < end, stop - start < 4, isDigit(body[stop]) { stop += 1 }
        guard stop > start else { return nil }
        return body.digits(stop - start, at: start, before: stop).map { ($0, stop) }
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".")
    }

    private enum Half { case morning, afternoon }

    private struct Time {
        var written: Int
        var minute: Int
        var half: Half?

        /// The hour of 24; 12 is the first hour of either half.
        var hour: Int {
            switch half {
            case nil: written
            case .morning: written % 12
            case .afternoon: written % 12 + 12
            }
        }
    }

    private static func time(_ body: Span<UInt8>, _ word: Range<Int>) -> Time? {
        guard let colon = body.firstOffset(of: UInt8(ascii: ":"), in: word) else { return nil }
        let clock = word.lowerBound..<min(word.upperBound, colon + 3)
        guard let time = body.timeOfDay(clock) else { return nil }
        let half = half(body, clock.upperBound..<word.upperBound)
        guard half != nil || clock.upperBound == word.upperBound else { return nil }
        return Time(written: time.hour, minute: time.minute, half: half)
    }

    private static let morning = key("am")
    private static let afternoon = key("pm")

    private static func half(_ body: Span<UInt8>, _ word: Range<Int>) -> Half? {
        switch body.key(word) {
        case morning: .morning
        case afternoon: .afternoon
        default: nil
        }
    }
}
