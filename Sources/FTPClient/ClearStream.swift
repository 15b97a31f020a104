import Posix
import TLS

/// A data connection without TLS (PROT C), which the user alone can ask for: a connected socket, owned.
///
/// Its end is the FIN, which proves nothing: whoever reads has to weigh it with the final reply and the number of bytes. A stream
/// that is dropped before it was closed ends with a reset, for a FIN would be the end of the file.
final class ClearStream: DataStream {
    private var socket: Socket?

    /// Takes over a socket.
    init(_ socket: consuming Socket) {
        self.socket = consume socket
    }

    deinit {
        closeAbruptly()
    }

    var descriptor: CInt { socket?.raw ?? -1 }
    var isProtected: Bool { false }
    var isResumed: Bool { false }
    var hasPendingBytes: Bool { false }

    func continueHandshake() throws(TLSError) -> Progress { .done }

    func readAvailable(into bytes: inout MutableRawSpan) throws(TLSError) -> ReadProgress {
        guard socket != nil else { throw .closed }
        guard !bytes.isEmpty else { return .bytes(0) }
        do throws(Errno) {
            guard let count = try socket?.receive(into: &bytes) else { return .wantsRead }
            return count == 0 ? .closed : .bytes(count)
        } catch {
            throw .system(error)
        }
    }

    func writeAvailable(_ bytes: RawSpan) throws(TLSError) -> WriteProgress {
        guard socket != nil else { throw .closed }
        var sent = 0
        do throws(Errno) {
            while sent < bytes.byteCount {
                guard let count = try socket?.send(bytes.extracting(sent..<bytes.byteCount)) else {
                    return sent > 0 ? .bytes(sent) : .wantsWrite
                }
                sent += count
            }
        } catch {
            throw .system(error)
        }
        return .bytes(sent)
    }

    func finishSending(until deadline: Deadline, wakeup: Wakeup?) throws(TLSError) {
        do throws(Errno) {
            try socket?.shutdownSending()
        } catch {
            throw .system(error)
        }
    }

    func closeOrderly() {
        socket = nil
    }

    func closeAbruptly() {
        socket?.resetOnClose()
        socket = nil
    }
}
