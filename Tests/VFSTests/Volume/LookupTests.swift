import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct LookupTests {
    @Test("a listed directory answers lookups, negative ones too, without the network")
    func listed() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/a", [1, 2, 3])
        #expect(try fixture.names("/") == ["a"])
        fixture.server.resetCalls()
        #expect(try fixture.stat("/a").size == 3)
        #expect(try !fixture.exists("/b"))
        #expect(fixture.server.count() == 0)
    }

    @Test("the first lookup asks for one name, the second miss lists the directory")
    func firstAndSecond() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/a", [1])
        fixture.server.put("/b", [1])
        try fixture.stat("/a")
        #expect(fixture.server.count(.attributes) == 1)
        #expect(fixture.server.count(.list) == 0)
        try fixture.stat("/b")
        #expect(fixture.server.count(.list) == 1)
        #expect(try !fixture.exists("/c"))
        #expect(fixture.server.count() == 2)
    }

    @Test("where one name costs more than one round trip, the first lookup lists")
    func withoutSingleStat() throws {
        let fixture = try VolumeFixture(server: { $0.traits.statsOneName = false })
        fixture.server.put("/a", [1])
        try fixture.stat("/a")
        #expect(fixture.server.count(.list) == 1)
        #expect(fixture.server.count() == 1)
    }

    @Test("ls -l costs one listing")
    func listingWithAttributes() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d")
        for number in 0..<500 { fixture.server.put("/d/file\(number)", [UInt8(number & 255)]) }
        let names = try fixture.names("/d")
        #expect(names.count == 500)
        for name in names { #expect(try fixture.stat("/d/\(name)").size == 1) }
        #expect(fixture.server.count(.list) == 1)
        #expect(fixture.server.count() == 2)  // the lookup of /d, and its listing
    }

    @Test("after the timeout another client's changes are seen")
    func expiry() throws {
        let fixture = try VolumeFixture()
        #expect(try fixture.names("/") == [])
        fixture.server.put("/a", [1])
        #expect(try !fixture.exists("/a"))
        fixture.advance(.seconds(21))
        #expect(try fixture.exists("/a"))
        fixture.server.remove("/a")
        fixture.advance(.seconds(21))
        #expect(try !fixture.exists("/a"))
        #expect(try fixture.names("/") == [])
    }

    @Test(
        "unknown is never absent",
        arguments: [RemoteError.Kind.unreachable, .timedOut, .protocolBroken, .denied])
    func unknown(kind: RemoteError.Kind) throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/a", [1])
        fixture.store.fail(nil, with: kind, times: 100)
        #expect(failure { try fixture.stat("/a") } == "remote(\(kind))")
        #expect(failure { try fixture.stat("/a") } == "remote(\(kind))")
        #expect(failure { _ = try fixture.names("/") } == "remote(\(kind))")
        fixture.store.heal()
        #expect(try fixture.stat("/a").size == 1)
        #expect(try fixture.names("/") == ["a"])
    }

    @Test("an incomplete listing proves no absence")
    func incomplete() throws {
        let fixture = try VolumeFixture(server: { $0.listingLimit = 3 })
        for name in ["a", "b", "c", "d"] { fixture.server.put("/\(name)", [1]) }
        #expect(try fixture.names("/") == ["a", "b", "c"])
        #expect(try fixture.stat("/d").size == 1)
        #expect(try !fixture.exists("/e"))
        fixture.server.resetCalls()
        #expect(try !fixture.exists("/e"))
        #expect(fixture.server.count() == 0)
    }

    @Test("a listing that may lack names with a dot proves the absence of others alone")
    func hiddenNames() throws {
        let fixture = try VolumeFixture(server: { $0.hidesDotNames = true })
        for name in ["a", ".rc"] { fixture.server.put("/\(name)", [1]) }
        #expect(try fixture.names("/") == ["a"])
        fixture.server.resetCalls()
        #expect(try !fixture.exists("/b"))
        #expect(fixture.server.count() == 0)
        #expect(try fixture.stat("/.rc").size == 1)
        #expect(try !fixture.exists("/.none"))
        fixture.server.resetCalls()
        #expect(try !fixture.exists("/.none"))
        #expect(fixture.server.count() == 0)
    }

    @Test("a directory that cannot be listed still answers for single names")
    func unlistable() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d")
        fixture.server.put("/d/a", [1])
        fixture.server.put("/d/b", [1])
        fixture.store.fail(.list, "/d", with: .denied, times: 100)
        try fixture.stat("/d/a")
        try fixture.stat("/d/b")
        #expect(try !fixture.exists("/d/c"))
        #expect(failure { _ = try fixture.names("/d") } == "remote(denied)")
    }

    @Test("names that FTP cannot carry do not exist; too long ones are refused")
    func oddNames() throws {
        let fixture = try VolumeFixture()
        #expect(failure { _ = try fixture.volume.lookup([65, 10], in: .root, for: Request()) } == "notFound")
        let long = [UInt8](repeating: 65, count: 256)
        #expect(failure { _ = try fixture.volume.lookup(long, in: .root, for: Request()) } == "nameTooLong")
        #expect(fixture.server.count() == 0)
        #expect(failure { try fixture.mkdir("/a\nb") } == "invalid")
        #expect(failure { _ = try fixture.create("/a\rb") } == "invalid")
    }

    @Test("the root is shown without the network")
    func root() throws {
        let fixture = try VolumeFixture()
        fixture.store.fail(nil, with: .unreachable, times: 100)
        let root = try fixture.stat("/")
        #expect(root.kind == .directory)
        #expect(root.inode == 1)
        #expect(root.mode == 0o755)
        #expect(fixture.store.calls.isEmpty)
    }

    @Test("a file whose size the server does not state is asked for, and refused if it still does not")
    func unknownSize() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/a", [1])
        try fixture.names("/").forEach { _ in }
        #expect(try fixture.stat("/a").size == 1)
    }

    @Test("forget counts: a node goes with its last reference and never comes back under its number")
    func forgetting() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/a", [1])
        let first = try fixture.node("/a")
        let again = try fixture.node("/a")
        #expect(first.node == again.node)
        fixture.volume.forget(first.node, count: 1)
        _ = try fixture.volume.attributes(of: first.node, handle: nil, for: Request())
        fixture.volume.forget(first.node, count: 1)
        #expect(
            failure { _ = try fixture.volume.attributes(of: first.node, handle: nil, for: Request()) }
                == "stale")
        let later = try fixture.node("/a")
        #expect(later.node != first.node)
        #expect(later.attributes.inode == first.attributes.inode)
        fixture.volume.forget(later.node, count: 99)
        #expect(fixture.volume.tree.withLock { $0.nodes.count } == 1)
    }

    @Test("a node that another client replaces by a directory is another node")
    func kindChange() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/a", [1])
        let file = try fixture.node("/a")
        fixture.server.remove("/a")
        fixture.server.makeDirectories("/a")
        fixture.advance(.seconds(30))
        let directory = try fixture.node("/a")
        #expect(directory.node != file.node)
        #expect(directory.attributes.kind == .directory)
        #expect(directory.attributes.inode != file.attributes.inode)
    }

    @Test("with all timeouts zero everything still works, and asks each time")
    func noTimeouts() throws {
        for statsOneName in [false, true] {
            let fixture = try VolumeFixture(
                server: { $0.traits.statsOneName = statsOneName },
                configuration: { ($0.directoryTimeout, $0.attributeTimeout) = (.zero, .zero) })
            fixture.server.put("/a", [1])
            #expect(try fixture.names("/") == ["a"])
            try fixture.store("/b", "x")
            try fixture.mkdir("/d")
            try fixture.rename("/b", "/d/c")
            #expect(try fixture.text("/d/c") == "x")
            #expect(try !fixture.exists("/b"))
            try fixture.unlink("/d/c")
            try fixture.rmdir("/d")
            fixture.server.remove("/a")
            #expect(try fixture.names("/") == [])
        }
    }

    @Test("SIGHUP drops what is cached")
    func dropCaches() throws {
        let fixture = try VolumeFixture()
        #expect(try fixture.names("/") == [])
        fixture.server.put("/a", [1])
        fixture.volume.dropCaches()
        #expect(try fixture.names("/") == ["a"])
    }
}
