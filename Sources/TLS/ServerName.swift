import Posix

/// The host that a certificate must be made out to, and that SNI names unless it is an address.
struct ServerName {
    /// A DNS name without a final dot, or an IPv4 or IPv6 address in its usual form.
    let text: String
    let isAddress: Bool

    /// Throws `.configuration` for text that can be neither.
    init(_ host: String) throws(TLSError) {
        // Scopes (fe80::1%eth0) are a matter of this machine and do not stand in certificates.
        if let address = SocketAddress(numeric: host, port: 0) {
            text = String(address.host.prefix { $0 != "%" })
            isAddress = true
            return
        }
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .configuration(
                "'\(printable(host.utf8))' is no host name; write international names in their xn-- form")
        }
        text = name
        isAddress = false
    }
}
