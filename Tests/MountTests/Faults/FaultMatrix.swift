import TestSupport
import Testing

/// Every operation at every protocol step with every fault, or a choice of that.
struct FaultMatrix {
    /// One operation that meets one fault.
    struct Cell: CustomStringConvertible {
        let operation: FaultOperation
        let fault: Fault

        var description: String { "\(operation.rawValue), \(fault)" }
    }

    /// What came of one.
    struct Outcome {
        /// What is wrong; empty when all is well.
        var complaints: [String] = []
        var wasMet = false
        /// The program was told an error.
        var isFailure = false
        var duration = Duration.zero
    }

    let bench: FaultBench

    /// All cells: the operations are run once without a fault to see how many messages they take.
    func cells(_ effects: [Fault.Effect] = Fault.Effect.allCases) throws -> [Cell] {
        try FaultOperation.allCases.flatMap { operation in
            guard let directory = bench.nextDirectory() else {
                throw SupportFailure("no directory is left")
            }
            try operation.prepare(directory, on: bench.server)
            bench.relay.arm(nil)
            let answer = try bench.operation.attempt(operation.words(in: directory))
            #expect(answer == operation.answer, "\(operation.rawValue) without a fault")
            return FaultRelay.Path.all.flatMap { path in
                // A long transfer is the same over long stretches.
                (0..<min(bench.relay.messages(path), 12)).flatMap { step in
                    effects.map {
                        Cell(
                            operation: operation,
                            fault: Fault($0, path.channel, path.direction, at: .message(step + 1)))
                    }
                }
            }
        }
    }

    /// Runs one cell; nil when no directory is left for it.
    func run(_ cell: Cell) throws -> Outcome? {
        guard let directory = bench.nextDirectory() else { return nil }
        let operation = cell.operation
        try operation.prepare(directory, on: bench.server)
        bench.relay.arm(cell.fault)
        let start = ContinuousClock.now
        let answer = try bench.operation.attempt(operation.words(in: directory))
        var outcome = Outcome(duration: .now - start)
        outcome.wasMet = bench.relay.disarm()
        outcome.isFailure = !answer.hasPrefix("ok")
        outcome.complaints = try judge(operation, answer, directory) + bench.leftovers(in: directory)
        // What was stored stays so.
        if answer == operation.answer, bench.state(of: directory) != operation.after {
            outcome.complaints.append("the success did not last")
        }
        return outcome
    }

    private func judge(_ operation: FaultOperation, _ answer: String, _ directory: String) -> [String] {
        if answer.hasPrefix("ok") {
            guard answer == operation.answer else { return ["told \(answer)"] }
            let isSo = bench.state(of: directory).withoutTemporaries == operation.after
            return isSo && (operation != .setMode || bench.mode(of: directory + "/file") == 0o600)
                ? [] : ["success, but it is not so"]
        }
        var complaints: [String] = []
        let error = answer.prefix { $0 != " " }
        if !FaultBench.errors.contains(String(error)) { complaints.append("failed with \(answer)") }
        let state = bench.state(of: directory).withoutTemporaries
        if state != operation.before, state != operation.after {
            complaints.append("neither old nor new: \(state.mapValues { $0?.count ?? -1 })")
        }
        return complaints
    }
}

extension FaultOperation.State {
    /// Temporary names are looked for later.
    fileprivate var withoutTemporaries: Self { filter { !$0.key.hasSuffix(".part") } }
}
