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
    private(set) var reach: UInt64
    /// How far the reader is led.
    private(set) var lead: UInt64
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

    private let fileSize: UInt64
    private var reads = 0
    /// Reads answered beyond a gap behind `reach`, in the order of their places: the kernel reads ahead with several requests at a time,
    /// and they arrive in any order.
    private var beyondGap: [Range<UInt64>] = []

    /// The lead a stream starts with at the beginning of a file.
    static let firstLead: UInt64 = 128 << 10
    /// What is fetched beyond a read at a new place: one TLS record.
    static let strayLead: UInt64 = 16 << 10
    /// The most reads that may be answered ahead of one that is missing.
    static let disorderLimit = 16

    /// Begins a stream for a read that ends at `end`; `whole` fetches to the end of the file without pausing.
    init(id: Int, start: UInt64, end: UInt64, fileSize: UInt64, whole: Bool, lead: UInt64?, use: UInt64) {
        self.id = id
        self.start = start
        self.fileSize = fileSize
        request = Request()
        position = start
        reach = start
        self.lead = whole ? fileSize : lead ?? (start == 0 ? Self.firstLead : Self.strayLead)
        limit = whole ? fileSize : min(fileSize, Self.sum(end, self.lead))
        lastUse = use
        reads = lead == nil ? 0 : 1
    }

    /// Whether waiting for this stream is the way to get the byte at an offset.
    ///
    /// True inside the window, and for a gap small enough to be read through unless the connection is wanted elsewhere.
    func willReach(_ offset: UInt64, gapLimit: UInt64) -> Bool {
        guard failure == nil, offset >= position else { return false }
        if offset < limit { return true }
        return !isReclaimed && offset - max(position, limit) <= gapLimit
    }

    /// Makes sure that the stream fetches up to the end of a read that waits for it; returns whether its thread must be woken.
    mutating func demand(upTo end: UInt64) -> Bool {
        wasUsed = true
        if end > limit { limit = min(fileSize, end) }
        return isPaused && end > position ? resume() : false
    }

    /// Notes that a read was answered, and moves the window when it went on sequentially; returns whether the thread must be woken.
    mutating func advance(over range: Range<UInt64>, mostLead: UInt64, gapLimit: UInt64) -> Bool {
        guard range.upperBound > reach,
            extend(over: range, gapLimit: gapLimit, disorder: Self.sum(mostLead, mostLead))
        else { return false }
        reads += 1
        wasUsed = true
        if reads > 1 {
            let wanted = Self.sum(Self.firstLead, Self.sum(reach - start, reach - start))
            lead = max(Self.strayLead, min(max(lead, wanted), mostLead))
        }
        guard !isReclaimed else { return false }
        let newLimit = min(fileSize, Self.sum(reach, lead))
        guard newLimit > limit else { return false }
        limit = newLimit
        // A paused thread is not woken for every small read, but for a quarter of the window. It may have gone a little beyond the
        // limit that it stopped at.
        guard isPaused, limit > position else { return false }
        return limit - position >= lead / 4 || limit == fileSize ? resume() : false
    }

    // Moves `reach` over a read and over those beyond that were answered before it; returns whether it moved. A gap that is still there
    // when the reads beyond it are many or far away was jumped over by the reader.
    private mutating func extend(over range: Range<UInt64>, gapLimit: UInt64, disorder: UInt64) -> Bool {
        let place = beyondGap.firstIndex { $0.lowerBound > range.lowerBound } ?? beyondGap.endIndex
        beyondGap.insert(range, at: place)
        let before = reach
        while let next = beyondGap.first, let last = beyondGap.last {
            let isNear = next.lowerBound <= Self.sum(reach, gapLimit)
            guard isNear || beyondGap.count > Self.disorderLimit || last.upperBound - reach > disorder else {
                break
            }
            reach = max(reach, next.upperBound)
            beyondGap.removeFirst()
        }
        return reach > before
    }

    private mutating func resume() -> Bool {
        isPaused = false
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
