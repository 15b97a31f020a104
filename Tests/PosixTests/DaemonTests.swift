import Foundation
import Posix
import Testing

/// Going into the background.
///
/// Each test runs in a process of its own, which forks there.
@Suite struct DaemonTests {
    @Test("the starting process ends with 0 when the other says it is ready")
    func ready() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let daemon = try Daemon.start(background: true)
            try daemon.ready()
            try daemon.ready()
            // The daemon's own end has no meaning for the starting process any more.
            _exit(9)
        }
    }

    @Test("the starting process ends with the status of the other")
    func failure() async {
        await #expect(processExitsWith: .exitCode(37)) {
            _ = try Daemon.start(background: true)
            _exit(37)
        }
    }

    @Test("the starting process ends with a system error when the other is killed")
    func killed() async {
        await #expect(processExitsWith: .exitCode(2)) {
            _ = try Daemon.start(background: true)
            kill(getpid(), SIGKILL)
        }
    }

    @Test("in the foreground nothing forks, and ready() does nothing")
    func foreground() async {
        await #expect(processExitsWith: .exitCode(5)) {
            let before = getpid()
            let daemon = try Daemon.start(background: false)
            try daemon.ready()
            _exit(getpid() == before ? 5 : 6)
        }
    }

    @Test("when ready: a session of its own, no directory held, streams on /dev/null, nothing inherited")
    func detached() async {
        await #expect(processExitsWith: .exitCode(0)) {
            var ends: [CInt] = [0, 0]
            pipe(&ends)
            let report = FileManager.default.temporaryDirectory.appending(path: "ftpsfs-\(UUID().uuidString)")
                .path
            if fork() == 0 {
                let daemon = try Daemon.start(background: true)
                try daemon.ready()
                func link(_ path: String) -> String {
                    (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? ""
                }
                let streams = (0...2).map { link("/proc/self/fd/\($0)") }
                let isDetached =
                    getsid(0) == getpid() && link("/proc/self/cwd") == "/"
                    && streams.allSatisfy { $0 == "/dev/null" } && fcntl(ends[0], F_GETFD) == -1
                    && fcntl(ends[1], F_GETFD) == -1
                try Data((isDetached ? "yes" : "no \(streams)").utf8).write(to: URL(filePath: report))
                _exit(0)
            }
            // The pipe ends when nobody holds it any more: neither the starting process nor the daemon.
            close(ends[1])
            var byte: UInt8 = 0
            read(ends[0], &byte, 1)
            var said = ""
            for _ in 0..<3000 where said.isEmpty {
                said = (try? String(contentsOfFile: report, encoding: .utf8)) ?? ""
                if said.isEmpty { usleep(10_000) }
            }
            unlink(report)
            _exit(said == "yes" ? 0 : 1)
        }
    }

    @Test("secrets are protected: no core files, not dumpable")
    func protected() async {
        await #expect(processExitsWith: .exitCode(0)) {
            Daemon.protectSecrets()
            var limit = rlimit()
            getrlimit(CInt(RLIMIT_CORE.rawValue), &limit)
            var status = stat()
            stat("/proc/self/environ", &status)
            // Files of a process that is not dumpable belong to root; as root the limit alone can be seen.
            _exit(limit.rlim_max == 0 && status.st_uid == 0 ? 0 : 1)
        }
    }
}
