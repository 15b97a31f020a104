import CLinux
import Glibc

/// A TCP socket that waits for connections, in non-blocking mode, owned: no connection comes in once the value has gone.
package struct Listener: ~Copyable, Sendable {
    private let descriptor: FileDescriptor
    /// Where it listens, with the port in use.
    package let address: SocketAddress

    /// The number for poll(2), readable when a connection waits; valid as long as this value lives.
    package var raw: CInt { descriptor.raw }

    /// Listens on one address of this machine, on a port of the system's choice or on a free one of a range.
    ///
    /// The search in a range begins anywhere in it, so that ports are hard to guess. `receiveBuffer` is for the connections, in bytes.
    /// Throws EADDRINUSE when all ports of the range are taken, and EADDRNOTAVAIL when the address is not one of this machine.
    package static func listen(
        on address: SocketAddress, ports: ClosedRange<UInt16>? = nil, receiveBuffer: Int? = nil
    ) throws(Errno) -> Listener {
        guard let ports else { return try bound(to: address.with(port: 0), receiveBuffer) }
        let first = Int(UInt16.random(in: ports))
        for offset in 0..<ports.count {
            let port = first + offset <= Int(ports.upperBound) ? first + offset : first + offset - ports.count
            do throws(Errno) {
                return try bound(to: address.with(port: UInt16(port)), receiveBuffer)
            } catch {
                guard error.rawValue == EADDRINUSE else { throw error }
            }
        }
        throw Errno(EADDRINUSE)
    }

    private init(_ socket: consuming Socket) throws(Errno) {
        address = try socket.localAddress()
        descriptor = socket.takeDescriptor()
    }

    private static func bound(to address: SocketAddress, _ receiveBuffer: Int?) throws(Errno) -> Listener {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let raw = Glibc.socket(address.family, kind, 0)
        guard raw >= 0 else { throw Errno.current }
        let socket = Socket(owning: FileDescriptor(owning: raw), peer: address)
        // A port counts as free again while an earlier connection to it is still remembered (TIME_WAIT).
        socket.allowReuse()
        if let receiveBuffer { socket.setReceiveBuffer(receiveBuffer) }
        guard unsafe address.withPointer({ unsafe bind(raw, $0, $1) }) == 0,
            Glibc.listen(raw, backlog) == 0
        else { throw Errno.current }
        return try Listener(socket)
    }

    /// One connection is wanted; a few strangers must not keep it out.
    private static let backlog: CInt = 8

    /// Takes a connection that waits; nil when there is none at the moment, or when it has gone again.
    package borrowing func accept() throws(Errno) -> Socket? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let raw = self.raw
        var accepted: CInt = -1
        // SAFETY: the kernel writes at most `length` bytes into the storage, which is read back as what it wrote.
        let peer = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe accepted = ftpsfs_accept(raw, generic, &length)
                return unsafe accepted >= 0 ? SocketAddress(copying: generic, length: length) : nil
            }
        }
        guard accepted >= 0 else {
            let error = Errno.current
            // All other errors are those of one connection, which Linux reports here.
            let lasting = [EBADF, EINVAL, ENOTSOCK, EFAULT, EMFILE, ENFILE, ENOBUFS, ENOMEM]
            if lasting.contains(error.rawValue) { throw error }
            return nil
        }
        let descriptor = FileDescriptor(owning: accepted)
        guard let peer else { return nil }
        let socket = Socket(owning: descriptor, peer: peer)
        socket.prepare()
        return socket
    }
}
