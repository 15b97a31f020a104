import COpenSSL
import Glibc
import Posix

/// Why a test's server could not go on; mostly that the client has gone.
package struct TestConnectionError: Error, CustomStringConvertible {
    /// What failed.
    package let description: String
    /// Whether TCP ended without close_notify, rather than with a reset or otherwise.
    package let isTruncation: Bool

    /// Takes the text.
    package init(description: String, isTruncation: Bool = false) {
        self.description = description
        self.isTruncation = isTruncation
    }
}

/// The server's end of a TCP connection, clear or TLS, with blocking calls.
///
/// One thread reads and writes; `interrupt` may be called by any. A call that blocks for a minute fails.
package final class TestConnection: @unchecked Sendable {
    // Unchecked: `ssl` belongs to the serving thread; `descriptor` is guarded by the lock where another thread uses it.
    private let open: Monitor<Bool>
    private let descriptor: CInt
    private var ssl: OpaquePointer?
    private let sent = Monitor(0)

    /// Connects to a port, from and to addresses of the loopback.
    package static func dial(
        _ port: UInt16, on host: String = "127.0.0.1", from source: String = "127.0.0.1"
    ) throws -> TestConnection {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let connection = TestConnection(owning: descriptor)
        guard descriptor >= 0, let from = SocketAddress(numeric: source, port: 0),
            let to = SocketAddress(numeric: host, port: port),
            from.withPointer({ bind(descriptor, $0, $1) }) == 0,
            to.withPointer({ connect(descriptor, $0, $1) }) == 0
        else { throw TestConnectionError(description: "cannot connect to port \(port): errno \(errno)") }
        return connection
    }

    /// Takes over an accepted descriptor.
    init(owning descriptor: CInt) {
        self.descriptor = descriptor
        open = Monitor(true)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var one: CInt = 1
        setsockopt(
            descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    }

    deinit {
        if let ssl { SSL_free(ssl) }
        close()
    }

    /// For poll(2), on the serving thread.
    var pollDescriptor: CInt { descriptor }

    /// Whether TLS is on.
    package var isSecured: Bool { ssl != nil }

    /// Whether the handshake resumed an earlier session.
    package var isResumed: Bool { ssl.map { SSL_session_reused($0) == 1 } ?? false }

    /// The name that the client sent as SNI.
    package var serverName: String? {
        guard let ssl, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return nil }
        return String(cString: name)
    }

    /// The protocol that was chosen by ALPN; nil if none was.
    package var chosenProtocol: String? {
        guard let ssl else { return nil }
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }

    /// The SHA-256 of the client's certificate, 32 bytes; nil if it has shown none.
    package var peerSHA256: [UInt8]? {
        guard let ssl, let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        X509_digest(certificate, EVP_sha256(), &digest, &length)
        return digest
    }

    /// The protocol version; nil in clear.
    package var version: TestServerTLS.Version? {
        ssl.flatMap { TestServerTLS.Version(rawValue: SSL_version($0)) }
    }

    /// The key exchange group of the handshake.
    package var group: String? {
        guard let ssl, let name = SSL_group_to_name(ssl, ftpsfs_ssl_get_negotiated_group(ssl)) else {
            return nil
        }
        return String(cString: name)
    }

    /// The bytes sent so far, without TLS's own.
    package var sentCount: Int { sent.withLock { $0 } }

    /// The server's side of the TLS handshake.
    package func secure(_ context: TestServerContext) throws {
        ERR_clear_error()
        let made = SSL_new(context.pointer)
        SSL_set_fd(made, descriptor)
        let result = SSL_accept(made)
        guard result == 1 else {
            let text = describe(SSL_get_error(made, result))
            SSL_free(made)
            throw TestConnectionError(description: "handshake: \(text)")
        }
        ssl = made
    }

    /// Reads what one read(2), or one TLS record, brings; empty at the clean end (FIN in clear, close_notify in TLS).
    package func read(atMost limit: Int = 64 << 10) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        guard let ssl else {
            let count = recv(descriptor, &buffer, limit, 0)
            guard count >= 0 else { throw TestConnectionError(description: "read: errno \(errno)") }
            return Array(buffer.prefix(count))
        }
        ERR_clear_error()
        let count = SSL_read(ssl, &buffer, CInt(limit))
        if count > 0 { return Array(buffer.prefix(Int(count))) }
        let code = SSL_get_error(ssl, count)
        if code == SSL_ERROR_ZERO_RETURN { return [] }
        let isTruncation =
            code == SSL_ERROR_SSL
            && ftpsfs_error_reason(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
        throw TestConnectionError(description: "read: \(describe(code))", isTruncation: isTruncation)
    }

    /// Waits for the end of the TCP connection below TLS.
    package func waitForFIN() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while recv(descriptor, &buffer, buffer.count, 0) > 0 {}
    }

    /// Sends a ticket of TLS 1.3 with the next bytes written.
    package func addTicket() {
        if let ssl, SSL_version(ssl) == TLS1_3_VERSION { SSL_new_session_ticket(ssl) }
    }

    /// Changes the keys of TLS 1.3, and asks the client to change its own (RFC 8446 section 4.6.3).
    package func updateKeys() throws {
        guard let ssl, SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1, SSL_do_handshake(ssl) == 1 else {
            throw TestConnectionError(description: "no update of keys")
        }
    }

    /// Reads so many bytes, or all until the clean end if there are fewer.
    package func read(exactly count: Int) throws -> [UInt8] {
        var result: [UInt8] = []
        while result.count < count {
            let part = try read(atMost: count - result.count)
            if part.isEmpty { break }
            result += part
        }
        return result
    }

    /// Reads to the clean end.
    package func readAll() throws -> [UInt8] {
        var result: [UInt8] = []
        while true {
            let part = try read()
            if part.isEmpty { return result }
            result += part
        }
    }

    /// Writes all of the bytes, in TLS in records of at most 16 KiB.
    package func write(_ bytes: [UInt8]) throws {
        guard let ssl else { return try writeRaw(bytes) }
        var done = 0
        while done < bytes.count {
            ERR_clear_error()
            let count = bytes.withUnsafeBytes { buffer in
                SSL_write(
                    ssl, UnsafeRawBufferPointer(rebasing: buffer[done...]).baseAddress,
                    CInt(min(buffer.count - done, 16 << 10)))
            }
            guard count > 0 else {
                throw TestConnectionError(description: "write: \(describe(SSL_get_error(ssl, count)))")
            }
            done += Int(count)
            sent.withLock { $0 += Int(count) }
        }
    }

    /// Writes text.
    package func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Writes below TLS, whether it is on or not.
    package func writeRaw(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                send(
                    descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]).baseAddress,
                    buffer.count - done,
                    CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestConnectionError(description: "write: errno \(errno)") }
            done += count
            sent.withLock { $0 += count }
        }
    }

    /// Asks for a renegotiation (TLS 1.2) and runs it; throws if the client does not take part.
    package func renegotiate() throws {
        ERR_clear_error()
        guard let ssl, SSL_renegotiate(ssl) == 1, SSL_do_handshake(ssl) == 1 else {
            throw TestConnectionError(description: "renegotiation: \(describe(SSL_ERROR_SSL))")
        }
        // The HelloRequest has been sent; the client's answer comes with the next read.
        var byte: UInt8 = 0
        let result = SSL_peek(ssl, &byte, 1)
        guard result == 1, SSL_renegotiate_pending(ssl) == 0 else {
            throw TestConnectionError(description: "renegotiation: \(describe(SSL_get_error(ssl, result)))")
        }
    }

    /// Sends close_notify.
    package func sendClose() {
        guard let ssl else { return }
        ERR_clear_error()
        SSL_shutdown(ssl)
    }

    /// Ends TLS in both directions; the connection goes on in clear text.
    package func unsecure() throws {
        guard let ended = ssl else { return }
        sendClose()
        guard try read().isEmpty else { throw TestConnectionError(description: "data after CCC") }
        SSL_free(ended)
        ssl = nil
    }

    /// Sends FIN; reading goes on.
    package func endSending() {
        shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Makes the coming close a reset.
    package func resetOnClose() {
        open.withLock { open in
            guard open else { return }
            var value = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        }
    }

    /// Closes with a reset.
    package func reset() {
        resetOnClose()
        close()
    }

    /// Closes the socket without close_notify.
    package func close() {
        open.withLock { open in
            guard open else { return }
            open = false
            _ = Glibc.close(descriptor)
        }
    }

    /// Makes calls that block in another thread fail.
    package func interrupt() {
        open.withLock { open in
            if open { shutdown(descriptor, CInt(SHUT_RDWR)) }
        }
    }

    /// Whether there is something to read at the moment, or the end; waits at most so many milliseconds.
    package func isReadable(within milliseconds: CInt = 0) -> Bool {
        if let ssl, SSL_has_pending(ssl) == 1 { return true }
        var slot = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&slot, 1, milliseconds) > 0
    }

    /// Whether the client has ended its direction, or all of the connection.
    package var hasHungUp: Bool {
        // POLLRDHUP, which the Glibc module does not show.
        let end: Int16 = 0x2000
        var slot = pollfd(fd: descriptor, events: end, revents: 0)
        return poll(&slot, 1, 0) > 0
    }

    private func describe(_ code: CInt) -> String {
        let number = errno
        let error = ERR_get_error()
        if error != 0, let words = ERR_reason_error_string(error) { return String(cString: words) }
        return "SSL error \(code), errno \(number)"
    }
}
