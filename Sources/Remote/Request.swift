import Posix

/// One request of a program, which that program may interrupt while it waits.
///
/// Whoever blocks on behalf of a request adds an action that wakes the wait; the action runs on the thread that
/// cancels, outside all locks of this type, and must not block.
package final class Request: Sendable {
    private struct State {
        var isCancelled = false
        var nextKey: UInt64 = 0
        var actions: [UInt64: @Sendable () -> Void] = [:]
    }

    /// Names an action, so that it can be taken away again.
    package struct Token: Sendable {
        fileprivate let key: UInt64
    }

    /// Whether somebody waits for the result.
    package enum Urgency: Sendable {
        /// Somebody does.
        case demanded
        /// Nobody does yet: the work is done ahead, for a demand that may come.
        ///
        /// A store gives it only what is idle, fails it at once as `.busy` otherwise, and takes it back when a demand comes.
        case spare
    }

    private let state = Monitor(State())

    /// Whether somebody waits for the result.
    package let urgency: Urgency

    /// Makes a request that is not cancelled.
    package init(_ urgency: Urgency = .demanded) {
        self.urgency = urgency
    }

    /// Whether the program has given up.
    package var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Cancels the request and runs the actions that wait for it; a second call does nothing.
    package func cancel() {
        let actions = state.withLock { state in
            state.isCancelled = true
            defer { state.actions = [:] }
            return Array(state.actions.values)
        }
        for action in actions { action() }
    }

    /// Adds an action to be run once at cancellation; runs it at once when that has happened already.
    package func onCancel(_ action: @escaping @Sendable () -> Void) -> Token {
        let (token, runNow) = state.withLock { state in
            state.nextKey += 1
            if !state.isCancelled { state.actions[state.nextKey] = action }
            return (Token(key: state.nextKey), state.isCancelled)
        }
        if runNow { action() }
        return token
    }

    /// Takes an action away; it may be running at this moment on another thread.
    package func remove(_ token: Token) {
        state.withLock { _ = $0.actions.removeValue(forKey: token.key) }
    }
}
