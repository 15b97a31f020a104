import Logging
import Posix
package import Remote

extension Volume {
    /// Removes a file or symbolic link.
    ///
    /// An open file's bytes are fetched first, so that its handles go on to work.
    package func removeFile(_ name: [UInt8], in parent: NodeID, for request: Request) throws(VolumeError) {
        let name = try existingName(name)
        let givenUp = localFile(name, in: parent)
        do throws(VolumeError) {
            if let givenUp { try giveUpStoring(givenUp, for: request) }
            try remove(name, in: parent, isDirectory: false, for: request)
        } catch {
            // It was nowhere but here.
            if let givenUp, case .notFound = error { return drop(givenUp) }
            // It lives on, and what it holds is wanted again.
            if let givenUp { tree.withLock { _ in givenUp.file?.isUnwanted = false } }
            throw error
        }
    }

    // A new file that is on its way to the server after its last close; nil when there is none.
    private func localFile(_ name: FileName, in parent: NodeID) -> Node? {
        tree.withLock { tree in
            guard let node = tree.nodes[parent.rawValue]?.directory?.children[name], node.isLocal,
                let releases = node.file?.releases, !releases.isEmpty, !configuration.isReadOnly
            else { return nil }
            return node
        }
    }

    // Such a file need not arrive, for it is to be removed.
    private func giveUpStoring(_ node: Node, for request: Request) throws(VolumeError) {
        tree.withLock { _ in node.file?.isUnwanted = true }
        let token = request.onCancel { [tree] in tree.wakeAll() }
        defer { request.remove(token) }
        func waitForReleases(until deadline: Deadline) -> Bool? {
            tree.wait(until: deadline) { _ in
                node.file?.releases.isEmpty != false ? true : request.isCancelled ? false : nil
            }
        }
        // One that is about to be done is not broken off: its last commands could have their effect behind the removal.
        var isOver = waitForReleases(until: .after(configuration.uploadGrace))
        if isOver == nil {
            for release in tree.withLock({ _ in node.file?.releases ?? [] }) { release.cancel() }
            isOver = waitForReleases(until: .never)
        }
        guard isOver == true else { throw .interrupted }
    }

    // What it holds is to go, wherever its name is.
    private func drop(_ node: Node) {
        for content in tree.withLock({ $0.contents(of: node) }) { content.detach() }
        hastenPending(of: node)
    }

    /// Removes an empty directory.
    package func removeDirectory(_ name: [UInt8], in parent: NodeID, for request: Request) throws(VolumeError)
    {
        try remove(existingName(name), in: parent, isDirectory: true, for: request)
    }

    private func remove(_ name: FileName, in parent: NodeID, isDirectory: Bool, for request: Request)
        throws(VolumeError)
    {
        try checkWritable()
        let directory = try tree.withLock { tree throws(VolumeError) in try tree.directory(parent).0 }
        let knowledge = try known(name, in: directory, for: request)
        if isDirectory { try lookAgain(into: name, in: directory, for: request) }
        try alone(for: request) { tree throws(VolumeError) -> (own: [Node], share: [Node], choice: Node) in
            guard tree.path(of: directory) != nil,
                let node = self.node(name, in: directory, knowledge, &tree)
            else { throw .notFound }
            do throws(VolumeError) {
                guard (node.kind == .directory) == isDirectory else {
                    throw isDirectory ? .notDirectory : .isDirectory
                }
                if let state = node.directory, !node.followsLink, tree.isKnownFilled(state, at: now) {
                    throw .notEmpty
                }
            } catch {
                tree.collect(node)
                throw error
            }
            return ([node], [directory], node)
        } _: { node throws(VolumeError) in
            try remove(node, name, in: directory, for: request)
        }
    }

    // The caller has the node alone.
    private func remove(_ node: Node, _ name: FileName, in directory: Node, for request: Request)
        throws(VolumeError)
    {
        let (path, isOnServer) = tree.withLock { tree in
            (tree.path(of: name, in: directory), node.mayBeStored)
        }
        guard let path else { throw .notFound }
        if isOnServer {
            if !node.isLocal { try keepForReaders(node, at: path, for: request) }
            do {
                if node.kind == .directory, !node.followsLink {
                    try store.removeDirectory(path, for: request)
                } else {
                    try store.removeFile(path, for: request)
                }
            } catch {
                if error.kind == .notFound {
                    vanish(node, name, in: directory, isLost: !node.isLocal)
                    if !node.isLocal { throw .notFound }
                    return
                }
                if error.leavesDoubt { tree.withLock { $0.doubt(name, in: directory) } }
                if error.kind == .notEmpty { dropListing(of: node) }
                throw VolumeError(error)
            }
        }
        vanish(node, name, in: directory)
    }

    // What the cache did not know: the directory has entries.
    private func dropListing(of node: Node) {
        tree.withLock { tree in
            if let state = node.directory { tree.dropCache(of: node, state) }
        }
    }

