package import Posix

/// Why a TLS connection could not be made or went wrong.
///
/// After any of these but `timedOut` and `interrupted` the connection is good for nothing but to be closed.
package enum TLSError: Error, Hashable, Sendable {
    /// The deadline passed; the step can be tried again.
    case timedOut
    /// The wakeup was raised; the step can be tried again.
    case interrupted
    /// TCP ended without close_notify: what was read may lack its tail (also: the server hung up inside the handshake).
    case truncated
    /// The connection was closed, here or by the server, and no longer takes bytes.
    case closed
    /// The server sent a fatal alert; its text.
    case refusedByPeer(String)
    /// The server's certificate is not trusted.
    case notTrusted(CertificateProblem)
    /// The data connection showed another certificate than the control connection: somebody else may have taken the port.
    case peerChanged
    /// What came is not TLS; a description with the start of what came.
    case notTLS(String)
    /// Any other failure of the protocol, in OpenSSL's words.
    case failed(String)
    /// A system call failed; a failed connect(2) shows up here as well.
    case system(Errno)
    /// The configuration cannot be used; which part and why.
    case configuration(String)
}

extension TLSError: CustomStringConvertible {
    /// One line for the log; for `notTrusted` several.
    package var description: String {
        switch self {
        case .timedOut: "timed out"
        case .interrupted: "interrupted"
        case .truncated: "the connection ended without a TLS close_notify"
        case .closed: "the TLS connection is closed"
        case .refusedByPeer(let alert): "the server refused TLS: \(alert)"
        case .notTrusted(let problem): problem.description
        case .peerChanged: "the data connection showed another certificate than the control connection"
        case .notTLS(let text): "not TLS: \(text)"
        case .failed(let text): "TLS failed: \(text)"
        case .system(let error): error.description
        case .configuration(let text): text
        }
    }

    init(_ error: WaitError) {
        switch error {
        case .timedOut: self = .timedOut
        case .interrupted: self = .interrupted
        case .failed(let error): self = .system(error)
        }
    }
}
