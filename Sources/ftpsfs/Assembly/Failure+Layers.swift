import FTPClient
import FTPWire
import FUSEAdapter
import Posix
import Remote
import Settings
import TLS

/// What the layers below can fail with, in words for the user.
extension Failure {
    /// A system call failed while `what` was tried.
    init(_ error: Errno, toDo what: String) {
        self.init(.system, "cannot \(what): \(error)")
    }

    /// The mount point is of no use.
    init(_ error: MountError) {
        if case .stopped = error {
            self.init(.interrupted, error.description)
        } else {
            self.init(.mountPointUnusable, error.description)
        }
    }

    /// The server cannot be reached or does not let us in.
    init(_ error: FTPError, server: String) {
        let code: ExitStatus =
            switch error {
            case .resolve: .cannotResolve
            case .loginRefused: .loginRefused
            case .protectionRefused: .tlsRefused
            case .tls(let problem): Self.code(of: problem)
            case .interrupted: .interrupted
            case .connect, .connectionLost, .timedOut, .loginUnanswered, .unavailable, .loggedOut,
                .tooManyConnections, .refused,
                .resumptionRefused, .dataConnection, .protocolViolation, .listing, .unreadable, .invalidName,
                .tooLong, .unsupported:
                .cannotConnect
            }
        guard case .tls(.notTrusted(let problem)) = error else {
            let wantsAccount = error.reply?.code == 332
            let advice = wantsAccount ? "; use the option account=NAME" : Self.advice(code)
            self.init(code, "\(server): \(error)\(advice)")
            return
        }
        let lines = problem.description.split(separator: "\n").map(String.init)
        self.init(code, "\(server): \(lines.first ?? "")", details: Array(lines.dropFirst()))
    }

    /// The log-in worked, but the directory to mount cannot be listed.
    init(listing error: RemoteError, server: String, isActive: Bool) {
        let code: ExitStatus =
            switch error.kind {
            case .unreachable, .timedOut, .busy: .cannotConnect
            case .untrusted: .tlsRefused
            case .authentication: .loginRefused
            case .notFound, .notDirectory, .denied: .pathMissing
            case .interrupted: .interrupted
            case .exists, .notEmpty, .isDirectory, .noSpace, .quotaExceeded, .nameTooLong, .invalidName,
                .crossDevice,
                .changed, .unsupported, .protocolBroken, .local:
                .mountFailure
            }
        let ports = isActive ? "the server's connections to this machine" : "the server's passive ports"
        let advice =
            code == .cannotConnect
            ? "; where a data connection fails, a firewall has to let \(ports) through"
            : ""
        self.init(
            code, "\(server): logged in, but the directory cannot be listed: \(error.words)\(advice)")
    }

    private static func code(of problem: TLSError) -> ExitStatus {
        switch problem {
        case .notTrusted, .peerChanged: .certificateNotTrusted
        case .configuration: .usage
        case .timedOut, .interrupted, .truncated, .closed, .refusedByPeer, .notTLS, .failed, .system:
            .tlsRefused
        }
    }

    private static func advice(_ code: ExitStatus) -> String {
        switch code {
        case .loginRefused:
            "; check the name and password (nothing is tried again: servers lock accounts for that)"
        case .tlsRefused:
            "; ftpsfs never goes on without TLS (where a port speaks TLS from the first byte, use tls=implicit)"
        default: ""
        }
    }
}
