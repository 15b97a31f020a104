import Posix
import Remote

/// The memory and the threads that all read-ahead of a mount may use.
///
/// Its lock is the last in the lock order: nothing else is locked while it is held.
final class ReadBudget: Sendable {
    private struct Member {
        weak let readAhead: ReadAhead?
        var lastUse: UInt64
    }

    private struct State {
        var usedBytes = 0
        var streams = 0
        var clock: UInt64 = 0
        var members: [ObjectIdentifier: Member] = [:]
        var opening: Duration?
        var oneStreamUntil: ContinuousClock.Instant?
        var readsFromBeginning = true
    }

    /// For how long no file is read through several streams after that brought nothing.
    private static let oneStreamTime: Duration = .seconds(300)

    private let byteLimit: Int
    private let streamLimit: Int
    private let monitor = Monitor(State())

    /// Makes a budget of some bytes and streams.
    init(byteLimit: Int, streamLimit: Int) {
        self.byteLimit = byteLimit
        self.streamLimit = max(1, streamLimit)
    }

    /// The bytes in use now.
    var usedBytes: Int { monitor.withLock { $0.usedBytes } }

    /// The streams alive now.
    var streamCount: Int { monitor.withLock { $0.streams } }

    /// The most one stream should lead its reader by: an equal share of half the memory, at least 256 KiB.
    ///
    /// The other half is for what is kept behind and for replies on their way.
    var share: UInt64 {
        monitor.withLock { UInt64(max(256 << 10, byteLimit / 2 / max(1, $0.streams))) }
    }

    /// The memory for what some streams bring ahead of one reader: their part of seven eighths.
    func hold(of streams: Int) -> Int {
        monitor.withLock { byteLimit / 8 * 7 / max(streams, $0.streams) * streams }
    }

    /// The shortest time a transfer has taken to open so far; zero before the first.
    ///
    /// The shortest, for others may have waited for a log-in.
    var opening: Duration { monitor.withLock { $0.opening ?? .zero } }

    /// Notes how long a transfer took to open.
    func noteOpening(_ time: Duration) {
        monitor.withLock { $0.opening = min(time, $0.opening ?? time) }
    }

    /// Whether the last large file that was opened was read from its beginning, so that the next one is worth beginning with the open.
    var readsFromBeginning: Bool { monitor.withLock { $0.readsFromBeginning } }

    /// Notes whether the first read of a large file was at its beginning.
    func noteFirstRead(atBeginning isAtBeginning: Bool) {
        monitor.withLock { $0.readsFromBeginning = isAtBeginning }
    }

    /// Whether one file may be read through several streams.
    func allowsSeveralStreams(at now: ContinuousClock.Instant) -> Bool {
        monitor.withLock { $0.oneStreamUntil.map { $0 <= now } ?? true }
    }

    /// Notes that several streams were no faster than one: the link is full, and so it will be for other files.
    func forbidSeveralStreams(at now: ContinuousClock.Instant) {
        monitor.withLock { $0.oneStreamUntil = now + Self.oneStreamTime }
    }

    /// Takes the right to run one more stream if that needs no waiting.
    func takeSpareStream(for readAhead: ReadAhead) -> Bool { tryTakeStream(for: readAhead) }

    /// Takes memory; first makes others give up what nobody waits for.
    ///
    /// Returns false when there is none. An urgent caller, who has a reader waiting, always gets it: the limit is then
    /// passed by at most a block for each stream. Locks other read-ahead: to be called with no lock held.
    func reserve(_ bytes: Int, urgent: Bool) -> Bool {
        if tryReserve(bytes) { return true }
        for thoroughness in [ReadAhead.Shedding.kept, .idle] where urgent || thoroughness == .kept {
            for member in membersByAge() {
                member.shed(thoroughness)
                if tryReserve(bytes) { return true }
            }
        }
        guard urgent else { return false }
        monitor.withLock { $0.usedBytes += bytes }
        return true
    }

    /// Gives memory back.
    func release(_ bytes: Int) {
        guard bytes > 0 else { return }
        monitor.withLock { $0.usedBytes -= bytes }
    }

    /// Takes in a read-ahead that has memory without a stream, so that it can be asked to give that up.
    func enter(_ readAhead: ReadAhead) {
        monitor.withLock { Self.use(readAhead, in: &$0) }
    }

    /// Takes the right to run one more stream, for as long as needed waiting for another one to end.
    ///
    /// Throws `.interrupted` when the request is cancelled meanwhile. To be called with no lock held.
    func takeStream(for readAhead: ReadAhead, request: Request) throws(VolumeError) {
        if tryTakeStream(for: readAhead) { return }
        let token = request.onCancel { [monitor] in monitor.wakeAll() }
        defer { request.remove(token) }
        while true {
            for member in membersByAge() { member.endIdleStreams() }
            let taken = try monitor.wait(until: .after(.milliseconds(200))) {
                [streamLimit] state throws(VolumeError) -> Bool? in
                if request.isCancelled { throw .interrupted }
                guard state.streams < streamLimit else { return nil }
                Self.add(readAhead, to: &state)
                return true
            }
            if taken != nil { return }
        }
    }

    /// Gives the right to run a stream back.
    func endStream() {
        monitor.update { $0.streams -= 1 }
    }

    /// Waits until no stream is left.
    func waitUntilIdle(until deadline: Deadline) -> Bool {
        monitor.wait(until: deadline) { $0.streams == 0 ? true : nil } ?? false
    }

    /// Forgets a read-ahead that has been closed.
    func remove(_ readAhead: ReadAhead) {
        monitor.withLock { _ = $0.members.removeValue(forKey: ObjectIdentifier(readAhead)) }
    }

    private func tryTakeStream(for readAhead: ReadAhead) -> Bool {
        monitor.withLock { state in
            guard state.streams < streamLimit else { return false }
            Self.add(readAhead, to: &state)
            return true
        }
    }

    private static func add(_ readAhead: ReadAhead, to state: inout State) {
        state.streams += 1
        use(readAhead, in: &state)
    }

    private static func use(_ readAhead: ReadAhead, in state: inout State) {
        state.clock += 1
        state.members[ObjectIdentifier(readAhead)] = Member(readAhead: readAhead, lastUse: state.clock)
    }

    private func tryReserve(_ bytes: Int) -> Bool {
        monitor.withLock { state in
            guard state.usedBytes + bytes <= byteLimit else { return false }
            state.usedBytes += bytes
            return true
        }
    }

    private func membersByAge() -> [ReadAhead] {
        // References made under the lock are dropped outside: the last one of a read-ahead gives memory back, which locks.
        let members = monitor.withLock { state in
            state.members.map { (key: $0.key, lastUse: $0.value.lastUse, readAhead: $0.value.readAhead) }
        }
        let ended = members.filter { $0.readAhead == nil }
        if !ended.isEmpty {
            monitor.withLock { state in
                // Another one may have come to life at the same address.
                for (key, lastUse, _) in ended where state.members[key]?.lastUse == lastUse {
                    state.members[key] = nil
                }
            }
        }
        return members.sorted { $0.lastUse < $1.lastUse }.compactMap(\.readAhead)
    }
}
