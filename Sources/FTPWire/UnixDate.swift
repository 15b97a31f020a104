import Remote

/// The date columns of a Unix row.
struct UnixDate {
    /// The time; nil when the row says that it is not known, or says it in a language not known here.
    let stated: StatedTime?
    /// Where the columns end.
    let end: Int

    private init(stated: StatedTime?, end: Int) {
        self.stated = stated
        self.end = end
    }

    /// Reads date columns that begin with a word: `Mon DD HH:MM`, `Mon DD YYYY`, `DD Mon ...`, `Mon DD HH:MM:SS YYYY` (BSD),
    /// `YYYY-MM-DD HH:MM` with perhaps seconds, and with a fraction a zone (GNU).
    init?(_ body: Span<UInt8>, _ row: Range<Int>, at first: Range<Int>, _ clock: ListingClock) {
        guard let second = body.word(from: first.upperBound, in: row) else { return nil }
        if first.count == 10 {
            self.init(iso: first, second, body, row, clock)
            return
        }
        guard let third = body.word(from: second.upperBound, in: row) else { return nil }
        let month: Int
        let day: Int
        if let name = Self.month(body, first), let number = Self.day(body, second) {
            (month, day) = (name, number)
        } else if let number = Self.day(body, first), let name = Self.month(body, second) {
            (month, day) = (name, number)
        } else {
            return nil
        }
        if let year = body.year(third) {
            self.init(
                stated: clock.time(CivilTime(year: year, month: month, day: day), .day), end: third.upperBound
            )
        } else if let time = body.timeOfDay(third) {
            if time.second != nil, let fourth = body.word(from: third.upperBound, in: row),
                let year = body.year(fourth)
            {
                let local = CivilTime(
                    year: year, month: month, day: day, hour: time.hour, minute: time.minute,
                    second: time.second ?? 0)
                self.init(stated: clock.time(local, .second), end: fourth.upperBound)
            } else {
                self.init(
                    stated: clock.time(
                        month: month, day: day, hour: time.hour, minute: time.minute, second: time.second),
                    end: third.upperBound)
            }
        } else {
            return nil
        }
    }

    private init?(
        iso first: Range<Int>, _ second: Range<Int>, _ body: Span<UInt8>, _ row: Range<Int>,
        _ clock: ListingClock
    ) {
        let (start, dash) = (first.lowerBound, UInt8(ascii: "-"))
        guard body[start + 4] == dash, body[start + 7] == dash,
            let year = body.digits(4, at: start, before: first.upperBound),
            let month = body.digits(2, at: start + 5, before: first.upperBound),
            let day = body.digits(2, at: start + 8, before: first.upperBound),
            let time = body.timeOfDay(second)
        else { return nil }
        let local = CivilTime(
            year: year, month: month, day: day, hour: time.hour, minute: time.minute, second: time.second ?? 0
        )
        if second.count > 8, let zone = body.word(from: second.upperBound, in: row),
            let ahead = Self.zone(body, zone)
        {
            self.init(
                stated: ListingClock(now: Timestamp(seconds: 0), offset: ahead).time(local, .second),
                end: zone.upperBound)
        } else {
            self.init(
                stated: clock.time(local, time.second == nil ? .minute : .second), end: second.upperBound)
        }
    }

    /// Reads date columns whose words are not known: `??? ?? ?????` of FileZilla Server, months in other languages.
    ///
    /// Their form must still be that of a date, or the place where the name begins would be a guess.
    init?(unknown first: Range<Int>, _ body: Span<UInt8>, _ row: Range<Int>) {
        guard let second = body.word(from: first.upperBound, in: row),
            let third = body.word(from: second.upperBound, in: row),
            Self.isMonthLike(body, first) && Self.isDayLike(body, second)
                || Self.isDayLike(body, first) && Self.isMonthLike(body, second),
            body.year(third) != nil || body.timeOfDay(third) != nil || Self.isUnknown(body, third)
        else { return nil }
        self.init(stated: nil, end: third.upperBound)
    }

    private static let months = [
        key("jan"), key("feb"), key("mar"), key("apr"), key("may"), key("jun"), key("jul"), key("aug"),
        key("sep"),
        key("oct"), key("nov"), key("dec"),
    ]

    private static func month(_ body: Span<UInt8>, _ word: Range<Int>) -> Int? {
        guard word.count == 3 else { return nil }
        let key = body.key(word)
        return months.firstIndex(of: key).map { $0 + 1 }
    }

    private static func day(_ body: Span<UInt8>, _ word: Range<Int>) -> Int? {
        body.smallNumber(word, limit: 2).flatMap { 1...31 ~= $0 ? $0 : nil }
    }

    /// `+hhmm` or `-hhmm` in seconds.
    private static func zone(_ body: Span<UInt8>, _ word: Range<Int>) -> Int? {
        guard word.count == 5, let hours = body.digits(2, at: word.lowerBound + 1, before: word.upperBound),
            let minutes = body.digits(2, at: word.lowerBound + 3, before: word.upperBound)
        else { return nil }
        switch body[word.lowerBound] {
        case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
        case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
        default: return nil
        }
    }

    private static func isUnknown(_ body: Span<UInt8>, _ word: Range<Int>) -> Bool {
        word.allSatisfy { body[$0] == UInt8(ascii: "?") }
    }

    private static func isMonthLike(_ body: Span<UInt8>, _ word: Range<Int>) -> Bool {
        word.count <= 9 && word.allSatisfy { !isDigit(body[$0]) }
    }

    private static func isDayLike(_ body: Span<UInt8>, _ word: Range<Int>) -> Bool {
        let hasPoint = body[word.upperBound - 1] == UInt8(ascii: ".")
        let number = word.lowerBound..<(hasPoint ? word.upperBound - 1 : word.upperBound)
        return day(body, number) != nil || word.count <= 2 && isUnknown(body, word)
    }
}
