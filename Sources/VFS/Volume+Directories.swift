import Posix
package import Remote

extension Volume {
    /// How many rows are made ready at a time.
    private static let batchSize = 32

    /// Opens a directory: its listing is fixed for this handle, until the handle returns to the start.
    ///
    /// `listsNow` says that the caller is there for the names. They, or the error, come at once then: many programs take an error of
    /// readdir(3) for the end of the directory. Otherwise nothing is asked of the server before the first row is wanted.
    package func openDirectory(_ id: NodeID, listsNow: Bool = true, for request: Request) throws(VolumeError)
        -> HandleID
    {
        let node = try tree.withLock { tree throws(VolumeError) in try tree.directory(id).0 }
        let snapshot = listsNow ? try firstSnapshot(of: node, for: request) : nil
        return tree.withLock { tree in
            let handle = tree.handleID()
            tree.openDirectories[handle.rawValue] = DirectoryHandle(node: node, snapshot: snapshot)
            node.handles += 1
            return handle
        }
    }

    private func firstSnapshot(of node: Node, for request: Request) throws(VolumeError) -> DirectorySnapshot {
        noteEntering(node, opensIt: true)
        let snapshot = try snapshot(of: node, for: request)
        noteRows(of: node)
        return snapshot
    }

    private func snapshot(of node: Node, for request: Request) throws(VolumeError) -> DirectorySnapshot {
        let listing = try list(node, for: request)
        return tree.withLock { tree in
            // One that took long to come, or that no cache keeps, is good for those who read it all the same.
            DirectorySnapshot(
                listing: listing.rows, at: listing.at,
                believedFrom: listing.sequence == nil && tree.isFresh(listing.at, now) ? listing.at : now,
                facts: node.directory?.facts ?? [:])
        }
    }

    /// Ends a directory handle.
    package func releaseDirectory(_ handle: HandleID) {
        tree.withLock { tree in
            guard let open = tree.openDirectories.removeValue(forKey: handle.rawValue) else { return }
            open.node.handles -= 1
            tree.collect(open.node)
        }
    }

    /// Hands out rows from a place on (0 first) until the body returns false, which means that this row was not taken.
    ///
    /// The body runs with no lock held. Names removed meanwhile are left out; those made meanwhile come with the next
    /// opendir or rewinddir.
    package func readDirectory(
        _ id: HandleID, from place: UInt64, plus: Bool, for request: Request,
        _ body: (DirectoryRow) -> Bool
    ) throws(VolumeError) {
        let handle = try tree.withLock { tree throws(VolumeError) in
            guard let handle = tree.openDirectories[id.rawValue] else { throw .badHandle }
            return handle
        }
        let snapshot = try snapshot(for: handle, from: place, for: request)
        var place = place
        while true {
            let start = place
            let (rows, next) = tree.withLock { tree in
                batch(of: handle, snapshot, from: start, plus: plus, &tree)
            }
            if let refused = rows.firstIndex(where: { !body($0) }) {
                giveBack(rows[refused...])
                return
            }
            guard let next else { return }
            place = next
        }
    }

    // The rows to hand out from a place on: new ones for a return to the start, and for a handle that has none.
    private func snapshot(for handle: DirectoryHandle, from place: UInt64, for request: Request)
        throws(VolumeError) -> DirectorySnapshot
    {
        let known = tree.withLock { _ in (snapshot: handle.snapshot, hasAdvanced: handle.hasAdvanced) }
        if let snapshot = known.snapshot, place > 0 || !known.hasAdvanced { return snapshot }
        do throws(VolumeError) {
            let snapshot =
                if known.snapshot == nil {
                    try firstSnapshot(of: handle.node, for: request)
                } else {
                    try self.snapshot(of: handle.node, for: request)
                }
            tree.withLock { _ in
                handle.snapshot = snapshot
                handle.hasAdvanced = false
            }
            return snapshot
        } catch .remote(let reason) where reason.kind == .notFound {
            // The C library takes ENOENT from getdents(2) for the end, and a directory that is missing is not an empty one.
            throw .stale
        }
    }

