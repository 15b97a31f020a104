import Posix
import Remote

extension ReadAhead {
    // Guarded by `monitor`.
    struct State {
        /// The size of the file.
        let size: UInt64
        var pieces = Pieces()
        var streams: [ReadStream] = []
        /// Ends of reads that wait, with the stream they wait for.
        var wants: [Int: (stream: Int, range: Range<UInt64>)] = [:]
        /// Where sequential streams ended early, and their lead, so that a successor need not start small.
        var hints: [(place: UInt64, lead: UInt64)] = []
        var nextID = 0
        var uses: UInt64 = 0
        /// Readers that wait until one of two busy streams is free.
        var blocked = 0
        var isClosed = false
        var isStale = false
        var hasOpened = false
        /// Somebody has asked for bytes.
        var hasBeenRead = false
        /// Whether further streams would bring a sequential reader its bytes faster.
        var gain = StreamGain()
        /// The streams of a sequential reader that has several.
        var convoy: Convoy?
        /// There was a convoy: no transfer has seen the whole file.
        var hasSpread = false
        /// The version has been looked at for the end of the file: what ends later needs another look.
        var isEndChecked = false
        /// The path of the file, as of the last read; a stream that is taken up again uses it.
        var path: RemotePath?
        /// A rename is under way: the file may be at its old path or at the new one.
        var isMoving = false

        /// The number of streams that have not failed, those on spare connections apart.
        var activeStreams: Int { streams.count { $0.failure == nil && !$0.isSpare } }

        /// The stream without waiting readers that was left alone for longest, those on spare connections apart.
        var leastUsedStream: Int? {
            streams.indices
                .filter {
                    streams[$0].failure == nil && streams[$0].waiters == 0 && !streams[$0].isSpare
                }
                .min { streams[$0].lastUse < streams[$1].lastUse }
        }

        /// The stream that brings the byte at an offset soonest, nil when a new one is the better way.
        func candidate(for offset: UInt64, gapLimit: UInt64) -> Int? {
            streams.indices.filter { streams[$0].willReach(offset, gapLimit: gapLimit) }
                .max { streams[$0].position < streams[$1].position }
        }

        /// Takes a stream out, so that its thread ends it; the request returned is to be cancelled without the lock.
        mutating func end(_ index: Int) -> Request {
            let stream = streams.remove(at: index)
            if stream.isSpare { lose(stream) } else { remember(stream) }
            return stream.request
        }

        /// Keeps the lead of a sequential stream for its successor.
        mutating func remember(_ stream: ReadStream) {
            guard stream.lead > ReadStream.firstLead else { return }
            if hints.count >= 4 { hints.removeFirst() }
            hints.append((stream.reach, stream.lead))
        }
    }
}

// The streams of a convoy.
extension ReadAhead.State {
    /// The streams of the convoy that are at work.
    var convoyStreams: Int {
        guard let convoy else { return 0 }
        return streams.count { $0.failure == nil && convoy.members.contains($0.id) }
    }

    /// What is kept in memory, whatever its age: what somebody waits for or is going to come to.
    var neededRanges: [Range<UInt64>] {
        var ranges = streams.map { $0.reach..<max($0.reach, $0.position) } + wants.values.map(\.range)
        if let convoy { ranges.append(convoy.reach..<max(convoy.reach, convoy.frontier)) }
        return ranges
    }

    /// Whether the convoy has use for another stream.
    func hasPlace(at now: ContinuousClock.Instant) -> Bool {
        convoy?.wantsAnother(beside: convoyStreams, at: now) ?? false
    }

    /// Sets anew where each stream ends; returns whether threads have to be woken.
    mutating func recut() -> Bool {
        var wakes = false
        for index in streams.indices {
            let stream = streams[index]
            let stop =
                convoy?.stop(of: stream.id, start: stream.start, position: stream.position) ?? size
            if streams[index].end(at: stop) { wakes = true }
        }
        return wakes
    }

    /// Whether a stream that has come to its end goes on, for nobody has begun what lies behind; else it is taken out.
    mutating func goesOn(_ index: Int) -> Bool {
        let stream = streams[index]
        if let frontier = convoy?.frontier, stream.stop == frontier, frontier < size,
            convoy?.extend(isSpare: stream.isSpare) == true
        {
            _ = recut()
            return true
        }
        streams.remove(at: index)
        if !stream.isSpare { remember(stream) }
        return false
    }

    /// Whether a stream ends at a place where nobody will look at the version for it any more.
    func endsUnchecked(_ id: Int, at place: UInt64) -> Bool {
        guard isEndChecked, hasSpread, let stream = streams.first(where: { $0.id == id }) else {
            return false
        }
        return place >= stream.stop
    }

    /// Notes that a stream of the convoy, which has been taken out, ended before its time.
    mutating func lose(_ stream: ReadStream) {
        let left = convoyStreams
        convoy?.lose(start: stream.start, position: stream.position, left: left, at: .now)
        _ = recut()
    }

    /// Ends the streams on spare connections, for the reader has gone elsewhere; the requests are to be cancelled without the lock.
    mutating func dissolve() -> [Request] {
        guard convoy != nil else { return [] }
        convoy = nil
        gain.gathered()
        let ended = streams.filter(\.isSpare).map(\.request)
        streams.removeAll(where: \.isSpare)
        _ = recut()
        return ended
    }
}
