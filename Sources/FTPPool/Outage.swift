import Remote

/// A time in which no session can be had, or none in addition: who asks waits a little at first, then is refused at once.
///
/// A value without clock or lock; the moment is always passed in.
struct Outage {
    /// When the first attempt failed.
    let since: ContinuousClock.Instant
    /// The newest failure.
    private(set) var error: RemoteError
    /// When the next attempt may be made.
    private(set) var nextAttempt: ContinuousClock.Instant
    private var lastFailure: ContinuousClock.Instant
    private var failures = 0
    private var refusals = 0
    private var unanswered = 0

    /// One attempt that has failed.
    struct Failure {
        /// Why.
        let error: RemoteError
        /// Whether the server was given a password and has said nothing to it, as far as it was waited for.
        let isUnanswered: Bool
        /// Whether another session stands, so that no more than one in addition is lacking.
        let besideOthers: Bool
        /// When the attempt began, as far as that matters: nil when no other one was under way.
        let begun: ContinuousClock.Instant?

        /// Puts a failure together.
        init(
            _ error: RemoteError, isUnanswered: Bool = false, besideOthers: Bool = false,
            begun: ContinuousClock.Instant? = nil
        ) {
            self.error = error
            self.isUnanswered = isUnanswered
            self.besideOthers = besideOthers
            self.begun = begun
        }
    }

    /// How long operations wait for the server to come back before they are refused at once.
    static let patience: Duration = .seconds(30)
    /// The longest pause between two attempts to reach a server that is away.
    static let longestPause: Duration = .seconds(30)
    /// The longest pause where that costs less, for a session stands, or more, for the password goes out each time.
    static let longestRarePause: Duration = .seconds(300)
    /// The pause after a refused log-in, twice as long after each further one: servers lock accounts that try again and again.
    static let pauseAfterRefusal: Duration = .seconds(300)
    /// The longest pause after one.
    static let longestPauseAfterRefusal: Duration = .seconds(3600)

    /// Begins with the first failure.
    init(_ failure: Failure, now: ContinuousClock.Instant) {
        since = now
        error = failure.error
        nextAttempt = now
        lastFailure = now
        addFailure(failure, now: now)
    }

    /// Counts a failed attempt and puts the next one off: 0.25 s, then twice as long each time, up to 30 s, or up to 5 minutes where another session
    /// stands; after a refused log-in 5 minutes, then twice as long for each further one, up to an hour.
    ///
    /// Where it came to no log-in, for AUTH or the certificate was refused, no account is locked, and what was in the clear may have been
    /// altered on the way. A password that is never answered may be counted as a wrong one by a server that is slow to say so: from the second on the
    /// pauses are 30 s, then twice as long each time, up to 5 minutes. Attempts that were under way together have met the same, and count once; the
    /// first refusal counts in any case.
    mutating func addFailure(_ failure: Failure, now: ContinuousClock.Instant) {
        if failures > 0, let begun = failure.begun, begun < lastFailure {
            guard failure.error.kind == .authentication, refusals == 0 else { return }
        }
        lastFailure = now
        error = failure.error
        failures += 1
        if failure.isUnanswered { unanswered += 1 }
        let pause: Duration
        if error.kind == .authentication {
            refusals += 1
            pause = min(
                Self.pauseAfterRefusal * (1 << min(refusals - 1, 7)), Self.longestPauseAfterRefusal)
        } else if failure.isUnanswered, unanswered > 1 {
            pause = min(Self.longestPause * (1 << min(unanswered - 2, 7)), Self.longestRarePause)
        } else {
            pause = min(
                .milliseconds(250 * (1 << min(failures - 1, 11))),
                failure.besideOthers ? Self.longestRarePause : Self.longestPause)
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
