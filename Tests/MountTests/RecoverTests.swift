import TestSupport
import Testing

/// `ftpsfs recover`: what is on this machine and not on the server is listed, stored, copied and discarded.
@Suite struct RecoverTests {
    private func recover(_ arguments: String...) throws -> CommandResult {
        try Shell.attempt(
            "program=$1; shift; exec \"$program\" recover \"$@\" < /dev/null", [Program.path] + arguments)
    }

    @Test(
        "what a killed mount has left can be listed, copied, discarded and uploaded",
        arguments: Program.servers)
    func killed(_ kind: ServerKind) throws {
        try withServer(kind) { server in
            let cache = try TemporaryDirectory("cache")
            let options = MountOptions { $0.cache = cache.path }
            let mount = try MountFixture(server, options)
            let writer = try mount.startPython(
                """
                for name in ['a', 'b c', 'd']:
                    os.write(os.open(f'{M}/{name}', os.O_WRONLY | os.O_CREAT), name.encode() * 1000)
                print('written'); wait('go')
                """, output: "writer")
            try mount.waitFor("written", in: "writer")
            let live = try recover("list", "--cache-dir", cache.path)
            #expect(live.output.split(separator: "\n").count { $0.contains("  live  ") } == 3, "\(live)")
            let entry = String(live.output.split(separator: " ").first ?? "")
            let refused = try recover("discard", entry, "--yes", "--cache-dir", cache.path)
            #expect(refused.status == 2 && refused.errors.contains("living mount"))
            try mount.crash()
            _ = writer

            func entries() throws -> [String: String] {
                let lines = try recover("--cache-dir", cache.path).output.split(separator: "\n")
                return lines.reduce(into: [:]) { entries, line in
                    #expect(line.contains("  pending  "))
                    let name = line.split(separator: "/").last ?? ""
                    entries[String(name)] = line.split(separator: " ").first.map(String.init)
                }
            }
            let before = try entries()
            #expect(before.count == 3)
            let first = try #require(before["a"])
            let copy = cache.path + "/copy"
            #expect(try recover("export", first, copy, "--cache-dir", cache.path).status == 0)
            #expect(TestFile.text(copy) == String(repeating: "a", count: 1000))
            #expect(try recover("export", first, copy, "--cache-dir", cache.path).errors.contains("exists"))
            #expect(try recover("discard", first, "--cache-dir", cache.path).errors.contains("--yes"))
            #expect(try recover("discard", first, "--yes", "--cache-dir", cache.path).status == 0)
            #expect(try entries().count == 2)

            let place = try TemporaryDirectory("credentials")
            let typed = try MountFixture.arguments(
                server, options, point: "/", cache: cache.path, place: place.path)
            let upload = try recover("upload", typed[1], "-p", String(server.port), "-o", typed.last ?? "")
            #expect(upload.status == 0 && upload.output.contains("2 files"), "\(upload)")
            #expect(server.content("b c")?.count == 3000 && server.content("d")?.count == 1000)
            #expect(server.content("a") == nil)
            #expect(try entries().isEmpty)
        }
    }
}
