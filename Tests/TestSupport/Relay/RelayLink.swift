import Glibc
import Posix

/// One connection of a client through a `CountingRelay`, and the one that the relay has made to the server for it.
///
/// Belongs to the relay's thread.
final class RelayLink {
    private typealias Instant = ContinuousClock.Instant

    private enum Step {
        /// The client's SYN is on its way, or the answer to it.
        case connecting
        /// The answer has come to the client, whose own (and perhaps first bytes with it) is on its way to the server.
        case answered
        /// The server has accepted it.
        case established
        case closed
    }

    private let relay: CountingRelay
    private let port: RelayPort
    private let client: Socket
    private var server: Socket?
    private let delay: Duration
    private let accepted: Instant
    private let acceptedAt: Int
    private var step = Step.connecting
    private var toServer = RelayPipe()
    private var toClient = RelayPipe()

    /// Takes over a connection that was just accepted, for a port of the server.
    init(_ client: consuming Socket, through port: RelayPort, of relay: CountingRelay) {
        self.client = client
        self.port = port
        self.relay = relay
        delay = relay.delay
        accepted = .now
        acceptedAt = relay.time(of: .client)
        relay.expectArrival(accepted + delay * 3)
    }

    /// Whether both sides have ended, or one was reset: it can be let go.
    var isClosed: Bool { step == .closed }

    /// When this link is to be looked at again without anything being readable; nil for never.
    ///
    /// What is late waits for room in a socket, which poll(2) tells.
    func nextTime(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        let steps =
            switch step {
            case .connecting: [accepted + delay * 2]
            case .answered: [accepted + delay * 3]
            case .established, .closed: [] as [Instant]
            }
        return (steps + [toServer.due, toClient.due].compactMap { $0 }.filter { $0 > now }).min()
    }

    /// The client's slot for poll(2), then the server's.
    func slots(at now: ContinuousClock.Instant) -> [pollfd] {
        [
            slot(client.raw, reads: toServer.wantsMore, writes: toClient, now),
            slot(serverDescriptor, reads: toClient.wantsMore, writes: toServer, now),
        ]
    }

    private var serverDescriptor: CInt { server?.raw ?? -1 }

    private func slot(_ descriptor: CInt, reads: Bool, writes pipe: RelayPipe, _ now: Instant) -> pollfd {
        let isLate = step == .established && pipe.due.map { $0 <= now } ?? false
        let events = (reads ? Int16(POLLIN) : 0) | (isLate ? Int16(POLLOUT) : 0)
        // Without events the slot is out: hang-ups are reported without being asked for, again and again.
        return pollfd(fd: events == 0 ? -1 : descriptor, events: events, revents: 0)
    }

    /// Reads what has come from both sides and stamps it.
    func read(_ buffer: inout [UInt8], _ slots: ArraySlice<pollfd>) {
        if slots[slots.startIndex].revents != 0, let content = receive(from: .client, &buffer) {
            // The first bytes follow the answer to the client's SYN.
            depart(content, to: .server, since: accepted + delay * 2, time: acceptedAt + 2)
        }
        if slots[slots.startIndex + 1].revents != 0, let content = receive(from: .server, &buffer) {
            depart(content, to: .client)
        }
    }

    /// Nil when there is nothing at the moment, or nothing is wanted.
    private func receive(from side: TripClocks.Side, _ buffer: inout [UInt8]) -> RelayPipe.Content? {
        guard self[to: side.other].wantsMore else { return nil }
        var span = buffer.mutableSpan
        var room = span.mutableBytes
        do throws(Errno) {
            let count = side == .client ? try client.receive(into: &room) : try server?.receive(into: &room)
            guard let count else { return nil }
            return count == 0 ? .end : .bytes(Array(buffer[..<count]))
        } catch {
            return .reset
        }
    }

    private func depart(
        _ content: RelayPipe.Content, to side: TripClocks.Side, since: ContinuousClock.Instant? = nil,
        time: Int = 0
    ) {
        let now = ContinuousClock.now
        let due = max(now, since ?? now) + delay
        let arrival = max(relay.time(of: side.other), time) + 1
        self[to: side].append(RelayPipe.Piece(content: content, arrival: arrival, due: due))
        relay.expectArrival(due)
    }

    private subscript(to side: TripClocks.Side) -> RelayPipe {
        get { side == .client ? toClient : toServer }
        _modify {
            if side == .client { yield &toClient } else { yield &toServer }
        }
    }

    /// Takes the steps and delivers the pieces whose time has come.
    func advance(at now: ContinuousClock.Instant) {
        if step == .connecting, now >= accepted + delay * 2 {
            relay.advance(.client, to: acceptedAt + 2)
            step = .answered
        }
        if step == .answered, now >= accepted + delay * 3 {
            relay.advance(.server, to: acceptedAt + 3)
            step = .established
            server = port.dial()
            if server == nil { depart(.reset, to: .client) }
        }
        for side in [TripClocks.Side.server, .client] {
            while step == .established, let piece = self[to: side].pieces.first, piece.due <= now,
                deliver(piece, to: side)
            {}
        }
    }

    /// Whether the piece has arrived whole.
    private func deliver(_ piece: RelayPipe.Piece, to side: TripClocks.Side) -> Bool {
        // Before the bytes: whoever has them must find the time advanced.
        relay.advance(side, to: piece.arrival)
        switch piece.content {
        case .bytes(let bytes):
            guard let count = send(bytes, to: side) else { return false }
            self[to: side].consume(count)
            return count == bytes.count
        case .end:
            if side == .client { try? client.shutdownSending() } else { try? server?.shutdownSending() }
            self[to: side].consume()
            if isOver { step = .closed }
            return true
        case .reset:
            close()
            return true
        }
    }

    /// Writes some of the bytes; nil when the side takes none now, or none any more.
    private func send(_ bytes: [UInt8], to side: TripClocks.Side) -> Int? {
        do throws(Errno) {
            return side == .client
                ? try client.send(bytes.span.bytes) : try server?.send(bytes.span.bytes)
        } catch {
            // That side has gone: what was for it is lost, and the other side learns of it by a reset.
            self[to: side].discard()
            depart(.reset, to: side.other)
            return nil
        }
    }

    // Both directions have ended, and all of it has arrived.
    private var isOver: Bool {
        toServer.isEnded && toClient.isEnded && toServer.pieces.isEmpty && toClient.pieces.isEmpty
    }

    /// Resets both sides.
    func close() {
        client.resetOnClose()
        server?.resetOnClose()
        step = .closed
    }
}
