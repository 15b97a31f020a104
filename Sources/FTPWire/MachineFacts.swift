import Remote

/// The facts of one MLSD or MLST row.
struct MachineFacts {
    /// What a row is about, seen from the directory that is listed.
    enum Place { case entry, directoryItself, parent }

    /// What the row is about.
    private(set) var place = Place.entry
    /// What it states.
    private(set) var attributes = Attributes(kind: .other)

    /// Reads `name=value;name=value;` in any order; nil when the kind is not stated.
    ///
    /// Names and values are compared without case. A value that cannot be read is taken as not stated; facts not known here are
    /// skipped.
    init?(_ body: Span<UInt8>, _ range: Range<Int>) {
        var hasKind = false
        var start = range.lowerBound
        while start < range.upperBound {
            let end =
                body.firstOffset(of: UInt8(ascii: ";"), in: start..<range.upperBound) ?? range.upperBound
            if let equals = body.firstOffset(of: UInt8(ascii: "="), in: start..<end) {
                let isKind = take(body, name: start..<equals, value: (equals + 1)..<end)
                hasKind = hasKind || isKind
            }
            start = end + 1
        }
        guard hasKind else { return nil }
        // The size of a link is its target's length on some servers and the size of the file on others.
        if attributes.kind != .file { attributes.size = nil }
    }

    private static let type = key("type")
    private static let size = key("size")
    private static let modify = key("modify")
    private static let perm = key("perm")
    /// FileZilla Server 1.9 writes `perms`.
    private static let perms = key("perms")
    private static let unixMode = key("unix.mode")

    private static let file = key("file")
    private static let dir = key("dir")
    private static let cdir = key("cdir")
    private static let pdir = key("pdir")
    private static let unixLink = key("os.unix=slink")
    private static let unixSymlink = key("os.unix=symlink")
    private static let link = key("slink")
    private static let symlink = key("symlink")

    /// Takes one fact; returns whether it told the kind.
    private mutating func take(_ body: Span<UInt8>, name: Range<Int>, value: Range<Int>) -> Bool {
        switch body.key(name) {
        case Self.type: return takeType(body, value)
        case Self.size: attributes.size = body.decimal(value)
        case Self.modify: takeTime(body, value)
        case Self.perm, Self.perms: attributes.rights = Self.rights(body, value)
        case Self.unixMode: attributes.mode = Self.mode(body, value)
        default: break
        }
        return false
    }

    private mutating func takeType(_ body: Span<UInt8>, _ value: Range<Int>) -> Bool {
        guard !value.isEmpty else { return false }
        let colon = body.firstOffset(of: UInt8(ascii: ":"), in: value) ?? value.upperBound
        switch body.key(value.lowerBound..<colon) {
        case Self.file: attributes.kind = .file
        case Self.dir: attributes.kind = .directory
        case Self.cdir: (attributes.kind, place) = (.directory, .directoryItself)
        case Self.pdir: (attributes.kind, place) = (.directory, .parent)
        case Self.unixLink, Self.unixSymlink, Self.link, Self.symlink:
            attributes.kind = .symlink
            // Pure-FTPd 1.0.50 leaves the target empty.
            if colon + 1 < value.upperBound {
                attributes.linkTarget = Self.target(body, (colon + 1)..<value.upperBound)
            }
        default: attributes.kind = .other
        }
        return true
    }

    private static func target(_ body: Span<UInt8>, _ value: Range<Int>) -> [UInt8]? {
        body.firstOffset(of: 0, in: value) == nil ? body.array(value) : nil
    }

    private mutating func takeTime(_ body: Span<UInt8>, _ value: Range<Int>) {
        guard let stated = StatedTime(body, value) else { return }
        (attributes.modified, attributes.granularity) = (stated.time, stated.granularity)
    }

    /// Octal digits, perhaps behind `0o` (pyftpdlib 2.2.0); the bits of the file's kind are cut off.
    private static func mode(_ body: Span<UInt8>, _ value: Range<Int>) -> UInt16? {
        var start = value.lowerBound
        if value.count > 2, body[start] == UInt8(ascii: "0"), lowercased(body[start + 1]) == UInt8(ascii: "o")
        {
            start += 2
        }
        guard start < value.upperBound, value.upperBound - start <= 10 else { return nil }
        var bits: UInt32 = 0
        for offset in start..<value.upperBound {
            let digit = body[offset] &- UInt8(ascii: "0")
            guard digit < 8 else { return nil }
            bits = bits << 3 | UInt32(digit)
        }
        return UInt16(bits & 0o7777)
    }

    /// Letters of RFC 3659 section 7.5.5; others are skipped.
    ///
    /// Capitals mean the same as small letters unless both occur: `M` and `T` of pyftpdlib 2.2.0 are rights of its own.
    private static func rights(_ body: Span<UInt8>, _ value: Range<Int>) -> Rights {
        var (small, capital) = (Rights(rawValue: 0), Rights(rawValue: 0))
        var hasSmall = false
        for offset in value {
            let byte = body[offset]
            if lowercased(byte) == byte {
                hasSmall = true
                small.formUnion(right(byte))
            } else {
                capital.formUnion(right(lowercased(byte)))
            }
        }
        return hasSmall ? small : capital
    }

    private static func right(_ letter: UInt8) -> Rights {
        switch letter {
        case UInt8(ascii: "a"): .append
        case UInt8(ascii: "c"): .create
        case UInt8(ascii: "d"): .delete
        case UInt8(ascii: "e"): .enter
        case UInt8(ascii: "f"): .rename
        case UInt8(ascii: "l"): .list
        case UInt8(ascii: "m"): .makeDirectory
        case UInt8(ascii: "p"): .purge
        case UInt8(ascii: "r"): .read
        case UInt8(ascii: "w"): .write
        default: Rights(rawValue: 0)
        }
    }
}
