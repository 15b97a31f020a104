import Remote
import Testing

@testable import FTPPool

/// What the pool's bookkeeping makes of failures while a session stands, and of passwords that are not answered.
extension PoolStateTests {
    @Test("where one session stands, another one that cannot be had is no outage, and is tried again")
    func noFurtherSession() {
        var state = PoolState<Int>(limit: 6)
        #expect(open(&state, .metadata))
        for (attempt, pause) in [0.25, 0.5, 1].enumerated() {
            let moment = at(Double(attempt) * 10)
            guard case .open = state.request(.metadata, now: moment) else {
                Issue.record("no further session was tried")
                return
            }
            let asksAgain = state.openFailed(unreachable, isLimit: false, now: moment)
            #expect(asksAgain && state.outage == nil)
            let next = moment.advanced(by: .seconds(pause))
            guard case .wait(next) = state.request(.metadata, now: moment.advanced(by: .seconds(pause - 0.1)))
            else {
                Issue.record("the next attempt is not waited for")
                return
            }
        }
        _ = state.takeBack(1, from: .metadata, now: at(30))
        guard case .use(1, _) = state.request(.metadata, now: at(30)) else {
            Issue.record("the one that stands was not lent")
            return
        }
        guard case .open = state.request(.transfer, .spare, now: at(31)) else {
            Issue.record("nothing is done ahead any more")
            return
        }
        state.opened(.transfer, .spare, now: at(31))
        #expect(open(&state, .transfer))
    }

    @Test("while no further session can be had, work ahead leaves those that stand to others")
    func spareWorkBesideFailures() {
        var state = PoolState<Int>(limit: 6)
        #expect(open(&state, .metadata))
        guard case .open = state.request(.metadata, now: start) else { return }
        _ = state.openFailed(unreachable, isLimit: false, now: start)
        _ = state.takeBack(1, from: .metadata, now: start)
        guard case .refuse(let error) = state.request(.transfer, .spare, now: at(0.1)) else {
            Issue.record("the only session was lent")
            return
        }
        #expect(error.kind == .busy)
        let begins = state.beginReserve(now: at(0.1))
        #expect(!begins)
    }

    @Test("a password that is never answered is sent ever more rarely")
    func unansweredPassword() {
        var state = PoolState<Int>(limit: 2)
        let silent = RemoteError(.timedOut, operation: "connect", words: "reply to PASS")
        guard case .open = state.request(.metadata, now: start) else { return }
        _ = state.openFailed(silent, isLimit: false, isUnanswered: true, now: start)
        var now = 0.0
        for pause in [0.25, 30, 60, 120, 240, 300, 300] {
            let tooEarly = state.beginProbe(now: at(now + pause * 0.9))
            now += pause
            let inTime = state.beginProbe(now: at(now))
            #expect(!tooEarly && inTime)
            _ = state.openFailed(silent, isLimit: false, isUnanswered: true, now: at(now))
        }
    }

    @Test("attempts that were under way together and meet the same are one failure")
    func together() throws {
        let silent = RemoteError(.timedOut, operation: "connect", words: "reply to PASS")
        for (error, isUnanswered, pause) in [
            (silent, true, 0.25), (unreachable, false, 0.25), (refused, false, 300),
        ] {
            var state = PoolState<Int>(limit: 6)
            #expect(open(&state, .metadata))
            for _ in 0..<5 {
                guard case .open = state.request(.metadata, now: start) else {
                    Issue.record("no further session was tried")
                    return
                }
            }
            for number in 0..<5 {
                _ = state.openFailed(
                    error, isLimit: false, isUnanswered: isUnanswered, begun: start,
                    now: at(60 + Double(number) / 100))
            }
            #expect(state.failures?.nextAttempt == at(60 + pause), "\(error)")
        }
    }

    @Test("for a transfer, too, a short pause is waited for, and a lack of places is not")
    func transfersBesideFailures() {
        var state = PoolState<Int>(limit: 4)
        for _ in 0..<2 { #expect(open(&state, .transfer)) }
        guard case .open = state.request(.transfer, now: start) else { return }
        _ = state.openFailed(unreachable, isLimit: false, now: start)
        guard case .wait(at(0.25)) = state.request(.transfer, now: at(0.1)) else {
            Issue.record("the next attempt is not waited for")
            return
        }
        #expect(open(&state, .transfer, at(1)))
        guard case .wait(nil) = state.request(.transfer, now: at(1)) else {
            Issue.record("nobody is asked for a session")
            return
        }
    }

    @Test("when the last session goes the server is asked at once, unless it has refused the log-in")
    func lastSessionGoes() {
        for error in [unreachable, refused] {
            var state = PoolState<Int>(limit: 6)
            #expect(open(&state, .metadata))
            guard case .open = state.request(.metadata, now: start) else { return }
            _ = state.openFailed(error, isLimit: false, now: start)
            #expect(state.outage == nil)
            _ = state.takeBack(nil, from: .metadata, now: at(0.1))
            switch state.request(.metadata, now: at(0.1)) {
            case .open: #expect(error == unreachable)
            case .refuse(refused): #expect(error == refused)
            default: Issue.record("neither asked nor refused")
            }
        }
    }
}
