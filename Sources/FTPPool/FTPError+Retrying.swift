import FTPClient
import FTPWire

/// Which failures another attempt may not meet.
extension FTPError {
    /// Whether the same commands may succeed on another session: the connection failed, not the request.
    var isWorthRetrying: Bool {
        switch self {
        case .unavailable, .loggedOut, .resumptionRefused, .connectionLost, .timedOut, .dataConnection,
            .protocolViolation:
            true
        case .refused(_, let reply):
            reply.isAboutDataConnection
        case .loginRefused, .tooManyConnections, .protectionRefused, .interrupted, .resolve, .connect, .tls,
            .listing, .unreadable, .invalidName, .tooLong, .unsupported:
            false
        }
    }

    /// How often an operation is tried in all when it fails like this.
    ///
    /// A passed deadline has cost enough already, and servers count log-ins.
    var attempts: Int {
        guard isWorthRetrying else { return 1 }
        switch self {
        case .timedOut, .loggedOut, .resumptionRefused: return 2
        default: return 4
        }
    }

    /// Whether the server has no place for another connection, while others may go on.
    var isConnectionLimit: Bool {
        if case .tooManyConnections = self { true } else { false }
    }
}