    // Takes away a name that the server has not any more; `isLost`: another client has removed it, and what was written to it and not
    // stored is not given up.
    private func vanish(_ node: Node, _ name: FileName, in directory: Node, isLost: Bool = false) {
        let contents = tree.withLock { tree -> [FileContent] in
            let contents = tree.contents(of: node)
            tree.record(.absent, for: name, in: directory, at: now)
            tree.noteChange(of: directory, at: now, wall: wall)
            tree.detach(node, isLost: isLost)
            return isLost ? [] : contents
        }
        for content in contents { content.detach() }
        hastenPending(of: node)
    }

    // MARK: Parts that renames use too

    /// What is known of a name that is to be removed or renamed: a live node will do, for the server has the last word.
    func known(_ name: FileName, in directory: Node, for request: Request) throws(VolumeError) -> Knowledge {
        let cached = try tree.withLock { tree throws(VolumeError) -> Knowledge in
            guard let state = directory.directory else { throw .notDirectory }
            let knowledge = tree.knowledge(of: name, in: state, at: now)
            if case .present(let finding) = knowledge, settled(finding, in: directory, tree) == nil {
                guard let node = state.children[name] else { return .unknown }
                return .present(Finding(attributes: node.attributes, link: node.linkView, at: .zero))
            }
            guard case .unknown = knowledge, let node = state.children[name] else { return knowledge }
            return .present(Finding(attributes: node.attributes, link: node.linkView, at: .zero))
        }
        if case .unknown = cached { return try find(name, in: directory, for: request) }
        return cached
    }

    /// Lists a directory anew that is known to have entries: another client may have removed them since.
    ///
    /// The listing is asked before the server is told to remove it, for some servers take all that is in it along.
    func lookAgain(into name: FileName, in directory: Node, for request: Request) throws(VolumeError) {
        let filled = tree.withLock { tree -> Node? in
            guard let node = directory.directory?.children[name], let state = node.directory,
                state.localCount == 0, tree.isKnownFilled(state, at: now)
            else { return nil }
            return node
        }
        if let filled { _ = try list(filled, since: now, for: request) }
    }

    /// The node of a name; nil when there is none and the name is not known to exist.
    ///
    /// `knowledge` may be older than what was done here since. Called with the tree lock held.
    func node(_ name: FileName, in directory: Node, _ knowledge: Knowledge, _ tree: inout Tree) -> Node? {
        guard let state = directory.directory else { return nil }
        let latest = tree.knowledge(of: name, in: state, at: now)
        if case .absent = latest { return nil }
        if case .unknown = latest, case .absent = knowledge { return nil }
        if let node = state.children[name] { return node }
        switch (latest, knowledge) {
        case (.present(let finding), _) where settled(finding, in: directory, tree) != nil,
            (_, .present(let finding)):
            return tree.attach(name, in: directory, finding)
        default: return nil
        }
    }

    /// Fetches what the readers of an open file would miss once its name is gone.
    func keepForReaders(_ node: Node, at path: RemotePath, for request: Request) throws(VolumeError) {
        let content = tree.withLock { tree -> FileContent? in
            guard node.handles > 0, let content = node.file?.content else { return nil }
            let isRead = tree.files.values.contains { $0.content === content && $0.mode.reads }
            return isRead ? content : nil
        }
        guard let content, !content.isStale else { return }
        do {
            try content.makeIndependent(path: path, for: request)
        } catch {
            switch error {
            case .noSpace, .tooLarge, .stale:
                // The name is to go, and there is no room to keep the bytes: readers are told, not the one who removes.
                logger.warning("\(path) is removed while open, and cannot be kept for its readers: \(error)")
            case .remote(let reason) where reason.kind == .notFound:
                break
            default:
                throw error
            }
        }
    }
}

extension Node {
    /// Whether the server has it, or may have it: the answer to the upload of a new file was lost.
    ///
    /// Called with the tree lock held.
    var mayBeStored: Bool { !isLocal || file?.content?.isInDoubt == true }

    /// How its link is shown.
    var linkView: LinkView { followsLink ? .followed : link }
}

extension Tree {
    /// Whether a directory has entries as far as is known.
    func isKnownFilled(_ state: DirectoryState, at now: Duration) -> Bool {
        if state.localCount > 0 { return true }
        for (_, fact) in state.facts {
            if case .present = fact.value, isFresh(fact.at, now) { return true }
        }
        guard let listing = state.listing, isFresh(state.listedAt, now) else { return false }
        // Each row that a fact denies is one less; more rows than facts cannot all be denied.
        if listing.count > state.facts.count { return true }
        return listing.entries.contains { entry in
            guard let fact = state.facts[entry.name], case .absent = fact.value else { return true }
            return false
        }
    }

    /// The contents of a file's open handles.
    func contents(of node: Node) -> [FileContent] {
        guard node.handles > 0 else { return [] }
        var seen: Set<ObjectIdentifier> = []
        return files.values.compactMap { handle in
            guard handle.node === node, seen.insert(ObjectIdentifier(handle.content)).inserted else {
                return nil
            }
            return handle.content
        }
    }
}
