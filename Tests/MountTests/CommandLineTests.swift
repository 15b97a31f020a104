import Foundation
import TestSupport
import Testing

/// What the program says and with which status, when it mounts and when it does not.
@Suite(.enabled(if: Program.canMount)) struct CommandLineTests {
    /// Tries to mount and returns the program's status and what it said; fails the test when it mounts.
    private func refusal(_ server: ServerFixture, _ options: MountOptions) throws -> (
        status: CInt, text: String
    ) {
        do {
            let mount = try MountFixture(server, options)
            Issue.record("it mounted")
            return (try mount.unmount(), mount.log)
        } catch let failure as MountFailure {
            return (failure.status ?? -1, failure.log)
        }
    }

    @Test("each reason not to mount has a status of its own and one clear line")
    func refusals() throws {
        try withServer(.vsftpd) { server in
            var statuses: [String: CInt] = [:]
            let place = try TemporaryDirectory("refusals")
            try TestFile.write(place.path + "/wrong", "password=wrong\n".utf8, mode: 0o600)
            func expect(_ what: String, says words: [String], _ change: (inout MountOptions) -> Void) throws {
                let result = try refusal(server, MountOptions(change))
                statuses[what] = result.status
                #expect(result.status > 0 && result.status < 128, "\(what): \(result.text)")
                for word in words { #expect(result.text.contains(word), "\(what): \(result.text)") }
            }
            try expect("usage", says: ["no_such_option"]) { $0.options = ["no_such_option"] }
            try expect("resolve", says: ["no-such-host.invalid"]) { $0.host = "no-such-host.invalid" }
            try expect("connect", says: []) { $0.host = "127.0.0.2" }
            try expect("trust", says: ["CN", "tls_pin=sha256:"]) { $0.trustAuthority = false }
            try expect("log-in", says: ["530"]) {
                $0.giveCredentials = false
                $0.options = ["credentials=\(place.path)/wrong"]
            }
            try expect("path", says: ["/missing"]) { $0.path = "/missing" }
            #expect(Set(statuses.values).count == statuses.count, "\(statuses)")
        }
    }

    @Test("an unknown option is named, with the nearest known one")
    func unknownOption() throws {
        try withServer(.vsftpd) { server in
            let result = try refusal(server, MountOptions("max_cons=3"))
            #expect(result.text.contains("max_cons") && result.text.contains("max_conns"))
        }
    }

    @Test("a password on the command line and a credentials file for all to read are refused")
    func secrets() throws {
        try withServer(.vsftpd) { server in
            let result = try refusal(
                server,
                MountOptions {
                    $0.options = ["password=secret-word"]
                    $0.giveCredentials = false
                })
            #expect(result.status > 0 && result.text.contains("credentials"))
            #expect(!result.text.contains("secret-word"))
            let place = try TemporaryDirectory("open")
            try TestFile.write(place.path + "/cred", "password=x\n".utf8, mode: 0o644)
            let open = try refusal(
                server,
                MountOptions {
                    $0.options = ["credentials=\(place.path)/cred"]
                    $0.giveCredentials = false
                })
            #expect(open.status > 0)
        }
    }

    @Test("the password is never in the log")
    func masked() throws {
        try withMount(.proftpd) { mount in
            try mount.run("echo x > \"$M/f\"")
            #expect(mount.log.contains("PASS"))
            #expect(!mount.log.contains(mount.server.password))
        }
    }

    @Test("a certificate nobody vouches for: refused with its pin, mounted with tls_pin")
    func pinning() throws {
        try withServer(.proftpd, ServerOptions { $0.certificate = .selfSigned }) { server in
            let result = try refusal(server, MountOptions { $0.trustAuthority = false })
            guard let start = result.text.range(of: "tls_pin=sha256:") else {
                Issue.record("no pin in: \(result.text)")
                return
            }
            let pin = result.text[start.lowerBound...].prefix { !" ,'\")\n".contains($0) }
            // One fact a line, as it is to be compared with what the administrator says.
            let lines = result.text.split(separator: "\n").map(String.init)
            #expect(lines.contains { $0.contains("is not trusted: it is signed by itself") })
            #expect(lines.contains("  subject: CN=localhost") && lines.contains("  issuer:  CN=localhost"))
            #expect(lines.contains("  SHA-256: \(pin.dropFirst("tls_pin=sha256:".count))"))
            #expect(lines.contains { $0.hasSuffix("use the option \(pin)") })
            #expect(result.status == 36 && !result.text.contains("\\n"), "\(result.text)")
            try withMount(
                of: server,
                MountOptions {
                    $0.options = [String(pin)]; $0.trustAuthority = false
                }
            ) { mount in
                try mount.run("echo x > \"$M/f\"")
            }
            let file = "trust_server_cert=\(server.certificates)/self-signed.pem"
            try withMount(
                of: server,
                MountOptions {
                    $0.options = [file]; $0.trustAuthority = false
                }
            ) { mount in
                try mount.run("echo x > \"$M/f\"")
            }
            let other = "tls_pin=sha256:" + String(repeating: "00", count: 32)
            let wrong = try refusal(
                server,
                MountOptions {
                    $0.options = [other]; $0.trustAuthority = false
                })
            #expect(wrong.status == result.status)
        }
    }

    @Test("a certificate for another host is refused unless no_verify_hostname is given")
    func hostName() throws {
        try withServer(.vsftpd, ServerOptions { $0.certificate = .wrongHost }) { server in
            let result = try refusal(server, MountOptions())
            #expect(result.status > 0 && result.text.contains("elsewhere.example"))
            try withMount(of: server, MountOptions("no_verify_hostname")) { mount in
                try mount.run("echo x > \"$M/f\"")
            }
        }
        try withServer(.vsftpd, ServerOptions { $0.certificate = .selfSigned }) { server in
            try withMount(
                of: server,
                MountOptions {
                    $0.options = ["no_verify_peer"]; $0.trustAuthority = false
                }
            ) { mount in
                try mount.run("echo x > \"$M/f\"")
                #expect(mount.log.contains("no_verify_peer"))
            }
        }
    }

    @Test("ciphers of both versions of TLS are chosen by their names")
    func ciphers() throws {
        try withServer(.proftpd) { server in
            for list in ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256:ECDHE+AESGCM"] {
                try withMount(of: server, MountOptions("ciphers=\(list)")) { mount in
                    try mount.run("echo x > \"$M/f\"")
                }
            }
            let result = try refusal(server, MountOptions("ciphers=TLS_NONSENSE"))
            #expect(result.status == 1 && result.text.contains("TLS_NONSENSE"))
        }
    }

    @Test("a version both sides accept is required")
    func versions() throws {
        try withServer(.proftpd, ServerOptions { $0.tls = .only12 }) { server in
            let result = try refusal(server, MountOptions("tls_min=1.3"))
            #expect(result.status > 0)
        }
    }

    @Test("in the background: 0 only when usable, password from standard input, umount by the program")
    func background() throws {
        try withServer(.vsftpd) { server in
            try server.put("f", "x".utf8)
            let place = try TemporaryDirectory("background")
            let common =
                "-p \(server.port) -o password_stdin,cacert=\(server.authority),cache_dir=\(place.path)/cache"
            try Shell.run(
                """
                mkdir "$1/mnt"
                printf '%s\\n' "$3" | "$2" alice@localhost:/ "$1/mnt" \(common)
                [ "$(cat "$1/mnt/f")" = x ]
                echo y > "$1/mnt/g"
                "$2" umount "$1/mnt"
                ! mountpoint -q "$1/mnt"
                [ "$(cat "$4/g")" = y ]
                if printf 'wrong\\n' | "$2" alice@localhost:/ "$1/mnt" \(common); then exit 9; fi
                ! mountpoint -q "$1/mnt"
                """, [place.path, Program.path, server.password, server.root])
        }
    }

    @Test("netrc gives name and password")
    func netrc() throws {
        try withServer(.pureftpd) { server in
            let place = try TemporaryDirectory("netrc")
            try TestFile.write(
                place.path + "/netrc",
                "machine localhost login \(server.user) password \(server.password)\n".utf8,
                mode: 0o600)
            let options = MountOptions {
                $0.giveCredentials = false
                $0.options = ["netrc=\(place.path)/netrc"]
            }
            try withMount(of: server, options) { mount in
                try mount.run("echo x > \"$M/f\"")
            }
        }
    }

    @Test("a mount point that is missing or a file is refused")
    func mountPoint() throws {
        try withServer(.vsftpd) { server in
            let place = try TemporaryDirectory("point")
            try TestFile.write(place.path + "/file", [])
            for point in ["/missing", "/file"] {
                let arguments = try MountFixture.arguments(
                    server, MountOptions(), point: place.path + point, cache: place.path + "/cache",
                    place: place.path)
                let result = try Shell.attempt("\"$@\"", arguments, timeout: .seconds(60))
                #expect(result.status > 0 && result.status < 128)
                #expect(result.errors.contains(place.path + point))
            }
        }
    }

    @Test("URLs: ftpes and ftp are explicit TLS, ftps implicit")
    func urls() throws {
        for (scheme, implicit) in [("ftpes", false), ("ftp", false), ("ftps", true)] {
            try withServer(.vsftpd, ServerOptions { $0.implicit = implicit }) { server in
                try server.put("f", "x".utf8)
                let place = try TemporaryDirectory("url")
                try TestFile.write(place.path + "/cred", "password=\(server.password)\n".utf8, mode: 0o600)
                try Shell.run(
                    """
                    mkdir "$1/mnt"
                    "$2" "\(scheme)://alice@localhost:\(server.port)/" "$1/mnt" \
                        -o credentials="$1/cred",cacert=\(server.authority),cache_dir="$1/cache"
                    content=$(cat "$1/mnt/f"); fusermount3 -u "$1/mnt"; [ "$content" = x ]
                    """, [place.path, Program.path])
            }
        }
    }

    @Test("-V and -h")
    func help() throws {
        let version = try Shell.run("\"$1\" -V", [Program.path])
        #expect(version.contains("ftpsfs"))
        let help = try Shell.run("\"$1\" -h", [Program.path])
        for option in ["cacert", "credentials", "max_conns", "-o"] { #expect(help.contains(option)) }
    }
}
