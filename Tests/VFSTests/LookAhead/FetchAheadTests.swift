import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct FetchAheadTests {
    private static let names = (1...9).map { "f\($0)" }

    private func fixture(connections: Int = 4, _ folder: String = "/d") throws -> VolumeFixture {
        let fixture = try VolumeFixture(configuration: { $0.connectionsAhead = connections })
        fixture.server.makeDirectories(folder)
        for name in Self.names { fixture.server.put("\(folder)/\(name)", Array("old \(name)".utf8)) }
        return fixture
    }

    /// Lists and reads the first two, and waits for what is fetched ahead then.
    private func begin(_ fixture: VolumeFixture) throws {
        _ = try fixture.names("/d")
        for name in ["f1", "f2"] { #expect(try fixture.text("/d/\(name)") == "old \(name)") }
        #expect(fixture.volume.isIdleAhead())
    }

    private func demanded(_ fixture: VolumeFixture, _ body: () throws -> Void) throws -> [StoreCall] {
        let (all, spare) = (fixture.store.calls.count, fixture.store.spareCalls.count)
        try body()
        let ahead = fixture.store.spareCalls.dropFirst(spare)
        var calls = Array(fixture.store.calls.dropFirst(all))
        for call in ahead {
            if let index = calls.firstIndex(of: call) { calls.remove(at: index) }
        }
        return calls
    }

    private func openings(_ calls: [StoreCall]) -> [String] {
        calls.filter { $0.operation == .openReader }.map(\.path.description)
    }

    @Test("files read in order are fetched ahead, each once, and cost nothing when they are opened")
    func inOrder() throws {
        let fixture = try fixture()
        try begin(fixture)
        for name in Self.names.dropFirst(2) {
            let calls = try demanded(fixture) { () throws in
                #expect(try fixture.text("/d/\(name)") == "old \(name)")
            }
            #expect(calls == [])
            #expect(fixture.volume.isIdleAhead())
        }
        #expect(openings(fixture.store.calls).sorted() == Self.names.map { "/d/\($0)" })
    }

    @Test("no more files are fetched than twice the connections, and none that is large")
    func bounds() throws {
        let fixture = try fixture(connections: 3)
        fixture.server.put("/d/f3", [UInt8](repeating: 1, count: 300 << 10))
        fixture.server.put("/d/further", [1])
        try begin(fixture)
        #expect(openings(fixture.store.spareCalls).sorted() == (4...9).map { "/d/f\($0)" })
    }

    @Test("as many files are fetched at a time as leave a connection to programs and one to names")
    func connections() throws {
        let fixture = try fixture(connections: 3)
        let gate = Gate()
        fixture.store.hold(.openReader, "/d/f3", at: gate, .before, .spare)
        _ = try fixture.names("/d")
        for name in ["f1", "f2"] { _ = try fixture.text("/d/\(name)") }
        gate.awaitArrivals()
        #expect(fixture.store.spareCalls.allSatisfy { $0.path.description == "/d/f3" })
        gate.open()
        #expect(fixture.volume.isIdleAhead())
        #expect(openings(fixture.store.spareCalls).count == 6)
    }

    @Test("what another client has stored since is seen when the attribute timeout has passed")
    func changedElsewhere() throws {
        let fixture = try fixture()
        try begin(fixture)
        fixture.advance(.seconds(2))
        fixture.server.put("/d/f3", Array("new f3".utf8))
        #expect(try fixture.text("/d/f3") == "new f3")
        // This one is only looked at.
        let calls = try demanded(fixture) { () throws in #expect(try fixture.text("/d/f4") == "old f4") }
        #expect(openings(calls) == [])
        #expect(!calls.isEmpty)
    }

    @Test("a file that changes while it is fetched is read again")
    func changedMeanwhile() throws {
        let fixture = try fixture()
        let gate = Gate()
        fixture.store.hold(.openReader, "/d/f3", at: gate, .before, .spare)
        _ = try fixture.names("/d")
        for name in ["f1", "f2"] { _ = try fixture.text("/d/\(name)") }
        gate.awaitArrivals()
        fixture.server.put("/d/f3", Array("longer than before".utf8))
        gate.open()
        #expect(fixture.volume.isIdleAhead())
        fixture.advance(.seconds(2))
        #expect(try fixture.text("/d/f3") == "longer than before")
    }

    @Test("one's own change is seen at once, even one that has the same size and time")
    func changedHere() throws {
        let fixture = try fixture()
        fixture.server.configure { $0.traits.setsFileTimes = false }
        try begin(fixture)
        try fixture.store("/d/f3", "new f3")
        #expect(try fixture.text("/d/f3") == "new f3")
        try fixture.rename("/d/f5", "/d/f4")
        #expect(try fixture.text("/d/f4") == "old f5")
        try fixture.unlink("/d/f6")
        #expect(try !fixture.exists("/d/f6"))
    }

    @Test("who opens a file that is being fetched waits for that; who writes it does not")
    func underWay() throws {
        let fixture = try fixture()
        let gate = Gate()
        fixture.store.hold(.openReader, "/d/f3", at: gate, .before, .spare)
        fixture.store.hold(.openReader, "/d/f4", at: gate, .before, .spare)
        _ = try fixture.names("/d")
        for name in ["f1", "f2"] { _ = try fixture.text("/d/\(name)") }
        gate.awaitArrivals(2)
        try fixture.store("/d/f4", "new f4")
        #expect(try fixture.text("/d/f4") == "new f4")
        let done = Gate()
        try Thread.detach(named: "reader") {
            #expect((try? fixture.text("/d/f3")) == "old f3")
            done.open()
        }
        gate.open()
        #expect(done.pass())
        #expect(openings(fixture.store.calls).count { $0 == "/d/f3" } == 1)
    }

    @Test(
        "what fails ahead is done on demand",
        arguments: [StoreOperation.attributes, .openReader, .read],
        [RemoteError.Kind.busy, .notFound, .protocolBroken])
    func failure(operation: StoreOperation, kind: RemoteError.Kind) throws {
        let fixture = try fixture()
        fixture.store.fail(operation, "/d/f3", with: kind, .before, .spare, times: 5)
        try begin(fixture)
        for name in Self.names.dropFirst(2) {
            #expect(try fixture.text("/d/\(name)") == "old \(name)")
        }
    }

    @Test("what nobody opens is dropped after some seconds, and its memory is given back")
    func unused() throws {
        let fixture = try fixture()
        try begin(fixture)
        let budget = fixture.volume.environment.budget
        #expect(budget.usedBytes > 0)
        fixture.advance(.seconds(10))
        #expect(!fixture.volume.dropUnopened())
        #expect(budget.usedBytes == 0)
        #expect(try fixture.text("/d/f3") == "old f3")
    }

    @Test("all memory is given back when the files have been read")
    func memory() throws {
        let fixture = try fixture()
        try begin(fixture)
        for name in Self.names { _ = try fixture.text("/d/\(name)") }
        #expect(fixture.volume.isIdleAhead())
        #expect(fixture.volume.environment.budget.usedBytes == 0)
    }

    @Test("files are fetched across the directories of a tree")
    func tree() throws {
        let fixture = try VolumeFixture(configuration: { $0.connectionsAhead = 4 })
        let folders = ["a", "b", "c", "d"]
        for folder in folders {
            fixture.server.makeDirectories("/\(folder)")
            for name in ["1", "2", "3"] { fixture.server.put("/\(folder)/\(name)", Array(name.utf8)) }
        }
        _ = try fixture.names("/")
        for folder in folders {
            let calls = try demanded(fixture) { () throws in
                _ = try fixture.names("/\(folder)")
                for name in ["1", "2", "3"] {
                    #expect(try fixture.text("/\(folder)/\(name)") == name)
                    #expect(fixture.volume.isIdleAhead())
                }
            }
            if folder != "a" { #expect(calls == []) }
        }
        #expect(fixture.store.calls.filter { $0.operation == .openReader }.count == 12)
    }
}
