package import FTPWire
package import Posix
package import Remote
package import TLS

/// What a server shows before anybody logs in.
package struct Introduction: Sendable {
    /// The address that was connected to.
    package let address: SocketAddress
    /// The greeting; nil where none came.
    package internal(set) var greeting: Reply?
    /// What the TLS handshake agreed on; nil where there was none.
    package internal(set) var negotiated: Negotiated?
    /// The certificates that the server sent, its own first.
    package internal(set) var chain: [PeerIdentity] = []
    /// Why it went no further; nil where the connection was protected and the certificate accepted.
    package internal(set) var failure: FTPError?
}

extension Session {
    /// Connects and protects the connection as for a session, but hangs up instead of logging in: no secret is sent.
    ///
    /// Blocks within the limits of the configuration, or until the request is cancelled. Throws when no connection is made; what
    /// fails later is told by `Introduction.failure`.
    package static func introduce(
        _ configuration: SessionConfiguration, for request: Request
    ) throws(FTPError) -> Introduction {
        let wakeup: Wakeup
        do throws(Errno) { wakeup = try Wakeup() } catch { throw .connectionLost(error.description) }
        let binding = Binding(request, raising: wakeup)
        defer { binding.dissolve() }
        let control = try connected(configuration, wakeup, request)
        defer { control.leave() }
        var introduction = Introduction(address: control.peerAddress)
        do throws(FTPError) {
            _ = try greet(configuration, control, SessionTickets(), noting: &introduction.greeting)
            introduction.negotiated = control.tls?.negotiated
            introduction.chain = control.tls?.chain ?? []
        } catch {
            if case .interrupted = error { throw error }
            introduction.failure = error
        }
        return introduction
    }
}
