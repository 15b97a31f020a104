import COpenSSL

/// What is demanded of the certificate on one connection, and what came of it; OpenSSL's callbacks find it through the `SSL`.
///
/// Used by the thread that uses the connection.
final class PeerCheck {
    /// Where new tickets go.
    let tickets: SessionTickets
    /// The digest the leaf must have, on data connections.
    let expectedLeaf: [UInt8]?
    /// Why the certificate was refused.
    private(set) var failure: TLSError?
    /// Whether a certificate was shown in this handshake, and accepted.
    private(set) var hasAccepted = false

    private let host: String
    private let pins: [[UInt8]]
    private let verifiesChain: Bool

    init(
        host: String, configuration: TLSConfiguration, tickets: SessionTickets, expectedLeaf: [UInt8]? = nil
    ) {
        self.host = host
        self.tickets = tickets
        self.expectedLeaf = expectedLeaf
        pins = configuration.pins
        verifiesChain = configuration.verifiesPeer
    }

    /// Judges the certificate in a full handshake: OpenSSL's replacement for its own verification.
    ///
    /// Returns 1 to go on, 0 to end the handshake with an alert.
    func judge(_ store: OpaquePointer) -> CInt {
        guard let leaf = unsafe X509_STORE_CTX_get0_cert(store) else {
            failure = Self.noCertificate
            return 0
        }
        let digest = unsafe Certificate.sha256(of: leaf)
        if let expectedLeaf, !areEqual(digest, expectedLeaf) {
            failure = .peerChanged
            return unsafe refuse(store, X509_V_ERR_APPLICATION_VERIFICATION)
        }
        if !pins.isEmpty {
            // All pins are compared, so that the time taken tells nothing about which one matched.
            var matches = false
            for pin in pins where areEqual(digest, pin) { matches = true }
            if matches { return unsafe accept(store) }
            unsafe note(leaf, reason: "it is not the certificate that tls_pin names")
            return unsafe refuse(store, X509_V_ERR_APPLICATION_VERIFICATION)
        }
        guard verifiesChain else { return unsafe accept(store) }
        if unsafe X509_verify_cert(store) == 1 { return unsafe accept(store) }
        unsafe note(leaf, reason: reason(store))
        return 0
    }

    /// Checks that a full handshake that has ended did not go without a certificate, as anonymous ciphers do: OpenSSL never asks then.
    func judgeFull() -> TLSError? { hasAccepted ? nil : Self.noCertificate }

    /// Checks the leaf that a resumed session carries; nil if it is the expected one.
    func judgeResumed(leaf: [UInt8]?) -> TLSError? {
        guard let expectedLeaf else { return nil }
        guard let leaf, areEqual(leaf, expectedLeaf) else { return .peerChanged }
        return nil
    }

    private func accept(_ store: OpaquePointer) -> CInt {
        hasAccepted = true
        unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
        return 1
    }

    private func refuse(_ store: OpaquePointer, _ code: CInt) -> CInt {
        unsafe X509_STORE_CTX_set_error(store, code)
        return 0
    }

    private static let noCertificate = TLSError.failed("the server showed no certificate")

    private func note(_ leaf: OpaquePointer, reason: String) {
        let identity = unsafe Certificate.identity(of: leaf)
        failure = .notTrusted(CertificateProblem(identity: identity, reason: reason, host: host))
    }

    private func reason(_ store: OpaquePointer) -> String {
        let code = unsafe X509_STORE_CTX_get_error(store)
        let depth = unsafe X509_STORE_CTX_get_error_depth(store)
        let words = plainWords(code)
        guard depth > 0, let culprit = unsafe X509_STORE_CTX_get_current_cert(store),
            code != X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
        else { return words }
        return "\(words) (in the chain: \(unsafe Certificate.identity(of: culprit).subject))"
    }

    private func plainWords(_ code: CInt) -> String {
        switch code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "it is not made out to \(host)"
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "the certificate has expired"
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "the certificate is not yet valid"
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "it is signed by itself, not by a known authority (self-signed certificate)"
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "its authority is not a known one (self-signed certificate in certificate chain)"
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "its authority is not a known one (unable to get issuer certificate)"
        default:
            guard let words = unsafe X509_verify_cert_error_string(Int(code)) else {
                return "verification error \(code)"
            }
            return unsafe String(cString: words)
        }
    }

    /// Compares in constant time.
    private func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count, !left.isEmpty else { return false }
        return unsafe CRYPTO_memcmp(left, right, left.count) == 0
    }
}

extension PeerCheck {
    /// The place of a connection's `PeerCheck` among the data that OpenSSL keeps for us; negative if there was none to be had.
    static let index: CInt = ftpsfs_ssl_new_index()

    /// Finds the object of a connection, which lives as long as the connection.
    static func of(_ ssl: OpaquePointer?) -> PeerCheck? {
        guard let ssl = unsafe ssl, let pointer = unsafe SSL_get_ex_data(ssl, index) else { return nil }
        // SAFETY: `Connection` stores an object that it owns itself, and frees the `SSL` first.
        return unsafe Unmanaged<PeerCheck>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Attaches the object; the caller keeps it alive longer than the connection.
    func attach(to ssl: OpaquePointer) -> Bool {
        guard PeerCheck.index >= 0 else { return false }
        return unsafe SSL_set_ex_data(ssl, PeerCheck.index, Unmanaged.passUnretained(self).toOpaque()) == 1
    }
}
