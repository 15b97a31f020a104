import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// Whoever gives names another meaning (rename, unlink, rmdir) beside uploads that take long.
@Suite("Renames beside uploads")
struct GivingWayTests {
    /// Uploads that no program waits for.
    enum Upload: String, CaseIterable {
        /// `write_back=`
        case delayed
        /// mmap(2) writes after the last close(2).
        case afterClose
    }

    private func fixture(
        _ upload: Upload = .afterClose, patience: Duration = .seconds(60)
    ) throws -> VolumeFixture {
        try VolumeFixture(configuration: {
            if upload == .delayed { $0.writeBack = .milliseconds(1) }
            $0.uploadPauses = .milliseconds(1) ... .milliseconds(5)
            $0.leasePatience = patience
        })
    }

    /// Runs the body while an upload of a file stands still, which nobody waits for; then waits until all is stored.
    private func during(
        _ upload: Upload, of path: String, _ body: (VolumeFixture) throws -> Void
    ) throws -> VolumeFixture {
        let fixture = try fixture(upload)
        let gate = Gate()
        fixture.server.makeDirectories("/d")
        if path == "/old" { fixture.server.put(path, Array("before".utf8)) }
        fixture.store.hold(.replace, path, at: gate)
        fixture.store.hold(.append, path, at: gate)
        let handle = try path == "/old" ? fixture.open(path, .both) : fixture.create(path)
        try fixture.write(handle, "longer text")
        let closer = try Thread(named: "closer") {
            if upload == .delayed { try? fixture.volume.flush(handle, for: Request()) }
            fixture.volume.release(handle)
        }
        #expect(gate.awaitArrivals())
        defer {
            gate.open()
            closer.join()
        }
        try body(fixture)
        return fixture
    }

