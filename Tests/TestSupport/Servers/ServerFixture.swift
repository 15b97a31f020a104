package import Glibc
import Posix

/// A real FTPS server on loopback, started by scripts/serve, which explains how.
///
/// It ends with this object, and also with this process, however that ends.
///
/// Its files belong to nobody (65534), who the server is when it touches them, so modes mean something.
package final class ServerFixture: Sendable {
    package let kind: ServerKind
    package let options: ServerOptions
    /// The address it listens on: 127.0.0.1 or ::1.
    package let host: String
    package let port: UInt16
    /// Its passive ports, where it has them to itself (`ServerOptions.passivePorts`).
    package let passivePorts: [UInt16]
    /// The directory on disk that the user sees as "/".
    package let root: String
    /// The authority's certificate (PEM file).
    package let authority: String
    /// Where ca.pem, and NAME.pem and NAME.key of server, wrong-host, self-signed and client are.
    package let certificates: String
    /// The server's log file: the dialogue on vsftpd, ProFTPD and pyftpdlib, transfers alone on Pure-FTPd.
    package let logPath: String
    private let launcher: ChildProcess
    private let output: String
    private let place: TemporaryDirectory
    // Lines of the launcher's output that were read; guarded by the mutex, which also keeps commands apart.
    private let answered = Monitor(1)
    // Keeps files that are put at the same time apart.
    private let puts = Monitor(0)

    /// The user the server's file accesses are made as.
    package static let unprivileged: uid_t = 65534

    package var user: String { options.user }
    package var password: String { options.password }

    /// Starts a server and returns when it greets.
    package init(_ kind: ServerKind, _ options: ServerOptions = ServerOptions()) throws {
        self.kind = kind
        self.options = options
        place = try TemporaryDirectory("fixture")
        output = place.path + "/out"
        let errors = place.path + "/err"
        let arguments =
            [kind.rawValue, "--control", "--pki", packageRoot + "/.build/test-pki"] + options.arguments
        launcher = try ChildProcess(
            [packageRoot + "/scripts/serve"] + arguments, pipe: true, output: output, errors: errors)
        guard let first = Self.line(0, of: output, from: launcher, within: .seconds(120)) else {
            let status = launcher.status.map { "ended with status \($0)" } ?? "did not start in time"
            throw SupportFailure("\(kind) \(status): \(TestFile.text(errors))")
        }
        var facts: [Substring: String] = [:]
        for pair in first.split(separator: " ") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { facts[parts[0]] = String(parts[1]) }
        }
        guard let host = facts["host"], let port = facts["port"].flatMap({ UInt16($0) }),
            let root = facts["root"],
            let authority = facts["ca"], let certificates = facts["pki"], let log = facts["log"]
        else { throw SupportFailure("scripts/serve said: \(first)") }
        let passive = facts["passive"]?.split(separator: "-").compactMap { UInt16($0) } ?? []
        passivePorts = passive.count == 2 ? Array(passive[0]...passive[1]) : []
        self.host = host
        self.port = port
        self.root = root
        self.authority = authority
        self.certificates = certificates
        logPath = log
    }

    deinit {
        launcher.closeInput()
        if launcher.wait(for: .seconds(20)) == nil { launcher.signal(SIGTERM) }
        _ = launcher.wait(for: .seconds(5))
    }

    /// A file of the served directory, by its path as the user sees it.
    package func onDisk(_ path: String) -> String { path.hasPrefix("/") ? root + path : "\(root)/\(path)" }

    /// The server's log so far.
    package var log: String { TestFile.text(logPath) }

    /// Puts a file into the served directory as if another client had uploaded it: complete from the first moment.
    package func put(_ path: String, _ bytes: some Sequence<UInt8>, mode: mode_t = 0o644) throws {
        let target = onDisk(path)
        let number = puts.withLock { number in
            number += 1
            return number
        }
        let temporary = "\(place.path)/put.\(number)"
        try TestFile.write(temporary, bytes, mode: mode)
        chmod(temporary, mode)
        chown(temporary, Self.unprivileged, Self.unprivileged)
        if rename(temporary, target) != 0 {
            // Another filesystem (a tmpfs, say).
            try Shell.run(
                "cp -p -- \"$1\" \"$2.put\" && mv -f -- \"$2.put\" \"$2\" && rm -f -- \"$1\"",
                [temporary, target])
        }
    }

    /// Makes a directory, owned by the server's user, in the served directory.
    package func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
        guard mkdir(onDisk(path), mode) == 0, chmod(onDisk(path), mode) == 0,
            chown(onDisk(path), Self.unprivileged, Self.unprivileged) == 0
        else { throw SupportFailure("cannot make \(onDisk(path)): errno \(errno)") }
    }

    /// The bytes of a served file as they are on the server's disk, or nil when there is none.
    package func content(_ path: String) -> [UInt8]? { TestFile.read(onDisk(path)) }

    /// Kills every process of the server at once, as a crash does; its connections break.
    package func kill() throws { try command("kill") }

    /// Ends the server in its own way.
    package func stop() throws { try command("stop") }

    /// Starts a server that was killed or stopped, on the same port, with the same files.
    package func start() throws { try command("start") }

    /// Kills and starts it.
    package func restart() throws {
        try kill()
        try start()
    }

    /// Has later log-ins need another password; sessions that there are go on (not on pyftpdlib).
    package func changePassword(to password: String) throws { try command("password \(password)") }

    /// Stops all its processes where they are (SIGSTOP): connections stay open and silent, new ones hang.
    package func freeze() throws { try command("freeze") }

    /// Lets a frozen server go on.
    package func thaw() throws { try command("thaw") }

    private func command(_ name: String) throws {
        try answered.withLock { number in
            try launcher.send(name)
            let answer = Self.line(number, of: output, from: launcher, within: .seconds(60))
            number += 1
            guard answer == "ok" else { throw SupportFailure("\(kind) \(name): \(answer ?? "no answer")") }
        }
    }

    /// A complete line of the launcher's output, waited for; nil when the launcher ended or the time is over.
    private static func line(
        _ index: Int, of path: String, from launcher: ChildProcess, within timeout: Duration
    ) -> String? {
        var result: String?
        waitUntil(within: timeout) {
            let lines = TestFile.text(path).split(separator: "\n", omittingEmptySubsequences: false)
            if lines.count > index + 1 { result = String(lines[index]) }
            return result != nil || launcher.status != nil
        }
        return result
    }
}

/// Runs `body` with a server, which ends after it.
package func withServer<Result>(
    _ kind: ServerKind, _ options: ServerOptions = ServerOptions(), _ body: (ServerFixture) throws -> Result
) throws -> Result {
    let server = try ServerFixture(kind, options)
    return try withExtendedLifetime(server) { try body(server) }
}
