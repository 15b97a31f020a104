/// Nodes by the kernel's numbers, which are given out in order: 8 bytes for each node.
///
/// Neighbours are kept in pieces; a piece goes with the last of its nodes.
struct NodeTable {
    private struct Piece {
        private(set) var nodes = [Node?](repeating: nil, count: NodeTable.pieceSize)
        private var count = 0

        /// Puts a node, or nothing, at a place; returns how many nodes there are then.
        mutating func put(_ node: Node?, at place: Int) -> Int {
            count += (node == nil ? 0 : 1) - (nodes[place] == nil ? 0 : 1)
            nodes[place] = node
            return count
        }
    }

    private static let pieceSize = 256
    private var pieces: [UInt64: Piece] = [:]

    /// The node of a number.
    subscript(number: UInt64) -> Node? {
        get { pieces[number / UInt64(Self.pieceSize)]?.nodes[Self.place(of: number)] }
        set {
            let key = number / UInt64(Self.pieceSize)
            count += (newValue == nil ? 0 : 1) - (self[number] == nil ? 0 : 1)
            let rest = pieces[key, default: Piece()].put(newValue, at: Self.place(of: number))
            if rest == 0 { pieces[key] = nil }
        }
    }

    /// The number of nodes.
    private(set) var count = 0

    /// All nodes, in no order.
    var values: some Sequence<Node> {
        pieces.values.lazy.flatMap { $0.nodes.lazy.compactMap { $0 } }
    }

    private static func place(of number: UInt64) -> Int { Int(number % UInt64(pieceSize)) }
}
