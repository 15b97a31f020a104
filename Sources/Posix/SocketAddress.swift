package import Glibc

/// An IPv4 or IPv6 address with a port.
@safe
package struct SocketAddress: Sendable {
    private var storage: sockaddr_storage
    private var length: socklen_t

    /// Copies an address that the system returned; nil for families other than IPv4 and IPv6.
    package init?(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        let family = unsafe Int32(address.pointee.sa_family)
        guard family == AF_INET || family == AF_INET6 else { return nil }
        guard length <= socklen_t(MemoryLayout<sockaddr_storage>.size) else { return nil }
        storage = sockaddr_storage()
        self.length = length
        // SAFETY: the length was checked against the room there is.
        unsafe withUnsafeMutableBytes(of: &storage) { room in
            unsafe room.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
    }

    /// Parses a numeric IPv4 or IPv6 address, without brackets.
    package init?(numeric text: String, port: UInt16) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(text, String(port), &hints, &list) == 0, let first = unsafe list else {
            return nil
        }
        defer { unsafe freeaddrinfo(first) }
        guard let address = unsafe first.pointee.ai_addr else { return nil }
        unsafe self.init(copying: address, length: first.pointee.ai_addrlen)
    }

    /// AF_INET or AF_INET6.
    package var family: CInt { CInt(storage.ss_family) }

    /// Whether this is an IPv4 address.
    package var isIPv4: Bool { family == AF_INET }

    /// The port in host byte order.
    package var port: UInt16 {
        get {
            var copy = storage
            return unsafe withUnsafeBytes(of: &copy) { bytes in
                // The port stands at the same place in sockaddr_in and sockaddr_in6.
                unsafe UInt16(bytes[2]) << 8 | UInt16(bytes[3])
            }
        }
        set {
            unsafe withUnsafeMutableBytes(of: &storage) { bytes in
                unsafe bytes[2] = UInt8(newValue >> 8)
                unsafe bytes[3] = UInt8(newValue & 0xff)
            }
        }
    }

    /// The same address with another port.
    package func with(port: UInt16) -> SocketAddress {
        var copy = self
        copy.port = port
        return copy
    }

    /// The numeric address without the port.
    package var host: String {
        var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let result = unsafe withPointer { address, length in
            unsafe getnameinfo(address, length, &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
        }
        guard result == 0 else { return "?" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The bytes of the address without the port: 4 of IPv4, 16 of IPv6.
    package var hostBytes: [UInt8] {
        // Behind family and port, and in sockaddr_in6 behind the flow label.
        let (start, count) = family == AF_INET6 ? (8, 16) : (4, 4)
        var copy = storage
        return unsafe withUnsafeBytes(of: &copy) { bytes in
            unsafe Array(bytes[start..<(start + count)])
        }
    }

    /// Whether both have the same host address, whatever their ports.
    package func hasSameHost(as other: SocketAddress) -> Bool {
        family == other.family && host == other.host
    }

    /// Lends the address to a system call.
    package func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        // SAFETY: sockaddr_storage may be viewed as any sockaddr; the pointer lives as long as the call.
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `192.0.2.1:21` or `[2001:db8::1]:21`.
    package var description: String { family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
