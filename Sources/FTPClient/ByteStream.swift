import Posix
import TLS

/// The bytes of a control connection: plain until `protect` has been called, TLS from then on, up to `unprotect`.
///
/// Used by one thread at a time.
final class ByteStream {
    /// What one look at the incoming bytes gave.
    enum Intake {
        /// A number of bytes, at least one.
        case bytes(Int)
        /// Nothing at the moment; what to wait for before looking again.
        case nothing(Readiness)
        /// The other end has ended the connection.
        case end
    }

    private var plain: Socket?
    private var secured: TLSStream?
    /// Whether the other end has sent anything under TLS.
    private var hasHeard = false
    /// The descriptor to poll; -1 once closed.
    private(set) var descriptor: CInt
    /// The address of the other end.
    let peerAddress: SocketAddress
    /// The address of this end; nil if the connection was gone when it was taken over.
    let localAddress: SocketAddress?

    /// Takes over a connected socket, plain.
    init(_ socket: consuming Socket) {
        descriptor = socket.raw
        peerAddress = socket.peer
        localAddress = try? socket.localAddress()
        plain = consume socket
    }

    /// The TLS stream once the connection is protected.
    var tls: TLSStream? { secured }

    /// Whether bytes are waiting that poll(2) would not tell of.
    var hasPendingBytes: Bool { secured?.hasPendingBytes ?? false }

    /// Puts TLS over the connection: handshake and verification.
    ///
    /// Blocks until the deadline at most; throws `.tls` and the ends of a wait.
    func protect(
        context: TLSContext, host: String, tickets: SessionTickets, until deadline: Deadline, wakeup: Wakeup
    ) throws(FTPError) {
        guard let socket = plain.take() else { throw .connectionLost("closed") }
        var failed: TLSStream?
        do throws(TLSError) {
            let stream = try TLSStream(control: socket, context: context, host: host, tickets: tickets)
            failed = stream
            descriptor = stream.descriptor
            try stream.handshake(until: deadline, wakeup: wakeup)
            secured = stream
        } catch {
            descriptor = -1
            throw FTPError(handshake: failed?.explained(error) ?? error, "TLS handshake")
        }
    }

    /// Takes TLS off the connection, which goes on in clear text.
    ///
    /// Blocks until the deadline at most, for the server's close_notify.
    func unprotect(until deadline: Deadline, wakeup: Wakeup) throws(FTPError) {
        guard let stream = secured.take() else { throw .connectionLost("closed") }
        do throws(TLSError) {
            plain = try stream.endProtection(until: deadline, wakeup: wakeup)
        } catch {
            descriptor = -1
            throw FTPError(control: error, "the end of TLS")
        }
    }

    /// Writes all the bytes.
    ///
    /// Blocks until the deadline at most.
    func write(_ bytes: RawSpan, until deadline: Deadline, wakeup: Wakeup?) throws(FTPError) {
        if let secured {
            do throws(TLSError) {
                try secured.write(bytes, until: deadline, wakeup: wakeup)
            } catch {
                throw FTPError(control: error, "sending a command")
            }
            return
        }
        var done = 0
        while done < bytes.byteCount {
            let count: Int?
            do throws(Errno) {
                guard plain != nil else { throw Errno(9) }
                count = try plain?.send(bytes.extracting(done..<bytes.byteCount))
            } catch {
                throw .connectionLost(error.description)
            }
            if let count {
                done += count
            } else {
                try wait(.writable, until: deadline, wakeup: wakeup, "sending a command")
            }
        }
    }

    /// Takes what bytes there are, without waiting.
    func readAvailable(into bytes: inout MutableRawSpan) throws(FTPError) -> Intake {
        if let secured {
            do throws(TLSError) {
                switch try secured.readAvailable(into: &bytes) {
                case .bytes(let count):
                    hasHeard = true
                    return .bytes(count)
                case .wantsRead: return .nothing(.readable)
                case .wantsWrite: return .nothing(.writable)
                case .closed: return .end
                }
            } catch {
                // In TLS 1.3 our handshake is over before the server has judged the certificate that we have shown, or not.
                if !hasHeard, case .refusedByPeer = error { throw .tls(error) }
                throw FTPError(control: error, "reading a reply")
            }
        }
        do throws(Errno) {
            guard plain != nil else { return .end }
            guard let count = try plain?.receive(into: &bytes) else { return .nothing(.readable) }
            return count == 0 ? .end : .bytes(count)
        } catch {
            throw .connectionLost(error.description)
        }
    }

    /// Waits until the connection is ready for something.
    func wait(
        _ readiness: Readiness, until deadline: Deadline, wakeup: Wakeup?, _ purpose: String
    ) throws(FTPError) {
        do throws(WaitError) {
            _ = try Posix.wait(for: readiness, on: descriptor, until: deadline, wakeup: wakeup)
        } catch {
            throw FTPError(control: error, purpose)
        }
    }

    /// Closes the connection, with a close_notify where that goes out at once.
    ///
    /// Does not block.
    func close() {
        secured?.closeOrderly()
        secured = nil
        plain = nil
        descriptor = -1
    }
}
