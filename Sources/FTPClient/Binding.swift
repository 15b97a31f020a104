import Posix
import Remote

/// One bond between a request and a session's wakeup: cancelling the request raises the wakeup, as long as the bond holds.
final class Binding: Sendable {
    private struct State {
        var isActive = true
        var token: Request.Token?
    }

    private let state = Monitor(State())
    private let request: Request
    private let wakeup: Wakeup

    /// Makes the bond; a request that is cancelled already raises the wakeup at once.
    init(_ request: Request, raising wakeup: Wakeup) {
        self.request = request
        self.wakeup = wakeup
        let token = request.onCancel { [self] in cancel() }
        state.withLock { $0.token = token }
    }

    /// Dissolves the bond and lowers the wakeup.
    ///
    /// A cancellation that runs at this moment raises nothing afterwards.
    func dissolve() {
        let token = state.withLock { state in
            state.isActive = false
            return state.token.take()
        }
        if let token { request.remove(token) }
        wakeup.lower()
    }

    private func cancel() {
        state.withLock { if $0.isActive { wakeup.raise() } }
    }
}
