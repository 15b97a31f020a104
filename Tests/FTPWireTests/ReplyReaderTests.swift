import Testing

@testable import FTPWire

@Suite struct ReplyReaderTests {
    private func replies(_ text: String) throws -> [Reply] {
        var reader = ReplyReader()
        reader.append(Array(text.utf8))
        var replies: [Reply] = []
        while let reply = try reader.next() { replies.append(reply) }
        return replies
    }

    @Test("a reply of one line has one line of text")
    func single() throws {
        #expect(try replies("220 (vsFTPd 3.0.3)\r\n") == [Reply(220, "(vsFTPd 3.0.3)")])
        #expect(try replies("226\r\n") == [Reply(226, "")])
        #expect(try replies("226 \r\n") == [Reply(226, "")])
        #expect(try replies("550  two spaces\r\n") == [Reply(550, " two spaces")])
    }

    @Test("several replies in one piece come in order")
    func pipelined() throws {
        let text = "331 Please specify the password.\r\n230 Login successful.\r\n200 PBSZ set to 0.\r\n"
        #expect(try replies(text).map(\.code) == [331, 230, 200])
    }

    @Test("a reply of several lines ends with its own code and a space (RFC 959 section 4.2)")
    func multiline() throws {
        let text =
            "211-Features:\r\n EPRT\r\n 220 not the end\r\n226 not the end\r\n211-REST STREAM\r\n211 End\r\n"
        let expected = Reply(
            211, "Features:", " EPRT", " 220 not the end", "226 not the end", "REST STREAM", "End")
        #expect(try replies(text) == [expected])
    }

    @Test("a bare code ends a reply of several lines")
    func bareEnd() throws {
        #expect(try replies("230-Hello\r\n230\r\n") == [Reply(230, "Hello", "")])
    }

    @Test("a reply that looks ended but for a longer number goes on")
    func longerNumber() throws {
        #expect(try replies("250-A\r\n2501 x\r\n250 B\r\n") == [Reply(250, "A", "2501 x", "B")])
    }

    @Test("lines may end with LF alone")
    func lineFeedOnly() throws {
        #expect(try replies("250-A\n b\n250 C\n") == [Reply(250, "A", " b", "C")])
    }

    @Test("empty lines, NUL and telnet commands before a code are skipped")
    func noise() throws {
        var reader = ReplyReader()
        reader.append([13, 10, 0, 0xff, 0xf4, 0xff, 0xfd, 3] + Array("200 ok\r\n".utf8))
        #expect(try reader.next() == Reply(200, "ok"))
    }

    @Test("empty lines without end are no replies", arguments: ["\r\n", "\n", "\u{0}\u{0}\n"])
    func nothingButNoise(_ line: String) throws {
        var reader = ReplyReader()
        for _ in 0..<20 { reader.append(Array(line.utf8)) }
        reader.append(Array("200 ok\r\n".utf8))
        #expect(try reader.next() == Reply(200, "ok"))
        for _ in 0..<5000 { reader.append(Array(line.utf8)) }
        #expect(throws: ReplyError.self) { try reader.next() }
    }

    @Test("bytes of any value are kept in texts")
    func rawBytes() throws {
        var reader = ReplyReader()
        reader.append(Array("257 \"".utf8) + [0, 0xff, 0xfe, 9] + Array("\"\r\n".utf8))
        let reply = try #require(try reader.next())
        #expect(reply.lines == [Array("\"".utf8) + [0, 0xff, 0xfe, 9] + Array("\"".utf8)])
    }

    @Test("feeding byte by byte gives the same replies, and none before its last byte")
    func byteByByte() throws {
        let text = "220-Welcome\r\n 220 almost\r\n220 ready\r\n234 AUTH\r\n"
        var reader = ReplyReader()
        var found: [(Int, Reply)] = []
        for (index, byte) in text.utf8.enumerated() {
            reader.append(CollectionOfOne(byte))
            while let reply = try reader.next() { found.append((index + 1, reply)) }
        }
        #expect(found.map(\.1) == (try replies(text)))
        #expect(
            found.map(\.0) == ["220-Welcome\r\n 220 almost\r\n220 ready\r\n".utf8.count, text.utf8.count])
    }

    @Test("bytes behind a reply are seen: the sign of an injection after 234 (RFC 4217 section 4)")
    func bufferedBytes() throws {
        var reader = ReplyReader()
        reader.append(Array("234 Proceed\r\n".utf8))
        #expect(try reader.next()?.code == 234)
        #expect(!reader.hasBufferedBytes)
        reader.append(Array("2".utf8))
        #expect(try reader.next() == nil)
        #expect(reader.hasBufferedBytes)

        var second = ReplyReader()
        second.append(Array("234-Proceed\r\n".utf8))
        #expect(try second.next() == nil)
        #expect(second.hasBufferedBytes)
    }

    @Test(
        "what does not begin with a code of 100 up to 599 is malformed, and stays so",
        arguments: [
            "hello\r\n", "99 x\r\n", "099 x\r\n", "600 x\r\n", "2x0 x\r\n", "220x\r\n", " 220 x\r\n",
            "22\r\n",
        ])
    func malformed(text: String) throws {
        var reader = ReplyReader()
        reader.append(Array(text.utf8) + Array("200 ok\r\n".utf8))
        let error = try #require(throws: ReplyError.self) { try reader.next() }
        guard case .malformed = error else { throw error }
        #expect(throws: error) { try reader.next() }
    }

    @Test("a line of 64 KiB is taken, a longer one is not, ended or not")
    func longLines() throws {
        let text = [UInt8](repeating: UInt8(ascii: "x"), count: ReplyReader.lineLimit - 4)
        var reader = ReplyReader()
        reader.append(Array("200 ".utf8) + text)
        #expect(try reader.next() == nil)
        reader.append(Array("\r\n".utf8))
        #expect(try reader.next()?.lines == [text])

        for end in ["", "\r\n"] {
            var reader = ReplyReader()
            reader.append(Array("200 xx".utf8) + text + Array(end.utf8))
            #expect(throws: ReplyError.lineTooLong) { try reader.next() }
        }
    }

    @Test("an endless reply is refused")
    func longReplies() throws {
        var reader = ReplyReader()
        reader.append(Array("211-x\r\n".utf8))
        let line = Array("\r\n".utf8)
        for _ in 0..<100 { reader.append(repeatElement(line, count: 1001).flatMap { $0 }) }
        #expect(throws: ReplyError.replyTooLong) { while try reader.next() != nil {} }

        var second = ReplyReader()
        second.append(Array("211-x\r\n".utf8))
        let long = [UInt8](repeating: 0x20, count: 60_000) + [13, 10]
        #expect(throws: ReplyError.replyTooLong) {
            for _ in 0..<200 {
                second.append(long)
                _ = try second.next()
            }
        }
    }

    @Test("the text for messages is printable and bounded")
    func text() {
        #expect(Reply(550, "a\u{1b}[31mb").text == "a\\x1b[31mb")
        #expect(Reply(211, "Features:", " A", "", "End").text == "Features: / A / End")
        #expect(Reply(code: 500, lines: [[UInt8](repeating: 0x41, count: 100_000)]).text.utf8.count < 600)
        #expect(Reply(550, "No.").description == "550 No.")
    }
}
