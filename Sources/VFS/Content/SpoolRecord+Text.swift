import Posix
import Remote

// A record reads as lines of `key=value` that end with their checksum, and behind them a line for each change since, each with a checksum
// of its own that goes on from the one before: a line that is torn, or altered, ends what counts. Paths are percent-encoded, ranges
// have their last byte, times are in seconds since 1970 where a program reads them.
extension SpoolRecord {
    /// What a record's name ends with.
    static let suffix = ".info"
    /// Longer records are not read.
    static let sizeLimit: UInt64 = 256 << 20
    private static let title = "ftpsfs-spool=2"

    /// The record as text, without its checksum; a note for people too.
    var text: String {
        var lines = [Self.title, "time=\(WallClock.text(time))", "began=\(time)", "boot=\(boot)"]
        if isDurable { lines.append("kept=1") }
        if let reason { lines.append("reason=\(Self.encode(Array(reason.utf8), sparingSpaces: true))") }
        if let path { lines.append("path=\(Self.encode(path.bytes))") }
        lines.append("size=\(size)")
        if let base {
            lines.append("base-size=\(base.size.map(String.init) ?? "?")")
            lines.append("base-modified=\(base.modified.map(Self.time) ?? "?")")
            lines.append("base-granularity=\(base.granularity.rawValue)")
            lines.append("stored-size=\(storedSize)")
            lines.append("base-shown=\(baseSize)")
        }
        if hasChanged { lines.append("changed=1") }
        if followsLink { lines.append("link=1") }
        if mode != nil || modified != nil { lines.append("wanted=\(Self.terms(mode, modified))") }
        if let sent { lines.append("sent=\(sent.lowerBound) \(sent.upperBound)") }
        if let sentDigest { lines.append("sent-digest=\(String(sentDigest, radix: 16))") }
        if let halfPatch { lines.append("patching=\(Self.words(halfPatch))") }
        lines.append("written=\(Self.list(dirty.ranges))")
        lines.append("here=\(Self.list(local.ranges))")
        let missing = self.missing
        if !missing.isEmpty { lines.append("missing=\(Self.list(missing))") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The record with its checksum, and that checksum, from which changes go on.
    var sealed: (text: String, sum: UInt64) {
        let text = self.text
        let sum = Self.sum(text.utf8)
        return (text + "sum=\(String(sum, radix: 16))\n", sum)
    }

    /// Reads a record and the changes behind it; nil when it is none of this version, torn, or makes no sense.
    ///
    /// Changes count up to the first that is not whole. With `onlyKept` it is the content as it was last on the disk for good (`.kept`), nil
    /// where it never was, or where what came after that has changed those bytes, or may have sent others.
    init?(_ bytes: [UInt8], onlyKept: Bool = false) {
        var rest = bytes[...]
        var fields: [String: String] = [:]
        var sum: UInt64?
        var isFirst = true
        while sum == nil {
            guard let line = Self.line(&rest) else { return nil }
            let text = String(decoding: line, as: UTF8.self)
            guard !isFirst || text == Self.title, let sign = text.firstIndex(of: "=") else { return nil }
            isFirst = false
            let (key, value) = (String(text[..<sign]), String(text[text.index(after: sign)...]))
            if key == "sum" {
                let found = Self.sum(bytes[..<line.startIndex])
                guard value == String(found, radix: 16) else { return nil }
                sum = found
            } else {
                guard fields.updateValue(value, forKey: key) == nil else { return nil }
            }
        }
        guard var sum else { return nil }
        self.init(fields)
        guard isSound else { return nil }
        var kept = isDurable ? self : nil
        while let line = Self.line(&rest) {
            guard let change = SpoolChange(line, continuing: &sum) else { break }
            var next = self
            next.apply(change)
            guard next.isSound else { break }
            self = next
            kept = isDurable ? self : kept?.outlasting(change)
        }
        guard onlyKept else { return }
        guard let kept else { return nil }
        self = kept
    }

    // The same content, whose bytes are on the disk for good, after a change which is not; nil where those bytes are not sure any more.
    private func outlasting(_ change: SpoolChange) -> SpoolRecord? {
        var record = self
        switch change {
        case .wrote(let range):
            // Holes are sent as the file has them.
            let isTouched = local.touches(range) || range.overlaps(baseSize..<size)
            return isTouched ? nil : self
        case .resized(let newSize):
            return newSize < size ? nil : self
        case .wanted, .moved:
            record.apply(change)
            return record
        case .sending, .patching, .kept:
            return nil
        }
    }

    private init?(_ fields: [String: String]) {
        func number(_ key: String) -> UInt64? { fields[key].flatMap { UInt64($0) } }
        guard let size = number("size"), let dirty = fields["written"].flatMap(Self.ranges),
            let local = fields["here"].flatMap(Self.ranges),
            let began = fields["began"].flatMap({ Int64($0) })
        else { return nil }
        self.init(size: size, baseSize: 0, dirty: dirty, local: local)
        time = began
        boot = fields["boot"] ?? ""
        isDurable = fields["kept"] == "1"
        reason = fields["reason"].map { String(decoding: Self.decode($0), as: UTF8.self) }
        if let text = fields["path"] {
            guard let path = RemotePath(Self.decode(text)), path.bytes == Self.decode(text) else {
                return nil
            }
            self.path = path
        }
        if let baseText = fields["base-size"] {
            guard let stored = number("stored-size"), let shown = number("base-shown"),
                let granularity = number("base-granularity").flatMap({ UInt8(exactly: $0) })
                    .flatMap(TimeGranularity.init),
                let modifiedText = fields["base-modified"]
            else { return nil }
            var version = FileVersion(size: nil, modified: nil, granularity: granularity)
            if baseText != "?" {
                guard let size = UInt64(baseText) else { return nil }
                version.size = size
            }
            if modifiedText != "?" {
                guard let time = Self.time(modifiedText) else { return nil }
                version.modified = time
            }
            (base, storedSize, baseSize) = (version, stored, shown)
        }
        hasChanged = fields["changed"] == "1" || base == nil
        followsLink = fields["link"] == "1"
        if let text = fields["patching"] {
            guard let half = Self.halfPatch(text.split(separator: " ")) else { return nil }
            halfPatch = half
        }
        if let text = fields["wanted"] {
            guard let terms = Self.terms(text.split(separator: " ")) else { return nil }
            (mode, modified) = terms
        }
        if let text = fields["sent"] {
            guard let range = Self.range(text.split(separator: " ")) else { return nil }
            sent = range
        }
        if let text = fields["sent-digest"] {
            guard let digest = UInt64(text, radix: 16) else { return nil }
            sentDigest = digest
        }
    }

    /// What the note beside a rescued file tells, as far as it can be read.
    static func note(_ bytes: [UInt8]) -> (
        path: RemotePath?, reason: String?, time: Int64?, missing: [Range<UInt64>]
    ) {
        let text = String(decoding: bytes, as: UTF8.self)
        func field(_ key: String) -> Substring? {
            text.split(separator: "\n").first { $0.hasPrefix("\(key)=") }?.dropFirst(key.count + 1)
        }
        let missing = field("missing").flatMap { ranges(String($0)) }
        return (
            path(in: text), field("reason").map { String(decoding: decode($0), as: UTF8.self) },
            field("began").flatMap { Int64($0) }, missing.map { Array($0.ranges) } ?? []
        )
    }

    /// The path a text beside a file names, whatever else can be made of it.
    static func path(in text: String) -> RemotePath? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("path=") }) else {
            return nil
        }
        return RemotePath(decode(line.dropFirst("path=".count)))
    }
}

