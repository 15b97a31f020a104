import Remote

/// Why bytes of a control connection are no reply.
///
/// The connection is of no further use.
package enum ReplyError: Error, Hashable, Sendable {
    /// A line is longer than `ReplyReader.lineLimit`.
    case lineTooLong
    /// A reply has more lines or bytes than `ReplyReader` allows.
    case replyTooLong
    /// More than `ReplyReader.noiseLimit` bytes of empty lines came where a reply should be.
    case noise
    /// A reply does not begin with a code of three digits, 100 up to 599; the line in printable form, cut.
    case malformed(String)
}

extension ReplyError: CustomStringConvertible {
    /// One line for messages.
    package var description: String {
        switch self {
        case .lineTooLong: "a reply line is longer than \(ReplyReader.lineLimit) bytes"
        case .replyTooLong: "a reply is longer than \(ReplyReader.replyLimit) bytes"
        case .noise: "more than \(ReplyReader.noiseLimit) bytes of empty lines and no reply"
        case .malformed(let line): "not an FTP reply: \(line)"
        }
    }
}

/// Takes the bytes of a control connection as they come and gives replies.
///
/// The end of a reply of several lines is the line with the first line's code and a space (RFC 959 section 4.2), or with
/// that code alone; other lines may begin with any digits. Line ends may be LF alone; empty lines between replies,
/// NUL and telnet commands before a code are skipped. The time taken is linear in the bytes however they are cut.
package struct ReplyReader: Sendable {
    /// The most bytes of one line, its end not counted.
    package static let lineLimit = 65_536
    /// The most lines of one reply; STAT of a large directory is the longest that makes sense.
    package static let lineCountLimit = 100_000
    /// The most bytes of one reply.
    package static let replyLimit = 8 << 20
    /// The most bytes of empty lines, NUL and telnet commands between two replies.
    package static let noiseLimit = 4096

    private struct Unfinished {
        var code: Int
        var lines: [[UInt8]]
        var size: Int
    }

    private var buffer: [UInt8] = []
    /// Bytes of `buffer` before this place are used up.
    private var start = 0
    /// Bytes of `buffer` before this place are known to hold no further line end.
    private var scanned = 0
    private var unfinished: Unfinished?
    /// The bytes skipped since the last reply.
    private var skipped = 0
    private var failure: ReplyError?

    /// Makes a reader with nothing in it.
    package init() {}

    /// Whether bytes have come that belong to no reply given out yet.
    ///
    /// Bytes after the 234 of AUTH were not sent by who holds the certificate: a client must then give the connection up.
    package var hasBufferedBytes: Bool { start < buffer.count || unfinished != nil }

    /// Adds bytes in the order they came.
    package mutating func append(_ bytes: Span<UInt8>) {
        makeRoom()
        for offset in bytes.indices { buffer.append(bytes[offset]) }
    }

    /// Adds bytes in the order they came.
    package mutating func append(_ bytes: RawSpan) {
        append(Span<UInt8>(_bytes: bytes))
    }

    /// Adds bytes in the order they came.
    package mutating func append(_ bytes: some Collection<UInt8>) {
        makeRoom()
        buffer.append(contentsOf: bytes)
    }

    /// Gives the next reply, nil when more bytes are needed.
    ///
    /// Once it has thrown, it throws the same error for ever.
    package mutating func next() throws(ReplyError) -> Reply? {
        if let failure { throw failure }
        do throws(ReplyError) {
            while let line = try nextLine() {
                if let reply = try take(line) { return reply }
            }
            return nil
        } catch {
            failure = error
            (buffer, start, scanned, unfinished) = ([], 0, 0, nil)
            throw error
        }
    }

    private mutating func makeRoom() {
        // Used bytes go only when they outnumber the rest, so that moving costs a constant time a byte.
        if start > buffer.count - start {
            buffer.removeSubrange(..<start)
            scanned -= start
            start = 0
        }
    }

    /// The next whole line without its end, taken out of the buffer.
    private mutating func nextLine() throws(ReplyError) -> Range<Int>? {
        guard let end = buffer.span.firstOffset(of: UInt8(ascii: "\n"), in: scanned..<buffer.count) else {
            scanned = buffer.count
            // One byte more than the limit may be the CR of a line end still to come.
            guard buffer.count - start <= Self.lineLimit + 1 else { throw .lineTooLong }
            return nil
        }
        var line = start..<end
        if !line.isEmpty, buffer[end - 1] == UInt8(ascii: "\r") { line = start..<(end - 1) }
        start = end + 1
        scanned = start
        guard line.count <= Self.lineLimit else { throw .lineTooLong }
        return line
    }

    private mutating func take(_ range: Range<Int>) throws(ReplyError) -> Reply? {
        guard var reply = unfinished.take() else { return try begin(range) }
        let line = buffer[range]
        let separator = Self.separator(of: line, code: reply.code)
        reply.lines.append(separator == nil ? Array(line) : Array(line.dropFirst(4)))
        reply.size += line.count
        guard reply.lines.count <= Self.lineCountLimit, reply.size <= Self.replyLimit else {
            throw .replyTooLong
        }
        guard separator == .last else {
            unfinished = reply
            return nil
        }
        return Reply(code: reply.code, lines: reply.lines)
    }

    private mutating func begin(_ range: Range<Int>) throws(ReplyError) -> Reply? {
        let line = Self.withoutTelnetCommands(buffer[range])
        guard !line.isEmpty else {
            skipped += range.count + 1
            guard skipped <= Self.noiseLimit else { throw .noise }
            return nil
        }
        skipped = 0
        guard let code = line.span.digits(3, at: 0, before: line.count), 100..<600 ~= code,
            let separator = Self.separator(of: line, code: code)
        else { throw .malformed(excerpt(Array(line), limit: 80)) }
        let text = Array(line.dropFirst(4))
        switch separator {
        case .last: return Reply(code: code, lines: [text])
        case .more:
            unfinished = Unfinished(code: code, lines: [text], size: line.count)
            return nil
        }
    }

    private enum Separator { case last, more }

    /// What follows the code at the front of a line; nil when the line does not begin with this code and a separator.
    private static func separator(of line: ArraySlice<UInt8>, code: Int) -> Separator? {
        guard line.count >= 3 else { return nil }
        let first = line.startIndex
        guard line[first] == UInt8(ascii: "0") + UInt8(code / 100),
            line[first + 1] == UInt8(ascii: "0") + UInt8(code / 10 % 10),
            line[first + 2] == UInt8(ascii: "0") + UInt8(code % 10)
        else { return nil }
        guard line.count > 3 else { return .last }
        switch line[first + 3] {
        case UInt8(ascii: " "): return .last
        case UInt8(ascii: "-"): return .more
        default: return nil
        }
    }

    /// Skips NUL, IAC with a command (two bytes) and IAC with an option (three bytes, RFC 854) at the front of a line.
    private static func withoutTelnetCommands(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line
        while let first = line.first {
            if first == 0 {
                line = line.dropFirst()
            } else if first == 0xff, let command = line.dropFirst().first, command >= 0xf0 {
                line = line.dropFirst(0xfb...0xfe ~= command ? 3 : 2)
            } else {
                break
            }
        }
        return line
    }
}
