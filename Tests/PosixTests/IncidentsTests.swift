import Foundation
import Logging
import Testing

@testable import Posix

/// What the log says once, what it sums up, and what is kept for `ftpsfs status`.
@Suite struct IncidentsTests {
    private let start = ContinuousClock.now
    private var incidents = Incidents()

    private mutating func admit(
        _ text: String, _ level: Logger.Level = .warning, from place: String = "a:1",
        after seconds: Int = 0
    ) -> [String] {
        incidents.admit(
            Incidents.Line(level: level, text: text), from: place,
            now: start.advanced(by: .seconds(seconds)),
            time: WallTime(seconds: Int64(seconds), milliseconds: 0)
        ).map { "\($0.level): \($0.text)" }
    }

    @Test("the same line again is held back, and summed up when its minute is over")
    mutating func repeated() {
        #expect(admit("away") == ["warning: away"])
        for second in 1..<60 { #expect(admit("away", after: second) == []) }
        #expect(
            admit("else", .notice, from: "b:2", after: 60) == [
                "warning: 59 times more within 60 s, the last: away", "notice: else",
            ])
        #expect(admit("away", after: 61) == ["warning: away"], "a new minute begins with the line itself")
    }

    @Test("many lines of one kind but errors are held back beyond the tenth, others are not concerned")
    mutating func storm() {
        for number in 0..<10 { #expect(admit("file \(number)") == ["warning: file \(number)"]) }
        #expect(admit("file 10") == [])
        #expect(admit("bytes are in /rescue/1", .error) == ["error: bytes are in /rescue/1"])
        #expect(admit("file 11") == [])
        #expect(admit("other", from: "b:2") == ["warning: other"])
        let rest = incidents.takeAll().map { "\($0.level): \($0.text)" }
        #expect(rest == ["warning: 2 times more within 60 s, the last: file 11"])
        #expect(incidents.takeAll() == [])
    }

    @Test("the newest incidents are kept, those in a row as one, notices not at all")
    mutating func recent() {
        for number in 0..<20 {
            _ = admit("file \(number)", .error, from: "c:\(number)", after: number)
            _ = admit("file \(number)", .error, from: "c:\(number)", after: number)
            _ = admit("only said", .notice, from: "d:1", after: number)
        }
        let lines = incidents.recentLines
        #expect(lines.count == Incidents.recentLimit)
        #expect(lines.last == "1970-01-01T00:00:19.000Z error: file 19 (2 times)")
        #expect(lines.first == "1970-01-01T00:00:04.000Z error: file 4 (2 times)")
    }

    @Test("a logger sums up, but not for somebody who wants to see everything", arguments: [false, true])
    func logger(seesAll: Bool) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "ftpsfs-\(UUID().uuidString)").path
        defer { unlink(path) }
        let sink = try LogSink.file(path)
        let logger = Logger(label: "") {
            LineLogHandler(label: $0, sink: sink, level: seesAll ? .debug : .info)
        }
        for _ in 0..<5 { logger.warning("the server\nis away", metadata: ["path": "/f"]) }
        sink.finish()
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == (seesAll ? 5 : 2))
        if !seesAll {
            #expect(lines[1].hasSuffix(": 4 times more within 60 s, the last: the server\\nis away path=/f"))
        }
        #expect(sink.incidentLines.count == 1 && sink.incidentLines[0].hasSuffix("path=/f (5 times)"))
    }
}