    private func settle(_ fixture: VolumeFixture) {
        #expect(
            waitUntil(within: .seconds(60)) {
                fixture.volume.tree.withLock { tree in tree.files.isEmpty } && fixture.spooled == []
            }, "\(fixture.log.text)")
        #expect(fixture.rescued == [] && fixture.spooled == [], "\(fixture.log.text)")
        fixture.volume.shutDown()
    }

    @Test(
        "S210: an upload that no program waits for gives way to a rename, and is made under the new name",
        arguments: Upload.allCases)
    func rename(_ upload: Upload) throws {
        let fixture = try during(upload, of: "/f") { try $0.rename("/f", "/g") }
        settle(fixture)
        #expect(fixture.server.names(in: "/") == ["d", "g"])
        #expect(fixture.server.content("/g") == Array("longer text".utf8))
    }

    @Test("the same for a rename of the directory", arguments: Upload.allCases)
    func renameAbove(_ upload: Upload) throws {
        let fixture = try during(upload, of: "/d/f") { try $0.rename("/d", "/e") }
        settle(fixture)
        #expect(fixture.server.names(in: "/") == ["e"])
        #expect(fixture.server.content("/e/f") == Array("longer text".utf8))
    }

    @Test("the same for a removal, after which nothing is stored", arguments: Upload.allCases)
    func remove(_ upload: Upload) throws {
        let fixture = try during(upload, of: "/old") { try $0.unlink("/old") }
        settle(fixture)
        #expect(fixture.server.names(in: "/") == ["d"])
    }

    @Test(
        "an upload that was cut off after it was made leaves one file, under the new name",
        arguments: Upload.allCases)
    func cutAtTheEnd(_ upload: Upload) throws {
        let fixture = try fixture(upload)
        let gate = Gate()
        fixture.store.hold(.replace, "/f", at: gate, .after)
        let handle = try fixture.create("/f")
        try fixture.write(handle, "text")
        let closer = try Thread(named: "closer") {
            if upload == .delayed { try? fixture.volume.flush(handle, for: Request()) }
            fixture.volume.release(handle)
        }
        #expect(gate.awaitArrivals())
        try fixture.rename("/f", "/g")
        closer.join()
        settle(fixture)
        #expect(fixture.server.names(in: "/") == ["g"])
        #expect(fixture.server.content("/g") == Array("text".utf8))
    }

    @Test(
        "S211: what a program waits for is waited for as long as the timeout says; then the rename fails as busy"
    )
    func patience() throws {
        let fixture = try fixture(patience: .milliseconds(20))
        fixture.server.makeDirectories("/d")
        fixture.server.makeDirectories("/d/empty")
        let gate = Gate()
        fixture.store.hold(.replace, "/d/f", at: gate)
        let handle = try fixture.create("/d/f")
        try fixture.write(handle, "text")
        let outcome = Monitor<String?>("none")
        let writer = try Thread(named: "fsync") {
            let result = failure { try fixture.volume.synchronize(handle, for: Request()) }
            outcome.update { $0 = result }
        }
        #expect(gate.awaitArrivals())
        #expect(failure { try fixture.rename("/d", "/e") } == "remote(busy)")
        #expect(failure { try fixture.rename("/d/f", "/d/g") } == "remote(busy)")
        #expect(failure { try fixture.unlink("/d/f") } == "remote(busy)")
        do {
            try fixture.rename("/d", "/e")
        } catch VolumeError.remote(let reason) {
            #expect("\(reason)".contains("/d") && "\(reason)".contains("/d/f is being uploaded"), "\(reason)")
        }
        // Others go on.
        #expect(try fixture.names("/d") == ["empty", "f"])
        try fixture.rmdir("/d/empty")
        gate.open()
        writer.join()
        #expect(outcome.withLock { $0 } == nil)
        try fixture.rename("/d", "/e")
        #expect(fixture.server.content("/e/f") == Array("text".utf8))
        fixture.volume.release(handle)
        settle(fixture)
    }

    @Test("S212: bytes that are here are read while a rename waits")
    func reading() throws {
        let fixture = try fixture()
        fixture.server.makeDirectories("/d")
        fixture.server.put("/d/read", Array("of the server".utf8))
        let reader = try fixture.open("/d/read", .reading)
        #expect(try fixture.read(reader) == Array("of the server".utf8))
        let gate = Gate()
        fixture.store.hold(.replace, "/d/f", at: gate)
        let handle = try fixture.create("/d/f")
        try fixture.write(handle, "of the spool")
        let writer = try Thread(named: "fsync") { try? fixture.volume.synchronize(handle, for: Request()) }
        #expect(gate.awaitArrivals())
        let mover = try Thread(named: "rename") { try? fixture.rename("/d", "/e") }
        #expect(waitUntil(within: .seconds(60)) { fixture.volume.tree.withLock { $0.leases.waiting } == 1 })
        #expect(try fixture.read(reader) == Array("of the server".utf8))
        #expect(try fixture.read(handle) == Array("of the spool".utf8))
        #expect(fixture.volume.tree.withLock { $0.leases.waiting } == 1)
        gate.open()
        writer.join()
        mover.join()
        #expect(try fixture.read(reader) == Array("of the server".utf8))
        fixture.volume.release(reader)
        fixture.volume.release(handle)
        settle(fixture)
        #expect(fixture.server.names(in: "/e") == ["f", "read"])
    }

    @Test("S214: a removal that fails takes nothing from a file whose upload was ended for it")
    func failedRemoval() throws {
        let fixture = try fixture()
        let gate = Gate()
        fixture.store.fail(.replace, with: .unreachable)
        fixture.store.hold(.replace, at: gate)
        fixture.store.fail(.removeFile, with: .unreachable)
        let handle = try fixture.create("/f")
        try fixture.write(handle, "text")
        #expect(failure { try fixture.volume.flush(handle, for: Request()) } == "remote(unreachable)")
        let closer = try Thread(named: "closer") { fixture.volume.release(handle) }
        #expect(gate.awaitArrivals())
        #expect(failure { try fixture.unlink("/f") } == "remote(unreachable)")
        closer.join()
        settle(fixture)
        #expect(fixture.server.content("/f") == Array("text".utf8))
    }
}
