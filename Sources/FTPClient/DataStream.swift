import Posix
import TLS

/// The bytes of a data connection, protected by TLS or clear.
///
/// Used by one thread at a time; nothing but `finishSending` blocks. Both kinds fail with `TLSError`, the clear one with `.system` and
/// `.closed` alone.
protocol DataStream: AnyObject {
    /// For poll(2); -1 once closed.
    var descriptor: CInt { get }
    /// Whether TLS protects the bytes.
    var isProtected: Bool { get }
    /// Whether the handshake resumed the control connection's TLS session.
    var isResumed: Bool { get }
    /// Whether bytes are buffered here, so that poll(2) need not tell.
    var hasPendingBytes: Bool { get }

    /// The next step of the handshake; `.done` at once where there is none.
    func continueHandshake() throws(TLSError) -> Progress
    /// Takes what bytes there are.
    func readAvailable(into bytes: inout MutableRawSpan) throws(TLSError) -> ReadProgress
    /// Sends as many of the bytes as the socket takes.
    func writeAvailable(_ bytes: RawSpan) throws(TLSError) -> WriteProgress
    /// Announces the end of what we send, behind all the bytes; reading goes on.
    func finishSending(until deadline: Deadline, wakeup: Wakeup?) throws(TLSError)
    /// Closes in the way that tells the other end that nothing is missing.
    func closeOrderly()
    /// Closes with a reset, so that the other end does not take what it has for the whole.
    func closeAbruptly()
}

extension TLSStream: DataStream {
    /// TLS protects the bytes.
    var isProtected: Bool { true }
}
