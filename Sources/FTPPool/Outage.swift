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
    private var failures = 0
    private var refusals = 0

    /// How long operations wait for the server to come back before they are refused at once.
    static let patience: Duration = .seconds(30)
    /// The longest pause between two attempts to reach a server that is away.
    static let longestPause: Duration = .seconds(30)
    /// The pause after a refused log-in, twice as long after each further one: servers lock accounts that try again and again.
    static let pauseAfterRefusal: Duration = .seconds(300)
    /// The longest pause after one.
    static let longestPauseAfterRefusal: Duration = .seconds(3600)

    /// Begins with the first failure.
    init(_ error: RemoteError, now: ContinuousClock.Instant) {
        since = now
        self.error = error
        nextAttempt = now
        addFailure(error, now: now)
    }

    /// Counts a failed attempt and puts the next one off: 0.25 s, then twice as long each time, up to 30 s; after a refused log-in 5 minutes, then
    /// twice as long for each further one, up to an hour.
    ///
    /// Where it came to no log-in, for AUTH or the certificate was refused, no account is locked, and what was in the clear may have been
    /// altered on the way.
    mutating func addFailure(_ error: RemoteError, now: ContinuousClock.Instant) {
        self.error = error
        failures += 1
        let pause: Duration
        if error.kind == .authentication {
            refusals += 1
            pause = min(
                Self.pauseAfterRefusal * (1 << min(refusals - 1, 7)), Self.longestPauseAfterRefusal)
        } else {
            pause = min(.milliseconds(250 * (1 << min(failures - 1, 7))), Self.longestPause)
        }
        nextAttempt = now.advanced(by: pause)
    }

    /// Lets the next attempt be made at once.
    mutating func hasten(now: ContinuousClock.Instant) {
        nextAttempt = min(nextAttempt, now)
    }

    /// Whether whoever asks now is refused at once instead of waiting for the next attempt.
    func refusesAtOnce(now: ContinuousClock.Instant) -> Bool {
        Self.isRefusal(error) || now >= since.advanced(by: Self.patience)
    }

    /// Whether a failure means that the server, or this side of it, does not want the connection, so that trying again helps nobody.
    static func isRefusal(_ error: RemoteError) -> Bool {
        error.kind == .authentication || error.kind == .untrusted
    }
}
