/// A date of the Gregorian calendar and a time of day, without a zone.
struct CivilTime: Hashable {
    /// The year; 0 is 1 BC.
    var year: Int
    /// 1 up to 12.
    var month: Int
    /// 1 up to 31.
    var day: Int
    /// 0 up to 23.
    var hour = 0
    /// 0 up to 59.
    var minute = 0
    /// 0 up to 60.
    var second = 0

    /// Years that are taken for real: file systems keep no time before, and 0001 and 1601 stand for none at all.
    static let plausibleYears = 1902...9999

    /// Seconds since 1970-01-01 00:00:00 if this were UTC; nil when there is no such time, or the year is not plausible.
    ///
    /// A leap second counts as the first second of the next minute.
    var seconds: Int64? {
        guard Self.plausibleYears ~= year, 1...12 ~= month, day >= 1, day <= Self.days(in: month, of: year),
            0...23 ~= hour, 0...59 ~= minute, 0...60 ~= second
        else { return nil }
        return Self.days(year, month, day) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    }

    /// The number of days in a month.
    static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    /// Days since 1970-01-01; years begin in March, so that the leap day is the last of its year.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = floorDivision(year, 400)
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }

    /// The date and time of day of a number of seconds since 1970-01-01 00:00:00; nil beyond the years 0 to 9999.
    init?(seconds: Int64) {
        guard -62_167_219_200..<253_402_300_800 ~= seconds else { return nil }
        let dayNumber = floorDivision(Int(seconds), 86_400)
        let timeOfDay = Int(seconds) - dayNumber * 86_400
        let shifted = dayNumber + 719_468
        let era = floorDivision(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        (hour, minute, second) = (timeOfDay / 3600, timeOfDay / 60 % 60, timeOfDay % 60)
    }

    /// Puts a date and a time of day together; no check is made.
    init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute, self.second) = (hour, minute, second)
    }
}

/// Division that rounds towards minus infinity; the divisor is positive.
func floorDivision(_ value: Int, _ divisor: Int) -> Int {
    value >= 0 ? value / divisor : -((-value - 1) / divisor) - 1
}
