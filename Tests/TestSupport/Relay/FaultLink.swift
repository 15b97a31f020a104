import Glibc
import Posix

/// One connection of a client through a `FaultRelay`, and the one that the relay has made to the server for it.
///
/// Belongs to the relay's thread.
final class FaultLink {
    private typealias Instant = ContinuousClock.Instant

    private enum Condition {
        case flowing
        /// Nothing is taken; the client's end alone is watched for.
        case stalled
        /// All is taken and nothing passed on, until the client closes.
        case swallowing
        /// The same; it is over when both sides have closed.
        case cut
        case closed
    }

    private struct Way {
        var splitter = MessageSplitter()
        var pipe = RelayPipe()
        /// Its sender has closed it.
        var isEnded = false
        /// What comes is thrown away.
        var isSwallowed = false
    }

    let channel: Fault.Channel
    private let relay: FaultRelay
    private let client: Socket
    private let server: Socket
    private var condition = Condition.flowing
    private var toServer = Way()
    private var toClient = Way()

    /// Takes over an accepted connection and the server's; both are reset when the latter is nil.
    init(
        _ client: consuming Socket, _ server: consuming Socket, _ channel: Fault.Channel, of relay: FaultRelay
    ) {
        self.client = client
        self.server = server
        self.channel = channel
        self.relay = relay
    }

    /// Whether both sides have gone.
    var isClosed: Bool { condition == .closed }

    /// When something is to be passed on that is held up; nil for never.
    func nextTime(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        [toServer.pipe.due, toClient.pipe.due].compactMap { $0 }.filter { $0 > now }.min()
    }

    /// The client's slot for poll(2), then the server's.
    func slots(at now: ContinuousClock.Instant) -> [pollfd] {
        if condition == .stalled {
            let hangUp = pollfd(fd: client.raw, events: Self.peerHasClosed, revents: 0)
            return [hangUp, pollfd(fd: -1, events: 0, revents: 0)]
        }
        return [
            slot(client.raw, from: toServer, to: toClient, now),
            slot(server.raw, from: toClient, to: toServer, now),
        ]
    }

    /// POLLRDHUP, which the C library shows to none but its own extensions' users.
    private static let peerHasClosed: Int16 = 0x2000

    private func slot(_ raw: CInt, from source: Way, to sink: Way, _ now: Instant) -> pollfd {
        let reads = takesMore(source)
        let isLate = sink.pipe.due.map { $0 <= now } ?? false
        let events = (reads ? Int16(POLLIN) : 0) | (isLate ? Int16(POLLOUT) : 0)
        // Without events the slot is out: hang-ups are reported without being asked for, again and again.
        return pollfd(fd: events == 0 ? -1 : raw, events: events, revents: 0)
    }

    /// What is thrown away needs no room.
    private func takesMore(_ way: Way) -> Bool {
        !way.isEnded && (condition != .flowing || way.isSwallowed || way.pipe.wantsMore)
    }

    private subscript(direction: Fault.Direction) -> Way {
        get { direction == .toServer ? toServer : toClient }
        _modify {
            if direction == .toServer { yield &toServer } else { yield &toClient }
        }
    }

    /// Reads what has come from both sides.
    func read(_ buffer: inout [UInt8], _ slots: ArraySlice<pollfd>) {
        for (slot, direction) in zip(slots, Fault.Direction.allCases) where slot.revents != 0 {
            guard condition != .stalled else { return close() }
            guard takesMore(self[direction]) else { continue }
            receive(direction, &buffer)
        }
    }

    private func receive(_ direction: Fault.Direction, _ buffer: inout [UInt8]) {
        var span = buffer.mutableSpan
        var room = span.mutableBytes
        do throws(Errno) {
            let count =
                direction == .toServer
                ? try client.receive(into: &room) : try server.receive(into: &room)
            guard let count else { return }
            if count > 0 { pass(buffer[..<count], direction) } else { end(direction) }
        } catch {
            close()
        }
    }

    private func pass(_ bytes: ArraySlice<UInt8>, _ direction: Fault.Direction) {
        for message in self[direction].splitter.split(bytes) {
            guard condition == .flowing, !self[direction].isSwallowed else { return }
            guard let (effect, intact) = relay.judge(message.count, channel, direction) else {
                append(.bytes(message), direction)
                continue
            }
            if intact > 0, effect != .corrupt { append(.bytes(Array(message[..<intact])), direction) }
            switch effect {
            case .cut:
                append(.end, direction)
                append(.end, direction.reverse)
                condition = .cut
            case .halfClose:
                append(.end, direction)
                self[direction].isSwallowed = true
            case .reset:
                append(.reset, direction)
                condition = .cut
            case .stall: condition = .stalled
            case .swallow: condition = .swallowing
            case .delay: append(.bytes(Array(message[intact...])), direction, after: Fault.delay)
            case .corrupt:
                var message = message
                message[intact == 0 ? message.count / 2 : intact] ^= 1
                append(.bytes(message), direction)
            }
        }
    }

    private func end(_ direction: Fault.Direction) {
        self[direction].isEnded = true
        switch condition {
        case .flowing:
            guard !self[direction].isSwallowed else { break }
            append(.bytes(self[direction].splitter.takeRest()), direction)
            append(.end, direction)
        case .swallowing where direction == .toServer: close()
        case .cut where toServer.isEnded && toClient.isEnded: close()
        case .swallowing, .cut, .stalled, .closed: break
        }
    }

    private func append(
        _ content: RelayPipe.Content, _ direction: Fault.Direction, after delay: Duration = .zero
    ) {
        if case .bytes(let bytes) = content, bytes.isEmpty { return }
        self[direction].pipe.append(RelayPipe.Piece(content: content, arrival: 0, due: .now + delay))
    }

    /// Delivers what may arrive by now.
    func advance(at now: ContinuousClock.Instant) {
        for direction in Fault.Direction.allCases {
            while condition != .closed, let piece = self[direction].pipe.pieces.first, piece.due <= now,
                deliver(piece, direction)
            {}
        }
        if condition == .flowing, isOver(toServer), isOver(toClient) { condition = .closed }
    }

    private func isOver(_ way: Way) -> Bool { way.isEnded && way.pipe.pieces.isEmpty }

    /// Whether the piece has arrived whole.
    private func deliver(_ piece: RelayPipe.Piece, _ direction: Fault.Direction) -> Bool {
        switch piece.content {
        case .bytes(let bytes):
            do throws(Errno) {
                let count =
                    direction == .toClient
                    ? try client.send(bytes.span.bytes) : try server.send(bytes.span.bytes)
                guard let count else { return false }
                self[direction].pipe.consume(count)
                return count == bytes.count
            } catch {
                close()
                return false
            }
        case .end:
            if direction == .toClient { try? client.shutdownSending() } else { try? server.shutdownSending() }
            self[direction].pipe.consume()
            return true
        case .reset:
            close()
            return true
        }
    }

    /// Passes nothing on any more, and says nothing to either side.
    func swallow() {
        if condition == .flowing { condition = .swallowing }
    }

    /// Resets both sides.
    func close() {
        guard condition != .closed else { return }
        client.resetOnClose()
        server.resetOnClose()
        condition = .closed
    }
}
