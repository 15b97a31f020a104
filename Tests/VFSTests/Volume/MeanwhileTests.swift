import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// What is done while something else waits for the server.
@Suite struct MeanwhileTests {
    @Test("a write that comes while an upload runs is stored by the next close", arguments: 1...20)
    func writeDuringUpload(_ round: Int) throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f")
        try fixture.write(handle, "a")
        let gate = Gate()
        fixture.store.hold(.replace, at: gate)
        let done = Gate()
        let works: [@Sendable () -> Void] = [
            { try? fixture.volume.flush(handle, for: Request()) },
            { try? fixture.write(handle, "b", at: 1) },
            { try? fixture.volume.flush(handle, for: Request()) },
        ]
        for (index, work) in works.enumerated() {
            try Thread.detach(named: "program") {
                work()
                done.pass(until: .after(.zero))
            }
            if index == 0 { #expect(gate.awaitArrivals()) }
        }
        gate.open()
        #expect(done.awaitArrivals(3))
        // The last close of the descriptor that all three had.
        try fixture.volume.flush(handle, for: Request())
        #expect(fixture.server.content("/f") == Array("ab".utf8))
        fixture.volume.release(handle)
    }

    @Test("a mode that is changed while the bytes are on their way is the one that stays")
    func modeDuringUpload() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f", mode: 0o700)
        try fixture.write(handle, "a")
        let gate = Gate()
        fixture.store.hold(.replace, at: gate)
        let done = Gate()
        try Thread.detach(named: "close") {
            try? fixture.close(handle)
            done.pass(until: .after(.zero))
        }
        #expect(gate.awaitArrivals())
        try fixture.change("/f") { $0.mode = 0o640 }
        gate.open()
        #expect(done.awaitArrivals())
        #expect(try fixture.stat("/f").mode == 0o640)
        #expect(fixture.server.tree.record("/f".remote)?.mode == 0o640)
    }

    @Test("a time that the server refuses after an upload makes the next upload no lost update")
    func refusedTimeDuringUpload() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f")
        try fixture.write(handle, "a")
        let gate = Gate()
        fixture.store.hold(.replace, at: gate)
        fixture.store.fail(.setModified, with: .unsupported)
        let done = Gate()
        try Thread.detach(named: "flush") {
            try? fixture.volume.flush(handle, for: Request())
            done.pass(until: .after(.zero))
        }
        #expect(gate.awaitArrivals())
        let time = Timestamp(seconds: 1_500_000_000)
        try fixture.change("/f") { $0.modified = time }
        gate.open()
        #expect(done.awaitArrivals())
        #expect(try fixture.stat("/f").modified == time)
        try fixture.write(handle, "b", at: 1)
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("ab".utf8))
    }

    @Test("who waited behind a removal that was refused in the end is not forgotten")
    func refusedRemoval() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d")
        _ = try fixture.names("/")
        let directory = try fixture.node("/d")
        let gate = Gate()
        fixture.store.hold(.makeDirectory, at: gate)
        let done = Gate()
        let works: [@Sendable () -> Void] = [
            { try? fixture.mkdir("/d/x") },
            { try? fixture.rmdir("/d") },
            { _ = try? fixture.volume.lookup(Array("y".utf8), in: directory.node, for: Request()) },
        ]
        for (index, work) in works.enumerated() {
            try Thread.detach(named: "program") {
                work()
                done.pass(until: .after(.zero))
            }
            if index == 0 { #expect(gate.awaitArrivals()) }
            if index == 1 { #expect(waits(fixture) { $0.leases.waiting == 1 }) }
            if index == 2 { #expect(waits(fixture) { $0.leases.waiting == 2 }) }
        }
        gate.open()
        #expect(done.awaitArrivals(3))
        #expect(fixture.server.names(in: "/d") == ["x"])
        fixture.volume.forget(directory.node, count: 1)
    }

    @Test("a file that is not stored yet stays in sight when a rename onto it fails in the middle")
    func failedRename() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/a", [1])
        _ = try fixture.names("/")
        let handle = try fixture.create("/f")
        try fixture.write(handle, "new")
        fixture.store.fail(.rename, with: .unreachable)
        #expect(failure { try fixture.rename("/a", "/f") } != nil)
        #expect(try fixture.exists("/f"))
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("new".utf8))
    }

    @Test("bytes that could not be stored are kept though another program fails to truncate the file")
    func failedTruncation() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("base".utf8))
        let handle = try fixture.open("/f", .both)
        try fixture.write(handle, "unsaved bytes")
        fixture.store.fail(nil, with: .unreachable, times: 1000)
        #expect(failure { try fixture.volume.flush(handle, for: Request()) } != nil)
        let node = try #require(fixture.volume.tree.withLock { $0.files[handle.rawValue]?.node.id })
        // The other program's handle is the last to end.
        let other = try fixture.volume.open(node, .writing, for: Request()).handle
        fixture.volume.release(handle)
        fixture.volume.abandon(other)
        #expect(fixture.rescued.count == 1)
    }

    @Test("a removal ends the upload of a closed new file; the end of the mount does too, and keeps it")
    func givenUp() throws {
        let fixture = try VolumeFixture()
        func closing(_ path: String, _ done: Gate) throws {
            let handle = try fixture.create(path)
            try fixture.write(handle, "bytes")
            let gate = Gate()
            fixture.store.hold(.replace, path, at: gate)
            // As after a close(2) that was interrupted.
            try Thread.detach(named: "release") {
                fixture.volume.release(handle)
                done.pass(until: .after(.zero))
            }
            #expect(gate.awaitArrivals())
        }
        let removed = Gate()
        try closing("/f", removed)
        try fixture.unlink("/f")
        #expect(removed.awaitArrivals())
        #expect(try !fixture.exists("/f"))
        #expect(fixture.server.content("/f") == nil && fixture.rescued == [])
        let ended = Gate()
        try closing("/g", ended)
        fixture.volume.giveUpReleases()
        #expect(ended.awaitArrivals())
        #expect(fixture.rescued.count == 1)
    }

    private func waits(_ fixture: VolumeFixture, _ condition: (Tree) -> Bool) -> Bool {
        waitUntil(within: .seconds(30)) { fixture.volume.tree.withLock { condition($0) } }
    }
}
