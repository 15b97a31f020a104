import Remote

/// Who relies on which paths at the server.
///
/// Whoever hands a path to the store has a share of its node until the store has answered; whoever gives names another
/// meaning (rename, unlink) has the nodes concerned, and all below them, alone. So no operation ever meets another file than
/// the one it was meant for, whatever is renamed beside it. A thread takes all it needs at once and never asks for more, so
/// nobody waits in a circle.
struct Leases {
    private var shares: [ObjectIdentifier: (node: Node, count: Int)] = [:]
    private var owned: [Node] = []
    private var wanted: [Node] = []
    /// What is done with shares while no program waits for it, to be cancelled by whoever waits for the nodes alone.
    var spare: [(node: Node, request: Request, isUpload: Bool)] = []
    /// How many threads wait for a change.
    var waiting = 0

    /// Whether somebody holds something of a node itself.
    func holds(_ node: Node) -> Bool {
        if let share = shares[ObjectIdentifier(node)], share.count > 0 { return true }
        return owned.contains { $0 === node } || wanted.contains { $0 === node }
    }

    /// Takes shares if nobody has, or waits to have, the nodes alone.
    mutating func share(_ nodes: [Node]) -> Bool {
        if !owned.isEmpty || !wanted.isEmpty {
            for node in nodes {
                if owned.contains(where: { node.isInside($0) }) { return false }
                if wanted.contains(where: { node.isInside($0) }) { return false }
            }
        }
        for node in nodes { shares[ObjectIdentifier(node), default: (node, 0)].count += 1 }
        return true
    }

    /// Gives shares back.
    mutating func release(shares nodes: [Node]) {
        for node in nodes {
            let key = ObjectIdentifier(node)
            guard let share = shares[key] else { continue }
            if share.count > 1 { shares[key]?.count -= 1 } else { shares[key] = nil }
        }
    }

    /// Takes nodes alone, and shares of others, if both can be had.
    mutating func own(_ nodes: [Node], sharing others: [Node]) -> Bool {
        for node in nodes {
            if owned.contains(where: { node.isInside($0) || $0.isInside(node) }) { return false }
            if shares.values.contains(where: { $0.node.isInside(node) }) { return false }
        }
        for node in others where owned.contains(where: { node.isInside($0) }) { return false }
        owned += nodes
        for node in others { shares[ObjectIdentifier(node), default: (node, 0)].count += 1 }
        return true
    }

    /// Gives owned nodes back.
    mutating func release(owned nodes: [Node]) {
        for node in nodes {
            if let index = owned.firstIndex(where: { $0 === node }) { owned.remove(at: index) }
        }
    }

    /// Announces that somebody waits to have nodes alone, so that nobody takes new shares of them.
    mutating func want(_ nodes: [Node]) { wanted += nodes }

    /// One who has a share inside of nodes, or a part of them alone.
    func holder(inside nodes: [Node]) -> Node? {
        shares.values.first { share in nodes.contains { share.node.isInside($0) } }?.node
            ?? owned.first { owner in nodes.contains { owner.isInside($0) || $0.isInside(owner) } }
    }

    /// What no program waits for inside of nodes; uploads only where they are asked for too.
    func spareRequests(inside nodes: [Node], withUploads: Bool) -> [Request] {
        spare.filter { work in
            (withUploads || !work.isUpload) && nodes.contains { work.node.isInside($0) }
        }.map(\.request)
    }

    /// Takes the announcement back.
    mutating func unwant(_ nodes: [Node]) {
        for node in nodes {
            if let index = wanted.firstIndex(where: { $0 === node }) { wanted.remove(at: index) }
        }
    }
}
