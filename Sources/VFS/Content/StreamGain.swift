/// Finds out whether several streams bring a file faster than one: a policy without I/O or clock, guarded by its owner's lock.
///
/// On a long link one transfer brings no more than a window of bytes a round trip. The sign of a long link is that a transfer takes long to
/// open: on a short one the processors are the limit, and more streams would only cost. Whether the link or its window is
/// the limit cannot be told beforehand, so it is tried.
struct StreamGain {
    /// What the owner should do.
    enum Advice: Equatable {
        /// Go on.
        case none
        /// Read through several streams.
        case spread
        /// Go back to one; more bring nothing.
        case gather
    }

    private var isSpread = false
    /// Whether what several streams bring is being measured.
    private(set) var isOnTrial = false
    private var start: ContinuousClock.Instant?
    private var bytes: UInt64 = 0
    private var lastRate: Double?
    private var steadySamples = 0

    /// What one stream brought before others joined it, in bytes a second.
    private(set) var singleRate = 0.0

    /// A transfer that opens faster than this, in about four round trips, runs on a link without need for more.
    static let longOpening: Duration = .milliseconds(12)
    /// A rate is steady when from one sample to the next it grows by no more than this: TCP's windows widen for a while.
    static let growth = 1.08
    /// It may fall by more, for bytes come in bursts.
    static let fall = 1.3
    /// The steady samples in a row that are believed.
    static let leastSamples = 2
    /// Several streams must bring this much more than one.
    static let leastGain = 1.25
    /// The bytes over which several streams are judged.
    static let trialBytes: UInt64 = 32 << 20
    /// What a segment costs, in times of opening a transfer: the one before is aborted, and the new one grows from a few packets.
    static let segmentCost = 3.0
    /// Several streams are tried when they can be expected to bring so many times what one brings.
    static let leastHope = 1.5

    /// Counts bytes that came.
    ///
    /// `opening` is the shortest time a transfer has taken to open, `left` the bytes of the file that have not come, `isFlowing` whether the
    /// window is at its widest. `width` streams could read segments of `segment` bytes each.
    mutating func note(
        _ count: Int, opening: Duration, left: UInt64, isFlowing: Bool, width: Int, segment: UInt64,
        at now: ContinuousClock.Instant
    ) -> Advice {
        guard let start else {
            start = now
            bytes = 0
            return .none
        }
        bytes += UInt64(count)
        let span = (now - start).inSeconds
        if isSpread {
            guard isOnTrial, bytes >= Self.trialBytes, span > 0 else { return .none }
            let rate = Double(bytes) / span
            restart()
            guard rate < singleRate * Self.leastGain else { return .none }
            gathered()
            return .gather
        }
        guard span >= max(opening.inSeconds, 0.025) else { return .none }
        let rate = Double(bytes) / span
        // Neither grows any more nor takes what had gathered on the way.
        let isLike = lastRate.map { rate < $0 * Self.growth && rate * Self.fall > $0 } ?? false
        steadySamples = isLike ? steadySamples + 1 : 0
        // The best that was steady: a rate that has fallen since says that something else is the limit.
        if steadySamples >= Self.leastSamples { singleRate = max(singleRate, rate) }
        lastRate = rate
        self.start = now
        bytes = 0
        guard steadySamples >= Self.leastSamples, isFlowing, opening >= Self.longOpening else { return .none }
        // In the time that a segment costs, one stream would bring so many bytes.
        let cost = singleRate * opening.inSeconds * Self.segmentCost
        let hope = Double(width) / (1 + cost / Double(min(segment, left / UInt64(max(1, width)))))
        guard left > 0, hope >= Self.leastHope else { return .none }
        isSpread = true
        return .spread
    }

    /// Says that the reader was slower than its streams for a moment, so that what is being measured says nothing of them.
    mutating func restart() {
        start = nil
        guard !isSpread else { return }
        lastRate = nil
        steadySamples = 0
    }

    /// Says that the first of the further streams is open and brings something.
    mutating func beginTrial() {
        isOnTrial = isSpread
        restart()
    }

    /// Says that there is one stream again.
    mutating func gathered() {
        isSpread = false
        isOnTrial = false
        restart()
    }
}
