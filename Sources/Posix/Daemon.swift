import CLinux
import Glibc

/// A program that goes into the background once it is of use.
///
/// The program forks early, before it has threads, but the process that was started waits until the other calls `ready()` or ends: it
/// then ends itself, with 0 or with the status of the other. So whoever starts the program learns what came of it.
package final class Daemon: Sendable {
    // The end of the pipe the starting process waits at; nil in the foreground and after `ready()`.
    private let waiting: Monitor<FileDescriptor?>

    private init(waiting: consuming FileDescriptor?) {
        self.waiting = Monitor(waiting)
    }

    /// Goes on in a child process where the program is to run in the background; returns in that one alone.
    ///
    /// To be called while the process has one thread and no open file of its own: the child closes all descriptors beyond standard
    /// error. It stays in the session and process group of its parent until `ready()`, so that Ctrl-C reaches it, and autofs
    /// takes it for the program it has started.
    package static func start(background: Bool) throws(Errno) -> Daemon {
        guard background else { return Daemon(waiting: nil) }
        let ends = try FileDescriptor.pipe()
        let child = fork()
        guard child >= 0 else { throw Errno.current }
        guard child == 0 else {
            let reading = ends.takeReading()
            exit(status(of: child, reading))
        }
        let writing = ends.takeWriting()
        closeInherited(but: writing.raw)
        return Daemon(waiting: writing)
    }

    /// Tells the starting process that the program is of use, and leaves its terminal, directory and streams.
    ///
    /// Does nothing in the foreground and when called again. Throws EPIPE when the starting process is gone: whoever started it does
    /// not wait any more and has to be taken as having changed his mind.
    package func ready() throws(Errno) {
        guard let pipe = waiting.withLock({ $0.take() }) else { return }
        // Fails in a session's leader alone, which a child process is not.
        _ = setsid()
        guard unsafe chdir("/") == 0 else { throw Errno.current }
        try Console.silence()
        let word: [UInt8] = [1]
        _ = try unsafe pipe.write(word.span.bytes)
    }

    /// Waits for the child's word or its end; returns the status to end with.
    private static func status(of child: pid_t, _ reading: consuming FileDescriptor) -> CInt {
        var word: [UInt8] = [0]
        var span = word.mutableSpan
        var bytes = unsafe span.mutableBytes
        let count = (try? reading.read(into: &bytes)) ?? 0
        if count == 1 { return 0 }
        var status: CInt = 0
        guard (try? retrying { unsafe waitpid(child, &status, 0) }) == child else { return failure }
        let signal = status & 0x7F
        guard signal != 0 else { return status >> 8 & 0xFF }
        Console.write("ftpsfs: ended by signal \(signal) before the mount was there\n", to: .error)
        return failure
    }

    /// The status where the child gave none: a system error (mount(8)).
    private static let failure: CInt = 2

    /// Closes what the program that started us had open, or its locks and pipes would last as long as the mount.
    private static func closeInherited(but kept: CInt) {
        guard let directory = unsafe opendir("/proc/self/fd") else { return }
        let own = unsafe dirfd(directory)
        var inherited: [CInt] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if let number = CInt(name), number > 2, number != own, number != kept { inherited.append(number) }
        }
        unsafe closedir(directory)
        for number in inherited { _ = close(number) }
    }
}

extension Daemon {
    /// Keeps other processes of this user, debuggers and core files away from this one's memory; best effort.
    ///
    /// To be called before a secret is read. Files below /proc/self then belong to root, but stay open to the process itself.
    package static func protectSecrets() {
        _ = ftpsfs_set_dumpable(0)
        _ = ftpsfs_forbid_core_files()
    }

    /// Makes writing to a closed pipe or socket an error instead of the program's end.
    package static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// Creates files closed to all others from here on; the mode of a call still applies.
    package static func createPrivateFiles() {
        _ = umask(0o077)
    }
}
