import Remote
import Testing

@testable import FTPPool

/// What the pool's bookkeeping makes of failures while a session stands, and of passwords that are not answered.
@Suite struct FailureStateTests {
    private let start = ContinuousClock.Instant.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant {
        start.advanced(by: .seconds(seconds))
    }

    private let unreachable = RemoteError(.unreachable, operation: "connect", words: "refused")
    private let refused = RemoteError(.authentication, operation: "connect", words: "530 Login incorrect.")

    /// Opens one session in the state and leaves it leased.
    private func open(_ state: inout PoolState<Int>, _ purpose: Purpose) -> Bool {
        guard case .open = state.request(purpose, now: start) else { return false }
        state.opened(purpose, now: start)
        return true
    }

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
            guard case .wait(nil) = state.request(.metadata, now: moment.advanced(by: .seconds(pause - 0.1)))
            else {
                Issue.record("whoever has the one that stands is not asked for it")
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
