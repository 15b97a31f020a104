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
            case .refused(let verb, let reply): ReplyMeaning(reply, to: verb).kind ?? .denied
            case .loginRefused: .authentication
            case .tooManyConnections: .busy
            case .protectionRefused: .untrusted
            case .unavailable, .resumptionRefused, .connectionLost, .dataConnection, .resolve, .connect:
                .unreachable
            case .timedOut: .timedOut
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
}
