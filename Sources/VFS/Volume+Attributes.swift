import Logging
import Posix
package import Remote

extension Volume {
    /// Says what stat(2) shows.
    ///
    /// Answers from the cache where it can; a file that is open is answered from what is known of it even when its name
    /// has vanished on the server. Never asks for the root.
    package func attributes(of id: NodeID, handle: HandleID?, for request: Request) throws(VolumeError)
        -> NodeAttributes
    {
        // The kernel asks when it has none that are valid: until it has this answer every program waits for it.
        try attributes(of: id, isAsked: true, for: request)
    }

    private func attributes(of id: NodeID, isAsked: Bool, for request: Request) throws(VolumeError)
        -> NodeAttributes
    {
        func answer(_ node: Node) -> NodeAttributes {
            if isAsked { node.file?.hasNews = false }
            return shown(node)
        }
        let (node, known) = try tree.withLock { tree throws(VolumeError) -> (Node, NodeAttributes?) in
            let node = try tree.node(id)
            let isKnown = node.file?.content?.isDirty == true || refreshFromCache(node, &tree)
            return (node, isKnown ? answer(node) : nil)
        }
        if let known, !known.isProvisional { return known }
        let isThere = known == nil ? try refresh(node, for: request) : true
        if tree.withLock({ _ in hasCoarseTime(node) }) { try learnExactTime(of: node, for: request) }
        return try tree.withLock { tree throws(VolumeError) in
            guard isThere || node.handles > 0 else { throw .notFound }
            return answer(node)
        }
    }

    /// Asks the server about a node's name; false when the name is gone there.
    ///
    /// Throws `.stale` when it stands for something else by now, which the kernel finds when it looks the name up again; false for a node
    /// that is open.
    func refresh(_ node: Node, for request: Request) throws(VolumeError) -> Bool {
        guard let (parent, name) = tree.withLock({ _ in place(of: node) }) else { return !node.isGone }
        let knowledge = try find(name, in: parent, for: request)
        return try tree.withLock { tree throws(VolumeError) in
            if apply(knowledge, to: node, name, in: parent, &tree) { return true }
            if case .present = knowledge, node.handles == 0 { throw .stale }
            return false
        }
    }

    /// A node's place; nil for the root and for what has lost its name.
    ///
    /// Called with the tree lock held.
    func place(of node: Node) -> (parent: Node, name: FileName)? {
        guard !node.isGone, let parent = node.parent, let name = node.name else { return nil }
        return (parent, name)
    }

    /// Takes over an answer about a node's name; called with the tree lock held.
    func apply(
        _ knowledge: Knowledge, to node: Node, _ name: FileName, in parent: Node, _ tree: inout Tree
    ) -> Bool {
        guard !node.isGone, node.parent === parent, node.name == name else { return !node.isGone }
        switch knowledge {
        case .local: return true
        case .present(let finding): return tree.attach(name, in: parent, finding) === node
        case .absent, .unknown:
            if node.isLocal { return true }
            // The answer may be older than what was done here since.
            if let state = parent.directory, tree.holds(name, in: state, at: now) { return true }
            if node.handles == 0 { tree.detach(node, isLost: true) }
            return false
        }
    }

    // MARK: Changes

    /// Changes size, mode, owner, times.
    ///
    /// Owners cannot be changed. A mode that is shown already, and times of files whose upload is still to come, cost nothing.
    package func setAttributes(
        _ changes: AttributeChanges, of id: NodeID, handle: HandleID?, for request: Request
    ) throws(VolumeError) -> NodeAttributes {
        try checkWritable()
        let node = try tree.withLock { tree throws(VolumeError) in try tree.node(id) }
        if let owner = changes.owner, owner != configuration.owner { throw .notPermitted }
        if let group = changes.group, group != configuration.group { throw .notPermitted }
        if let size = changes.size { try truncate(node, to: size, handle: handle, for: request) }
        if let mode = changes.mode { try setMode(mode & 0o7777, of: node, for: request) }
        if let time = changes.modified { try setModified(time, of: node, for: request) }
        if let time = changes.accessed { tree.withLock { _ in node.fileState.accessed = time } }
        return try attributes(of: id, isAsked: false, for: request)
    }

    private func setMode(_ mode: UInt16, of node: Node, for request: Request) throws(VolumeError) {
        enum Step { case done, refused, ask }
        let step = tree.withLock { tree -> Step in
            if shownMode(node) == mode { return .done }
            guard node.kind != .symlink, !isModeFixed(node.kind) else { return .refused }
            guard node.isLocal || node.isGone else { return .ask }
            // There is nothing on the server to set it on; the upload brings it along.
            guard store.traits.setsModes != false else { return .refused }
            node.fileState.requestedMode = mode
            return .done
        }
        switch step {
        case .done: return tree.withLock { _ in node.file?.content }?.want(mode: mode, modified: nil) ?? ()
        case .refused: throw .notPermitted
        case .ask: break
        }
        do {
            try withPath(of: node, for: request) { path throws(RemoteError) in
                try store.setMode(path, to: mode, for: request)
            }
        } catch {
            guard case .remote(let reason) = error, [.unsupported, .denied].contains(reason.kind) else {
                if error.leavesDoubt { doubt(node) }
                throw error
            }
            throw .notPermitted
        }
        tree.withLock { tree in
            node.attributes.mode = mode
            noteChange(of: node, isStated: false, &tree)
        }
    }

