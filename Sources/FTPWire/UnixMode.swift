import Remote

/// The mode column of a Unix row: `-rwxr-xr-x`, perhaps with `+`, `.` or `@` behind it, or in the form of Go servers.
struct UnixMode: Hashable {
    /// What the name stands for.
    let kind: FileKind
    /// Permission bits, 0 up to 0o7777.
    let bits: UInt16

    /// Reads a word; nil when it is no mode column.
    ///
    /// Go writes one letter for each mark in front of the nine letters, a hyphen when there is none: `Lrwxrwxrwx` is a link,
    /// `dtrwxrwxrwx` a directory with the sticky bit, `urwxr-xr-x` a file that is set-uid (fs.FileMode.String).
    init?(_ body: Span<UInt8>, _ word: Range<Int>) {
        var end = word.upperBound
        if word.count > 10, Self.isMark(body[end - 1]) { end -= 1 }
        let count = end - word.lowerBound
        guard 10...16 ~= count else { return nil }
        var bits: UInt16 = 0
        for place in 0..<9 {
            guard let bit = Self.permission(body[end - 9 + place], place) else { return nil }
            bits |= bit
        }
        var kind = FileKind.file
        for offset in word.lowerBound..<(end - 9) {
            switch body[offset] {
            case UInt8(ascii: "-") where count == 10, UInt8(ascii: "a"), UInt8(ascii: "T"): break
            case UInt8(ascii: "u"): bits |= 0o4000
            case UInt8(ascii: "g"): bits |= 0o2000
            case UInt8(ascii: "t"): bits |= 0o1000
            case UInt8(ascii: "d"): kind = .directory
            case UInt8(ascii: "l") where count == 10, UInt8(ascii: "L"): kind = .symlink
            case UInt8(ascii: "l"): break
            case UInt8(ascii: "b"), UInt8(ascii: "c"), UInt8(ascii: "p"), UInt8(ascii: "s"),
                UInt8(ascii: "D"),
                UInt8(ascii: "S"), UInt8(ascii: "n"), UInt8(ascii: "C"), UInt8(ascii: "M"), UInt8(ascii: "?"):
                kind = .other
            default: return nil
            }
        }
        self.kind = kind
        self.bits = bits
    }

    private static func isMark(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "@")
            || byte == UInt8(ascii: "*")
    }

    /// The bits of one of the nine letters; nil for a letter that does not stand at this place.
    private static func permission(_ letter: UInt8, _ place: Int) -> UInt16? {
        let bit: UInt16 = 0o400 >> UInt16(place)
        let special: UInt16 = place == 2 ? 0o4000 : place == 5 ? 0o2000 : 0o1000
        switch (letter, place % 3) {
        case (UInt8(ascii: "-"), _): return 0
        case (UInt8(ascii: "r"), 0), (UInt8(ascii: "w"), 1), (UInt8(ascii: "x"), 2): return bit
        case (UInt8(ascii: "s"), 2), (UInt8(ascii: "t"), 2): return bit | special
        // `l` and `L` in the group's place are mandatory locking: set-gid without execution.
        case (UInt8(ascii: "S"), 2), (UInt8(ascii: "T"), 2), (UInt8(ascii: "l"), 2), (UInt8(ascii: "L"), 2):
            return special
        default: return nil
        }
    }
}
