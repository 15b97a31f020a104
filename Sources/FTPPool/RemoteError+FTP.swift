package import FTPClient
import FTPWire
package import Remote

extension RemoteError {
    /// Translates what a session met; a refusal that leaves its reason open becomes `.denied`.
    ///
    /// `FTPStore.settle` finds out what such a reply meant before it comes to this.
    package init(_ error: FTPError, operation: String, path: RemotePath?) {
        let kind: Kind =
            switch error {
            case .refused(let verb, let reply):
                ReplyMeaning(reply, to: verb).kind ?? Self.likelyKind(reply, verb)
            case .loginRefused, .loggedOut: .authentication
            case .tooManyConnections: .busy
            case .protectionRefused: .untrusted
            case .unavailable, .resumptionRefused, .connectionLost, .dataConnection, .resolve, .connect:
                .unreachable
            case .timedOut, .loginUnanswered: .timedOut
            case .interrupted: .interrupted
            case .tls: error.breaksTrust ? .untrusted : .unreachable
            case .protocolViolation, .listing: .protocolBroken
            case .unreadable: .denied
            case .invalidName: .invalidName
            case .tooLong: .nameTooLong
            case .unsupported: .unsupported
            }
        self.init(kind, operation: operation, path: path, words: error.description)
    }

    /// The best guess where a reply's words leave the reason open and nothing more can be asked.
    ///
    /// 451 is a local error of the server; while it stores a file that is nearly always a full disk, of which ProFTPD 1.3.8 says
    /// "Input/output error" and Pure-FTPd 1.0.50 "Error during write to file".
    private static func likelyKind(_ reply: Reply, _ verb: String) -> Kind {
        guard reply.isTransientFailure else { return .denied }
        return reply.code == 451 && ["STOR", "APPE"].contains(verb) ? .noSpace : .protocolBroken
    }
}
