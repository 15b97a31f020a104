import Glibc
package import Posix
import Synchronization

/// The files of a scripted server, in memory; paths are absolute, of bytes or of text.
///
/// Modes matter as for an ordinary user: without the owner's w bit a directory takes and loses no entries and a file no bytes,
/// without its r bit neither can be read (EACCES). May be used from any thread.
package final class ScriptedTree: Sendable {
    /// What a name stands for.
    package enum Kind: Sendable, Hashable {
        /// A regular file.
        case file
        /// A directory.
        case directory
        /// A symbolic link with its target.
        case link([UInt8])
    }

    /// One file, directory or link.
    package struct Node: Sendable {
        /// What it is.
        package var kind: Kind
        /// The permission bits.
        package var mode: UInt16
        /// In seconds since 1970.
        package var modified: Int64
        /// A file's bytes.
        package var content: [UInt8] = []
        /// The size that the server claims instead of the content's length: a lie.
        package var claimedSize: UInt64?
        /// Different for each node, as long as it lives.
        package let unique: Int
        var names: [[UInt8]] = []

        /// The size that the server tells.
        package var size: UInt64 { claimedSize ?? UInt64(content.count) }

        mutating func apply(_ body: (inout Node) -> Void) { body(&self) }

        mutating func store(_ bytes: some Collection<UInt8>, at offset: Int) {
            if content.count < offset { content += [UInt8](repeating: 0, count: offset - content.count) }
            content.replaceSubrange(offset..<min(content.count, offset + bytes.count), with: bytes)
        }
    }

    private struct State {
        var nodes: [[UInt8]: Node] = [:]
        var lastUnique = 0
    }

    private let state: Monitor<State>

    /// Makes a tree with nothing but the root directory.
    package init() {
        var first = State()
        first.nodes[slash] = Node(kind: .directory, mode: 0o755, modified: now(), unique: 0)
        state = Monitor(first)
    }

    /// Adds or replaces a file, with the directories above it.
    package func addFile(
        _ path: String, _ content: some Sequence<UInt8> = [], mode: UInt16 = 0o644, modified: Int64 = now()
    ) {
        add(Array(path.utf8), .file, mode, modified, Array(content))
    }

    /// Adds or replaces a file under a name of any bytes.
    package func addFile(_ path: [UInt8], _ content: [UInt8]) { add(path, .file, 0o644, now(), content) }

    /// Adds a directory, with those above it.
    package func addDirectory(_ path: String, mode: UInt16 = 0o755, modified: Int64 = now()) {
        add(Array(path.utf8), .directory, mode, modified, [])
    }

    /// Adds a symbolic link, with the directories above it.
    package func addLink(_ path: String, to target: String) {
        add(Array(path.utf8), .link(Array(target.utf8)), 0o777, now(), [])
    }

    /// A file's bytes, links followed; nil if there is no such file.
    package func content(_ path: String) -> [UInt8]? {
        guard let node = try? node(Array(path.utf8)), node.kind == .file else { return nil }
        return node.content
    }

    /// Whether there is something under a name.
    package func exists(_ path: String) -> Bool { node(path) != nil }

    /// What is there, links not followed.
    package func node(_ path: String) -> Node? { try? node(Array(path.utf8), followsLast: false) }

    /// The sorted names in a directory.
    package func names(in path: String) -> [String] {
        ((try? list(Array(path.utf8))) ?? []).map { String(decoding: $0.name, as: UTF8.self) }.sorted()
    }

    /// Changes a node in place; does nothing if there is none.
    package func change(_ path: String, _ body: (inout Node) -> Void) {
        let path = canonical(Array(path.utf8))
        state.withLock { state in
            state.nodes[path]?.apply(body)
        }
    }

    private func add(_ path: [UInt8], _ kind: Kind, _ mode: UInt16, _ modified: Int64, _ content: [UInt8]) {
        let path = canonical(path)
        state.withLock { state in
            var parent = slash
            for component in components(parentOf(path)) {
                let next = join(parent, component)
                if state.nodes[next] == nil { insert(&state, next, .directory, 0o755, modified, []) }
                parent = next
            }
            if path != slash { insert(&state, path, kind, mode, modified, content) }
        }
    }

    private func insert(
        _ state: inout State, _ path: [UInt8], _ kind: Kind, _ mode: UInt16, _ modified: Int64,
        _ content: [UInt8]
    ) {
        state.lastUnique += 1
        var node = Node(kind: kind, mode: mode, modified: modified, unique: state.lastUnique)
        node.content = content
        if state.nodes[path] == nil {
            state.nodes[parentOf(path)]?.names.append(nameOf(path))
            state.nodes[parentOf(path)]?.modified = modified
        }
        state.nodes[path] = node
    }
}

