import CLinux
import Glibc

/// A thread of our own, for work that blocks.
///
/// All signals are blocked in it, so that they reach the thread that handles them. A joinable thread must be joined before its
/// object goes.
@safe
package final class Thread: @unchecked Sendable {
    // Unchecked: `isJoined` is touched by the owner alone, in `join` and at the end.
    private let handle: pthread_t
    private var isJoined = false

    /// Starts a thread that runs the body once; the name (up to 15 bytes) is for debuggers.
    ///
    /// Throws when there are too many threads.
    package init(named name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        handle = try Thread.start(named: name, body)
    }

    deinit {
        precondition(isJoined, "a thread was not joined")
    }

    /// Waits for the thread's end; to be called once, never from the thread itself.
    package func join() {
        precondition(!isJoined, "a thread was joined twice")
        isJoined = true
        pthread_join(handle, nil)
    }

    /// Starts a thread that nobody joins, for work whose end is announced by other means.
    package static func detach(named name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        let handle = try start(named: name, body)
        pthread_detach(handle)
    }

    private static func start(
        named name: String, _ body: @escaping @Sendable () -> Void
    ) throws(Errno) -> pthread_t {
        let box = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: body))
        var handle: pthread_t = 0
        var everything = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&everything)
        unsafe pthread_sigmask(SIG_BLOCK, &everything, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        // SAFETY: the thread takes over the reference made above; on failure it is released here.
        let result = unsafe pthread_create(
            &handle, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
                unsafe ftpsfs_name_thread(body.name)
                body.run()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            unsafe box.release()
            throw Errno(result)
        }
        return handle
    }
}

private final class ThreadBody {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}
