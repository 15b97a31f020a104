import Foundation
import Glibc
import TestSupport
import Testing

/// What users can see of a mount's connections.
@Suite(.enabled(if: Program.canMount)) struct StatusTests {
    private func status(_ mount: MountFixture) throws -> CommandResult {
        // The leak sanitizer would wait at the end for the thread that waits for the mount.
        try mount.attempt("ASAN_OPTIONS=detect_leaks=0 \"$1\" status \"$M\"", [Program.path])
    }

    /// The lines of `ftpsfs status` by their labels.
    private func rows(_ mount: MountFixture) throws -> [String: String] {
        let result = try status(mount)
        guard result.status == 0 else { throw SupportFailure("status: \(result.errors)") }
        var rows: [String: String] = [:]
        for line in result.output.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            rows[String(parts[0])] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        }
        return rows
    }

    @Test(
        "status and attributes of the root tell server, user, TLS, certificate and connections",
        arguments: Program.servers, [TLSVersions.only12, .only13])
    func report(_ kind: ServerKind, _ tls: TLSVersions) throws {
        try withMount(kind, ServerOptions { $0.tls = tls }, MountOptions("max_conns=3")) { mount in
            try mount.run("echo x > \"$M/f\"; cat \"$M/f\" > /dev/null")
            let rows = try rows(mount)
            #expect(rows["server"] == "localhost:\(mount.server.port)")
            #expect(rows["user"] == mount.server.user)
            #expect(rows["TLS"]?.hasPrefix("TLS \(tls.rawValue), ") == true, "\(rows)")
            #expect(rows["TLS"]?.hasSuffix(", PROT P") == true && rows["commands"] == "protected")
            #expect(rows["data resumes TLS"] == "yes" || rows["data resumes TLS"] == "no")
            if kind == .vsftpd || kind == .proftpd { #expect(rows["data resumes TLS"] == "yes") }
            #expect(rows["certificate"] == "CN=localhost")
            let digest = try mount.run(
                "openssl x509 -in \"$1/server.pem\" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g'",
                [mount.server.certificates])
            #expect(rows["SHA-256"] == digest.lowercased())
            #expect(rows["connections"]?.hasSuffix("limit 3") == true)
            #expect(rows["logged in for"]?.hasSuffix(" s") == true)
            let attribute = try mount.run("getfattr --only-values -n user.ftps.tls \"$M\"")
            #expect(attribute == rows["TLS"])
            #expect(try mount.run("getfattr -d -m - \"$M\"") == "")
            #expect(try mount.attempt("getfattr -n user.ftps.tls \"$M/f\"").status != 0)
        }
    }

    private func report(_ mount: MountFixture) throws -> [String: Any] {
        let result = try mount.attempt(
            "ASAN_OPTIONS=detect_leaks=0 \"$1\" status --json \"$M\"", [Program.path])
        guard result.status == 0 else { throw SupportFailure("status: \(result.errors)") }
        let value = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        guard let report = value as? [String: Any] else { throw SupportFailure("no object: \(value)") }
        return report
    }

    @Test(
        "programs get status as JSON: numbers, lists, transfers with their progress",
        arguments: [ServerKind.proftpd])
    func json(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions { _ in }, MountOptions("max_conns=3,readahead=1M")) { mount in
            try mount.server.put("large", repeatElement(0, count: 64 << 20))
            var report = try report(mount)
            #expect(report["state"] as? String == "connected")
            #expect(report["connections_limit"] as? Int == 3 && report["connections_open"] is Int)
            #expect(report["transfers"] as? [String] == [] && report["incidents"] as? [String] == [])
            #expect((report["files"] as? String)?.hasPrefix("0 open") == true)
            // A transfer that stands still is there to be seen.
            let reader = try mount.startPython(
                """
                file = open(M + '/large', 'rb'); file.read(1 << 20); print('read'); wait('on'); file.read()
                """, output: "reader")
            try mount.waitFor("read", in: "reader")
            try mount.server.freeze()
            defer { try? mount.server.thaw() }
            try mount.release("on")
            let isShown = try waitUntil(within: .seconds(60)) {
                report = try self.report(mount)
                let transfers = report["transfers"] as? [String] ?? []
                return transfers.contains { $0.contains("RETR ") && $0.contains("large: ") }
            }
            #expect(isShown && (report["files"] as? String)?.hasPrefix("1 open") == true, "\(report)")
            try mount.server.thaw()
            #expect(try mount.end(of: reader) == 0)
        }
    }

    @Test("status tells that the server is away, and what went wrong last")
    func outage() throws {
        try withMount(.pyftpdlib, ServerOptions { _ in }, MountOptions("timeout=3,connect_timeout=3")) {
            mount in
            try mount.run("echo x > \"$M/f\"")
            try mount.server.stop()
            #expect(try mount.attempt("cat \"$M/g\"").status != 0)
            let rows = try rows(mount)
            #expect(rows["state"]?.hasPrefix("away for ") == true, "\(rows)")
            let report = try report(mount)
            let incidents = report["incidents"] as? [String] ?? []
            #expect(incidents.contains { $0.contains("the server cannot be reached") }, "\(incidents)")
        }
    }

    @Test("status answers while the server does not")
    func silentServer() throws {
        try withMount(.vsftpd) { mount in
            try mount.server.freeze()
            defer { try? mount.server.thaw() }
            #expect(try rows(mount)["server"] == "localhost:\(mount.server.port)")
        }
    }

    @Test("a mount that does not answer, and one whose program has ended, are told apart, and nothing hangs")
    func silentMount() throws {
        let mount = try withServer(.vsftpd) { server in
            let mount = try MountFixture(server)
            mount.signal(SIGSTOP)
            let silent = try status(mount)
            mount.signal(SIGCONT)
            #expect(silent.status == 39 && silent.errors.contains("does not answer"), "\(silent.errors)")
            #expect(try status(mount).status == 0)
            mount.signal(SIGKILL)
            _ = mount.waitForEnd()
            let dead = try status(mount)
            #expect(dead.status == 39 && dead.errors.contains("has ended"), "\(dead.errors)")
            return mount
        }
        try mount.crash()
    }
}
