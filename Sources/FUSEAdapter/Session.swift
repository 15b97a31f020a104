import CFUSE
import Glibc
import Posix

/// libfuse's session: owns it, and keeps the adapter alive that the callbacks use.
///
/// Made, mounted, greeted, run, closed, in this order. `exit` may come from any thread at any time.
@safe
final class Session: @unchecked Sendable {
    // Unchecked: `raw` is set at the beginning and taken away under `isOpen`'s lock; the calls in between are made by the one thread
    // that runs the mount, except `exit`, which holds the lock.
    private let raw: OpaquePointer
    private let isOpen = Monitor(true)
    private let adapter: Adapter

    /// Makes a session; nil when libfuse refuses the words (its reasons go to the log).
    init?(words: [String], adapter: Adapter) {
        self.adapter = adapter
        var arguments = unsafe fuse_args()
        defer { unsafe fuse_opt_free_args(&arguments) }
        for word in words {
            guard unsafe fuse_opt_add_arg(&arguments, word) == 0 else { return nil }
        }
        var table = Callbacks.table
        let userdata = unsafe Unmanaged.passUnretained(adapter).toOpaque()
        guard let raw = unsafe ftpsfs_session_new(&arguments, &table, userdata) else { return nil }
        unsafe self.raw = unsafe raw
        let notice = unsafe KernelNotice(raw)
        adapter.notice.withLock { $0 = notice }
    }

    deinit {
        close()
    }

    /// Mounts on a path; false when the kernel or fusermount3 refuses.
    func mount(on path: String) -> Bool {
        unsafe fuse_session_mount(raw, path) == 0
    }

    /// Handles the kernel's first request, in which both sides agree on what they can do; it is waiting once the mount is made.
    ///
    /// Throws when there is no agreement. The mount can be used as soon as `run` runs.
    func greet() throws(Errno) {
        if ftpsfs_asks_for_all() {
            try greetDirectly()
        } else {
            try Greeting.exchange(on: unsafe fuse_session_fd(raw)) { request in
                unsafe request.withUnsafeMutableBytes { bytes in
                    var buffer = unsafe fuse_buf()
                    unsafe buffer.size = bytes.count
                    unsafe buffer.mem = bytes.baseAddress
                    unsafe fuse_session_process_buf(raw, &buffer)
                }
            }
        }
        guard unsafe fuse_session_exited(raw) == 0 else { throw Errno(EPROTO) }
    }

    private func greetDirectly() throws(Errno) {
        var buffer = unsafe fuse_buf()
        defer { unsafe free(buffer.mem) }
        while true {
            let count = unsafe fuse_session_receive_buf(raw, &buffer)
            if count == -EINTR { continue }
            guard count > 0 else { throw Errno(-count) }
            unsafe fuse_session_process_buf(raw, &buffer)
            return
        }
    }

    /// Serves the kernel on this thread until the mount is gone or `exit` is called; returns 0 or an error number below zero.
    func run() -> CInt {
        Self.outcome(ofLoop: unsafe fuse_session_loop(raw))
    }

    /// Serves the kernel on up to a number of threads, until the mount is gone or `exit` is called and this thread gets a
    /// signal; returns 0 or an error number below zero.
    func run(maximumThreads: Int) -> CInt {
        guard let configuration = unsafe fuse_loop_cfg_create() else { return -ENOMEM }
        defer { unsafe fuse_loop_cfg_destroy(configuration) }
        let threads = UInt32(clamping: max(1, maximumThreads))
        unsafe fuse_loop_cfg_set_max_threads(configuration, threads)
        // A burst leaves its threads behind, each with a buffer of a mebibyte as far as it was used.
        unsafe fuse_loop_cfg_set_idle_threads(configuration, min(threads, Self.idleThreads))
        // A descriptor per thread spares a lock in the kernel, where a sixteenth of all is enough for them.
        let clones = CurrentProcess.fileLimit >= Self.descriptorsOfThread * maximumThreads
        unsafe fuse_loop_cfg_set_clone_fd(configuration, clones ? 1 : 0)
        return Self.outcome(ofLoop: unsafe ftpsfs_session_loop_mt(raw, configuration))
    }

    /// What the end of libfuse's loop means: 0, or an error number below zero.
    ///
    /// A thread that reads at the moment at which the last mount of a file system goes may get ECONNABORTED in place of ENODEV (fuse(4)),
    /// and libfuse 3.14 takes only the latter for the end. Linux 6.18 says so after `umount -l`, when the last file is closed.
    static func outcome(ofLoop result: CInt) -> CInt {
        result == -ECONNABORTED ? 0 : result
    }

    /// Tells the loop to end when it next looks.
    ///
    /// Does not wake it.
    func exit() {
        isOpen.withLock { isOpen in
            if isOpen { unsafe fuse_session_exit(raw) }
        }
    }

    /// Whether the kernel still has the file system: it ends the connection when the last mount of it goes.
    ///
    /// Does not block.
    var isConnected: Bool {
        isOpen.withLock { isOpen in
            guard isOpen else { return false }
            var entry = pollfd(fd: unsafe fuse_session_fd(raw), events: 0, revents: 0)
            return unsafe poll(&entry, 1, 0) == 0 || entry.revents & Int16(POLLERR) == 0
        }
    }

    /// Closes the connection, by which the kernel fails whatever still waits, and frees the session; not while the loop runs.
    ///
    /// libfuse's own unmounting is not used: it detaches whatever is mounted on the path by then, be it a stranger's.
    func close() {
        adapter.notice.withLock { $0 = nil }
        isOpen.withLock { isOpen in
            if isOpen { unsafe fuse_session_destroy(raw) }
            isOpen = false
        }
    }

    private static let idleThreads: UInt32 = 16
    private static let descriptorsOfThread = 16
}
