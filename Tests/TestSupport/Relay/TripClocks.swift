/// The logical clocks of a client and of the servers behind a link, in half trips: how often, in the longest chain of causes so far,
/// something has crossed the link.
///
/// Lamport's clocks: what one side sends bears its time; when it arrives, the other side's time is at least one more. What a side sends
/// without having waited bears the same time as what it sent before, and costs nothing more.
struct TripClocks: Sendable {
    /// One end of the link.
    enum Side: Sendable {
        case client, server

        /// The one at the other end.
        var other: Side { self == .client ? .server : .client }
    }

    private var client = 0
    private var server = 0

    /// The time of one side.
    subscript(side: Side) -> Int { side == .client ? client : server }

    /// Lets something arrive at a side: its time is the arrival's at least.
    mutating func advance(_ side: Side, to time: Int) {
        switch side {
        case .client: client = max(client, time)
        case .server: server = max(server, time)
        }
    }
}
