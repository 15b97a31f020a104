import COpenSSL
import Posix

/// The newest TLS session of one control connection, for its data connections to resume.
///
/// Servers demand that a data connection resumes the session of its own control connection (ProFTPD, FileZilla Server), so every
/// control connection has its own object. Tickets arrive at any time, with replies on the control connection and with data; the
/// newest wins. May be used from any thread; nothing blocks.
package final class SessionTickets: Sendable {
    private struct Ticket: ~Copyable {
        let session: SavedSession
        let received: ContinuousClock.Instant
        /// Nil if the server sets no limit.
        let lifetime: Duration?

        func remains(_ margin: Duration) -> Bool {
            guard let lifetime else { return true }
            return received.duration(to: .now) + margin < lifetime
        }
    }

    private struct State: ~Copyable {
        var ticket: Ticket?
        var group: String?
        var count = 0
    }

    private let state = Monitor(State())

    /// Makes an object without a ticket.
    package init() {}

    /// Whether there is a ticket that has not expired.
    package var canResume: Bool {
        state.withLock { state in
            switch state.ticket {
            case .some(let ticket): ticket.remains(.zero)
            case .none: false
            }
        }
    }

    /// Whether the ticket has expired or will within the margin; false if there is no ticket, or no limit.
    ///
    /// The control connection is then to be replaced before the next transfer: a server that insists on resumption truncates the
    /// target of a STOR before it refuses the data connection.
    package func expiresSoon(margin: Duration) -> Bool {
        state.withLock { state in
            switch state.ticket {
            case .some(let ticket): !ticket.remains(margin)
            case .none: false
            }
        }
    }

    /// How many tickets have arrived so far, for diagnosis.
    package var receivedCount: Int { state.withLock { $0.count } }

    /// Keeps a copy of a session that OpenSSL has announced.
    ///
    /// A copy, since OpenSSL marks a connection's own session object as not resumable when the connection is freed without
    /// close_notify, as every aborted transfer is, or once it has been used (TLS 1.3).
    func take(_ announced: OpaquePointer) {
        guard unsafe SSL_SESSION_is_resumable(announced) == 1,
            let session = unsafe SavedSession(copying: announced)
        else { return }
        let hint = session.lifetimeHint
        // A hint of 0 means "no limit given" up to TLS 1.2 (RFC 5077 section 3.3), "at once" from TLS 1.3 on (RFC 8446 section 4.6.1).
        if hint == 0 && session.protocolVersion >= TLS1_3_VERSION { return }
        let lifetime: Duration? = hint == 0 ? nil : .seconds(Int64(clamping: hint))
        let ticket = Ticket(session: session, received: .now, lifetime: lifetime)
        state.withLock { [ticket = Box(ticket)] state in
            state.ticket = ticket.take()
            state.count &+= 1
        }
    }

    /// A copy of the session for one connection; nil if there is none that can be offered.
    func offer() -> SavedSession? {
        state.withLock { state in
            switch state.ticket {
            case .some(let ticket): ticket.remains(.zero) ? ticket.session.copy() : nil
            case .none: nil
            }
        }
    }

    /// The key exchange group of the control connection, which the server is known to take.
    var group: String? {
        get { state.withLock { $0.group } }
        set { state.withLock { $0.group = newValue } }
    }
}

/// Carries a value that cannot be copied into a closure.
private final class Box<Value: ~Copyable> {
    private var value: Value?
    init(_ value: consuming Value) { self.value = consume value }
    func take() -> Value? { value.take() }
}

/// An `SSL_SESSION` of ours, freed with the value.
@safe
struct SavedSession: ~Copyable, @unchecked Sendable {
    // Unchecked: the object is never changed after it has been copied, and OpenSSL counts references atomically.
    private let pointer: OpaquePointer

    /// Copies a session; nil if there is no memory.
    init?(copying other: OpaquePointer) {
        guard let copy = unsafe SSL_SESSION_dup(other) else { return nil }
        unsafe pointer = copy
    }

    deinit {
        unsafe SSL_SESSION_free(pointer)
    }

    /// Another copy.
    borrowing func copy() -> SavedSession? { unsafe SavedSession(copying: pointer) }

    /// In seconds; 0 if the server gave none.
    var lifetimeHint: UInt { unsafe SSL_SESSION_get_ticket_lifetime_hint(pointer) }

    var protocolVersion: CInt { unsafe SSL_SESSION_get_protocol_version(pointer) }

    /// Makes a connection offer this session; it is consumed since TLS 1.3 sessions work once as an object.
    consuming func present(on ssl: OpaquePointer) -> Bool { unsafe SSL_set_session(ssl, pointer) == 1 }
}
