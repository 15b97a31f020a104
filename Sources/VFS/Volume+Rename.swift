import Logging
import Posix
package import Remote

extension Volume {
    // What a rename is about, as decided when its nodes were taken.
    private struct Move {
        let source: Node
        let target: Node?
        let oldPath: RemotePath
        let newPath: RemotePath
        /// The server has something under the new name, as far as is known.
        var replaces: Bool { target?.mayBeStored ?? false }
    }

    // One side of a rename.
    private struct Place {
        let name: FileName
        let directory: Node
        let knowledge: Knowledge
    }

    /// Renames; with `replacing` false an existing target is an error (RENAME_NOREPLACE).
    ///
    /// A replaced file that is open lives on through its handles. A file that is not on the server yet is renamed here only,
    /// unless it replaces one that is: then it is stored first, so that the old content never gives way to none.
    package func rename(
        _ name: [UInt8], in parent: NodeID, to newName: [UInt8], in newParent: NodeID, replacing: Bool,
        for request: Request
    ) throws(VolumeError) {
        try checkWritable()
        let oldName = try existingName(name)
        let newName = try self.newName(newName)
        let (from, to) = try tree.withLock { tree throws(VolumeError) in
            (try tree.directory(parent).0, try tree.directory(newParent).0)
        }
        let old = Place(
            name: oldName, directory: from, knowledge: try known(oldName, in: from, for: request))
        let new = Place(name: newName, directory: to, knowledge: try known(newName, in: to, for: request))
        try lookAgain(into: newName, in: to, for: request)
        try alone(for: request) {
            tree throws(VolumeError) -> (own: [Node], share: [Node], choice: Move?) in
            guard let move = try plan(old, new, replacing, &tree) else { return ([], [], nil) }
            return ([move.source] + (move.target.map { [$0] } ?? []), [from, to], move)
        } _: { move throws(VolumeError) in
            guard let move else { return }
            try carryOut(move, old, new, replacing, for: request)
        }
    }

    // Finds the nodes and refuses what makes no sense; nil for a rename to the same place. Called with the tree lock held.
    private func plan(_ old: Place, _ new: Place, _ replacing: Bool, _ tree: inout Tree) throws(VolumeError)
        -> Move?
    {
        guard let oldPath = tree.path(of: old.name, in: old.directory),
            let newPath = tree.path(of: new.name, in: new.directory),
            let source = node(old.name, in: old.directory, old.knowledge, &tree)
        else { throw .notFound }
        if oldPath == newPath { return nil }
        guard !new.directory.isInside(source) else { throw .invalid }
        let target = node(new.name, in: new.directory, new.knowledge, &tree)
        do throws(VolumeError) {
            try check(source, target, old, replacing, &tree)
        } catch {
            tree.collect(source)
            if let target { tree.collect(target) }
            throw error
        }
        return Move(source: source, target: target, oldPath: oldPath, newPath: newPath)
    }

    // Refuses targets of the wrong kind; called with the tree lock held.
    private func check(_ source: Node, _ target: Node?, _ old: Place, _ replacing: Bool, _ tree: inout Tree)
        throws(VolumeError)
    {
        if let target {
            guard replacing else { throw .exists }
            switch (source.kind == .directory, target.kind == .directory) {
            case (true, false): throw .notDirectory
            case (false, true): throw .isDirectory
            case (true, true):
                guard !old.directory.isInside(target) else { throw .notEmpty }
                if let state = target.directory, tree.isKnownFilled(state, at: now) { throw .notEmpty }
            case (false, false): break
            }
        }
    }

