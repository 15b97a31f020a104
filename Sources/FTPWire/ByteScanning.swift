import Remote

/// Scanning of wire bytes without copies; all offsets are checked, none of these traps on hostile input.
extension Span where Element == UInt8 {
    /// The first place of a byte in a range of this span.
    func firstOffset(of byte: UInt8, in range: Range<Int>) -> Int? {
        var offset = range.lowerBound
        while offset < range.upperBound {
            if self[offset] == byte { return offset }
            offset += 1
        }
        return nil
    }

    /// The bytes of a range as an array.
    func array(_ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for offset in range { bytes.append(self[offset]) }
        return bytes
    }

    /// The decimal number that fills a range; nil for anything but 1 or more digits, and for numbers beyond 64 bits.
    func decimal(_ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty else { return nil }
        var value: UInt64 = 0
        for offset in range {
            let digit = self[offset] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tenfold, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tenfold.addingReportingOverflow(UInt64(digit))
            guard !overflowed, !carried else { return nil }
            value = sum
        }
        return value
    }

    /// A decimal number of a fixed count of digits at a place; nil when there are fewer digits or fewer bytes.
    ///
    /// `count` is at most 9, so that the number fits.
    func digits(_ count: Int, at offset: Int, before end: Int) -> Int? {
        guard offset >= 0, end - offset >= count else { return nil }
        var value = 0
        for place in offset..<(offset + count) {
            let digit = self[place] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    /// The bytes of a range, letters made small, packed into one number; ranges beyond 16 bytes give 0.
    ///
    /// Two ranges of up to 16 bytes without NUL have the same key exactly when they are equal but for case.
    func key(_ range: Range<Int>) -> UInt128 {
        guard range.count <= 16 else { return 0 }
        var key: UInt128 = 0
        for offset in range { key = key << 8 | UInt128(lowercased(self[offset])) }
        return key
    }

    /// A range without the spaces and tabs at both of its ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isBlank(self[start]) { start += 1 }
        while end > start, isBlank(self[end - 1]) { end -= 1 }
        return start..<end
    }
}

/// The key that `Span.key` gives for a text of up to 16 bytes.
func key(_ text: StaticString) -> UInt128 {
    text.description.utf8.reduce(0) { $0 << 8 | UInt128(lowercased($1)) }
}

/// An ASCII capital made small; all other bytes stay.
func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}

/// Whether a byte is a space or a tab.
func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
}

/// Whether a byte is an ASCII digit.
func isDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10
}

/// Bytes as text for messages: escaped by `printable(_:)` and cut after a number of bytes.
func excerpt(_ bytes: [UInt8], limit: Int = 200) -> String {
    bytes.count <= limit ? printable(bytes) : printable(bytes[..<limit]) + "..."
}
