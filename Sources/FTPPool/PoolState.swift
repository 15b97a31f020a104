import Remote

/// What a session is leased for.
package enum Purpose: Sendable {
    /// A few commands that are answered soon.
    case metadata
    /// A transfer, which may last as long as the reader or the file.
    case transfer
}

/// The pool's bookkeeping: who may use, open or wait for a session.
///
/// A value without I/O, clock or lock: each event is a mutating method with the moment passed in, and answers what is to be
/// done outside the lock. Rules: never more than `ceiling` sessions; transfers leave one place free where the
/// ceiling is 2 or more, so that metadata never waits behind an endless transfer; spare work leaves one place more for each, and gets
/// nothing while somebody waits.
struct PoolState<Member> {
    /// What is to be done for a request.
    enum Decision {
        /// This idle session is now leased; it may have died meanwhile, the more likely if it has `rested`.
        case use(Member, rested: Bool)
        /// A new session is to be opened; the place is taken. Answer with `opened` or `openFailed`.
        case open
        /// Nothing now; ask again when something changed, or at that moment.
        case wait(until: ContinuousClock.Instant?)
        /// The server is away; no point in waiting.
        case refuse(RemoteError)
    }

    private struct Idle {
        let member: Member
        let since: ContinuousClock.Instant
    }

    /// The number of sessions the user allows.
    let limit: Int
    /// The number of sessions the server was found to allow; at least 1, at most `limit`.
    private(set) var ceiling: Int
    /// The failures to open a session since one was opened last; nil where there are none.
    ///
    /// While a session stands they mean no more than that there is no further one to be had for some time.
    private(set) var failures: Outage?
    /// False once the pool is shut down.
    private(set) var isOpen = true
    private var idle: [Idle] = []
    private var leased = 0
    private var transfers = 0
    private var spares = 0
    private var opening = 0
    private var waiting = 0
    private var loweredAt: ContinuousClock.Instant?
    /// When a log-in succeeded last; nil once a session was lost since.
    private var provenAt: ContinuousClock.Instant?
    private var reserveRefusedUntil: ContinuousClock.Instant?

    /// After this time a lowered ceiling is tried again: the server's other clients may have gone.
    static var ceilingMemory: Duration { .seconds(600) }

    /// An idle session has rested after this time: firewalls forget connections that were silent for a minute or more.
    static var restTime: Duration { .seconds(60) }

    /// A log-in is proof for this time that the next ones succeed: others go on side by side then, and one at a time otherwise.
    ///
    /// A server that has begun to refuse them, for the password was changed, is to see one and not one for each who waits: it counts them and
    /// locks the account.
    static var proofTime: Duration { .seconds(60) }

    /// Makes the state of a pool without sessions; `limit` is at least 1.
    init(limit: Int) {
        self.limit = max(1, limit)
        ceiling = self.limit
    }

    /// The number of sessions that stand: idle and leased.
    var standing: Int { idle.count + leased }

    /// The current outage: no session stands, and none can be opened; nil while all is well.
    var outage: Outage? { standing == 0 ? failures : nil }

    /// The number of idle sessions.
    var idleCount: Int { idle.count }

    /// Whether somebody waits for a session at this moment.
    var isContended: Bool { waiting > 0 }

    /// Counts a thread that begins (+1) or ends (-1) to wait.
    mutating func changeWaiting(by difference: Int) {
        waiting += difference
    }

    /// Decides what a request for a session gets.
    ///
    /// Of the idle ones that which `fitness` is greatest for, and of equals the one used last.
    mutating func request(
        _ purpose: Purpose, _ urgency: Request.Urgency = .demanded, now: ContinuousClock.Instant,
        fitness: (Member) -> Int = { _ in 0 }
    ) -> Decision {
        guard isOpen else {
            return .refuse(RemoteError(.unreachable, operation: "connect", words: "the mount is being ended"))
        }
        raiseCeiling(now: now)
        if urgency == .spare, !hasSpare(for: purpose, now: now) {
            return .refuse(RemoteError(.busy, operation: "connect", words: "no connection to spare"))
        }
        guard purpose == .metadata || transfers < max(1, places(now: now) - 1) else {
            return .wait(until: transfers < max(1, ceiling - 1) ? nearAttempt(now: now) : nil)
        }
        let fitnesses = idle.map { fitness($0.member) }
        if let greatest = fitnesses.max(), let index = fitnesses.lastIndex(of: greatest) {
            let best = idle.remove(at: index)
            lend(purpose, urgency)
            return .use(best.member, rested: best.since.advanced(by: Self.restTime) <= now)
        }
        if let outage, outage.refusesAtOnce(now: now) { return .refuse(outage.error) }
        if let failures {
            guard opening == 0 else { return .wait(until: nil) }
            guard now >= failures.nextAttempt else {
                return .wait(until: standing == 0 ? failures.nextAttempt : nearAttempt(now: now))
            }
        }
        guard standing + opening < ceiling else { return .wait(until: nil) }
        // The log-in under way decides; nobody has to give up a session for that.
        guard opening == 0 || isProven(now: now) else { return .wait(until: now) }
        opening += 1
        return .open
    }

