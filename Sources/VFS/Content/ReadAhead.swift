import Logging
import Posix
import Remote

/// Reads one version of one remote file through streams that run ahead of their readers.
///
/// A stream is one transfer of the store, filled into blocks by a thread of its own. Two are kept for a file; more run while
/// readers wait for them at different places, and on connections to spare where they make a large file come faster (`Convoy`).
/// What they bring is kept for a while behind the reader, for the kernel's reads arrive from several threads and slightly
/// out of order. Answers point into the blocks: bytes are not copied between the store's reader and the reply.
///
/// All bytes ever given out are of `version`, as far as FTP can tell: each stream after the first is opened only when the
/// server still shows that version, a transfer must end exactly at the expected size, and a long one is checked once
/// more at its end, as are all that end later. What remains is the time between that check and the server's opening of the
/// file, and a change that keeps both the size and the second of the time of modification. Once the version is gone,
/// everything not in memory is `.stale`.
final class ReadAhead: Sendable {
    /// What memory is to be given up.
    enum Shedding {
        /// Pieces behind the readers.
        case kept
        /// Also what was read ahead for nobody who waits now.
        case idle
    }

    private enum Step {
        case done([Slice])
        case superseded
        /// To be looked at again by the waiting path.
        case look
        /// Threads have to notice a change; the requests are those of streams that were ended.
        case wake(ended: [Request])
        /// A new stream is needed, and the right to run it first.
        case needsThread
        case run(ReadStream, path: RemotePath, ended: [Request])
    }

    /// One read on its way through `step`.
    private struct Reading {
        let range: Range<UInt64>
        let path: RemotePath?
        var stream: Int?
        var want: Int?
        var isBlocked = false
        var hasThread = false
        var wakesOthers = false
        /// Whether there may be room for a further stream.
        var recruits = false
    }

    let environment: ContentEnvironment
    let followsLink: Bool
    /// The version all bytes are of.
    let version: FileVersion
    /// Its size in bytes.
    let size: UInt64
    // LOCK ORDER: Volume, FileContent, ReadAhead, ReadBudget. Never held over a call of the store.
    let monitor: Monitor<State>
    /// When the server was last seen to have it, before the first stream was opened.
    let seenAt: ContinuousClock.Instant

    /// Makes a read-ahead of a version that was seen on the server.
    ///
    /// `followsLink` says that the file's name is a symbolic link which the server follows.
    init(
        environment: ContentEnvironment, version: FileVersion, size: UInt64, seenAt: ContinuousClock.Instant,
        followsLink: Bool = false
    ) {
        self.seenAt = seenAt
        self.followsLink = followsLink
        self.environment = environment
        self.version = version
        self.size = size
        monitor = Monitor(State(size: size))
    }

    deinit {
        let left = monitor.withLock { $0.pieces.capacity }
        environment.budget.release(left)
    }

    /// Whether the server was seen to have another version by now.
    var isStale: Bool { monitor.withLock { $0.isStale } }

    /// Takes in all bytes of the version, whose memory is reserved in the budget.
    func prime(with block: Block) {
        environment.budget.enter(self)
        monitor.withLock { state in
            // No stream has this number.
            state.pieces.begin(at: 0, block: block, stream: 0)
            state.pieces.announce(block.capacity, of: 0)
        }
    }

    /// Has the next stream check the version in any case: what it brings is going to be kept.
    func endGrace() {
        monitor.withLock { $0.hasOpened = true }
    }

    /// Says that the file has another path now.
    func moved(to path: RemotePath) {
        monitor.update { state in
            state.path = path
            state.isMoving = false
        }
    }

    /// Says that the file is about to get another path, until `moved(to:)` says which it has.
    func willMove() {
        monitor.withLock { $0.isMoving = true }
    }

    /// Where the file is by now, when that is another place than where it was looked for; waits while it is being renamed.
    func newPath(after path: RemotePath) -> RemotePath? {
        let current = monitor.wait(until: .after(Self.longestMove)) { state -> RemotePath? in
            guard !state.isMoving || state.isClosed else { return nil }
            return state.path ?? path
        }
        return current == path ? nil : current
    }

    /// The streams that are kept for readers who may come back.
    private static let keptStreams = 2
    /// How far behind the first byte of a file the kernel's first large request to arrive may be.
    private static let firstDisorder: UInt64 = 4 << 20
    /// How long a rename may take before its file is looked for no more.
    private static let longestMove = Duration.seconds(120)

