import Remote

/// Where one stream of a file's read-ahead is and how far it is to go: a policy without I/O, guarded by its owner's lock.
struct ReadStream {
    /// Names the stream within its file.
    let id: Int
    /// The offset it was opened at.
    let start: UInt64
    /// Cancelled to end the stream.
    let request: Request
    /// The first byte not announced yet.
    var position: UInt64
    /// Where to stop fetching until somebody reads on.
    private(set) var limit: UInt64
    /// The end of the reads answered through this stream, as far as they leave no gap.
    var reach: UInt64 { front.reach }
    /// How far the reader is led.
    private(set) var lead: UInt64
    /// Where the stream ends: the end of the file, or where another one has taken over.
    private(set) var stop: UInt64
    /// Whether it reads a segment of a convoy on a connection that nobody else needs, from which it is called off at any time.
    let isSpare: Bool
    /// Counts uses, to find the stream that has been left alone for longest.
    var lastUse: UInt64
    /// Readers waiting for bytes of this stream.
    var waiters = 0
    /// Whether its thread waits for the limit to move.
    var isPaused = false
    /// Whether somebody read through it since its thread last looked.
    var wasUsed = true
    /// Whether somebody else wants the connection.
    var isReclaimed = false
    /// Why the stream ended early; its waiters are still to be told.
    var failure: VolumeError?

    /// Whether the reader is led as far as is allowed at the moment.
    private var isFlowing: Bool
    /// How far it would be led if there were no other streams.
    private let fullLead: UInt64
    private var reads = 0
    private var front: ReadFront

    /// The lead a stream starts with at the beginning of a file.
    static let firstLead: UInt64 = 128 << 10
    /// What is fetched beyond a read at a new place: one TLS record.
    static let strayLead: UInt64 = 16 << 10

    /// Begins a stream for a read that ends at `end`; `whole` fetches to the end of the file without pausing, `mostLead` bounds how
    /// far the reader is led at the moment, and `fullLead` at all.
    init(
        id: Int, start: UInt64, end: UInt64, fileSize: UInt64, whole: Bool, lead: UInt64?,
        mostLead: UInt64, fullLead: UInt64 = 0, use: UInt64
    ) {
        self.id = id
        self.start = start
        stop = fileSize
        isSpare = false
        request = Request()
        position = start
        front = ReadFront(at: start)
        let first = lead ?? (start == 0 ? Self.firstLead : Self.strayLead)
        self.lead = whole ? fileSize : min(first, mostLead)
        limit = whole ? fileSize : min(fileSize, Self.sum(end, self.lead))
        lastUse = use
        reads = lead == nil ? 0 : 1
        isFlowing = lead != nil
        self.fullLead = fullLead
    }

    /// Begins a stream for a segment that its reader has yet to come to.
    init(id: Int, segment: Range<UInt64>, lead: UInt64, use: UInt64) {
        self.id = id
        self.lead = lead
        start = segment.lowerBound
        position = start
        front = ReadFront(at: start)
        stop = segment.upperBound
        limit = stop
        isSpare = true
        request = Request(.spare)
        lastUse = use
        reads = 1
        isFlowing = false
        fullLead = 0
    }

    /// Whether waiting for this stream is the way to get the byte at an offset.
    ///
    /// True inside the window, and for a gap small enough to be read through unless the connection is wanted elsewhere.
    func willReach(_ offset: UInt64, gapLimit: UInt64) -> Bool {
        guard failure == nil, offset >= position, offset < stop else { return false }
        if offset < limit { return true }
        // The kernel may be further ahead with its requests than what the stream is allowed at the moment.
        if isFlowing, offset < Self.sum(reach, fullLead) { return true }
        return !isReclaimed && offset - max(position, limit) <= gapLimit
    }

    /// Makes sure that the stream fetches up to the end of a read that waits for it; returns whether its thread must be woken.
    mutating func demand(upTo end: UInt64) -> Bool {
        wasUsed = true
        if end > limit { limit = min(stop, end) }
        return isPaused && end > position ? resume() : false
    }

    /// Notes that a read was answered, and moves the window when it went on sequentially; returns whether the thread must be woken.
    mutating func advance(over range: Range<UInt64>, mostLead: UInt64, gapLimit: UInt64) -> Bool {
        guard front.extend(over: range, gapLimit: gapLimit, disorder: Self.sum(mostLead, mostLead)) else {
            return false
        }
        reads += 1
        wasUsed = true
        if reads > 1 {
            let wanted = Self.sum(Self.firstLead, Self.sum(reach - start, reach - start))
            lead = min(max(lead, wanted), mostLead)
            isFlowing = lead == mostLead
        }
        guard !isReclaimed else { return false }
        let newLimit = min(stop, Self.sum(reach, lead))
        guard newLimit > limit else { return false }
        limit = newLimit
        // A paused thread is not woken for every small read, but for a quarter of the window. It may have gone a little beyond the
        // limit that it stopped at.
        guard isPaused, limit > position else { return false }
        return limit - position >= lead / 4 || limit == stop ? resume() : false
    }

    private mutating func resume() -> Bool {
        isPaused = false
        return true
    }

    /// Has the stream end at another place; returns whether the thread must be woken.
    ///
    /// A segment is fetched to its end without pausing for the reader.
    mutating func end(at stop: UInt64) -> Bool {
        let hasMoved = stop > self.stop
        self.stop = stop
        let window = hasMoved && !isReclaimed ? Self.sum(reach, lead) : limit
        limit = isSpare ? stop : min(max(limit, window), stop)
        return hasMoved && isPaused
    }

    /// Has a segment that was held up by a lack of memory go on; returns whether the thread must be woken.
    mutating func refill() -> Bool {
        guard isSpare, isPaused else { return false }
        limit = stop
        return true
    }

    /// Gives up what was to be fetched beyond the bytes somebody waits for, since there is no memory for more.
    mutating func shorten(to end: UInt64) {
        limit = min(limit, max(end, position))
    }

    private static func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}
