import Glibc
package import Posix

/// Turns the signals that people and service managers send to a daemon into calls on a thread of their own.
package enum SignalWatch {
    /// Blocks the signals in the calling thread and in all that it starts later, and ignores SIGPIPE in the process.
    ///
    /// To be called by the main thread before there is any other.
    package static func prepare() {
        var set = signals()
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// Starts the thread that turns the signals into calls.
    ///
    /// The first SIGINT or SIGTERM calls `stop` on yet another thread, and a second one ends the process at once, with 128 and the
    /// signal's number as its status. SIGHUP calls `reload` each time once `isUsable`; before that it means that the terminal is
    /// gone, and counts as one of the others.
    ///
    /// No closure may block for long but `stop`. The thread lasts as long as the process.
    package static func start(
        isUsable: @escaping @Sendable () -> Bool, reload: @escaping @Sendable () -> Void,
        stop: @escaping @Sendable (_ signal: CInt) -> Void
    ) throws(Errno) {
        try Thread.detach(named: "signals") {
            var set = signals()
            var isStopping = false
            while true {
                var number: CInt = 0
                guard unsafe sigwait(&set, &number) == 0 else { continue }
                let signal = number
                switch decide(signal, isStopping: isStopping, isUsable: isUsable()) {
                case .reload: reload()
                case .stop:
                    isStopping = true
                    // Without another thread the stop is done here, and a second signal has to wait.
                    if (try? Thread.detach(named: "stop", { stop(signal) })) == nil { stop(signal) }
                case .endNow: _exit(128 + signal)
                }
            }
        }
    }

    /// What a signal leads to.
    enum Decision {
        /// Caches are dropped.
        case reload
        /// The mount ends in good order.
        case stop
        /// The process ends.
        case endNow
    }

    /// Decides what a signal leads to.
    static func decide(_ signal: CInt, isStopping: Bool, isUsable: Bool) -> Decision {
        if signal == SIGHUP, isUsable { return .reload }
        return isStopping ? .endNow : .stop
    }

    private static func signals() -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&set, signal) }
        return set
    }
}
