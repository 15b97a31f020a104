import Foundation
package import Glibc

/// The built program with a server mounted, in the foreground with its dialogue in a log file.
///
/// It is unmounted and, if need be, killed when this object goes. The test's own process never touches the
/// mount: `run` and `attempt` use subprocesses with a time limit.
package final class MountFixture: Sendable {
    package let server: ServerFixture
    /// The mount point.
    package let point: String
    /// The program's cache_dir, where spool and rescue folders are.
    package let cache: String
    /// A directory beside the mount for the test's own files, on a local disk.
    package let local: String
    /// The program's process id.
    package var pid: pid_t { process.pid }
    private let place: TemporaryDirectory
    private let process: ChildProcess
    private let logPath: String

    /// Mounts a server and returns when the mount is there; throws the log's text when the program ends first.
    package init(_ server: ServerFixture, _ options: MountOptions = MountOptions()) throws {
        self.server = server
        place = try TemporaryDirectory("mount")
        point = place.path + "/mnt"
        local = place.path + "/local"
        cache = options.cache ?? place.path + "/cache"
        logPath = place.path + "/log"
        for directory in [point, local] { mkdir(directory, 0o755) }
        let arguments = try Self.arguments(server, options, point: point, cache: cache, place: place.path)
        process = try ChildProcess(
            arguments, environment: options.environment, output: logPath, errors: logPath)
        let appeared = waitUntil(within: .seconds(60)) { process.status != nil || isMounted }
        if !isMounted {
            let status = process.status
            let what = appeared ? "ended with status \(status ?? -1)" : "did not mount in time"
            throw MountFailure(what: "ftpsfs \(what)", status: status, log: log)
        }
        if !options.keepsFirstListing { try dropCaches() }
    }

    /// Has the program forget what it has seen, so that what a test puts on the server is seen at once.
    package func dropCaches() throws {
        // A signal that comes before the mount is usable would end it.
        guard waitUntil(within: .seconds(60), { log.contains("ftpsfs: mounted ") }) else {
            throw MountFailure(what: "ftpsfs did not say \"mounted\"", status: process.status, log: log)
        }
        let past = drops
        process.signal(SIGHUP)
        guard waitUntil(within: .seconds(60), { drops > past }) else {
            throw MountFailure(what: "ftpsfs does not drop its caches", status: process.status, log: log)
        }
    }

    private var drops: Int { log.split(separator: "\n").count { $0.hasSuffix("ftpsfs: caches dropped") } }

    /// The command line that mounts `server`; writes the credentials file below `place`.
    package static func arguments(
        _ server: ServerFixture, _ options: MountOptions, point: String, cache: String, place: String
    ) throws -> [String] {
        var mountOptions = ["cache_dir=\(cache)"]
        if options.trustAuthority { mountOptions.append("cacert=\(server.authority)") }
        if options.giveCredentials {
            let credentials = place + "/credentials"
            try TestFile.write(
                credentials, "username=\(server.user)\npassword=\(server.password)\n".utf8, mode: 0o600)
            mountOptions.append("credentials=\(credentials)")
        }
        if server.options.implicit { mountOptions.append("tls=implicit") }
        mountOptions += options.options
        // The same tests have to pass without the ways to save round trips.
        if let more = getenv("FTPSFS_MOUNT_OPTIONS") { mountOptions.append(String(cString: more)) }
        let host = server.options.ipv6 && options.host == "localhost" ? "[::1]" : options.host
        return options.launcher + [
            Program.path, "\(server.user)@\(host):\(options.path)", point, "-f", "-d", "-p",
            String(server.port),
        ]
            + options.arguments + ["-o", mountOptions.joined(separator: ",")]
    }

    deinit {
        keepLog()
        _ = try? unmount()
    }

    /// Whether the kernel has an ftpsfs mount there.
    ///
    /// Does not touch the mount.
    package var isMounted: Bool { Self.isMounted(point) }

    /// Whether the kernel has a mount of type fuse.ftpsfs at a path.
    package static func isMounted(_ point: String) -> Bool {
        TestFile.text("/proc/self/mountinfo").split(separator: "\n").contains {
            let fields = $0.split(separator: " ")
            return fields.count > 8 && fields[4] == point && fields.contains("fuse.ftpsfs")
        }
    }

    /// What the program has logged so far.
    package var log: String { TestFile.text(logPath) }

    /// Runs a script that must succeed; `$M` is the mount point, `$L` a local directory, and it starts in the latter.
    @discardableResult
    package func run(
        _ script: String, _ arguments: [String] = [], environment: [String: String] = [:],
        timeout: Duration = .seconds(600)
    ) throws -> String {
        try Shell.run(
            script, arguments, in: local, environment: variables(environment), timeout: timeout)
    }

    /// Runs a script and returns what came of it; throws only when it takes longer than `timeout`.
    package func attempt(
        _ script: String, _ arguments: [String] = [], environment: [String: String] = [:],
        timeout: Duration = .seconds(600)
    ) throws -> CommandResult {
        try Shell.attempt(
            script, arguments, in: local, environment: variables(environment), timeout: timeout)
    }

    /// Starts a script in the background; it is killed when the result goes.
    ///
    /// Its output is appended to `local`/NAME.
    package func start(_ script: String, output name: String) throws -> ChildProcess {
        try ChildProcess(
            ["/bin/bash", "-c", script], environment: variables([:]), directory: local,
            output: "\(local)/\(name)", errors: "\(local)/\(name)")
    }

    /// Unmounts with fusermount3 and returns the program's exit status, which is 0 when all is well.
    ///
    /// When that does not work within its time, the mount is detached, the program killed and an error
    /// thrown.
    @discardableResult
    package func unmount() throws -> CInt {
        if isMounted {
            let result = try? Shell.attempt("fusermount3 -u \"$1\"", [point], timeout: .seconds(60))
            if result?.status != 0 {
                return try force("fusermount3 -u: \(result?.errors ?? "no end within 60 s")")
            }
        }
        guard let status = process.wait(for: .seconds(60)) else {
            return try force("the program did not end within 60 s of umount")
        }
        return status
    }

    /// Signals the program.
    package func signal(_ number: CInt) { process.signal(number) }

    /// Waits for the program's end without unmounting; nil when it still runs after `timeout`.
    package func waitForEnd(_ timeout: Duration = .seconds(60)) -> CInt? { process.wait(for: timeout) }

    /// Kills the program with SIGKILL, as a crash would, and detaches the dead mount.
    package func crash() throws {
        process.signal(SIGKILL)
        _ = process.wait(for: .seconds(30))
        try Shell.run("umount -l \"$1\" || true", [point], timeout: .seconds(30))
    }

    /// Descriptors the program has open.
    package var openDescriptors: Int { descriptors.count }

    /// What they stand for, sorted: paths, "socket:[NUMBER]" and the like.
    package var descriptors: [String] {
        let directory = "/proc/\(pid)/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        // One that is closed meanwhile is none any more.
        return names.compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")
        }.sorted()
    }

    /// The program's resident memory in KiB, now and at its peak.
    package var residentMemory: (now: Int, peak: Int) { (memory("VmRSS:"), memory("VmHWM:")) }

    /// Files below the cache directory whose path contains "rescue".
    package var rescued: [String] {
        let all = FileManager.default.enumerator(atPath: cache)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.contains("rescue") }.map { "\(cache)/\($0)" }.filter {
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0, isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }
    }

    private func memory(_ field: String) -> Int {
        for line in TestFile.text("/proc/\(pid)/status").split(separator: "\n") where line.hasPrefix(field) {
            return line.split(separator: " ", omittingEmptySubsequences: true).compactMap { Int($0) }.first
                ?? 0
        }
        return 0
    }

    private func variables(_ own: [String: String]) -> [String: String] {
        ["M": point, "L": local].merging(own) { _, new in new }
    }

    private func force(_ reason: String) throws -> CInt {
        process.signal(SIGKILL)
        _ = process.wait(for: .seconds(30))
        _ = try? Shell.attempt("umount -l \"$1\"", [point], timeout: .seconds(30))
        throw MountFailure(what: reason, status: process.status, log: log)
    }

    /// With FTPSFS_KEEP_LOGS=DIR the logs of all mounts are kept there.
    private func keepLog() {
        guard let directory = getenv("FTPSFS_KEEP_LOGS") else { return }
        let name = "\(String(cString: directory))/\(server.kind.rawValue)-\(pid).log"
        try? TestFile.write(name, TestFile.read(logPath) ?? [])
    }
}