extension SpoolChange {
    /// The line for a change, with the checksum that goes on from the one before.
    func line(continuing sum: inout UInt64) -> String {
        let text =
            switch self {
            case .wrote(let range): "w \(range.lowerBound) \(range.upperBound)"
            case .resized(let size): "t \(size)"
            case .wanted(let mode, let modified): "m \(SpoolRecord.terms(mode, modified))"
            case .sending(let range): "u \(range.lowerBound) \(range.upperBound)"
            case .patching(let half): "p \(SpoolRecord.words(half))"
            case .moved(let path): "n \(SpoolRecord.encode(path.bytes))"
            case .kept: "y"
            }
        sum = SpoolRecord.sum(text.utf8, continuing: sum)
        return "\(text) \(String(sum, radix: 16))\n"
    }

    /// Reads a line; nil when its checksum is another one or it makes no sense.
    init?(_ line: ArraySlice<UInt8>, continuing sum: inout UInt64) {
        guard let space = line.lastIndex(of: UInt8(ascii: " ")) else { return nil }
        let next = SpoolRecord.sum(line[..<space], continuing: sum)
        guard String(decoding: line[(space + 1)...], as: UTF8.self) == String(next, radix: 16) else {
            return nil
        }
        let words = String(decoding: line[..<space], as: UTF8.self).split(separator: " ")
        let rest = Array(words.dropFirst())
        switch (words.first, rest.count) {
        case ("w", 2), ("u", 2):
            guard let range = SpoolRecord.range(rest) else { return nil }
            self = words.first == "w" ? .wrote(range) : .sending(range)
        case ("t", 1):
            guard let size = UInt64(rest[0]) else { return nil }
            self = .resized(size)
        case ("m", 3):
            guard let (mode, modified) = SpoolRecord.terms(rest) else { return nil }
            self = .wanted(mode: mode, modified: modified)
        case ("p", 3):
            guard let half = SpoolRecord.halfPatch(rest) else { return nil }
            self = .patching(half)
        case ("n", 1):
            let bytes = SpoolRecord.decode(rest[0])
            guard let path = RemotePath(bytes), path.bytes == bytes else { return nil }
            self = .moved(path)
        case ("y", 0): self = .kept
        default: return nil
        }
        sum = next
    }
}

