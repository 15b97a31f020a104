import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct DirectoryTests {
    @Test("own changes survive the arrival of a listing that was asked for before them")
    func changesInFlight() throws {
        let fixture = try VolumeFixture()
        for name in ["gone", "old", "kept", "resized"] { fixture.server.put("/\(name)", [1]) }
        // The kernel knows these three.
        for name in ["gone", "old", "resized"] { _ = try fixture.node("/\(name)") }
        let resized = try fixture.node("/resized").node
        fixture.volume.dropCaches()
        // The server has answered already, but the answer is still on its way.
        let gate = Gate()
        fixture.store.hold(.list, "/", at: gate, .after)
        let done = Gate()
        try Thread.detach(named: "lister") {
            #expect((try? fixture.names("/")) == ["kept", "made", "new", "resized"])
            done.open()
        }
        gate.awaitArrivals()
        let volume = fixture.volume
        let request = Request()
        try volume.removeFile(Array("gone".utf8), in: .root, for: request)
        try volume.rename(
            Array("old".utf8), in: .root, to: Array("new".utf8), in: .root, replacing: true, for: request)
        try fixture.mkdir("/made")
        var changes = AttributeChanges()
        changes.size = 5
        _ = try volume.setAttributes(changes, of: resized, handle: nil, for: request)
        gate.open()
        #expect(done.pass())
        fixture.server.resetCalls()
        #expect(try fixture.names("/") == ["kept", "made", "new", "resized"])
        #expect(try fixture.stat("/resized").size == 5)
        #expect(try !fixture.exists("/gone"))
        #expect(fixture.server.count() == 0)
    }

    @Test("many who want one listing share it")
    func shared() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        let gate = Gate()
        fixture.store.hold(.list, at: gate)
        let done = Gate()
        for _ in 0..<4 {
            try Thread.detach(named: "lister") {
                #expect((try? fixture.names("/")) == ["f"])
                done.pass(until: .after(.zero))
            }
        }
        gate.awaitArrivals()
        gate.open()
        #expect(done.awaitArrivals(4))
        #expect(fixture.server.count(.list) == 1)
    }

    @Test("whoever is interrupted leaves alone; an interrupted leader does not fail the others")
    func interruption() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        let first = Gate()
        fixture.store.hold(.list, at: first)
        let leader = Request()
        let follower = Request()
        let left = Gate()
        func list(_ request: Request, _ body: @escaping @Sendable (String?) -> Void) throws {
            try Thread.detach(named: "lister") {
                body(
                    failure {
                        let handle = try fixture.volume.openDirectory(.root, for: request)
                        fixture.volume.releaseDirectory(handle)
                    })
                left.pass(until: .after(.zero))
            }
        }
        try list(leader) { #expect($0 == "interrupted") }
        first.awaitArrivals()
        try list(follower) { #expect($0 == "interrupted") }
        try list(Request()) { #expect($0 == nil) }
        follower.cancel()
        #expect(left.awaitArrivals(1))
        leader.cancel()
        #expect(left.awaitArrivals(3))
        #expect(fixture.server.count(.list) == 1)
    }

    @Test("a failed listing is an error for all who wait, and is not remembered")
    func failedListing() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        fixture.store.fail(.list, with: .unreachable)
        #expect(failure { _ = try fixture.names("/") } == "remote(unreachable)")
        #expect(try fixture.names("/") == ["f"])
    }

    @Test("rows continue at any place, refused rows count no reference, rewinding shows the new state")
    func places() throws {
        let fixture = try VolumeFixture()
        for number in 0..<100 { fixture.server.put("/f\(number)", [1]) }
        let handle = try fixture.volume.openDirectory(.root, for: Request())
        defer { fixture.volume.releaseDirectory(handle) }
        var names: [[UInt8]] = []
        var place: UInt64 = 0
        while true {
            var taken = 0
            try fixture.volume.readDirectory(handle, from: place, plus: true, for: Request()) { row in
                guard taken < 7 else { return false }
                taken += 1
                names.append(row.name)
                place = row.next
                if let reply = row.reply { fixture.volume.forget(reply.node, count: 1) }
                return true
            }
            if taken == 0 { break }
        }
        #expect(names.count == 102)
        #expect(Set(names).count == 102)
        #expect(fixture.volume.tree.withLock { $0.nodes.count } == 1)
        try fixture.unlink("/f5")
        try fixture.store("/new", "x")
        // From the middle on the handle goes on with what it began with, without what is gone.
        #expect(try fixture.rows(handle, from: 2).count == 99)
        let again = try fixture.rows(handle)
        #expect(again.count == 102)
        #expect(again.contains { $0.name == Array("new".utf8) })
        #expect(!again.contains { $0.name == Array("f5".utf8) })
        #expect(fixture.server.count(.list) == 1)
    }

    @Test("a directory that is opened for other things than its names is listed when the first one is wanted")
    func listedLate() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d")
        fixture.server.put("/d/f", [1])
        let node = try fixture.node("/d").node
        func open() throws -> HandleID {
            try fixture.volume.openDirectory(node, listsNow: false, for: Request())
        }
        let (first, second) = (try open(), try open())
        #expect(fixture.server.count(.list) == 0)
        #expect(try fixture.rows(first).map(\.name) == [".", "..", "f"].map { Array($0.utf8) })
        // As after seekdir(3).
        #expect(try fixture.rows(second, from: 2).map(\.name) == [Array("f".utf8)])
        #expect(fixture.server.count(.list) == 1)
        fixture.volume.releaseDirectory(first)
        fixture.volume.releaseDirectory(second)

        fixture.volume.dropCaches()
        let third = try open()
        fixture.store.fail(.list, with: .unreachable)
        #expect(failure { _ = try fixture.rows(third) } == "remote(unreachable)")
        #expect(try fixture.rows(third).count == 3)
        fixture.volume.releaseDirectory(third)

        // Where readdir(3) fails with ENOENT, the C library says that nothing more comes.
        fixture.volume.dropCaches()
        let fourth = try open()
        fixture.store.fail(.list, with: .notFound)
        #expect(failure { _ = try fixture.rows(fourth) } == "stale")
        fixture.volume.releaseDirectory(fourth)
        fixture.volume.forget(node, count: 1)
    }

    @Test("removing: the right error for each kind")
    func removal() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d")
        fixture.server.put("/d/f", [1])
        #expect(failure { try fixture.unlink("/d") } == "isDirectory")
        #expect(failure { try fixture.rmdir("/d/f") } == "notDirectory")
        let refusal = failure { try fixture.rmdir("/d") }
        #expect(refusal == "notEmpty" || refusal == "remote(notEmpty)")
        #expect(failure { try fixture.unlink("/none") } == "notFound")
        try fixture.unlink("/d/f")
        try fixture.rmdir("/d")
        #expect(try fixture.names("/") == [])
        _ = try fixture.names("/")
        fixture.server.put("/x", [1])
        fixture.volume.dropCaches()
        try fixture.stat("/x")
        fixture.server.remove("/x")
        #expect(failure { try fixture.unlink("/x") } == "notFound")
        #expect(try !fixture.exists("/x"))
    }

    @Test("a directory with a file that is not stored yet is not empty")
    func localChildren() throws {
        let fixture = try VolumeFixture()
        try fixture.mkdir("/d")
        let handle = try fixture.create("/d/f")
        #expect(failure { try fixture.rmdir("/d") } == "notEmpty")
        try fixture.unlink("/d/f")
        try fixture.rmdir("/d")
        try fixture.close(handle)
        #expect(fixture.server.names(in: "/") == [])
    }

    @Test("the cache is bounded; the directory used last is kept whatever its size")
    func bounded() throws {
        let fixture = try VolumeFixture(configuration: { $0.directoryLimit = 100 })
        for number in 0..<20 {
            fixture.server.makeDirectories("/d\(number)")
            for file in 0..<20 { fixture.server.put("/d\(number)/f\(file)", [1]) }
        }
        for number in 0..<20 { _ = try fixture.names("/d\(number)", plus: false) }
        #expect(fixture.volume.tree.withLock { $0.cachedEntries } <= 100)
        for number in 0..<500 { fixture.server.put("/d0/g\(number)", [1]) }
        fixture.advance(.seconds(30))
        #expect(try fixture.names("/d0").count == 520)
        fixture.server.resetCalls()
        #expect(try fixture.names("/d0").count == 520)
        #expect(fixture.server.count(.list) == 0)
        let counted = fixture.volume.tree.withLock { tree in
            (tree.cachedEntries, tree.cachedDirectories.values.reduce(0) { $0 + ($1.directory?.cost ?? 0) })
        }
        #expect(counted.0 == counted.1)
    }

    @Test("thousands of own changes in one directory stay known and cheap")
    func manyChanges() throws {
        let fixture = try VolumeFixture()
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        for number in 0..<3000 { try fixture.mkdir("/d\(number)") }
        for number in 0..<1500 { try fixture.rmdir("/d\(number * 2)") }
        #expect(try fixture.names("/").count == 1500)
        #expect(try !fixture.exists("/d0"))
        #expect(try fixture.exists("/d1"))
        #expect(fixture.server.count(.list) == 0)
        #expect(fixture.server.count(.attributes) == 0)
    }

    @Test("a packed listing takes little memory and gives back what went in")
    func packed() throws {
        let entries = (0..<1000).map { number -> Entry in
            var attributes = Attributes(kind: number % 3 == 0 ? .directory : .file, granularity: .fraction)
            if number % 2 == 0 { attributes.size = UInt64(number) }
            if number % 5 != 0 { attributes.modified = Timestamp(seconds: Int64(number), nanoseconds: 7) }
            if number % 7 != 0 { attributes.mode = 0o640 }
            if number % 11 != 0 { attributes.rights = [.read, .write] }
            return Entry(name: FileName("file-\(number)")!, attributes: attributes)
        }
        let link = Entry(
            name: FileName("link")!, attributes: Attributes(kind: .symlink, linkTarget: [47, 255]))
        let listing = PackedListing(entries + [link], isComplete: true)
        #expect(Array(listing.entries) == entries + [link])
        for entry in entries + [link] {
            #expect(listing.row(of: entry.name).map { listing.attributes(at: $0) } == entry.attributes)
        }
        #expect(listing.row(of: FileName("none")!) == nil)
        #expect(PackedListing([link, link], isComplete: true).count == 1)
    }
}
