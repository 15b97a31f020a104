/// How the range ahead of one sequential reader is cut into segments, each read by a stream of its own: a policy without I/O, guarded by its
/// owner's lock.
///
/// A stream ends where the next segment begins; the last one goes on into the range behind it. So a segment whose stream
/// could not be opened falls to the stream in front, and one that broke off is read on by whoever needs its bytes. A new segment costs
/// a transfer's abort and opening, so that segments are long; what bounds them is the memory for bytes that wait for the reader.
struct Convoy {
    /// The end of what was read.
    var reach: UInt64 { front.reach }
    /// Where segments begin, the first one apart; ascending.
    private(set) var cuts: [UInt64] = []
    /// The end of the last segment.
    private(set) var frontier: UInt64
    /// The streams that have taken part.
    private(set) var members: Set<Int> = []
    /// The most streams at a time, as far as the store has connections to spare.
    private(set) var width: Int
    /// Whether no further segment is begun.
    private(set) var isEnding = false

    private let most: Int
    private let fileSize: UInt64
    private let segment: UInt64
    private var widensAt: ContinuousClock.Instant?
    private var front: ReadFront
    private var begun: UInt64 = 0

    /// The bounds of a segment's length.
    static let segmentLengths: ClosedRange<UInt64> = (4 << 20)...(16 << 20)
    /// How far the reader's requests may be out of order.
    static let disorder: UInt64 = 8 << 20
    /// How long a lack of connections is remembered.
    static let narrowTime: Duration = .seconds(2)

    /// Begins around a stream that has come to `position`, whose reader has come to `reach`.
    ///
    /// `cycle` is how many bytes a stream brings in the time of several openings, `memory` how many may wait for the reader.
    init(
        leader: Int, reach: UInt64, position: UInt64, fileSize: UInt64, most: Int, cycle: UInt64, memory: Int
    ) {
        front = ReadFront(at: reach)
        self.fileSize = fileSize
        self.most = max(2, most)
        width = self.most
        segment =
            max(
                Self.segmentLengths.lowerBound, min(cycle, Self.longestSegment(most: most, memory: memory)))
            & ~0xf_ffff
        // The first stream goes on until the next ones are in full flow, which differ in length so that they do not all end at the same time.
        let first = min(segment, cycle / 4 + segment / UInt64(self.most))
        frontier = min(fileSize, (position + first + 0xf_ffff) & ~0xf_ffff)
        members = [leader]
    }

    /// The longest segments that so many streams can have, in bytes.
    ///
    /// Streams that end one after the other hold (`most` - 1) / 2 segments together, and not quite as evenly as that.
    static func longestSegment(most: Int, memory: Int) -> UInt64 {
        let held = UInt64(max(0, memory)) * 3 / 2 / UInt64(max(1, most - 1))
        return max(segmentLengths.lowerBound, min(held, segmentLengths.upperBound))
    }

    /// Whether a place is where the convoy's reader may come to next.
    func covers(_ place: UInt64) -> Bool {
        place <= frontier && place + Self.disorder >= reach
    }

    /// Where a stream that was opened at `start` and has come to `position` ends for now.
    func stop(of id: Int, start: UInt64, position: UInt64) -> UInt64 {
        if let cut = cuts.first(where: { $0 >= position && $0 > start }) { return cut }
        return members.contains(id) ? frontier : fileSize
    }

    /// Lets a stream take part.
    mutating func join(_ id: Int) { members.insert(id) }

    /// Notes that the reader has read a range; returns whether it has come further by that.
    mutating func follow(_ range: Range<UInt64>, gapLimit: UInt64) -> Bool {
        guard covers(range.lowerBound),
            front.extend(over: range, gapLimit: gapLimit, disorder: Self.disorder)
        else { return false }
        let reach = front.reach
        cuts.removeAll { $0 + Self.disorder <= reach }
        return true
    }

    /// Whether another stream would have a segment to read while `count` streams are at work.
    func wantsAnother(beside count: Int, at now: ContinuousClock.Instant) -> Bool {
        let isNarrow = widensAt.map { now < $0 } ?? false
        return !isEnding && count < (isNarrow ? width : most)
            && fileSize - frontier >= Self.segmentLengths.lowerBound
    }

    /// Begins a segment behind the last one, for a stream to come.
    mutating func begin() -> Range<UInt64> {
        let start = frontier
        let left = fileSize - start
        begun += 1
        let ramp = segment / UInt64(most) * begun
        let shortest = Self.segmentLengths.lowerBound
        var length = min(segment, max(ramp, shortest), max(left / 2, shortest)) & ~0xf_ffff
        if left < length + shortest { length = left }
        cuts.append(start)
        frontier = start + length
        return start..<frontier
    }

    /// Has the last stream, which has come to the frontier, go on behind it; false when it is to end there.
    mutating func extend(isSpare: Bool) -> Bool {
        guard frontier < fileSize, !isEnding || !isSpare else { return false }
        frontier = isEnding ? fileSize : frontier + min(segment, fileSize - frontier)
        return true
    }

    /// Notes that a stream was lost at `position` and `count` are left; what it has not begun falls to the one in front.
    mutating func lose(start: UInt64, position: UInt64, left count: Int, at now: ContinuousClock.Instant) {
        width = count
        widensAt = now + Self.narrowTime
        guard position == start, let index = cuts.firstIndex(of: start) else { return }
        cuts.remove(at: index)
        if index == cuts.count { frontier = start }
    }

    /// Begins no further segment.
    mutating func end() { isEnding = true }
}
