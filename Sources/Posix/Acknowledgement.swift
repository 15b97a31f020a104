import Glibc

/// Has what a TCP connection has received acknowledged at once, and for a while what comes next as well (TCP_QUICKACK of tcp(7)).
///
/// A server that leaves Nagle's algorithm on (vsftpd 3.0.3) holds a small message back until the one before is acknowledged, and who has
/// nothing to say puts that off for 40 ms. Does not block, and does nothing on other descriptors.
package func acknowledgeAtOnce(on descriptor: CInt) {
    var value: CInt = 1
    _ = unsafe setsockopt(
        descriptor, CInt(IPPROTO_TCP), TCP_QUICKACK, &value, socklen_t(MemoryLayout<CInt>.size))
}
