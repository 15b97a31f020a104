import Remote
import TestSupport
import Testing

@testable import VFS

/// That changes made here do not pass old knowledge of a file for new, nor another client's version for the one opened.
@Suite struct StatedTests {
    private let fixture: VolumeFixture

    init() throws {
        fixture = try VolumeFixture()
        fixture.server.put("/f", Array("first".utf8))
        fixture.advance(.seconds(100))
    }

    private func open(_ path: String, _ mode: OpenMode = .reading) throws -> OpenReply {
        let node = try fixture.node(path)
        defer { fixture.volume.forget(node.node, count: 1) }
        return try fixture.volume.open(node.node, mode, for: Request())
    }

    private func reopened(_ path: String) throws -> OpenReply {
        let reply = try open(path)
        fixture.volume.release(reply.handle)
        return reply
    }

    // Another client stores something that nobody here has asked about.
    private func putByOther(_ text: String) {
        fixture.advance(.seconds(15))
        fixture.server.put("/f", Array(text.utf8))
        fixture.server.resetCalls()
    }

    @Test("what is read under a new name is what another client had stored under the old one")
    func renamed() throws {
        #expect(try fixture.stat("/f").size == 5)
        putByOther("second, longer")
        try fixture.rename("/f", "/g")
        #expect(try fixture.text("/g") == "second, longer")
        fixture.server.resetCalls()
        #expect(try fixture.stat("/g").size == 14)
        #expect(fixture.server.count(.attributes) == 0)
    }

    @Test("a new name shows no size that is older than the directory cache allows")
    func renamedAndShown() throws {
        #expect(try fixture.stat("/f").size == 5)
        putByOther("second, longer")
        try fixture.rename("/f", "/g")
        #expect(fixture.server.count(.attributes) == 0)
        fixture.advance(.seconds(6))
        #expect(try fixture.stat("/g").size == 14)
        #expect(try !fixture.exists("/f"))
    }

    @Test("a name is there after a rename into a directory that was listed after the file was looked at")
    func renamedIntoListed() throws {
        fixture.server.makeDirectories("/d")
        _ = try fixture.names("/")
        fixture.advance(.seconds(15))
        #expect(try fixture.names("/d") == [])
        try fixture.rename("/f", "/d/g")
        fixture.advance(.seconds(6))
        #expect(try fixture.names("/d") == ["g"])
        #expect(try fixture.stat("/d/g").size == 5)
    }

    @Test("many names moved together grow no younger by that")
    func renamedTogether() throws {
        fixture.server.makeDirectories("/d")
        fixture.server.makeDirectories("/e")
        for index in 0..<1500 { fixture.server.put("/d/\(index)", [1]) }
        #expect(try fixture.names("/d").count == 1500)
        fixture.advance(.seconds(15))
        #expect(try fixture.names("/e") == [])
        for index in 0..<1500 { try fixture.rename("/d/\(index)", "/e/\(index)") }
        for index in 0..<1500 { fixture.server.put("/e/\(index)", [1, 2]) }
        #expect(try fixture.stat("/e/7").size == 1)
        fixture.advance(.seconds(6))
        #expect(try fixture.stat("/e/7").size == 2)
        #expect(try fixture.stat("/e/1499").size == 2)
        #expect(try fixture.names("/e").count == 1500)
    }

    @Test("a mode that is set says nothing of size and time")
    func modeSet() throws {
        #expect(try fixture.stat("/f").size == 5)
        putByOther("second, longer")
        #expect(try fixture.change("/f") { $0.mode = 0o600 }.mode == 0o600)
        #expect(fixture.server.count(.attributes) == 0)
        let reply = try open("/f")
        #expect(try fixture.read(reply.handle) == Array("second, longer".utf8))
        #expect(reply.hasNews)
        fixture.volume.release(reply.handle)
        #expect(try fixture.stat("/f").mode == 0o600)
    }

    @Test("modes set again and again do not keep an old size alive")
    func modesSet() throws {
        #expect(try fixture.stat("/f").size == 5)
        putByOther("second, longer")
        try fixture.change("/f") { $0.mode = 0o600 }
        fixture.advance(.seconds(6))
        #expect(try fixture.change("/f") { $0.mode = 0o640 }.size == 14)
    }

    @Test("a time that is set shows the size that the file has by now")
    func timeSet() throws {
        let node = try fixture.node("/f")
        defer { fixture.volume.forget(node.node, count: 1) }
        #expect(node.attributes.size == 5)
        #expect(try !reopened("/f").keepsCache)
        #expect(try reopened("/f").keepsCache)
        putByOther("other")
        let time = Timestamp(seconds: 1_600_000_000)
        #expect(try fixture.change("/f") { $0.modified = time }.modified == time)
        #expect(fixture.server.count(.attributes) == 0)
        // The kernel has pages of the first version still.
        #expect(try !reopened("/f").keepsCache)
        #expect(try reopened("/f").keepsCache)
        fixture.server.put("/f", Array("third, longer".utf8))
        #expect(try fixture.change("/f") { $0.modified = time }.size == 13)
        #expect(try fixture.text("/f") == "third, longer")
    }

    @Test(
        "a time set on a file that another client has replaced does not make that version ours",
        arguments: [nil, "of the base", "of theirs"])
    func timeOfAnother(_ same: String?) throws {
        let node = try fixture.node("/f")
        defer { fixture.volume.forget(node.node, count: 1) }
        let handle = try fixture.volume.open(node.node, .both, for: Request()).handle
        #expect(try fixture.read(handle) == Array("first".utf8))
        putByOther("other")
        let times = [
            "of the base": node.attributes.modified,
            "of theirs": try #require(fixture.server.tree.record("/f".remote)).modified,
        ]
        var changes = AttributeChanges()
        changes.modified = same.flatMap { times[$0] } ?? Timestamp(seconds: 1_600_000_000)
        _ = try fixture.volume.setAttributes(changes, of: node.node, handle: handle, for: Request())
        #expect(try fixture.text("/f") == "other")
        try fixture.write(handle, "F")
        #expect(failure { try fixture.close(handle) } != nil)
        #expect(fixture.server.content("/f") == Array("other".utf8))
        #expect(fixture.rescued.count == 1)
        #expect(try fixture.text("/f") == "other")
    }
}
