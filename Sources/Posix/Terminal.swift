import Glibc

/// Why nothing was read from the terminal.
package enum TerminalError: Error, Hashable, Sendable {
    /// The process has no terminal.
    case noTerminal
    /// The user ended the input without a line (Ctrl-D).
    case endOfInput
    /// A signal came that is ignored or handled elsewhere; the terminal is as it was before.
    case interrupted
    /// A system call failed.
    case failed(Errno)
}

/// The terminal of the user who started the program.
package enum Terminal {
    /// The longest line that is read, in bytes; the kernel's own limit is 4096.
    private static let limit = 4096

    /// Whether standard input is a terminal.
    package static var isStandardInput: Bool { isatty(STDIN_FILENO) == 1 }

    /// Asks for a line that is not shown while it is typed.
    ///
    /// Blocks until a line is there. When a signal ends, stops or continues the program meanwhile, the terminal shows input again
    /// first. To be called while the program has one thread.
    package static func readSecret(prompt: String) throws(TerminalError) -> SecretBytes {
        let terminal: FileDescriptor
        do {
            terminal = try FileDescriptor.open("/dev/tty", O_RDWR | O_NOCTTY)
        } catch {
            throw .noTerminal
        }
        return try readSecret(on: terminal.raw, prompt: prompt)
    }

    /// The same on an open terminal, which the caller keeps open.
    package static func readSecret(on raw: CInt, prompt: String) throws(TerminalError) -> SecretBytes {
        while true {
            var before = termios()
            guard unsafe tcgetattr(raw, &before) == 0 else { throw .noTerminal }
            // Signals wait while input is hidden: nothing can end the program before the terminal is as it was.
            let signals = SignalBlock([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU])
            let outcome = ask(raw, prompt, before)
            // What the user typed beyond the line is thrown away, so that it does not end up on a command line.
            unsafe tcsetattr(raw, TCSAFLUSH, &before)
            let wasStopped = signals.isPending(SIGTSTP)
            // The line end was hidden too.
            _ = unsafe write(raw, "\n", 1)
            // Here the waiting signals take effect.
            signals.end()
            switch outcome {
            case .line(let secret): return secret
            case .failed(let error): throw error
            case .signalled where wasStopped: continue
            case .signalled: throw .interrupted
            }
        }
    }

    private enum Outcome {
        case line(SecretBytes)
        case failed(TerminalError)
        case signalled
    }

    private static func ask(_ raw: CInt, _ prompt: String, _ before: termios) -> Outcome {
        var hidden = before
        hidden.c_lflag &= ~tcflag_t(ECHO)
        hidden.c_lflag |= tcflag_t(ICANON | ISIG)
        guard unsafe tcsetattr(raw, TCSAFLUSH, &hidden) == 0 else { return .failed(.failed(Errno.current)) }
        let text = Array(prompt.utf8)
        _ = unsafe write(raw, text, text.count)
        var signals = sigset_t()
        while true {
            var slot = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
            // Signals are blocked, so they are looked for: ten times a second is at once for a person.
            let count = unsafe poll(&slot, 1, 100)
            unsafe sigemptyset(&signals)
            unsafe sigpending(&signals)
            for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP]
            where unsafe sigismember(&signals, signal) == 1 {
                return .signalled
            }
            if count < 0, errno != EINTR { return .failed(.failed(Errno.current)) }
            if count > 0 { return readLine(raw) }
        }
    }

    private static func readLine(_ raw: CInt) -> Outcome {
        do {
            let line = try unsafe SecretBytes(capacity: limit) { buffer throws(Errno) in
                try retrying { unsafe read(raw, buffer.baseAddress, buffer.count) }
            }
            guard !line.isEmpty else { return .failed(.endOfInput) }
            let endsLine = line.withBytes { bytes in bytes[bytes.count - 1] == UInt8(ascii: "\n") }
            return .line(endsLine ? line.part(0..<(line.count - 1)) : line)
        } catch {
            return .failed(.failed(error))
        }
    }
}

/// Signals held back from the calling thread until `end`.
private struct SignalBlock {
    private var before = sigset_t()

    init(_ numbers: [CInt]) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in numbers { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, &before)
    }

    func isPending(_ number: CInt) -> Bool {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigpending(&set)
        return unsafe sigismember(&set, number) == 1
    }

    func end() {
        var before = before
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}
