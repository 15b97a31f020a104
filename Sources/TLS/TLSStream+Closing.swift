package import Posix

extension TLSStream {
    /// Ends what we send: close_notify, then the end of our half of the TCP connection; reading goes on.
    ///
    /// ProFTPD ends an upload only with the FIN, vsftpd calls a FIN without close_notify an error. Blocks until close_notify has left.
    package func finishSending(until deadline: Deadline, wakeup: Wakeup? = nil) throws(TLSError) {
        while !hasSentClose {
            switch try connection.sendClose() {
            case .done, .closed: hasSentClose = true
            case .wantsWrite: try waitFor(.writable, until: deadline, wakeup)
            case .wantsRead: try waitFor(.readable, until: deadline, wakeup)
            }
        }
        do throws(Errno) {
            try connection.transport.shutdownSending()
        } catch {
            throw .system(error)
        }
    }

    /// Reads to the server's end and throws the bytes away, so that no unread ticket makes the close a reset; takes new tickets.
    ///
    /// Returns true for close_notify, false if TCP ended without. Blocks until then.
    @discardableResult
    package func drain(until deadline: Deadline, wakeup: Wakeup? = nil) throws(TLSError) -> Bool {
        var waste = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            if deadline.hasPassed { throw .timedOut }
            var span = waste.mutableSpan
            var room = unsafe span.mutableBytes
            do throws(TLSError) {
                guard try read(into: &room, until: deadline, wakeup: wakeup) > 0 else { return true }
            } catch .truncated {
                return false
            }
        }
    }

    /// Ends TLS in both directions and gives the socket back, for a dialogue that goes on in clear text (RFC 4217 section 12.3).
    ///
    /// Blocks until the server's close_notify has come. Throws `.truncated` where TCP ends instead, and `.failed` for data ahead of
    /// the close_notify, which nobody has asked for. Nothing behind it is taken from the socket.
    package func endProtection(until deadline: Deadline, wakeup: Wakeup? = nil) throws(TLSError) -> Socket {
        while !hasSentClose {
            switch try connection.sendClose() {
            case .done, .closed: hasSentClose = true
            case .wantsWrite: try waitFor(.writable, until: deadline, wakeup)
            case .wantsRead: try waitFor(.readable, until: deadline, wakeup)
            }
        }
        while !connection.hasReceivedClose {
            switch try connection.look() {
            case .done: throw .failed("data where the end of TLS was agreed on")
            case .closed: break
            case .wantsRead: try waitFor(.readable, until: deadline, wakeup)
            case .wantsWrite: try waitFor(.writable, until: deadline, wakeup)
            }
        }
        guard let socket = connection.transport.release() else { throw .closed }
        return socket
    }

    /// A failure of the handshake with what the server says of it in clear text behind its alert, as some do with a 421.
    ///
    /// Waits a little for that.
    package func explained(_ error: TLSError) -> TLSError {
        guard case .refusedByPeer(let alert) = error, !isHandshakeDone else { return error }
        let isReadable = (try? wait(for: .readable, on: descriptor, until: .after(.milliseconds(500)))) != nil
        let words = isReadable ? connection.transport.text() : ""
        // Only a failure explains one; anybody can have sent it, and it changes nothing.
        guard let first = words.first, "45".contains(first) else { return error }
        return .refusedByPeer("\(alert) ('\(words)')")
    }

    /// Sends close_notify if it goes out at once, and closes.
    package func closeOrderly() {
        if !hasSentClose { _ = try? connection.sendClose() }
        connection.transport.close(reset: false)
    }

    /// Closes without close_notify; what has not been sent is thrown away and the server sees a reset.
    ///
    /// This is how a transfer is aborted: the server must not take what it has for the whole.
    package func closeAbruptly() {
        connection.forgetClose()
        connection.transport.close(reset: true)
    }
}
