import Posix
import Remote

extension Volume {
    /// The size shown for directories, in bytes; FTP knows none.
    private static let directorySize: UInt64 = 4096

    /// What stat(2) shows of a node; called with the tree lock held.
    ///
    /// Directories show one link: file systems that do not count subdirectories say so with it, and find(1) then takes no
    /// directory for one without subdirectories.
    func shown(_ node: Node) -> NodeAttributes {
        let modified = shownModified(node)
        return NodeAttributes(
            inode: node.inode, kind: node.kind, mode: shownMode(node), owner: configuration.owner,
            group: configuration.group, size: shownSize(node), modified: modified, changed: modified,
            accessed: node.file?.accessed ?? modified, links: node.isGone ? 0 : 1,
            isProvisional: hasCoarseTime(node))
    }

    private func shownSize(_ node: Node) -> UInt64 {
        switch node.kind {
        case .file:
            guard let file = node.file, let content = file.content,
                content.isDirty || file.uploads > 0 || node.isLocal || node.isGone
            else { return node.attributes.size ?? 0 }
            return content.size
        case .directory:
            return Self.directorySize
        case .symlink:
            // lstat(2) gives the length of the target; a program that makes a buffer of it gets the whole text.
            return UInt64(shownTarget(node)?.count ?? 0)
        case .other:
            return 0
        }
    }

    /// The text of a symbolic link as programs see it; nil when it may not be read.
    ///
    /// Called with the tree lock held.
    func shownTarget(_ node: Node) -> [UInt8]? {
        guard node.link != .broken, let target = node.attributes.linkTarget else { return nil }
        var names: [FileName] = []
        var here = node.parent
        while let directory = here, let name = directory.name {
            names.append(name)
            here = directory.parent
        }
        let directory = RemotePath(configuration.root.names + names.reversed())
        return LinkPolicy(root: configuration.root).shownTarget(target, in: directory)
    }

    private func shownModified(_ node: Node) -> Timestamp {
        if let file = node.file {
            if let pending = file.pendingModified { return pending }
            if let content = file.content, content.isDirty || file.uploads > 0,
                let time = content.modifiedHere
            {
                return time
            }
            if let override = file.modifiedOverride, override.for == node.attributes.modified {
                return override.shown
            }
        }
        if let change = node.directory?.changedHere, node.checkedAt.map({ $0 <= change.at }) ?? true {
            return change.shown
        }
        return node.attributes.modified ?? mountTime
    }

    /// The permission bits shown: a mode that the user fixed, else the server's, else a default one; less the masks.
    func shownMode(_ node: Node) -> UInt16 {
        switch node.kind {
        case .directory:
            let mode = configuration.directoryMode ?? node.attributes.mode
            return (mode ?? configuration.defaultDirectoryMode) & ~configuration.directoryMask
        case .symlink:
            return 0o777
        case .file, .other:
            let mode = configuration.fileMode ?? node.file?.requestedMode ?? node.attributes.mode
            return (mode ?? configuration.defaultFileMode) & ~configuration.fileMask
        }
    }

    /// Whether the mode of this kind of file is fixed by the user, so that chmod(2) cannot change what is seen.
    func isModeFixed(_ kind: FileKind) -> Bool {
        switch kind {
        case .directory: configuration.directoryMode != nil
        case .file, .symlink, .other: configuration.fileMode != nil
        }
    }

    // MARK: Freshness

    /// Brings a node's attributes up to what the directory cache knows; called with the tree lock held.
    ///
    /// Returns false when the cache knows nothing that is believed still.
    func refreshFromCache(_ node: Node, _ tree: inout Tree) -> Bool {
        guard node !== tree.root, !node.isLocal, !node.isGone else { return true }
        guard let parent = node.parent, let name = node.name, let state = parent.directory else {
            return true
        }
        guard case .present(let finding) = tree.knowledge(of: name, in: state, at: now) else {
            return node.checkedAt.map { tree.isFresh($0, now) } ?? false
        }
        guard let finding = settled(finding, in: parent, tree), finding.attributes.kind == node.kind,
            (finding.link == .followed) == node.followsLink
        else {
            // A link that the node shows as what it leads to: the listing knows less than the node.
            return node.checkedAt.map { tree.isFresh($0, now) } ?? false
        }
        if node.isOpen(otherThan: finding) {
            tree.detach(node, isLost: true)
        } else {
            node.learn(finding)
        }
        return true
    }
}
