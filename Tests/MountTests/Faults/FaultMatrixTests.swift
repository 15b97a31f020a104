import Foundation
import TestSupport
import Testing

/// Whatever goes wrong at whatever step: the old or the new content, the right error, no hang, nothing left over.
@Suite("Faults at every step") struct FaultMatrixTests {
    private static let seed: UInt64 = 20_26

    @Test("a choice of operations, steps and faults", arguments: Program.servers)
    func choice(_ kind: ServerKind) throws {
        let bench = try FaultBench(kind)
        let matrix = FaultMatrix(bench: bench)
        var dice = Dice(seed: Self.seed)
        let all = try matrix.cells().shuffled(using: &dice)
        // Those that cost the program's deadlines are few.
        let silent = all.filter { Fault.Effect.silent.contains($0.fault.effect) }.prefix(4)
        let loud = all.filter { !Fault.Effect.silent.contains($0.fault.effect) }.prefix(24)
        for cell in silent + loud {
            guard let outcome = try matrix.run(cell) else { return }
            #expect(outcome.complaints == [], "\(kind), \(cell)")
        }
        #expect(try bench.mount.unmount() == 0)
    }

    private static let isWhole = ProcessInfo.processInfo.environment["FTPSFS_ALL_FAULTS"] != nil

    /// Some 2,000 cells on each server, on as many benches as they need.
    @Test("all of them", .enabled(if: isWhole, "make faults"), arguments: Program.servers)
    func all(_ kind: ServerKind) throws {
        var bench = try FaultBench(kind)
        let cells = try FaultMatrix(bench: bench).cells()
        for (number, cell) in cells.enumerated() {
            var outcome = try FaultMatrix(bench: bench).run(cell)
            if outcome == nil {
                bench = try FaultBench(kind)
                outcome = try FaultMatrix(bench: bench).run(cell)
            }
            #expect(outcome?.complaints == [], "\(kind), \(cell)")
            if number % 100 == 0 { print("\(kind): \(number) of \(cells.count) faults") }
        }
    }
}
