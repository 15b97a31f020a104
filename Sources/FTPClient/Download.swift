package import FTPWire
import Logging
import Posix
import TLS

/// A file on its way from the server.
///
/// Used by one thread at a time; the session is taken until the end or `abort`.
package final class Download {
    private enum State {
        /// Bytes come, or are awaited.
        case receiving
        /// The data connection has ended and is closed; the final reply is awaited. An error where the end proves nothing.
        case closing(FTPError?)
        /// The final reply was taken, or the transfer was given up.
        case over
    }

    private let channel: DataChannel
    private let expected: UInt64?
    private let leastPace: Int
    private let acceptsUnannouncedEnd: Bool
    private var state = State.receiving
    /// What reading has met; reading does not go on after it.
    private var failure: FTPError?

    /// The bytes that have come since the time for them was last counted from the beginning, and how long they were waited for.
    private var pace = (count: 0, waited: Duration.zero)

    /// The number of bytes handed out.
    package private(set) var count: UInt64 = 0
    /// Whether the data connection ended with a close_notify, or a clear one with a FIN.
    package private(set) var endedCleanly = false

    /// Takes over a channel on which the server sends.
    ///
    /// `expected` is how many bytes will come, where it is known.
    ///
    /// `leastPace` is the least number of bytes that must come within the time a transfer may stand still: a server that drips is no better than one
    /// that is silent.
    ///
    /// With `acceptingUnannouncedEnd` an end without close_notify counts when the server says 226 (`endedCleanly` stays false), a reset
    /// and an error of TLS do not.
    init(
        _ channel: DataChannel, expected: UInt64? = nil, leastPace: Int = 256,
        acceptingUnannouncedEnd: Bool = false
    ) {
        self.channel = channel
        self.expected = expected
        self.leastPace = leastPace
        acceptsUnannouncedEnd = acceptingUnannouncedEnd
    }

    /// The replies to the questions that were asked ahead of the transfer.
    package var answers: [Reply] { channel.answers }

    /// The final reply, once it was taken.
    package var finalReply: Reply? { channel.finalReply }

    /// Whether the data connection resumed the control connection's TLS session.
    package var isResumed: Bool { channel.stream.isResumed }

    /// Whether TLS protects the data connection.
    package var isProtected: Bool { channel.stream.isProtected }

    /// Waits for at least one byte and fills the front of the span; returns how many bytes came, 0 at the proven end.
    ///
    /// The end is proven by the close_notify of the data connection together with 226, or with the expected number of bytes, which needs no
    /// waiting for 226. An end without close_notify counts when 226 comes and exactly the expected number of bytes came (some servers never send one, IIS 7 among them), else it is
    /// a cut and thrown as `.dataConnection`. After `.interrupted` reading may go on; after any other error
    /// only `abort` makes sense. Blocks no longer than the stall time-out, and the reply time-out at the end.
    package func read(into bytes: inout MutableRawSpan) throws(FTPError) -> Int {
        if let failure { throw failure }
        do throws(FTPError) {
            if let received = try receive(into: &bytes) { return received }
            try conclude()
            return 0
        } catch {
            if case .interrupted = error { throw error }
            failure = error
            throw error
        }
    }

    /// Ends the transfer wherever it is and leaves the session in step, or unusable where that cannot be had.
    ///
    /// Bounded in time, whatever was cancelled; a second call and a call after the end do nothing.
    package func abort() {
        switch state {
        case .over: return
        case .closing(nil) where endedCleanly && channel.postponeFinalReply(): break
        case .closing: takeLastReply()
        case .receiving:
            if channel.readsToTheEnd(remaining: remaining) {
                channel.stream.closeOrderly()
                if !channel.postponeFinalReply() { takeLastReply() }
            } else {
                channel.abandon(isDownload: true)
            }
        }
        state = .over
        if failure == nil { failure = .interrupted }
    }

    /// What is wrong with a clear connection that has ended: anybody on the way can send a FIN.
    private var shortfall: FTPError? {
        guard let expected, count < expected else { return nil }
        return .dataConnection("\(channel.verb) has ended after \(count) bytes of \(expected)")
    }

    /// How many bytes are still to come, as far as known.
    private var remaining: UInt64? {
        expected.map { $0 > count ? $0 - count : 0 }
    }

    /// Takes the final reply of a transfer that has ended by itself; the session is given up where it does not come.
    private func takeLastReply() {
        do throws(FTPError) {
            _ = try channel.takeFinalReply(until: .after(DataChannel.abortTimeout), interruptible: false)
        } catch {
            channel.session.logger.debug("no final reply: \(error)")
            channel.session.control.breakOff()
            channel.session.isTransferring = false
        }
    }

    /// Takes bytes until some have come; nil when the data connection has ended, which closes it on this side too.
    ///
    /// vsftpd 3.0.3 and ProFTPD 1.3.8 send 226 only after that.
    private func receive(into bytes: inout MutableRawSpan) throws(FTPError) -> Int? {
        guard case .receiving = state else { return nil }
        while true {
            switch channel.receive(into: &bytes) {
            case .bytes(let received):
                count &+= UInt64(received)
                pace.count += received
                if pace.count >= leastPace { pace = (0, .zero) }
                return received
            case .nothing(let readiness):
                let start = ContinuousClock.now
                let limit = channel.session.configuration.stallTimeout - pace.waited
                try channel.wait(readiness, until: .after(max(limit, .zero)))
                pace.waited += start.duration(to: .now)
            case .end:
                endedCleanly = true
                let isProven = channel.stream.isProtected
                channel.stream.closeOrderly()
                state = .closing(isProven ? nil : shortfall)
                return nil
            case .cut(let error):
                channel.stream.closeAbruptly()
                let isEnd = acceptsUnannouncedEnd && error == .truncated
                state = .closing(isEnd ? nil : channel.failure(error))
                return nil
            }
        }
    }

    /// Waits for the final reply and weighs it against how the data connection has ended.
    private func conclude() throws(FTPError) {
        switch state {
        case .receiving: throw .protocolViolation("the data connection is open")
        case .over: return
        case .closing(nil) where endedCleanly && expected == count && channel.postponeFinalReply():
            state = .over
        case .closing(let failure):
            let reply = try channel.takeFinalReply(until: .after(channel.session.control.replyTimeout))
            state = .over
            guard reply.isSuccess else { throw channel.refusal(reply) }
            if let failure, expected != count { throw failure }
        }
    }
}
