import Glibc
import TestSupport
import Testing

/// Mounts that are broken off before they can be used, or that could not be used.
@Suite(.enabled(if: Program.canMount)) struct StartTests {
    /// Starts the program in the background on a frozen server and runs a script as soon as it connects.
    ///
    /// `$parent` is the process that was started, `$child` the one in the background. Returns what the script prints.
    private func start(_ server: ServerFixture, in place: String, _ script: String) throws -> String {
        try server.freeze()
        let options = MountOptions("connect_timeout=300", "timeout=300")
        var arguments = try MountFixture.arguments(
            server, options, point: place + "/mnt", cache: place + "/cache", place: place)
        arguments.removeAll { $0 == "-f" || $0 == "-d" }
        mkdir(place + "/mnt", 0o755)
        return try Shell.run(
            """
            "$@" > /dev/null 2>&1 & parent=$!
            until child=$(pgrep -P $parent); do sleep 0.01; done
            until grep -qsx signals /proc/$child/task/*/comm; do sleep 0.01; done
            \(script)
            """, arguments)
    }

    @Test("a mount that nobody waits for any more is taken away again")
    func abandoned() throws {
        try withServer(.proftpd) { server in
            let place = try TemporaryDirectory("start")
            let child = try start(server, in: place.path, "kill -KILL $parent; wait $parent || echo $child")
            try server.thaw()
            #expect(waitUntil(within: .seconds(100)) { access("/proc/\(child)/exe", F_OK) != 0 })
            #expect(!MountFixture.isMounted(place.path + "/mnt"))
            if MountFixture.isMounted(place.path + "/mnt") { try Shell.run("umount -l '\(place.path)/mnt'") }
        }
    }

    @Test("signals end a mount that is not usable yet, also that of a terminal that goes")
    func interrupted() throws {
        for signal in ["HUP", "INT", "TERM"] {
            try withServer(.proftpd) { server in
                let place = try TemporaryDirectory("start")
                let status = try start(
                    server, in: place.path,
                    "kill -\(signal) $child; status=0; wait $parent || status=$?; echo $status")
                #expect(status == "8")
                try server.thaw()
            }
        }
    }

    /// Mounts a scripted server in the foreground, which must fail, and returns what came of it.
    private func refusal(_ server: ScriptedServer, _ options: String) throws -> CommandResult {
        let place = try TemporaryDirectory("start")
        mkdir(place.path + "/mnt", 0o755)
        try TestFile.write(place.path + "/ca", TestCertificate.authority.pem.utf8)
        try TestFile.write(place.path + "/cred", "password=\(server.settings.password)\n".utf8, mode: 0o600)
        let common = "cacert=\(place.path)/ca,credentials=\(place.path)/cred,cache_dir=\(place.path)/cache"
        let result = try Shell.attempt(
            "exec timeout 100 \"$1\" \"$2\" \"$3\" -f -p \(server.port) -o \(common),\(options)",
            [Program.path, "\(server.settings.user)@127.0.0.1:/", place.path + "/mnt"])
        if MountFixture.isMounted(place.path + "/mnt") { try Shell.run("umount -l '\(place.path)/mnt'") }
        return result
    }

    @Test("without data connections there is no mount, and the message names the passive ports")
    func passivePorts() throws {
        // A port that is bound and not listened on refuses, as a firewall does that says so.
        let closed = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(closed) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(closed, $0, length)
                _ = getsockname(closed, $0, &length)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        try ScriptedServer.run { server in
            server.at(.command("EPSV"), .reply("229 Entering Extended Passive Mode (|||\(port)|)"))
            let result = try refusal(server, "enable_epsv")
            #expect(result.status == 34)
            #expect(result.errors.contains("cannot be listed") && result.errors.contains("passive ports"))
            #expect(result.errors.contains("127.0.0.1:\(port)"), "\(result.errors)")
        }
    }

    @Test("without protected data connections there is no mount, and the message has the server's words")
    func refusedData() throws {
        try ScriptedServer.run { server in
            server.at(.command("MLSD"), .reply("522 Data connections must be unprotected"))
            let result = try refusal(server, "max_conns=1")
            #expect(result.status == 35 && result.errors.contains("must be unprotected"), "\(result.errors)")
        }
        try ScriptedServer.run { server in
            server.settings.resumesData = false
            let result = try refusal(server, "max_conns=1")
            #expect(result.status == 34 && result.errors.contains("not resumed"), "\(result.errors)")
        }
    }

    @Test("the listing that the mount begins with is not asked for again")
    func firstListing() throws {
        let options = MountOptions {
            $0.options = ["dcache_timeout=3600"]
            $0.keepsFirstListing = true
        }
        try withMount(.proftpd, ServerOptions(), options) { mount in
            try mount.run("ls \"$M\"")
            #expect(mount.log.split(separator: "\n").count { $0.contains("> MLSD") } == 1)
            try mount.dropCaches()
            try mount.run("ls \"$M\"")
            #expect(mount.log.split(separator: "\n").count { $0.contains("> MLSD") } == 2)
        }
    }

    @Test("a directory that may be entered and not read is mounted for the names one knows")
    func unreadable() throws {
        try withServer(.proftpd) { server in
            try server.put("known", "x".utf8)
            try Shell.run("chmod 311 \"$1\"", [server.root])
            try withMount(of: server) { mount in
                try mount.run("[ \"$(cat \"$M/known\")\" = x ]")
            }
            try Shell.run("chmod 755 \"$1\"", [server.root])
        }
    }
}
