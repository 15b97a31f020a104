import TestSupport

@testable import VFS

/// What a POSIX file system would hold: the reference for random operations.
final class ReferenceTree {
    /// A file or directory; open handles keep it beyond its name.
    final class File {
        var content: [UInt8] = []
        var children: [String: File]?

        init(content: [UInt8]) { self.content = content }
        init() { children = [:] }

        var isDirectory: Bool { children != nil }
    }

    let root = File()

    static func parts(_ path: String) -> [String] { path.split(separator: "/").map(String.init) }

    func file(_ path: String) -> File? {
        var here = root
        for part in Self.parts(path) {
            guard let next = here.children?[part] else { return nil }
            here = next
        }
        return here
    }

    func parent(_ path: String) -> (directory: File, name: String)? {
        let parts = Self.parts(path)
        guard let name = parts.last, let directory = file(parts.dropLast().joined(separator: "/")),
            directory.isDirectory
        else { return nil }
        return (directory, name)
    }

    /// All paths with what they stand for.
    func all() -> [(path: String, file: File)] {
        var found: [(String, File)] = []
        func walk(_ path: String, _ file: File) {
            for (name, child) in file.children ?? [:] {
                found.append((path + "/" + name, child))
                walk(path + "/" + name, child)
            }
        }
        walk("", root)
        return found.sorted { $0.0 < $1.0 }
    }

    // MARK: Operations; each returns the error expected, nil for success

    /// Why the parent of a path cannot be used, nil when it can.
    func obstacle(_ path: String) -> String? {
        var here = root
        for part in Self.parts(path).dropLast() {
            guard here.isDirectory else { return "notDirectory" }
            guard let next = here.children?[part] else { return "notFound" }
            here = next
        }
        return here.isDirectory ? nil : "notDirectory"
    }

    func mkdir(_ path: String) -> String? {
        if let obstacle = obstacle(path) { return obstacle }
        guard let (directory, name) = parent(path) else { return "notFound" }
        guard directory.children?[name] == nil else { return "exists" }
        directory.children?[name] = File()
        return nil
    }

    func rmdir(_ path: String) -> String? {
        if let obstacle = obstacle(path) { return obstacle }
        guard let (directory, name) = parent(path), let file = directory.children?[name] else {
            return "notFound"
        }
        guard let children = file.children else { return "notDirectory" }
        guard children.isEmpty else { return "notEmpty" }
        directory.children?[name] = nil
        return nil
    }

    func unlink(_ path: String) -> String? {
        if let obstacle = obstacle(path) { return obstacle }
        guard let (directory, name) = parent(path), let file = directory.children?[name] else {
            return "notFound"
        }
        guard !file.isDirectory else { return "isDirectory" }
        directory.children?[name] = nil
        return nil
    }

    /// Creates or empties a file; returns it when that is possible.
    func create(_ path: String) -> (File?, String?) {
        if let obstacle = obstacle(path) { return (nil, obstacle) }
        guard let (directory, name) = parent(path) else { return (nil, "notFound") }
        if let file = directory.children?[name] {
            guard !file.isDirectory else { return (nil, "isDirectory") }
            file.content = []
            return (file, nil)
        }
        let file = File(content: [])
        directory.children?[name] = file
        return (file, nil)
    }

    func rename(_ old: String, _ new: String) -> String? {
        if let obstacle = obstacle(old) ?? obstacle(new) { return obstacle }
        guard let (from, oldName) = parent(old), let (to, newName) = parent(new),
            let source = from.children?[oldName]
        else { return "notFound" }
        if (Self.parts(new).joined(separator: "/") + "/")
            .hasPrefix(Self.parts(old).joined(separator: "/") + "/"), new != old
        {
            return "invalid"
        }
        if let target = to.children?[newName] {
            guard target !== source else { return nil }
            switch (source.isDirectory, target.isDirectory) {
            case (true, false): return "notDirectory"
            case (false, true): return "isDirectory"
            case (true, true): if target.children?.isEmpty == false { return "notEmpty" }
            case (false, false): break
            }
        }
        from.children?[oldName] = nil
        to.children?[newName] = source
        return nil
    }
}
