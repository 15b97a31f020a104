import Foundation
import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// `write_back=`: close(2) returns once the local disk has the bytes, the server gets them later.
@Suite("Delayed upload")
struct DelayedUploadTests {
    private func fixture(
        after delay: Duration = .seconds(3600), configuration: ((inout VolumeConfiguration) -> Void)? = nil
    ) throws -> VolumeFixture {
        try VolumeFixture(configuration: {
            $0.writeBack = delay
            $0.uploadPauses = .milliseconds(1) ... .milliseconds(5)
            configuration?(&$0)
        })
    }

    private func settle(_ fixture: VolumeFixture) {
        #expect(fixture.volume.waitForPending(until: .after(.seconds(60))), "\(fixture.log.text)")
    }

    @Test("close costs no call of the server, and what was written shows")
    func closing() throws {
        let fixture = try fixture()
        fixture.server.put("/old", Array("before".utf8))
        try fixture.store("/new", "text")
        let handle = try fixture.open("/old", .both)
        try fixture.write(handle, "be")
        try fixture.close(handle)
        #expect(fixture.store.calls.count { [.replace, .append, .patch].contains($0.operation) } == 0)
        #expect(try fixture.text("/new") == "text")
        #expect(try fixture.text("/old") == "before")
        #expect(fixture.spooled.count == 4)
        #expect(fixture.volume.pendingReport.contains("/new 4 waiting 0"))
        fixture.volume.shutDown()
        #expect(fixture.server.content("/new") == Array("text".utf8))
        #expect(fixture.spooled == [] && fixture.rescued == [])
    }

    @Test("the upload comes after the time, with mode and time of the file")
    func later() throws {
        let fixture = try fixture(after: .milliseconds(50))
        let handle = try fixture.create("/f", mode: 0o600)
        try fixture.write(handle, "text")
        try fixture.close(handle)
        settle(fixture)
        #expect(fixture.server.content("/f") == Array("text".utf8))
        #expect(try fixture.stat("/f").mode == 0o600)
        #expect(fixture.spooled == [])
        fixture.volume.shutDown()
    }

    @Test("uploads for which no thread can be started keep nobody waiting, and say why")
    func withoutThread() throws {
        let pending = PendingUploads()
        #expect(pending.add(PendingUploads.Item(handle: HandleID(rawValue: 1), due: .now)))
        pending.threadFailed(because: "no more threads")
        #expect(pending.waitUntilTried(until: .after(.seconds(30))))
        #expect(pending.items.map(\.failure) == ["no more threads"])
        // The next one is asked to try again.
        #expect(pending.add(PendingUploads.Item(handle: HandleID(rawValue: 2), due: .now)))
    }

    @Test("fsync uploads at once and reports the error")
    func synchronized() throws {
        let fixture = try fixture()
        try fixture.store("/f", "text")
        let handle = try fixture.open("/f", .writing)
        fixture.store.fail(.replace, with: .noSpace)
        #expect(failure { try fixture.volume.synchronize(handle, for: Request()) } == "remote(noSpace)")
        try fixture.volume.synchronize(handle, for: Request())
        #expect(fixture.server.content("/f") == Array("text".utf8))
        try fixture.close(handle)
        fixture.volume.shutDown()
        #expect(fixture.store.calls.count { $0.operation == .replace } == 2)
    }

    @Test("a renamed file is stored under its new name, a removed one never")
    func names() throws {
        let fixture = try fixture()
        for name in ["/a", "/b", "/c"] { try fixture.store(name, "of \(name)") }
        try fixture.rename("/a", "/a2")
        try fixture.unlink("/b")
        try fixture.store("/c", "again")
        #expect(try fixture.names("/") == ["a2", "c"])
        fixture.volume.shutDown()
        #expect(fixture.server.names(in: "/") == ["a2", "c"])
        #expect(fixture.server.content("/c") == Array("again".utf8))
        #expect(fixture.store.calls.count { $0.operation == .replace } == 2)
        #expect(fixture.rescued == [])
    }

    @Test("a rename over an old file stores first: others never see the name without content")
    func saving() throws {
        let fixture = try fixture()
        fixture.server.put("/f", Array("old".utf8))
        try fixture.store("/f.new", "new")
        try fixture.rename("/f.new", "/f")
        #expect(fixture.server.content("/f") == Array("new".utf8))
        #expect(fixture.server.names(in: "/") == ["f"])
        // Nothing waits for its time that is there already.
        settle(fixture)
        fixture.volume.shutDown()
    }

    @Test("a removed directory of pending files is empty first")
    func directory() throws {
        let fixture = try fixture()
        try fixture.mkdir("/d")
        try fixture.store("/d/f", "text")
        #expect(failure { try fixture.rmdir("/d") } == "notEmpty")
        try fixture.unlink("/d/f")
        try fixture.rmdir("/d")
        fixture.volume.shutDown()
        #expect(fixture.server.names(in: "/") == [])
    }

    @Test("what is refused again and again is rescued, and said")
    func refused() throws {
        let fixture = try fixture(after: .milliseconds(1)) { $0.uploadAttempts = 4 }
        fixture.store.fail(.replace, with: .denied, times: 100)
        try fixture.store("/f", "text")
        settle(fixture)
        #expect(fixture.store.calls.count { $0.operation == .replace } == 4)
        #expect(fixture.rescued.count == 1)
        #expect(fixture.log.text.contains("/f could not be stored in 4 attempts"))
        fixture.volume.shutDown()
    }

