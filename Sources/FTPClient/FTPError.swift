package import FTPWire
package import Posix
package import TLS

/// Why something asked of a session failed.
///
/// Whether the session can still be used afterwards says `Session.isUsable`, not the case.
package enum FTPError: Error, Sendable {
    /// The server refused a command; the command's verb, and what it said.
    case refused(String, Reply)
    /// The server refuses the log-in; trying again with the same name and password makes it worse.
    case loginRefused(Reply)
    /// The server has too many connections, of all clients or of this one; one connection less may work.
    case tooManyConnections(Reply)
    /// The server ends the service or the session (421).
    case unavailable(Reply)
    /// The server has forgotten that we are logged in; the session must not be used in whatever state it is now.
    case loggedOut(Reply)
    /// The server does not protect a connection: AUTH TLS, PBSZ or PROT P was refused; the verb, and what it said.
    case protectionRefused(String, Reply)
    /// The server demands that a data connection resumes the TLS session, and this one did not; a new log-in helps.
    case resumptionRefused(Reply)
    /// The control connection ended or failed.
    case connectionLost(String)
    /// A deadline passed; what was waited for.
    case timedOut(String)
    /// A deadline passed after the password had been sent, and before it was known what the server makes of it; what was waited for.
    case loginUnanswered(String)
    /// The program that asked was interrupted.
    case interrupted
    /// The host name has no address.
    case resolve(ResolveError)
    /// No TCP connection could be made; the address, and why the last try failed.
    case connect(String, WaitError)
    /// A data connection failed or was cut.
    case dataConnection(String)
    /// TLS failed: the certificate, the handshake, the configuration.
    case tls(TLSError)
    /// The server said something that makes no sense at this place.
    case protocolViolation(String)
    /// A listing cannot be understood or is cut; nothing of it may be shown.
    case listing(String)
    /// The server lists nothing of a directory that exists, for lack of rights.
    case unreadable(String)
    /// The name cannot be put into a command.
    case invalidName(String)
    /// The command has more bytes than the server takes.
    case tooLong(String)
    /// The server has no way to do this.
    case unsupported(String)
}

extension FTPError {
    /// The server's reply, where there is one.
    package var reply: Reply? {
        switch self {
        case .refused(_, let reply), .loginRefused(let reply), .tooManyConnections(let reply),
            .unavailable(let reply), .loggedOut(let reply), .protectionRefused(_, let reply),
            .resumptionRefused(let reply):
            reply
        case .connectionLost, .timedOut, .loginUnanswered, .interrupted, .resolve, .connect,
            .dataConnection, .tls, .protocolViolation, .listing, .unreadable, .invalidName, .tooLong,
            .unsupported:
            nil
        }
    }

    /// Whether TLS failed for lack of trust in the server, so that trying again is of no use until somebody looks.
    package var breaksTrust: Bool {
        switch self {
        case .tls(.notTrusted), .tls(.peerChanged), .tls(.configuration): true
        default: false
        }
    }

    /// Wraps a refusal to make a command.
    ///
    /// Nothing was sent then.
    init(_ error: CommandError) {
        switch error {
        case .tooLong: self = .tooLong(error.description)
        case .forbiddenByte: self = .invalidName(error.description)
        case .notExpressible: self = .unsupported(error.description)
        }
    }

    /// Translates the end of a wait on the control connection.
    init(control error: WaitError, _ purpose: String) {
        switch error {
        case .timedOut: self = .timedOut(purpose)
        case .interrupted: self = .interrupted
        case .failed(let errno): self = .connectionLost(errno.description)
        }
    }

    /// Translates an error of the protected control connection after its handshake.
    ///
    /// vsftpd 3.0.3 writes plain text into the stream when it dies, so that even a TLS failure is only a lost connection.
    init(control error: TLSError, _ purpose: String) {
        switch error {
        case .timedOut: self = .timedOut(purpose)
        case .interrupted: self = .interrupted
        default: self = .connectionLost("\(error)")
        }
    }

    /// Translates an error of a TLS handshake.
    init(handshake error: TLSError, _ purpose: String) {
        switch error {
        case .timedOut: self = .timedOut(purpose)
        case .interrupted: self = .interrupted
        default: self = .tls(error)
        }
    }

    /// Translates an error of a data connection.
    init(data error: TLSError, _ purpose: String) {
        switch error {
        case .timedOut: self = .timedOut(purpose)
        case .interrupted: self = .interrupted
        case .notTrusted, .peerChanged, .configuration: self = .tls(error)
        default: self = .dataConnection("\(purpose): \(error)")
        }
    }
}

extension FTPError: CustomStringConvertible {
    /// One line for messages, printable, without secrets.
    package var description: String {
        switch self {
        case .refused(let verb, let reply): "\(verb) refused: \(reply)"
        case .loginRefused(let reply): "log-in refused: \(reply)"
        case .tooManyConnections(let reply): "too many connections: \(reply)"
        case .unavailable(let reply): "service not available: \(reply)"
        case .loggedOut(let reply): "the server has forgotten the log-in: \(reply)"
        case .protectionRefused(let verb, let reply): "the server refuses TLS (\(verb)): \(reply)"
        case .resumptionRefused(let reply): "data connection refused, TLS session not resumed: \(reply)"
        case .connectionLost(let reason): "connection lost: \(reason)"
        case .timedOut(let purpose), .loginUnanswered(let purpose): "timed out: \(purpose)"
        case .interrupted: "interrupted"
        case .resolve(let error): "cannot resolve the host name: \(error)"
        case .connect(let address, let error): "cannot connect to \(address): \(error)"
        case .dataConnection(let reason): "data connection failed: \(reason)"
        case .tls(let error): "TLS: \(error)"
        case .protocolViolation(let reason): "protocol violation: \(reason)"
        case .listing(let reason): "listing of no use: \(reason)"
        case .unreadable(let reason): "directory not readable: \(reason)"
        case .invalidName(let reason): "invalid name: \(reason)"
        case .tooLong(let reason): "too long: \(reason)"
        case .unsupported(let reason): "not supported by the server: \(reason)"
        }
    }
}
