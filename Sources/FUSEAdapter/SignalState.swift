import Glibc
import Posix

/// What /proc says of a thread's signals (proc_pid_status(5)); bit n-1 stands for signal n.
struct SignalState: Hashable, Sendable {
    /// Sent to the thread or to its process, and not delivered yet.
    var pending: UInt64 = 0
    /// Held back by the thread.
    var blocked: UInt64 = 0
    /// Ignored by the process.
    var ignored: UInt64 = 0
    /// Handled by a function of the program.
    var caught: UInt64 = 0
    /// Whether the thread has ended and only its entry is left.
    var isDead = false

    /// Makes a state without any signal.
    init() {}

    /// Parses the text of /proc/TID/status; nil when a line is missing.
    init?(status: some Collection<UInt8>) {
        var found = 0
        for line in status.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon != line.startIndex else {
                continue
            }
            // Most lines are of no interest; their names are not made into texts.
            guard line.first == UInt8(ascii: "S") else { continue }
            if line.starts(with: "State:\tZ".utf8) || line.starts(with: "State:\tX".utf8) { isDead = true }
            let digits = line[line.index(after: colon)...].drop { $0 == UInt8(ascii: "\t") }
            guard let value = UInt64(String(decoding: digits, as: UTF8.self), radix: 16) else { continue }
            switch String(decoding: line[..<colon], as: UTF8.self) {
            case "SigPnd", "ShdPnd": pending |= value
            case "SigBlk": blocked = value
            case "SigIgn": ignored = value
            case "SigCgt": caught = value
            default: continue
            }
            found += 1
        }
        guard found == 5 else { return nil }
    }

    /// Asks the kernel for a thread's state; nil when it is not to be had (another namespace, a hidden /proc).
    static func current(of thread: pid_t) -> SignalState? {
        guard thread > 0 else { return nil }
        if let status = try? contents(of: "/proc/\(thread)/status") { return SignalState(status: status) }
        // Whether there is such a thread is told to everybody (kill(2), ESRCH).
        guard kill(thread, 0) == -1, errno == ESRCH else { return nil }
        var state = SignalState()
        state.isDead = true
        return state
    }

    /// Whether nobody wants the answer any more: the program is gone, or a signal waits that is to stop what the program is doing: one that ends the program, or one by which people
    /// ask programs to stop, even where the program handles it.
    ///
    /// The kernel reports an interruption for every signal. A timer (git's progress display), the preemption of Go programs,
    /// a child's end or a new window size must not make close(2) or write(2) fail with EINTR, which no disk would do.
    ///
    /// A program that has ended can leave read-ahead behind, and others would wait for those pages.
    var asksToStop: Bool {
        guard !isDead else { return true }
        let waiting = pending & ~blocked & ~ignored
        return waiting & Self.requests != 0 || waiting & ~caught & ~Self.harmless != 0
    }

    private static func bit(_ signal: CInt) -> UInt64 { 1 << UInt64(signal - 1) }

    private static let requests = bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGKILL)

    /// Signals that do not end a program that has no handler for them (signal(7)).
    private static let harmless =
        bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH) | bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN)
        | bit(SIGTTOU)
}
