import Foundation
import TestSupport
import Testing

/// `ftpsfs probe` as a user runs it.
@Suite(.enabled(if: Program.canMount)) struct ProbeTests {
    /// Commands that change something on a server.
    private static let changing: Set<String> = [
        "STOR", "STOU", "APPE", "DELE", "RNFR", "RNTO", "MKD", "RMD", "SITE", "MFMT", "MFF", "MFCT", "ALLO",
    ]

    private func probe(
        _ server: ServerFixture, _ arguments: String..., options: String = "", in place: TemporaryDirectory
    ) throws -> CommandResult {
        let file = place.path + "/cred"
        try TestFile.write(file, "password=\(server.password)\n".utf8, mode: 0o600)
        let common = "cacert=\(server.authority),credentials=\(file)" + options
        return try Shell.attempt(
            "exec \"$@\"",
            [
                Program.path, "probe", "\(server.user)@localhost:/", "-p", "\(server.port)", "-o", common,
            ] + arguments, timeout: .seconds(110))
    }

    private func arguments(
        _ server: ScriptedServer, _ more: [String], options: String = "", password: String? = nil,
        isTrusted: Bool = true, in place: TemporaryDirectory
    ) throws -> [String] {
        try TestFile.write(place.path + "/ca", TestCertificate.authority.pem.utf8)
        let secret = password ?? server.settings.password
        try TestFile.write(place.path + "/cred", "password=\(secret)\n".utf8, mode: 0o600)
        let trust = isTrusted ? "cacert=\(place.path)/ca," : ""
        return [
            Program.path, "probe", "\(server.settings.user)@127.0.0.1:/", "-p", "\(server.port)", "-o",
            "\(trust)credentials=\(place.path)/cred\(options)",
        ] + more
    }

    private func json(_ result: CommandResult) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(result.outputBytes)) as? [String: Any])
    }

    /// The value at a path of names and places, `a/0/b`.
    private func value<Value>(_ path: String, _ report: Any, as type: Value.Type = Value.self) -> Value? {
        var value: Any? = report
        for name in path.split(separator: "/") {
            if let place = Int(name) {
                value = (value as? [Any]).flatMap { place < $0.count ? $0[place] : nil }
            } else {
                value = (value as? [String: Any])?[String(name)]
            }
        }
        return value as? Value
    }

    @Test("a probe tells what a server is, in words", arguments: Program.servers)
    func words(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            let place = try TemporaryDirectory("probe")
            let result = try probe(server, in: place)
            #expect(result.status == 0 && result.errors == "", "\(result.errors)")
            let lines = result.output.split(separator: "\n").map(String.init)
            func line(_ title: String) -> String {
                lines.first { $0.hasPrefix(title + " ") }?.dropFirst(title.count)
                    .trimmingCharacters(in: .whitespaces) ?? ""
            }
            #expect(line("address") == "127.0.0.1:\(server.port)" && line("greeting").hasPrefix("220"))
            #expect(line("software") == kind.description)
            #expect(line("TLS 1.2") == "offered" && line("TLS 1.3") == "offered")
            #expect(line("agreed on").hasPrefix("TLS 1.3, TLS_"))
            #expect(line("resumption 1.2") == "yes")
            #expect(line("resumption 1.3").hasPrefix(kind == .pureftpd ? "no" : "yes"))
            #expect(line("certificate").hasPrefix("accepted: ") && line("  subject:") == "CN=localhost")
            #expect(line("  pin").hasPrefix("tls_pin=sha256:") && line("features").contains("REST STREAM"))
            #expect(line("listing").hasPrefix(kind == .vsftpd ? "yes: LIST -a" : "yes: MLSD"))
            #expect(line("EPSV") == "yes" && line("PASV") == "yes" && line("restart") == "yes")
            #expect(line("connections") == "6 at a time, and no limit met")
            #expect(line("checksums").contains("XSHA256") == (kind == .proftpd))
            #expect(line("server copies").contains("SITE COPY") == (kind == .proftpd))
            #expect(line("round trip").hasSuffix(" ms") && line("upload") == "")
            #expect(!result.output.contains(server.password))
        }
    }

    @Test(
        "in JSON, with --write, what was tried is told and nothing is left behind", arguments: Program.servers
    )
    func writing(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            try server.put("f", "x".utf8)
            let place = try TemporaryDirectory("probe")
            let result = try probe(server, "--json", "--write", in: place)
            #expect(result.status == 0, "\(result.errors)")
            let report = try json(result)
            for part in ["upload", "size", "append", "removal"] {
                #expect(value("writing/\(part)/works", report) == true, "\(part): \(result.output)")
            }
            #expect(value("abilities/patching/works", report) == (kind != .pureftpd))
            #expect(value("abilities/replacing/works", report) == true)
            #expect(value("abilities/times/works", report) == true)
            #expect(value("abilities/modes/works", report) == true)
            #expect(value("abilities/listing/timeOffset", report) == 0)
            #expect(value("abilities/listing/rows", report) == "unix")
            #expect(value("tls/versions/1/version", report) == "TLS 1.3")
            #expect(value("tls/versions/1/offered", report) == true)
            #expect(value("certificate/accepted", report) == true)
            #expect(value("certificate/chain/0/sha256", report, as: String.self)?.count == 64)
            #expect(value("failure", report, as: String.self) == nil)
            #expect(try FileManager.default.contentsOfDirectory(atPath: server.root) == ["f"])
            #expect(!result.output.contains(server.password))
        }
    }

    @Test("a mount with the options of the line for fstab works, and keeps to what the server allows")
    func fstab() throws {
        try withServer(.proftpd, ServerOptions { $0.maxClients = 2 }) { server in
            try server.put("f", "x".utf8)
            let place = try TemporaryDirectory("probe")
            let report = try json(try probe(server, "--json", options: ",ro,fsname=a b", in: place))
            #expect(value("abilities/connections/limit", report) == 2)
            let line = try #require(value("fstab", report, as: String.self))
            #expect(line.contains("max_conns=2") && line.contains("fsname=a\\040b"))
            try TestFile.write(place.path + "/fstab", (line + "\n").utf8)
            let content = try Shell.run(
                """
                mkdir "$1/mnt"
                read -r source point type options rest < "$1/fstab"
                [ "$type" = ftpsfs ]
                "$2" "$source" "$1/mnt" -o "$options,cache_dir=$1/cache"
                cat "$1/mnt/f"; fusermount3 -u "$1/mnt"
                """, [place.path, Program.path])
            #expect(content == "x")
        }
    }

    @Test("over IPv6 PASV is not asked for, and the line for fstab has the address in brackets")
    func overIPv6() throws {
        try withServer(.pyftpdlib, ServerOptions { $0.ipv6 = true }) { server in
            let place = try TemporaryDirectory("probe")
            try TestFile.write(place.path + "/cred", "password=\(server.password)\n".utf8, mode: 0o600)
            let result = try Shell.attempt(
                "\"$1\" probe --json alice@[::1]: -p $2 -o cacert=$3,credentials=$4/cred",
                [Program.path, "\(server.port)", server.authority, place.path])
            let report = try json(result)
            #expect(result.status == 0 && value("abilities/epsv/works", report) == true)
            #expect(value("abilities/pasv/works", report) == false)
            #expect(value("fstab", report, as: String.self)?.hasPrefix("alice@[::1]:  /mnt/::1  ") == true)
        }
    }

    @Test("a server that lists in its local time is found out")
    func timeOffset() throws {
        try withServer(.pureftpd, ServerOptions { $0.timezone = "Asia/Kolkata" }) { server in
            try server.put("f", "x".utf8)
            let place = try TemporaryDirectory("probe")
            let result = try probe(server, in: place)
            #expect(result.output.contains("times of LIST    5:30 h ahead of UTC"), "\(result.output)")
        }
    }

    @Test("where one version of TLS and EPSV are missing, that is told, and the line for fstab does without")
    func missing() throws {
        let options = ServerOptions {
            $0.tls = .only12
            $0.refuseEPSV = true
        }
        try withServer(.proftpd, options) { server in
            let place = try TemporaryDirectory("probe")
            let report = try json(try probe(server, "--json", in: place))
            #expect(value("tls/versions/0/offered", report) == true)
            #expect(value("tls/versions/1/offered", report) == false)
            #expect(value("tls/version", report) == "TLS 1.2")
            #expect(value("abilities/epsv/works", report) == false)
            #expect(value("abilities/pasv/works", report) == true)
            #expect(value("fstab", report, as: String.self)?.contains(",disable_epsv") == true)
            let refused = try probe(server, "--json", options: ",tls_min=1.3", in: place)
            #expect(refused.status == 35, "\(refused.errors)")
            #expect(value("tls/versions/0/offered", try json(refused)) == true)
            #expect(value("tls/versions/1/offered", try json(refused)) == false)
        }
    }

    @Test("without --write no command is sent that changes anything", arguments: ServerLikeness.all)
    func harmless(_ likeness: ServerLikeness) throws {
        try ScriptedServer.run(ScriptedServerSettings(likeness)) { server in
            server.tree.addFile("/a", Array("x".utf8))
            let place = try TemporaryDirectory("probe")
            let result = try Shell.attempt("\"$@\"", try arguments(server, [], in: place))
            #expect(result.status == 0, "\(result.errors)")
            #expect(Set(server.dialogue.verbs()).isDisjoint(with: Self.changing))
            #expect(server.dialogue.commands().filter { $0.hasPrefix("MDTM 2") } == [])
            #expect(server.waitUntilIdle() && server.counts.peakControl == 6)
        }
    }

    @Test("a wrong password ends it with the status of a mount, sent once, and what was seen before is told")
    func wrongPassword() throws {
        try ScriptedServer.run { server in
            let place = try TemporaryDirectory("probe")
            let words = try arguments(server, ["--json", "--write"], password: "wrong-word", in: place)
            let result = try Shell.attempt("\"$@\"", words)
            #expect(result.status == 37 && result.errors.contains("530"), "\(result.errors)")
            let report = try json(result)
            #expect(value("certificate/accepted", report) == true)
            #expect(value("failure", report, as: String.self)?.contains("530") == true)
            #expect(value("fstab", report, as: String.self) == nil)
            #expect(!(result.output + result.errors).contains("wrong-word"))
            #expect(server.dialogue.verbs().count { $0 == "PASS" } == 1)
        }
    }

    @Test(
        "a certificate that is not accepted is shown, and nobody is told name and password",
        arguments: [false, true])
    func untrusted(isImplicit: Bool) throws {
        var settings = ScriptedServerSettings()
        settings.isImplicit = isImplicit
        try ScriptedServer.run(settings) { server in
            let place = try TemporaryDirectory("probe")
            let words = try arguments(
                server, ["--json", "--write"], options: isImplicit ? ",tls=implicit" : "", isTrusted: false,
                in: place)
            let result = try Shell.attempt("\"$@\"", words)
            let pin = TestCertificate.server.sha256.map { String(format: "%02x", $0) }.joined()
            #expect(result.status == 36 && result.errors.contains(pin), "\(result.errors)")
            let report = try json(result)
            #expect(value("certificate/accepted", report) == false)
            #expect(value("certificate/pin", report) == "tls_pin=sha256:\(pin)")
            #expect(value("certificate/chain/0/sha256", report) == pin)
            #expect(value("certificate/advice", report, as: String.self)?.contains("administrator") == true)
            #expect(value("tls/version", report) == "TLS 1.3")
            #expect(value("tls/versions/0/offered", report) == true)
            #expect(value("abilities", report, as: [String: Any].self) == nil)
            #expect(Set(server.dialogue.verbs()).isSubset(of: ["AUTH", "QUIT"]))
            let pinned = try arguments(
                server, [], options: (isImplicit ? ",tls=implicit" : "") + ",tls_pin=sha256:\(pin)",
                isTrusted: false, in: place)
            #expect(try Shell.attempt("\"$@\"", pinned).status == 0)
        }
    }

    @Test("a question that breaks the connection leaves the others to be asked")
    func brokenQuestion() throws {
        try ScriptedServer.run { server in
            server.at(.command("PASV"), .closeControl(.silent))
            server.at(.command("NOOP"), times: 3, .closeControl(.reset))
            let place = try TemporaryDirectory("probe")
            let result = try Shell.attempt("\"$@\"", try arguments(server, ["--json"], in: place))
            #expect(result.status == 0, "\(result.errors)")
            let report = try json(result)
            #expect(value("abilities/pasv/works", report, as: Bool.self) == nil)
            #expect(value("abilities/pasv/remark", report, as: String.self) != nil)
            #expect(value("abilities/epsv/works", report) == true)
            #expect(value("abilities/restart/works", report) == true)
        }
    }

    @Test("a directory that is not there has the status of a mount, and the rest is told all the same")
    func missingDirectory() throws {
        try withServer(.vsftpd) { server in
            let place = try TemporaryDirectory("probe")
            try TestFile.write(place.path + "/cred", "password=\(server.password)\n".utf8, mode: 0o600)
            let result = try Shell.attempt(
                "\"$1\" probe alice@localhost:/nowhere -p $2 -o cacert=$3,credentials=$4/cred",
                [Program.path, "\(server.port)", server.authority, place.path])
            #expect(result.status == 38 && result.errors.contains("/nowhere"), "\(result.errors)")
            #expect(result.output.contains("EPSV             yes") && !result.output.contains("fstab"))
        }
    }

    @Test("a signal in the middle of writing leaves nothing on the server")
    func interrupted() throws {
        try ScriptedServer.run { server in
            let gate = Gate()
            server.at(.command("SIZE"), times: 1, .wait(gate))
            let place = try TemporaryDirectory("probe")
            let process = try ChildProcess(
                try arguments(server, ["--write"], in: place), output: place.path + "/out",
                errors: place.path + "/err")
            #expect(server.wait { dialogue, _ in dialogue.verbs().contains("SIZE") })
            process.signal(15)
            gate.open()
            #expect(process.wait(for: .seconds(60)) == 8)
            #expect(server.tree.names(in: "/") == [])
            #expect(server.dialogue.verbs().contains("DELE"))
        }
    }

    @Test("wrong command lines end with 1 and ask for nothing")
    func usage() throws {
        for (words, hint) in [
            (["probe"], "source"), (["probe", "host"], "colon"), (["probe", "host:", "/mnt"], "/mnt"),
            (["probe", "host:", "-o", "odd"], "odd"), (["probe", "host:", "--write", "-o", "ro"], "ro"),
            (["probe", "u:secret@host:"], "credentials="),
        ] {
            let result = try Shell.attempt("exec \"$@\" < /dev/null", [Program.path] + words)
            #expect(result.status == 1 && result.output == "", "\(words)")
            #expect(result.errors.contains(hint) && !result.errors.contains("secret"), "\(result.errors)")
        }
        let help = try Shell.run("\"$1\" probe -h", [Program.path])
        #expect(help.contains("--json") && help.contains("--write"))
    }
}
