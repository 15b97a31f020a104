import TestSupport
import Testing

@testable import VFS

@Suite("Byte ranges")
struct ByteRangesTests {
    @Test("behave like a bitmap under random changes", arguments: 1...20)
    func bitmap(seed: UInt64) {
        var dice = Dice(seed: seed)
        var set = ByteRanges()
        var bits = [Bool](repeating: false, count: 300)
        for _ in 0..<400 {
            let low = Int.random(in: 0..<300, using: &dice)
            let high = Int.random(in: low...min(300, low + 40), using: &dice)
            switch Int.random(in: 0..<5, using: &dice) {
            case 0, 1:
                if low < high { set.insert(contentsOf: UInt64(low)..<UInt64(high)) }
                for index in low..<high { bits[index] = true }
            case 2:
                if low < high { set.remove(contentsOf: UInt64(low)..<UInt64(high)) }
                for index in low..<high { bits[index] = false }
            case 3 where low > 200:
                set.removeAll(from: UInt64(low))
                for index in low..<300 { bits[index] = false }
            default:
                break
            }
            let range = UInt64(low)..<UInt64(high)
            let part = bits[low..<high]
            #expect(set.byteCount == UInt64(bits.count { $0 }))
            #expect(set.covers(range) == part.allSatisfy { $0 })
            #expect(set.touches(range) == part.contains(true))
            #expect(set.gaps(in: range).flatMap { $0.map(Int.init) } == part.indices.filter { !bits[$0] })
            #expect(set.firstMember(from: UInt64(low)).map(Int.init) == bits[low...].firstIndex(of: true))
            #expect(Int(set.firstAbsent(from: UInt64(low))) == bits[low...].firstIndex(of: false) ?? 300)
            var runs: [Bool] = []
            var place = low
            set.visitRuns(in: range) { run, isMember in
                #expect(Int(run.lowerBound) == place)
                place = Int(run.upperBound)
                runs += run.map { _ in isMember }
            }
            #expect(runs == Array(part))
        }
    }
}
