import Logging
import Posix
import Remote

extension Volume {
    /// Takes up what mounts before this one could not bring to the server; to be called once, before the mount is usable.
    ///
    /// From when this returns, each such file shows the bytes that were written, as if a program had it open, whoever
    /// looks at it; the uploads themselves go on in the background. The directories on the way are asked for within a bounded time.
    /// Returns how many files there are.
    package func resumePending() -> Int {
        let left = configuration.isReadOnly ? [] : environment.spool.takePending()
        guard !left.isEmpty else { return 0 }
        let deadline = Deadline.after(.seconds(20))
        let request = Request()
        let isDone = Monitor(false)
        let timer = try? Thread(named: "resume") {
            _ = isDone.wait(until: deadline) { $0 ? true : nil }
            request.cancel()
        }
        defer {
            isDone.update { $0 = true }
            timer?.join()
        }
        var count = 0
        // The last one written to a path is the one that shows.
        for content in left.reversed() {
            guard let path = content.path, path.isInside(configuration.root), path != configuration.root
            else {
                logger.warning(
                    "\(describe(content)) is not below the mounted directory, and waits in the spool")
                continue
            }
            if resume(content, at: path, for: request) { count += 1 }
        }
        return count
    }

    private func describe(_ content: PendingContent) -> String {
        content.path?.description ?? "a file without a name"
    }

    private func resume(_ pendingContent: PendingContent, at path: RemotePath, for request: Request) -> Bool {
        let content = FileContent(environment: environment, resuming: pendingContent)
        do throws(VolumeError) {
            guard let name = path.name else { return false }
            let directory = try directory(path.parent, for: request)
            let (id, file) = try tree.withLock { tree throws(VolumeError) in
                try adopt(content, pendingContent.record, as: name, in: directory, &tree)
            }
            tree.withLock { $0.forget(directory.id, count: 1) }
            logger.notice(
                "\(path): goes on with \(content.size) bytes that were not stored before the last end")
            keepPending(id, file, after: .zero)
            return true
        } catch {
            logger.error("\(path) was not stored before the last end, and cannot be now: \(error)")
            content.fail(with: "\(error)")
            content.close(path: path)
            return false
        }
    }

    // The node of a directory, with a reference counted; made unasked when the server does not answer in time.
    private func directory(_ path: RemotePath, for request: Request) throws(VolumeError) -> Node {
        var node = tree.withLock { $0.root }
        for name in path.names.dropFirst(configuration.root.names.count) {
            let parent = node
            defer { tree.withLock { $0.forget(parent.id, count: 1) } }
            node = try child(name, of: parent, for: request)
        }
        return node
    }

    private func child(_ name: FileName, of parent: Node, for request: Request) throws(VolumeError) -> Node {
        do throws(VolumeError) {
            let reply = try lookup(Array(name.bytes), in: parent.id, for: request)
            guard reply.attributes.kind == .directory else {
                tree.withLock { $0.forget(reply.node, count: 1) }
                throw .notDirectory
            }
            return try tree.withLock { tree throws(VolumeError) in try tree.node(reply.node) }
        } catch {
            switch error {
            case .notFound, .notDirectory: throw error
            default: break
            }
            logger.info("the directory of a pending upload was not looked up: \(error)")
            return try tree.withLock { tree throws(VolumeError) in
                if let child = parent.directory?.children[name] {
                    guard child.kind == .directory else { throw .notDirectory }
                    child.lookups += 1
                    return child
                }
                let node = tree.make(name, in: parent, Attributes(kind: .directory))
                node.lookups += 1
                return node
            }
        }
    }

    // Gives a content its place in the tree and a handle that no program has; called with the tree lock held.
    private func adopt(
        _ content: FileContent, _ record: SpoolRecord, as name: FileName, in directory: Node,
        _ tree: inout Tree
    ) throws(VolumeError) -> (HandleID, FileHandle) {
        guard let state = directory.directory, !directory.isGone else { throw .notFound }
        let old = state.children[name]
        guard old?.file?.content == nil else {
            throw .local("a later version of the file waits too")
        }
        if let old { tree.detach(old, isLost: true) }
        let node: Node
        if let base = record.base {
            let attributes = Attributes(
                kind: .file, size: base.size ?? record.storedSize, modified: base.modified,
                granularity: base.granularity)
            node = tree.make(name, in: directory, attributes, followsLink: record.followsLink)
        } else {
            let time = record.modified ?? Timestamp(seconds: record.time)
            node = tree.make(name, in: directory, Attributes(kind: .file, size: 0, modified: time))
            node.isLocal = true
            tree.record(.local, for: name, in: directory, at: now)
        }
        node.fileState.requestedMode = record.mode
        node.fileState.pendingModified = record.modified
        node.fileState.content = content
        let handle = FileHandle(node: node, content: content, mode: OpenMode(reads: false, writes: true))
        handle.writes = 1
        let id = tree.handleID()
        tree.files[id.rawValue] = handle
        tree.contentUsers[ObjectIdentifier(content)] = 1
        node.handles += 1
        return (id, handle)
    }
}
