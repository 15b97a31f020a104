import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// Directories that take longer to list than a listing is believed.
@Suite("Long listings")
struct LongListingTests {
    private func fixture(statsOneName: Bool, others: Int = 300) throws -> VolumeFixture {
        let fixture = try VolumeFixture(server: { $0.traits.statsOneName = statsOneName })
        for number in 1...9 { fixture.server.put("/f\(number)", [UInt8](repeating: 1, count: number)) }
        for number in 1...others { fixture.server.put("/other\(number)", []) }
        return fixture
    }

    /// Looks at a file, by a listing that takes so long.
    private func stat(_ path: String, in fixture: VolumeFixture, taking time: Duration) throws {
        let gate = Gate()
        fixture.store.hold(.list, at: gate)
        let size = Monitor<UInt64?>(nil)
        let asker = try Thread(named: "asker") {
            let found = try? fixture.stat(path).size
            size.update { $0 = found }
        }
        #expect(gate.awaitArrivals())
        fixture.advance(time)
        gate.open()
        asker.join()
        #expect(size.withLock { $0 } != nil)
    }

    @Test("names are asked for singly after a listing that was old when it came", arguments: [11, 30])
    func singly(seconds: Int) throws {
        let fixture = try fixture(statsOneName: true)
        try fixture.stat("/f1")
        try stat("/f2", in: fixture, taking: .seconds(seconds))
        fixture.advance(.seconds(21))
        for number in 3...9 { #expect(try fixture.stat("/f\(number)").size == UInt64(number)) }
        #expect(try !fixture.exists("/absent"))
        #expect(fixture.server.count(.list) == 1)
        #expect(fixture.server.count(.attributes) == 9)
        // Whoever wants all names gets them.
        #expect(try fixture.names("/").count == 309)
        #expect(fixture.server.count(.list) == 2)
        // After a while it is tried again.
        fixture.advance(.seconds(200))
        for number in 3...5 { try fixture.stat("/f\(number)") }
        #expect(fixture.server.count(.list) == 3)
    }

    @Test("a short listing has waited for the server: the next one answers for all names again")
    func short() throws {
        let fixture = try fixture(statsOneName: true, others: 1)
        try fixture.stat("/f1")
        try stat("/f2", in: fixture, taking: .seconds(30))
        for number in 3...9 { try fixture.stat("/f\(number)") }
        #expect(fixture.server.count(.list) == 2)
    }

    @Test("the name that such a listing was made for is known for a while")
    func known() throws {
        let fixture = try fixture(statsOneName: false)
        try stat("/f2", in: fixture, taking: .seconds(30))
        #expect(try fixture.stat("/f2").size == 2)
        #expect(fixture.server.count() == 1)
        fixture.advance(.seconds(21))
        try fixture.stat("/f2")
        #expect(fixture.server.count(.list) == 2)
    }

    @Test("a listing that comes in time answers for all names")
    func inTime() throws {
        let fixture = try fixture(statsOneName: true)
        try fixture.stat("/f1")
        try stat("/f2", in: fixture, taking: .seconds(5))
        for number in 3...9 { try fixture.stat("/f\(number)") }
        #expect(fixture.server.count() == 2)
    }
}
