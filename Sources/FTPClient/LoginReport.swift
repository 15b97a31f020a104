import TLS

/// What a log-in has come to, in words for users who ask; all text of the server's is printable ASCII.
package struct LoginReport: Sendable {
    /// The host as the user has named it.
    package let host: String
    /// The port of the control connection.
    package let port: UInt16
    /// The log-in name as it was sent.
    package let user: [UInt8]
    /// Version, cipher suite and group that the TLS handshake of the control connection has agreed on.
    package let protection: String
    /// The subject of the server's certificate.
    package let subject: String
    /// The SHA-256 of the certificate, lower-case hexadecimal.
    package let digest: String
    /// Which data connections TLS is to protect.
    package let dataProtection: DataProtection
    /// When the log-in was complete.
    package let moment: ContinuousClock.Instant

    /// The report on a log-in that is complete now; nil where the connection is not protected.
    init?(_ configuration: SessionConfiguration, _ stream: TLSStream?) {
        guard let negotiated = stream?.negotiated, let peer = stream?.peer else { return nil }
        let parts = [
            negotiated.version?.description ?? "unknown version", negotiated.cipher,
            negotiated.group ?? "no group",
        ]
        protection = parts.joined(separator: ", ")
        subject = peer.subject
        digest = peer.sha256Hex
        host = configuration.host
        port = configuration.port
        user = configuration.user
        dataProtection = configuration.dataProtection
        moment = .now
    }
}
