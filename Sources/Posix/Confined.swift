/// A value that is used by one thread at a time, while different threads may have their turn.
///
/// Who owns this object must see to that: the pool does by leasing a session to one holder, whose release happens before the next
/// lease. The thread sanitizer runs of the tests check it.
package final class Confined<Value>: @unchecked Sendable {
    // Unchecked: turns are taken under the locks of the owner, as said above.
    /// The value; to be touched by the thread whose turn it is.
    package let value: Value

    /// Takes a value over from the calling thread.
    package init(_ value: sending Value) {
        self.value = value
    }
}
