import Glibc

/// The number of bytes a socket has taken and the other end has not acknowledged yet; nil when the system does not tell.
///
/// A number that shrinks shows that a slow connection moves although nothing can be read from it.
package func unsentByteCount(on descriptor: CInt) -> Int? {
    var count: CInt = 0
    // SIOCOUTQ of tcp(7) has the number of TIOCOUTQ.
    guard unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 else { return nil }
    return Int(count)
}