    /// Reads a range that lies within the file; waits until all of it is here.
    ///
    /// Returns nil when the read-ahead was closed meanwhile: there is a newer version to read from. Throws `.interrupted`
    /// when the request is cancelled (the streams go on), `.stale` when the version is gone, and what the store threw to
    /// those who wait for the bytes it failed to bring.
    func read(_ range: Range<UInt64>, path: RemotePath?, for request: Request) throws(VolumeError) -> [Slice]?
    {
        precondition(range.upperBound <= size, "a read beyond the file")
        guard !range.isEmpty else { return [] }
        var reading = Reading(range: range, path: path)
        defer {
            if reading.wakesOthers { monitor.wakeAll() }
            if reading.recruits { recruit() }
        }
        var step = try monitor.withLock { state throws(VolumeError) in
            try self.step(&state, &reading, mayWait: false) ?? .look
        }
        var token: Request.Token?
        defer { if let token { request.remove(token) } }
        while true {
            switch step {
            case .done(let slices):
                return slices
            case .superseded:
                return nil
            case .look:
                if token == nil { token = request.onCancel { [monitor] in monitor.wakeAll() } }
            case .wake(let ended):
                monitor.wakeAll()
                for other in ended { other.cancel() }
            case .needsThread:
                if token == nil { token = request.onCancel { [monitor] in monitor.wakeAll() } }
                do throws(VolumeError) {
                    try environment.budget.takeStream(for: self, request: request)
                } catch {
                    // It may have come from a stream that was ended under it.
                    monitor.withLock { leave(&$0, &reading) }
                    throw error
                }
                reading.hasThread = true
            case .run(let stream, let path, let ended):
                launch(stream, path: path)
                for other in ended { other.cancel() }
            }
            // Without a deadline: every stream has one inside the store and ends with an answer or a failure.
            let next = try monitor.wait { state throws(VolumeError) -> Step? in
                guard request.isCancelled else { return try self.step(&state, &reading, mayWait: true) }
                self.leave(&state, &reading)
                throw .interrupted
            }
            step = next ?? .look
        }
    }

    /// Reads a range that lies within the file if all of it is here; nil otherwise.
    ///
    /// Does not block.
    func readAtHand(_ range: Range<UInt64>) -> [Slice]? {
        var reading = Reading(range: range, path: nil)
        defer {
            if reading.wakesOthers { monitor.wakeAll() }
            if reading.recruits { recruit() }
        }
        let step = try? monitor.withLock { state throws(VolumeError) in
            try self.step(&state, &reading, mayWait: false)
        }
        guard case .done(let slices) = step else { return nil }
        return slices
    }

    // Decides what a read does next; nil: it waits (or, when it may not, comes back with its request watched).
    private func step(
        _ state: inout State, _ reading: inout Reading, mayWait: Bool
    ) throws(VolumeError) -> Step? {
        let range = reading.range
        if let path = reading.path { state.path = path }
        if !state.hasBeenRead {
            state.hasBeenRead = true
            if size > environment.settings.wholeFileLimit {
                environment.budget.noteFirstRead(atBeginning: range.lowerBound <= Self.firstDisorder)
            }
        }
        if state.isClosed {
            leave(&state, &reading)
            return .superseded
        }
        let finding = state.pieces.find(range)
        if finding.end == range.upperBound {
            leave(&state, &reading)
            if note(range, &state) { reading.wakesOthers = true }
            if follow(range, &state) { reading.wakesOthers = true }
            if state.convoy != nil { reading.recruits = state.hasPlace(at: .now) }
            return .done(finding.slices)
        }
        if let id = reading.stream, let failure = state.streams.first(where: { $0.id == id })?.failure {
            leave(&state, &reading)
            throw failure
        }
        if state.isStale {
            leave(&state, &reading)
            throw .stale
        }
        guard mayWait else { return nil }
        if let index = state.candidate(for: finding.end, gapLimit: environment.settings.gapLimit) {
            join(index, &state, &reading)
            return state.streams[index].demand(upTo: range.upperBound) ? .wake(ended: []) : nil
        }
        guard let path = reading.path else {
            // The name is gone, and with it the only way to the bytes.
            leave(&state, &reading)
            throw .stale
        }
        if state.activeStreams >= Self.keptStreams {
            if let victim = state.leastUsedStream { return .wake(ended: [state.end(victim)]) }
            guard state.activeStreams < environment.settings.busyStreamsPerFile else {
                // All streams have readers waiting; this one looks again when they are served.
                block(&state, &reading)
                return nil
            }
        }
        guard reading.hasThread else { return .needsThread }
        reading.hasThread = false
        let ended = state.convoy?.covers(finding.end) == false ? state.dissolve() : []
        return .run(open(at: finding.end, &state, &reading), path: path, ended: ended)
    }

