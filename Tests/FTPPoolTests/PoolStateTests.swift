import Remote
import Testing

@testable import FTPPool

@Suite("The pool's bookkeeping")
struct PoolStateTests {
    let start = ContinuousClock.Instant.now

    func at(_ seconds: Double) -> ContinuousClock.Instant {
        start.advanced(by: .seconds(seconds))
    }

    let unreachable = RemoteError(.unreachable, operation: "connect", words: "refused")
    let refused = RemoteError(.authentication, operation: "connect", words: "530 Login incorrect.")

    /// Opens one session in the state and leaves it leased.
    func open(
        _ state: inout PoolState<Int>, _ purpose: Purpose, _ moment: ContinuousClock.Instant? = nil
    ) -> Bool {
        guard case .open = state.request(purpose, now: moment ?? start) else { return false }
        state.opened(purpose, now: moment ?? start)
        return true
    }

    @Test("sessions are opened on demand up to the limit, then one waits")
    func opensOnDemand() {
        var state = PoolState<Int>(limit: 3)
        #expect(open(&state, .metadata))
        #expect(open(&state, .metadata))
        #expect(open(&state, .metadata))
        guard case .wait = state.request(.metadata, now: start) else {
            Issue.record("a fourth session was opened")
            return
        }
    }

    @Test("the session given back last is lent first")
    func lendsTheWarmestSession() {
        var state = PoolState<Int>(limit: 3)
        #expect(open(&state, .metadata) && open(&state, .metadata))
        let result1 = state.takeBack(1, from: .metadata, now: at(1)).isEmpty
        #expect(result1)
        let result2 = state.takeBack(2, from: .metadata, now: at(2)).isEmpty
        #expect(result2)
        guard case .use(let member, _) = state.request(.metadata, now: at(3)) else {
            Issue.record("an idle session was not used")
            return
        }
        #expect(member == 2)
    }

