import Foundation
import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// A content over one made-up file.
final class StreamBench: Sendable {
    let store: StreamStore
    let environment: ContentEnvironment
    let content: FileContent
    let log: RecordedLog
    private let directory: String

    init(size: UInt64, _ configure: (inout ContentSettings) -> Void = { _ in }) throws {
        directory = NSTemporaryDirectory() + "ftpsfs-stream-\(UUID().uuidString)"
        store = StreamStore(size: size)
        log = RecordedLog()
        var settings = ContentSettings()
        configure(&settings)
        environment = ContentEnvironment(
            store: store,
            spool: try Spool(
                cacheDirectory: directory, source: "s", cacheSize: 1 << 30, logger: log.logger),
            settings: settings, logger: log.logger)
        content = FileContent(
            environment: environment,
            base: FileVersion(size: size, modified: store.state.withLock { $0.modified }), size: size)
    }

    deinit {
        content.close(path: "/f".remote)
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Reads and compares; the seed is the version's.
    func check(_ offset: UInt64, _ count: Int, seed: Int = 0) throws {
        let end = min(offset + UInt64(count), content.size)
        let expected = offset < end ? StreamStore.expected(offset..<end, seed: seed) : []
        let got = try content.bytes(Int(offset), count, path: "/f")
        if got != expected { Issue.record("other bytes at \(offset)") }
    }

    func error(_ offset: UInt64, _ count: Int, for request: Request = Request()) -> VolumeError? {
        do throws(VolumeError) {
            _ = try content.read(at: offset, count: count, path: "/f".remote, for: request)
            return nil
        } catch {
            return error
        }
    }
}

private let kib: UInt64 = 1 << 10
private let mib: UInt64 = 1 << 20

@Suite("Reading ahead")
struct ReadAheadTests {
    @Test("a sequential reader is served by one stream, checked at its end")
    func sequential() throws {
        let bench = try StreamBench(size: 6 * mib + 12_345)
        for place in stride(from: 0, to: 7 * mib, by: 128 << 10) { try bench.check(place, 128 << 10) }
        #expect(bench.store.opens == [0])
        #expect(bench.store.checks == 1)
        #expect(bench.store.received == 6 * mib + 12_345)
        #expect(bench.store.waits { $0.openReaders == 0 })
    }

    @Test("a small file comes whole in one transfer to its proven end, wherever reading begins")
    func small() throws {
        let bench = try StreamBench(size: 300_000)
        try bench.check(200_000, 4096)
        try bench.check(0, 4096)
        try bench.check(290_000, 100_000)
        #expect(bench.store.opens == [0])
        #expect(bench.store.checks == 0)
        #expect(bench.store.waits { $0.openReaders == 0 && $0.endsSeen == 1 })
    }

    @Test("reads out of order within the window need no second stream")
    func outOfOrder() throws {
        let bench = try StreamBench(size: 8 * mib)
        for pair in stride(from: 0, to: 8 * mib, by: 256 << 10) {
            try bench.check(pair + 128 * kib, 128 << 10)
            try bench.check(pair, 128 << 10)
        }
        #expect(bench.store.opens == [0])
    }

    @Test("the kernel's first requests may arrive in any order, however large they are")
    func firstOutOfOrder() throws {
        let bench = try StreamBench(size: 64 * mib)
        for place in [2, 0, 1, 3] as [UInt64] { try bench.check(place * mib, 1 << 20) }
        #expect(bench.store.opens == [0])
    }

