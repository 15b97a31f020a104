import Foundation
import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

private let kib: UInt64 = 1 << 10
private let mib: UInt64 = 1 << 20

extension StreamBench {
    fileprivate var remote: ReadAhead? { content.monitor.withLock { $0.remote } }

    /// Reads the first bytes, and then has further streams help from there.
    fileprivate func spread(over most: Int = 4) throws {
        try check(0, 256 << 10)
        let remote = try #require(remote)
        try remote.monitor.withLock { state in
            let stream = try #require(state.streams.first)
            state.convoy = Convoy(
                leader: stream.id, reach: stream.reach, position: stream.position, fileSize: remote.size,
                most: most, cycle: 4 * mib, memory: 24 << 20)
            state.hasSpread = true
            _ = state.recut()
        }
        remote.recruit()
    }

    fileprivate func readOn(from start: UInt64, to end: UInt64, seed: Int = 0) throws {
        for place in stride(from: start, to: end, by: 1 << 20) { try check(place, 1 << 20, seed: seed) }
    }
}

/// Large files that are read through several transfers at a time.
@Suite("Several streams for a file")
struct SeveralStreamsTests {
    @Test("each byte comes once, on spare connections that are all given back")
    func whole() throws {
        let bench = try StreamBench(size: 60 * mib + 4321)
        try bench.spread()
        try bench.readOn(from: 256 * kib, to: 61 * mib)
        #expect(bench.store.state.withLock { $0.spareOpens.count } >= 3)
        #expect(bench.store.opens.count == Set(bench.store.opens).count)
        // What a transfer has sent beyond its segment is not looked at; no segment is fetched twice.
        #expect(bench.store.received < 60 * mib + 4321 + 64 * kib * UInt64(bench.store.opens.count))
        // A look at the version before each opening but the first, and behind the end of the file.
        #expect(bench.store.checks >= bench.store.opens.count)
        #expect(bench.store.waits { $0.openReaders == 0 && $0.openSpares == 0 })
        bench.content.close(path: nil)
        #expect(bench.environment.waitForStreams(until: .after(.seconds(30))))
        #expect(bench.environment.budget.usedBytes == 0)
    }

    @Test("a store with nothing to spare leaves the file to its one stream")
    func busy() throws {
        let bench = try StreamBench(size: 40 * mib)
        bench.store.change { $0.spareLimit = 0 }
        try bench.spread()
        try bench.readOn(from: 256 * kib, to: 40 * mib)
        #expect(bench.store.opens == [0])
    }

    @Test("streams whose connections are wanted go at once, and nothing is lost")
    func reclaim() throws {
        let bench = try StreamBench(size: 60 * mib)
        bench.store.change { state in
            for place in 5..<60 as Range<UInt64> { state.gates[place * mib] = Gate() }
        }
        try bench.spread()
        // The reader's own stream has come to its end by then.
        #expect(bench.store.waits { $0.openSpares == 4 && $0.reclaims.count == 4 })
        bench.store.reclaimAll()
        #expect(bench.store.waits { $0.openSpares == 0 })
        bench.store.change { state in
            state.gates.values.forEach { $0.open() }
            state.gates = [:]
        }
        try bench.readOn(from: 256 * kib, to: 60 * mib)
    }

    @Test("transfers that break, on whatever connection, cost no byte")
    func breaks() throws {
        let bench = try StreamBench(size: 60 * mib)
        bench.store.change { state in
            for place in stride(from: 5 * mib + 77, to: 60 * mib, by: 3_500_000) { state.breaks[place] = 1 }
        }
        try bench.spread()
        try bench.readOn(from: 256 * kib, to: 60 * mib)
    }

