import TestSupport
import Testing

/// Real servers die and come back while programs work.
@Suite("Servers that die under load") struct RestartTests {
    @Test("what was acknowledged is whole after several crashes of the server", arguments: Program.servers)
    func crashes(_ kind: ServerKind) throws {
        try withMount(kind, ServerOptions(), MountOptions("timeout=5", "connect_timeout=5")) { mount in
            let load = try Load(on: mount)
            for _ in 1...3 {
                try load.progress(15)
                try mount.server.kill()
                try mount.server.start()
            }
            try load.progress(15)
            let result = try load.finish()
            #expect(result.losses == [])
            #expect(result.operations >= 60)
            // Whoever has sent them removes them as soon as the server answers.
            let isTidy = try waitUntil(within: .seconds(90)) {
                try Shell.run("find \"$1\" -name '*.part'", [mount.server.root]) == ""
            }
            #expect(isTidy)
        }
    }
}
