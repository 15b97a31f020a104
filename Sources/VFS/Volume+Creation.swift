import Logging
import Posix
package import Remote

extension Volume {
    /// Makes a file if it does not exist and opens it.
    ///
    /// Costs nothing where the parent's listing is known: the file comes to the server with its first content, or at the
    /// latest when it is closed.
    package func create(
        _ name: [UInt8], in parent: NodeID, mode: UInt16, _ open: OpenMode, for request: Request
    ) throws(VolumeError) -> (NodeReply, OpenReply) {
        let name = try newName(name)
        let directory = try tree.withLock { tree throws(VolumeError) in try tree.directory(parent).0 }
        while true {
            let knowledge = try find(name, in: directory, for: request)
            if case .absent = knowledge {
                try checkWritable()
                let made = try tree.withLock { tree throws(VolumeError) in
                    try makeLocal(name, in: directory, mode: mode, open, &tree)
                }
                if let made { return made }
                continue
            }
            guard !open.exclusive else { throw .exists }
            let reply = try lookup(Array(name.bytes), in: parent, for: request)
            do throws(VolumeError) {
                switch reply.attributes.kind {
                case .file: return try openExisting(reply, open, for: request)
                case .directory: throw VolumeError.isDirectory
                case .symlink, .other: throw VolumeError.exists
                }
            } catch {
                forget(reply.node, count: 1)
                throw error
            }
        }
    }

    // The attributes are those of the version opened, which may be newer than the one looked up.
    private func openExisting(
        _ found: NodeReply, _ mode: OpenMode, for request: Request
    ) throws(VolumeError) -> (NodeReply, OpenReply) {
        let opened = try open(found.node, mode, for: request)
        var reply = found
        tree.withLock { tree in
            if let file = tree.files[opened.handle.rawValue] { reply.attributes = shown(file.node) }
        }
        return (reply, opened)
    }

    // Makes a file that exists here only; nil when somebody else made one meanwhile. Called with the tree lock held.
    private func makeLocal(
        _ name: FileName, in directory: Node, mode: UInt16, _ open: OpenMode, _ tree: inout Tree
    ) throws(VolumeError) -> (NodeReply, OpenReply)? {
        guard let state = directory.directory, tree.path(of: directory) != nil else { throw .notFound }
        guard !tree.holds(name, in: state, at: now) else { return nil }
        if let rights = directory.attributes.rights, !rights.contains(.create) { throw .denied }
        if let old = state.children[name] { tree.detach(old, isLost: true) }
        let time = Timestamp(seconds: wall.seconds)
        let node = tree.make(name, in: directory, Attributes(kind: .file, size: 0, modified: time))
        node.isLocal = true
        node.fileState.requestedMode = mode & 0o7777
        tree.record(.local, for: name, in: directory, at: now)
        tree.noteChange(of: directory, at: now, wall: wall)
        var opening = open
        opening.truncates = false
        let (opened, handle) = try register(node, opening, isAnswered: true, &tree)
        handle.content.want(mode: mode & 0o7777, modified: nil)
        return (reply(node), opened)
    }

    /// Makes an empty regular file (mknod(2)): it is on the server when this returns.
    package func makeFile(_ name: [UInt8], in parent: NodeID, mode: UInt16, for request: Request)
        throws(VolumeError) -> NodeReply
    {
        let exclusive = OpenMode(reads: false, writes: true, exclusive: true)
        let (reply, opened) = try create(name, in: parent, mode: mode, exclusive, for: request)
        do {
            try synchronize(opened.handle, for: request)
        } catch {
            abandon(opened.handle)
            forget(reply.node, count: 1)
            throw error
        }
        release(opened.handle)
        return reply
    }

