import Glibc

/// Has what is sent over a TCP connection meanwhile go out together afterwards, within 200 ms at the latest (TCP_CORK of tcp(7)).
///
/// Does not block, and only runs the body where the descriptor is of another kind.
package func sendingTogether<Result, Failure>(
    on descriptor: CInt, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    cork(descriptor, true)
    defer { cork(descriptor, false) }
    return try body()
}

private func cork(_ descriptor: CInt, _ isOn: Bool) {
    var value: CInt = isOn ? 1 : 0
    _ = unsafe setsockopt(
        descriptor, CInt(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<CInt>.size))
}
