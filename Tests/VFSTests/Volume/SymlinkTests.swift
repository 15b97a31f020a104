import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct SymlinkTests {
    private func mounted() throws -> VolumeFixture {
        let fixture = try VolumeFixture(configuration: { $0.root = "/pub".remote })
        fixture.server.makeDirectories("/pub/d/e")
        fixture.server.makeDirectories("/secret")
        fixture.server.put("/pub/f", Array("inside".utf8))
        fixture.server.put("/secret/key", Array("outside".utf8))
        return fixture
    }

    private func target(_ fixture: VolumeFixture, _ path: String) throws -> String {
        let node = try fixture.node(path)
        #expect(node.attributes.kind == .symlink)
        return String(
            decoding: try fixture.volume.readLink(node.node, for: Request()), as: UTF8.self)
    }

    @Test(
        "links that stay inside are shown as links",
        arguments: [
            ("/pub/d/link", "../f", "../f"), ("/pub/d/link", "/pub/f", "../f"), ("/pub/link", "f", "f"),
            ("/pub/link", "/pub/d/e", "d/e"), ("/pub/d/e/link", "/pub/d", ".."),
            ("/pub/d/link", "none", "none"),
            ("/pub/d/link", "../../pub/f", "../f"), ("/pub/d/link", "e/../../f", "../f"),
            ("/pub/link", "/pub", "."),
        ])
    func inside(link: String, target raw: String, shown: String) throws {
        let fixture = try mounted()
        fixture.server.link(link, to: raw)
        let path = String(link.dropFirst(4))
        #expect(try target(fixture, path) == shown)
        fixture.volume.dropCaches()
        _ = try fixture.names("/")
        _ = try fixture.names("/d")
        _ = try fixture.names("/d/e")
        #expect(try target(fixture, path) == shown)
        #expect(fixture.server.count(.resolvedAttributes) == 0)
    }

    @Test("links that lead out are shown as what the server follows them to")
    func outside() throws {
        let fixture = try mounted()
        fixture.server.link("/pub/key", to: "../secret/key")
        fixture.server.link("/pub/all", to: "/secret")
        #expect(try fixture.stat("/key").kind == .file)
        #expect(try fixture.text("/key") == "outside")
        #expect(try fixture.stat("/all").kind == .directory)
        #expect(try fixture.names("/all") == ["key"])
        #expect(try fixture.text("/all/key") == "outside")
        fixture.server.resetCalls()
        #expect(try fixture.stat("/key").size == 7)
        #expect(try fixture.stat("/all/key").size == 7)
        #expect(fixture.server.count() == 0)
        fixture.advance(.seconds(5))
        #expect(try fixture.text("/key") == "outside")
        // Written through, not replaced.
        try fixture.store("/key", "changed")
        #expect(fixture.server.content("/secret/key") == Array("changed".utf8))
        #expect(fixture.server.tree.record("/pub/key".remote)?.kind == .symlink)
        try fixture.unlink("/key")
        #expect(fixture.server.content("/secret/key") == Array("changed".utf8))
        #expect(fixture.server.tree.record("/pub/key".remote) == nil)
    }

    @Test("a link that leads out and to nothing is a link that cannot be read")
    func broken() throws {
        let fixture = try mounted()
        fixture.server.link("/pub/bad", to: "/etc/none")
        let node = try fixture.node("/bad")
        #expect(node.attributes.kind == .symlink)
        #expect(failure { _ = try fixture.volume.readLink(node.node, for: Request()) } == "denied")
        try fixture.unlink("/bad")
        #expect(try fixture.names("/") == ["d", "f"])
    }

    @Test("readdir is not certain of the kind of a link that leads out")
    func uncertainRows() throws {
        let fixture = try mounted()
        fixture.server.link("/pub/key", to: "../secret/key")
        fixture.server.link("/pub/near", to: "f")
        let handle = try fixture.volume.openDirectory(.root, for: Request())
        let rows = try fixture.rows(handle, plus: true)
        let key = rows.first { $0.name == Array("key".utf8) }
        #expect(key?.isKindCertain == false)
        #expect(key?.reply == nil)
        let near = rows.first { $0.name == Array("near".utf8) }
        #expect(near?.isKindCertain == true)
        #expect(near?.reply?.attributes.kind == .symlink)
    }

    @Test("making a link: inside only, and EPERM where the server has no way")
    func making() throws {
        let fixture = try mounted()
        func make(_ name: String, _ target: String) throws {
            _ = try fixture.volume.makeSymlink(
                Array(name.utf8), in: .root, target: Array(target.utf8), for: Request())
        }
        try make("good", "d/e")
        #expect(try target(fixture, "/good") == "d/e")
        #expect(failure { try make("absolute", "/etc/passwd") } == "notPermitted")
        #expect(failure { try make("climbing", "../secret/key") } == "notPermitted")
        #expect(failure { try make("good", "f") } == "exists")
        fixture.server.configure { $0.makesSymlinks = false }
        #expect(failure { try make("other", "f") } == "notPermitted")
    }
}
