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
