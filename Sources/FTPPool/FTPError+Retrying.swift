import FTPClient
import FTPWire

/// Which failures another attempt may not meet.
extension FTPError {
    /// Whether the same commands may succeed on another session: the connection failed, not the request.
    var isWorthRetrying: Bool {
        switch self {
        case .unavailable, .loggedOut, .resumptionRefused, .connectionLost, .timedOut, .loginUnanswered,
            .dataConnection, .protocolViolation:
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
        case .timedOut, .loginUnanswered, .loggedOut, .resumptionRefused: return 2
        default: return 4
        }
    }

    /// Whether the server has said nothing to a password, and may have counted it as a wrong one.
    var isUnansweredLogin: Bool {
        if case .loginUnanswered = self { true } else { false }
    }

    /// Whether the server has no place for another connection, while others may go on.
    var isConnectionLimit: Bool {
        if case .tooManyConnections = self { true } else { false }
    }
}
