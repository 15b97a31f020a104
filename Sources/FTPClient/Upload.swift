package import FTPWire
import Logging
import Posix
import TLS

/// Where the bytes of an upload go.
package enum UploadMode: Hashable, Sendable {
    /// STOR: a new content in place of the old one.
    case store
    /// APPE: behind what is there.
    case append
    /// REST and STOR: from an offset on; whether bytes behind the new ones stay is up to the server.
    case restart(UInt64)
}

/// A file on its way to the server.
///
/// Used by one thread at a time; the session is taken until `finish` or `abort`.
///
/// The bytes are the server's only once `finish` has returned. An error of `write` or `finish` says why where
/// the server has said it (disk full, quota), and leaves nothing to do but `abort`.
package final class Upload {
    private let channel: DataChannel
    private var isOver = false
    private var scratch = [UInt8](repeating: 0, count: 1024)

    /// The number of bytes taken by TLS; not all of them have reached the server.
    package private(set) var count: UInt64 = 0

    /// Takes over a channel on which the server receives.
    init(_ channel: DataChannel) {
        self.channel = channel
    }

    /// An upload that is dropped before its end, as after an interruption, ends with a reset: most servers take the end of the stream for the
    /// end of the file (ProFTPD 1.3.8, Pure-FTPd 1.0.50, pyftpdlib 2.2.0).
    deinit {
        guard !isOver else { return }
        channel.stream.closeAbruptly()
        if channel.session.isTransferring { channel.session.control.breakOff() }
    }

    /// The replies to the questions that were asked ahead of the transfer.
    package var answers: [Reply] { channel.answers }

    /// Whether the data connection resumed the control connection's TLS session.
    package var isResumed: Bool { channel.stream.isResumed }

    /// Sends all the bytes.
    ///
    /// Blocks as long as the connection takes none, up to the stall time-out.
    package func write(_ bytes: RawSpan) throws(FTPError) {
        guard !isOver else { throw .dataConnection("the upload has ended") }
        var done = 0
        while done < bytes.byteCount {
            let progress: WriteProgress
            do throws(TLSError) {
                progress = try channel.stream.writeAvailable(bytes.extracting(done..<bytes.byteCount))
            } catch {
                throw fail(channel.failure(error))
            }
            switch progress {
            case .bytes(let sent):
                done += sent
                count &+= UInt64(sent)
            case .wantsWrite: try waitForRoom([.writable, .readable])
            case .wantsRead: try waitForRoom(.readable)
            }
        }
    }

    /// Ends the upload so that no byte can be lost, and gives the server's final reply, a success.
    ///
    /// close_notify, the end of the sending direction, then all that the server still sends is read (unread TLS 1.3
    /// tickets would turn the close into a reset, and the server would lose the tail), then 226, then the close.
    ///
    /// With `demandingEnd` the server's close_notify must be seen: for those of which nothing else tells what has arrived. Some answer
    /// 226 to bytes that have broken off (ProFTPD 1.3.8, pyftpdlib 2.2.0), but such a break ends both directions as a rule.
    package func finish(demandingEnd: Bool = false) throws(FTPError) -> Reply {
        guard !isOver else { throw .dataConnection("the upload has ended") }
        let reply: Reply
        let hasEnded: Bool
        do throws(FTPError) {
            try endSending()
            hasEnded = try drain(toTheEnd: demandingEnd)
            reply = try channel.takeFinalReply(until: .after(channel.session.control.replyTimeout))
        } catch {
            if case .interrupted = error { throw error }
            throw fail(error)
        }
        isOver = true
        guard reply.isSuccess else {
            channel.stream.closeAbruptly()
            throw channel.refusal(reply)
        }
        channel.stream.closeOrderly()
        guard hasEnded || !demandingEnd else {
            throw .dataConnection("the connection broke off, so that its acknowledgement says nothing")
        }
        return reply
    }

    /// Breaks the upload off: what is on the server is of no use.
    ///
    /// Bounded in time; a second call and a call after the end do nothing.
    package func abort() {
        guard !isOver || channel.session.isTransferring else { return }
        isOver = true
        channel.abandon(isDownload: false)
    }

    /// Waits for room to write.
    ///
    /// What the server sends meanwhile is taken: tickets and alerts left unread can block an upload.
    private func waitForRoom(_ readiness: Readiness) throws(FTPError) {
        let ready: Readiness
        do throws(FTPError) {
            ready = try channel.waitWhileSending(readiness, orReply: true)
            if let reply = channel.finalReply {
                throw .dataConnection("the server has ended \(channel.verb): \(reply)")
            }
        } catch {
            if case .interrupted = error { throw error }
            throw fail(error)
        }
        guard ready.contains(.readable) else { return }
        switch scratch.withMutableRawSpan({ channel.receive(into: &$0) }) {
        case .nothing: return
        case .bytes: throw fail(.protocolViolation("the server sends bytes during \(channel.verb)"))
        case .end: throw fail(.dataConnection("the server has ended \(channel.verb)"))
        case .cut(let error): throw fail(channel.failure(error))
        }
    }

    /// Sends close_notify and the end of our half of the connection, behind all the bytes.
    private func endSending() throws(FTPError) {
        while true {
            let unsent = channel.unsent
            do throws(TLSError) {
                return try channel.stream.finishSending(
                    until: .after(channel.session.configuration.stallTimeout),
                    wakeup: channel.session.control.wakeup)
            } catch {
                guard error == .timedOut, channel.getsOn(from: unsent, to: channel.unsent) else {
                    throw channel.failure(error)
                }
            }
        }
    }

    /// Reads until the server ends the data connection or, unless it is to be read to the end, has given its final reply: either way it takes
    /// no more bytes then.
    ///
    /// Returns whether an announced end was seen.
    private func drain(toTheEnd: Bool) throws(FTPError) -> Bool {
        while toTheEnd || channel.finalReply == nil {
            switch scratch.withMutableRawSpan({ channel.receive(into: &$0) }) {
            case .bytes: throw .protocolViolation("the server sends bytes during \(channel.verb)")
            case .end: return true
            case .cut: return false
            case .nothing(let readiness): try channel.waitWhileSending(readiness, orReply: !toTheEnd)
            }
        }
        return false
    }

    /// Ends the upload with an error: the server's own words where they come soon.
    private func fail(_ failure: FTPError) -> FTPError {
        isOver = true
        return channel.explain(failure)
    }
}
