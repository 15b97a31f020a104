import Logging
import Posix
import Remote

/// An upload that follows a sequential writer: a thread sends what is in the spool while more is written.
///
/// It is spare work: it begins only with a connection that nobody needs, gives that up as soon as somebody does, and whenever it fails
/// or its bytes are changed nothing is lost but time, for all of them are in the spool. Whoever wants to store the file takes the
/// transfer over and finishes it.
///
/// Any thread may call.
final class Follower: Sendable {
    /// Runs the opening with the file's path of that moment, while nobody can give the path another meaning.
    typealias Placing =
        @Sendable (Request, (RemotePath) throws(VolumeError) -> Void) throws(VolumeError) -> Void

    // Guarded by `monitor`, under which no other lock is taken.
    private struct State {
        /// The bytes below it are there and do not change.
        var limit: UInt64
        /// The bytes below it were sent or are being read for that.
        var claimed: UInt64 = 0
        /// When the limit last grew.
        var grownAt = ContinuousClock.now
        /// Nobody wants the transfer any more.
        var isAbandoned = false
        /// Somebody waits to take the transfer over.
        var isWanted = false
        /// The thread has ended, and the server has nothing of an abandoned transfer where that could be seen to.
        var hasEnded = false
        /// The transfer, left by the thread for whoever takes it over.
        var writer: (any RemoteWriter)?

        /// Takes the next bytes to send.
        mutating func claim(upTo end: UInt64) -> Range<UInt64> {
            defer { claimed = end }
            return claimed..<end
        }
    }

    private enum Step {
        case send(Range<UInt64>)
        case leave
        case giveUp(String)
    }

    private let monitor: Monitor<State>
    private let environment: ContentEnvironment
    private let file: SpoolFile
    private let isNew: Bool
    private let placing: Placing
    private let request = Request(.spare)

    /// How long it is waited for a whole piece.
    private static let gathering = Duration.seconds(1)

    /// Makes ready to send a spool file, of which the bytes below `limit` are there; `isNew` says that the server has no such file yet.
    init(
        environment: ContentEnvironment, file: SpoolFile, limit: UInt64, isNew: Bool,
        placing: @escaping Placing
    ) {
        self.environment = environment
        self.file = file
        self.isNew = isNew
        self.placing = placing
        monitor = Monitor(State(limit: limit))
    }

    /// Starts the thread; to be called once.
    ///
    /// Where there is none to be had, the transfer is given up.
    func start() {
        environment.followers.withLock { $0 += 1 }
        do throws(Errno) {
            try Thread.detach(named: "follower") { [self] in run() }
        } catch {
            end(nil, after: error)
        }
    }

    /// Whether the transfer was given up.
    var isOver: Bool { monitor.withLock { $0.isAbandoned } }

    /// Keeps off the bytes from an offset on, which are about to change; false when some of them were sent already.
    func keepOff(from offset: UInt64) -> Bool {
        monitor.withLock { state in
            guard offset >= state.claimed else { return false }
            state.limit = min(state.limit, offset)
            return true
        }
    }

    /// Says that the bytes below an offset are there.
    func go(upTo limit: UInt64) {
        monitor.update { state in
            if limit > state.limit { state.grownAt = .now }
            state.limit = limit
        }
    }

    /// Gives the transfer up; the thread removes what the server has of it.
    ///
    /// Does not block, unless the thread has left the transfer for somebody.
    func abandon() {
        let writer = monitor.update { state in
            state.isAbandoned = true
            return state.writer.take()
        }
        request.cancel()
        writer?.close()
    }

    /// Waits until an abandoned transfer is over, at most until the deadline.
    func waitForEnd(until deadline: Deadline) {
        _ = monitor.wait(until: deadline) { $0.hasEnded ? true : nil }
    }

    /// Takes the transfer over from the thread once that has sent what it is sending; nil when it was given up.
    ///
    /// Blocks as long as the server takes no bytes, up to the store's deadlines. Throws `.interrupted` when the request is cancelled, and the
    /// transfer is given up then.
    func take(for request: Request) throws(VolumeError) -> (any RemoteWriter)? {
        let token = request.onCancel { [monitor] in monitor.wakeAll() }
        defer { request.remove(token) }
        monitor.update { $0.isWanted = true }
        let isTaken = monitor.wait { state in
            state.hasEnded || state.isAbandoned ? true : request.isCancelled ? false : nil
        }
        guard isTaken == true else {
            abandon()
            throw .interrupted
        }
        return monitor.withLock { $0.writer.take() }
    }

    // MARK: The thread

    private func run() {
        var writer: (any RemoteWriter)?
        var failure: (any Error)?
        do {
            writer = try open()
            if let writer { try send(over: writer) }
        } catch {
            failure = error
        }
        end(writer, after: failure)
    }

    private func end(_ writer: (any RemoteWriter)?, after failure: (any Error)?) {
        if let failure { environment.logger.debug("an upload does not follow its writer: \(failure)") }
        let isLeft = monitor.withLock { state in
            if failure != nil { state.isAbandoned = true }
            if !state.isAbandoned { state.writer = writer }
            return !state.isAbandoned
        }
        if !isLeft { writer?.close() }
        monitor.update { $0.hasEnded = true }
        environment.followers.update { $0 -= 1 }
    }

    private func open() throws(VolumeError) -> (any RemoteWriter)? {
        var opened: (any RemoteWriter)?
        try placing(request) { path throws(VolumeError) in
            do throws(RemoteError) {
                opened = try environment.store.openWriter(path, isNew: isNew, for: request)
            } catch {
                throw VolumeError(error)
            }
        }
        opened?.onReclaim { [weak self] in self?.reclaim() }
        return opened
    }

    // Somebody needs the connection: who waits for this very upload needs it more.
    private func reclaim() {
        let isGivenUp = monitor.update { state in
            guard !state.isWanted, !state.hasEnded else { return false }
            state.isAbandoned = true
            return true
        }
        if isGivenUp { request.cancel() }
    }

    private func send(over writer: any RemoteWriter) throws {
        let block = Block(capacity: environment.settings.followPiece)
        while true {
            switch nextStep() {
            case .leave: return
            case .giveUp(let reason): throw VolumeError.local(reason)
            case .send(let range):
                var filled = 0
                while filled < range.count {
                    let count = try block.withRoom(from: filled) { room throws(Errno) in
                        try file.read(into: &room, at: range.lowerBound + UInt64(filled))
                    }
                    guard count > 0 else { throw Errno.inputOutput }
                    filled = min(range.count, filled + count)
                }
                try block.withBytes(0..<range.count) { bytes throws(RemoteError) in
                    try writer.write(bytes, for: request)
                }
            }
        }
    }

    // Waits until there is something to do. A transfer that stands still would be ended by the server sooner or later, and
    // its connection is of more use to others.
    private func nextStep() -> Step {
        let pause = environment.settings.followPause
        let pieceSize = UInt64(environment.settings.followPiece)
        while true {
            let step = monitor.wait(until: .after(min(pause, Self.gathering))) { state -> Step? in
                if state.isAbandoned {
                    return .giveUp("somebody needs the connection, or has changed the bytes")
                }
                if state.isWanted { return .leave }
                guard state.limit >= state.claimed + pieceSize else { return nil }
                return .send(state.claim(upTo: state.claimed + pieceSize))
            }
            if let step { return step }
            let late = monitor.withLock { state -> Step? in
                if state.limit > state.claimed { return .send(state.claim(upTo: state.limit)) }
                return state.grownAt.duration(to: .now) < pause ? nil : .giveUp("its writer pauses")
            }
            if let late { return late }
        }
    }
}
