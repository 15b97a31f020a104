import Posix

/// A value that one thread hands to another, which waits for it for at most a minute.
package final class TestResult<Value: Sendable>: Sendable {
    private let state = Monitor<Value?>(nil)

    /// Makes an empty one.
    package init() {}

    /// Hands the value over; the first one stays.
    package func set(_ value: Value) {
        state.update { if $0 == nil { $0 = value } }
    }

    /// The value if it is there already.
    package var current: Value? { state.withLock { $0 } }

    /// Waits for the value; throws when none comes.
    package func wait(atMost limit: Duration = .seconds(60)) throws -> Value {
        guard let value = state.wait(until: .after(limit), { $0 }) else {
            throw TestConnectionError(description: "no value came")
        }
        return value
    }
}