    @Test("transfers leave a place for metadata when there are two or more", arguments: [2, 3, 6])
    func transfersLeaveAPlace(limit: Int) {
        var state = PoolState<Int>(limit: limit)
        for _ in 1..<limit { #expect(open(&state, .transfer)) }
        guard case .wait = state.request(.transfer, now: start) else {
            Issue.record("a transfer took the last place")
            return
        }
        #expect(open(&state, .metadata))
    }

    @Test("with one connection transfers and metadata share it")
    func worksWithOneConnection() {
        var state = PoolState<Int>(limit: 1)
        #expect(open(&state, .transfer))
        guard case .wait = state.request(.metadata, now: start) else {
            Issue.record("a second session was opened")
            return
        }
        let result3 = state.takeBack(1, from: .transfer, now: start).isEmpty
        #expect(result3)
        guard case .use = state.request(.metadata, now: start) else {
            Issue.record("the session was not lent again")
            return
        }
    }

    @Test("'too many connections' lowers the ceiling while others work, and the request is made again")
    func learnsTheCeiling() {
        var state = PoolState<Int>(limit: 6)
        #expect(open(&state, .metadata) && open(&state, .metadata))
        guard case .open = state.request(.metadata, now: start) else {
            Issue.record("no attempt was made")
            return
        }
        let busy = RemoteError(.busy, operation: "connect")
        let result4 = state.openFailed(busy, isLimit: true, now: start)
        #expect(result4)
        #expect(state.ceiling == 2)
        guard case .wait = state.request(.metadata, now: at(1)) else {
            Issue.record("the ceiling was not kept")
            return
        }
        guard case .open = state.request(.metadata, now: at(700)) else {
            Issue.record("the ceiling was never tried again")
            return
        }
    }

    @Test("an outage makes requests wait a little at first, then refuses at once until the server is back")
    func outageRefusesInTheEnd() {
        var state = PoolState<Int>(limit: 2)
        guard case .open = state.request(.metadata, now: start) else { return }
        let result5 = state.openFailed(unreachable, isLimit: false, now: start)
        #expect(result5)
        guard case .wait(let until) = state.request(.metadata, now: start) else {
            Issue.record("no pause after a failure")
            return
        }
        #expect(until == at(0.25))
        guard case .open = state.request(.metadata, now: at(1)) else {
            Issue.record("no second attempt")
            return
        }
        let result6 = state.openFailed(unreachable, isLimit: false, now: at(31))
        #expect(!result6)
        guard case .refuse(let error) = state.request(.metadata, now: at(32)) else {
            Issue.record("not refused at once")
            return
        }
        #expect(error == unreachable)
        let result7 = state.beginProbe(now: at(100))
        #expect(result7)
        state.opened(.metadata, now: start)
        _ = state.takeBack(7, from: .metadata, now: at(100))
        guard case .use(7, _) = state.request(.metadata, now: at(101)) else {
            Issue.record("the server's return was not noticed")
            return
        }
    }

    @Test(
        "where it came to no log-in, the refusal is told at once, but no account can be locked: there are more attempts soon"
    )
    func refusedBeforeLogin() {
        var state = PoolState<Int>(limit: 2)
        let untrusted = RemoteError(.untrusted, operation: "connect", words: "500 AUTH not understood")
        guard case .open = state.request(.metadata, now: start) else { return }
        _ = state.openFailed(untrusted, isLimit: false, now: start)
        var now = 0.0
        for _ in 0..<12 {
            guard case .refuse(untrusted) = state.request(.metadata, now: at(now + 0.1)) else {
                Issue.record("not told")
                return
            }
            now += 30
            let inTime = state.beginProbe(now: at(now))
            #expect(inTime)
            _ = state.openFailed(untrusted, isLimit: false, now: at(now))
        }
    }

    @Test("a refused log-in is final at once and tried again only after a long pause")
    func refusedLoginIsNotRepeated() {
        var state = PoolState<Int>(limit: 2)
        var now = 0.0
        guard case .open = state.request(.metadata, now: start) else { return }
        let asksAgain = state.openFailed(refused, isLimit: false, now: start)
        #expect(!asksAgain)
        // Each further one costs twice the pause, up to an hour.
        for pause in [300.0, 600, 1200, 2400, 3600, 3600] {
            guard case .refuse(refused) = state.request(.metadata, now: at(now + 1)) else {
                Issue.record("the log-in was tried again")
                return
            }
            let tooEarly = state.beginProbe(now: at(now + pause - 1))
            now += pause
            let inTime = state.beginProbe(now: at(now))
            #expect(!tooEarly && inTime)
            _ = state.openFailed(refused, isLimit: false, now: at(now))
        }
        // The user may know better.
        state.hasten(now: at(now + 1))
        let atOnce = state.beginProbe(now: at(now + 1))
        #expect(atOnce)
        state.opened(.metadata, now: at(now + 1))
        #expect(state.outage == nil)
    }

    @Test(
        "of those who want a session at once one logs in, and the others when that has succeeded a moment ago"
    )
    func oneLoginAtATime() {
        var state = PoolState<Int>(limit: 6)
        func decision(_ seconds: Double) -> String {
            switch state.request(.metadata, now: at(seconds)) {
            case .open: "open"
            case .use: "use"
            case .wait(let moment): moment == nil ? "wait" : "wait a moment"
            case .refuse: "refuse"
            }
        }
        #expect([decision(0), decision(0)] == ["open", "wait a moment"])
        state.opened(.metadata, now: at(1))
        #expect([decision(2), decision(2)] == ["open", "open"])
        for _ in 1...2 { state.opened(.metadata, now: at(2)) }
        // A session that is lost makes the server one that may have begun to refuse.
        _ = state.takeBack(nil, from: .metadata, now: at(3))
        #expect([decision(3), decision(3)] == ["open", "wait a moment"])
        state.opened(.metadata, now: at(4))
        #expect(decision(4) == "open")
        state.opened(.metadata, now: at(4))
        // So does time.
        #expect([decision(64), decision(64)] == ["open", "wait a moment"])
        let asksAgain = state.openFailed(refused, isLimit: false, now: at(65))
        // Those that stand may still be given back.
        #expect(asksAgain && decision(66) == "wait")
    }

    @Test("a log-in that is refused to a session in reserve is not tried again by anybody")
    func refusedReserve() {
        var state = PoolState<Int>(limit: 6)
        #expect(open(&state, .transfer))
        let begins = state.beginReserve(now: start)
        #expect(begins)
        state.reserveFailed(refused, isLimit: false, now: at(1))
        let later = state.beginReserve(now: at(100))
        #expect(!later && state.failures?.error == refused)
    }

    @Test("idle sessions expire oldest first; leased ones never")
    func expiresIdleSessions() {
        var state = PoolState<Int>(limit: 3)
        #expect(open(&state, .metadata) && open(&state, .metadata) && open(&state, .metadata))
        _ = state.takeBack(1, from: .metadata, now: at(0))
        _ = state.takeBack(2, from: .metadata, now: at(50))
        let result11 = state.expire(idleFor: .seconds(60), now: at(70))
        #expect(result11 == [1])
        #expect(state.standing == 2)
    }

    @Test("a session that owes replies is lent after all others")
    func lendsDebtorsLast() {
        var state = PoolState<Int>(limit: 3)
        #expect(open(&state, .metadata) && open(&state, .metadata))
        _ = state.takeBack(1, from: .metadata, now: at(0))
        _ = state.takeBack(2, from: .metadata, isSettled: false, now: at(1))
        guard case .use(1, _) = state.request(.metadata, now: at(2)),
            case .use(2, _) = state.request(.metadata, now: at(2))
        else {
            Issue.record("the wrong session was lent")
            return
        }
    }

    @Test("a session that has been silent for a minute is lent with a warning", arguments: [59, 60])
    func tellsRestedSessions(pause: Double) {
        var state = PoolState<Int>(limit: 3)
        #expect(open(&state, .metadata))
        _ = state.takeBack(1, from: .metadata, now: at(0))
        guard case .use(1, let rested) = state.request(.metadata, now: at(pause)) else {
            Issue.record("an idle session was not used")
            return
        }
        #expect(rested == (pause >= 60))
    }

    @Test("a closed pool refuses requests and closes what comes back")
    func closes() {
        var state = PoolState<Int>(limit: 2)
        #expect(open(&state, .metadata))
        state.close()
        let result12 = state.takeBack(1, from: .metadata, now: start)
        #expect(result12 == [1])
        guard case .refuse = state.request(.metadata, now: start) else {
            Issue.record("a closed pool lends")
            return
        }
    }

    @Test(
        "spare work gets what leaves room for a demanded transfer and a question, and nothing while somebody waits"
    )
    func spareWork() {
        var state = PoolState<Int>(limit: 4)
        for _ in 1...2 {
            guard case .open = state.request(.transfer, .spare, now: start) else {
                Issue.record("there was room")
                return
            }
            state.opened(.transfer, .spare, now: start)
        }
        guard case .refuse(let error) = state.request(.transfer, .spare, now: start) else {
            Issue.record("a demanded transfer would have to wait")
            return
        }
        #expect(error.kind == .busy)
        #expect(open(&state, .transfer) && open(&state, .metadata))
        _ = state.takeBack(1, from: .transfer, .spare, now: start)
        state.changeWaiting(by: 1)
        guard case .refuse = state.request(.metadata, .spare, now: start) else {
            Issue.record("somebody waits")
            return
        }
    }

    @Test("with one connection, or during an outage, no work is done ahead")
    func noSpareWork() {
        var single = PoolState<Int>(limit: 1)
        guard case .refuse = single.request(.metadata, .spare, now: start) else {
            Issue.record("the only connection was lent")
            return
        }
        var state = PoolState<Int>(limit: 6)
        guard case .open = state.request(.metadata, now: start) else { return }
        let lost = RemoteError(.unreachable, operation: "connect")
        _ = state.openFailed(lost, isLimit: false, now: start)
        guard case .refuse = state.request(.metadata, .spare, now: at(1)) else {
            Issue.record("a lost server is asked ahead")
            return
        }
    }

    @Test("a session is held in reserve beside those in use, up to three, and one place stays free")
    func reserve() {
        var state = PoolState<Int>(limit: 6)
        #expect(open(&state, .transfer))
        let first = state.beginReserve(now: at(1))
        #expect(first)
        state.opened(.metadata, now: start)
        _ = state.takeBack(2, from: .metadata, now: start)
        let whileIdle = state.beginReserve(now: at(1))
        #expect(!whileIdle)
        guard case .use(2, _) = state.request(.transfer, now: at(1)) else {
            Issue.record("the reserve was not used")
            return
        }
        let second = state.beginReserve(now: at(1))
        #expect(second)
        state.opened(.metadata, now: start)
        _ = state.takeBack(3, from: .metadata, now: at(2))
        guard case .use = state.request(.transfer, now: at(2)) else {
            Issue.record("the reserve was not used")
            return
        }
        let third = state.beginReserve(now: at(1))
        #expect(!third)
        var small = PoolState<Int>(limit: 2)
        #expect(open(&small, .transfer))
        let inSmall = small.beginReserve(now: start)
        #expect(!inSmall)
    }

    @Test("a reserve that cannot be had is no outage, and is not tried again for a minute")
    func failedReserve() {
        var state = PoolState<Int>(limit: 6)
        #expect(open(&state, .transfer))
        let first = state.beginReserve(now: start)
        #expect(first)
        state.reserveFailed(unreachable, isLimit: false, now: at(1))
        #expect(state.outage == nil)
        let soon = state.beginReserve(now: at(2))
        let later = state.beginReserve(now: at(62))
        #expect(!soon && later)
    }
}
