import Testing

@testable import VFS

/// How the range ahead of a reader is cut.
@Suite("Convoy")
struct ConvoyTests {
    private let mib: UInt64 = 1 << 20

    private func convoy(size: UInt64, most: Int = 4) -> Convoy {
        Convoy(
            leader: 1, reach: 2 * mib, position: 6 * mib, fileSize: size, most: most, cycle: 64 * mib,
            memory: 24 << 20)
    }

    @Test("segments follow one another without gap up to the end of the file", arguments: [20, 63, 400])
    func segments(size: UInt64) {
        let size = size * mib + 12_345
        var convoy = convoy(size: size)
        #expect(convoy.stop(of: 1, start: 0, position: 6 * mib) == convoy.frontier)
        var end = convoy.frontier
        #expect(end > 6 * mib)
        while convoy.wantsAnother(beside: 1, at: .now) {
            let segment = convoy.begin()
            #expect(segment.lowerBound == end)
            #expect(segment.count >= 4 << 20 && segment.count < 32 << 20)
            end = segment.upperBound
        }
        while convoy.extend(isSpare: true) {}
        #expect(convoy.frontier == size)
    }

    @Test("a stream ends where the next one began, and goes on where that brought nothing")
    func lost() {
        var convoy = convoy(size: 400 * mib)
        let (first, second) = (convoy.begin(), convoy.begin())
        convoy.join(2)
        convoy.join(3)
        let now = ContinuousClock.now
        #expect(convoy.stop(of: 1, start: 0, position: 7 * mib) == first.lowerBound)
        #expect(convoy.stop(of: 2, start: first.lowerBound, position: first.lowerBound) == second.lowerBound)
        convoy.lose(start: first.lowerBound, position: first.lowerBound, left: 2, at: now)
        #expect(convoy.stop(of: 1, start: 0, position: 7 * mib) == second.lowerBound)
        convoy.lose(start: second.lowerBound, position: second.lowerBound, left: 1, at: now)
        #expect(convoy.stop(of: 1, start: 0, position: 7 * mib) == second.lowerBound)
        #expect(convoy.frontier == second.lowerBound)
        // Connections are asked for again only after a while.
        #expect(!convoy.wantsAnother(beside: 1, at: now))
        #expect(convoy.wantsAnother(beside: 1, at: now + .seconds(3)))
    }

    @Test("what a lost stream has brought is kept")
    func brokenOff() {
        var convoy = convoy(size: 400 * mib)
        let first = convoy.begin()
        convoy.lose(start: first.lowerBound, position: first.lowerBound + 1, left: 1, at: .now)
        #expect(convoy.stop(of: 1, start: 0, position: 7 * mib) == first.lowerBound)
        #expect(convoy.frontier == first.upperBound)
    }

    @Test("at its end nothing is begun, and only the reader's own stream goes on")
    func ending() {
        var convoy = convoy(size: 400 * mib)
        convoy.end()
        #expect(!convoy.wantsAnother(beside: 1, at: .now))
        let isSpareExtended = convoy.extend(isSpare: true)
        let isExtended = convoy.extend(isSpare: false)
        #expect(isExtended && !isSpareExtended)
        #expect(convoy.frontier == 400 * mib)
    }

    @Test("a stream elsewhere in the file is not cut")
    func elsewhere() {
        var convoy = convoy(size: 400 * mib)
        _ = convoy.begin()
        #expect(convoy.stop(of: 9, start: 300 * mib, position: 301 * mib) == 400 * mib)
        #expect(convoy.covers(8 * mib) && !convoy.covers(300 * mib))
    }
}
