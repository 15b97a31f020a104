import Posix
import Remote

/// Does before it is asked for what programs that go through a tree will ask for next.
///
/// It is told which directories are listed and which files are opened (`Walks`), and has a few threads list directories and fetch small
/// files ahead, by requests that get only what no program needs (`Request.Urgency.spare`). What they bring lands where the demanded
/// answer would; what fails leaves no trace. Nothing depends on it.
///
/// Its lock comes before the tree lock. Only `end` waits for its threads.
final class LookAhead: Sendable {
    /// How an errand ended.
    enum Outcome {
        /// It is done, or was given up.
        case over
        /// The server does not let it be done.
        case failed
        /// There was no connection to spare.
        case busy
    }

    private struct State {
        var walks = Walks()
        /// What is being done, by its request.
        var underWay: [ObjectIdentifier: (request: Request, task: Walks.Task)] = [:]
        var threads = 0
        var idleThreads = 0
        /// Counts what may have changed for an errand that found no connection to spare.
        var events: UInt64 = 0
        var isEnding = false
    }

    private enum Work {
        case errand(Walks.Task, Request, events: UInt64)
        case end
    }

    private let limits: WalkPlan.Limits
    private let threadLimit: Int
    private let fetchLimit: Int
    private let state = Monitor(State())

    /// How long a thread without work stays.
    private static let idleTime: Duration = .seconds(2)
    /// How long to let be when there is no connection to spare, unless something happens before.
    private static let pause: Duration = .milliseconds(100)
    /// The largest file fetched, in bytes.
    static let fileSizeLimit: UInt64 = 256 << 10
    /// The most threads.
    private static let threadLimit = 8

    /// Looks ahead as far as so many connections allow (2 at least); `entries` is the most entries in directories listed ahead.
    init(connections: Int, entries: Int) {
        // One connection is the programs' own at any time.
        threadLimit = min(connections - 1, Self.threadLimit)
        // Of the others one is for names and listings, which do not wait for transfers.
        fetchLimit = max(0, connections - 2)
        limits = WalkPlan.Limits(
            directories: 2 * connections, entries: entries, files: fetchLimit > 0 ? 2 * connections : 0,
            bytes: 8 << 20,
            fileSize: Self.fileSizeLimit)
    }

    /// Takes a step of a program, plans anew for the walk that it is a step of, and has threads do what was planned.
    ///
    /// `step` answers with that walk, and may take the tree lock. Does not block.
    func advance(_ volume: Volume, _ step: (inout Walks) -> Int?) {
        let (started, ended) = state.update { state -> (Int, [Request]) in
            state.events += 1
            guard !state.isEnding else { return (0, []) }
            if let walk = step(&state.walks) { plan(walk, &state, volume) }
            let now = volume.now
            let ended = state.underWay.values.filter { !state.walks.goesOn($0.task.walk, at: now) }
            let wanted = min(state.walks.tasks.count - state.idleThreads, threadLimit - state.threads)
            let started = max(0, wanted)
            state.threads += started
            return (started, ended.map(\.request))
        }
        for request in ended { request.cancel() }
        for _ in 0..<started { start(volume) }
    }

    /// Forgets what programs have done so far.
    func forget() {
        state.withLock { $0.walks.removeAll() }
    }

    /// Ends what is under way; returns whether all threads have ended before the deadline.
    func end(until deadline: Deadline) -> Bool {
        let requests = state.update { state in
            state.isEnding = true
            state.walks.removeAll()
            return state.underWay.values.map(\.request)
        }
        for request in requests { request.cancel() }
        return state.wait(until: deadline) { $0.threads == 0 ? true : nil } ?? false
    }

    /// Waits until nothing is under way or planned; for tests.
    func waitUntilIdle(until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { state in
            state.walks.tasks.isEmpty && state.underWay.isEmpty ? true : nil
        } ?? false
    }

    private func plan(_ walk: Int, _ state: inout State, _ volume: Volume) {
        let (limits, walks) = (limits, state.walks)
        state.walks = volume.tree.withLock { tree in
            var walks = walks
            walks.plan(walk, limits, PlannedTree(tree: tree, now: volume.now))
            return walks
        }
    }

    // MARK: Threads

    private func start(_ volume: Volume) {
        do throws(Errno) {
            try Thread.detach(named: "look-ahead") { [self] in work(for: volume) }
        } catch {
            state.update { $0.threads -= 1 }
        }
    }

    private func work(for volume: Volume) {
        while case .errand(let task, let request, let events) = nextWork(volume) {
            let outcome = volume.run(task, for: request)
            if outcome == .busy {
                _ = state.wait(until: .after(Self.pause)) { state in
                    state.isEnding || state.events != events ? true : nil
                }
            }
            state.update { state in
                state.underWay[ObjectIdentifier(request)] = nil
                switch outcome {
                case .over: state.events += 1
                case .failed: state.walks.giveUp(task)
                case .busy where !state.isEnding: plan(task.walk, &state, volume)
                case .busy: break
                }
            }
        }
        state.update { $0.threads -= 1 }
    }

    // Waits for an errand; a thread that has waited for long ends, unless something fetched ahead is still to be dropped.
    private func nextWork(_ volume: Volume) -> Work {
        state.withLock { $0.idleThreads += 1 }
        defer { state.withLock { $0.idleThreads -= 1 } }
        while true {
            let work = state.wait(until: .after(Self.idleTime)) { state -> Work? in
                if state.isEnding { return .end }
                let fetches = state.underWay.values.count { $0.task.errand.isFetch }
                let mayFetch = fetches < fetchLimit
                let underWay = Set(state.underWay.values.map(\.task.errand))
                let next = state.walks.nextTask(at: volume.now, mayFetch: mayFetch, besides: underWay)
                guard let task = next else { return nil }
                let request = Request(.spare)
                state.underWay[ObjectIdentifier(request)] = (request, task)
                return .errand(task, request, events: state.events)
            }
            if let work { return work }
            if !volume.dropUnopened() { return .end }
        }
    }
}
