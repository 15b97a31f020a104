package import Glibc
import Posix

/// A subprocess in a process group of its own, which is killed and reaped when this object goes.
///
/// No descriptor but the first three is inherited, so a pipe to one child is never kept open by another.
package final class ChildProcess: Sendable {
    /// The process id, which is also the id of its process group.
    package let pid: pid_t
    // The wait status once reaped; guarded by the mutex, so that a reaped id is never signalled.
    private let reaped = Monitor<CInt?>(nil)
    private let input: Monitor<CInt>

    /// Starts `arguments[0]`, looked up in PATH.
    ///
    /// Standard output and error are appended to files; the same path may be given for both. With `pipe`,
    /// standard input is a pipe that `send` writes to; otherwise it is /dev/null.
    package init(
        _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
        pipe: Bool = false,
        output: String, errors: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var ends: [CInt] = [-1, -1]
        if pipe {
            let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
                throw SupportFailure("socketpair: errno \(errno)")
            }
            posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        if errors == output {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        } else {
            posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o600)
        }
        try Extensions.closeFrom(&actions, 3)
        if let directory { try Extensions.changeDirectory(&actions, directory) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The tests ignore SIGPIPE; what they start must not.
        var defaults = sigset_t()
        var mask = sigset_t()
        sigfillset(&defaults)
        sigemptyset(&mask)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setpgroup(&attributes, 0)
        let behaviour = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(behaviour))

        var variables = Self.environment
        variables.merge(environment) { _, new in new }
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in argv + envp { free(string) } }
        var child: pid_t = 0
        let failure = posix_spawnp(&child, arguments[0], &actions, &attributes, &argv, &envp)
        if pipe { close(ends[0]) }
        guard failure == 0 else {
            if pipe { close(ends[1]) }
            throw SupportFailure("cannot start \(arguments[0]): \(String(cString: strerror(failure)))")
        }
        pid = child
        input = Monitor(ends[1])
    }

    deinit {
        closeInput()
        if status == nil {
            signal(SIGKILL)
            _ = wait(for: .seconds(10))
        }
    }

    /// The exit status once the process has ended: 0...255, or 128 and the signal's number; nil while it
    /// runs.
    package var status: CInt? {
        reaped.withLock { reaped in
            if reaped == nil {
                var status: CInt = 0
                if waitpid(pid, &status, WNOHANG) == pid {
                    reaped = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
                }
            }
            return reaped
        }
    }

    /// Waits for the end and returns the status, or nil when `timeout` has passed first.
    package func wait(for timeout: Duration) -> CInt? {
        waitUntil(within: timeout) { status != nil }
        return status
    }

    /// Signals the process group, unless the process has been reaped.
    package func signal(_ number: CInt) {
        reaped.withLock { reaped in
            if reaped == nil { kill(-pid, number) }
        }
    }

    /// Writes a line to the process's standard input.
    package func send(_ line: String) throws {
        let bytes = Array((line + "\n").utf8)
        let written = input.withLock { write($0, bytes, bytes.count) }
        guard written == bytes.count else { throw SupportFailure("cannot write to process \(pid)") }
    }

    /// Ends the process's standard input.
    package func closeInput() {
        input.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    /// This process's environment, with messages in English.
    private static var environment: [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let sign = text.firstIndex(of: "=") {
                result[String(text[..<sign])] = String(text[text.index(after: sign)...])
            }
            next += 1
        }
        result["LC_ALL"] = "C.UTF-8"
        return result
    }
}

/// Two file actions of the C library that its Swift module does not show, found by name.
private enum Extensions {
    private typealias CloseFrom =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt
    private typealias ChangeDirectory =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> CInt

    static func closeFrom(_ actions: inout posix_spawn_file_actions_t, _ first: CInt) throws {
        _ = unsafeBitCast(try symbol("posix_spawn_file_actions_addclosefrom_np"), to: CloseFrom.self)(
            &actions, first)
    }

    static func changeDirectory(_ actions: inout posix_spawn_file_actions_t, _ path: String) throws {
        let function = unsafeBitCast(
            try symbol("posix_spawn_file_actions_addchdir_np"), to: ChangeDirectory.self)
        _ = function(&actions, path)
    }

    private static func symbol(_ name: String) throws -> UnsafeMutableRawPointer {
        guard let found = dlsym(nil, name) else { throw SupportFailure("the C library has no \(name)") }
        return found
    }
}

/// Something the tests' own machinery could not do, in words.
package struct SupportFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Waits until `condition` holds, looking every few milliseconds; returns whether it did before `timeout` had passed.
@discardableResult
package func waitUntil(within timeout: Duration, _ condition: () throws -> Bool) rethrows -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now + timeout
    var pause: UInt32 = 1000  // microseconds
    while true {
        if try condition() { return true }
        if clock.now >= deadline { return false }
        usleep(pause)
        pause = min(pause * 2, 20_000)
    }
}