/// What commands do to the tree; all throw the errno of the system call they stand for.
extension ScriptedTree {
    /// What a path leads to.
    package func node(_ path: [UInt8], followsLast: Bool = true) throws(Errno) -> Node {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path, followsLast: followsLast)
            guard let node = state.nodes[place] else { throw Errno(ENOENT) }
            return node
        }
    }

    /// The entries of a directory in the order of their making; links are not followed.
    package func list(_ path: [UInt8]) throws(Errno) -> [(name: [UInt8], node: Node)] {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path)
            guard let directory = state.nodes[place] else { throw Errno(ENOENT) }
            guard directory.kind == .directory else { throw Errno(ENOTDIR) }
            guard directory.mode & 0o400 != 0 else { throw Errno(EACCES) }
            return directory.names.compactMap { name in state.nodes[join(place, name)].map { (name, $0) } }
        }
    }

    /// The bytes of a file.
    package func read(_ path: [UInt8]) throws(Errno) -> [UInt8] {
        let node = try node(path)
        guard node.kind == .file else { throw Errno(EISDIR) }
        guard node.mode & 0o400 != 0 else { throw Errno(EACCES) }
        return node.content
    }

    /// Opens a file for writing: makes it if it is missing, and cuts it to a length if one is given.
    package func open(_ path: [UInt8], cutTo length: Int?) throws(Errno) {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path)
            if var node = state.nodes[place] {
                guard node.kind == .file else { throw Errno(EISDIR) }
                guard node.mode & 0o200 != 0 else { throw Errno(EACCES) }
                if let length, node.content.count > length {
                    node.content.removeLast(node.content.count - length)
                }
                // As O_TRUNC does; to open alone changes no time.
                if length != nil { node.modified = now() }
                state.nodes[place] = node
            } else {
                try checkParent(state, place)
                insert(&state, place, .file, 0o644, now(), [])
            }
        }
    }

    /// Writes bytes at an offset, filling a gap with zeros.
    package func write(_ path: [UInt8], _ bytes: some Collection<UInt8>, at offset: Int) throws(Errno) {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path)
            guard state.nodes[place] != nil else { throw Errno(ENOENT) }
            state.nodes[place]?.store(bytes, at: offset)
            state.nodes[place]?.modified = now()
        }
    }

    /// unlink(2).
    package func delete(_ path: [UInt8]) throws(Errno) {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path, followsLast: false)
            guard let node = state.nodes[place] else { throw Errno(ENOENT) }
            guard node.kind != .directory else { throw Errno(EISDIR) }
            try checkParent(state, place)
            remove(&state, place)
        }
    }

    /// mkdir(2).
    package func makeDirectory(_ path: [UInt8]) throws(Errno) {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path, followsLast: false)
            guard state.nodes[place] == nil else { throw Errno(EEXIST) }
            try checkParent(state, place)
            insert(&state, place, .directory, 0o755, now(), [])
        }
    }

    /// symlink(2).
    package func makeLink(_ path: [UInt8], to target: [UInt8]) throws(Errno) {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path, followsLast: false)
            guard state.nodes[place] == nil else { throw Errno(EEXIST) }
            try checkParent(state, place)
            insert(&state, place, .link(target), 0o777, now(), [])
        }
    }

    /// rmdir(2).
    package func removeDirectory(_ path: [UInt8]) throws(Errno) {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path, followsLast: false)
            guard let node = state.nodes[place] else { throw Errno(ENOENT) }
            guard node.kind == .directory else { throw Errno(ENOTDIR) }
            guard node.names.isEmpty else { throw Errno(ENOTEMPTY) }
            guard place != slash else { throw Errno(EBUSY) }
            try checkParent(state, place)
            remove(&state, place)
        }
    }

    /// rename(2).
    package func rename(_ from: [UInt8], to: [UInt8]) throws(Errno) {
        try state.withLock { state throws(Errno) in
            let old = try resolve(state, from, followsLast: false)
            let new = try resolve(state, to, followsLast: false)
            guard let node = state.nodes[old] else { throw Errno(ENOENT) }
            guard old != new else { return }
            try checkParent(state, old)
            try checkParent(state, new)
            guard !new.starts(with: old + slash) else { throw Errno(EINVAL) }
            if let target = state.nodes[new] {
                guard (target.kind == .directory) == (node.kind == .directory) else {
                    throw Errno(target.kind == .directory ? EISDIR : ENOTDIR)
                }
                guard target.names.isEmpty else { throw Errno(ENOTEMPTY) }
                remove(&state, new)
            }
            let moved = state.nodes.filter { $0.key == old || $0.key.starts(with: old + slash) }
            for path in moved.keys { state.nodes[path] = nil }
            state.nodes[parentOf(old)]?.names.removeAll { $0 == nameOf(old) }
            state.nodes[parentOf(new)]?.names.append(nameOf(new))
            for (path, node) in moved { state.nodes[new + path.dropFirst(old.count)] = node }
        }
    }

    /// Changes the mode or the time, links followed.
    package func set(_ path: [UInt8], mode: UInt16? = nil, modified: Int64? = nil) throws(Errno) {
        try state.withLock { state throws(Errno) in
            let place = try resolve(state, path)
            guard state.nodes[place] != nil else { throw Errno(ENOENT) }
            if let mode { state.nodes[place]?.mode = mode }
            if let modified { state.nodes[place]?.modified = modified }
        }
    }

    private func remove(_ state: inout State, _ place: [UInt8]) {
        state.nodes[place] = nil
        state.nodes[parentOf(place)]?.names.removeAll { $0 == nameOf(place) }
        state.nodes[parentOf(place)]?.modified = now()
    }

    private func checkParent(_ state: State, _ place: [UInt8]) throws(Errno) {
        guard let parent = state.nodes[parentOf(place)] else { throw Errno(ENOENT) }
        guard parent.kind == .directory else { throw Errno(ENOTDIR) }
        guard parent.mode & 0o200 != 0 else { throw Errno(EACCES) }
    }

    private func resolve(_ state: State, _ path: [UInt8], followsLast: Bool = true) throws(Errno) -> [UInt8] {
        var place = slash
        var rest = components(path)
        var hops = 0
        while !rest.isEmpty {
            let component = rest.removeFirst()
            if component == Array("..".utf8) {
                place = parentOf(place)
                continue
            }
            guard component.count <= 255 else { throw Errno(ENAMETOOLONG) }
            if let node = state.nodes[place], node.kind != .directory { throw Errno(ENOTDIR) }
            let next = join(place, component)
            if case .link(let target) = state.nodes[next]?.kind, followsLast || !rest.isEmpty {
                hops += 1
                guard hops < 40 else { throw Errno(ELOOP) }
                rest = components(target) + rest
                if target.first == slash[0] { place = slash }
                continue
            }
            guard rest.isEmpty || state.nodes[next] != nil else { throw Errno(ENOENT) }
            place = next
        }
        return place
    }
}

/// Seconds since 1970.
package func now() -> Int64 { Int64(time(nil)) }

private let slash: [UInt8] = [0x2f]

private func components(_ path: [UInt8]) -> [[UInt8]] {
    path.split(separator: slash[0]).map { Array($0) }.filter { $0 != [0x2e] }
}

private func canonical(_ path: [UInt8]) -> [UInt8] {
    components(path).reduce(slash) { join($0, $1) }
}

private func join(_ path: [UInt8], _ name: [UInt8]) -> [UInt8] {
    path == slash ? slash + name : path + slash + name
}

private func parentOf(_ path: [UInt8]) -> [UInt8] {
    guard let last = path.lastIndex(of: slash[0]), last > 0 else { return slash }
    return Array(path[..<last])
}

private func nameOf(_ path: [UInt8]) -> [UInt8] {
    guard let last = path.lastIndex(of: slash[0]) else { return path }
    return Array(path[(last + 1)...])
}
