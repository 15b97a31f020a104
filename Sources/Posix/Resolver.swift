import Glibc

/// Why a host name has no address.
package enum ResolveError: Error, Hashable, Sendable {
    /// The name service gave an answer, and it is no address; the text is that of gai_strerror(3).
    case failed(String)
    /// The name service gave no answer in time.
    case timedOut
    /// The wait was given up.
    case interrupted
}

/// Asks the system's name service for addresses.
package enum Resolver {
    /// Which addresses are wanted.
    package enum Family: Sendable {
        /// IPv4 and IPv6, in the order of the system's preference.
        case any
        /// IPv4 only.
        case ipv4
        /// IPv6 only.
        case ipv6
    }

    private struct Answer {
        var result: Result<[SocketAddress], ResolveError>?
    }

    /// Resolves a name or numeric address; at least one address is returned.
    ///
    /// getaddrinfo(3) knows no deadline, so it runs on a thread of its own, which is left to its fate when the deadline passes.
    package static func resolve(
        _ host: String, port: UInt16, family: Family = .any, until deadline: Deadline,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(ResolveError) -> [SocketAddress] {
        let monitor = Monitor(Answer())
        do throws(Errno) {
            try Thread.detach(named: "resolver") {
                let result = lookUp(host, port: port, family: family)
                monitor.update { $0.result = result }
            }
        } catch {
            throw .failed(error.description)
        }
        while true {
            let slice = Deadline.after(.milliseconds(100)).earlier(deadline)
            if let result = monitor.wait(until: slice, { $0.result }) { return try result.get() }
            if isCancelled() { throw .interrupted }
            if deadline.hasPassed { throw .timedOut }
        }
    }

    private static func lookUp(
        _ host: String, port: UInt16, family: Family
    ) -> Result<[SocketAddress], ResolveError> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV
        unsafe hints.ai_family =
            switch family {
            case .any: AF_UNSPEC
            case .ipv4: AF_INET
            case .ipv6: AF_INET6
            }
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            let text = unsafe gai_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
            return .failure(.failed(text))
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let item = unsafe next {
            if let pointer = unsafe item.pointee.ai_addr,
                let address = unsafe SocketAddress(copying: pointer, length: item.pointee.ai_addrlen)
            {
                addresses.append(address)
            }
            unsafe next = item.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(.failed("no address")) : .success(addresses)
    }
}
