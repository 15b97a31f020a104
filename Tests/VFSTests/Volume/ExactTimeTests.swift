import Remote
import TestSupport
import Testing

@testable import VFS

/// Times to the second on a server whose listings state the minute.
@Suite struct ExactTimeTests {
    private func fixture(files: Int) throws -> (VolumeFixture, [Timestamp]) {
        let fixture = try VolumeFixture(server: {
            $0.traits.statsOneName = false
            $0.traits.statesExactTimes = true
            $0.traits.granularity = .minute
        })
        var times: [Timestamp] = []
        for number in 0..<files {
            fixture.server.advance(seconds: 7)
            fixture.server.put("/f\(1000 + number)", [1])
            times.append(fixture.server.now)
        }
        return (fixture, times)
    }

    @Test("a program that looks at files sees seconds, and a walk asks for many files at once")
    func walk() throws {
        let (fixture, times) = try fixture(files: 1000)
        _ = try fixture.names("/")
        #expect(fixture.server.count(.exactTimes) == 0)
        for (number, time) in times.enumerated() {
            #expect(try fixture.stat("/f\(1000 + number)").modified == time)
        }
        // 1, 4, 16, 64, and 256 from then on.
        #expect(fixture.server.count(.exactTimes) == 8)
        #expect(fixture.server.count(.list) == 1)
    }

    @Test("what was learned outlives the listing, for files that have not changed")
    func relisted() throws {
        let (fixture, times) = try fixture(files: 10)
        for number in 0..<10 { _ = try fixture.stat("/f\(1000 + number)") }
        let asked = fixture.server.count(.exactTimes)
        fixture.advance(.seconds(100))
        fixture.server.put("/f1003", [2, 3])
        for number in 0..<10 where number != 3 {
            #expect(try fixture.stat("/f\(1000 + number)").modified == times[number])
        }
        #expect(fixture.server.count(.exactTimes) == asked)
        #expect(try fixture.stat("/f1003").modified == fixture.server.now)
        #expect(fixture.server.count(.exactTimes) == asked + 1)
    }

    @Test("only attributes that can get better are provisional")
    func provisional() throws {
        let (fixture, _) = try fixture(files: 1)
        fixture.server.makeDirectories("/d")
        #expect(try fixture.node("/f1000").attributes.isProvisional)
        #expect(try !fixture.node("/d").attributes.isProvisional)
        #expect(try !fixture.stat("/f1000").isProvisional)
        #expect(try !fixture.node("/f1000").attributes.isProvisional)
    }

    @Test("a server that does not answer leaves the time of the listing")
    func unanswered() throws {
        let (fixture, times) = try fixture(files: 1)
        _ = try fixture.names("/")
        fixture.store.fail(.exactTimes, with: .unsupported)
        let shown = try fixture.stat("/f1000").modified
        #expect(shown.seconds == times[0].seconds / 60 * 60)
        // It is not asked again for the same listing.
        let asked = fixture.store.calls.count { $0.operation == .exactTimes }
        #expect(try fixture.stat("/f1000").modified == shown)
        #expect(fixture.store.calls.count { $0.operation == .exactTimes } == asked)
    }
}
