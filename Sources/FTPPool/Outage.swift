import Remote

/// A time in which no session can be had: who asks waits a little at first, then is refused at once.
///
/// A value without clock or lock; the moment is always passed in.
struct Outage {
    /// When the first attempt failed.
    let since: ContinuousClock.Instant
    /// The newest failure.
    private(set) var error: RemoteError
    /// When the next attempt may be made.
    private(set) var nextAttempt: ContinuousClock.Instant
    private var failures: Int

    /// How long operations wait for the server to come back before they are refused at once.
    static let patience: Duration = .seconds(30)
    /// The longest pause between two attempts to reach a server that is away.
    static let longestPause: Duration = .seconds(30)
    /// The pause after a refused log-in or certificate: servers lock accounts that try again and again.
    static let pauseAfterRefusal: Duration = .seconds(300)

    /// Begins with the first failure.
    init(_ error: RemoteError, now: ContinuousClock.Instant) {
        since = now
        self.error = error
        failures = 0
        nextAttempt = now
        addFailure(error, now: now)
    }

    /// Counts a failed attempt and puts the next one off: 0.25 s, then twice as long each time, up to 30 s.
    mutating func addFailure(_ error: RemoteError, now: ContinuousClock.Instant) {
        self.error = error
        failures += 1
        let pause: Duration = .milliseconds(250 * (1 << min(failures - 1, 7)))
        nextAttempt = now.advanced(by: isRefusal ? Self.pauseAfterRefusal : min(pause, Self.longestPause))
    }

    /// Whether whoever asks now is refused at once instead of waiting for the next attempt.
    func refusesAtOnce(now: ContinuousClock.Instant) -> Bool {
        isRefusal || now >= since.advanced(by: Self.patience)
    }

    private var isRefusal: Bool { error.kind == .authentication || error.kind == .untrusted }
}
