import COpenSSL
import Posix

/// How a test's server speaks TLS.
package struct TestServerTLS: Sendable {
    /// The protocol versions as OpenSSL numbers them.
    package enum Version: CInt, Sendable, CaseIterable {
        /// TLS 1.1, for refusals.
        case v1_1 = 0x0302
        /// TLS 1.2.
        case v1_2 = 0x0303
        /// TLS 1.3.
        case v1_3 = 0x0304
    }

    /// What is presented.
    package var certificate = TestCertificate.server
    /// The authority's certificate, where it is sent along.
    package var sentAuthority: TestCertificate?
    /// The lowest version taken.
    package var minimum = Version.v1_2
    /// The highest version taken.
    package var maximum = Version.v1_3
    /// How many tickets TLS 1.3 sends after a full handshake; 0 switches resumption off.
    package var tickets = 2
    /// Whether TLS 1.2 resumes by tickets; if not, by session id from the server's cache.
    package var usesTicketsInTLS12 = true
    /// The lifetime of sessions in seconds, which becomes the tickets' hint.
    package var lifetime = 7200
    /// Whether sessions are resumed at all.
    package var resumes = true
    /// The ciphers up to TLS 1.2 in OpenSSL's notation; nil means OpenSSL's default.
    package var ciphers: String?
    /// OpenSSL's security level, which forbids weak keys and digests (SSL_CTX_set_security_level(3)).
    package var securityLevel: CInt = 1
    /// The key exchange groups; nil means OpenSSL's default.
    package var groups: String?
    /// The one protocol of ALPN that is taken, and chosen; nil means that ALPN is ignored.
    ///
    /// Every other list is refused, as by vsftpd from 3.0.4 on.
    package var alpn: String?
    /// Choose that protocol whatever the client has named.
    package var forcesALPN = false
    /// Ask for a certificate of this authority, and insist on one.
    package var clientAuthority: TestCertificate?

    /// The defaults: TLS 1.2 and 1.3, resumption, the shared certificate.
    package init() {}

    /// One version only.
    package init(only version: Version) {
        minimum = version
        maximum = version
    }
}

/// The server side's `SSL_CTX`; connections that are to resume each other's sessions share one.
package final class TestServerContext: @unchecked Sendable {
    // Unchecked: configured in `init` only.
    let pointer: OpaquePointer
    // The protocol's name in memory that stays in place.
    private let alpn: UnsafeMutableBufferPointer<UInt8>
    /// What it was made from.
    package let settings: TestServerTLS

    /// Makes a context with keys for tickets of its own.
    package init(_ settings: TestServerTLS = TestServerTLS()) {
        self.settings = settings
        let name = Array((settings.alpn ?? "").utf8)
        alpn = .allocate(capacity: name.count)
        _ = alpn.initialize(from: name)
        pointer = SSL_CTX_new(TLS_server_method())
        SSL_CTX_set_security_level(pointer, settings.minimum == .v1_1 ? 0 : settings.securityLevel)
        precondition(
            ftpsfs_ssl_ctx_set_versions(pointer, settings.minimum.rawValue, settings.maximum.rawValue) == 1)
        precondition(SSL_CTX_use_certificate(pointer, settings.certificate.certificate) == 1)
        precondition(SSL_CTX_use_PrivateKey(pointer, settings.certificate.key) == 1)
        if let sent = settings.sentAuthority {
            X509_up_ref(sent.certificate)
            let chain = ftpsfs_certificates_new(sent.certificate)
            defer { ftpsfs_certificates_free(chain) }
            let own = settings.certificate
            precondition(SSL_CTX_use_cert_and_key(pointer, own.certificate, own.key, chain, 1) == 1)
        }
        let id = Array("ftpsfs".utf8)
        SSL_CTX_set_session_id_context(pointer, id, UInt32(id.count))
        SSL_CTX_set_num_tickets(pointer, settings.resumes ? settings.tickets : 0)
        ftpsfs_ssl_ctx_set_session_cache_mode(
            pointer, settings.resumes ? Int(SSL_SESS_CACHE_SERVER) : Int(SSL_SESS_CACHE_OFF))
        if !settings.usesTicketsInTLS12 || !settings.resumes {
            SSL_CTX_set_options(pointer, ftpsfs_ssl_op_no_ticket)
        }
        SSL_CTX_set_timeout(pointer, settings.lifetime)
        if let groups = settings.groups { precondition(ftpsfs_ssl_ctx_set_groups(pointer, groups) == 1) }
        if let ciphers = settings.ciphers {
            precondition(SSL_CTX_set_cipher_list(pointer, ciphers) == 1)
        }
        if settings.alpn != nil {
            SSL_CTX_set_alpn_select_cb(
                pointer, Self.chooseProtocol, Unmanaged.passUnretained(self).toOpaque())
        }
        if let authority = settings.clientAuthority {
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
            X509_STORE_add_cert(SSL_CTX_get_cert_store(pointer), authority.certificate)
        }
    }

    deinit {
        SSL_CTX_free(pointer)
        alpn.deallocate()
    }

    private typealias Choice =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
            UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
        ) -> CInt

    private static let chooseProtocol: Choice = { _, chosen, length, offered, count, context in
        guard let context, let chosen, let length else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let server = Unmanaged<TestServerContext>.fromOpaque(context).takeUnretainedValue()
        let list = UnsafeBufferPointer(start: offered, count: Int(count))
        let wanted = UnsafeBufferPointer(server.alpn)
        let isOnly = list.count == wanted.count + 1 && list.dropFirst().elementsEqual(wanted)
        guard isOnly || server.settings.forcesALPN else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        chosen.pointee = UnsafePointer(server.alpn.baseAddress)
        length.pointee = UInt8(server.alpn.count)
        return SSL_TLSEXT_ERR_OK
    }
}
