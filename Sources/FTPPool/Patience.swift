/// How long somebody waits for a session: a while from the last sign that those who hold them get on.
///
/// A value without clock; the moment is passed in.
struct Patience {
    private let limit: Duration
    private var progress: UInt64
    private var since: ContinuousClock.Instant

    /// Begins to wait; `progress` is a count that grows with each sign.
    init(_ limit: Duration, progress: UInt64, now: ContinuousClock.Instant) {
        self.limit = limit
        self.progress = progress
        since = now
    }

    /// Takes a look at the count; whether it has stood still for too long.
    mutating func isOver(progress current: UInt64, now: ContinuousClock.Instant) -> Bool {
        if current != progress {
            progress = current
            since = now
        }
        return now >= since.advanced(by: limit)
    }
}
