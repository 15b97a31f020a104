import Remote
import TestSupport
import Testing

@testable import VFS

/// What the kernel is told of the versions of a file: which pages are good, and when its attributes are not.
@Suite struct VersionTests {
    private let fixture: VolumeFixture
    private let node: NodeID

    init() throws {
        fixture = try VolumeFixture()
        fixture.server.put("/f", pattern(100))
        fixture.advance(.seconds(10))
        node = try fixture.node("/f").node
    }

    // Another client stores something, long enough ago for nothing to be kept in the second of the change.
    private func putByOther(_ bytes: [UInt8]) {
        fixture.advance(.seconds(10))
        fixture.server.put("/f", bytes)
        fixture.advance(.seconds(10))
    }

    private func open(_ mode: OpenMode = .reading) throws -> OpenReply {
        try fixture.volume.open(node, mode, for: Request())
    }

    private func reopened(_ mode: OpenMode = .reading) throws -> OpenReply {
        let reply = try open(mode)
        fixture.volume.release(reply.handle)
        return reply
    }

    @Test(
        "an open that finds another size or time says so, until the kernel has asked for them",
        arguments: [100, 200])
    func news(_ size: Int) throws {
        #expect(try !reopened().hasNews)
        putByOther(pattern(size, seed: 2))
        #expect(try reopened().hasNews)
        #expect(try reopened().hasNews)
        #expect(try fixture.volume.attributes(of: node, handle: nil, for: Request()).size == UInt64(size))
        #expect(try !reopened().hasNews)
    }

    @Test("a lookup that was answered meanwhile is no proof that the kernel has it")
    func newsAfterLookup() throws {
        putByOther(pattern(200))
        #expect(try fixture.stat("/f").size == 200)
        #expect(try reopened().hasNews)
    }

    @Test("creating a file that exists shows it as it was opened")
    func createExisting() throws {
        fixture.advance(.seconds(5))
        fixture.server.put("/f", pattern(200))
        for (truncates, size) in [(false, UInt64(200)), (true, 0)] {
            let mode = OpenMode(reads: true, writes: true, truncates: truncates)
            let (reply, opened) = try fixture.volume.create(
                Array("f".utf8), in: .root, mode: 0o644, mode, for: Request())
            #expect(reply.attributes.size == size)
            #expect(opened.hasNews)
            fixture.volume.release(opened.handle)
            fixture.volume.forget(reply.node, count: 1)
        }
    }

    @Test("a file that could not be stored is asked for again")
    func newsAfterFailure() throws {
        let reply = try open(.both)
        fixture.store.fail(.replace, with: .denied, times: 10)
        try fixture.volume.setAttributes(size: 3, of: node, handle: reply.handle)
        #expect(failure { try fixture.close(reply.handle) } != nil)
        #expect(try reopened().hasNews)
    }

    @Test("pages of a version that was only truncated by its name are dropped at the next open")
    func truncatedByName() throws {
        #expect(try !reopened().keepsCache)
        #expect(try reopened().keepsCache)
        try fixture.volume.setAttributes(size: 50, of: node, handle: nil)
        #expect(try reopened().keepsCache)
        putByOther(pattern(100, seed: 2))
        // The kernel knows nothing of this open, and has pages of the first version.
        try fixture.volume.setAttributes(size: 50, of: node, handle: nil)
        #expect(try !reopened().keepsCache)
    }

    @Test("dropping what is cached drops the kernel's pages too, of open files as well")
    func dropped() throws {
        #expect(try !reopened().keepsCache)
        #expect(try reopened().keepsCache)
        fixture.volume.dropCaches()
        let reply = try open()
        #expect(!reply.keepsCache && reply.hasNews)
        _ = try fixture.read(reply.handle)
        #expect(try reopened().keepsCache)
        fixture.volume.dropCaches()
        #expect(try !reopened().keepsCache)
        fixture.volume.release(reply.handle)
    }

    @Test("nobody is told to keep pages that the kernel may not have dropped yet")
    func simultaneous() throws {
        #expect(try !reopened().keepsCache)
        putByOther(pattern(100, seed: 2))
        let first = try open()
        #expect(!first.keepsCache)
        let second = try open()
        #expect(!second.keepsCache)
        _ = try fixture.read(second.handle)
        let third = try open()
        #expect(third.keepsCache)
        for reply in [first, second, third] { fixture.volume.release(reply.handle) }
    }

    @Test("a file that another client removed while it is open is stale, so that the kernel makes it anew")
    func removedWhileOpen() throws {
        let old = try open()
        #expect(try fixture.read(old.handle) == pattern(100))
        fixture.server.remove("/f")
        fixture.advance(.seconds(5))
        #expect(failure { _ = try open(.both) } == "stale")
        let made = try fixture.create("/f")
        try fixture.write(made, "new")
        try fixture.close(made)
        #expect(fixture.server.content("/f") == Array("new".utf8))
        #expect(try fixture.read(old.handle) == pattern(100))
        fixture.volume.release(old.handle)
    }

    @Test("a node whose name stands for another kind of file by now is stale, not missing")
    func anotherKind() throws {
        fixture.server.remove("/f")
        fixture.server.makeDirectories("/f")
        fixture.advance(.seconds(30))
        #expect(
            failure { _ = try fixture.volume.attributes(of: node, handle: nil, for: Request()) } == "stale")
        #expect(try fixture.stat("/f").kind == .directory)
    }

    @Test("reading a directory on after a while brings no removed name back, and shows no old attributes")
    func readingOn() throws {
        fixture.server.makeDirectories("/d")
        for index in 10..<99 { fixture.server.put("/d/\(index)", [1]) }
        let directory = try fixture.node("/d").node
        let handle = try fixture.volume.openDirectory(directory, for: Request())
        var place: UInt64 = 0
        try fixture.volume.readDirectory(handle, from: 0, plus: true, for: Request()) { row in
            guard place < 10 else { return false }
            place = row.next
            if let reply = row.reply { fixture.volume.forget(reply.node, count: 1) }
            return true
        }
        try fixture.unlink("/d/50")
        fixture.server.remove("/d/60")
        fixture.advance(.seconds(21))
        let rows = try fixture.rows(handle, from: place)
        let names = rows.map { String(decoding: $0.name, as: UTF8.self) }
        #expect(!names.contains("50") && names.contains("49") && names.contains("51"))
        #expect(rows.allSatisfy { $0.reply == nil })
        fixture.volume.releaseDirectory(handle)
        #expect(try !fixture.exists("/d/60"))
    }
}

extension Volume {
    fileprivate func setAttributes(size: UInt64, of node: NodeID, handle: HandleID?) throws {
        var changes = AttributeChanges()
        changes.size = size
        _ = try setAttributes(changes, of: node, handle: handle, for: Request())
    }
}
