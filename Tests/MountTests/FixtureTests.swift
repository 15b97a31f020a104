import Testing
import TestSupport

/// The tests' own servers, before anything is built on them.
@Suite struct FixtureTests {
    private func lftp(_ server: ServerFixture, _ commands: String, password: String? = nil) throws
        -> CommandResult
    {
        let url = server.options.ipv6 ? "ftp://[::1]:\(server.port)" : "ftp://localhost:\(server.port)"
        let script = """
            set ssl:ca-file \(server.authority); set ftp:ssl-force true; set net:max-retries 1; set net:timeout 20
            set net:reconnect-interval-base 1; set ftp:use-quit false; set net:persist-retries 0; set xfer:clobber true; open -u \(server.user),\(password ?? server.password) \(url); \(commands)
            """
        return try Shell.attempt("lftp -c \"$1\"", [script])
    }

    @Test("a server takes an upload and gives it back", arguments: ServerKind.available, TLSVersions.allCases)
    func roundTrip(_ kind: ServerKind, _ tls: TLSVersions) throws {
        try withServer(kind, ServerOptions { $0.tls = tls }) { server in
            try server.put("given", "from the disk".utf8)
            let place = try TemporaryDirectory("lftp")
            try TestFile.write(place.path + "/sent", "over the wire".utf8)
            let result = try lftp(
                server, "put \(place.path)/sent -o sent; get given -o \(place.path)/got; cls -1 --sort=name")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.split(separator: "\n").sorted() == ["given", "sent"])
            #expect(TestFile.text(place.path + "/got") == "from the disk")
            #expect(server.content("sent") == Array("over the wire".utf8))
            let refused = try lftp(server, "cls", password: "wrong")
            #expect(refused.status != 0)
        }
    }

    @Test("the server touches files as nobody, so modes count", arguments: ServerKind.available)
    func unprivileged(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            try server.put("secret", "x".utf8, mode: 0)
            #expect(try lftp(server, "cat secret").status != 0)
            try server.makeDirectory("closed", mode: 0o555)
            #expect(try lftp(server, "mkdir closed/in").status != 0)
            #expect(try lftp(server, "mkdir open").status == 0)
        }
    }

    @Test("a server can be killed, restarted, frozen and thawed on its port", arguments: ServerKind.available)
    func lifeCycle(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            try server.kill()
            #expect(try lftp(server, "cls").status != 0)
            try server.start()
            #expect(try lftp(server, "cls").status == 0)
            try server.freeze()
            #expect(
                try Shell.attempt("exec 3<>/dev/tcp/\(server.host)/\(server.port); read -t 0.5 <&3").status
                    > 128)
            try server.thaw()
            try server.stop()
            try server.restart()
            #expect(try lftp(server, "cls").status == 0)
        }
    }

    @Test("a server starts where IPv6 is off", .enabled(if: !ServerKind.available.isEmpty))
    func withoutIPv6() throws {
        // In a network of its own, whose loopback has to be switched on (SIOCSIFFLAGS, netdevice(7)).
        let switchOn = """
            import fcntl, socket, struct
            flags = struct.pack("16sh", b"lo", 0x41)
            fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, flags)
            """
        let inside = """
            echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && python3 -c "$1" && "$2" "$3" --control < /dev/null
            """
        let result = try Shell.run(
            "unshare --net bash -c \"$1\" \"$@\"",
            [inside, switchOn, packageRoot + "/scripts/serve", ServerKind.available[0].rawValue])
        #expect(result.contains("host=127.0.0.1"))
    }

    @Test("a server on a small tmpfs runs full", arguments: ServerKind.available)
    func full(_ kind: ServerKind) throws {
        try withServer(kind, ServerOptions { $0.tmpfs = "1m" }) { server in
            let place = try TemporaryDirectory("lftp")
            try TestFile.write(place.path + "/big", [UInt8](repeating: 7, count: 3_000_000))
            // What lftp makes of the refusal is its own affair: it tries again, and ends now and then as if all were well.
            _ = try lftp(server, "set net:timeout 3; put \(place.path)/big")
            #expect((server.content("big")?.count ?? 0) < 2_000_000)
        }
    }

    @Test(
        "a server listens on ::1", .enabled(if: Loopback.hasIPv6, "this machine has no ::1"),
        arguments: ServerKind.available)
    func ipv6(_ kind: ServerKind) throws {
        try withServer(kind, ServerOptions { $0.ipv6 = true }) { (server: ServerFixture) throws in
            #expect(try lftp(server, "cls").status == 0)
        }
    }
}
