import Posix
import Remote

/// One listing under way, shared by all who want it.
final class ListingFlight: Sendable {
    /// How a flight ended.
    enum Outcome: Sendable {
        /// The listing is here.
        case landed(PackedListing)
        /// The store failed.
        case failed(RemoteError)
        /// The one who flew was interrupted, or the directory was moved meanwhile: somebody else must try.
        case abandoned
    }

    /// Orders the flight among the changes: what happened later survives the listing's arrival.
    let sequence: UInt64
    /// When it began.
    let startedAt: Duration
    private let outcome = Monitor<Outcome?>(nil)

    /// Makes a flight that begins now.
    init(sequence: UInt64, startedAt: Duration) {
        self.sequence = sequence
        self.startedAt = startedAt
    }

    /// Tells everybody who waits.
    func finish(_ result: Outcome) {
        outcome.update { $0 = result }
    }

    /// Waits for the end; throws `.interrupted` when the request is cancelled before it.
    func wait(for request: Request) throws(VolumeError) -> Outcome {
        let token = request.onCancel { [outcome] in outcome.wakeAll() }
        defer { request.remove(token) }
        let result = try outcome.wait { outcome throws(VolumeError) -> Outcome? in
            if let outcome { return outcome }
            if request.isCancelled { throw .interrupted }
            return nil
        }
        return result ?? .abandoned
    }
}