    @Test("killed after close: the next mount has it, whether the machine stopped or not")
    func killed() throws {
        let fixture = try fixture()
        try fixture.store("/f", "text")
        try fixture.store("/empty", "")
        let next = try VolumeFixture(after: fixture)
        #expect(next.volume.resumePending() >= 1)
        settle(next)
        #expect(next.server.content("/f") == Array("text".utf8))
        let record = try #require(fixture.spooled.first { $0.hasSuffix(".info") })
        let path = fixture.directory + "/" + fixture.volume.environment.spool.directoryName + "/" + record
        #expect(SpoolRecord(TestFile.read(path) ?? [])?.isDurable == true)
        next.volume.shutDown()
    }

    @Test("a removal that the server refuses in the end takes nothing from what is written afterwards")
    func refusedRemoval() throws {
        let fixture = try fixture(after: .milliseconds(1))
        let gate = Gate()
        fixture.store.hold(.replace, at: gate)
        try fixture.store("/f", "text")
        #expect(gate.awaitArrivals())
        // The cancelled upload leaves it open whether the file is there, so that the server is asked to remove it.
        fixture.store.fail(.removeFile, with: .denied)
        #expect(failure { try fixture.unlink("/f") } != nil)
        gate.open()
        settle(fixture)
        #expect(try fixture.text("/f") == "text")
        fixture.store.fail(.replace, with: .unreachable, times: 2)
        fixture.store.fail(.append, with: .unreachable, times: 2)
        try fixture.store("/f", "more")
        settle(fixture)
        fixture.volume.shutDown()
        #expect(fixture.server.content("/f") == Array("more".utf8))
    }

    @Test("not more files wait than the system's bound of open files bears")
    func bounded() throws {
        let fixture = try fixture { $0.delayedLimit = 2 }
        for name in ["/a", "/b", "/c"] { try fixture.store(name, "text") }
        #expect(fixture.server.names(in: "/") == ["c"])
        fixture.volume.shutDown()
        #expect(fixture.server.names(in: "/") == ["a", "b", "c"])
    }

    @Test("where no more files can wait, close says that the server is away")
    func boundedWithoutServer() throws {
        let fixture = try fixture { $0.delayedLimit = 1 }
        fixture.store.fail(.replace, with: .unreachable, times: 1000)
        try fixture.store("/a", "text")
        #expect(failure { try fixture.store("/b", "text") } == "remote(unreachable)")
        // One that waits already is not one more.
        let handle = try fixture.open("/a", .both)
        try fixture.write(handle, "TEXT")
        try fixture.close(handle)
        fixture.store.heal()
        fixture.volume.shutDown()
        #expect(fixture.server.content("/a") == Array("TEXT".utf8))
    }

    @Test("two closes for which there is room for one only: both have returned, and both files wait")
    func boundedAtOnce() throws {
        let fixture = try fixture { $0.delayedLimit = 1 }
        fixture.store.fail(.replace, with: .unreachable, times: 2)
        let handles = try ["/a", "/b"].map { name in
            let handle = try fixture.create(name)
            try fixture.write(handle, "text")
            return handle
        }
        for handle in handles { try fixture.volume.flush(handle, for: Request()) }
        for handle in handles { fixture.volume.release(handle) }
        #expect(waitUntil(within: .seconds(60)) { fixture.server.content("/b") != nil })
        fixture.volume.shutDown()
        #expect(fixture.server.names(in: "/") == ["a", "b"])
        #expect(fixture.rescued == [])
    }

    @Test("what is kept for good stays so when its record is written anew after a failed upload")
    func durableAfterFailure() throws {
        let fixture = try fixture(after: .milliseconds(1))
        fixture.store.fail(.replace, with: .unreachable, times: 1000)
        try fixture.store("/f", "text")
        #expect(
            waitUntil(within: .seconds(60)) { fixture.store.calls.count { $0.operation == .replace } > 2 })
        let record = try #require(fixture.spooled.first { $0.hasSuffix(".info") })
        let path = fixture.directory + "/" + fixture.volume.environment.spool.directoryName + "/" + record
        // Between one record and the next there is always a durable one to be seen.
        #expect(waitUntil(within: .seconds(60)) { SpoolRecord(TestFile.read(path) ?? [])?.isDurable == true })
        fixture.store.heal()
        settle(fixture)
        fixture.volume.shutDown()
    }

    @Test("written while its upload runs, a file is uploaded again")
    func writtenMeanwhile() throws {
        let fixture = try fixture(after: .milliseconds(1))
        let gate = Gate()
        fixture.store.hold(.replace, at: gate, .after)
        try fixture.store("/f", "one")
        #expect(gate.awaitArrivals())
        let handle = try fixture.open("/f", .both)
        gate.open()
        try fixture.write(handle, "two!")
        try fixture.close(handle)
        settle(fixture)
        #expect(fixture.server.content("/f") == Array("two!".utf8))
        #expect(fixture.rescued == [])
        fixture.volume.shutDown()
    }
}
