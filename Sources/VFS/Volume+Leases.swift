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
        return try waiting(for: request) { tree throws(VolumeError) -> Result? in
            guard tree.leases.share(nodes) else { return nil }
            do throws(VolumeError) {
                return try look(&tree)
            } catch {
                tree.leases.release(shares: nodes)
                throw error
            }
        }
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
    /// `choose` says which, at the moment when they are taken; it is asked again after each wait.
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
        let taken = try giving(for: request) { tree, spare throws(VolumeError) -> Wish? in
            // Those who were kept waiting by a wish are woken when it is given up, below.
            tree.leases.unwant(wanted)
            hasWanted = hasWanted || !wanted.isEmpty
            wanted = []
            let wish = try choose(&tree)
            if tree.leases.own(wish.own, sharing: wish.share) { return wish }
            wanted = wish.own
            tree.leases.want(wanted)
            spare = tree.leases.spareRequests(inside: wanted)
            return nil
        }
        defer {
            tree.update { tree in
                tree.leases.release(owned: taken.own)
                tree.leases.release(shares: taken.share)
                for node in taken.own + taken.share { tree.collect(node) }
            }
        }
        return try body(taken.choice)
    }

    // Waits as `waiting` does, and cancels between what the body names as done ahead: that takes locks of others.
    private func giving<Result>(
        for request: Request, _ body: (inout Tree, _ spare: inout [Request]) throws(VolumeError) -> Result?
    ) throws(VolumeError) -> Result {
        while true {
            let (result, spare) = try waiting(for: request) {
                tree throws(VolumeError) -> (Result?, [Request])? in
                var spare: [Request] = []
                if let result = try body(&tree, &spare) { return (result, []) }
                spare.removeAll(where: \.isCancelled)
                return spare.isEmpty ? nil : (nil, spare)
            }
            if let result { return result }
            for request in spare { request.cancel() }
        }
    }

    private func waiting<Result>(
        for request: Request, _ body: (inout Tree) throws(VolumeError) -> Result?
    ) throws(VolumeError) -> Result {
        let token = request.onCancel { [tree] in tree.wakeAll() }
        defer { request.remove(token) }
        var isCounted = false
        defer { if isCounted { tree.withLock { $0.leases.waiting -= 1 } } }
        let result = try tree.wait { tree throws(VolumeError) -> Result? in
            if let result = try body(&tree) { return result }
            if request.isCancelled { throw .interrupted }
            if !isCounted {
                tree.leases.waiting += 1
                isCounted = true
            }
            return nil
        }
        // The wait has no deadline: it ends with a result or by throwing.
        guard let result else { throw .interrupted }
        return result
    }
}