    @Test("several threads reading their shares of one sequence share one stream")
    func manyThreads() throws {
        let bench = try StreamBench(size: 16 * mib)
        let next = Monitor<UInt64>(0)
        let failures = Monitor<[String]>([])
        let threads = try (0..<4).map { _ in
            try Posix.Thread(named: "reader") {
                while true {
                    let place = next.withLock { place in
                        defer { place += 128 << 10 }
                        return place
                    }
                    guard place < 16 * mib else { return }
                    do { try bench.check(place, 128 << 10) } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
        // A thread that was left behind for longer than what is kept may have needed a stream of its own.
        #expect(bench.store.opens.count <= 3)
    }

    @Test("reading backwards gives the right bytes")
    func backwards() throws {
        let bench = try StreamBench(size: 3 * mib)
        for place in stride(from: Int(3 * mib) - 64 << 10, through: 0, by: -64 << 10) {
            try bench.check(UInt64(place), 64 << 10)
        }
    }

    @Test("random small reads fetch little more than what was asked for")
    func random() throws {
        let bench = try StreamBench(size: 256 * mib)
        var dice = Dice(seed: 5)
        for _ in 0..<100 {
            try bench.check(UInt64.random(in: mib..<(256 * mib), using: &dice), 4096)
        }
        #expect(bench.store.received < 100 * 64 * kib)
        #expect(bench.store.waits { $0.openReaders <= 2 })
    }

    @Test("a small gap is read through")
    func gap() throws {
        let bench = try StreamBench(size: 64 * mib)
        try bench.check(0, 4096)
        for place in stride(from: 200 * kib, to: 8 * mib, by: Int(200 * kib)) { try bench.check(place, 4096) }
        #expect(bench.store.opens == [0])
    }

    @Test("two places are read alternately from two streams")
    func twoStreams() throws {
        let bench = try StreamBench(size: 64 * mib)
        for step in 0..<20 as Range<UInt64> {
            try bench.check(step * 64 * kib, 64 << 10)
            try bench.check(32 * mib + step * 64 * kib, 64 << 10)
        }
        #expect(bench.store.opens == [0, 32 * mib])
        #expect(bench.store.checks == 1)
        try bench.check(48 * mib, 4096)
        #expect(bench.store.waits { $0.openReaders == 2 && $0.opens.count == 3 })
    }

    @Test("a paused stream gives its connection up on demand, and reading goes on later")
    func reclaim() throws {
        let bench = try StreamBench(size: 64 * mib)
        try bench.check(0, 64 << 10)
        #expect(bench.store.waits { !$0.reclaims.isEmpty })
        bench.store.reclaimAll()
        #expect(bench.store.waits { $0.openReaders == 0 })
        for place in stride(from: 64 * kib, to: 4 * mib, by: 64 << 10) { try bench.check(place, 64 << 10) }
        #expect(bench.store.opens.count == 2)
        #expect(bench.store.checks == 1)
    }

    @Test("a stream that nobody reads from closes after a while")
    func idle() throws {
        let bench = try StreamBench(size: 64 * mib) { $0.idleTime = .milliseconds(50) }
        try bench.check(0, 64 << 10)
        #expect(bench.store.waits { $0.openReaders == 0 })
        #expect(bench.environment.waitForStreams(until: .after(.seconds(30))))
        try bench.check(64 * kib, 1 << 20)
    }

    @Test("a broken transfer is taken up again where it broke, after a look at the version")
    func breaks() throws {
        let bench = try StreamBench(size: 4 * mib)
        bench.store.change { $0.breaks = [1_000_000: 1, 2_500_001: 3] }
        for place in stride(from: 0, to: 4 * mib, by: 100_000) { try bench.check(place, 100_000) }
        #expect(bench.store.opens == [0, 1_000_000, 2_500_001, 2_500_001, 2_500_001])
        #expect(bench.store.checks == 5)
    }

    @Test("a transfer that keeps breaking is an error for those who wait, not for later readers")
    func keepsBreaking() throws {
        let bench = try StreamBench(size: 4 * mib)
        bench.store.change { $0.breaks = [1_000_000: 1000] }
        try bench.check(0, 900_000)
        guard case .remote(let cause)? = bench.error(900_000, 200_000) else {
            Issue.record("no error")
            return
        }
        #expect(cause.kind == .unreachable)
        try bench.check(0, 1_000_000)
        bench.store.change { $0.breaks = [:] }
        try bench.check(900_000, 200_000)
    }

    @Test("a file that changed before a transfer was taken up again is stale, and never a mixture")
    func changes() throws {
        let bench = try StreamBench(size: 4 * mib)
        bench.store.change { $0.breaks = [1_000_000: 1] }
        bench.store.change { $0.gates[900_000] = Gate() }
        try bench.check(0, 900_000)
        bench.store.change { state in
            state.modified.seconds += 10
            state.seed = 3
            state.gates.values.forEach { $0.open() }
        }
        guard case .stale? = bench.error(900_000, 200_000) else {
            Issue.record("not stale")
            return
        }
        #expect(bench.content.isStale)
        // What came before the change is still there; everything else is not.
        try bench.check(0, 900_000)
        guard case .stale? = bench.error(3 * mib, 10) else {
            Issue.record("not stale")
            return
        }
        #expect(bench.log.text.contains("changed on the server"))
    }

    @Test("a file that turns out longer or shorter than expected is stale", arguments: [-1000, 1000])
    func otherSize(by change: Int) throws {
        for size in [100_000, 3 * mib] {
            let bench = try StreamBench(size: size)
            bench.store.change { $0.delivered = UInt64(Int(size) + change) }
            if size > mib { try bench.check(0, 4096) }
            guard case .stale? = bench.error(size - 50, 50) else {
                Issue.record("not stale")
                continue
            }
        }
    }

    @Test("a change during a long transfer is seen at its end")
    func changeSeenAtEnd() throws {
        let bench = try StreamBench(size: 3 * mib)
        try bench.check(0, 128 << 10)
        bench.store.change { $0.modified.seconds += 5 }
        guard case .stale? = bench.error(3 * mib - 50, 50) else {
            Issue.record("not stale")
            return
        }
    }

    @Test("when only the word for the end is missing, the version decides")
    func brokenEnd() throws {
        let bench = try StreamBench(size: 100_000)
        bench.store.change { $0.breaks = [100_000: 1] }
        try bench.check(0, 100_000)
        #expect(bench.store.checks == 1)
    }

    @Test("a waiting read can be interrupted, and the stream goes on for others")
    func interrupt() throws {
        let bench = try StreamBench(size: 4 * mib)
        let gate = Gate()
        bench.store.change { $0.gates[64 << 10] = gate }
        let request = Request()
        let thread = try Posix.Thread(named: "interrupter") {
            gate.awaitArrivals()
            request.cancel()
        }
        guard case .interrupted? = bench.error(0, 128 << 10, for: request) else {
            Issue.record("not interrupted")
            return
        }
        thread.join()
        gate.open()
        try bench.check(0, 128 << 10)
        #expect(bench.store.opens == [0])
    }

    @Test("closing ends a stalled stream and those who wait for it")
    func close() throws {
        let bench = try StreamBench(size: 4 * mib)
        let gate = Gate()
        bench.store.change { $0.gates[64 << 10] = gate }
        let content = bench.content
        let thread = try Posix.Thread(named: "closer") {
            gate.awaitArrivals()
            content.close(path: "/f".remote)
        }
        guard case .badHandle? = bench.error(0, 128 << 10) else {
            Issue.record("the read was answered")
            return
        }
        thread.join()
        #expect(bench.environment.waitForStreams(until: .after(.seconds(30))))
        #expect(bench.store.waits { $0.openReaders == 0 })
        #expect(bench.environment.budget.usedBytes == 0)
    }

    @Test("an error of the store at open reaches the reader, and the next read tries again")
    func openError() throws {
        let bench = try StreamBench(size: 4 * mib)
        bench.store.change { $0.openError = .denied }
        guard case .remote(let cause)? = bench.error(0, 10) else {
            Issue.record("no error")
            return
        }
        #expect(cause.kind == .denied)
        bench.store.change { $0.openError = nil }
        try bench.check(0, 1000)
    }

    @Test("memory stays within the budget, whatever is read")
    func budget() throws {
        let limit = 2 << 20
        let bench = try StreamBench(size: 64 * mib) { settings in
            settings.memoryLimit = limit
            settings.streamLimit = 8
        }
        let others = (0..<12).map { _ in
            FileContent(
                environment: bench.environment,
                base: FileVersion(size: 64 * mib, modified: Timestamp(seconds: 1_700_000_000)), size: 64 * mib
            )
        }
        let most = Monitor(0)
        let failures = Monitor<[String]>([])
        let threads = try others.enumerated().map { number, content in
            try Posix.Thread(named: "reader") {
                var dice = Dice(seed: UInt64(number))
                for step in 0..<12 as Range<UInt64> {
                    let place =
                        number < 6 ? step * 128 * kib : UInt64.random(in: 0..<(60 * mib), using: &dice)
                    do {
                        let got = try content.bytes(Int(place), 128 << 10, path: "/f")
                        if got != StreamStore.expected(place..<(place + 128 * kib)) {
                            failures.withLock { $0.append("other bytes at \(place)") }
                        }
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                    let used = bench.environment.budget.usedBytes
                    most.withLock { $0 = max($0, used) }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
        #expect(most.withLock { $0 } <= limit + 8 * (256 << 10))
        for content in others { content.close(path: nil) }
        #expect(bench.environment.waitForStreams(until: .after(.seconds(30))))
        #expect(bench.environment.budget.usedBytes == 0)
    }

    @Test("with a single stream allowed, files read alternately are both served")
    func oneStream() throws {
        let bench = try StreamBench(size: 8 * mib) { $0.streamLimit = 1 }
        let other = FileContent(
            environment: bench.environment,
            base: FileVersion(size: 8 * mib, modified: Timestamp(seconds: 1_700_000_000)), size: 8 * mib)
        for step in 0..<8 as Range<UInt64> {
            try bench.check(step * 64 * kib, 64 << 10)
            #expect(try other.bytes(Int(step * 64 * kib), 64 << 10, path: "/f").count == 64 << 10)
        }
        other.close(path: nil)
    }

    @Test("random reads by many threads give the right bytes while transfers break", arguments: 1...4)
    func storm(seed: UInt64) throws {
        let bench = try StreamBench(size: 8 * mib) { settings in
            settings.memoryLimit = 3 << 20
            settings.idleTime = .milliseconds(20)
        }
        bench.store.change { state in
            for place in stride(from: 100_000, to: 8 * mib, by: 700_000) { state.breaks[place] = 1 }
        }
        let failures = Monitor<[String]>([])
        let threads = try (0..<6).map { number in
            try Posix.Thread(named: "reader") {
                var dice = Dice(seed: seed &* 100 &+ UInt64(number))
                for step in 0..<30 {
                    let place = UInt64.random(in: 0..<(8 * mib), using: &dice)
                    let count = [1, 4096, 70_000, 300_000].randomElement(using: &dice) ?? 1
                    if step % 10 == number { bench.store.reclaimAll() }
                    do { try bench.check(place, count) } catch { failures.withLock { $0.append("\(error)") } }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
    }
}