    private func setModified(_ time: Timestamp, of node: Node, for request: Request) throws(VolumeError) {
        let granularity = store.traits.granularity
        let time = granularity == .fraction ? time : Timestamp(seconds: time.seconds)
        let mustAsk = tree.withLock { tree -> Bool in
            if node.kind == .symlink || node === tree.root && configuration.root.isRoot {
                // A server would follow the link and change its target's time.
                override(node, time, &tree)
                return false
            }
            guard node.isLocal || node.isGone || node.file?.content?.isDirty == true else { return true }
            node.fileState.pendingModified = time
            return false
        }
        guard mustAsk else {
            let content = tree.withLock { _ in node.file?.content }
            content?.want(mode: nil, modified: time)
            return
        }
        // Exact whatever listings state.
        let exactness = min(granularity, .second)
        var former: Attributes?
        do {
            switch try setModifiedOnServer(time, exactness, of: node, &former, for: request) {
            case .deferred: return tree.withLock { _ in node.fileState.pendingModified = time }
            // Whoever looks the name up finds the other version.
            case .foreign: return doubt(node)
            case .done: break
            }
        } catch {
            guard case .remote(let reason) = error, reason.kind == .unsupported else {
                if error.leavesDoubt { doubt(node) }
                throw error
            }
            logOnce(
                "times \(node.kind)",
                "the server cannot set times of a \(node.kind); they are kept here while mounted (\(reason))")
            tree.withLock { override(node, time, &$0) }
            return
        }
        tree.withLock { tree in
            let old = node.attributes
            var latest = former ?? old
            latest.complete(by: old)
            latest.modified = time
            latest.granularity = exactness
            if let former, !former.version.matches(old.version) {
                node.file?.kernelPages = nil
            } else if node.file?.kernelPages?.version == old.version {
                node.file?.kernelPages?.version = latest.version
            }
            node.attributes = latest
            node.directory?.changedHere = nil
            // The size of a file is not known by its time.
            noteChange(of: node, isStated: former != nil || node.kind != .file, &tree)
        }
    }

    // `former` becomes what a file was just before, where that is known.
    private func setModifiedOnServer(
        _ time: Timestamp, _ exactness: TimeGranularity, of node: Node, _ former: inout Attributes?,
        for request: Request
    ) throws(VolumeError) -> Retiming {
        let content = tree.withLock { _ -> FileContent? in
            guard let file = node.file, let content = file.content else { return nil }
            file.uploads += 1
            return content
        }
        defer { if content != nil { tree.withLock { _ in node.file?.uploads -= 1 } } }
        return try withOptionalPath(of: node, for: request) { path throws(VolumeError) in
            guard let path else { throw .stale }
            func set() throws(VolumeError) -> TimeChange {
                do {
                    let found = try store.setModified(path, kind: node.kind, to: time, for: request)
                    // The size that a server states of a link may be that of its text.
                    former = node.followsLink ? nil : found
                    return .made(from: former?.version)
                } catch {
                    throw VolumeError(error)
                }
            }
            if let content { return try content.retime(to: time, exactness, for: request, set) }
            _ = try set()
            return .done
        }
    }

    /// Sets the time of a file that was to be stored with its changes, when there were none after all.
    func settlePendingTime(of node: Node, for request: Request) {
        let time = tree.withLock { _ -> Timestamp? in
            guard let file = node.file, file.content?.isDirty == false, !node.isGone, !node.isLocal else {
                return nil
            }
            defer { file.pendingModified = nil }
            return file.pendingModified
        }
        guard let time else { return }
        do {
            try setModified(time, of: node, for: request)
        } catch {
            logger.debug("\(describe(node)): its time was not set: \(error)")
        }
    }

    /// Shows a time that the server could not be given, until the server's own one changes; called with the tree lock held.
    func override(_ node: Node, _ time: Timestamp, _ tree: inout Tree) {
        node.directory?.changedHere = nil
        let isNew = node.file?.modifiedOverride == nil
        node.fileState.modifiedOverride = (time, node.attributes.modified)
        if isNew { tree.keep(node) }
    }

    // Notes that the server has changed a node's attributes as they are now; `isStated` says that size and time are known by that.
    // Called with the tree lock held.
    private func noteChange(of node: Node, isStated: Bool, _ tree: inout Tree) {
        if isStated { node.checkedAt = now } else { node.fileState.changedAt = now }
        node.file?.modifiedOverride = nil
        guard let (parent, name) = place(of: node) else { return }
        tree.record(
            .present(node.attributes), statedAt: node.checkedAt,
            link: node.followsLink ? .followed : node.link,
            for: name, in: parent, at: now)
    }

    /// Makes a node's name unknown after a change of which nobody knows whether it was made.
    func doubt(_ node: Node) {
        tree.withLock { tree in
            node.checkedAt = nil
            guard !node.isLocal, let (parent, name) = place(of: node) else { return }
            tree.doubt(name, in: parent)
        }
    }

    private func truncate(_ node: Node, to size: UInt64, handle: HandleID?, for request: Request)
        throws(VolumeError)
    {
        switch node.kind {
        case .file: break
        case .directory: throw .isDirectory
        case .symlink, .other: throw .invalid
        }
        if let handle {
            return try writing(handle) { file throws(VolumeError) in
                try file.content.truncate(to: size, for: request)
            }
        }
        // truncate(2): a handle of its own for the time it takes; its end brings the new size to the server.
        let opened = try open(
            node.id, OpenMode(reads: false, writes: true), isAnswered: false, for: request)
        do {
            try writing(opened.handle) { file throws(VolumeError) in
                try file.content.truncate(to: size, for: request)
            }
            try synchronize(opened.handle, for: request)
        } catch {
            abandon(opened.handle)
            throw error
        }
        release(opened.handle)
    }
}
