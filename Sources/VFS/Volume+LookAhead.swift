import Logging
import Posix
import Remote

// What look-ahead is told, and what it does.
extension Volume {
    /// The largest directory in which look-ahead follows a program, in entries.
    private static let followedLimit = 50_000

    // MARK: Steps

    /// Says that a program lists a directory; `opensIt`: as a whole, and not only to find a name in it.
    func noteEntering(_ node: Node, opensIt: Bool) {
        lookAhead?.advance(self) { walks in
            let sight = tree.withLock { tree -> (place: Walks.Place, parent: Walks.Place?) in
                node.directory?.wasListedAhead = false
                let parent = node.parent
                return (self.place(of: node, tree), parent.map { parent in self.place(of: parent, tree) })
            }
            return walks.enter(sight.place, below: sight.parent, opensIt: opensIt, at: now)
        }
    }

    /// Says that a listing has arrived.
    func noteRows(of node: Node, for walk: Int? = nil) {
        lookAhead?.advance(self) { walks in
            let place = tree.withLock { tree in self.place(of: node, tree) }
            if let rows = place.rows { walks.fill(place.directory, with: rows) }
            return walk ?? walks.last(at: place.directory)
        }
    }

    /// Says that a program opens a file for reading.
    func noteOpening(_ node: Node) {
        lookAhead?.advance(self) { walks in
            let sight = tree.withLock { tree -> (name: FileName, parent: Walks.Place)? in
                guard !node.isGone, let name = node.name, let parent = node.parent else { return nil }
                return (name, self.place(of: parent, tree))
            }
            return sight.flatMap { walks.open($0.name, in: $0.parent, at: now) }
        }
    }

    /// Says that a program reads of a file for the first time since it has opened it.
    func noteReading(_ node: Node) {
        lookAhead?.advance(self) { walks in
            let sight = tree.withLock { _ -> (name: FileName, parent: NodeID)? in
                guard !node.isGone, let name = node.name, let parent = node.parent else { return nil }
                return (name, parent.id)
            }
            return sight.flatMap { walks.read($0.name, in: $0.parent) }
        }
    }

    // Called with the tree lock held.
    private func place(of directory: Node, _ tree: borrowing Tree) -> Walks.Place {
        let isSmall = directory.directory?.listing.map { $0.count <= Self.followedLimit } ?? false
        return Walks.Place(
            directory: directory.id, rows: isSmall ? tree.arranged(directory) : nil, name: directory.name)
    }

    // MARK: Errands

    /// Does something ahead; leaves no trace where it fails.
    func run(_ task: Walks.Task, for request: Request) -> LookAhead.Outcome {
        do throws(VolumeError) {
            switch task.errand {
            case .list(let name, let parent): try listAhead(name, in: parent, task.walk, for: request)
            case .fetch(let name, let parent): try fetchAhead(name, in: parent, for: request)
            }
            return .over
        } catch {
            if case .remote(let reason) = error, reason.kind == .busy { return .busy }
            logger.debug("looking ahead: \(error)")
            return request.isCancelled ? .over : .failed
        }
    }

    private func listAhead(_ name: FileName, in parent: NodeID, _ walk: Int, for request: Request)
        throws(VolumeError)
    {
        let node = tree.withLock { tree -> Node? in
            guard let directory = tree.nodes[parent.rawValue], let state = directory.directory,
                !directory.isGone, !tree.isShutDown,
                case .present(let finding) = tree.knowledge(of: name, in: state, at: now),
                finding.attributes.kind == .directory
            else { return nil }
            let node = tree.attach(name, in: directory, finding)
            guard let state = node.directory, state.mayListAhead(tree, at: now) else { return nil }
            tree.leases.spare.append((node, request, false))
            return node
        }
        guard let node else { return }
        defer {
            tree.withLock { tree in
                tree.leases.spare.removeAll { $0.request === request }
                tree.collect(node)
            }
        }
        _ = try list(node, for: request)
        tree.withLock { _ in node.directory?.wasListedAhead = true }
        noteRows(of: node, for: walk)
    }
}

extension Tree {
    /// A directory's rows, for sorting; nil where none are here that are believed.
    func arranged(_ directory: Node) -> ArrangedListing? {
        guard let state = directory.directory, let listing = state.listing else { return nil }
        if let arranged = state.arranged, arranged.listing === listing { return arranged }
        let arranged = ArrangedListing(listing, PathHash(of: directory))
        state.arranged = arranged
        return arranged
    }
}

extension DirectoryState {
    /// Whether the directory is neither known nor being listed.
    func mayListAhead(_ tree: borrowing Tree, at now: Duration) -> Bool {
        flight == nil && (listing == nil || !tree.isFresh(listedAt, now))
    }
}

/// The tree as a plan sees it; to be used with the tree lock held.
struct PlannedTree: WalkedTree {
    /// The tree.
    let tree: Tree
    /// The time.
    let now: Duration

    func directory(_ name: FileName, in parent: NodeID) -> WalkPlan.DirectoryState {
        guard let state = tree.nodes[parent.rawValue]?.directory else { return .absent }
        guard case .present = tree.knowledge(of: name, in: state, at: now) else { return .absent }
        guard let child = state.children[name] else { return .unlisted }
        guard let state = child.directory else { return .absent }
        if state.listing != nil, tree.isFresh(state.listedAt, now), let rows = tree.arranged(child) {
            return .listed(child.id, rows)
        }
        return state.mayListAhead(tree, at: now) ? .unlisted : .closed
    }

    func file(_ name: FileName, in parent: NodeID) -> WalkPlan.FileState {
        guard let directory = tree.nodes[parent.rawValue], let state = directory.directory,
            case .present(let finding) = tree.knowledge(of: name, in: state, at: now)
        else { return .passed }
        return tree.wish(for: name, in: state, finding)
    }
}
