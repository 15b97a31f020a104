import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// What readers leave behind who go before they are served, and memory that no stream has brought.
@Suite("What reading ahead keeps account of")
struct ReadBookkeepingTests {
    @Test("a reader that is interrupted while it waits for a stream of its own wants nothing any more")
    func interrupted() throws {
        let bench = try StreamBench(size: 8 << 20) { $0.streamLimit = 1 }
        let gate = Gate()
        defer { gate.open() }
        bench.store.change { $0.gates[0] = gate }
        let request = Request()
        let reader = try Thread(named: "reader") { _ = bench.error(0, 4096, for: request) }
        #expect(gate.awaitArrivals())
        let readAhead = try #require(bench.content.monitor.withLock { $0.remote })
        #expect(readAhead.monitor.withLock { $0.wants.count } == 1)
        // Whoever waits for a place has idle streams ended: that tells that the reader is there.
        var idle = ReadStream(
            id: 99, start: 4 << 20, end: 4 << 20, fileSize: 8 << 20, whole: false, lead: nil, mostLead: 0,
            use: 0)
        idle.isPaused = true
        _ = idle.request.onCancel { request.cancel() }
        // The stream is ended under its reader, and its thread goes on to hold the only place.
        readAhead.monitor.update { [idle] state in
            _ = state.end(0)
            state.streams.append(idle)
        }
        reader.join()
        #expect(request.isCancelled)
        #expect(readAhead.monitor.withLock { $0.wants.count } == 0)
    }

    @Test("the bytes of a file that were fetched before it was opened make room for others while it is open")
    func shedding() throws {
        let bench = try StreamBench(size: 1 << 20) { $0.memoryLimit = 2 << 20 }
        let budget = bench.environment.budget
        #expect(budget.reserve(1 << 20, urgent: false))
        let block = Block(capacity: 1 << 20)
        let version = try #require(bench.content.base)
        bench.content.prime(with: AheadContent(block, version, askedAt: .zero, budget: budget))
        #expect(budget.usedBytes == 1 << 20)
        #expect(budget.reserve(2 << 20, urgent: false))
        budget.release(2 << 20)
        #expect(budget.usedBytes == 0)
        try bench.check(0, 4096)
    }
}
