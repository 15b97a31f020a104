import Posix
import Remote

extension Volume {
    /// Fetches a small file whole before anybody opens it.
    func fetchAhead(_ name: FileName, in parent: NodeID, for request: Request) throws(VolumeError) {
        guard let job = beginFetch(name, in: parent, for: request) else { return }
        let (node, fetch) = (job.node, job.fetch)
        var content: AheadContent?
        var attributes: Attributes?
        // With the lease given back, whoever waits for the file or for its name goes on.
        defer {
            tree.withLock { tree in
                if let attributes, !request.isCancelled, node.file?.fetch === fetch {
                    keep(content, attributes, of: job, &tree)
                }
                if node.file?.fetch === fetch { node.file?.fetch = nil }
                tree.leases.spare.removeAll { $0.request === request }
            }
            release([node])
            fetch.finish()
        }
        let opened: (attributes: Attributes, reader: any RemoteReader)
        do throws(RemoteError) {
            opened = try store.open(job.path, at: 0, for: request)
        } catch {
            throw VolumeError(error)
        }
        defer { opened.reader.close() }
        opened.reader.onReclaim { if !fetch.isAwaited { request.cancel() } }
        content = try read(opened.reader, opened.attributes, askedAt: job.askedAt, for: request)
        attributes = opened.attributes
    }

    private struct FetchJob {
        let node: Node
        let fetch: AheadFetch
        let parent: Node
        let name: FileName
        let path: RemotePath
        let asked: UInt64
        let askedAt: Duration
    }

    private func beginFetch(_ name: FileName, in parent: NodeID, for request: Request) -> FetchJob? {
        tree.withLock { tree in
            guard let directory = tree.nodes[parent.rawValue], let state = directory.directory,
                !directory.isGone, !tree.isShutDown,
                case .present(let finding) = tree.knowledge(of: name, in: state, at: now),
                case .wanted = tree.wish(for: name, in: state, finding),
                let path = tree.path(of: name, in: directory)
            else { return nil }
            let node = tree.attach(name, in: directory, finding)
            guard node.kind == .file, tree.leases.share([node]) else {
                tree.collect(node)
                return nil
            }
            let fetch = AheadFetch(for: request)
            node.fileState.fetch = fetch
            tree.leases.spare.append((node, request, false))
            return FetchJob(
                node: node, fetch: fetch, parent: directory, name: name, path: path, asked: tree.tick(),
                askedAt: now)
        }
    }

    // Reads to the proven end; nil where the content is not what its attributes say, or there is no room for it.
    private func read(
        _ reader: any RemoteReader, _ attributes: Attributes, askedAt: Duration, for request: Request
    ) throws(VolumeError) -> AheadContent? {
        guard attributes.kind == .file, attributes.modified != nil, let size = attributes.size, size > 0,
            size <= LookAhead.fileSizeLimit, environment.budget.reserve(Int(size), urgent: false)
        else { return nil }
        let content = AheadContent(
            Block(capacity: Int(size)), attributes.version, askedAt: askedAt, budget: environment.budget)
        let surplus = Block(capacity: 16)
        var count = 0
        do throws(RemoteError) {
            while true {
                let isFull = count == content.block.capacity
                let room = isFull ? surplus : content.block
                let got = try room.withRoom(from: isFull ? 0 : count) { room throws(RemoteError) in
                    try reader.read(into: &room, for: request)
                }
                if got == 0 { return isFull ? content : nil }
                if isFull { return nil }
                count += got
            }
        } catch {
            throw VolumeError(error)
        }
    }

    // Called with the tree lock held.
    private func keep(
        _ content: AheadContent?, _ attributes: Attributes, of job: FetchJob, _ tree: inout Tree
    ) {
        guard attributes.kind == .file, attributes.size != nil, !job.node.isGone,
            job.node.parent === job.parent, job.node.name == job.name
        else { return }
        var attributes = attributes
        if let state = job.parent.directory, let known = tree.remembered(job.name, in: state) {
            attributes.complete(by: known)
        }
        tree.record(
            answer: .present(attributes), for: job.name, in: job.parent, asked: job.asked, at: job.askedAt)
        guard let content, job.node.file?.content == nil else { return }
        tree.shelf.put(content, for: job.node)
    }

    /// Waits for a fetch of this very file, or ends it where the file is to be written.
    func meetFetch(of node: Node, _ mode: OpenMode, for request: Request) throws(VolumeError) {
        guard let fetch = tree.withLock({ _ in node.file?.fetch }) else { return }
        if mode.writes || mode.truncates { fetch.request.cancel() }
        try fetch.wait(for: request)
    }

    /// Drops contents fetched ahead that nobody has opened in time; returns whether others wait still.
    func dropUnopened() -> Bool {
        tree.withLock { tree in
            for node in tree.shelf.expire(at: now) { tree.collect(node) }
            return !tree.shelf.isEmpty
        }
    }
}

extension Tree {
    /// What is to be done about fetching a file ahead.
    func wish(for name: FileName, in state: DirectoryState, _ finding: Finding) -> WalkPlan.FileState {
        let attributes = finding.attributes
        guard attributes.kind == .file, finding.link == .undecided,
            attributes.rights?.contains(.read) ?? true
        else { return .passed }
        guard let node = state.children[name] else { return .wanted }
        guard !node.isLocal, !node.followsLink, node.handles == 0 else { return .passed }
        guard let file = node.file else { return .wanted }
        if file.fetch != nil || file.ahead != nil { return .coming }
        if file.content != nil || file.uploads > 0 { return .passed }
        // The kernel has its pages still.
        return file.kernelPages?.hold(for: attributes.version) == true ? .passed : .wanted
    }
}
