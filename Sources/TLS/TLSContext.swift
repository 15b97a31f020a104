import COpenSSL
import Glibc
import Posix

/// The settings that all TLS connections of a mount share: OpenSSL's `SSL_CTX`, complete once made.
@safe
package final class TLSContext: @unchecked Sendable {
    // Unchecked: the SSL_CTX is configured in `init` and not changed afterwards; OpenSSL lets threads share such a context.
    private let pointer: OpaquePointer
    let configuration: TLSConfiguration
    /// The revocation lists to look into; nil where there are none to be looked into.
    let revocations: RevocationLists?

    /// Reads certificates and keys from the disk, which may block; throws `.configuration` if a part cannot be used.
    package init(_ configuration: TLSConfiguration) throws(TLSError) {
        // Ahead of the context: `deinit` frees it only once all the rest stands.
        revocations = try configuration.revocationFile.map { file throws(TLSError) in
            try RevocationLists(file: file)
        }
        ErrorQueue.clear()
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw .configuration("OpenSSL cannot be used: \(ErrorQueue.drain().text)")
        }
        unsafe pointer = context
        self.configuration = configuration
        try checkPins()
        try setVersionsAndCiphers()
        setBehaviour()
        try loadAuthorities()
        try unsafe ClientIdentity.load(configuration, into: pointer)
        setCallbacks()
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }

    /// A new `SSL`, owned by the caller; nil if there is no memory.
    func makeConnection() -> OpaquePointer? {
        unsafe SSL_new(pointer)
    }

    private func checkPins() throws(TLSError) {
        guard configuration.pins.allSatisfy({ $0.count == 32 }) else {
            throw .configuration("a pin must be the 32 bytes of a SHA-256 digest")
        }
    }

    private func setVersionsAndCiphers() throws(TLSError) {
        let lowest = configuration.minimumVersion ?? .v1_2
        if let highest = configuration.maximumVersion, highest < lowest {
            throw .configuration("the highest TLS version (\(highest)) is below the lowest (\(lowest))")
        }
        let highest = configuration.maximumVersion?.rawValue ?? 0
        try check(
            unsafe ftpsfs_ssl_ctx_set_versions(pointer, CInt(lowest.rawValue), CInt(highest)),
            "the TLS versions")
        if let ciphers = configuration.ciphers {
            // `ALL` has ciphers in it that authenticate or encrypt nothing; a trailing `!` outdoes whatever stands before.
            let safe = ciphers + ":!aNULL:!eNULL"
            try check(unsafe SSL_CTX_set_cipher_list(pointer, safe), "the ciphers '\(ciphers)'")
        }
        if let suites = configuration.cipherSuites {
            try check(unsafe SSL_CTX_set_ciphersuites(pointer, suites), "the cipher suites '\(suites)'")
        } else {
            preferFastSuites()
        }
        let groups = configuration.groupList
        try check(unsafe ftpsfs_ssl_ctx_set_groups(pointer, groups), "the key exchange groups '\(groups)'")
    }

    /// Puts that suite of TLS 1.3 first which the processor does fastest, of those that the library and the system's policy allow; all are safe.
    private func preferFastSuites() {
        let suites = unsafe SSL_CTX_get_ciphers(pointer)
        let count = unsafe OPENSSL_sk_num(suites)
        let names = (0..<max(0, count)).compactMap { index -> String? in
            guard let suite = unsafe OPENSSL_sk_value(suites, index),
                let name = unsafe SSL_CIPHER_get_name(OpaquePointer(suite))
            else { return nil }
            return unsafe String(cString: name)
        }
        let allowed = names.filter { $0.hasPrefix("TLS_") }
        let fastest = Processor.acceleratesAES ? "TLS_AES_128_GCM_SHA256" : "TLS_CHACHA20_POLY1305_SHA256"
        guard allowed.contains(fastest) else { return }
        let order = [fastest] + allowed.filter { $0 != fastest }
        _ = unsafe SSL_CTX_set_ciphersuites(pointer, order.joined(separator: ":"))
    }

    private func setBehaviour() {
        unsafe SSL_CTX_set_options(pointer, ftpsfs_ssl_op_no_compression | ftpsfs_ssl_op_no_renegotiation)
        let mode = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
        unsafe ftpsfs_ssl_ctx_set_mode(pointer, Int(mode))
        // Nothing is kept inside OpenSSL: which session belongs to which control connection is ours to know.
        let cache = SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE
        unsafe ftpsfs_ssl_ctx_set_session_cache_mode(pointer, Int(cache))
    }

    private func loadAuthorities() throws(TLSError) {
        guard configuration.verifiesPeer, configuration.pins.isEmpty else { return }
        if let file = configuration.caFile {
            try check(unsafe SSL_CTX_load_verify_file(pointer, file), "the authorities in '\(file)'")
        }
        if let directory = configuration.caDirectory {
            // OpenSSL looks into the directory only when it needs a certificate, and says nothing if it cannot.
            guard unsafe access(directory, R_OK | X_OK) == 0 else {
                throw .configuration(
                    "the directory of authorities '\(directory)' cannot be read: \(Errno.current)")
            }
            try check(unsafe SSL_CTX_load_verify_dir(pointer, directory), "the authorities in '\(directory)'")
        }
        if configuration.caFile == nil && configuration.caDirectory == nil {
            try check(unsafe SSL_CTX_set_default_verify_paths(pointer), "the system's authorities")
        }
        // A certificate that the user trusts is an anchor even if it is not a root.
        unsafe X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(pointer), UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    private func setCallbacks() {
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        unsafe SSL_CTX_set_cert_verify_callback(
            pointer,
            { store, _ in
                guard let store = unsafe store, let check = unsafe PeerCheck.of(store: store) else {
                    return 0
                }
                return unsafe check.judge(store)
            }, nil)
        unsafe SSL_CTX_sess_set_new_cb(pointer) { ssl, session in
            if let session = unsafe session { unsafe PeerCheck.of(ssl)?.tickets.take(session) }
            // We made a copy; OpenSSL keeps its reference.
            return 0
        }
    }

    private func check(_ result: CInt, _ what: String) throws(TLSError) {
        guard result != 1 else { return }
        throw .configuration("\(what) cannot be used: \(ErrorQueue.drain().explanation)")
    }
}
