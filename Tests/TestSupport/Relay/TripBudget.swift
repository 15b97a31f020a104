import Glibc
import Posix

/// What an operation may cost in round trips.
package struct TripBudget<Operation: RawRepresentable & Sendable>: Sendable
where Operation.RawValue == String {
    /// What is counted.
    package let operation: Operation
    /// What the design wants it to cost.
    package let goal: Int
    private let limits: [ServerKind: Int]

    /// One row of a table.
    package init(
        _ operation: Operation, goal: Int, vsftpd: Int, proftpd: Int, pureftpd: Int, pyftpdlib: Int
    ) {
        self.operation = operation
        self.goal = goal
        limits = [.vsftpd: vsftpd, .proftpd: proftpd, .pureftpd: pureftpd, .pyftpdlib: pyftpdlib]
    }

    /// What it may cost on a kind of server.
    package func limit(on kind: ServerKind) -> Int { limits[kind] ?? goal }

    /// The least round trips of some attempts at the operation.
    ///
    /// With FTPSFS_ROUND_TRIPS=FILE every attempt is made, whatever the limit, and a line is added to the file: level, server, operation,
    /// least trips, limit, goal, and the trips of every attempt.
    package func measure(
        on kind: ServerKind, by relay: CountingRelay, _ level: String,
        _ body: (TripMeter, Int) throws -> Void
    ) throws -> Int {
        let limit = limit(on: kind)
        guard let path = getenv("FTPSFS_ROUND_TRIPS") else {
            return try relay.leastTrips(within: limit, body)
        }
        let counts = try relay.trips(within: 0, body)
        let least = counts.min() ?? .max
        let words = [
            level, kind.rawValue, operation.rawValue, "\(least)", "\(limit)", "\(goal)", "\(counts)",
        ]
        guard let file = fopen(path, "a") else { throw SupportFailure("cannot write: errno \(errno)") }
        defer { fclose(file) }
        fputs(words.joined(separator: "\t") + "\n", file)
        return least
    }
}
