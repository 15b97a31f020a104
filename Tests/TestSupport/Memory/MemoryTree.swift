package import Remote

/// A tree of files as a server has it: plain values, no locks, no failures but those of the names.
package struct MemoryTree: Sendable {
    /// One file, directory or link.
    package struct Record: Sendable {
        /// What it is.
        package var kind: FileKind
        /// The bytes of a regular file.
        package var content: [UInt8] = []
        /// The time of modification.
        package var modified: Timestamp
        /// Permission bits.
        package var mode: UInt16
        /// The target of a symbolic link.
        package var target: [UInt8] = []
        /// The entries of a directory, by name.
        package var children: [FileName: Int] = [:]

        /// Makes a record; a directory is empty.
        package init(kind: FileKind, content: [UInt8] = [], modified: Timestamp, mode: UInt16) {
            self.kind = kind
            self.content = content
            self.modified = modified
            self.mode = mode
        }
    }

    private var records: [Int: Record]
    private var nextNumber = 1
    private static let rootNumber = 0
    /// The most symbolic links followed in one path.
    private static let maximumLinks = 16

    /// Makes a tree of an empty root directory.
    package init(modified: Timestamp) {
        records = [Self.rootNumber: Record(kind: .directory, modified: modified, mode: 0o755)]
    }

    /// The record of a path, nil where there is none; links inside the path are followed, the last one on demand.
    package func record(_ path: RemotePath, followsLast: Bool = false) -> Record? {
        (try? number(of: path, followsLast: followsLast)).flatMap { records[$0] }
    }

    /// The record of a path; throws `.notFound` or `.notDirectory`.
    package func existing(_ path: RemotePath, followsLast: Bool = false) throws(RemoteError) -> Record {
        let number = try number(of: path, followsLast: followsLast)
        guard let record = records[number] else {
            throw RemoteError(.notFound, operation: "tree", path: path)
        }
        return record
    }

    /// The entries of a directory, sorted by name; throws `.notFound` or `.notDirectory`.
    package func entries(of directory: RemotePath) throws(RemoteError) -> [(name: FileName, record: Record)] {
        let record = try existing(directory, followsLast: true)
        guard record.kind == .directory else {
            throw RemoteError(.notDirectory, operation: "tree", path: directory)
        }
        return record.children.sorted { $0.key < $1.key }.compactMap { child in
            records[child.value].map { (child.key, $0) }
        }
    }

    /// Changes the record of a path in place.
    package mutating func change(
        _ path: RemotePath, followsLast: Bool = false, _ body: (inout Record) -> Void
    ) throws(RemoteError) {
        let number = try number(of: path, followsLast: followsLast)
        guard var record = records[number] else {
            throw RemoteError(.notFound, operation: "tree", path: path)
        }
        body(&record)
        records[number] = record
    }

    /// Puts a record under a name in place of what is there (a directory's entries are lost then).
    package mutating func put(_ record: Record, at path: RemotePath) throws(RemoteError) {
        let parent = path.parent
        guard let name = path.name else {
            throw RemoteError(.exists, operation: "tree", path: path)
        }
        let directory = try number(of: parent, followsLast: true)
        guard var holder = records[directory] else {
            throw RemoteError(.notFound, operation: "tree", path: parent)
        }
        guard holder.kind == .directory else {
            throw RemoteError(.notDirectory, operation: "tree", path: parent)
        }
        if let old = holder.children[name] { records[old] = nil }
        records[nextNumber] = record
        holder.children[name] = nextNumber
        holder.modified = max(holder.modified, record.modified)
        records[directory] = holder
        nextNumber += 1
    }

    /// Takes a name away, with all that is below it.
    package mutating func remove(_ path: RemotePath) throws(RemoteError) {
        let number = try number(of: path, followsLast: false)
        let parent = path.parent
        guard let name = path.name else {
            throw RemoteError(.denied, operation: "tree", path: path)
        }
        let directory = try self.number(of: parent, followsLast: true)
        records[directory]?.children[name] = nil
        removeRecords(from: number)
    }

    /// Moves a name; what is under the new name vanishes.
    package mutating func move(_ old: RemotePath, to new: RemotePath) throws(RemoteError) {
        let number = try number(of: old, followsLast: false)
        let newParent = new.parent
        guard let oldName = old.name, let newName = new.name else {
            throw RemoteError(.denied, operation: "tree", path: old)
        }
        guard !new.isInside(old) || new == old else {
            throw RemoteError(.invalidName, operation: "tree", path: new)
        }
        let source = try self.number(of: old.parent, followsLast: true)
        let target = try self.number(of: newParent, followsLast: true)
        guard records[target]?.kind == .directory else {
            throw RemoteError(.notDirectory, operation: "tree", path: newParent)
        }
        if let replaced = records[target]?.children[newName], replaced != number {
            removeRecords(from: replaced)
        }
        records[source]?.children[oldName] = nil
        records[target]?.children[newName] = number
    }

    /// The bytes of all files together.
    package var totalSize: Int { records.values.reduce(0) { $0 + $1.content.count } }

    private mutating func removeRecords(from number: Int) {
        guard let record = records.removeValue(forKey: number) else { return }
        for child in record.children.values { removeRecords(from: child) }
    }

    private func number(of path: RemotePath, followsLast: Bool) throws(RemoteError) -> Int {
        var pending = Array(path.names.reversed())
        var trail = [Self.rootNumber]
        var links = 0
        var walked: [FileName] = []
        while let name = pending.popLast() {
            guard let here = trail.last.flatMap({ records[$0] }), here.kind == .directory else {
                throw RemoteError(.notDirectory, operation: "tree", path: path)
            }
            guard let child = here.children[name], let record = records[child] else {
                throw RemoteError(.notFound, operation: "tree", path: path)
            }
            guard record.kind == .symlink, followsLast || !pending.isEmpty else {
                trail.append(child)
                walked.append(name)
                continue
            }
            links += 1
            guard links <= Self.maximumLinks,
                let target = RemotePath(record.target, relativeTo: RemotePath(walked))
            else { throw RemoteError(.notFound, operation: "tree", path: path, words: "link loop") }
            pending += target.names.reversed()
            trail = [Self.rootNumber]
            walked = []
        }
        return trail.last ?? Self.rootNumber
    }
}
