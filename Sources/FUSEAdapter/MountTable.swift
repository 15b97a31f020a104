import Glibc
import Posix

/// The mounts this process sees (/proc/self/mountinfo, proc_pid_mountinfo(5)), in the order in which they were made.
struct MountTable: Sendable {
    /// One mount.
    struct Entry: Hashable, Sendable {
        /// The mount's number, unique while it lasts.
        var id: Int
        /// The device number of the file system, `major:minor`.
        var device: String
        /// Where it is mounted.
        var path: [UInt8]
        /// The type, as `fuse.ftpsfs`.
        var type: String
        /// The source.
        var source: String
    }

    /// All mounts; later ones lie over earlier ones of the same path.
    let entries: [Entry]

    /// Parses the file's text; lines that do not look like mounts are passed over.
    init(parsing text: some Collection<UInt8>) {
        entries = text.split(separator: UInt8(ascii: "\n")).compactMap { Entry(parsing: $0) }
    }

    /// Reads the table as it is now.
    ///
    /// Does not touch the mounts themselves.
    static func current() throws(Errno) -> MountTable {
        MountTable(parsing: try contents(of: "/proc/self/mountinfo"))
    }

    /// The mount that a path leads to when it is a mountpoint: the last one there.
    func top(at path: [UInt8]) -> Entry? {
        entries.last { $0.path == path }
    }

    /// A mount that was seen before, at its present path; nil when it is gone.
    func find(_ entry: Entry) -> Entry? {
        entries.first { $0.id == entry.id && $0.device == entry.device && $0.type == entry.type }
    }
}

extension MountTable {
    /// The mount a path leads to: the path as it is, with its parent's symbolic links resolved, or with all resolved.
    ///
    /// The mounted volume is not asked, since it may not answer, unless the path leads to it by symbolic links alone.
    func mount(of path: String) -> Entry? {
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        if let entry = top(at: Array(trimmed.utf8)) { return entry }
        let slash = trimmed.lastIndex(of: "/")
        let parent = slash.map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
        let name = slash.map { String(trimmed[trimmed.index(after: $0)...]) } ?? trimmed
        if let resolved = resolve(parent) {
            let whole = resolved == "/" ? "/" + name : resolved + "/" + name
            if let entry = top(at: Array(whole.utf8)) { return entry }
        }
        return resolve(trimmed).flatMap { top(at: Array($0.utf8)) }
    }

    private func resolve(_ path: String) -> String? {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }
}

extension MountTable.Entry {
    /// Parses a line: id, parent, device, root, path, options, optional fields, a hyphen, type, source, options.
    fileprivate init?(parsing line: some Collection<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " ")).map { Array($0) }
        guard fields.count >= 9, let id = Int(String(decoding: fields[0], as: UTF8.self)) else { return nil }
        guard let hyphen = fields[6...].firstIndex(of: [UInt8(ascii: "-")]), hyphen + 2 < fields.count else {
            return nil
        }
        self.init(
            id: id, device: String(decoding: fields[2], as: UTF8.self), path: Self.unescape(fields[4]),
            type: String(decoding: Self.unescape(fields[hyphen + 1]), as: UTF8.self),
            source: String(decoding: Self.unescape(fields[hyphen + 2]), as: UTF8.self))
    }

    /// Undoes `\040` and the like, by which the kernel writes space, tab, line feed, backslash and hash.
    private static func unescape(_ field: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = field[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            guard byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            else {
                result.append(byte)
                continue
            }
            result.append(value)
            rest = rest.dropFirst(3)
        }
        return result
    }
}

/// Reads a file of /proc or /etc whole, up to a mebibyte.
func contents(of path: String) throws(Errno) -> [UInt8] {
    let file = try FileDescriptor.open(path, 0)
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while result.count < 1 << 20 {
        var span = buffer.mutableSpan
        var bytes = unsafe span.mutableBytes
        let count = try file.read(into: &bytes)
        guard count > 0 else { break }
        result += buffer.prefix(count)
    }
    return result
}
