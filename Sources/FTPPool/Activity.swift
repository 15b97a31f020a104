import Remote
import Synchronization

/// What a leased session is used for just now, for those who ask what a mount is doing.
final class Activity: Sendable {
    private let operation: String
    private let path: RemotePath
    private let size: UInt64?
    private let start = ContinuousClock.now
    private let moved = Atomic<UInt64>(0)

    /// Begins a transfer; `size` is how many bytes are to be moved, where that is known.
    init(_ operation: String, _ path: RemotePath, size: UInt64?) {
        self.operation = operation
        self.path = path
        self.size = size
    }

    /// Counts bytes that have been moved; never blocks.
    func advance(by bytes: Int) {
        moved.wrappingAdd(UInt64(bytes), ordering: .relaxed)
    }

    /// One line: the operation, the path, how far it is, for how long.
    func text(now: ContinuousClock.Instant) -> String {
        let moved = moved.load(ordering: .relaxed)
        let aim = size.map { " of \($0)" } ?? ""
        let seconds = start.duration(to: now).components.seconds
        return "\(operation) \(path): \(moved)\(aim) bytes in \(seconds) s"
    }
}
