import Remote

/// One reply of a server (RFC 959 section 4.2): a code and one or more lines of text.
package struct Reply: Hashable, Sendable {
    /// The reply code, 100 up to 599.
    package let code: Int
    /// The text of each line, at least one: without the code and its separator where the line has them, without the line's end.
    ///
    /// Lines between the first and the last keep their leading spaces, which mean something in MLST and FEAT replies.
    package let lines: [[UInt8]]

    /// Puts a reply together.
    package init(code: Int, lines: [[UInt8]]) {
        self.code = code
        self.lines = lines
    }

    /// Puts a reply of one or more lines of text together.
    package init(_ code: Int, _ lines: String...) {
        self.init(code: code, lines: lines.map { Array($0.utf8) })
    }

    /// The text for messages: printable, lines joined by ` / `, cut after `Reply.textLimit` bytes.
    package var text: String {
        var joined: [UInt8] = []
        for line in lines {
            let trimmed = line.span.trimmed(line.indices)
            guard !trimmed.isEmpty else { continue }
            if !joined.isEmpty { joined += Array(" / ".utf8) }
            joined += line[trimmed].prefix(Self.textLimit)
            if joined.count > Self.textLimit { break }
        }
        return excerpt(joined, limit: Self.textLimit)
    }

    /// The most bytes of a reply that a message shows.
    package static let textLimit = 512

    /// 1xx: the action has begun, another reply follows.
    package var isPreliminary: Bool { code / 100 == 1 }
    /// 2xx: the action is done.
    package var isSuccess: Bool { code / 100 == 2 }
    /// 3xx: the server waits for the next command of a sequence.
    package var isIntermediate: Bool { code / 100 == 3 }
    /// 4xx: the action failed and may succeed when tried again.
    package var isTransientFailure: Bool { code / 100 == 4 }
    /// 5xx: the action failed and will fail again.
    package var isPermanentFailure: Bool { code / 100 == 5 }
    /// 4xx or 5xx: the action failed.
    package var isFailure: Bool { isTransientFailure || isPermanentFailure }
}

extension Reply: CustomStringConvertible {
    /// Code and text for messages.
    package var description: String {
        let text = text
        return text.isEmpty ? "\(code)" : "\(code) \(text)"
    }
}
