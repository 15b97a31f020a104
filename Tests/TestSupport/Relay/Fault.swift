/// Something that goes wrong on the way between a client and a server, once.
package struct Fault: Sendable, CustomStringConvertible {
    /// The kind of connection it happens to.
    package enum Channel: String, CaseIterable, Sendable { case control, data }

    /// Which way the bytes go that meet it.
    package enum Direction: String, CaseIterable, Sendable {
        case toServer, toClient

        var reverse: Direction { self == .toServer ? .toClient : .toServer }
    }

    /// What happens; what meets it does not arrive, but for `delay` and `corrupt`.
    package enum Effect: String, CaseIterable, Sendable {
        /// Both sides get FIN.
        case cut
        /// The receiver gets FIN; the other direction goes on.
        case halfClose
        /// Both sides get RST.
        case reset
        /// Nothing is taken from either side any more: their windows close.
        case stall
        /// All is taken from both sides, and nothing arrives: a black hole.
        case swallow
        /// The direction is held up for `Fault.delay`.
        case delay
        /// One bit is turned over.
        case corrupt

        /// Those after which a client learns nothing but by its own deadlines.
        package static let silent: [Effect] = [.stall, .swallow]
    }

    /// Which bytes meet it, counted over all connections of the kind since it was armed, from 1.
    package enum Place: Sendable {
        /// The n-th message: a TLS record, or a line where it is in the clear.
        case message(Int)
        /// The n-th byte; those before it arrive.
        case byte(Int)
    }

    /// How long `Effect.delay` holds up.
    package static let delay: Duration = .milliseconds(200)

    package var channel: Channel
    package var direction: Direction
    package var effect: Effect
    package var place: Place

    /// Puts a fault together.
    package init(_ effect: Effect, _ channel: Channel, _ direction: Direction, at place: Place) {
        self.effect = effect
        self.channel = channel
        self.direction = direction
        self.place = place
    }

    package var description: String { "\(effect) at \(channel) \(direction) \(place)" }
}
