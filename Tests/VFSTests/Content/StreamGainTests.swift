import Testing

@testable import VFS

/// When several streams are tried for a file, on links made of numbers.
@Suite("Gain of several streams")
struct StreamGainTests {
    /// A reader that is always served at the rate of its link.
    private final class Link {
        var gain = StreamGain()
        var now = ContinuousClock.now
        var opening: Duration = .milliseconds(200)
        var left: UInt64 = 1 << 30

        /// Lets bytes come at a rate (in bytes a second) for some time, and returns the first advice.
        func run(_ rate: Double, for time: Duration, isFlowing: Bool = true) -> StreamGain.Advice {
            let count = 16 << 10
            let end = now + time
            while now < end {
                now += .nanoseconds(Int64(Double(count) / rate * 1e9))
                let advice = gain.note(
                    count, opening: opening, left: left, isFlowing: isFlowing, width: 4,
                    segment: 16 << 20, at: now)
                if advice == .spread { gain.beginTrial() }
                if advice != .none { return advice }
            }
            return .none
        }
    }

    @Test("a steady stream on a long link is joined by others, and they stay when they bring more")
    func gain() {
        let link = Link()
        #expect(link.run(14e6, for: .seconds(2)) == .spread)
        #expect(abs(link.gain.singleRate - 14e6) < 1e6)
        #expect(link.run(30e6, for: .seconds(60)) == .none)
    }

    @Test("others that bring nothing are given up")
    func noGain() {
        let link = Link()
        #expect(link.run(14e6, for: .seconds(2)) == .spread)
        #expect(link.run(14e6, for: .seconds(20)) == .gather)
    }

    @Test("a rate that still grows is waited for")
    func slowStart() {
        let link = Link()
        var rate = 1e6
        while rate < 15e6 {
            #expect(link.run(rate, for: .milliseconds(100)) == .none)
            rate *= 1.5
        }
        #expect(link.run(15e6, for: .seconds(1)) == .spread)
        #expect(link.gain.singleRate > 14e6)
    }

    @Test("where a segment brings no more than what its opening costs, one stream goes on")
    func costly() {
        #expect(Link().run(60e6, for: .seconds(5)) == .none)
    }

    @Test("a stream that was faster before is not held up by its link")
    func fallen() {
        let link = Link()
        #expect(link.run(60e6, for: .seconds(2)) == .none)
        #expect(link.run(20e6, for: .seconds(5)) == .none)
    }

    @Test("a short link, a narrow window, or little left to read is no reason for others")
    func none() {
        let short = Link()
        short.opening = .milliseconds(3)
        #expect(short.run(400e6, for: .seconds(5)) == .none)
        #expect(Link().run(14e6, for: .seconds(5), isFlowing: false) == .none)
        let nearEnd = Link()
        nearEnd.left = 8 << 20
        #expect(nearEnd.run(14e6, for: .seconds(5)) == .none)
    }

    @Test("a reader that is slower than its stream is no reason for others")
    func slowReader() {
        let link = Link()
        for _ in 0..<100 {
            #expect(link.run(14e6, for: .milliseconds(90)) == .none)
            link.gain.restart()
            link.now += .milliseconds(300)
        }
    }
}
