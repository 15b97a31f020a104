import Posix
package import Remote

extension Volume {
    /// Opens a file.
    ///
    /// Asks the server for the file's size and time unless they are younger than the attribute timeout: what another
    /// client had stored before is seen (close-to-open). Throws `.stale` when the name is gone or stands for another file: the kernel
    /// looks it up again then.
    package func open(_ id: NodeID, _ mode: OpenMode, for request: Request) throws(VolumeError) -> OpenReply {
        try open(id, mode, isAnswered: true, for: request)
    }

    /// The same; `isAnswered` says that the kernel gets the reply.
    func open(
        _ id: NodeID, _ mode: OpenMode, isAnswered: Bool, for request: Request
    ) throws(VolumeError) -> OpenReply {
        if mode.writes || mode.truncates { try checkWritable() }
        let node = try tree.withLock { tree throws(VolumeError) in try tree.node(id) }
        switch node.kind {
        case .file: break
        case .directory: throw .isDirectory
        case .symlink, .other: throw .invalid
        }
        if !mode.writes, !mode.truncates { noteOpening(node) }
        try meetFetch(of: node, mode, for: request)
        var begun: BegunTransfer?
        defer { begun?.reader.close() }
        if mode.reads, !mode.writes, !mode.truncates, isWorthBeginning(node) {
            try revalidate(node, for: request) { path throws(RemoteError) in
                try self.begin(path, &begun, for: request)
            }
        } else {
            try revalidate(node, for: request)
        }
        let (reply, handle) = try tree.withLock { tree throws(VolumeError) in
            try register(node, mode, isAnswered: isAnswered, &tree)
        }
        if let file = begun.take() { handle.content.prime(with: file.reader, of: file.version) }
        guard mode.truncates else { return reply }
        do {
            try handle.content.truncate(to: 0, for: request)
            // An empty file is only touched by that.
            if !handle.content.isDirty {
                tree.withLock { _ in node.fileState.pendingModified = Timestamp(seconds: wall.seconds) }
            }
        } catch {
            tree.withLock { _ in
                // No answer goes to the kernel, which keeps its pages.
                if node.file?.dropping == reply.handle { node.file?.kernelPages = nil }
            }
            abandon(reply.handle)
            throw error
        }
        return reply
    }

    // MARK: Reading at once

    /// A transfer from the first byte on, and the version it brings.
    private struct BegunTransfer {
        let reader: any RemoteReader
        let version: FileVersion
    }

    // Whoever opens a file for the first time reads it as a rule, and a large one from its beginning unless the last one was not; later
    // the kernel may have its pages.
    private func isWorthBeginning(_ node: Node) -> Bool {
        tree.withLock { _ in
            guard node.handles == 0, node.file?.content == nil, node.file?.kernelPages == nil,
                node.file?.ahead == nil,
                !node.followsLink, let size = node.attributes.size
            else { return false }
            return size > 0
                && (size <= environment.settings.wholeFileLimit || environment.budget.readsFromBeginning)
        }
    }

    // Asks for a file's attributes and begins to read it in one go; where that fails, asks alone.
    private func begin(
        _ path: RemotePath, _ begun: inout BegunTransfer?, for request: Request
    ) throws(RemoteError) -> Attributes {
        let start = ContinuousClock.now
        do throws(RemoteError) {
            let (attributes, reader) = try store.open(path, at: 0, for: request)
            environment.budget.noteOpening(start.duration(to: .now))
            begun = BegunTransfer(reader: reader, version: attributes.version)
            return attributes
        } catch {
            guard error.kind != .interrupted, error.kind != .notFound else { throw error }
            return try store.attributes(of: path, for: request)
        }
    }

    // MARK: Revalidation

    /// How many opens ask for a single file within the attribute timeout before the whole directory is listed instead.
    private static let singleRevalidations = 2
    /// The largest directory that is listed to revalidate many files at once, in entries.
    private static let revalidationLimit = 2000

    /// Sees to it that a closed file's size and time are not older than the attribute timeout.
    ///
    /// `question` stands in for asking the server for the attributes of a single name.
    func revalidate(
        _ node: Node, for request: Request,
        by question: ((RemotePath) throws(RemoteError) -> Attributes)? = nil
    ) throws(VolumeError) {
        enum Step { case done, stale, ask(Node, FileName), list(Node, FileName) }
        let asked = now
        let step = tree.withLock { tree -> Step in
            // With ESTALE the kernel looks the name up again, and finds what another client has put there.
            if node.isGone { return node.handles > 0 && !node.isLost ? .done : .stale }
            guard let (parent, name) = place(of: node), let state = parent.directory else { return .stale }
            if node.isLocal || node.file?.content?.isDirty == true { return .done }
            if node.file?.content?.isStale == true { return .ask(parent, name) }
            let isKnown = refreshFromCache(node, &tree)
            if node.isGone { return .stale }
            let age = node.checkedAt.map { asked - $0 }
            if let age, age <= configuration.attributeTimeout { return .done }
            if isKnown, age != nil, !configuration.revalidatesAtOpen { return .done }
            if asked - state.revalidations.since > configuration.attributeTimeout {
                state.revalidations = (0, asked)
            }
            state.revalidations.count += 1
            let isSmall =
                state.listing.map { $0.count <= Self.revalidationLimit } ?? !store.traits.statsOneName
            // SIZE and MDTM tell of a regular file what MLST does; whether a name is one, the listing has said.
            let traits = store.traits
            let asksSingly = traits.statsOneName || traits.statesExactTimes && state.listing != nil
            let isBusy = state.revalidations.count > Self.singleRevalidations || !asksSingly
            return isSmall && isBusy && !node.followsLink ? .list(parent, name) : .ask(parent, name)
        }
        switch step {
        case .done: return
        case .stale: throw .stale
        case .ask(let parent, let name):
            if node.followsLink { return try revalidateTarget(of: node, name, in: parent, for: request) }
            let knowledge = try ask(for: name, in: parent, for: request, by: question)
            try settle(knowledge, node, name, in: parent)
        case .list(let parent, let name):
            // Not one that was begun before: another client may have closed the file since.
            let listing = try list(parent, since: asked, for: request)
            let isThere = tree.withLock { _ in
                listing.rows.row(of: name) != nil || parent.directory?.facts[name] != nil
            }
            let knowledge: Knowledge
            if isThere || listing.rows.proves(absenceOf: name) {
                knowledge = try find(name, in: parent, for: request)
            } else {
                knowledge = try ask(for: name, in: parent, for: request)
            }
            try settle(knowledge, node, name, in: parent)
        }
    }

