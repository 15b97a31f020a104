import Glibc
import TestSupport
import Testing

/// Mounts that are broken off before they can be used.
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
}
