import CLinux
import Glibc

/// A value behind a lock on which threads can wait for a change.
///
/// The one kind of lock in this house. The standard library's `Mutex` has no condition variable, and under contention its owner
/// is changed by the kernel (a priority-inheriting futex), which the thread sanitizer does not see: it then reports races inside
/// critical sections, among which a real one would be lost. It knows pthread's mutexes.
///
/// The lock is not recursive: taking it again on the same thread deadlocks. No I/O, kernel reply or foreign closure belongs
/// inside `withLock`; the one exception is the log, whose lines must not be torn. A state without any bytes, as `()`, has the address of the object's header, which makes the sanitizer see a
/// race with whoever reads that.
@safe
package final class Monitor<State: ~Copyable>: @unchecked Sendable {
    // Unchecked: `state` is only touched while `mutex` is held; both pthread objects live on the heap, where they stay.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    /// Puts a value behind a new lock.
    package init(_ state: consuming sending State) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        let lockResult = unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let conditionResult = unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
        precondition(lockResult == 0 && conditionResult == 0, "no memory for a lock")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs the body with the lock held and wakes nobody.
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Runs the body with the lock held, then wakes every waiting thread.
    package func update<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer {
            // In this order: who is woken while the lock is still held only goes to sleep again, for the lock.
            unsafe pthread_mutex_unlock(mutex)
            unsafe pthread_cond_broadcast(condition)
        }
        return try body(&state)
    }

    /// Wakes every waiting thread, so that each looks at the state (and at whatever else it checks) again.
    package func wakeAll() {
        // The lock makes sure that nobody is between a look and the wait for the next one.
        unsafe pthread_mutex_lock(mutex)
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_broadcast(condition)
    }

    /// Calls the body with the lock held until it returns a value, waiting for a change in between.
    ///
    /// Returns nil once the deadline has passed and the body still has no value. The body runs at least once.
    /// Other threads can take the lock while this one waits. Waking threads use `update` or `wakeAll`.
    package func wait<Result, Failure: Error>(
        until deadline: Deadline = .never, _ body: (inout State) throws(Failure) -> Result?
    ) throws(Failure) -> Result? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = try body(&state) { return result }
            guard let remaining = deadline.remaining else {
                unsafe pthread_cond_wait(condition, mutex)
                continue
            }
            guard remaining > .zero else { return nil }
            var time = monotonicTime(after: remaining)
            unsafe pthread_cond_timedwait(condition, mutex, &time)
        }
    }
}

private func monotonicTime(after duration: Duration) -> timespec {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    let (seconds, attoseconds) = duration.components
    let nanoseconds = Int64(time.tv_nsec) + attoseconds / 1_000_000_000
    time.tv_sec += Int(min(seconds, 1_000_000_000)) + Int(nanoseconds / 1_000_000_000)
    time.tv_nsec = Int(nanoseconds % 1_000_000_000)
    return time
}
