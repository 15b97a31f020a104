import Foundation
import TestSupport
import Testing

/// What a program that was killed has left on the server.
@Suite("Debris", .serialized)
struct DebrisTests {
    private static func parts(_ server: ServerFixture) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: server.root)) ?? []
        return names.filter { $0.hasPrefix(".ftpsfs-") }
    }

    @Test(
        "the next mount removes the temporary file of one that was killed, and no other's",
        arguments: Program.servers)
    func killed(kind: ServerKind) throws {
        let server = try ServerFixture(kind)
        let cache = try TemporaryDirectory("cache")
        let options = MountOptions { $0.cache = cache.path + "/cache" }
        try server.put("file", [1, 2, 3])
        let foreign = ".ftpsfs-0123456789abcdef.part"
        try server.put(foreign, [4])
        do {
            let first = try MountFixture(server, options)
            let writer = try first.start("head -c 200M /dev/zero > \"$M/file\"", output: "writer")
            let hasBegun = waitUntil(within: .seconds(60)) { Self.parts(server).count > 1 }
            try server.freeze()
            #expect(hasBegun)
            try first.crash()
            try server.thaw()
            _ = writer.wait(for: .seconds(30))
        }
        let second = try MountFixture(server, options)
        #expect(waitUntil(within: .seconds(60)) { Self.parts(server) == [foreign] })
        let shown = try second.run("ls -A \"$M\"").split(separator: "\n").map(String.init)
        #expect(Set(shown).subtracting(["file"]) == [foreign])
        #expect(try second.unmount() == 0)
    }
}
