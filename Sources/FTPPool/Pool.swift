package import FTPClient
package import Logging
package import Posix
package import Remote

/// The sessions of one mount: opened on demand, lent to one thread at a time, closed when idle.
///
/// Nothing that holds a lease may ask for another one. No lock is held while a session is opened, used or closed.
package final class Pool: Sendable {
    private struct State {
        var sessions: PoolState<Confined<Session>>
        var reclaims: [(lease: ObjectIdentifier, action: @Sendable () -> Void)] = []
        var keeper: Thread?
    }

    /// Opens a session; may block up to the deadlines in the configuration.
    package typealias Opener = @Sendable (Request) throws(FTPError) -> Confined<Session>

    /// How long an operation waits for a session before it fails as `.busy`.
    static let leasePatience: Duration = .seconds(60)

    // guarded by the monitor
    private let state: Monitor<State>
    private let opener: Opener
    private let idleTimeout: Duration
    private let logger: Logger

    /// Makes a pool of at most `limit` sessions; an `idleTimeout` of zero keeps idle sessions for ever.
    package init(limit: Int, idleTimeout: Duration, logger: Logger, opener: @escaping Opener) {
        state = Monitor(State(sessions: PoolState(limit: limit)))
        self.opener = opener
        self.idleTimeout = idleTimeout
        self.logger = logger
    }

    /// Starts the thread that closes idle sessions and looks for a server that was away.
    package func start() throws(Errno) {
        let keeper = try Thread(named: "pool-keeper") { [self] in keep() }
        state.withLock { $0.keeper = keeper }
    }

    /// Lends a session; blocks until there is one, the request is cancelled, or there is no hope.
    ///
    /// Throws `.interrupted`, `.busy` (all sessions in use for too long), or why no session can be opened.
    package func lease(_ purpose: Purpose, for request: Request) throws(RemoteError) -> Lease {
        let deadline = Deadline.after(Self.leasePatience)
        let token = request.onCancel { [state] in state.wakeAll() }
        defer { request.remove(token) }
        while true {
            let idle = try waitForSession(purpose, until: deadline, for: request)
            let opened = idle == nil ? try open(for: request, purpose) : nil
            guard let session = idle ?? opened else { continue }
            session.value.bind(to: request)
            return Lease(session, purpose: purpose, pool: self)
        }
    }

    /// Takes in a session that was opened outside the pool; it is idle at first.
    package func adopt(_ session: Confined<Session>) {
        state.update { $0.sessions.adopt(session, now: .now) }
    }

    /// Closes idle sessions that have shared the fate of one found dead: they are most likely dead too.
    package func distrustIdleSessions() {
        let suspects = state.update { $0.sessions.removeIdle() }
        for session in suspects { session.value.close() }
    }

    /// The number of sessions that stand, and of those that are idle; for reports.
    package var counts: (standing: Int, idle: Int, ceiling: Int) {
        state.withLock { ($0.sessions.standing, $0.sessions.idleCount, $0.sessions.ceiling) }
    }

    /// Whether there is hope that a session can be had soon: no outage is known.
    var isReachable: Bool { state.withLock { $0.sessions.outage == nil } }

    /// Closes all idle sessions, refuses new leases, ends the keeper; leased sessions are closed when they come back.
    package func shutDown() {
        let (sessions, keeper) = state.update { state in
            state.sessions.close()
            defer { state.keeper = nil }
            return (state.sessions.removeIdle(), state.keeper)
        }
        for session in sessions { session.value.close() }
        keeper?.join()
    }

    func addReclaim(_ action: @escaping @Sendable () -> Void, for lease: ObjectIdentifier) {
        let runNow = state.update { state in
            state.reclaims.append((lease, action))
            return state.sessions.isContended
        }
        if runNow { action() }
    }

    func takeBack(_ session: Confined<Session>, from purpose: Purpose, lease: ObjectIdentifier) {
        let keeps = session.value.isUsable && !session.value.needsReplacement
        takeBack(keeps ? session : nil, from: purpose, discarding: keeps ? nil : session, lease: lease)
    }

    private func takeBack(
        _ session: Confined<Session>?, from purpose: Purpose, discarding discarded: Confined<Session>?,
        lease: ObjectIdentifier? = nil
    ) {
        let closing = state.update { state in
            state.reclaims.removeAll { $0.lease == lease }
            return state.sessions.takeBack(
                session, from: purpose, isSettled: session?.value.isSettled ?? true, now: .now)
        }
        for session in closing { session.value.close() }
        discarded?.value.close()
    }

    /// Waits for an idle session, or for a place to open one in (nil).
    ///
    /// One more holder is asked to give its session up each time the wait has brought nothing.
    private func waitForSession(
        _ purpose: Purpose, until deadline: Deadline, for request: Request
    ) throws(RemoteError) -> Confined<Session>? {
        state.withLock { $0.sessions.changeWaiting(by: 1) }
        defer { state.withLock { $0.sessions.changeWaiting(by: -1) } }
        while true {
            var retryAt: ContinuousClock.Instant?
            let slice = Deadline.after(.milliseconds(50)).earlier(deadline)
            let decision = try state.wait(until: slice) {
                state throws(RemoteError) -> PoolState<Confined<Session>>.Decision? in
                guard !request.isCancelled else { throw RemoteError(.interrupted, operation: "connect") }
                let decision = state.sessions.request(purpose, now: .now)
                guard case .wait(let moment) = decision else { return decision }
                retryAt = moment
                return nil
            }
            switch decision {
            case .use(let session):
                if session.value.looksAlive() { return session }
                takeBack(nil, from: purpose, discarding: session)
            case .open: return nil
            case .refuse(let error): throw error
            case .wait, nil:
                guard !deadline.hasPassed else {
                    throw RemoteError(.busy, operation: "connect", words: "all connections are in use")
                }
                if retryAt == nil { reclaimOne() }
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
        do throws(FTPError) {
            let session = try opener(request)
            state.update { $0.sessions.opened(purpose) }
            return session
        } catch {
            let remote = RemoteError(error, operation: "connect", path: nil)
            let asksAgain = state.update { state in
                state.sessions.openFailed(remote, isLimit: error.isConnectionLimit, now: .now)
            }
            guard asksAgain else { throw remote }
            logger.info("no further connection", metadata: ["reason": "\(remote)"])
            return nil
        }
    }

    private func keep() {
        while true {
            let isOpen = state.wait(until: .after(.seconds(1))) { $0.sessions.isOpen ? nil : false } ?? true
            guard isOpen else { return }
            let (expired, probes) = state.withLock { state in
                let expired =
                    idleTimeout > .zero ? state.sessions.expire(idleFor: idleTimeout, now: .now) : []
                return (expired, state.sessions.beginProbe(now: .now))
            }
            for session in expired { session.value.close() }
            if probes { probe() }
        }
    }

    private func probe() {
        guard let session = try? open(for: Request(), .metadata) else { return }
        logger.notice("the server is back")
        takeBack(session, from: .metadata, discarding: nil)
    }
}
