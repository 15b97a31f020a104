/// An absolute, normalised path on the server: bytes, beginning with `/`, without empty, `.` or `..` parts.
package struct RemotePath: Hashable, Sendable {
    /// The path's bytes; `/` alone for the server's root, else without a slash at the end.
    package let bytes: [UInt8]

    /// The server's root directory.
    package static let root = RemotePath(unchecked: [UInt8(ascii: "/")])

    private init(unchecked bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Normalises a path: `.` and empty parts vanish, `..` takes the part before it away (and stops at the root).
    ///
    /// A path without a leading slash is taken below `base`. Returns nil when the path has NUL, CR or LF in it.
    package init?(_ bytes: some Collection<UInt8>, relativeTo base: RemotePath = .root) {
        let slash = UInt8(ascii: "/")
        let dot = UInt8(ascii: ".")
        var names: [FileName] = bytes.first == slash ? [] : base.names
        for part in bytes.split(separator: slash) where !part.elementsEqual([dot]) {
            if part.elementsEqual([dot, dot]) {
                _ = names.popLast()
            } else if let name = FileName(part) {
                names.append(name)
            } else {
                return nil
            }
        }
        self.init(names)
    }

    /// Normalises the UTF-8 bytes of a text, under the rules of `init(_:relativeTo:)`.
    package init?(_ text: String, relativeTo base: RemotePath = .root) {
        self.init(Array(text.utf8), relativeTo: base)
    }

    /// Joins names into a path below the root; no names make the root.
    package init(_ names: some Sequence<FileName>) {
        var bytes: [UInt8] = []
        for name in names {
            bytes.append(UInt8(ascii: "/"))
            bytes += name.bytes
        }
        self.bytes = bytes.isEmpty ? [UInt8(ascii: "/")] : bytes
    }

    /// Whether this is the server's root directory.
    package var isRoot: Bool { bytes.count == 1 }

    /// The names along the path, none for the root.
    package var names: [FileName] {
        bytes.split(separator: UInt8(ascii: "/")).compactMap { FileName($0) }
    }

    /// The last name of the path, nil for the root.
    package var name: FileName? {
        guard !isRoot, let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return FileName(bytes[(slash + 1)...])
    }

    /// The directory that holds this path; the root's is the root.
    package var parent: RemotePath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return .root }
        return RemotePath(unchecked: Array(bytes[..<slash]))
    }

    /// The path of an entry of this directory.
    package func appending(_ name: FileName) -> RemotePath {
        var longer = isRoot ? [] : bytes
        longer.reserveCapacity(longer.count + name.bytes.count + 1)
        longer.append(UInt8(ascii: "/"))
        longer += name.bytes
        return RemotePath(unchecked: longer)
    }

    /// Whether this path is `ancestor` or lies below it.
    package func isInside(_ ancestor: RemotePath) -> Bool {
        guard !ancestor.isRoot else { return true }
        guard bytes.starts(with: ancestor.bytes) else { return false }
        return bytes.count == ancestor.bytes.count || bytes[ancestor.bytes.count] == UInt8(ascii: "/")
    }

    /// What this path is after `old` was renamed to `new`; one that does not lie inside `old` stays.
    package func moved(from old: RemotePath, to new: RemotePath) -> RemotePath {
        guard isInside(old), !old.isRoot else { return self }
        return RemotePath(
            unchecked: new.isRoot ? Array(bytes[old.bytes.count...]) : new.bytes + bytes[old.bytes.count...])
    }
}

extension RemotePath: CustomStringConvertible {
    /// The path for messages, escaped as `printable(_:)` says.
    package var description: String { printable(bytes) }
}