// The parts of lines.
extension SpoolRecord {
    // FNV-1a, 64 bits: it finds what is torn, not what is forged.
    fileprivate static func sum(
        _ bytes: some Sequence<UInt8>, continuing start: UInt64 = 0xcbf2_9ce4_8422_2325
    ) -> UInt64 {
        bytes.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    // Takes a line that has its end.
    fileprivate static func line(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        defer { rest = rest[(end + 1)...] }
        return rest[..<end]
    }

    private static func list(_ ranges: some Collection<Range<UInt64>>) -> String {
        ranges.map { "\($0.lowerBound)-\($0.upperBound - 1)" }.joined(separator: ",")
    }

    private static func ranges(_ text: String) -> ByteRanges? {
        var set = ByteRanges()
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let first = UInt64(ends[0]), let last = UInt64(ends[1]), first <= last,
                last < UInt64(Int64.max)
            else { return nil }
            set.insert(contentsOf: first..<(last + 1))
        }
        return set
    }

    fileprivate static func range(_ words: [Substring]) -> Range<UInt64>? {
        guard words.count == 2, let start = UInt64(words[0]), let end = UInt64(words[1]), start <= end,
            end <= UInt64(Int64.max)
        else { return nil }
        return start..<end
    }

    fileprivate static func words(_ half: HalfPatch) -> String {
        "\(half.range.lowerBound) \(half.range.upperBound) \(String(half.digest, radix: 16))"
    }

    fileprivate static func halfPatch(_ words: [Substring]) -> HalfPatch? {
        guard words.count == 3, let range = range(Array(words[..<2])),
            UInt64(range.count) <= HalfPatch.length,
            let digest = UInt64(words[2], radix: 16)
        else { return nil }
        return HalfPatch(range: range, digest: digest)
    }

    private static func time(_ time: Timestamp) -> String { "\(time.seconds) \(time.nanoseconds)" }

    private static func time(_ text: String) -> Timestamp? { time(text.split(separator: " ")) }

    private static func time(_ words: [Substring]) -> Timestamp? {
        guard words.count == 2, let seconds = Int64(words[0]), let nanoseconds = UInt32(words[1]),
            nanoseconds < 1_000_000_000
        else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    fileprivate static func terms(_ mode: UInt16?, _ modified: Timestamp?) -> String {
        "\(mode.map { String($0, radix: 8) } ?? "-") \(modified.map(time) ?? "- -")"
    }

    fileprivate static func terms(_ words: [Substring]) -> (mode: UInt16?, modified: Timestamp?)? {
        guard words.count == 3 else { return nil }
        let mode = UInt16(words[0], radix: 8)
        guard words[0] == "-" || mode.map({ $0 <= 0o7777 }) == true else { return nil }
        if words[1] == "-", words[2] == "-" { return (mode, nil) }
        guard let modified = time(Array(words[1...])) else { return nil }
        return (mode, modified)
    }

    fileprivate static func encode(_ bytes: [UInt8], sparingSpaces: Bool = false) -> String {
        bytes.reduce(into: "") { text, byte in
            let isPlain = byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "%")
            if isPlain || sparingSpaces && byte == 0x20 {
                text.unicodeScalars.append(UnicodeScalar(byte))
            } else {
                text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
    }

    fileprivate static func decode(_ text: some StringProtocol) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
