import Posix
import Remote

/// The uploads for which no program waits: what a mount before this one has left, and what is stored later than it is closed.
///
/// Each is a handle of the volume's table that no program has, so that the file is open to all that is done with its name. One thread takes
/// them one at a time (`Volume.runPending`); it lives as long as there are any.
final class PendingUploads: Sendable {
    /// One upload.
    struct Item {
        /// The handle that keeps the content.
        let handle: HandleID
        /// When to try next.
        var due: ContinuousClock.Instant
        /// How often the server was asked in vain.
        var attempts = 0
        /// The wait before the next try, should this one fail.
        var pause: Duration?
        /// Why the last try failed.
        var failure: String?
        /// The try under way.
        var request: Request?
        /// It is done or given up, and its handle about to end.
        var isOver = false
    }

    private struct State {
        var items: [UInt64: Item] = [:]
        var isStopped = false
        var hasThread = false
    }

    private let state = Monitor(State())

    /// Adds an upload; returns whether a thread has to be started for it.
    func add(_ item: Item) -> Bool {
        state.update { state in
            state.items[item.handle.rawValue] = item
            guard !state.hasThread, !state.isStopped else { return false }
            state.hasThread = true
            return true
        }
    }

    /// Says that the thread could not be started, and why: no upload is tried before one more is added.
    func threadFailed(because reason: String) {
        state.update { state in
            state.hasThread = false
            for key in state.items.keys where state.items[key]?.failure == nil {
                state.items[key]?.failure = reason
            }
        }
    }

    /// Waits for the next upload that is due and marks it as under way; nil when there are none or no more are wanted: the thread has
    /// to end then.
    func next(for request: Request) -> Item? {
        while true {
            let first: ContinuousClock.Instant? = state.withLock { state in
                state.items.values.lazy.filter { !$0.isOver }.map(\.due).min()
            }
            let deadline = first.map { Deadline.after(max(.zero, $0 - .now)) } ?? .never
            enum Turn { case item(Item), end, again }
            let turn: Turn? = state.wait(until: deadline) { state in
                guard !state.isStopped, !state.items.isEmpty else {
                    state.hasThread = false
                    return .end
                }
                let now = ContinuousClock.now
                let waiting = state.items.values.lazy.filter { !$0.isOver }
                if let next = waiting.min(by: { $0.due < $1.due }) {
                    if next.due <= now {
                        state.items[next.handle.rawValue]?.request = request
                        return .item(next)
                    }
                    if first.map({ next.due < $0 }) ?? true { return .again }
                }
                return nil
            }
            switch turn {
            case .item(let item): return item
            case .end:
                state.wakeAll()
                return nil
            case .again, nil: continue
            }
        }
    }

    /// Says that an upload is done or given up: it keeps its handle no more, which ends before `remove`.
    func retire(_ handle: HandleID) {
        state.update { $0.items[handle.rawValue]?.isOver = true }
    }

    /// Takes an upload out whose handle has ended.
    func remove(_ handle: HandleID) {
        state.update { _ = $0.items.removeValue(forKey: handle.rawValue) }
    }

    /// Changes an upload that is still there.
    func change(_ handle: HandleID, _ body: (inout Item) -> Void) {
        state.update { state in
            guard var item = state.items[handle.rawValue] else { return }
            body(&item)
            state.items[handle.rawValue] = item
        }
    }

    /// The uploads, those that are due first at the front.
    var items: [Item] {
        state.withLock { $0.items.values.sorted { $0.due < $1.due } }
    }

    /// How many there are.
    var count: Int { state.withLock { $0.items.count } }

    /// Whether there are none.
    var isEmpty: Bool { state.withLock { $0.items.isEmpty } }

    /// Whether a handle is kept by one of these uploads.
    func keeps(_ handle: HandleID) -> Bool {
        state.withLock { $0.items[handle.rawValue].map { !$0.isOver } ?? false }
    }

    /// Waits until none is left, at most until the deadline; returns whether none is.
    func waitUntilDone(until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { $0.items.isEmpty ? true : nil } ?? false
    }

    /// Waits until each that is left was tried in vain once, at most until the deadline; returns whether each was.
    @discardableResult
    func waitUntilTried(until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { state in
            state.items.values.allSatisfy { $0.failure != nil } ? true : nil
        } ?? false
    }

    /// Ends the thread, giving the upload under way time until the deadline, then cancelling it.
    func stop(until deadline: Deadline) {
        state.update { $0.isStopped = true }
        let isOver = state.wait(until: deadline) { $0.hasThread ? nil : true } ?? false
        guard !isOver else { return }
        for request in state.withLock({ $0.items.values.compactMap(\.request) }) { request.cancel() }
        // Cancelled waits end soon.
        _ = state.wait(until: .after(.seconds(10))) { $0.hasThread ? nil : true }
    }
}
