import Glibc

/// A TCP socket in non-blocking mode, owned.
package struct Socket: ~Copyable, Sendable {
    private let descriptor: FileDescriptor
    /// The address of the other end.
    package let peer: SocketAddress

    /// The number for poll(2) and for OpenSSL's socket BIO; valid as long as this value lives.
    package var raw: CInt { descriptor.raw }

    /// Takes over a connected descriptor.
    package init(owning descriptor: consuming FileDescriptor, peer: SocketAddress) {
        self.descriptor = descriptor
        self.peer = peer
    }

    /// Begins to connect and returns at once; `finishConnecting` waits for the outcome.
    package static func beginConnecting(to address: SocketAddress) throws(Errno) -> Socket {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let raw = Glibc.socket(address.family, kind, 0)
        guard raw >= 0 else { throw Errno.current }
        let socket = Socket(owning: FileDescriptor(owning: raw), peer: address)
        socket.prepare()
        let result = unsafe address.withPointer { unsafe Glibc.connect(raw, $0, $1) }
        if result != 0 {
            let error = Errno.current
            guard error.rawValue == EINPROGRESS || error.rawValue == EINTR else { throw error }
        }
        return socket
    }

    /// Sets what all connections have: TCP_NODELAY, since we write whole messages, and TCP keep-alive, since NAT boxes forget idle
    /// connections.
    borrowing func prepare() {
        Socket.setOption(raw, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        Socket.setOption(raw, SOL_SOCKET, SO_KEEPALIVE, 1)
        Socket.setOption(raw, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        Socket.setOption(raw, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15)
        Socket.setOption(raw, Int32(IPPROTO_TCP), TCP_KEEPCNT, 4)
    }

    /// Lets a port be listened on that earlier connections still bear (SO_REUSEADDR).
    borrowing func allowReuse() {
        Socket.setOption(raw, SOL_SOCKET, SO_REUSEADDR, 1)
    }

    /// Hands the descriptor out.
    consuming func takeDescriptor() -> FileDescriptor { descriptor }

    /// Waits until the connection stands; throws what connect(2) met.
    package borrowing func finishConnecting(until deadline: Deadline, wakeup: Wakeup? = nil) throws(WaitError)
    {
        _ = try wait(for: .writable, on: raw, until: deadline, wakeup: wakeup)
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        let result = unsafe getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &size)
        guard result == 0 else { throw .failed(Errno.current) }
        guard code == 0 else { throw .failed(Errno(code)) }
    }

    /// Connects and waits for it.
    package static func connect(
        to address: SocketAddress, until deadline: Deadline, wakeup: Wakeup? = nil
    ) throws(WaitError) -> Socket {
        let socket: Socket
        do throws(Errno) { socket = try beginConnecting(to: address) } catch { throw .failed(error) }
        try socket.finishConnecting(until: deadline, wakeup: wakeup)
        return socket
    }

    /// Ends the sending direction (FIN) and leaves the other open.
    package borrowing func shutdownSending() throws(Errno) {
        guard shutdown(raw, CInt(SHUT_WR)) == 0 else { throw Errno.current }
    }

    /// Makes the coming close discard what is unsent and reset the connection (SO_LINGER 0).
    package borrowing func resetOnClose() {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(raw, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// Sets the receive buffer in bytes (SO_RCVBUF; the kernel doubles it); only a wish.
    package borrowing func setReceiveBuffer(_ bytes: Int) {
        Socket.setOption(raw, SOL_SOCKET, SO_RCVBUF, CInt(clamping: bytes))
    }

    /// The address of this end.
    package borrowing func localAddress() throws(Errno) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let raw = self.raw
        // SAFETY: the kernel writes at most `length` bytes into the storage, which is read back as what it wrote.
        let address = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe getsockname(raw, generic, &length) == 0
                    ? unsafe SocketAddress(copying: generic, length: length) : nil
            }
        }
        guard let address else { throw Errno(ENOTSOCK) }
        return address
    }

    /// Writes some of the bytes; nil when the socket takes none at the moment.
    ///
    /// Never raises SIGPIPE.
    package borrowing func send(_ bytes: RawSpan) throws(Errno) -> Int? {
        let raw = self.raw
        return try unsafe bytes.withUnsafeBytes { buffer throws(Errno) in
            try optionalCount { unsafe Glibc.send(raw, buffer.baseAddress, buffer.count, CInt(MSG_NOSIGNAL)) }
        }
    }

    /// Reads some bytes; nil when there are none at the moment, 0 at the end of the stream.
    package borrowing func receive(into bytes: inout MutableRawSpan) throws(Errno) -> Int? {
        let raw = self.raw
        return try unsafe bytes.withUnsafeMutableBytes { buffer throws(Errno) in
            try optionalCount { unsafe recv(raw, buffer.baseAddress, buffer.count, 0) }
        }
    }

    /// Whether the connection stands or is being made, and the other end has neither sent anything nor closed.
    package var isAlive: Bool {
        var byte: UInt8 = 0
        guard unsafe recv(raw, &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)) < 0 else { return false }
        return errno == EAGAIN || errno == EWOULDBLOCK
    }

    private static func setOption(_ raw: CInt, _ level: CInt, _ name: CInt, _ value: CInt) {
        var value = value
        _ = unsafe setsockopt(raw, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
    }
}

private func optionalCount(_ call: () -> Int) throws(Errno) -> Int? {
    do throws(Errno) {
        return try retrying(call)
    } catch {
        guard error.rawValue == EAGAIN || error.rawValue == EWOULDBLOCK else { throw error }
        return nil
    }
}
