package import Posix

/// A place where threads wait until a test lets them go on; tells the test how many have come.
package final class Gate: Sendable {
    private struct State {
        var arrivals = 0
        var isOpen = false
    }

    private let state = Monitor(State())

    /// Makes a closed gate.
    package init() {}

    /// Waits until the gate is open, the deadline has passed, or `isGivenUp` says so after `wake()`.
    ///
    /// Returns whether the gate was open.
    @discardableResult
    package func pass(until deadline: Deadline = .after(.seconds(60)), isGivenUp: () -> Bool = { false })
        -> Bool
    {
        state.update { $0.arrivals += 1 }
        return state.wait(until: deadline) { state -> Bool? in
            if state.isOpen { return true }
            return isGivenUp() ? false : nil
        } ?? false
    }

    /// Waits until so many threads have come to the gate; returns false when they do not come in time.
    @discardableResult
    package func awaitArrivals(_ count: Int = 1, until deadline: Deadline = .after(.seconds(60))) -> Bool {
        state.wait(until: deadline) { $0.arrivals >= count ? true : nil } ?? false
    }

    /// How many threads have come so far.
    package var arrivals: Int { state.withLock { $0.arrivals } }

    /// Lets everybody through, now and later.
    package func open() {
        state.update { $0.isOpen = true }
    }

    /// Makes the waiting threads look at `isGivenUp` again.
    package func wake() {
        state.wakeAll()
    }
}
