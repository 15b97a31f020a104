import Logging
import Posix
package import Remote

extension Volume {
    /// Reads up to `count` bytes.
    package func read(_ handle: HandleID, at offset: UInt64, count: Int, for request: Request)
        throws(VolumeError) -> ReadReply
    {
        let file = try file(handle)
        guard file.mode.reads else { throw .badHandle }
        let isFirst = tree.withLock { _ in
            defer { file.hasRead = true }
            return !file.hasRead
        }
        if isFirst { noteReading(file.node) }
        // Without a lease: this waits for no rename.
        if let reply = try file.content.readAtHand(at: offset, count: count) { return reply }
        return try withOptionalPath(of: file.node, for: request) { path throws(VolumeError) in
            try file.content.read(at: offset, count: count, path: path, for: request)
        }
    }

    /// Writes into the spool, at an offset or (`appends`) at the end; returns how many bytes, fewer than given when the spool is full.
    package func write(
        _ handle: HandleID, _ bytes: RawSpan, at offset: UInt64, appends: Bool = false, for request: Request
    ) throws(VolumeError) -> Int {
        try writing(handle) { file throws(VolumeError) in
            let count = try file.content.write(bytes, at: offset, appends: appends, for: request)
            follow(file)
            return count
        }
    }

    /// Makes room (`keepsSize` false: the file grows), or zeroes a range (fallocate(2)).
    package func allocate(
        _ handle: HandleID, at offset: UInt64, count: UInt64, keepsSize: Bool, zeroes: Bool,
        for request: Request
    ) throws(VolumeError) {
        try writing(handle) { file throws(VolumeError) in
            try file.content.allocate(
                at: offset, count: count, keepsSize: keepsSize, zeroes: zeroes, for: request)
        }
    }

    /// Finds the next data or hole from an offset on (lseek(2), SEEK_DATA and SEEK_HOLE).
    package func seek(_ handle: HandleID, from offset: UInt64, toHole: Bool, for request: Request)
        throws(VolumeError) -> UInt64
    {
        try file(handle).content.seek(from: offset, toHole: toHole)
    }

    /// Copies bytes between files without the kernel; returns how many, fewer than asked for at the end of the source.
    package func copyRange(
        from source: HandleID, at sourceOffset: UInt64, to target: HandleID, at targetOffset: UInt64,
        count: Int, for request: Request
    ) throws(VolumeError) -> Int {
        let from = try file(source)
        guard from.mode.reads else { throw .badHandle }
        return try writing(target) { to throws(VolumeError) in
            // Bounded, so that the request stays interruptible in time; the kernel asks for the rest.
            let reply = try withOptionalPath(of: from.node, for: request) { path throws(VolumeError) in
                try from.content.read(at: sourceOffset, count: min(count, 4 << 20), path: path, for: request)
            }
            var copied = 0
            for slice in reply.slices {
                let count = try slice.block.withBytes(slice.range) { bytes throws(VolumeError) in
                    try to.content.write(
                        bytes, at: targetOffset + UInt64(copied), appends: false, for: request)
                }
                copied += count
                guard count == slice.range.count else { break }
            }
            follow(to)
            return copied
        }
    }

    // MARK: Bringing it to the server

    /// Brings what was written through this handle to the server; called at each close(2).
    ///
    /// A file made or emptied by open(2) and not written to since may wait for the last close where the server's rights
    /// promise that it will be taken: a shell's `> file` closes twice, and is to cost one upload.
    package func flush(_ handle: HandleID, for request: Request) throws(VolumeError) {
        let file = try file(handle)
        guard file.content.isDirty else { return }
        let (isUntouched, hasWritten) = tree.withLock { _ in
            (
                file.node.isLocal && !file.hasWritten && file.mode.writes || file.hasOnlyTruncated,
                file.hasWritten
            )
        }
        let isDelayed = configuration.writeBack > .zero && mayWait(file.content)
        if isUntouched {
            let mayBeLate = isDelayed ? true : try isPromised(file.node, for: request)
            if mayBeLate { return tree.withLock { _ in file.node.fileState.wasPromised = true } }
        } else {
            guard hasWritten else { return }
        }
        tree.withLock { _ in file.node.file?.wasPromised = false }
        if isDelayed { return try file.content.keepDurably(for: request) }
        try upload(file, for: request)
    }

