import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct ListAheadTests {
    /// Ten directories with two in each.
    private static let names = "abcdefghij".map(String.init)

    private func fixture(connections: Int = 3) throws -> VolumeFixture {
        let fixture = try VolumeFixture(configuration: { $0.connectionsAhead = connections })
        for name in Self.names {
            for inner in ["x", "y"] { fixture.server.makeDirectories("/\(name)/\(inner)") }
        }
        return fixture
    }

    private func walk(_ fixture: VolumeFixture, _ paths: [String]) throws {
        for path in paths {
            _ = try fixture.names(path)
            #expect(fixture.volume.isIdleAhead())
        }
    }

    private func listed(_ calls: [StoreCall]) -> [String] {
        calls.filter { $0.operation == .list }.map(\.path.description)
    }

    @Test("a program that goes through a tree finds all but the first directories listed")
    func walk() throws {
        let fixture = try fixture()
        var paths = ["/"]
        for name in Self.names { paths += ["/\(name)", "/\(name)/x", "/\(name)/y"] }
        try walk(fixture, paths)
        let ahead = listed(fixture.store.spareCalls)
        #expect(listed(fixture.store.calls).sorted() == paths.sorted())
        #expect(Set(paths).subtracting(ahead) == ["/", "/a"])
    }

    @Test("a program that stops has about twice as many directories listed ahead as there are connections")
    func bound() throws {
        let fixture = try fixture(connections: 2)
        try walk(fixture, ["/", "/a"])
        let ahead = listed(fixture.store.spareCalls)
        #expect(Set(ahead).isSuperset(of: ["/a/x", "/a/y", "/b"]))
        #expect(ahead.count <= 6)
    }

    @Test("single directories, and a mount with one connection, list nothing ahead")
    func quiet() throws {
        let single = try fixture()
        try walk(single, ["/", "/e", "/c", "/h/x"])
        #expect(single.store.spareCalls.isEmpty)
        let alone = try fixture(connections: 1)
        try walk(alone, ["/", "/a", "/a/x"])
        #expect(alone.store.spareCalls.isEmpty)
    }

    @Test("who looks names up and lists nothing is followed as well")
    func lookups() throws {
        let fixture = try fixture()
        for name in Self.names {
            for file in ["1", "2", "3"] { fixture.server.put("/\(name)/\(file)", [1]) }
        }
        try walk(fixture, ["/"])
        for name in Self.names {
            for file in ["1", "2", "3"] { try fixture.stat("/\(name)/\(file)") }
            #expect(fixture.volume.isIdleAhead())
        }
        #expect(Set(Self.names.dropFirst(3).map { "/\($0)" }).isSubset(of: listed(fixture.store.spareCalls)))
        #expect(Set(listed(fixture.store.calls)).count == listed(fixture.store.calls).count)
    }

    @Test("a demanded listing joins the one under way ahead")
    func joining() throws {
        let fixture = try fixture()
        let gate = Gate()
        fixture.store.hold(.list, "/b", at: gate, .before, .spare)
        _ = try fixture.names("/")
        _ = try fixture.names("/a")
        gate.awaitArrivals()
        let done = Gate()
        try Thread.detach(named: "lister") {
            #expect((try? fixture.names("/b")) == ["x", "y"])
            done.open()
        }
        gate.open()
        #expect(done.pass())
        #expect(listed(fixture.store.calls).count { $0 == "/b" } == 1)
    }

    @Test(
        "what fails ahead is done on demand, and proves nothing",
        arguments: [RemoteError.Kind.busy, .notFound, .denied, .interrupted])
    func failure(kind: RemoteError.Kind) throws {
        let fixture = try fixture()
        let gate = Gate()
        fixture.store.hold(.list, "/b", at: gate, .before, with: kind, .spare)
        _ = try fixture.names("/")
        _ = try fixture.names("/a")
        gate.awaitArrivals()
        let done = Gate()
        try Thread.detach(named: "lister") {
            #expect((try? fixture.names("/b")) == ["x", "y"])
            done.open()
        }
        gate.open()
        #expect(done.pass())
        #expect(try fixture.names("/").contains("b"))
    }

    @Test("a directory that cannot be listed ahead is not tried again and again")
    func inVain() throws {
        let fixture = try fixture()
        fixture.store.fail(.list, "/c", with: .denied, .before, .spare, times: 5)
        try walk(fixture, ["/", "/a", "/a/x", "/a/y", "/b", "/b/x"])
        #expect(listed(fixture.store.calls).count { $0 == "/c" } == 1)
    }

    @Test("while there is no connection to spare, nothing is lost")
    func busy() throws {
        let fixture = try fixture()
        fixture.store.fail(.list, with: .busy, .before, .spare, times: 3)
        try walk(fixture, ["/", "/a", "/a/x", "/a/y", "/b", "/b/x", "/b/y", "/c"])
        #expect(fixture.server.count(.list, "/c") == 1)
        #expect(listed(fixture.store.spareCalls).contains("/c"))
    }

    @Test("renaming and removing do not wait for what is done ahead")
    func givingWay() throws {
        let fixture = try fixture()
        let gate = Gate()
        fixture.store.hold(.list, "/b", at: gate, .before, .spare)
        fixture.store.hold(.list, "/c", at: gate, .before, .spare)
        _ = try fixture.names("/")
        _ = try fixture.names("/a")
        gate.awaitArrivals(2)
        try fixture.rename("/b", "/renamed")
        #expect(try fixture.names("/renamed") == ["x", "y"])
        try fixture.rename("/c", "/renamed/c")
        #expect(try !fixture.exists("/b"))
        gate.open()
    }

    @Test("the end of the volume does not wait for it either")
    func ending() throws {
        let fixture = try fixture()
        let gate = Gate()
        fixture.store.hold(.list, "/b", at: gate, .before, .spare)
        _ = try fixture.names("/")
        _ = try fixture.names("/a")
        gate.awaitArrivals()
        fixture.volume.shutDown()
        #expect(!fixture.log.text.contains("did not end"))
    }
}

extension Volume {
    /// Waits until nothing is done ahead; false when that takes too long.
    func isIdleAhead() -> Bool {
        lookAhead?.waitUntilIdle(until: .after(.seconds(60))) ?? true
    }
}
