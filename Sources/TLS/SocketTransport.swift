import COpenSSL
import Glibc
import Posix

/// The socket below a TLS connection, in the form of an OpenSSL BIO.
///
/// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE once the server has closed; this one sends with MSG_NOSIGNAL,
/// and remembers why the last call failed. Used by one thread at a time.
final class SocketTransport {
    private var socket: Socket?
    /// The error of the last failed system call; nil if the last call succeeded or would have blocked.
    private(set) var error: Errno?
    /// Whether the stream has ended on the TCP level.
    private(set) var isAtEnd = false
    /// The first bytes that ever came, to tell a server that does not speak TLS.
    private(set) var head: [UInt8] = []

    init(_ socket: consuming Socket) {
        self.socket = consume socket
    }

    /// For poll(2); -1 once closed.
    var descriptor: CInt { socket?.raw ?? -1 }

    /// Makes a BIO that refers to this object without owning it; nil if there is no memory.
    func makeBIO() -> OpaquePointer? {
        guard let method = unsafe TransportMethod.shared.pointer, let bio = unsafe BIO_new(method) else {
            return nil
        }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    /// Ends the sending direction.
    func shutdownSending() throws(Errno) {
        try socket?.shutdownSending()
    }

    /// Closes the socket; with a reset the unsent bytes are thrown away.
    func close(reset: Bool) {
        if reset { socket?.resetOnClose() }
        socket = nil
    }

    /// Hands the socket over; the BIO finds none from then on.
    func release() -> Socket? {
        socket.take()
    }

    /// The start of what came, as far as it is text and there is more of it, for an error message.
    func headText() -> String { text(behind: head) }

    /// The text that is there at the moment, up to the end of a line; without waiting.
    func text(behind start: [UInt8] = []) -> String {
        var bytes = start
        var room = [UInt8](repeating: 0, count: 120)
        var span = room.mutableSpan
        var raw = unsafe span.mutableBytes
        if let count = try? socket?.receive(into: &raw) { bytes += room.prefix(count) }
        return printable(bytes.prefix { $0 != 0x0a && $0 != 0x0d })
    }

    /// Sends some bytes; nil if none can be sent at the moment, -1 on failure.
    fileprivate func send(_ bytes: RawSpan) -> Int? {
        error = nil
        do throws(Errno) {
            guard socket != nil else { throw Errno(ENOTCONN) }
            return try socket?.send(bytes)
        } catch {
            self.error = error
            return -1
        }
    }

    /// Receives some bytes; nil if there are none at the moment, 0 at the end, -1 on failure.
    fileprivate func receive(into bytes: inout MutableRawSpan) -> Int? {
        error = nil
        do throws(Errno) {
            guard socket != nil else { throw Errno(ENOTCONN) }
            let count = try socket?.receive(into: &bytes)
            if count == 0 { isAtEnd = true }
            if let count, head.count < 5 {
                for offset in 0..<min(count, 5 - head.count) {
                    // SAFETY: the offset is below the number of bytes received.
                    head.append(unsafe bytes.bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
                }
            }
            return count
        } catch {
            self.error = error
            return -1
        }
    }
}

/// OpenSSL's table of functions for `SocketTransport`.
@safe
private final class TransportMethod: @unchecked Sendable {
    // Unchecked: the table is filled here and only read afterwards; it is never freed.
    static let shared = TransportMethod()

    let pointer: OpaquePointer?

    private init() {
        let index = BIO_get_new_index()
        guard index != -1, let method = unsafe BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "ftpsfs socket")
        else {
            unsafe pointer = nil
            return
        }
        unsafe BIO_meth_set_write(method) { bio, bytes, count in
            guard let bio = unsafe bio, let bytes = unsafe bytes, count > 0 else { return 0 }
            unsafe BIO_clear_flags(bio, retryFlags)
            guard let transport = unsafe transport(of: bio) else { return -1 }
            // SAFETY: OpenSSL lends `count` bytes for the time of the call.
            let span = unsafe RawSpan(_unsafeStart: bytes, byteCount: Int(count))
            guard let sent = transport.send(span) else {
                unsafe BIO_set_flags(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
                return -1
            }
            return CInt(sent)
        }
        unsafe BIO_meth_set_read(method) { bio, bytes, count in
            guard let bio = unsafe bio, let bytes = unsafe bytes, count > 0 else { return 0 }
            unsafe BIO_clear_flags(bio, retryFlags)
            guard let transport = unsafe transport(of: bio) else { return -1 }
            // SAFETY: OpenSSL lends room for `count` bytes for the time of the call.
            var span = unsafe MutableRawSpan(_unsafeStart: bytes, byteCount: Int(count))
            guard let received = transport.receive(into: &span) else {
                unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
                return -1
            }
            return CInt(received)
        }
        unsafe BIO_meth_set_ctrl(method) { bio, command, _, _ in
            switch command {
            case BIO_CTRL_FLUSH, BIO_CTRL_DUP: 1
            case BIO_CTRL_EOF: unsafe transport(of: bio)?.isAtEnd == true ? 1 : 0
            default: 0
            }
        }
        unsafe pointer = method
    }
}

private let retryFlags =
    BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY

private func transport(of bio: OpaquePointer?) -> SocketTransport? {
    guard let data = unsafe BIO_get_data(bio) else { return nil }
    // SAFETY: `makeBIO` stored an object that its owner keeps alive longer than the BIO.
    return unsafe Unmanaged<SocketTransport>.fromOpaque(data).takeUnretainedValue()
}
