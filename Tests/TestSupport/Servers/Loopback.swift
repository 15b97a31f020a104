import Glibc
import Posix

/// The loopback addresses of the machine that the tests run on.
package enum Loopback {
    /// An IPv4 address of this machine that is not of the loopback; nil where there is none.
    package static let outerAddress: String? = {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return nil }
        defer { freeifaddrs(first) }
        return sequence(first: first) { $0?.pointee.ifa_next }.lazy
            .compactMap { $0?.pointee.ifa_addr }
            .filter { Int32($0.pointee.sa_family) == AF_INET }
            .compactMap {
                SocketAddress(copying: $0, length: socklen_t(MemoryLayout<sockaddr_in>.size))?.host
            }
            .first { !$0.hasPrefix("127.") && !$0.hasPrefix("169.254.") }
    }()

    /// Whether there is ::1; IPv6 is switched off on many machines, and in many containers.
    package static let hasIPv6: Bool = {
        let descriptor = socket(AF_INET6, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_loopback
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }()
}
