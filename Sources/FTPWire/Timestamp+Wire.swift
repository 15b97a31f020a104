package import Remote

/// A time and how exactly it was stated.
package struct StatedTime: Hashable, Sendable {
    /// The time.
    package let time: Timestamp
    /// How exactly it was stated.
    package let granularity: TimeGranularity

    /// Puts both together.
    package init(_ time: Timestamp, _ granularity: TimeGranularity) {
        self.time = time
        self.granularity = granularity
    }

    /// Reads `YYYYMMDDhhmmss`, perhaps with a point and a fraction behind (RFC 3659 section 2.3).
    ///
    /// Nil for anything else, for dates that do not exist, and for years before 1902, which servers send for unknown times.
    /// Takes the form `191YYMMDDhhmmss`-like of servers that count years from 1900 (RFC 3659 section 3.3).
    package init?(compact bytes: Span<UInt8>) {
        self.init(bytes, 0..<bytes.count)
    }

    /// Reads the time in a 213 reply to MDTM, MFMT and their like: the text's first word, or what follows `modify=`.
    package init?(_ reply: Reply) {
        guard reply.code == 213 || reply.code == 253, let line = reply.lines.last else { return nil }
        let word = line.drop(while: isBlank).prefix { !isBlank($0) && $0 != UInt8(ascii: ";") }
        let value = word.firstIndex(of: UInt8(ascii: "=")).map { word[($0 + 1)...] } ?? word
        self.init(compact: Array(value).span)
    }

    /// Reads a range of bytes as `init(compact:)` does.
    init?(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        let end = range.upperBound
        let whole = bytes.firstOffset(of: UInt8(ascii: "."), in: range) ?? end
        let start = whole - 10
        guard start > range.lowerBound, let year = Self.year(bytes, range.lowerBound..<start),
            let month = bytes.digits(2, at: start, before: end),
            let day = bytes.digits(2, at: start + 2, before: end),
            let hour = bytes.digits(2, at: start + 4, before: end),
            let minute = bytes.digits(2, at: start + 6, before: end),
            let second = bytes.digits(2, at: start + 8, before: end),
            let seconds = CivilTime(
                year: year, month: month, day: day, hour: hour, minute: minute, second: second
            ).seconds
        else { return nil }
        guard whole < end else {
            self.init(Timestamp(seconds: seconds), .second)
            return
        }
        guard let nanoseconds = Self.nanoseconds(bytes, (whole + 1)..<end) else { return nil }
        self.init(Timestamp(seconds: seconds, nanoseconds: nanoseconds), .fraction)
    }

    private static func year(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        switch range.count {
        case 4: bytes.digits(4, at: range.lowerBound, before: range.upperBound)
        case 5 where bytes.digits(2, at: range.lowerBound, before: range.upperBound) == 19:
            bytes.digits(3, at: range.lowerBound + 2, before: range.upperBound).map { 1900 + $0 }
        default: nil
        }
    }

    /// The digits of a fraction as nanoseconds; those beyond the ninth are cut.
    static func nanoseconds(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt32? {
        guard !range.isEmpty else { return nil }
        var value: UInt32 = 0
        var unit: UInt32 = 100_000_000
        for offset in range {
            let digit = bytes[offset] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value += UInt32(digit) * unit
            unit /= 10
        }
        return value
    }
}

extension Timestamp {
    /// The time as `YYYYMMDDhhmmss`, with a point and three to nine digits of a fraction when asked for; nil beyond the years 0 to 9999.
    package func compact(fractionDigits: Int = 0) -> [UInt8]? {
        guard let civil = CivilTime(seconds: seconds) else { return nil }
        var bytes: [UInt8] = []
        Self.append(civil.year, digits: 4, to: &bytes)
        for part in [civil.month, civil.day, civil.hour, civil.minute, civil.second] {
            Self.append(part, digits: 2, to: &bytes)
        }
        guard fractionDigits > 0 else { return bytes }
        bytes.append(UInt8(ascii: "."))
        var fraction: [UInt8] = []
        Self.append(Int(nanoseconds), digits: 9, to: &fraction)
        return bytes + fraction.prefix(fractionDigits)
    }

    private static func append(_ number: Int, digits: Int, to bytes: inout [UInt8]) {
        let text = String(number)
        for _ in text.utf8.count..<max(digits, text.utf8.count) { bytes.append(UInt8(ascii: "0")) }
        bytes += Array(text.utf8)
    }
}