    @Test("a reader that goes elsewhere has the other streams ended")
    func seek() throws {
        let bench = try StreamBench(size: 400 * mib)
        bench.store.change { state in state.gates = [14 * mib: Gate()] }
        try bench.spread()
        #expect(bench.store.waits { $0.openSpares > 0 })
        try bench.check(300 * mib, 4096)
        #expect(bench.store.waits { $0.openSpares == 0 })
        bench.store.change { state in state.gates.values.forEach { $0.open() } }
        try bench.readOn(from: 256 * kib, to: 20 * mib)
    }

    @Test("memory stays bounded while the reader is slow")
    func memory() throws {
        let bench = try StreamBench(size: 200 * mib) { $0.memoryLimit = 16 << 20 }
        try bench.spread()
        var most = 0
        for place in stride(from: 256 * kib, to: 100 * mib, by: 1 << 20) {
            try bench.check(place, 1 << 20)
            most = max(most, bench.environment.budget.usedBytes)
        }
        #expect(most <= (16 << 20) + 5 * (256 << 10))
        // Nothing is thrown away to be fetched again.
        #expect(bench.store.received < 130 * mib)
    }

    @Test("a file that changes is stale, never a mixture", arguments: [3, 9, 17, 30] as [UInt64])
    func changes(after read: UInt64) throws {
        let bench = try StreamBench(size: 60 * mib)
        try bench.spread()
        try bench.readOn(from: 256 * kib, to: read * mib)
        bench.store.change { state in
            state.modified.seconds += 10
            state.seed = 3
        }
        // Old bytes for a while, but not up to the end.
        #expect(throws: VolumeError.self) {
            try bench.readOn(from: 256 * kib + read * mib, to: 60 * mib)
        }
        #expect(bench.content.isStale)
    }

    @Test("a segment that ends after the end of the file was checked is checked once more")
    func lateSegment() throws {
        let bench = try StreamBench(size: 12 * mib)
        let gate = Gate()
        try bench.check(0, 4096)
        let remote = try #require(bench.content.monitor.withLock { $0.remote })
        bench.store.change { $0.gates[2 * mib] = gate }
        try bench.spread(over: 2)
        // The last segment comes to its end while the first is held up.
        #expect(remote.monitor.wait(until: .after(.seconds(60))) { $0.isEndChecked ? true : nil } ?? false)
        #expect(bench.store.waits { $0.openSpares == 0 })
        bench.store.change { $0.modified.seconds += 10 }
        gate.open()
        #expect(throws: VolumeError.self) { try bench.readOn(from: 256 * kib, to: 12 * mib) }
    }

    @Test("closing the file ends all streams")
    func close() throws {
        let bench = try StreamBench(size: 200 * mib)
        bench.store.change { state in state.gates = [14 * mib: Gate()] }
        try bench.spread()
        #expect(bench.store.waits { $0.openSpares > 0 })
        bench.content.close(path: "/f".remote)
        #expect(bench.environment.waitForStreams(until: .after(.seconds(30))))
        #expect(bench.store.waits { $0.openReaders == 0 })
        #expect(bench.environment.budget.usedBytes == 0)
    }

    @Test("a reader that waits for a slow transfer on a long link gets more of them by itself")
    func engages() throws {
        let bench = try StreamBench(size: 1024 * mib)
        bench.store.change { state in
            state.openDelay = .milliseconds(15)
            state.chunkDelay = .milliseconds(2)
        }
        var place: UInt64 = 0
        while place < 1000 * mib, bench.store.state.withLock({ $0.spareOpens.isEmpty }) {
            try bench.check(place, 1 << 20)
            place += mib
        }
        #expect(bench.store.state.withLock { !$0.spareOpens.isEmpty })
        try bench.readOn(from: place, to: place + 20 * mib)
    }

    @Test("one stream a file, when the user wants no more")
    func single() throws {
        let bench = try StreamBench(size: 1024 * mib) { $0.streamsPerFile = 1 }
        bench.store.change { state in
            state.openDelay = .milliseconds(15)
            state.chunkDelay = .milliseconds(1)
        }
        try bench.readOn(from: 0, to: 24 * mib)
        #expect(bench.store.opens == [0])
    }
}
