import Posix
import Remote

/// What a spool file's bytes are: the text beside it, and beside a rescued file, for people and for a later mount.
struct SpoolRecord {
    /// Where the file was to be stored.
    var path: RemotePath?
    /// The version on the server that the bytes belong over; nil for a new file.
    var base: FileVersion?
    /// The file's size in bytes as written here.
    var size: UInt64
    /// The offset up to which bytes not here are those of the base.
    var baseSize: UInt64
    /// The bytes written here.
    var dirty: ByteRanges
    /// The bytes in the file; the rest of it up to `baseSize` is only on the server.
    var local: ByteRanges
    /// Why the bytes are not on the server, as far as known.
    var reason: String?

    /// What a record's name ends with.
    static let suffix = ".info"
    /// Longer records are read in part only.
    static let sizeLimit = 1 << 20
    private static let rangeLimit = 10_000

    /// The record as lines of `key=value`; the path is percent-encoded.
    var text: String {
        let (now, _) = WallClock.now()
        var lines = ["ftpsfs-spool=1", "time=\(WallClock.text(now))"]
        if let reason { lines.append("reason=\(reason)") }
        if let path { lines.append("path=\(Self.encode(path.bytes))") }
        lines.append("size=\(size)")
        if let base {
            lines.append("base-size=\(base.size.map(String.init) ?? "?")")
            lines.append("base-modified=\(base.modified.map { WallClock.text($0.seconds) } ?? "?")")
        }
        lines.append("written=\(Self.list(dirty.ranges))")
        let missing = local.gaps(in: 0..<min(size, baseSize))
        if !missing.isEmpty { lines.append("missing=\(Self.list(missing))") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Finds the path in a record's text.
    static func path(in text: String) -> RemotePath? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("path=") }) else {
            return nil
        }
        return RemotePath(decode(line.dropFirst("path=".count)))
    }

    private static func list(_ ranges: some Collection<Range<UInt64>>) -> String {
        let shown = ranges.prefix(rangeLimit).map { "\($0.lowerBound)-\($0.upperBound - 1)" }
        return shown.joined(separator: ",") + (ranges.count > rangeLimit ? ",..." : "")
    }

    private static func encode(_ bytes: [UInt8]) -> String {
        bytes.reduce(into: "") { text, byte in
            if byte > 0x20, byte < 0x7f, byte != UInt8(ascii: "%") {
                text.unicodeScalars.append(UnicodeScalar(byte))
            } else {
                text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
    }

    private static func decode(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let digits = String(rest.prefix(2)),
                let value = UInt8(digits, radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