    /// Lends an idle session that fits for a transfer beside another one; nil where there is none, or where others have need of it.
    mutating func requestIdle(now: ContinuousClock.Instant, where isFit: (Member) -> Bool) -> Member? {
        guard isOpen, waiting == 0, transfers < max(1, places(now: now) - 1),
            let index = idle.lastIndex(where: { isFit($0.member) })
        else { return nil }
        lend(.transfer, .demanded)
        return idle.remove(at: index).member
    }

    /// Notes that the session for which a place was taken stands and is leased.
    mutating func opened(
        _ purpose: Purpose, _ urgency: Request.Urgency = .demanded, now: ContinuousClock.Instant
    ) {
        opening -= 1
        failures = nil
        provenAt = now
        lend(purpose, urgency)
    }

    /// Notes that a session could not be opened.
    ///
    /// `isLimit` when the server said that there are too many, `isUnanswered` when it has said nothing to a password. `begun` is when the
    /// attempt began, nil where it was the only one.
    /// Returns whether the caller should ask again rather than fail: the ceiling was lowered, or others work.
    mutating func openFailed(
        _ error: RemoteError, isLimit: Bool, isUnanswered: Bool = false,
        begun: ContinuousClock.Instant? = nil, now: ContinuousClock.Instant
    ) -> Bool {
        opening -= 1
        if isLimit, standing + opening > 0 {
            ceiling = max(1, min(ceiling, standing + opening))
            loweredAt = now
            return true
        }
        guard error.kind != .interrupted else { return false }
        provenAt = nil
        let failure = Outage.Failure(
            error, isUnanswered: isUnanswered, besideOthers: standing > 0, begun: begun)
        if failures == nil {
            failures = Outage(failure, now: now)
        } else {
            failures?.addFailure(failure, now: now)
        }
        return outage?.refusesAtOnce(now: now) != true
    }

    /// Takes a leased session back; nil when it is of no use any more.
    ///
    /// One that is not settled, for it waits for replies, is lent after all the others. Returns sessions to close.
    mutating func takeBack(
        _ member: Member?, from purpose: Purpose, _ urgency: Request.Urgency = .demanded,
        isSettled: Bool = true, now: ContinuousClock.Instant
    ) -> [Member] {
        leased -= 1
        if purpose == .transfer { transfers -= 1 }
        if urgency == .spare { spares -= 1 }
        guard let member else {
            provenAt = nil
            noteLoss()
            return []
        }
        guard isOpen, standing < ceiling else { return [member] }
        idle.insert(Idle(member: member, since: now), at: isSettled ? idle.endIndex : 0)
        return []
    }

    /// The idle sessions, those lent last at the beginning.
    var idleMembers: [Member] { idle.map(\.member) }

    /// Takes in an idle session that was opened elsewhere.
    mutating func adopt(_ member: Member, now: ContinuousClock.Instant) {
        idle.append(Idle(member: member, since: now))
        failures = nil
        provenAt = now
    }

    /// Takes out the sessions that have been idle for too long, oldest first.
    mutating func expire(idleFor timeout: Duration, now: ContinuousClock.Instant) -> [Member] {
        let expired = idle.filter { $0.since.advanced(by: timeout) <= now }
        idle.removeAll { $0.since.advanced(by: timeout) <= now }
        if !expired.isEmpty { noteLoss() }
        return expired.map(\.member)
    }