    // Enters a new stream for the byte at `place`.
    private func open(
        at place: UInt64, _ state: inout State, _ reading: inout Reading
    ) -> ReadStream {
        let settings = environment.settings
        let isWhole = size <= settings.wholeFileLimit
        var start = place & ~4095
        var lead: UInt64?
        if isWhole, state.pieces.isEmpty {
            start = 0
        } else if state.convoy != nil {
            lead = settings.readAhead
            start = place
        } else if let hint = state.hints.lastIndex(where: {
            $0.place <= place && place - $0.place <= settings.gapLimit
        }) {
            lead = state.hints.remove(at: hint).lead
            start = place
        } else if state.streams.isEmpty, state.pieces.isEmpty {
            // The first reads of a file may arrive in the wrong order; large ones are those that the kernel makes ahead of a program.
            let isLarge = UInt64(reading.range.count) >= settings.gapLimit
            if place <= (isLarge ? Self.firstDisorder : settings.gapLimit) { start = 0 }
        }
        state.nextID += 1
        state.uses += 1
        let stream = ReadStream(
            id: state.nextID, start: start, end: reading.range.upperBound, fileSize: size, whole: isWhole,
            lead: lead, mostLead: min(settings.readAhead, environment.budget.share),
            fullLead: settings.readAhead, use: state.uses)
        state.streams.append(stream)
        state.convoy?.join(stream.id)
        _ = state.recut()
        // At the frontier it goes on into what nobody has begun.
        if state.convoy?.frontier == place, state.convoy?.extend(isSpare: false) == true { _ = state.recut() }
        join(state.streams.count - 1, &state, &reading)
        return stream
    }

    private func join(_ index: Int, _ state: inout State, _ reading: inout Reading) {
        let id = state.streams[index].id
        guard reading.stream != id else { return }
        leave(&state, &reading)
        state.nextID += 1
        state.uses += 1
        reading.want = state.nextID
        reading.stream = id
        state.wants[state.nextID] = (id, reading.range)
        state.streams[index].waiters += 1
        state.streams[index].lastUse = state.uses
    }

    private func block(_ state: inout State, _ reading: inout Reading) {
        leave(&state, &reading)
        reading.isBlocked = true
        state.blocked += 1
    }

    private func leave(_ state: inout State, _ reading: inout Reading) {
        if reading.hasThread {
            reading.hasThread = false
            environment.budget.endStream()
        }
        if reading.isBlocked {
            reading.isBlocked = false
            state.blocked -= 1
        }
        guard let id = reading.stream else { return }
        if let want = reading.want { state.wants[want] = nil }
        reading.want = nil
        reading.stream = nil
        // Those who wait for a stream of their own look whether this one has become free.
        if state.blocked > 0 { reading.wakesOthers = true }
        guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return }
        state.streams[index].waiters -= 1
        if state.streams[index].failure != nil, state.streams[index].waiters == 0 {
            state.streams.remove(at: index)
        }
    }

    // A read was answered: moves the windows and lets go of what lies far behind. Returns whether to wake threads.
    private func note(_ range: Range<UInt64>, _ state: inout State) -> Bool {
        let settings = environment.settings
        let most = min(settings.readAhead, environment.budget.share)
        var wakes = false
        for index in state.streams.indices where state.streams[index].position >= range.upperBound {
            let before = state.streams[index].reach
            if state.streams[index].advance(over: range, mostLead: most, gapLimit: settings.gapLimit) {
                wakes = true
            }
            let reach = state.streams[index].reach
            guard reach > before else { continue }
            state.uses += 1
            state.streams[index].lastUse = state.uses
            guard reach > settings.keptBehind else { continue }
            let (id, edge) = (state.streams[index].id, reach - settings.keptBehind)
            let wants = state.wants
            let freed = state.pieces.drop { piece in
                piece.stream == id && piece.range.upperBound <= edge
                    && !wants.values.contains { $0.range.overlaps(piece.range) }
            }
            environment.budget.release(freed)
        }
        return wakes
    }
}
