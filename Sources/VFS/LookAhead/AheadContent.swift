import Posix
import Remote

/// The whole content of a small file, fetched before anybody has opened it.
final class AheadContent: Sendable {
    /// What the server said of the file as the content was fetched.
    let version: FileVersion
    /// The bytes; filled.
    let block: Block
    /// When they were asked for.
    let askedAt: Duration
    private let budget: ReadBudget
    private let isTaken = Monitor(false)

    /// Takes over bytes whose memory is reserved in the budget.
    init(_ block: Block, _ version: FileVersion, askedAt: Duration, budget: ReadBudget) {
        self.block = block
        self.version = version
        self.askedAt = askedAt
        self.budget = budget
    }

    deinit {
        if !isTaken.withLock({ $0 }) { budget.release(block.capacity) }
    }

    /// Gives the bytes, and the duty to give their memory back, to whoever calls.
    func take() -> Block {
        isTaken.withLock { $0 = true }
        return block
    }
}

/// The contents fetched ahead that nobody has opened yet; guarded by the tree lock.
struct AheadShelf {
    private var nodes: [NodeID: Node] = [:]
    /// The bytes of all contents.
    private(set) var bytes = 0

    /// How long a content waits to be opened.
    static let patience: Duration = .seconds(5)

    /// Whether nothing is here.
    var isEmpty: Bool { nodes.isEmpty }

    /// Gives a file its content.
    mutating func put(_ content: AheadContent, for node: Node) {
        remove(of: node)
        node.fileState.ahead = content
        nodes[node.id] = node
        bytes += content.block.capacity
    }

    /// Takes a file's content out.
    @discardableResult mutating func remove(of node: Node) -> AheadContent? {
        guard let content = node.file?.ahead else { return nil }
        node.file?.ahead = nil
        nodes[node.id] = nil
        bytes -= content.block.capacity
        return content
    }

    /// Takes out the contents of a file, or of all files below a directory; returns the files, which may not be needed any more.
    mutating func removeAll(inside ancestor: Node) -> [Node] {
        let inner = nodes.values.filter { $0.isInside(ancestor) }
        for node in inner { remove(of: node) }
        return inner
    }

    /// Takes out what has waited for too long, or everything; returns the files, which may not be needed any more.
    mutating func expire(at now: Duration?) -> [Node] {
        let old = nodes.values.filter { node in
            guard let now, let content = node.file?.ahead else { return true }
            return now - content.askedAt > Self.patience
        }
        for node in old { remove(of: node) }
        return old
    }
}

/// A file being fetched ahead.
final class AheadFetch: Sendable {
    /// What the store does it for.
    let request: Request
    private let state = Monitor((isOver: false, isAwaited: false))

    /// Begins.
    init(for request: Request) {
        self.request = request
    }

    /// Whether a program waits for this very file, so that its connection is not to be spared any more.
    var isAwaited: Bool { state.withLock { $0.isAwaited } }

    /// Tells whoever waits that the fetch has come to its end, whatever it brought.
    func finish() { state.update { $0.isOver = true } }

    /// Waits for the end; throws `.interrupted` when the request is cancelled before it.
    func wait(for request: Request) throws(VolumeError) {
        let token = request.onCancel { [state] in state.wakeAll() }
        defer { request.remove(token) }
        _ = try state.wait { state throws(VolumeError) -> Bool? in
            state.isAwaited = true
            if state.isOver { return true }
            if request.isCancelled { throw .interrupted }
            return nil
        }
    }
}
