import Logging
import Posix
import Remote

extension Volume {
    /// Brings a handle's content to the server under the file's name of this moment, and takes over what the server shows then.
    ///
    /// Does nothing for a file that was removed from here; throws `.stale` when its name was taken away by another client. What is not
    /// `isAwaited` by a program is ended, by cancelling the request, by whoever is to rename or remove the file or a directory above it.
    /// After a failure the bytes stay where they are, for the next try.
    func upload(_ file: FileHandle, isAwaited: Bool = true, for request: Request) throws(VolumeError) {
        let node = file.node
        let writes = tree.withLock { _ in file.writes }
        try withOptionalPath(of: node, for: request) { path throws(VolumeError) in
            guard !isAwaited else { return try upload(file.content, of: node, to: path, for: request) }
            try yielding(node, isUpload: true, for: request) { () throws(VolumeError) in
                try upload(file.content, of: node, to: path, for: request)
            }
        }
        tree.withLock { _ in
            // What was written while the upload ran is still to come.
            file.flushedWrites = max(file.flushedWrites, writes)
            file.hasOnlyTruncated = false
        }
    }

    /// The same for a content whose node's name cannot change meanwhile.
    func upload(_ content: FileContent, of node: Node, to path: RemotePath?, for request: Request)
        throws(VolumeError)
    {
        guard content.isDirty else { return }
        guard let path else {
            guard tree.withLock({ _ in isRemoved(node) }) else { throw .stale }
            return
        }
        let terms = tree.withLock { tree in
            node.fileState.uploads += 1
            return uploadTerms(content, node, tree)
        }
        defer { tree.withLock { _ in node.fileState.uploads -= 1 } }
        let stored: Attributes?
        do {
            stored = try content.upload(to: path, terms: terms, for: request)
        } catch {
            if error.leavesDoubt { doubtAfterUpload(node) }
            throw error
        }
        guard var stored else { return }
        hastenPending(of: node)
        // A program may change the mode while the bytes are on their way: what it asked for last counts.
        var ordered = terms.mode
        var rest = tree.withLock { tree in
            tree.learnModes(stored, node, ordered)
            return takeOver(stored, content, node, terms, ordered, &tree)
        }
        while case .mode(let mode) = rest {
            do {
                try store.setMode(path, to: mode, for: request)
                stored.mode = mode
            } catch {
                logOnce("mode", "the mode of a new file could not be set: \(error)")
            }
            ordered = mode
            rest = tree.withLock { takeOver(stored, content, node, terms, ordered, &$0) }
        }
        guard case .time(let late) = rest else { return }
        let exactness = min(store.traits.granularity, .second)
        let outcome = try content.retime(to: late, exactness, for: request) {
            () throws(VolumeError) -> TimeChange in
            do throws(RemoteError) {
                let former = try store.setModified(path, kind: .file, to: late, for: request)
                stored.modified = late
                stored.granularity = exactness
                return .made(from: node.followsLink ? nil : former?.version)
            } catch {
                if error.leavesDoubt { content.doubtTime(late, exactness) }
                logOnce(
                    "times file",
                    "the server cannot set times of a file; they are kept here while mounted (\(error))")
                return .refused
            }
        }
        if case .foreign = outcome { return doubtAfterUpload(node) }
        tree.withLock { tree in
            if case .deferred = outcome {
                node.fileState.pendingModified = late
            } else if stored.modified == late {
                note(stored, node, &tree)
            } else {
                override(node, late, &tree)
            }
        }
    }

    private func uploadTerms(_ content: FileContent, _ node: Node, _ tree: borrowing Tree) -> UploadTerms {
        let created = node.isLocal ? node.attributes.modified : nil
        var terms = UploadTerms(modified: node.file?.pendingModified ?? content.modifiedHere ?? created)
        terms.isExclusive = node.isLocal
        guard store.traits.setsModes != false, !isModeFixed(.file) else { return terms }
        // A replaced file is a new one to the server: it would get the mode of new files.
        let wanted = node.file?.requestedMode ?? node.attributes.mode
        let usual = tree.usualFileMode ?? (tree.showsStoredModes == false ? nil : 0o644)
        if let wanted, wanted != usual { terms.mode = wanted }
        return terms
    }

    // What is left to do on the server after an upload.
    private enum Rest {
        case nothing
        case mode(UInt16)
        case time(Timestamp)
    }

