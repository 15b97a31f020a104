import Remote

/// Decides which symbolic links of the server programs may follow by themselves.
///
/// The kernel follows a link on this machine, so a server could point it at local files. A link is shown as such only when its
/// target, taken from the link's directory name by name, stays below the mount; everything else is shown as what the
/// server itself resolves it to.
struct LinkPolicy {
    /// The server's directory that is mounted.
    let root: RemotePath

    /// The target to show for a link in a directory; nil when it leads out of the mount or makes no sense.
    ///
    /// A relative target is shown as it is when all its `..` stand at its start and no more of them than the directory lies
    /// deep; anywhere else they would count from wherever another link leads. All other targets are rewritten from the
    /// directory to the same place.
    func shownTarget(_ target: [UInt8], in directory: RemotePath) -> [UInt8]? {
        guard directory.isInside(root), !target.isEmpty else { return nil }
        let slash = UInt8(ascii: "/")
        if target[0] != slash {
            let depth = directory.names.count - root.names.count
            if isPlain(target, depth: depth) { return target }
        }
        guard let place = RemotePath(target, relativeTo: directory), place.isInside(root) else { return nil }
        return relative(from: directory, to: place)
    }

    private func isPlain(_ target: [UInt8], depth: Int) -> Bool {
        let up = [UInt8(ascii: "."), UInt8(ascii: ".")]
        var climbs = 0
        var hasDescended = false
        for part in target.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual(up) {
                guard !hasDescended else { return false }
                climbs += 1
            } else if !part.elementsEqual([UInt8(ascii: ".")]) {
                guard FileName(part) != nil else { return false }
                hasDescended = true
            }
        }
        return climbs <= depth
    }

    private func relative(from directory: RemotePath, to place: RemotePath) -> [UInt8] {
        let start = directory.names
        let end = place.names
        let common = zip(start, end).prefix { $0 == $1 }.count
        var parts = Array(repeating: Array("..".utf8), count: start.count - common)
        parts += end[common...].map(\.bytes)
        return parts.isEmpty ? [UInt8(ascii: ".")] : Array(parts.joined(separator: [UInt8(ascii: "/")]))
    }
}