    // The same for a link that the server follows: its own row would tell of the link alone.
    private func revalidateTarget(
        of node: Node, _ name: FileName, in parent: Node, for request: Request
    ) throws(VolumeError) {
        let start = now
        let asked = tree.withLock { $0.tick() }
        do {
            let attributes = try withPath(of: node, for: request) { path throws(RemoteError) in
                try store.resolvedAttributes(of: path, for: request)
            }
            tree.withLock {
                $0.record(
                    answer: .present(attributes), link: .followed, for: name, in: parent, asked: asked,
                    at: start)
            }
            let finding = Finding(attributes: attributes, link: .followed, at: start)
            try settle(.present(finding), node, name, in: parent)
        } catch {
            if case .remote(let reason) = error, reason.kind == .notFound { doubt(node) }
            throw error
        }
    }

    private func settle(_ knowledge: Knowledge, _ node: Node, _ name: FileName, in parent: Node)
        throws(VolumeError)
    {
        try tree.withLock { tree throws(VolumeError) in
            // Not `.notFound`: with ESTALE the kernel looks the name up again, and makes the file where that was asked for (O_CREAT).
            guard apply(knowledge, to: node, name, in: parent, &tree) || node.isGone else { throw .stale }
            if node.isGone, node.handles == 0 || node.isLost { throw .stale }
        }
    }

    // MARK: Handles

    /// Makes a handle for a file; called with the tree lock held.
    ///
    /// `isAnswered` says that the kernel gets the reply, and drops the pages that are not good.
    func register(
        _ node: Node, _ mode: OpenMode, isAnswered: Bool, _ tree: inout Tree
    ) throws(VolumeError) -> (OpenReply, FileHandle) {
        guard !tree.isShutDown else { throw .local("the volume is being shut down") }
        let file = node.fileState
        // A transfer that has begun is of no use to whoever writes.
        if mode.writes || mode.truncates { file.fetch = nil }
        let ahead = tree.shelf.remove(of: node)
        let version = node.attributes.version
        let content: FileContent
        let keepsCache: Bool
        if let current = file.content, node.isGone || file.uploads > 0 || canShare(current, version) {
            content = current
            keepsCache = file.kernelPages != nil && !isDropping(file, tree)
        } else {
            guard !node.isGone else { throw .stale }
            content = FileContent(
                environment: environment, base: node.isLocal ? nil : version, size: node.attributes.size ?? 0,
                path: tree.path(of: node), followsLink: node.followsLink,
                age: node.checkedAt.map { now - $0 } ?? .seconds(3600))
            file.content = content
            if let ahead, !mode.writes, !mode.truncates { content.prime(with: ahead) }
            keepsCache = file.kernelPages?.hold(for: version) ?? false
            file.kernelPages = KernelPages(version, isSettled: keepsCache || isSettled(version))
        }
        let handle = FileHandle(node: node, content: content, mode: mode)
        let id = tree.handleID()
        if !keepsCache {
            file.kernelPages =
                isAnswered ? file.kernelPages ?? KernelPages(version, isSettled: isSettled(version)) : nil
            file.dropping = isAnswered ? id : nil
        }
        tree.files[id.rawValue] = handle
        tree.contentUsers[ObjectIdentifier(content), default: 0] += 1
        node.handles += 1
        if mode.truncates {
            handle.writes += 1
            handle.hasOnlyTruncated = true
            file.pendingModified = nil
        }
        let needsFlush = mode.writes || mode.truncates
        let reply = OpenReply(
            handle: id, keepsCache: keepsCache, hasNews: file.hasNews, needsFlush: needsFlush)
        return (reply, handle)
    }

    // Whether the kernel may still have pages that it was told to drop: the answer to that open may be on its way.
    private func isDropping(_ file: FileState, _ tree: borrowing Tree) -> Bool {
        file.dropping.flatMap { tree.files[$0.rawValue] }.map { !$0.hasRead } ?? false
    }

    private func canShare(_ content: FileContent, _ version: FileVersion) -> Bool {
        if content.isDirty { return true }
        guard let base = content.base, !content.isStale else { return false }
        return base.matches(version)
    }

    // Whether a change from now on gives a file another version than this: one within the second, minute or day stated does not.
    // The clocks of both machines need not agree to the second.
    private func isSettled(_ version: FileVersion) -> Bool {
        guard let modified = version.modified else { return false }
        let age = wall.seconds.subtractingReportingOverflow(modified.seconds)
        guard !age.overflow else { return false }
        switch version.granularity {
        case .fraction: return true
        case .second: return age.partialValue > 2
        case .minute: return age.partialValue > 180
        case .day: return age.partialValue > 3 * 86_400
        }
    }
}