    // References counted for rows that nobody took.
    private func giveBack(_ rows: ArraySlice<DirectoryRow>) {
        tree.withLock { tree in
            for row in rows {
                if let reply = row.reply { tree.forget(reply.node, count: 1) }
            }
        }
    }

    // Makes the next rows ready; `next` is nil at the end. Called with the tree lock held.
    private func batch(
        of handle: DirectoryHandle, _ snapshot: DirectorySnapshot, from start: UInt64, plus: Bool,
        _ tree: inout Tree
    ) -> (
        [DirectoryRow], next: UInt64?
    ) {
        let node = handle.node
        let total = UInt64(snapshot.count) + 2
        var rows: [DirectoryRow] = []
        rows.reserveCapacity(Self.batchSize)
        var place = start
        if place == 0 {
            rows.append(
                DirectoryRow(name: Array(".".utf8), inode: node.inode, kind: .directory, next: 1, reply: nil))
            place = 1
        }
        if place == 1 {
            let parent = node.parent ?? node
            rows.append(
                DirectoryRow(
                    name: Array("..".utf8), inode: parent.inode, kind: .directory, next: 2, reply: nil))
            place = 2
        }
        handle.hasAdvanced = true
        let hash = PathHash(of: node)
        while place < total, rows.count < Self.batchSize {
            let index = Int(place - 2)
            place += 1
            guard let name = snapshot.name(at: index) else { continue }
            let row = row(name, at: index, of: node, snapshot, hash, next: place, plus: plus, &tree)
            if let row { rows.append(row) }
        }
        return (rows, place < total ? place : nil)
    }

    private func row(
        _ name: FileName, at index: Int, of node: Node, _ snapshot: DirectorySnapshot, _ hash: PathHash,
        next: UInt64, plus: Bool, _ tree: inout Tree
    ) -> DirectoryRow? {
        switch finding(name, at: index, of: node, snapshot, tree) {
        case .absent:
            return nil
        case .unknown:
            // It was there when the directory was listed; a lookup has to ask for more.
            return DirectoryRow(
                name: name.bytes, inode: tree.inode(of: name, in: node, hash),
                kind: snapshot.kind(at: index, name), isKindCertain: false, next: next, reply: nil)
        case .local:
            guard let child = node.directory?.children[name] else { return nil }
            return DirectoryRow(
                name: name.bytes, inode: child.inode, kind: child.kind, next: next,
                reply: plus ? reply(child) : nil)
        case .present(let raw):
            guard !node.isGone, let finding = settled(raw, in: node, tree) else {
                // Where its link leads, or its size, is known only to a lookup.
                return DirectoryRow(
                    name: name.bytes, inode: tree.inode(of: name, in: node, hash), kind: raw.attributes.kind,
                    isKindCertain: raw.attributes.kind != .symlink, next: next, reply: nil)
            }
            guard plus else {
                return DirectoryRow(
                    name: name.bytes, inode: tree.inode(of: name, in: node, hash),
                    kind: finding.attributes.kind,
                    next: next, reply: nil)
            }
            let child = tree.attach(name, in: node, finding)
            return DirectoryRow(
                name: name.bytes, inode: child.inode, kind: child.kind, next: next, reply: reply(child))
        }
    }

    // What counts for a row: what is known now if it differs from the snapshot. Where nobody knows any more, the name was there and may have
    // been removed since, from here too.
    private func finding(
        _ name: FileName, at index: Int, of node: Node, _ snapshot: DirectorySnapshot, _ tree: borrowing Tree
    ) -> Knowledge {
        let old = snapshot.finding(at: index, name)
        if case .absent = old { return .absent }
        guard let state = node.directory else { return old }
        let isUnchanged = state.listing === snapshot.listing && state.facts[name] == nil
        let age = now - snapshot.believedFrom
        if isUnchanged, age < max(configuration.directoryTimeout, configuration.attributeTimeout) {
            return old
        }
        let latest = tree.knowledge(of: name, in: state, at: now)
        if case .unknown = latest, case .absent = state.facts[name]?.value { return .absent }
        return latest
    }
}
