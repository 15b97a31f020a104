import COpenSSL
import Posix

/// One TLS connection on the level of OpenSSL: the only owner of an `SSL`; it never waits.
///
/// Used by one thread at a time. A failure is final: it is thrown again by every later call.
@safe
final class Connection {
    /// What a call came to.
    enum Outcome {
        /// Done; the number of bytes where bytes were asked for.
        case done(Int)
        /// To be called again once the socket is readable.
        case wantsRead
        /// To be called again once the socket is writable.
        case wantsWrite
        /// The peer's close_notify has been read.
        case closed
    }

    let transport: SocketTransport
    private let ssl: OpaquePointer
    private let check: PeerCheck
    private var failure: TLSError?
    /// Whether a record of ours waits, half sent, for the socket: nothing else can be sent before it.
    private(set) var hasPendingWrite = false
    private(set) var isHandshakeDone = false
    /// Whether the last read found that what is buffered does not make up a record.
    private var isDry = false

    init(
        _ socket: consuming Socket, context: TLSContext, host: ServerName, check: PeerCheck
    ) throws(TLSError) {
        ErrorQueue.clear()
        transport = SocketTransport(socket)
        self.check = check
        guard let ssl = unsafe context.makeConnection() else { throw .failed(ErrorQueue.drain().text) }
        unsafe self.ssl = ssl
        guard let bio = unsafe transport.makeBIO() else { throw .failed(ErrorQueue.drain().text) }
        // Both directions share the BIO, which the SSL frees.
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe SSL_set_connect_state(ssl)
        guard unsafe check.attach(to: ssl) else { throw .failed(ErrorQueue.drain().text) }
        try setHost(host, context.configuration)
    }

    deinit {
        unsafe SSL_free(ssl)
    }

    private func setHost(_ host: ServerName, _ configuration: TLSConfiguration) throws(TLSError) {
        if !host.isAddress {
            guard unsafe ftpsfs_ssl_set_host_name(ssl, host.text) == 1 else {
                throw .configuration("'\(host.text)' is too long for a host name")
            }
        }
        guard configuration.verifiesHostName else { return }
        let parameters = unsafe SSL_get0_param(ssl)
        // RFC 9525: no wildcard within a label, no common name in the place of a subjectAltName. Without the second flag OpenSSL takes
        // the common name of certificates that have no DNS name (RFC 2818 section 3.1), and never for addresses.
        let subject = configuration.acceptsCommonName ? 0 : X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
        unsafe X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | subject))
        let result =
            host.isAddress
            ? unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host.text)
            : unsafe X509_VERIFY_PARAM_set1_host(parameters, host.text, 0)
        guard result == 1 else { throw .configuration("'\(host.text)' cannot be verified as a host") }
    }

    /// The protocol's name in ALPN (RFC 7301 section 6) with its length before it.
    private static let protocolName: [UInt8] = [3] + Array("ftp".utf8)

    /// Says in the coming handshake that the connection is for FTP, so that a server for something else can refuse it (ALPACA attack).
    ///
    /// The list must be this one alone: vsftpd refuses every other from 3.0.4 on.
    func nameProtocol() {
        ErrorQueue.clear()
        // Without it, for lack of memory, the server is told nothing.
        _ = unsafe SSL_set_alpn_protos(ssl, Self.protocolName, UInt32(Self.protocolName.count))
    }

    /// Whether the server has answered with another protocol than the one named; most do not answer at all.
    private var hasChosenOther: Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name = unsafe name, length > 0 else { return false }
        return unsafe !UnsafeBufferPointer(start: name, count: Int(length)).elementsEqual(
            Self.protocolName.dropFirst())
    }

    /// Offers a session in the coming handshake.
    func offer(_ session: consuming SavedSession) {
        ErrorQueue.clear()
        // Without it the handshake is a full one, which is the server's to refuse.
        _ = unsafe session.present(on: ssl)
    }

    /// Sets the order of the key exchange groups; an order that OpenSSL refuses changes nothing.
    func preferGroups(_ list: String) {
        ErrorQueue.clear()
        _ = unsafe ftpsfs_ssl_set_groups(ssl, list)
        ErrorQueue.clear()
    }

    /// Makes reads take as much from the socket as there is, up to a number of bytes: fewer system calls for bulk data.
    func readAhead(_ bytes: Int) {
        unsafe SSL_set_default_read_buffer_len(ssl, bytes)
        unsafe SSL_set_read_ahead(ssl, 1)
    }

    /// Whether bytes have been received that poll(2) does not know of.
    var hasPendingBytes: Bool {
        guard failure == nil, !isDry else { return false }
        return unsafe SSL_has_pending(ssl) == 1
    }

    var isResumed: Bool { unsafe isHandshakeDone && SSL_session_reused(ssl) == 1 }

    var hasReceivedClose: Bool { unsafe SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

    /// The next step of the handshake.
    func continueHandshake() throws(TLSError) -> Outcome {
        if isHandshakeDone { return .done(0) }
        try prepare()
        let result = unsafe SSL_do_handshake(ssl)
        let outcome = try outcome(of: result)
        guard case .done = outcome else { return outcome }
        let verdict = isSessionReused ? check.judgeResumed(leaf: leafDigest()) : check.judgeFull()
        if let verdict { throw fail(verdict) }
        guard !hasChosenOther else {
            throw fail(.failed("the server chose another protocol than FTP (ALPN)"))
        }
        isHandshakeDone = true
        return outcome
    }

    private var isSessionReused: Bool { unsafe SSL_session_reused(ssl) == 1 }

    /// Reads at most one record.
    func read(into room: UnsafeMutableRawBufferPointer) throws(TLSError) -> Outcome {
        try prepare()
        var count = 0
        isDry = false
        let result = unsafe SSL_read_ex(ssl, room.baseAddress, room.count, &count)
        let outcome = try outcome(of: result, count: count)
        if case .wantsRead = outcome { isDry = true }
        return outcome
    }

    /// Looks for messages of the protocol itself (tickets, key updates, alerts) without taking data; `.done` if there is data.
    func look() throws(TLSError) -> Outcome {
        try prepare()
        var byte: UInt8 = 0
        var count = 0
        isDry = false
        let result = unsafe SSL_peek_ex(ssl, &byte, 1, &count)
        let outcome = try outcome(of: result, count: count)
        if case .wantsRead = outcome { isDry = true }
        return outcome
    }

    /// Sends at most one record; after `.wantsWrite` the next call must offer the same bytes again, and at least as many.
    func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) -> Outcome {
        try prepare()
        var count = 0
        let result = unsafe SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
        let outcome = try outcome(of: result, count: count)
        if case .done = outcome { hasPendingWrite = false } else { hasPendingWrite = true }
        return outcome
    }

    /// Sends close_notify; `.wantsWrite` until it has left.
    func sendClose() throws(TLSError) -> Outcome {
        guard isHandshakeDone, !hasPendingWrite else { throw .failed("closed in the middle of a record") }
        try prepare()
        let result = unsafe SSL_shutdown(ssl)
        // 0: sent; 1: sent, and the peer's has been read before.
        return result >= 0 ? .done(0) : try outcome(of: result)
    }

    /// Makes the end of the connection a silent one.
    func forgetClose() {
        unsafe SSL_set_quiet_shutdown(ssl, 1)
    }

    private func prepare() throws(TLSError) {
        if let failure { throw failure }
        ErrorQueue.clear()
    }

    private func outcome(of result: CInt, count: Int = 0) throws(TLSError) -> Outcome {
        if result > 0 { return .done(count) }
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .closed
        case SSL_ERROR_SYSCALL:
            ErrorQueue.clear()
            if let error = transport.error { throw fail(.system(error)) }
            throw fail(.truncated)
        case SSL_ERROR_SSL: throw fail(translate(ErrorQueue.drain()))
        default: throw fail(.failed(ErrorQueue.drain().text))
        }
    }

    private func fail(_ error: TLSError) -> TLSError {
        failure = error
        return error
    }

    private func translate(_ cause: ErrorQueue.Cause) -> TLSError {
        if let error = check.failure, !isHandshakeDone { return error }
        if let alert = cause.alert {
            return .refusedByPeer(words(ofAlert: alert))
        }
        switch cause.reason {
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: return .truncated
        case SSL_R_PROTOCOL_IS_SHUTDOWN: return .closed
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_BAD_RECORD_TYPE,
            SSL_R_HTTP_REQUEST,
            SSL_R_UNKNOWN_PROTOCOL:
            if isHandshakeDone { return .notTLS("clear text inside the connection (\(cause.text))") }
            // Records of TLS have types from 20 to 23.
            guard let first = transport.head.first, (20...23).contains(first) else {
                return .notTLS("the server answered '\(transport.headText())'")
            }
            return .failed(cause.text)
        default: return .failed(cause.explanation)
        }
    }
}