    /// Makes a directory.
    package func makeDirectory(_ name: [UInt8], in parent: NodeID, mode: UInt16, for request: Request)
        throws(VolumeError) -> NodeReply
    {
        try checkWritable()
        let name = try newName(name)
        let directory = try prepare(name, in: parent, needing: .makeDirectory, for: request)
        defer { release([directory]) }
        let path = try path(of: name, in: directory)
        let traits = store.traits
        var attributes = Attributes(kind: .directory, modified: Timestamp(seconds: wall.seconds))
        try making(name, in: directory) { () throws(RemoteError) in
            try store.makeDirectory(path, for: request)
        }
        if mode & 0o777 != 0o755, traits.setsModes != false, !isModeFixed(.directory) {
            do {
                try store.setMode(path, to: mode & 0o777, for: request)
                attributes.mode = mode & 0o777
            } catch {
                logger.debug("mode of a new directory: \(error)")
            }
        }
        let finding = Finding(attributes: attributes, at: now)
        return made(name, in: directory, finding) { node, tree in
            // Nothing can be in it but what is put there now.
            let flight = ListingFlight(sequence: tree.tick(), startedAt: now)
            _ = tree.land(PackedListing([], isComplete: true), of: node, flight)
        }
    }

    /// Makes a symbolic link.
    ///
    /// Only a relative target that stays inside the mount: any other means something else on the server than here.
    package func makeSymlink(_ name: [UInt8], in parent: NodeID, target: [UInt8], for request: Request)
        throws(VolumeError) -> NodeReply
    {
        try checkWritable()
        let name = try newName(name)
        let directory = try prepare(name, in: parent, needing: .create, for: request)
        defer { release([directory]) }
        let path = try path(of: name, in: directory)
        let policy = LinkPolicy(root: configuration.root)
        guard target.first != UInt8(ascii: "/"), policy.shownTarget(target, in: path.parent) == target else {
            throw .notPermitted
        }
        do {
            try making(name, in: directory) { () throws(RemoteError) in
                try store.makeSymlink(path, target: target, for: request)
            }
        } catch {
            if case .remote(let reason) = error, reason.kind == .unsupported { throw .notPermitted }
            throw error
        }
        let attributes = Attributes(
            kind: .symlink, modified: Timestamp(seconds: wall.seconds), linkTarget: target)
        return made(name, in: directory, Finding(attributes: attributes, link: .shown, at: now)) { _, _ in }
    }

    /// Reads the target of a symbolic link; `.denied` for one that leads out of the mount and to nothing.
    package func readLink(_ id: NodeID, for request: Request) throws(VolumeError) -> [UInt8] {
        try tree.withLock { tree throws(VolumeError) in
            let node = try tree.node(id)
            guard node.kind == .symlink else { throw .invalid }
            guard tree.path(of: node) != nil else { throw .stale }
            guard let shown = shownTarget(node) else { throw .denied }
            return shown
        }
    }

    // MARK: Parts

    // Takes a share of the directory for a name that is to be made. Throws `.exists` and `.denied` as far as they are known.
    private func prepare(
        _ name: FileName, in parent: NodeID, needing right: Rights, for request: Request
    ) throws(VolumeError) -> Node {
        let (directory, state) = try tree.withLock { tree throws(VolumeError) in try tree.directory(parent) }
        return try share([directory], for: request) { tree throws(VolumeError) in
            guard tree.path(of: directory) != nil else { throw .notFound }
            switch tree.knowledge(of: name, in: state, at: now) {
            case .present, .local: throw .exists
            case .absent, .unknown: break
            }
            if let rights = directory.attributes.rights, !rights.contains(right) { throw .denied }
            return directory
        }
    }

    private func path(of name: FileName, in directory: Node) throws(VolumeError) -> RemotePath {
        guard let path = tree.withLock({ $0.path(of: name, in: directory) }) else { throw .notFound }
        return path
    }

    private func making(
        _ name: FileName, in directory: Node, _ body: () throws(RemoteError) -> Void
    ) throws(VolumeError) {
        do {
            try body()
        } catch {
            if error.leavesDoubt || error.kind == .exists {
                tree.withLock { $0.doubt(name, in: directory) }
            }
            throw VolumeError(error)
        }
    }

    private func made(
        _ name: FileName, in directory: Node, _ finding: Finding, _ body: (Node, inout Tree) -> Void
    ) -> NodeReply {
        tree.withLock { tree in
            tree.record(.present(finding.attributes), link: finding.link, for: name, in: directory, at: now)
            tree.noteChange(of: directory, at: now, wall: wall)
            if let old = directory.directory?.children[name] { tree.detach(old, isLost: true) }
            let node = tree.attach(name, in: directory, finding)
            body(node, &tree)
            return reply(node)
        }
    }
}