    // The caller has both nodes alone.
    private func carryOut(_ move: Move, _ old: Place, _ new: Place, _ replacing: Bool, for request: Request)
        throws(VolumeError)
    {
        let source = move.source
        let content = tree.withLock { _ in source.file?.content }
        let replaces = tree.withLock { _ in move.replaces }
        var isOldNameTaken = false
        if let content, content.isDirty {
            if replaces {
                try upload(content, of: source, to: move.oldPath, for: request)
            } else {
                isOldNameTaken = try !settleNew(source, content, at: move.oldPath, for: request)
            }
        }
        if !replaces, tree.withLock({ _ in source.isLocal }) {
            commit(move, old, new, isOldNameTaken: isOldNameTaken)
            return
        }
        if replaces, let target = move.target {
            try keepForReaders(target, at: move.newPath, for: request)
        }
        let moving = tree.withLock { $0.openContents(inside: source) }
        for (content, _) in moving { content.willMove() }
        do {
            try renameOnServer(move, replacing, for: request)
        } catch {
            for (content, path) in moving { content.moved(to: path) }
            if error.leavesDoubt || [.notFound, .exists].contains(error.kind) {
                tree.withLock { tree in
                    tree.doubt(old.name, in: old.directory)
                    tree.doubt(new.name, in: new.directory)
                }
            }
            throw VolumeError(error)
        }
        commit(move, old, new)
    }

    // Where the server may have a new file, for the answer to its upload was lost, what it has is to be renamed too. Returns false when it
    // has another client's file there.
    private func settleNew(_ node: Node, _ content: FileContent, at path: RemotePath, for request: Request)
        throws(VolumeError) -> Bool
    {
        guard tree.withLock({ _ in node.isLocal }), content.isInDoubt else { return true }
        do throws(RemoteError) {
            _ = try environment.attributes(of: path, followsLink: false, for: request)
        } catch {
            if error.kind == .notFound { return true }
            throw VolumeError(error)
        }
        do throws(VolumeError) {
            try upload(content, of: node, to: path, for: request)
            return true
        } catch {
            guard error.isLostUpdate else { throw error }
            return false
        }
    }

    private func renameOnServer(_ move: Move, _ replacing: Bool, for request: Request) throws(RemoteError) {
        do {
            try store.rename(move.oldPath, to: move.newPath, replacing: replacing, for: request)
        } catch {
            // Servers that rename onto nothing: an empty directory may be removed first, for nothing can be lost.
            guard error.kind == .exists, replacing, move.replaces, move.source.kind == .directory else {
                throw error
            }
            try store.removeDirectory(move.newPath, for: request)
            try store.rename(move.oldPath, to: move.newPath, replacing: replacing, for: request)
        }
    }

    private func commit(_ move: Move, _ old: Place, _ new: Place, isOldNameTaken: Bool = false) {
        let (lost, moved) = tree.withLock { tree -> ([FileContent], [(FileContent, RemotePath)]) in
            let lost = move.target.map { tree.contents(of: $0) } ?? []
            if let target = move.target { tree.detach(target) }
            let source = move.source
            if let other = new.directory.directory?.children[new.name] { tree.detach(other, isLost: true) }
            tree.move(source, to: new.name, in: new.directory)
            if isOldNameTaken {
                tree.doubt(old.name, in: old.directory)
            } else {
                tree.record(.absent, for: old.name, in: old.directory, at: now)
            }
            tree.noteChange(of: old.directory, at: now, wall: wall)
            if source.isLocal {
                tree.record(.local, for: new.name, in: new.directory, at: now)
            } else if source.followsLink {
                // The link may lead elsewhere from its new place.
                tree.doubt(new.name, in: new.directory)
            } else {
                source.link = .undecided
                // Nobody has asked whether another client has changed it: it is as old as it was under its former name.
                tree.record(
                    .present(source.attributes), statedAt: source.checkedAt, for: new.name,
                    in: new.directory, at: now)
            }
            tree.noteChange(of: new.directory, at: now, wall: wall)
            return (lost, tree.openContents(inside: source))
        }
        // In this order: the record of a file that exists only here must name its new place before that of the replaced one goes.
        for (content, path) in moved { content.moved(to: path) }
        for content in lost { content.detach() }
        if let target = move.target { hastenPending(of: target) }
    }
}

extension Tree {
    /// The contents of open files that are this node or below it, and where they are.
    fileprivate func openContents(inside node: Node) -> [(FileContent, RemotePath)] {
        files.values.compactMap { handle in
            guard handle.node.isInside(node) else { return nil }
            return path(of: handle.node).map { (handle.content, $0) }
        }
    }
}