extension Connection {
    /// OpenSSL's words for an alert, with the option that helps where there is one.
    private func words(ofAlert alert: CInt) -> String {
        switch alert {
        case SSL_AD_CERTIFICATE_REQUIRED:
            // OpenSSL 3.0 has no words for it. Up to TLS 1.2 the same refusal is a mere "handshake failure".
            "certificate required (show one with cert=FILE)"
        case SSL_AD_NO_APPLICATION_PROTOCOL:
            "no application protocol (it may not be for FTP, or take no_alpn)"
        default:
            unsafe text(SSL_alert_desc_string_long(alert)) ?? "alert \(alert)"
        }
    }

    /// What was agreed on; nil before the end of the handshake.
    var negotiated: Negotiated? {
        guard isHandshakeDone else { return nil }
        let group = unsafe ftpsfs_ssl_get_negotiated_group(ssl)
        return unsafe Negotiated(
            version: TLSVersion(rawValue: Int(SSL_version(ssl))),
            cipher: text(SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))) ?? "unknown",
            group: group == 0 ? nil : text(SSL_group_to_name(ssl, group)))
    }

    /// Reads the peer's certificate, which in a resumed connection comes from the session.
    func readPeer() -> PeerIdentity? {
        guard let leaf = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(leaf) }
        return unsafe Certificate.identity(of: leaf)
    }

    /// Reads the certificates that the peer sent, its own first and no more than ten; none where the connection was resumed.
    func readChain() -> [PeerIdentity] {
        let length = unsafe min(ftpsfs_ssl_chain_length(ssl), 10)
        var chain: [PeerIdentity] = []
        for place in 0..<max(length, 0) {
            guard let certificate = unsafe ftpsfs_ssl_chain_certificate(ssl, place) else { continue }
            chain.append(unsafe Certificate.identity(of: certificate))
        }
        return chain
    }

    private func leafDigest() -> [UInt8]? {
        guard let leaf = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(leaf) }
        return unsafe Certificate.sha256(of: leaf)
    }

    private func text(_ words: UnsafePointer<CChar>?) -> String? {
        guard let words = unsafe words else { return nil }
        return unsafe String(cString: words)
    }
}
