import TestSupport
import Testing

/// Options that change what is mounted and how it looks.
@Suite(.enabled(if: Program.canMount)) struct MountOptionTests {
    @Test("ro refuses every change")
    func readOnly() throws {
        try withMount(.vsftpd, ServerOptions(), MountOptions("ro")) { mount in
            try mount.server.put("f", "x".utf8)
            #expect(try mount.run("cat \"$M/f\"") == "x")
            for change in [
                "echo y > \"$M/f\"", "rm \"$M/f\"", "mkdir \"$M/d\"", "touch \"$M/f\"", "chmod 600 \"$M/f\"",
            ] {
                let result = try mount.attempt(change)
                #expect(result.status != 0 && result.errors.contains("Read-only"))
            }
        }
    }

    @Test("uid, gid, umask, fmask and dmask, file_mode and dir_mode")
    func ownership() throws {
        try withServer(.proftpd) { server in
            try server.put("f", "x".utf8)
            try server.makeDirectory("d")
            func look(_ options: String...) throws -> String {
                var result = ""
                try withMount(of: server, MountOptions { $0.options = options }) { mount in
                    result = try mount.run("stat -c '%u %g %a' \"$M/f\" \"$M/d\"")
                }
                return result
            }
            #expect(try look() == "0 0 644\n0 0 755")
            #expect(try look("uid=1234", "gid=5678") == "1234 5678 644\n1234 5678 755")
            #expect(try look("umask=077") == "0 0 600\n0 0 700")
            #expect(try look("fmask=0137", "dmask=0027") == "0 0 640\n0 0 750")
            #expect(try look("file_mode=0400", "dir_mode=0500") == "0 0 400\n0 0 500")
        }
    }

    @Test("allow_other lets other users in, with the modes that are shown")
    func allowOther() throws {
        try withMount(.vsftpd, ServerOptions(), MountOptions("allow_other", "uid=1234")) { mount in
            try mount.server.put("open", "o".utf8)
            try mount.server.put("closed", "c".utf8, mode: 0o600)
            try mount.run("chmod 755 \"$L/..\"")
            let other = "setpriv --reuid 4321 --regid 4321 --clear-groups"
            #expect(try mount.run("\(other) cat \"$M/open\"") == "o")
            #expect(try mount.attempt("\(other) cat \"$M/closed\"").errors.contains("Permission denied"))
            #expect(try mount.attempt("\(other) touch \"$M/new\"").errors.contains("Permission denied"))
        }
        try withMount(.vsftpd) { mount in
            try mount.run("chmod 755 \"$L/..\"")
            #expect(try mount.attempt("setpriv --reuid 4321 --clear-groups ls \"$M\"").status != 0)
        }
    }

    @Test("a directory of the server as the mount's root", arguments: Program.servers)
    func subdirectory(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            try server.makeDirectory("deep")
            try server.makeDirectory("deep/with space")
            try server.put("deep/with space/f", "x".utf8)
            try withMount(of: server, MountOptions { $0.path = "/deep/with space" }) { mount in
                #expect(try mount.run("ls -A \"$M\"; cat \"$M/f\"") == "f\nx")
                try mount.run("echo y > \"$M/g\"")
                #expect(server.content("deep/with space/g") == Array("y\n".utf8))
            }
        }
    }

    @Test("implicit TLS", arguments: Program.servers(except: .pureftpd))
    func implicit(_ kind: ServerKind) throws {
        // Pure-FTPd has no implicit TLS.
        try withMount(kind, ServerOptions { $0.implicit = true }) { mount in
            try mount.run("echo x > \"$M/f\"; [ \"$(cat \"$M/f\")\" = x ]")
        }
    }

    @Test("IPv6", .enabled(if: Loopback.hasIPv6, "this machine has no ::1"), arguments: Program.servers)
    func ipv6(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions { $0.ipv6 = true }) { mount in
            try mount.run("echo x > \"$M/f\"; [ \"$(cat \"$M/f\")\" = x ]")
        }
    }

    @Test("PASV where EPSV is refused or not wanted")
    func passive() throws {
        for kind in [ServerKind.vsftpd, .proftpd] {
            try withMount(kind, ServerOptions { $0.refuseEPSV = true }) { mount in
                try mount.run("echo x > \"$M/f\"; [ \"$(cat \"$M/f\")\" = x ]")
            }
        }
        try withMount(.vsftpd, ServerOptions(), MountOptions("disable_epsv")) { mount in
            try mount.run("echo x > \"$M/f\"; [ \"$(cat \"$M/f\")\" = x ]")
            // FEAT names EPSV too.
            #expect(!mount.log.contains("> EPSV"))
        }
    }

    /// What a mount is worth: files of several sizes, listings, names.
    private static let usual = """
        echo x > "$M/f"; [ "$(cat "$M/f")" = x ]; echo y >> "$M/f"; [ "$(cat "$M/f" | wc -l)" = 2 ]
        head -c 3000000 /dev/urandom > "$L/big"; cp "$L/big" "$M/big"; cmp "$L/big" "$1/big"
        mkdir "$M/d"; mv "$M/big" "$M/d/b"; cmp "$L/big" "$M/d/b"; [ "$(ls -A "$M/d")" = b ]; rm -r "$M/d"
        for i in 1 2 3 4 5 6; do head -c 200000 /dev/zero > "$M/p$i" & done; wait; [ "$(ls "$M" | wc -l)" = 7 ]
        """

    @Test("active mode, on ports of choice", arguments: Program.servers)
    func active(_ kind: ServerKind) throws {
        // pyftpdlib answers nobody for half a minute at times when it makes several data connections at once.
        let connections = kind == .pyftpdlib ? 1 : 6
        let options = MountOptions(
            "active", "active_ports=20000-30000", "ipv4", "max_conns=\(connections)")
        try withMount(kind, ServerOptions(), options) { mount in
            try mount.run(Self.usual, [mount.server.root])
            #expect(mount.log.contains("> EPRT |1|127.0.0.1|2"))
            #expect(!mount.log.contains("> EPSV") && !mount.log.contains("> PASV"))
        }
    }

    @Test("data connections without TLS where both sides want that", arguments: Program.servers)
    func clearData(_ kind: ServerKind) throws {
        for choice in ["clear", "clear-listings"] {
            try withMount(kind, .allowingClearData(kind), MountOptions("data=\(choice)")) { mount in
                try mount.run(Self.usual, [mount.server.root])
                #expect(mount.log.contains("warning: data=\(choice): names"))
                #expect(mount.log.contains("data connection in clear text"))
                let level = choice == "clear" ? "PROT C" : "PROT P, listings PROT C"
                #expect(try mount.run("getfattr --only-values -n user.ftps.tls \"$M\"").hasSuffix(level))
                #expect(mount.log.contains("data connection protected") == (choice == "clear-listings"))
            }
        }
    }

    @Test("the address that PASV names", arguments: Program.servers(except: .pureftpd, .pyftpdlib))
    func namedAddress(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), MountOptions("pasv_ip", "ipv4")) { mount in
            try mount.run(Self.usual, [mount.server.root])
            #expect(mount.log.contains("warning: pasv_ip: "))
            #expect(mount.log.contains("> PASV") && !mount.log.contains("> EPSV"))
        }
    }

    @Test("listings by LIST where MLSD is not wanted", arguments: Program.servers)
    func listings(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), MountOptions("list=list-a")) { mount in
            try mount.run(
                """
                mkdir "$1/d"; for i in 1 2 3; do echo $i > "$1/d/f $i"; done; echo x > "$1/d/.hidden"
                [ "$(ls -A "$M/d" | wc -l)" = 4 ]; [ "$(cat "$M/d/f 2")" = 2 ]; [ "$(stat -c %s "$M/d/f 3")" = 2 ]
                """, [mount.server.root])
        }
    }

    @Test("tls_max, client certificates and a server that accepts TLS 1.2 only")
    func versions() throws {
        try withMount(.vsftpd, ServerOptions(), MountOptions("tls_max=1.2")) { mount in
            try mount.run("echo x > \"$M/f\"")
        }
        for kind in [ServerKind.vsftpd, .proftpd] {
            try withServer(kind, ServerOptions { $0.clientCertificate = true }) { server in
                let own = "cert=\(server.certificates)/client.pem"
                let key = "key=\(server.certificates)/client.key"
                try withMount(of: server, MountOptions(own, key)) { mount in
                    try mount.run("echo x > \"$M/f\"; [ \"$(cat \"$M/f\")\" = x ]")
                }
            }
        }
    }

    @Test(
        "an encrypted client key, groups and suites of choice, and the user's own words at the log-in",
        arguments: [ServerKind.vsftpd, .proftpd])
    func ownWords(_ kind: ServerKind) throws {
        try withServer(kind, ServerOptions { $0.clientCertificate = true }) { server in
            let place = try TemporaryDirectory("key")
            try Shell.run(
                "openssl pkey -aes256 -passout pass:open -in \"$1\" -out \"$2\"",
                [server.certificates + "/client.key", place.path + "/key"])
            let lines = "username=\(server.user)\npassword=\(server.password)\nkey_passphrase=open\n"
            try TestFile.write(place.path + "/credentials", lines.utf8, mode: 0o600)
            let options = MountOptions {
                $0.giveCredentials = false
                $0.options = [
                    "credentials=\(place.path)/credentials", "cert=\(server.certificates)/client.pem",
                    "key=\(place.path)/key", "tls_groups=P-256", "ciphersuites=TLS_AES_128_GCM_SHA256",
                    "before_auth=*CLNT test", "before_login=*CLNT test", "after_login=*SITE UMASK 077",
                    "login_order=prot-first",
                ]
            }
            try withMount(of: server, options) { mount in
                try mount.run("echo x > \"$M/f\"; [ \"$(cat \"$M/f\")\" = x ]")
                #expect(!mount.log.contains("open\n") && mount.log.contains("> SITE UMASK 077"))
            }
        }
    }

    @Test("commands in clear text after the log-in, another word for TLS, and no name of the protocol in it")
    func clearCommands() throws {
        func commands(_ mount: MountFixture) throws -> String {
            try mount.run("echo x > \"$M/f\"; cat \"$M/f\"")
            return try mount.run("getfattr --only-values -n user.ftps.commands \"$M\"")
        }
        try withMount(.pureftpd, ServerOptions(), MountOptions("ccc=require", "no_alpn")) { mount in
            let words = try commands(mount)
            #expect(words.contains("clear text"))
        }
        let options = MountOptions("ccc=try", "auth=SSL", "no_strict_eof")
        try withMount(.proftpd, ServerOptions(), options) { mount in
            let words = try commands(mount)
            #expect(words == "protected", "\(words)")
            #expect(mount.server.log.contains("AUTH SSL") && mount.server.log.contains("CCC"))
        }
    }

    @Test("many mounts of one server side by side do not disturb each other")
    func sideBySide() throws {
        try withServer(.proftpd) { server in
            try withMount(of: server, MountOptions("max_conns=2")) { first in
                try withMount(of: server, MountOptions("max_conns=2", "dcache_timeout=1")) { second in
                    try first.run("echo 1 > \"$M/f\"")
                    // What another mount has just changed may be unknown here for a second: ESTALE then, never a mixture.
                    #expect(
                        try waitUntil(within: .seconds(60)) {
                            try second.attempt("cat \"$M/f\"").output == "1"
                        })
                    try second.run("echo 2 >> \"$M/f\"")
                    #expect(
                        try waitUntil(within: .seconds(60)) {
                            try first.attempt("cat \"$M/f\"").output == "1\n2"
                        })
                }
            }
        }
    }
}
