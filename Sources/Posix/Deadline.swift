/// A moment after which waiting makes no sense any more; counted on the clock that goes on while the machine sleeps.
package struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant?

    private init(instant: ContinuousClock.Instant?) {
        self.instant = instant
    }

    /// The deadline that never passes.
    package static let never = Deadline(instant: nil)

    /// The deadline that lies a duration ahead of now; a negative one has passed.
    package static func after(_ duration: Duration) -> Deadline {
        Deadline(instant: ContinuousClock.now.advanced(by: duration))
    }

    /// Whether the moment has come.
    package var hasPassed: Bool {
        guard let instant else { return false }
        return ContinuousClock.now >= instant
    }

    /// The time left, zero when it has passed, nil when it never passes.
    package var remaining: Duration? {
        guard let instant else { return nil }
        return max(.zero, ContinuousClock.now.duration(to: instant))
    }

    /// The time left in the form of poll(2): -1 for no limit, rounded up to whole milliseconds.
    package var pollTimeout: CInt {
        guard let remaining else { return -1 }
        let (seconds, attoseconds) = remaining.components
        let milliseconds =
            min(seconds, 1_000_000) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return CInt(clamping: milliseconds)
    }

    /// The nearer one of two deadlines.
    package func earlier(_ other: Deadline) -> Deadline {
        guard let instant else { return other }
        guard let otherInstant = other.instant else { return self }
        return instant <= otherInstant ? self : other
    }
}
