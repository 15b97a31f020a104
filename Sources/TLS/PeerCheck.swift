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
    private let configuration: TLSConfiguration
    private let revocations: RevocationLists?
    /// Why OpenSSL has ended its verification.
    private var reason: String?

    init(host: String, context: TLSContext, tickets: SessionTickets, expectedLeaf: [UInt8]? = nil) {
        self.host = host
        self.tickets = tickets
        self.expectedLeaf = expectedLeaf
        configuration = context.configuration
        revocations = context.revocations
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
        if !configuration.pins.isEmpty {
            // All pins are compared, so that the time taken tells nothing about which one matched.
            var matches = false
            for pin in configuration.pins where areEqual(digest, pin) { matches = true }
            if matches { return unsafe accept(store) }
            unsafe note(leaf, reason: "it is not the certificate that tls_pin names")
            return unsafe refuse(store, X509_V_ERR_APPLICATION_VERIFICATION)
        }
        guard configuration.verifiesPeer else { return unsafe accept(store) }
        let lists = revocations?.current
        unsafe lists?.lend(to: store)
        defer {
            unsafe ListStack.withdraw(from: store)
            withExtendedLifetime(lists) {}
        }
        unsafe X509_STORE_CTX_set_verify_cb(store) { isRight, store in
            guard isRight == 0, let store = unsafe store else { return isRight }
            return unsafe PeerCheck.of(store: store)?.overlook(store) == true ? 1 : 0
        }
        if unsafe X509_verify_cert(store) == 1 { return unsafe accept(store) }
        unsafe note(leaf, reason: reason ?? words(store))
        return 0
    }

    /// Says whether verification goes on after an error; one that ends it is put into words while OpenSSL knows what it is about.
    private func overlook(_ store: OpaquePointer) -> Bool {
        if unsafe ListStack.isDispensable(store) {
            unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
            return true
        }
        reason = unsafe words(store)
        return false
    }

    private func words(_ store: OpaquePointer) -> String {
        unsafe ChainRefusal.words(store, host: host, commonNameCounts: configuration.acceptsCommonName)
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

    /// Finds the object of the connection whose certificates are being verified.
    static func of(store: OpaquePointer) -> PeerCheck? {
        let index = SSL_get_ex_data_X509_STORE_CTX_idx()
        guard let ssl = unsafe X509_STORE_CTX_get_ex_data(store, index) else { return nil }
        return unsafe of(OpaquePointer(ssl))
    }

    /// Attaches the object; the caller keeps it alive longer than the connection.
    func attach(to ssl: OpaquePointer) -> Bool {
        guard PeerCheck.index >= 0 else { return false }
        return unsafe SSL_set_ex_data(ssl, PeerCheck.index, Unmanaged.passUnretained(self).toOpaque()) == 1
    }
}
