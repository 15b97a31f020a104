import Testing

@testable import FTPPool

@Suite("Waiting for a session")
struct PatienceTests {
    private let start = ContinuousClock.Instant.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    @Test("who waits gives up when nobody has got on for the whole time")
    func givesUp() {
        var patience = Patience(.seconds(60), progress: 7, now: start)
        let before = patience.isOver(progress: 7, now: at(59))
        let then = patience.isOver(progress: 7, now: at(60))
        #expect(!before)
        #expect(then)
    }

    @Test("who waits goes on waiting as long as others get on")
    func goesOn() {
        var patience = Patience(.seconds(60), progress: 7, now: start)
        for round in 1...20 {
            let isOver = patience.isOver(progress: 7 + UInt64(round), now: at(round * 50))
            #expect(!isOver)
        }
        let inTheEnd = patience.isOver(progress: 27, now: at(1060))
        #expect(inTheEnd)
    }
}