    /// Takes out all idle sessions: they belong to a server that was found dead, or the pool ends.
    mutating func removeIdle() -> [Member] {
        let members = idle.map(\.member)
        idle.removeAll()
        provenAt = nil
        if !members.isEmpty { noteLoss() }
        return members
    }

    /// Takes a place for an attempt to end an outage that operations no longer wait for.
    ///
    /// Answer as for `.open`.
    mutating func beginProbe(now: ContinuousClock.Instant) -> Bool {
        guard isOpen, let outage, opening == 0, now >= outage.nextAttempt else { return false }
        opening += 1
        return true
    }

    /// Allows an attempt to open a session at once, for the user has said that it is worth one.
    mutating func hasten(now: ContinuousClock.Instant) {
        failures?.hasten(now: now)
    }

    /// The most sessions that are held in reserve, the one in use included.
    private static var reserveLimit: Int { 3 }

    /// Takes a place for a session that nobody has asked for, beside one that goes from transfer to transfer without a pause.
    ///
    /// Answer with `opened` or `reserveFailed`.
    mutating func beginReserve(now: ContinuousClock.Instant) -> Bool {
        guard isOpen, reserveRefusedUntil.map({ $0 <= now }) ?? true, outage == nil, waiting == 0,
            idle.isEmpty, standing + opening < Self.reserveLimit,
            standing + opening < places(now: now) - 1
        else { return false }
        opening += 1
        return true
    }

    /// Notes that a session in reserve could not be opened, which proves nothing for those who need one: there is none for a while.
    ///
    /// A refused log-in proves that nobody gets one.
    mutating func reserveFailed(_ error: RemoteError, isLimit: Bool, now: ContinuousClock.Instant) {
        if Outage.isRefusal(error) {
            _ = openFailed(error, isLimit: isLimit, now: now)
            return
        }
        opening -= 1
        reserveRefusedUntil = now.advanced(by: Self.reservePause)
        if isLimit, standing + opening > 0 {
            ceiling = max(1, min(ceiling, standing + opening))
            loweredAt = now
        }
    }

    /// How long no session is held in reserve after one could not be opened.
    private static var reservePause: Duration { .seconds(60) }

    /// Ends all: nothing is lent any more, and what comes back is closed.
    mutating func close() {
        isOpen = false
    }

    private mutating func lend(_ purpose: Purpose, _ urgency: Request.Urgency) {
        leased += 1
        if purpose == .transfer { transfers += 1 }
        if urgency == .spare { spares += 1 }
    }

    /// Whether work that nobody waits for may have a session: one place stays free for any demand, and one more that a transfer may take.
    ///
    /// A session that is about to be opened counts for nobody yet, so that those opened at once may be one too many.
    private func hasSpare(for purpose: Purpose, now: ContinuousClock.Instant) -> Bool {
        let places = places(now: now)
        guard outage == nil, waiting == 0, spares < places - 1 else { return false }
        switch purpose {
        case .metadata: return leased + opening < places - 1
        case .transfer: return leased + opening < places - 1 && transfers < places - 2
        }
    }

    /// When a further session is tried for again, if that is soon; where it is not, whoever has one of those that stand is asked for it.
    private func nearAttempt(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        failures.map(\.nextAttempt).flatMap { $0 <= now.advanced(by: .seconds(1)) ? $0 : nil }
    }

    /// How many sessions there may be just now: those that stand, while no further one can be had.
    private func places(now: ContinuousClock.Instant) -> Int {
        guard let failures, now < failures.nextAttempt else { return ceiling }
        return min(ceiling, max(1, standing + opening))
    }

    /// Notes that a session has gone, which may have been the last one, so that failures count for all from now on.
    ///
    /// That there was no further session says nothing of the only one, which is tried at once, unless the log-in was refused.
    private mutating func noteLoss() {
        if let failures, standing == 0, failures.error.kind != .authentication { self.failures = nil }
    }

    private func isProven(now: ContinuousClock.Instant) -> Bool {
        provenAt.map { now < $0.advanced(by: Self.proofTime) } ?? false
    }

    private mutating func raiseCeiling(now: ContinuousClock.Instant) {
        guard ceiling < limit, let loweredAt, now >= loweredAt.advanced(by: Self.ceilingMemory) else {
            return
        }
        ceiling += 1
        self.loweredAt = now
    }
}
