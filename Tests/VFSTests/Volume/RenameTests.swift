import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct RenameTests {
    @Test("rename refuses what makes no sense with the right error")
    func refusals() throws {
        let fixture = try VolumeFixture()
        for path in ["/d", "/d/sub", "/full", "/full/x", "/empty"] { fixture.server.makeDirectories(path) }
        fixture.server.put("/f", [1])
        fixture.server.put("/g", [2])
        #expect(failure { try fixture.rename("/d", "/d/sub/x") } == "invalid")
        #expect(failure { try fixture.rename("/d", "/f") } == "notDirectory")
        #expect(failure { try fixture.rename("/f", "/d") } == "isDirectory")
        #expect(failure { try fixture.rename("/none", "/x") } == "notFound")
        #expect(failure { try fixture.rename("/f", "/g", replacing: false) } == "exists")
        #expect(failure { try fixture.rename("/f", "/a\nb") } == "invalid")
        let refusal = failure { try fixture.rename("/d", "/full") }
        #expect(refusal == "notEmpty" || refusal == "remote(notEmpty)")
        try fixture.rename("/f", "/f")
        #expect(fixture.server.content("/f") == [1])
        #expect(fixture.server.content("/g") == [2])
    }

    @Test("rename onto an existing file replaces it in one call, and the cache follows")
    func replacing() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        fixture.server.put("/g", [2, 2])
        let node = try fixture.node("/f")
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        try fixture.rename("/f", "/g")
        #expect(fixture.server.count() == 1)
        #expect(try fixture.names("/") == ["g"])
        #expect(try fixture.stat("/g").size == 1)
        #expect(try !fixture.exists("/f"))
        #expect(try fixture.node("/g").node == node.node)
        #expect(fixture.server.count() == 1)
    }

    @Test(
        "a new file whose upload has lost its answer gives way on the server to one that is renamed onto it")
    func ontoDoubt() throws {
        let fixture = try VolumeFixture()
        fixture.store.fail(.replace, with: .unreachable, .after)
        let old = try fixture.create("/f")
        try fixture.write(old, "one")
        #expect(failure { try fixture.volume.synchronize(old, for: Request()) } != nil)
        let new = try fixture.create("/f.tmp")
        try fixture.write(new, "two!")
        try fixture.rename("/f.tmp", "/f")
        try fixture.close(new)
        fixture.volume.release(old)
        #expect(fixture.server.content("/f") == Array("two!".utf8))
        #expect(fixture.server.names(in: "/") == ["f"])
        #expect(fixture.rescued == [])
    }

    @Test(
        "what the server has of a new file whose upload has lost its answer is renamed with it",
        arguments: [true, false])
    func fromDoubt(isStored: Bool) throws {
        let fixture = try VolumeFixture()
        fixture.store.fail(.replace, with: .unreachable, isStored ? .after : .before)
        let handle = try fixture.create("/f")
        try fixture.write(handle, "text")
        #expect(failure { try fixture.volume.synchronize(handle, for: Request()) } != nil)
        try fixture.rename("/f", "/g")
        try fixture.close(handle)
        #expect(fixture.server.names(in: "/") == ["g"])
        #expect(fixture.server.content("/g") == Array("text".utf8))
        #expect(fixture.store.calls.count { $0.operation == .replace } == (isStored ? 1 : 2))
        #expect(fixture.rescued == [])
    }

    @Test(
        "another client's file under the name of one whose upload has lost its answer stays when that is renamed"
    )
    func fromDoubtOfTheirs() throws {
        let fixture = try VolumeFixture()
        fixture.store.fail(.replace, with: .unreachable)
        let handle = try fixture.create("/f")
        try fixture.write(handle, "text")
        #expect(failure { try fixture.volume.synchronize(handle, for: Request()) } != nil)
        fixture.server.put("/f", Array("theirs".utf8))
        try fixture.rename("/f", "/g")
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("theirs".utf8))
        #expect(fixture.server.content("/g") == Array("text".utf8))
        #expect(try fixture.names("/") == ["f", "g"])
    }

    @Test("a renamed directory takes its listing, its nodes and its open files along")
    func directory() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d/sub")
        fixture.server.put("/d/sub/f", Array("content".utf8))
        _ = try fixture.names("/")
        _ = try fixture.names("/d")
        _ = try fixture.names("/d/sub")
        let open = try fixture.open("/d/sub/f", .both)
        let local = try fixture.create("/d/sub/local")
        try fixture.write(local, "local")
        fixture.server.resetCalls()
        try fixture.rename("/d", "/e")
        #expect(try fixture.names("/e/sub") == ["f", "local"])
        #expect(try !fixture.exists("/d"))
        #expect(fixture.server.count() == 1)
        #expect(try fixture.read(open) == Array("content".utf8))
        try fixture.write(open, "CON")
        try fixture.close(open)
        try fixture.close(local)
        #expect(fixture.server.content("/e/sub/f") == Array("CONtent".utf8))
        #expect(fixture.server.content("/e/sub/local") == Array("local".utf8))
    }

    @Test("a directory may replace an empty one")
    func overEmpty() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d/x")
        fixture.server.makeDirectories("/e")
        try fixture.rename("/d", "/e")
        #expect(fixture.server.names(in: "/") == ["e"])
        #expect(try fixture.names("/e") == ["x"])
    }

    @Test("after a rename whose answer was lost both names are asked for again")
    func lostAnswer() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        _ = try fixture.names("/")
        fixture.store.fail(.rename, with: .timedOut, .after)
        #expect(failure { try fixture.rename("/f", "/g") } == "remote(timedOut)")
        #expect(try fixture.names("/") == ["g"])
        #expect(try fixture.exists("/g"))
        #expect(try !fixture.exists("/f"))
    }

    @Test("no two live files show the same inode number, whatever is renamed")
    func inodes() throws {
        let fixture = try VolumeFixture()
        try fixture.store("/f", "one")
        let first = try fixture.node("/f")
        try fixture.rename("/f", "/f~")
        try fixture.store("/f", "two")
        let second = try fixture.node("/f")
        let kept = try fixture.node("/f~")
        #expect(kept.node == first.node)
        #expect(kept.attributes.inode == first.attributes.inode)
        #expect(second.attributes.inode != first.attributes.inode)
        // readdir tells the same numbers.
        let handle = try fixture.volume.openDirectory(.root, for: Request())
        defer { fixture.volume.releaseDirectory(handle) }
        for plus in [false, true] {
            let rows = try fixture.rows(handle, plus: plus)
            let numbers = Dictionary(
                uniqueKeysWithValues: rows.map { (String(decoding: $0.name, as: UTF8.self), $0.inode) })
            #expect(numbers["f"] == second.attributes.inode)
            #expect(numbers["f~"] == kept.attributes.inode)
        }
    }

    @Test("inode numbers are the same in another mount")
    func stableInodes() throws {
        let numbers = try (0..<2).map { _ in
            let fixture = try VolumeFixture()
            fixture.server.makeDirectories("/d/e")
            fixture.server.put("/d/e/f", [1])
            let handle = try fixture.volume.openDirectory(.root, for: Request())
            let row = try fixture.rows(handle, plus: false).first { $0.name == Array("d".utf8) }
            #expect(try fixture.stat("/d").inode == row?.inode)
            return try [fixture.stat("/d").inode, fixture.stat("/d/e/f").inode]
        }
        #expect(numbers[0] == numbers[1])
        #expect(Set(numbers[0]).count == 2)
    }

    @Test("a rename waits for an upload to the old name, and gives up when it is interrupted")
    func waitsForUpload() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/other", [1])
        _ = try fixture.names("/")
        let handle = try fixture.create("/f")
        try fixture.write(handle, "abc")
        let gate = Gate()
        fixture.store.hold(.replace, at: gate)
        let done = Gate()
        try Thread.detach(named: "upload") {
            try? fixture.volume.flush(handle, for: Request())
            done.open()
        }
        gate.awaitArrivals()
        let request = Request()
        let interrupter = Gate()
        try Thread.detach(named: "rename") {
            let refusal = failure {
                try fixture.volume.rename(
                    Array("f".utf8), in: .root, to: Array("g".utf8), in: .root, replacing: true, for: request)
            }
            #expect(refusal == "interrupted")
            interrupter.open()
        }
        request.cancel()
        #expect(interrupter.pass())
        gate.open()
        #expect(done.pass())
        try fixture.rename("/f", "/g")
        #expect(fixture.server.content("/g") == Array("abc".utf8))
        try fixture.close(handle)
        #expect(fixture.server.names(in: "/") == ["g", "other"])
    }
}
