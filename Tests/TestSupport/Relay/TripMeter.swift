/// Counts the round trips of one attempt at an operation.
package final class TripMeter {
    private let relay: CountingRelay
    /// What was counted; nil as long as nothing was.
    package private(set) var trips: Int?

    init(_ relay: CountingRelay) { self.relay = relay }

    /// Counts the round trips from a moment of rest to the operation's return.
    package func count<Result>(_ operation: () throws -> Result) throws -> Result {
        try relay.settle()
        let start = relay.clientTime
        let result = try operation()
        trips = (relay.clientTime - start) / 2
        return result
    }
}

extension CountingRelay {
    /// The round trips that an operation takes in some attempts, of which the first that is within the budget is the last.
    ///
    /// Noise only ever adds to them: the least one is what the operation costs. The body gets a meter, for the part of the attempt that
    /// counts, and the attempt's number, from 0.
    package func trips(
        within budget: Int, attempts: Int = 5, _ body: (TripMeter, Int) throws -> Void
    ) throws -> [Int] {
        var counts: [Int] = []
        while counts.count < attempts, counts.last.map({ $0 > budget }) ?? true {
            let meter = TripMeter(self)
            try body(meter, counts.count)
            guard let trips = meter.trips else { throw SupportFailure("an attempt has counted nothing") }
            counts.append(trips)
        }
        return counts
    }

    /// The least number of round trips that an operation takes, as `trips` says.
    package func leastTrips(
        within budget: Int, attempts: Int = 5, _ body: (TripMeter, Int) throws -> Void
    ) throws -> Int {
        try trips(within: budget, attempts: attempts, body).min() ?? .max
    }
}