    /// Brings all that was written to the file to the server (fsync(2)).
    package func synchronize(_ handle: HandleID, for request: Request) throws(VolumeError) {
        try upload(try file(handle), for: request)
    }

    /// Ends a handle; nobody sees an error of it any more, so it is logged and the bytes are kept.
    package func release(_ handle: HandleID) {
        guard let file = tree.withLock({ $0.files[handle.rawValue] }) else { return }
        // mmap(2) writes after the last close(2), and new files nobody wrote to, come to the server only here. What was refused for another
        // client's version would only be sent in vain.
        let isPending = tree.withLock { tree in
            // In one step: of two last closes at a time the later one stores the file.
            file.isClosing = true
            return file.content.isDirty && !file.content.isOvertaken
                && (file.hasWritten || !isUsed(file.content, tree))
        }
        if isPending, configuration.writeBack > .zero, delay(handle, file) { return }
        if isPending {
            let (error, isUnwanted) = storeAfterClose(file)
            // Ended for a removal, which may fail yet: the bytes go when the name is gone. And what a close has promised is tried again.
            if let error, file.content.isDirty, isUnwanted || error.mayPass && wasPromised(file) {
                return keepPending(handle, file, after: configuration.uploadPauses.lowerBound)
            }
        }
        if file.mode.writes { settlePendingTime(of: file.node, for: Request()) }
        end(handle, keepingBytes: true)
    }

    // Whether a handle of a content is not closed yet, or kept for its upload; called with the tree lock held.
    private func isUsed(_ content: FileContent, _ tree: borrowing Tree) -> Bool {
        tree.files.contains { id, file in
            file.content === content && (!file.isClosing || pending.keeps(HandleID(rawValue: id)))
        }
    }

    // Whether there is room for one more upload to wait, or this content waits already.
    private func mayWait(_ content: FileContent) -> Bool {
        if pending.count < configuration.delayedLimit { return true }
        return tree.withLock { tree in
            tree.files.contains { id, file in
                file.content === content && pending.keeps(HandleID(rawValue: id))
            }
        }
    }

    // Whether a close has returned because the local disk has the bytes, or there were none, and they are wanted still: others may have
    // taken the room to wait between that and the last close.
    private func wasPromised(_ file: FileHandle) -> Bool {
        let wasEmpty = tree.withLock { _ in file.node.file?.wasPromised == true }
        return (file.content.isDurable || wasEmpty && (try? file.content.keepDurably(for: nil)) != nil)
            && !tree.withLock { tree in
                tree.isShutDown || file.node.isGone || file.node.file?.isUnwanted == true
            }
    }

    // Keeps a handle for its upload later; false where the bytes cannot be kept so long.
    private func delay(_ id: HandleID, _ file: FileHandle) -> Bool {
        guard mayWait(file.content),
            !tree.withLock({ tree in tree.isShutDown || file.node.isGone }),
            (try? file.content.keepDurably(for: nil)) != nil
        else { return false }
        keepPending(id, file, after: configuration.writeBack)
        return true
    }

    // No program waits for this: it gives way to a rename, and only a removal of the file, or the end of the mount, ends it early.
    // Returns why it failed, and whether the file was to be removed by then.
    private func storeAfterClose(_ file: FileHandle) -> (failure: VolumeError?, isUnwanted: Bool) {
        var request = Request()
        let (state, isGivenUp) = tree.withLock { tree in
            file.node.fileState.releases.append(request)
            return (file.node.fileState, file.node.fileState.isUnwanted || tree.givesUpReleases)
        }
        if isGivenUp { request.cancel() }
        while true {
            var failure: VolumeError?
            do {
                try upload(file, isAwaited: false, for: request)
            } catch {
                failure = error
            }
            let next = Request()
            let (hasGivenWay, isUnwanted) = tree.update { [failure] tree in
                // In the same moment: whoever removes the file goes on when this is over.
                state.releases.removeAll { $0 === request }
                guard failure != nil, request.isCancelled, !state.isUnwanted, !tree.givesUpReleases else {
                    return (false, state.isUnwanted)
                }
                state.releases.append(next)
                return (true, false)
            }
            guard hasGivenWay else {
                if let failure {
                    logger.log(
                        level: isUnwanted ? .info : .error,
                        "\(describe(file.node)) could not be stored after its last close: \(failure)")
                }
                return (failure, isUnwanted)
            }
            request = next
        }
    }

