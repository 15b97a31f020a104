package import Posix

/// What a step of the handshake came to.
package enum Progress: Hashable, Sendable {
    /// The handshake is complete.
    case done
    /// To be continued once the socket is readable.
    case wantsRead
    /// To be continued once the socket is writable; also while TCP is still connecting.
    case wantsWrite
}

/// What reading without waiting came to.
package enum ReadProgress: Hashable, Sendable {
    /// So many bytes were read, at least one.
    case bytes(Int)
    /// Nothing there: to be called again once the socket is readable.
    case wantsRead
    /// The protocol must send first: to be called again once the socket is writable.
    case wantsWrite
    /// The server's close_notify was read: the end of the data, and all of it.
    case closed
}

/// What writing without waiting came to.
package enum WriteProgress: Hashable, Sendable {
    /// So many bytes were taken, at least one.
    case bytes(Int)
    /// To be called again once the socket is writable, with the same bytes (at the same or another address) and at least as many.
    case wantsWrite
    /// The protocol must read first: to be called again once the socket is readable, with the same bytes.
    case wantsRead
}

/// What a handshake agreed on.
package struct Negotiated: Hashable, Sendable {
    /// Nil for a version we do not know.
    package let version: TLSVersion?
    /// OpenSSL's name of the cipher, such as `TLS_AES_256_GCM_SHA384`.
    package let cipher: String
    /// The key exchange group, such as `secp256r1`; nil if there was none.
    package let group: String?
}

/// A TLS connection: owns the socket and the `SSL`.
///
/// Used by one thread at a time; may move between threads. Methods with a deadline block; the others never do. The socket may still
/// be connecting when the stream is made: the steps of the handshake then answer `.wantsWrite` until the connection stands, and
/// throw `.system` (ECONNREFUSED and the like) if it fails. Nothing is sent before the first step of the handshake.
/// Dropping the last reference closes the socket without close_notify.
package final class TLSStream: @unchecked Sendable {
    // Unchecked: the owner sees to it that one thread at a time uses the stream.
    let connection: Connection
    let tickets: SessionTickets
    let isData: Bool
    /// Whether close_notify has left.
    var hasSentClose = false
    /// What a read met after it had already delivered bytes; thrown by the next one.
    var deferredFailure: TLSError?
    private var identity: PeerIdentity?

    /// A control connection: sends SNI (not for IP addresses), verifies chain and host name or IP address, or the pins.
    ///
    /// Tickets that the server sends go to `tickets`, a fresh object. Throws `.configuration` for an impossible host.
    package init(
        control socket: consuming Socket, context: TLSContext, host: String, tickets: SessionTickets
    ) throws(TLSError) {
        let check = PeerCheck(host: host, context: context, tickets: tickets)
        connection = try Connection(socket, context: context, host: ServerName(host), check: check)
        self.tickets = tickets
        isData = false
        if context.configuration.namesProtocol { connection.nameProtocol() }
    }

    /// A data connection: offers the newest of `tickets`, the same SNI and first the group that control has agreed on.
    ///
    /// `peer` is the control connection's: the handshake throws `.peerChanged` unless the certificate, shown or carried by the
    /// session, is the same. Whether it resumed is for the caller to ask (`isResumed`).
    package init(
        data socket: consuming Socket, context: TLSContext, host: String, tickets: SessionTickets,
        peer: PeerIdentity
    ) throws(TLSError) {
        let check = PeerCheck(
            host: host, context: context, tickets: tickets, expectedLeaf: peer.sha256)
        connection = try Connection(socket, context: context, host: ServerName(host), check: check)
        self.tickets = tickets
        isData = true
        identity = peer
        connection.readAhead(TLSStream.readAheadBytes)
        if let group = tickets.group {
            connection.preferGroups(
                KeyExchangeGroups.list(context.configuration.groupList, startingWith: group))
        }
        if let session = tickets.offer() { connection.offer(session) }
    }

    /// Some four records at once: fewer system calls, and still little memory.
    private static let readAheadBytes = 68 << 10

    /// For poll(2); -1 once closed.
    package var descriptor: CInt { connection.transport.descriptor }

    /// Whether bytes are buffered here, so that poll(2) need not tell; to be asked before waiting for the socket.
    package var hasPendingBytes: Bool { deferredFailure != nil || connection.hasPendingBytes }

    /// Whether the handshake is complete.
    package var isHandshakeDone: Bool { connection.isHandshakeDone }

    /// Whether the handshake resumed an earlier session; false before its end.
    package var isResumed: Bool { connection.isResumed }

    /// What was agreed on; nil before the end of the handshake.
    package var negotiated: Negotiated? { connection.negotiated }

    /// Whose certificate the server showed; nil before the end of the handshake.
    package var peer: PeerIdentity? { connection.isHandshakeDone ? identity : nil }

    /// The certificates that the server sent, its own first and no more than ten; empty before the end of the handshake.
    package var chain: [PeerIdentity] { connection.isHandshakeDone ? connection.readChain() : [] }

    /// Sends the ClientHello if the socket takes it, without waiting for anything.
    package func beginHandshake() throws(TLSError) {
        _ = try continueHandshake()
    }

    /// One step of the handshake without waiting.
    ///
    /// Throws `.notTrusted`, `.peerChanged`, `.refusedByPeer`, `.notTLS`, `.truncated` if the server hung up, `.system` if TCP
    /// failed.
    package func continueHandshake() throws(TLSError) -> Progress {
        if connection.isHandshakeDone { return .done }
        switch try connection.continueHandshake() {
        case .wantsRead: return .wantsRead
        case .wantsWrite: return .wantsWrite
        case .closed: throw .closed
        case .done: break
        }
        if !isData {
            identity = connection.readPeer()
            tickets.group = connection.negotiated?.group
        }
        return .done
    }

    /// The whole handshake, or what is left of it; blocks until the deadline.
    package func handshake(until deadline: Deadline, wakeup: Wakeup? = nil) throws(TLSError) {
        while true {
            switch try continueHandshake() {
            case .done: return
            case .wantsRead: try waitFor(.readable, until: deadline, wakeup)
            case .wantsWrite: try waitFor(.writable, until: deadline, wakeup)
            }
        }
    }

    /// Waits for the socket; the deadline counts even if a peer keeps the socket ready, byte by byte.
    @discardableResult
    func waitFor(
        _ readiness: Readiness, until deadline: Deadline, _ wakeup: Wakeup?
    ) throws(TLSError) -> Readiness {
        if deadline.hasPassed { throw .timedOut }
        do throws(WaitError) {
            return try wait(for: readiness, on: descriptor, until: deadline, wakeup: wakeup).first
        } catch {
            throw TLSError(error)
        }
    }
}
