import Posix
import Remote

extension Volume {
    /// Runs an operation of the store on a node's path while nobody can give the path another meaning.
    ///
    /// Throws `.stale` when the node has lost its name, `.interrupted` when the wait for a rename is given up.
    func withPath<Result>(
        of node: Node, for request: Request, _ body: (RemotePath) throws(RemoteError) -> Result
    ) throws(VolumeError) -> Result {
        let path = try share([node], for: request) { $0.path(of: node) }
        defer { release([node]) }
        guard let path else { throw .stale }
        do {
            return try body(path)
        } catch {
            throw VolumeError(error)
        }
    }

    /// The same for what throws errors of the volume and can do without a path.
    func withOptionalPath<Result>(
        of node: Node, for request: Request, _ body: (RemotePath?) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        let path = try share([node], for: request) { $0.path(of: node) }
        defer { release([node]) }
        return try body(path)
    }

    /// Takes shares of nodes and looks at the tree in the same moment.
    func share<Result>(
        _ nodes: [Node], for request: Request, _ look: (inout Tree) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        let quick = try tree.withLock { tree throws(VolumeError) -> Result? in
            guard tree.leases.share(nodes) else { return nil }
            do throws(VolumeError) {
                return try look(&tree)
            } catch {
                tree.leases.release(shares: nodes)
                throw error
            }
        }
        if let quick { return quick }
        // Nobody waits for what is done ahead, and it waits for nobody.
        guard request.urgency == .demanded else { throw .interrupted }
        let result = try waiting(for: request) { tree throws(VolumeError) -> Result? in
            guard tree.leases.share(nodes) else { return nil }
            do throws(VolumeError) {
                return try look(&tree)
            } catch {
                tree.leases.release(shares: nodes)
                throw error
            }
        }
        // Without a deadline, for those who have nodes alone, or wait for them, have one: it ends with a result or by throwing.
        guard let result else { throw .interrupted }
        return result
    }

    /// Gives shares back; nodes that nobody needs any more go.
    func release(_ nodes: [Node]) {
        let mustWake = tree.withLock { tree in
            tree.leases.release(shares: nodes)
            for node in nodes { tree.collect(node) }
            return tree.leases.waiting > 0
        }
        if mustWake { tree.wakeAll() }
    }

    /// Runs an operation with nodes, and all below them, alone, and shares of others.
    ///
    /// `choose` says which, at the moment when they are taken; it is asked again after each wait. What nobody waits for gives way; for the
    /// rest there is a deadline, after which it throws that the nodes are busy. An upload gives way only when it takes longer than
    /// `configuration.uploadGrace`: its last commands could have their effect after it was broken off.
    func alone<Choice, Result>(
        for request: Request,
        _ choose: (inout Tree) throws(VolumeError) -> (own: [Node], share: [Node], choice: Choice),
        _ body: (Choice) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        var wanted: [Node] = []
        var hasWanted = false
        defer {
            if hasWanted || !wanted.isEmpty {
                tree.update { tree in
                    tree.leases.unwant(wanted)
                    for node in wanted { tree.collect(node) }
                }
            }
        }
        typealias Wish = (own: [Node], share: [Node], choice: Choice)
        let deadline = Deadline.after(configuration.leasePatience)
        let grace = Deadline.after(configuration.uploadGrace)
        func attempt(
            _ tree: inout Tree, _ spare: inout [Request], withUploads: Bool
        ) throws(VolumeError) -> Wish? {
            // Those who were kept waiting by a wish are woken when it is given up, below.
            tree.leases.unwant(wanted)
            hasWanted = hasWanted || !wanted.isEmpty
            wanted = []
            let wish = try choose(&tree)
            if tree.leases.own(wish.own, sharing: wish.share) { return wish }
            wanted = wish.own
            tree.leases.want(wanted)
            spare = tree.leases.spareRequests(inside: wanted, withUploads: withUploads)
            return nil
        }
        var taken = try giving(for: request, until: deadline.earlier(grace)) {
            tree, spare throws(VolumeError) in
            try attempt(&tree, &spare, withUploads: false)
        }
        if taken == nil, !deadline.hasPassed {
            taken = try giving(for: request, until: deadline) { tree, spare throws(VolumeError) in
                try attempt(&tree, &spare, withUploads: true)
            }
        }
        guard let taken else { throw tree.withLock { busy(wanted, $0) } }
        defer {
            tree.update { tree in
                tree.leases.release(owned: taken.own)
                tree.leases.release(shares: taken.share)
                for node in taken.own + taken.share { tree.collect(node) }
            }
        }
        return try body(taken.choice)
    }

    // Says who is in the way; called with the tree lock held.
    private func busy(_ nodes: [Node], _ tree: borrowing Tree) -> VolumeError {
        var words = "it is in use"
        if let holder = tree.leases.holder(inside: nodes), let path = tree.path(of: holder) {
            words = "\(path) is \((holder.file?.uploads ?? 0) > 0 ? "being uploaded" : "in use")"
        }
        var path: RemotePath?
        if let node = nodes.first { path = tree.path(of: node) }
        return .remote(RemoteError(.busy, operation: "changing the name of", path: path, words: words))
    }

    /// Runs a body that whoever waits to have the node, or a directory above it, alone may end by cancelling the request.
    ///
    /// The caller has a share of the node. An upload is given some time first; see `alone`.
    func yielding<Result>(
        _ node: Node, isUpload: Bool = false, for request: Request, _ body: () throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        let mustWake = tree.withLock { tree in
            tree.leases.spare.append((node, request, isUpload))
            return tree.leases.waiting > 0
        }
        if mustWake { tree.wakeAll() }
        defer { tree.withLock { $0.leases.spare.removeAll { $0.request === request } } }
        return try body()
    }

    // Waits as `waiting` does, and cancels between what the body names as done ahead: that takes locks of others.
    private func giving<Result>(
        for request: Request, until deadline: Deadline,
        _ body: (inout Tree, _ spare: inout [Request]) throws(VolumeError) -> Result?
    ) throws(VolumeError) -> Result? {
        while true {
            let answer = try waiting(for: request, until: deadline) {
                tree throws(VolumeError) -> (Result?, [Request])? in
                var spare: [Request] = []
                if let result = try body(&tree, &spare) { return (result, []) }
                spare.removeAll(where: \.isCancelled)
                return spare.isEmpty ? nil : (nil, spare)
            }
            guard let (result, spare) = answer else { return nil }
            if let result { return result }
            for request in spare { request.cancel() }
        }
    }

    // Nil: the deadline has passed.
    private func waiting<Result>(
        for request: Request, until deadline: Deadline = .never,
        _ body: (inout Tree) throws(VolumeError) -> Result?
    ) throws(VolumeError) -> Result? {
        let token = request.onCancel { [tree] in tree.wakeAll() }
        defer { request.remove(token) }
        var isCounted = false
        defer { if isCounted { tree.withLock { $0.leases.waiting -= 1 } } }
        return try tree.wait(until: deadline) { tree throws(VolumeError) -> Result? in
            if let result = try body(&tree) { return result }
            if request.isCancelled { throw .interrupted }
            if !isCounted {
                tree.leases.waiting += 1
                isCounted = true
            }
            return nil
        }
    }
}