    /// Has the uploads of files that were closed for the last time fail; what is not on the server is kept for rescue.
    ///
    /// Does not block.
    package func giveUpReleases() {
        let requests = tree.withLock { tree in
            tree.givesUpReleases = true
            return tree.files.values.flatMap { $0.node.file?.releases ?? [] }
        }
        for request in requests { request.cancel() }
    }

    /// Ends a handle that has only changed the size, which its program was told of as failed.
    ///
    /// Bytes that were written through others and could not be stored either are kept.
    func abandon(_ handle: HandleID) {
        let content = tree.withLock { $0.files[handle.rawValue]?.content }
        end(handle, keepingBytes: content?.hasUnsavedBytes == true)
    }

    /// Ends a handle; with the last one of a content that content ends, its unsaved bytes kept for rescue or not.
    func end(_ id: HandleID, keepingBytes: Bool) {
        let ending = tree.withLock { tree -> (FileHandle, isLast: Bool, path: RemotePath?)? in
            guard let handle = tree.files.removeValue(forKey: id.rawValue) else { return nil }
            let node = handle.node
            node.handles -= 1
            let key = ObjectIdentifier(handle.content)
            let users = (tree.contentUsers[key] ?? 1) - 1
            tree.contentUsers[key] = users == 0 ? nil : users
            guard users == 0 else {
                tree.collect(node)
                return (handle, false, nil)
            }
            // A name that another client has taken away is no reason to drop the bytes.
            let path = tree.path(of: node) ?? (isRemoved(node) ? nil : handle.content.lastPath)
            if node.file?.content === handle.content {
                node.file?.content = nil
                node.file?.pendingModified = nil
                if handle.content.isDirty { lose(node, &tree) }
            }
            tree.collect(node)
            return (handle, true, path)
        }
        guard let ending, ending.isLast else { return }
        if !keepingBytes { ending.0.content.detach() }
        ending.0.content.close(path: ending.path)
    }

    /// Whether a node without a path was removed or replaced from here; called with the tree lock held.
    func isRemoved(_ node: Node) -> Bool { node.isGone && !node.isLost }

    // The bytes of a file could not be stored: from now on the directory shows what the server has.
    private func lose(_ node: Node, _ tree: inout Tree) {
        node.checkedAt = nil
        node.file?.kernelPages = nil
        node.file?.hasNews = true
        guard let (parent, name) = place(of: node) else { return }
        if node.isLocal { tree.detach(node) }
        tree.doubt(name, in: parent)
    }

    // MARK: Handles

    /// The open file of a handle.
    func file(_ handle: HandleID) throws(VolumeError) -> FileHandle {
        try tree.withLock { tree throws(VolumeError) in
            guard let file = tree.files[handle.rawValue] else { throw .badHandle }
            return file
        }
    }

    /// Changes a content through a handle.
    ///
    /// The change is counted before it begins and once more when it is made: a flush that runs meanwhile cannot know whether it
    /// has stored it.
    func writing<Result>(
        _ handle: HandleID, _ body: (FileHandle) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        let file = try tree.withLock { tree throws(VolumeError) -> FileHandle in
            guard let file = tree.files[handle.rawValue], file.mode.writes else { throw .badHandle }
            noteWrite(file)
            return file
        }
        defer { tree.withLock { _ in noteWrite(file) } }
        return try body(file)
    }

    // Called with the tree lock held.
    private func noteWrite(_ file: FileHandle) {
        file.writes += 1
        file.hasOnlyTruncated = false
        // A write changes the time of modification, whatever was set before.
        file.node.file?.pendingModified = nil
    }
}
