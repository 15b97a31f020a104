import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

private let kib: UInt64 = 1 << 10
private let mib: UInt64 = 1 << 20

/// Reads here and there in large files, by one program and by many.
@Suite("Random reads")
struct RandomReadTests {
    @Test("a transfer that takes long to end does not hold up the next read")
    func slowEnd() throws {
        let bench = try StreamBench(size: 256 * mib)
        let gate = Gate()
        bench.store.change { $0.closing = gate }
        for step in 1...12 as ClosedRange<UInt64> { try bench.check(step * 17 * mib, 4096) }
        // Two are kept; the others are on their way out.
        gate.awaitArrivals(10)
        #expect(bench.store.opens.count == 12)
        #expect(bench.store.received <= 12 * 64 * kib)
        gate.open()
        #expect(bench.store.waits { $0.openReaders <= 2 })
    }

    @Test("several readers are served at the same time, each at its place")
    func together() throws {
        let bench = try StreamBench(size: 256 * mib)
        let places = (1...4 as ClosedRange<UInt64>).map { $0 * 50 * mib }
        let gate = Gate()
        bench.store.change { state in for place in places { state.gates[place] = gate } }
        let threads = try places.map { place in
            try Posix.Thread(named: "reader") { #expect(throws: Never.self) { try bench.check(place, 4096) } }
        }
        #expect(gate.awaitArrivals(4))
        gate.open()
        for thread in threads { thread.join() }
        #expect(bench.store.opens.sorted() == places)
    }

    @Test("many readers of one file, and of as many files, all get their bytes", arguments: [1, 64])
    func many(files count: Int) throws {
        let bench = try StreamBench(size: 256 * mib)
        let contents = (0..<count).map { _ in
            FileContent(
                environment: bench.environment,
                base: FileVersion(size: 256 * mib, modified: Timestamp(seconds: 1_700_000_000)),
                size: 256 * mib)
        }
        let failures = Monitor<[String]>([])
        let threads = try (0..<64).map { number in
            try Posix.Thread(named: "reader") {
                var dice = Dice(seed: UInt64(number + 1))
                for _ in 0..<6 {
                    let place = UInt64.random(in: 0..<(255 * mib), using: &dice)
                    do {
                        let got = try contents[number % count].bytes(Int(place), 4096, path: "/f")
                        if got != StreamStore.expected(place..<(place + 4096)) {
                            failures.withLock { $0.append("other bytes at \(place)") }
                        }
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
        for content in contents { content.close(path: nil) }
        #expect(bench.environment.waitForStreams(until: .after(.seconds(30))))
        #expect(bench.environment.budget.usedBytes == 0)
    }

    @Test("a stream whose reader has gone elsewhere is the first to be given up")
    func parked() throws {
        let bench = try StreamBench(size: 256 * mib)
        try bench.check(0, 64 << 10)
        let gate = Gate()
        bench.store.change { $0.gates[100 * mib] = gate }
        let thread = try Posix.Thread(named: "reader") {
            #expect(throws: Never.self) { try bench.check(100 * mib, 4096) }
        }
        gate.awaitArrivals()
        bench.store.reclaimAll()
        #expect(bench.store.waits { $0.openReaders == 1 })
        gate.open()
        thread.join()
        #expect(bench.store.opens == [0, 100 * mib])
    }

    @Test("with nothing to be read ahead, no more than one record is fetched beyond each read")
    func noReadAhead() throws {
        let bench = try StreamBench(size: 256 * mib) { $0.readAhead = 0 }
        for step in 0..<64 as Range<UInt64> {
            try bench.check(step * 4096, 4096)
            #expect(bench.store.received <= step * 4096 + 4096 + 16 * kib)
        }
        #expect(bench.store.opens == [0])
    }
}
