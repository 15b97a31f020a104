import TestSupport
import Testing

/// Random operations while random things go wrong, compared with a local directory.
@Suite("Random operations with faults") struct RandomFaultTests {
    private static let seed: UInt64 = 4711

    @Test("all that was acknowledged is there, and what failed was done or not", arguments: Program.servers)
    func operations(_ kind: ServerKind) throws {
        let bench = try FaultBench(kind)
        let operations = try RandomOperations(bench, seed: Self.seed)
        for round in 0..<6 {
            try withFaults(on: bench.relay, seed: Self.seed + UInt64(round)) {
                for _ in 0..<25 {
                    let complaint = try operations.step()
                    #expect(complaint == nil, "\(kind), seed \(Self.seed), round \(round)")
                }
            }
            let complaint = try operations.settle()
            #expect(complaint == nil, "\(kind), seed \(Self.seed), round \(round)")
        }
        #expect(try bench.mount.unmount() == 0)
    }
}