    // Takes over what the server shows after an upload, once the mode is as wanted: `ordered` is the one that the server was
    // given last. Called with the tree lock held.
    private func takeOver(
        _ stored: Attributes, _ content: FileContent, _ node: Node, _ terms: UploadTerms, _ ordered: UInt16?,
        _ tree: inout Tree
    ) -> Rest {
        if let mode = tree.missingMode(stored, node, ordered, store.traits) { return .mode(mode) }
        let requested = node.file?.requestedMode
        var stored = stored
        if stored.mode == nil { stored.mode = requested ?? node.attributes.mode }
        // Another one may have stored something, or set a time, since.
        if let base = content.base, !base.matches(stored.version) {
            (stored.size, stored.modified, stored.granularity) = (base.size, base.modified, base.granularity)
        }
        let pending = node.file?.pendingModified
        let isClean = !content.isDirty
        node.isLocal = false
        node.file?.requestedMode = nil
        node.file?.wasPromised = false
        note(stored, node, &tree)
        guard isClean else { return .nothing }
        if let pending, pending == terms.modified { node.file?.pendingModified = nil }
        if let pending, pending != terms.modified {
            node.file?.pendingModified = nil
            return .time(pending)
        }
        // The server keeps a time of its own: programs go on to see the one they know.
        if let time = terms.modified, let own = stored.modified, own != time { override(node, time, &tree) }
        return .nothing
    }

    // Notes what the server shows of a file that was stored from here; called with the tree lock held.
    private func note(_ stored: Attributes, _ node: Node, _ tree: inout Tree) {
        node.attributes = stored
        node.checkedAt = now
        node.file?.modifiedOverride = nil
        // The kernel's pages are those that were written through it.
        if node.file?.kernelPages != nil {
            node.file?.kernelPages = KernelPages(stored.version, isSettled: true)
        }
        guard let (parent, name) = place(of: node) else { return }
        tree.record(
            .present(stored), link: node.followsLink ? .followed : .undecided, for: name, in: parent, at: now)
    }

    // After an upload of which nobody knows whether it was stored. A new file stays one until its content is settled.
    private func doubtAfterUpload(_ node: Node) {
        tree.withLock { tree in
            node.checkedAt = nil
            guard !node.isLocal, let (parent, name) = place(of: node) else { return }
            tree.doubt(name, in: parent)
        }
    }

    /// Whether the server's rights promise that it will take a file later; asks for them when they are not known.
    func isPromised(_ node: Node, for request: Request) throws(VolumeError) -> Bool {
        let (promise, parent) = tree.withLock { _ -> (Bool?, Node?) in
            if !node.isLocal, let rights = node.attributes.rights { return (rights.contains(.write), nil) }
            guard let parent = node.parent else { return (true, nil) }
            let rights = parent.attributes.rights.map { $0.contains(.create) }
            return (rights ?? parent.directory?.promisesCreation, parent)
        }
        if let promise { return promise }
        guard let parent, store.traits.statsOneName else { return false }
        // Once for a directory: its rights stay known.
        do {
            let attributes = try withPath(of: parent, for: request) { path throws(RemoteError) in
                try environment.attributes(of: path, followsLink: parent.followsLink, for: request)
            }
            return tree.withLock { _ in
                let promise = attributes.rights?.contains(.create) ?? false
                parent.directory?.promisesCreation = promise
                return promise
            }
        } catch {
            if case .interrupted = error { throw error }
            return false
        }
    }
}

extension Tree {
    /// Learns which mode the server gives new files, and whether it shows it.
    fileprivate mutating func learnModes(_ stored: Attributes, _ node: Node, _ ordered: UInt16?) {
        showsStoredModes = stored.mode != nil
        if ordered == nil, node.isLocal, let mode = stored.mode { usualFileMode = mode }
    }

    /// The mode to set on a file just stored, whose mode is another one than was asked for; nil when there is nothing to do.
    fileprivate func missingMode(
        _ stored: Attributes, _ node: Node, _ ordered: UInt16?, _ traits: StoreTraits
    ) -> UInt16? {
        guard traits.setsModes != false, configuration.fileMode == nil else { return nil }
        if let ordered {
            guard let wanted = node.file?.requestedMode, wanted != ordered else { return nil }
            return wanted
        }
        // What the server does not show cannot be relied on: some give new files 0600.
        let wanted = node.file?.requestedMode ?? (node.isLocal ? nil : node.attributes.mode)
        return wanted == stored.mode ? nil : wanted
    }
}
