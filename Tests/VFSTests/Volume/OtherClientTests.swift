import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// What programs see here when other clients change the same files.
@Suite struct OtherClientTests {
    @Test("an open file keeps its size when another client replaces it; its name stands for the new one")
    func replaced() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", pattern(3_000_000))
        let old = try fixture.node("/f")
        defer { fixture.volume.forget(old.node, count: 1) }
        let handle = try fixture.volume.open(old.node, .reading, for: Request()).handle
        #expect(try fixture.read(handle, count: 4096) == Array(pattern(3_000_000)[..<4096]))
        fixture.advance(.seconds(100))
        fixture.server.put("/f", pattern(1000, seed: 9))
        _ = try fixture.names("/")
        // The kernel would take a smaller size for the end of the old content.
        #expect(try fixture.volume.attributes(of: old.node, handle: handle, for: Request()).size == 3_000_000)
        #expect(try fixture.stat("/f").size == 1000)
        #expect(try fixture.stat("/f").inode != old.attributes.inode)
        #expect(failure { _ = try fixture.volume.open(old.node, .reading, for: Request()) } == "stale")
        #expect(try fixture.text("/f") == String(decoding: pattern(1000, seed: 9), as: UTF8.self))
        #expect(try fixture.volume.attributes(of: old.node, handle: handle, for: Request()).size == 3_000_000)
        #expect(failure { _ = try fixture.read(handle, at: 2_900_000) } == "stale")
        fixture.volume.release(handle)
    }

    @Test("what was written to a file that another client has replaced is kept, and not stored over it")
    func replacedUnderWriter() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("base".utf8))
        let handle = try fixture.open("/f", .both)
        fixture.advance(.seconds(100))
        fixture.server.put("/f", Array("theirs".utf8))
        _ = try fixture.names("/")
        try fixture.write(handle, "ours")
        #expect(failure { try fixture.close(handle) } != nil)
        #expect(fixture.server.content("/f") == Array("theirs".utf8))
        #expect(fixture.rescued.count == 1)
    }

    @Test("rm of a file that another client has removed takes nothing from a program that writes it")
    func removedUnderWriter() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("base".utf8))
        let handle = try fixture.open("/f", .both)
        try fixture.write(handle, "ours")
        fixture.server.remove("/f")
        #expect(failure { try fixture.unlink("/f") } == "notFound")
        #expect(try !fixture.exists("/f"))
        #expect(failure { try fixture.close(handle) } == "stale")
        #expect(fixture.rescued.count == 1)
        #expect(fixture.rescuedBytes(fixture.rescued.first ?? "") == Array("ours".utf8))
    }

    @Test(
        "what was refused for another client's version is sent once, and kept",
        arguments: [Duration.zero, .seconds(60)])
    func sentOnce(_ delay: Duration) throws {
        let fixture = try VolumeFixture(configuration: { $0.writeBack = delay })
        fixture.server.put("/f", Array("base".utf8))
        let handle = try fixture.open("/f", .both)
        fixture.advance(.seconds(100))
        fixture.server.put("/f", Array("theirs".utf8))
        try fixture.write(handle, "ours")
        #expect(failure { try fixture.volume.synchronize(handle, for: Request()) } != nil)
        fixture.volume.release(handle)
        #expect(fixture.store.calls.count { $0.operation == .replace } == 1)
        #expect(fixture.server.content("/f") == Array("theirs".utf8))
        #expect(fixture.rescued.count == 1)
        #expect(try fixture.text("/f") == "theirs")
    }

    @Test("own changes are never taken for another client's", arguments: [true, false])
    func own(_ changesTime: Bool) throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("base".utf8))
        let node = try fixture.node("/f")
        let handle = try fixture.volume.open(node.node, .both, for: Request()).handle
        fixture.advance(.seconds(100))
        if changesTime {
            var changes = AttributeChanges()
            changes.modified = Timestamp(seconds: 77)
            _ = try fixture.volume.setAttributes(changes, of: node.node, handle: nil, for: Request())
        } else {
            try fixture.write(handle, "other")
            try fixture.volume.flush(handle, for: Request())
        }
        fixture.advance(.seconds(100))
        _ = try fixture.names("/")
        #expect(try fixture.stat("/f").inode == node.attributes.inode)
        try fixture.write(handle, "more")
        try fixture.close(handle)
        #expect(fixture.rescued == [])
    }

    @Test("a time that the server has set without saying so is not taken for another client's change")
    func timeInDoubt() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("base".utf8))
        let node = try fixture.node("/f")
        let handle = try fixture.volume.open(node.node, .both, for: Request()).handle
        fixture.advance(.seconds(100))
        fixture.store.fail(.setModified, with: .unreachable, .after)
        var changes = AttributeChanges()
        changes.modified = Timestamp(seconds: 77)
        #expect(
            failure {
                _ = try fixture.volume.setAttributes(changes, of: node.node, handle: nil, for: Request())
            } != nil)
        fixture.advance(.seconds(100))
        #expect(try fixture.stat("/f").modified == Timestamp(seconds: 77))
        #expect(try fixture.stat("/f").inode == node.attributes.inode)
        try fixture.write(handle, " and more", at: 4)
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("base and more".utf8))
        #expect(fixture.rescued == [])
    }

    @Test("nor is the time of an append of which nothing else has arrived")
    func timeOfAppendInDoubt() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("base".utf8))
        let handle = try fixture.open("/f", .both)
        fixture.advance(.seconds(100))
        try fixture.write(handle, " and more", at: 4)
        fixture.store.fail(.append, with: .unreachable)
        #expect(failure { try fixture.volume.flush(handle, for: Request()) } != nil)
        let path = try #require(RemotePath("/f"))
        let time = try fixture.stat("/f").modified
        try fixture.server.setModified(path, kind: .file, to: time, for: Request())
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("base and more".utf8))
        #expect(fixture.rescued == [])
    }

    @Test("pages of a file seen within the second of its change are not kept: it may change once more in it")
    func racyPages() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("one".utf8))
        let node = try fixture.node("/f")
        func reopen() throws -> Bool {
            let reply = try fixture.volume.open(node.node, .reading, for: Request())
            defer { fixture.volume.release(reply.handle) }
            return reply.keepsCache
        }
        #expect(try !reopen())
        fixture.server.put("/f", Array("two".utf8))
        #expect(try !reopen())
        fixture.advance(.seconds(10))
        #expect(try !reopen())
        fixture.advance(.seconds(10))
        #expect(try reopen())
    }

    @Test("a name that was to be new and is not is left to the one who made it")
    func exclusive() throws {
        let fixture = try VolumeFixture()
        _ = try fixture.names("/")
        let handle = try fixture.create("/lock", exclusive: true)
        fixture.server.put("/lock", Array("theirs".utf8))
        #expect(failure { try fixture.volume.synchronize(handle, for: Request()) } != nil)
        try? fixture.unlink("/lock")
        fixture.volume.release(handle)
        #expect(fixture.server.content("/lock") == Array("theirs".utf8))
    }

    @Test("a directory that another client has emptied can be removed")
    func emptied() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d")
        fixture.server.put("/d/f", [1])
        #expect(try fixture.names("/d") == ["f"])
        #expect(failure { try fixture.rmdir("/d") } == "notEmpty")
        fixture.server.remove("/d/f")
        fixture.advance(.seconds(1))
        try fixture.rmdir("/d")
        #expect(fixture.server.names(in: "/") == [])
    }

    @Test("a stream follows its file through a rename whose answer is not here yet")
    func renamed() throws {
        let fixture = try ContentFixture { $0.wholeFileLimit = 4096 }
        let bytes = pattern(300_000)
        fixture.server.put("/f", bytes)
        let content = try fixture.open("/f")
        let gate = Gate()
        fixture.store.hold(.attributes, "/f", at: gate)
        #expect(try content.bytes(0, 100_000, path: "/f") == Array(bytes[..<100_000]))
        #expect(try content.bytes(100_000, 100_000, path: "/f") == Array(bytes[100_000..<200_000]))
        // The stream has gone on to the end, and is about to look whether the file is still the same.
        #expect(gate.awaitArrivals())
        content.willMove()
        fixture.server.asOther { tree, _ in
            let record = tree.record("/f".remote)
            try? tree.remove("/f".remote)
            if let record { try? tree.put(record, at: "/g".remote) }
        }
        gate.open()
        content.moved(to: "/g".remote)
        #expect(try content.bytes(200_000, 100_000, path: "/g") == Array(bytes[200_000...]))
        content.close(path: "/g".remote)
    }
}
