import TestSupport
import Testing

/// Whom the mount trusts, and as whom it appears.
@Suite(.enabled(if: Program.canMount)) struct IdentityTests {
    @Test(
        "a PKCS#12 file is shown to a server that demands a certificate on both kinds of connections",
        arguments: [ServerKind.vsftpd, .proftpd])
    func bundle(_ kind: ServerKind) throws {
        let options = ServerOptions {
            $0.clientCertificate = true
            $0.requireReuse = false
        }
        try withServer(kind, options) { server in
            let place = try TemporaryDirectory("bundle")
            try Shell.run(
                "openssl pkcs12 -export -passout pass:open-sesame -in \"$1.pem\" -inkey \"$1.key\" -out \"$2\"",
                [server.certificates + "/client", place.path + "/client.p12"])
            func mount(_ passphrase: String?) -> MountOptions {
                let lines = ["username=\(server.user)", "password=\(server.password)"]
                let secret = passphrase.map { ["key_passphrase=" + $0] } ?? []
                try? TestFile.write(
                    place.path + "/credentials", ((lines + secret).joined(separator: "\n") + "\n").utf8,
                    mode: 0o600)
                return MountOptions {
                    $0.giveCredentials = false
                    $0.options = ["credentials=\(place.path)/credentials", "cert=\(place.path)/client.p12"]
                }
            }
            try withMount(of: server, mount("open-sesame")) { mount in
                try mount.run("echo x > \"$M/f\"; [ \"$(cat \"$M/f\")\" = x ]")
                #expect(!mount.log.contains("open-sesame"))
            }
            for (passphrase, words) in [(nil, "no passphrase was given"), ("guess", "does not open")] {
                let failure = try #require(throws: MountFailure.self) {
                    _ = try MountFixture(server, mount(passphrase))
                }
                #expect(failure.status == 1 && failure.log.contains(words), "\(failure.log)")
                #expect(!failure.log.contains("guess"))
            }
        }
    }

    @Test("a revoked certificate is refused with its status, and a clean list lets the server in")
    func revocation() throws {
        try withServer(.proftpd) { server in
            let place = try TemporaryDirectory("lists")
            try Shell.run(
                """
                cd "$1"; : > index; echo 01 > number
                printf '%s\\n' '[ca]' default_ca=d '[d]' database=index crlnumber=number default_md=sha256 \
                    default_crl_days=1 > conf
                make="openssl ca -config conf -keyfile $2/ca.key -cert $2/ca.pem"
                $make -gencrl -out clean
                $make -revoke "$2/server.pem"
                $make -gencrl -out revoked
                """, [place.path, server.certificates])
            try withMount(of: server, MountOptions("crl=\(place.path)/clean")) { mount in
                try mount.run("echo x > \"$M/f\"")
            }
            let failure = try #require(throws: MountFailure.self) {
                _ = try MountFixture(server, MountOptions("crl=\(place.path)/revoked"))
            }
            #expect(failure.status == 36)
            #expect(failure.log.contains("is not trusted: it has been revoked by its authority, on 20"))
            #expect(failure.log.contains("tls_pin=sha256:"))
        }
    }
}
