package import FTPClient
package import Logging
package import Posix
package import Remote
import Synchronization

/// The sessions of one mount: opened on demand, lent to one thread at a time, closed when idle.
///
/// Nothing that holds a lease may ask for another one. No lock is held while a session is opened, used or closed.
package final class Pool: Sendable {
    private struct State {
        var sessions: PoolState<Confined<Session>>
        var reclaims: [(lease: ObjectIdentifier, action: @Sendable () -> Void)] = []
        /// What leased sessions are used for, as far as that lasts.
        var activities: [ObjectIdentifier: Activity] = [:]
        var keeper: Thread?
        var attendant: Thread?
        /// Has the attendant look what there is to wait for.
        var attention: Wakeup?
        /// What the keeper does besides; see `onQuiet`.
        var chore: (@Sendable (_ request: (_ isUrgent: Bool) -> Request) -> Void)?
        /// Set when the keeper is to open a session in reserve.
        var wantsReserve = false
        /// Set when the keeper is to end, and when it has done its last round.
        var isEnding = false
        var hasKeeperEnded = false
    }

    /// Opens a session; may block up to the deadlines in the configuration.
    package typealias Opener = @Sendable (Request) throws(FTPError) -> Confined<Session>

    /// How long an operation waits for a session while no other one makes progress, before it fails as `.busy`.
    ///
    /// Longer than a transfer may stand still, and the bytes in the buffers of a slow one may take: whoever holds a session meets an end
    /// of his own before.
    static let leasePatience: Duration = .seconds(300)
    /// How long the keeper's last round may take.
    private static let farewell: Duration = .seconds(5)

    // guarded by the monitor
    private let state: Monitor<State>
    private let opener: Opener
    private let idleTimeout: Duration
    private let logger: Logger
    // Grows with every lease given back and with every piece of a transfer.
    private let progress = Atomic<UInt64>(0)
    /// What the keeper does is done for these requests, the second for what is to disturb nobody; cancelled at the end.
    private let (keeperRequest, spareRequest) = (Request(), Request(.spare))

    /// Makes a pool of at most `limit` sessions; an `idleTimeout` of zero keeps idle sessions for ever.
    package init(limit: Int, idleTimeout: Duration, logger: Logger, opener: @escaping Opener) {
        state = Monitor(State(sessions: PoolState(limit: limit)))
        self.opener = opener
        self.idleTimeout = idleTimeout
        self.logger = logger
    }

    /// Starts the thread that closes idle sessions and looks for a server that was away, and the one that takes the replies of idle sessions.
    package func start() throws(Errno) {
        let keeper = try Thread(named: "pool-keeper") { [self] in keep() }
        state.withLock { $0.keeper = keeper }
        let attention = try Wakeup()
        let attendant = try Thread(named: "pool-attendant") { [self] in attend(wakenBy: attention) }
        state.withLock { state in
            state.attendant = attendant
            state.attention = attention
        }
    }

    /// Has the keeper do something each second while the server is reachable, and once more when the pool ends.
    ///
    /// It may lease sessions, each for the request that it gets at that moment: spare work while anybody is at work, unless it is urgent. It
    /// is to stop when a request is cancelled.
    func onQuiet(_ chore: @escaping @Sendable (_ request: (_ isUrgent: Bool) -> Request) -> Void) {
        state.withLock { $0.chore = chore }
    }

    /// Lends a session; blocks until there is one, the request is cancelled, or there is no hope.
    ///
    /// As long as others make progress there is hope; a request for spare work does not wait. Throws `.interrupted`, `.busy` (all sessions
    /// in use for too long), or why no session can be opened.
    package func lease(_ purpose: Purpose, for request: Request) throws(RemoteError) -> Lease {
        let token = request.onCancel { [state] in state.wakeAll() }
        defer { request.remove(token) }
        while true {
            if let idle = try waitForSession(purpose, for: request) {
                idle.session.bind(to: request)
                return idle
            }
            guard let session = try open(for: request, purpose) else { continue }
            session.value.bind(to: request)
            return Lease(session, purpose: purpose, urgency: request.urgency, pool: self)
        }
    }

    /// Lends a session that is idle just now and has a connection for its next transfer already; nil where there is none.
    ///
    /// Does not block.
    func leasePrepared(for request: Request) -> Lease? {
        let found = state.update { state in
            state.sessions.requestIdle(now: .now) { $0.value.isSettled && $0.value.readiness == 2 }
        }
        guard let found else { return nil }
        guard found.value.looksAlive(), !found.value.needsReplacement else {
            takeBack(nil, from: .transfer, .demanded, discarding: found)
            return nil
        }
        found.value.bind(to: request)
        return Lease(found, purpose: .transfer, urgency: .demanded, pool: self)
    }

    /// Takes in a session that was opened outside the pool; it is idle at first.
    package func adopt(_ session: Confined<Session>) {
        let attention = state.update { state in
            state.sessions.adopt(session, now: .now)
            return state.attention
        }
        attention?.raise()
    }

    /// Closes idle sessions that have shared the fate of one found dead: they are most likely dead too.
    package func distrustIdleSessions() {
        let suspects = state.update { $0.sessions.removeIdle() }
        for session in suspects { session.value.close() }
    }

    /// Has a server that is away, or refuses the log-in, asked once more without waiting for the next regular attempt.
    ///
    /// Does not block.
    package func hasten() {
        state.update { $0.sessions.hasten(now: .now) }
    }

    /// What can be seen of the pool just now; for reports.
    var sight: Sight {
        state.withLock { state in
            Sight(
                standing: state.sessions.standing, idle: state.sessions.idleCount,
                ceiling: state.sessions.ceiling,
                transfers: state.activities.values.map { $0.text(now: .now) }.sorted(),
                outage: state.sessions.outage)
        }
    }

    /// Whether there is hope that a session can be had soon: no outage is known.
    var isReachable: Bool { state.withLock { $0.sessions.outage == nil } }

    /// Closes all idle sessions, refuses new leases, ends the keeper; leased sessions are closed when they come back.
    ///
    /// Before that the keeper does its chore a last time, for a few seconds at the most.
    package func shutDown() {
        let keeper = state.update { state in
            state.isEnding = true
            return state.keeper.take()
        }
        if keeper != nil {
            _ = state.wait(until: .after(Self.farewell)) { $0.hasKeeperEnded ? true : nil }
        }
        keeperRequest.cancel()
        spareRequest.cancel()
        let (sessions, attendant, attention) = state.update { state in
            state.sessions.close()
            return (state.sessions.removeIdle(), state.attendant.take(), state.attention)
        }
        attention?.raise()
        for session in sessions { session.value.close() }
        keeper?.join()
        attendant?.join()
    }

    /// Counts a step of a transfer, so that whoever waits for its session goes on waiting.
    func noteProgress() {
        progress.wrappingAdd(1, ordering: .relaxed)
    }

    /// Says what a lease is used for, until it is given back.
    func note(_ activity: Activity, of lease: ObjectIdentifier) {
        state.withLock { $0.activities[lease] = activity }
    }

    func addReclaim(_ action: @escaping @Sendable () -> Void, for lease: ObjectIdentifier) {
        let runNow = state.update { state in
            state.reclaims.append((lease, action))
            return state.sessions.isContended
        }
        if runNow { action() }
    }

    func takeBack(
        _ session: Confined<Session>, from purpose: Purpose, _ urgency: Request.Urgency,
        lease: ObjectIdentifier
    ) {
        let keeps = session.value.isUsable && !session.value.needsReplacement
        noteProgress()
        takeBack(
            keeps ? session : nil, from: purpose, urgency, discarding: keeps ? nil : session, lease: lease)
    }

    private func takeBack(
        _ session: Confined<Session>?, from purpose: Purpose, _ urgency: Request.Urgency,
        discarding discarded: Confined<Session>?, lease: ObjectIdentifier? = nil
    ) {
        let isSettled = session?.value.isSettled ?? true
        let awaitsAttention = session?.value.awaitsAttention ?? false
        let (closing, attention) = state.update { state in
            state.reclaims.removeAll { $0.lease == lease }
            if let lease { state.activities[lease] = nil }
            let closing = state.sessions.takeBack(
                session, from: purpose, urgency, isSettled: isSettled, now: .now)
            return (closing, state.attention)
        }
        if awaitsAttention { attention?.raise() }
        for session in closing { session.value.close() }
        discarded?.value.close()
    }

    /// Waits for an idle session, or for a place to open one in (nil).
    ///
    /// One more holder is asked to give its session up each time the wait has brought nothing.
    private func waitForSession(
        _ purpose: Purpose, for request: Request
    ) throws(RemoteError) -> Lease? {
        let urgency = request.urgency
        let weight = urgency == .demanded ? 1 : 0
        state.withLock { $0.sessions.changeWaiting(by: weight) }
        defer { state.withLock { $0.sessions.changeWaiting(by: -weight) } }
        var patience = Patience(Self.leasePatience, progress: progress.load(ordering: .relaxed), now: .now)
        while true {
            var retryAt: ContinuousClock.Instant?
            let decision = try state.wait(until: .after(.milliseconds(50))) {
                state throws(RemoteError) -> PoolState<Confined<Session>>.Decision? in
                guard !request.isCancelled else { throw RemoteError(.interrupted, operation: "connect") }
                let decision = state.sessions.request(purpose, urgency, now: .now) {
                    $0.value.fitness(for: purpose)
                }
                guard case .wait(let moment) = decision else { return decision }
                retryAt = moment
                return nil
            }
            switch decision {
            case .use(let session, let hasRested):
                if session.value.looksAlive(), !session.value.needsReplacement {
                    if purpose == .transfer { considerReserve(beside: session.value) }
                    return Lease(
                        session, hasRested: hasRested, purpose: purpose, urgency: urgency, pool: self)
                }
                takeBack(nil, from: purpose, urgency, discarding: session)
            case .open: return nil
            case .refuse(let error): throw error
            case .wait, nil:
                guard urgency == .demanded else {
                    throw RemoteError(.busy, operation: "connect", words: "no connection to spare")
                }
                guard !patience.isOver(progress: progress.load(ordering: .relaxed), now: .now) else {
                    throw state.withLock { $0.sessions.failures?.error }
                        ?? RemoteError(.busy, operation: "connect", words: "all connections are in use")
                }
                // A session that is about to be there need not be taken from anybody; what is far off is no help.
                if retryAt.map({ $0 > .now.advanced(by: Outage.longestPause) }) ?? true { reclaimOne() }
            }
        }
    }

    private func reclaimOne() {
        let action = state.withLock { state -> (@Sendable () -> Void)? in
            guard let first = state.reclaims.first else { return nil }
            // The holder that was asked goes to the end of the queue: it may be busy just now.
            state.reclaims.removeFirst()
            state.reclaims.append(first)
            return first.action
        }
        action?()
    }

    private func open(for request: Request, _ purpose: Purpose) throws(RemoteError) -> Confined<Session>? {
        let begun = ContinuousClock.now
        do throws(FTPError) {
            let session = try opener(request)
            state.update { $0.sessions.opened(purpose, request.urgency, now: .now) }
            return session
        } catch {
            let remote = RemoteError(error, operation: "connect", path: nil)
            let (asksAgain, isAway) = state.update { state in
                let wasReachable = state.sessions.outage == nil
                let asksAgain = state.sessions.openFailed(
                    remote, isLimit: error.isConnectionLimit, isUnanswered: error.isUnansweredLogin,
                    begun: begun, now: .now)
                return (asksAgain, wasReachable && state.sessions.outage != nil)
            }
            if isAway {
                logger.warning("the server cannot be reached, trying again from time to time: \(remote)")
            }
            guard asksAgain else { throw remote }
            logger.info("no further connection", metadata: ["reason": "\(remote)"])
            return nil
        }
    }

    private func keep() {
        defer { state.update { $0.hasKeeperEnded = true } }
        while true {
            let wish = state.wait(until: .after(.seconds(1))) { state -> (isEnding: Bool, reserve: Bool)? in
                guard state.isEnding || state.wantsReserve else { return nil }
                defer { state.wantsReserve = false }
                return (state.isEnding, state.wantsReserve)
            }
            let isEnding = wish?.isEnding ?? false
            if wish?.reserve ?? false, !isEnding {
                openReserve()
                continue
            }
            let chore = state.withLock { $0.sessions.outage == nil ? $0.chore : nil }
            chore? { isUrgent in isUrgent || isEnding || isAtRest ? keeperRequest : spareRequest }
            guard !isEnding else { return }
            let (expired, probes) = state.withLock { state in
                let expired =
                    idleTimeout > .zero ? state.sessions.expire(idleFor: idleTimeout, now: .now) : []
                return (expired, state.sessions.beginProbe(now: .now))
            }
            for session in expired { session.value.close() }
            if probes { probe() }
        }
    }

    private var isAtRest: Bool {
        state.withLock { $0.sessions.standing == $0.sessions.idleCount && !$0.sessions.isContended }
    }

    /// Takes what servers send to idle sessions, so that the ports they have asked for are connected to before they are wanted.
    ///
    /// An idle session is touched under the lock alone, and never for long: what `Session.attend` does does not block.
    private func attend(wakenBy attention: Wakeup) {
        while true {
            let watched = state.withLock { state -> [CInt]? in
                guard state.sessions.isOpen else { return nil }
                return state.sessions.idleMembers.filter { $0.value.awaitsAttention }.map {
                    $0.value.descriptor
                }
            }
            guard let watched else { return }
            guard waitForReadable(watched, until: .after(.seconds(60)), wakeup: attention) else { continue }
            state.withLock { state in
                for session in state.sessions.idleMembers where session.value.awaitsAttention {
                    session.value.attend()
                }
            }
        }
    }

    /// On a long link a session whose next port is not there yet makes its user wait for round trips that another one would have paid already.
    private func considerReserve(beside session: Session) {
        guard session.readiness < 2, session.mayArm, session.profile.facts.isLongLink else { return }
        state.update { $0.wantsReserve = true }
    }

    private func openReserve() {
        guard state.withLock({ $0.sessions.beginReserve(now: .now) }) else { return }
        do throws(FTPError) {
            let session = try opener(keeperRequest)
            state.update { $0.sessions.opened(.metadata, now: .now) }
            takeBack(session, from: .metadata, .demanded, discarding: nil)
        } catch {
            logger.debug("no session in reserve: \(error)")
            let remote = RemoteError(error, operation: "connect", path: nil)
            state.update {
                $0.sessions.reserveFailed(remote, isLimit: error.isConnectionLimit, now: .now)
            }
        }
    }

    private func probe() {
        guard let session = try? open(for: keeperRequest, .metadata) else { return }
        logger.notice("the server is back")
        takeBack(session, from: .metadata, .demanded, discarding: nil)
    }
}

extension Session {
    /// How well an idle session fits a purpose: a transfer starts soonest where its port is there, and a question is answered soonest where
    /// no other reply has to come first.
    fileprivate func fitness(for purpose: Purpose) -> Int {
        switch purpose {
        case .transfer: isSettled ? readiness : -1
        case .metadata: isSettled ? (awaitsAttention ? 0 : 1) : -1
        }
    }
}
