import Glibc
import TestSupport
import Testing

/// All of it for as long as wanted: `make soak`.
///
/// With FTPSFS_SOAK_SECONDS set, rounds are made until that time is over, each with all servers: the next stretch of the fault matrix, random
/// operations with faults, and a load with crashes of the server. Figures are printed each minute and at the end.
@Suite("Soak", .serialized, .enabled(if: Soak.seconds != nil)) struct SoakTests {
    @Test("nothing is lost and nothing hangs")
    func soak() throws {
        let soak = try Soak(for: .seconds(Soak.seconds ?? 0))
        while !soak.isOver {
            for kind in Program.servers where !soak.isOver { soak.round(kind) }
        }
        soak.report("end")
        #expect(soak.losses == [])
        #expect(soak.operations > 0)
    }
}

/// The rounds, and what they have shown.
private final class Soak {
    static let seconds = getenv("FTPSFS_SOAK_SECONDS").flatMap { Int(String(cString: $0)) }

    /// Of the matrix, in a round.
    private static let cells = 40

    private(set) var operations = 0
    private(set) var losses: [String] = []
    private var failures = 0
    private var crashes = 0
    private var injected: [Fault.Effect: Int] = [:]
    private var longest = 0.0
    private var rounds = 0
    private let start = ContinuousClock.now
    private let end: ContinuousClock.Instant
    private var nextReport: ContinuousClock.Instant
    private let seed: UInt64

    init(for duration: Duration) throws {
        end = start + duration
        nextReport = start + .seconds(60)
        // Another run is to try something else; the seed is part of every report.
        seed =
            getenv("FTPSFS_SOAK_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: 1...1_000_000)
    }

    var isOver: Bool { .now >= end }

    /// One round with a server of a kind.
    func round(_ kind: ServerKind) {
        rounds += 1
        let seed = seed + UInt64(rounds)
        for (name, part) in [("matrix", matrix), ("random", random), ("load", load)] where !isOver {
            do { try part(kind, seed) } catch { note("\(kind), \(name), seed \(seed): \(error)") }
        }
    }

    private func note(_ loss: String) {
        losses.append(loss)
        print("soak: LOSS: \(loss)")
        fflush(nil)
    }

    private func matrix(_ kind: ServerKind, _ seed: UInt64) throws {
        let bench = try FaultBench(kind)
        defer { injected.merge(bench.relay.injected, uniquingKeysWith: +) }
        let matrix = FaultMatrix(bench: bench)
        var dice = Dice(seed: seed)
        for cell in try matrix.cells().shuffled(using: &dice).prefix(Self.cells) {
            guard !isOver, let outcome = try matrix.run(cell) else { break }
            operations += 1
            if outcome.isFailure { failures += 1 }
            longest = max(longest, outcome.duration / .seconds(1))
            if outcome.complaints != [] { note("\(kind), \(cell): \(outcome.complaints)") }
            reportIfDue()
        }
        try end(bench, kind)
    }

    private func random(_ kind: ServerKind, _ seed: UInt64) throws {
        let bench = try FaultBench(kind)
        defer { injected.merge(bench.relay.injected, uniquingKeysWith: +) }
        let random = try RandomOperations(bench, seed: seed)
        for round in 0..<8 where !isOver {
            try withFaults(on: bench.relay, seed: seed &* 1000 + UInt64(round)) {
                for _ in 0..<25 {
                    if let complaint = try random.step() { note("\(kind), seed \(seed): \(complaint)") }
                }
            }
            if let complaint = try random.settle() { note("\(kind), seed \(seed): \(complaint)") }
            reportIfDue()
        }
        let figures = try random.figures()
        operations += figures.operations
        failures += figures.failures
        longest = max(longest, figures.longest)
        try end(bench, kind)
    }

    private func load(_ kind: ServerKind, _ seed: UInt64) throws {
        try withMount(kind, ServerOptions(), MountOptions("timeout=5", "connect_timeout=5")) { mount in
            let load = try Load(on: mount, seed: seed)
            for _ in 1...2 {
                try load.progress(25)
                try mount.server.kill()
                try mount.server.start()
                crashes += 1
                reportIfDue()
            }
            try load.progress(25)
            let result = try load.finish()
            operations += result.operations
            failures += result.failures
            longest = max(longest, result.longest)
            for loss in result.losses { note("\(kind), seed \(seed): \(loss)") }
        }
    }

    private func end(_ bench: FaultBench, _ kind: ServerKind) throws {
        let status = try bench.mount.unmount()
        if status != 0 { note("\(kind): the program ended with status \(status)") }
    }

    private func reportIfDue() {
        guard .now >= nextReport else { return }
        nextReport += .seconds(60)
        report("\(Int((ContinuousClock.now - start) / .seconds(1))) s")
    }

    /// Prints the figures so far.
    func report(_ moment: String) {
        let faults = Fault.Effect.allCases.map { "\($0) \(injected[$0] ?? 0)" }.joined(separator: ", ")
        print(
            """
            soak: \(moment): \(operations) operations, \(failures) failed with an error; faults: \(faults); \
            crashes of servers \(crashes); losses \(losses.count); longest wait \(longest.rounded()) s; seed \(seed)
            """)
        fflush(nil)
    }
}
