/// One direction of a relayed connection: what was read from one side and has not arrived at the other.
struct RelayPipe {
    /// What crosses the link in one go.
    enum Content {
        case bytes([UInt8])
        /// FIN.
        case end
        /// RST.
        case reset
    }

    /// Something on its way.
    struct Piece {
        /// What it is, without what has arrived of it.
        var content: Content
        /// The logical time at which it arrives, in half trips.
        let arrival: Int
        /// When it may arrive on the real clock.
        let due: ContinuousClock.Instant
    }

    /// How many bytes may be on their way in one direction of one connection: much more than the client's windows, so that the relay
    /// holds up no stream.
    private static let room = 4 << 20

    /// What is on its way, the oldest first.
    private(set) var pieces: ArraySlice<Piece> = []
    private var byteCount = 0
    /// Whether the sender has ended it: nothing more is read, and nothing but a reset can follow.
    private(set) var isEnded = false
    private var isReset = false

    /// Whether the relay should read more.
    var wantsMore: Bool { !isEnded && byteCount < Self.room }

    /// When the next piece may arrive; nil when none is on its way.
    var due: ContinuousClock.Instant? { pieces.first?.due }

    /// Puts a piece on its way; passed over when the direction has ended.
    mutating func append(_ piece: Piece) {
        switch piece.content {
        case .bytes(let bytes) where !isEnded: byteCount += bytes.count
        case .end where !isEnded: isEnded = true
        case .reset where !isReset: (isEnded, isReset) = (true, true)
        case .bytes, .end, .reset: return
        }
        pieces.append(piece)
    }

    /// Drops all that is on its way: nobody is there to get it.
    mutating func discard() {
        pieces = []
        byteCount = 0
    }

    /// Takes so many bytes off the first piece, or all of it.
    mutating func consume(_ count: Int? = nil) {
        guard let first = pieces.first else { return }
        guard case .bytes(let bytes) = first.content else {
            pieces.removeFirst()
            return
        }
        let count = count ?? bytes.count
        byteCount -= count
        if count == bytes.count {
            pieces.removeFirst()
        } else {
            pieces[pieces.startIndex].content = .bytes(Array(bytes.dropFirst(count)))
        }
    }
}
