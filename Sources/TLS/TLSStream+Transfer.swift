package import Posix

extension TLSStream {
    /// Reads what is there, without waiting, until the room is full.
    ///
    /// Call it before waiting for the socket, and wait only once it has answered `.wantsRead`: bytes may be buffered here. New
    /// tickets are taken on the way. Throws `.truncated` if TCP ended without close_notify, but only after all bytes that came
    /// before have been delivered; `.system` if TCP failed.
    package func readAvailable(into bytes: inout MutableRawSpan) throws(TLSError) -> ReadProgress {
        if let failure = deferredFailure {
            throw failure
        }
        return try unsafe bytes.withUnsafeMutableBytes { buffer throws(TLSError) in
            var filled = 0
            while filled < buffer.count {
                let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                do throws(TLSError) {
                    switch try unsafe connection.read(into: room) {
                    case .done(let count): filled += count
                    case .wantsRead: return filled > 0 ? .bytes(filled) : .wantsRead
                    case .wantsWrite: return filled > 0 ? .bytes(filled) : .wantsWrite
                    case .closed: return filled > 0 ? .bytes(filled) : .closed
                    }
                } catch {
                    guard filled > 0 else { throw error }
                    deferredFailure = error
                    return .bytes(filled)
                }
                // What is not buffered yet is left to the next call, so that this one ends when the socket is empty.
                guard connection.hasPendingBytes else { break }
            }
            return .bytes(filled)
        }
    }

    /// Reads at least one byte; blocks until there is one, at most until the deadline.
    ///
    /// Returns 0 at the server's close_notify, and for an empty span. Throws `.truncated` if TCP ended without close_notify.
    package func read(
        into bytes: inout MutableRawSpan, until deadline: Deadline, wakeup: Wakeup? = nil
    ) throws(TLSError) -> Int {
        guard !bytes.isEmpty else { return 0 }
        while true {
            switch try readAvailable(into: &bytes) {
            case .bytes(let count): return count
            case .closed: return 0
            case .wantsRead: try waitFor(.readable, until: deadline, wakeup)
            case .wantsWrite: try waitFor(.writable, until: deadline, wakeup)
            }
        }
    }

    /// Sends as many of the bytes as the socket takes, without waiting.
    package func writeAvailable(_ bytes: RawSpan) throws(TLSError) -> WriteProgress {
        guard !hasSentClose else { throw .closed }
        return try unsafe bytes.withUnsafeBytes { buffer throws(TLSError) in
            var sent = 0
            while sent < buffer.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[sent...])
                switch try unsafe connection.write(rest) {
                case .done(let count): sent += count
                case .wantsWrite: return sent > 0 ? .bytes(sent) : .wantsWrite
                case .wantsRead: return sent > 0 ? .bytes(sent) : .wantsRead
                case .closed: throw .closed
                }
            }
            return .bytes(sent)
        }
    }

    /// Sends all of the bytes; blocks until the socket has taken them, at most until the deadline.
    ///
    /// On a data connection tickets and alerts of the server are read meanwhile: unread ones would make a later close reset the
    /// connection, and the server lose the tail of the upload. After an error it is unknown how much was sent; the stream can then
    /// only be closed.
    package func write(
        _ bytes: RawSpan, until deadline: Deadline, wakeup: Wakeup? = nil
    ) throws(TLSError) {
        var watchesInput = isData
        if watchesInput { watchesInput = try takeMessages() }
        var sent = 0
        while sent < bytes.byteCount {
            var readiness: Readiness
            switch try writeAvailable(bytes.extracting(sent..<bytes.byteCount)) {
            case .bytes(let count):
                sent += count
                continue
            case .wantsWrite: readiness = watchesInput ? [.readable, .writable] : .writable
            case .wantsRead: readiness = .readable
            }
            let ready = try waitFor(readiness, until: deadline, wakeup)
            if watchesInput, ready.contains(.readable) { watchesInput = try takeMessages() }
        }
    }

    /// Takes the tickets that have arrived; false if there is nothing to watch for: data wait to be read, or the server has closed.
    private func takeMessages() throws(TLSError) -> Bool {
        switch try connection.look() {
        case .done, .closed: false
        case .wantsRead, .wantsWrite: true
        }
    }
}
