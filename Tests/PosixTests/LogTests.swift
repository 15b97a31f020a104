import Foundation
import Logging
import Posix
import Testing

/// Lines of the log.
@Suite struct LogTests {
    @Test(
        "what could end a line, steer a terminal or turn text around is escaped",
        arguments: [
            ("plain text \u{e9}\u{1F600}", "plain text \u{e9}\u{1F600}"),
            ("a\nb\r\nc\td", "a\\nb\\r\\nc\\td"), ("\u{1B}[31m", "\\u{1b}[31m"),
            ("\u{0}\u{7F}", "\\u{0}\\u{7f}"),
            ("\u{85}\u{9B}", "\\u{85}\\u{9b}"), ("\u{202E}x\u{2066}", "\\u{202e}x\\u{2066}"),
            ("\u{2028}", "\\u{2028}"),
        ])
    func escaping(text: String, escaped: String) {
        #expect(LogText.escaped(text) == escaped)
    }

    @Test("times are UTC with thousandths")
    func timestamps() {
        #expect(LogText.timestamp(of: WallTime(seconds: 0, milliseconds: 7)) == "1970-01-01T00:00:00.007Z")
        #expect(
            LogText.timestamp(of: WallTime(seconds: 1_798_761_599, milliseconds: 999))
                == "2026-12-31T23:59:59.999Z")
    }

    @Test("a file gets whole lines, is appended to, and is made for the user alone")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "ftpsfs-\(UUID().uuidString)").path
        defer { unlink(path) }
        for round in 0..<2 {
            let sink = try LogSink.file(path)
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                var logger = Logger(label: "pool") { LineLogHandler(label: $0, sink: sink, level: .info) }
                logger[metadataKey: "thread"] = "\(thread)"
                logger.debug("not shown")
                for number in 0..<100 {
                    logger.info("round \(round)\nline \(number)", metadata: ["a": "b\u{1B}"])
                }
            }
        }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 800)
        let form =
            #/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info: pool: round [01]\\nline \d+ a=b\\u\{1b\} thread=[0-3]$/#
        #expect(lines.filter { $0.wholeMatch(of: form) == nil } == [])
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(throws: Errno(ENOENT)) { try LogSink.file("/nowhere/at/all") }
    }
}
