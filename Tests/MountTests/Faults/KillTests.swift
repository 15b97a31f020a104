import Foundation
import TestSupport
import Testing

/// The program is killed with SIGKILL at a step of the protocol: what had returned holds, and the next mount brings the rest about.
@Suite("Kills at every step") struct KillTests {
    private static let seed: UInt64 = 2027

    @Test("a choice of operations and steps", arguments: Program.servers)
    func choice(_ kind: ServerKind) throws {
        var dice = Dice(seed: Self.seed + UInt64(kind.rawValue.count))
        for more in [[], ["write_back=0.05"]] {
            let bench = try KillBench(kind, more, cells: 6)
            for cell in try bench.cells(upTo: 12).shuffled(using: &dice).prefix(6) {
                let complaints = try bench.run(cell)
                #expect(complaints == [], "\(kind) \(more), \(cell)")
            }
            #expect(try bench.end() == 0)
        }
    }

    private static let isWhole = ProcessInfo.processInfo.environment["FTPSFS_ALL_FAULTS"] != nil

    @Test("all of them", .enabled(if: isWhole, "make faults"), arguments: Program.servers)
    func all(_ kind: ServerKind) throws {
        for more in [[], ["write_back=0.05"]] {
            let bench = try KillBench(kind, more, cells: 600)
            let cells = try bench.cells(upTo: 12)
            for (number, cell) in cells.enumerated() {
                let complaints = try bench.run(cell)
                #expect(complaints == [], "\(kind) \(more), \(cell)")
                if number % 50 == 0 { print("\(kind) \(more): \(number) of \(cells.count) kills") }
            }
            #expect(try bench.end() == 0)
        }
    }
}