/// A mount that did not come about, or did not end well.
package struct MountFailure: Error, CustomStringConvertible {
    package let what: String
    /// The program's exit status, nil when it had not ended.
    package let status: CInt?
    package let log: String

    package var description: String {
        "\(what)\n--- end of the log ---\n\(Shell.tail(log, characters: 6000))"
    }
}

/// An error of a test body, with the end of the mount's log.
package struct MountedFailure: Error, CustomStringConvertible {
    package let description: String
}

/// Runs `body` with a new server of a kind mounted, then unmounts.
///
/// Throws when the body does, with the log's end, and when the program does not end with status 0.
package func withMount(
    _ kind: ServerKind, _ serverOptions: ServerOptions = ServerOptions(),
    _ options: MountOptions = MountOptions(),
    _ body: (MountFixture) throws -> Void
) throws {
    try withServer(kind, serverOptions) { try withMount(of: $0, options, body) }
}

/// The same with a server that runs already.
package func withMount(
    of server: ServerFixture, _ options: MountOptions = MountOptions(), _ body: (MountFixture) throws -> Void
) throws {
    let mount = try MountFixture(server, options)
    do {
        try body(mount)
    } catch {
        throw MountedFailure(
            description: "\(server.kind): \(error)\n--- end of the log ---\n"
                + Shell.tail(mount.log, characters: 6000))
    }
    let status = try mount.unmount()
    guard status == 0 else {
        throw MountFailure(what: "the program ended with status \(status)", status: status, log: mount.log)
    }
}
