import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Appending to files")
struct AppendingTests {
    private let old = pattern(1000)
    private let whole = pattern(1000) + pattern(5000, seed: 2)

    private func run(_ body: (ScriptedStore, UploadOrder) throws -> Void) throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/log", old, modified: 1_500_000_000)
            try body(fixture, UploadOrder(expectation: .version(try fixture.version("/log"))))
        }
    }

    @Test("after a break only what is missing is sent")
    func resumes() throws {
        try run { fixture, order in
            fixture.server.at(.transfer("APPE"), times: 1, .cut(after: 2000, .reset))
            let attributes = try fixture.append("/log", at: 1000, whole, order)
            #expect(attributes.size == 6000)
            #expect(fixture.tree.content("/log") == whole)
            #expect(fixture.arguments("APPE").count == 2)
        }
    }

    @Test(
        "a time of our own is not taken for another client's change, where nothing of an acknowledged transfer is there"
    )
    func timedInVain() throws {
        try run { fixture, order in
            var order = order
            order.modified = Timestamp(seconds: 1_600_000_000)
            fixture.server.at(.transfer("APPE"), times: 1, .endEarly(after: 0))
            let attributes = try fixture.append("/log", at: 1000, whole, order)
            #expect(attributes.size == 6000)
            #expect(fixture.tree.content("/log") == whole)
            #expect(fixture.arguments("APPE").count == 2)
        }
    }

    @Test("what the session that broke writes late is not sent again")
    func lateBytes() throws {
        try run { fixture, order in
            let (tree, arriving) = (fixture.tree, Array(whole[1000..<3000]))
            fixture.server.at(.transfer("APPE"), times: 1, .cut(after: 0, .reset))
            // The first look is ahead of the transfer, the second one follows the break.
            fixture.server.at(
                .command("SIZE"), skip: 2, times: 1, .run { tree.change("/log") { $0.content += arriving } })
            let attributes = try fixture.append("/log", at: 1000, whole, order)
            #expect(attributes.size == 6000)
            #expect(tree.content("/log") == whole)
        }
    }

    @Test("S233: an append that fails for good leaves what has arrived at the end of the file")
    func leavesPart() throws {
        try run { fixture, order in
            fixture.server.at(.transfer("APPE"), times: 1, .fail(after: 2000, "552 Quota exceeded"))
            #expect(kind { _ = try fixture.append("/log", at: 1000, whole, order) } == .quotaExceeded)
            #expect(fixture.tree.content("/log") == Array(whole[..<3000]))
        }
    }

    @Test("what somebody else has added during a break is not taken for our own bytes")
    func anotherWriter() throws {
        try run { fixture, order in
            let tree = fixture.tree
            fixture.server.at(
                .transfer("APPE"), times: 1, .run { tree.change("/log") { $0.content += [1, 2, 3] } },
                .cut(after: 0, .reset))
            #expect(kind { try fixture.append("/log", at: 1000, whole, order) } == .changed)
            #expect(tree.content("/log") == old + [1, 2, 3])
        }
    }

    @Test("a file that was changed during a break, and not in its size, is not added to")
    func changedMeanwhile() throws {
        try run { fixture, order in
            let tree = fixture.tree
            let other = pattern(1000, seed: 3)
            fixture.server.at(
                .transfer("APPE"), times: 1, .run { tree.addFile("/log", other) }, .cut(after: 0, .reset))
            #expect(kind { try fixture.append("/log", at: 1000, whole, order) } == .changed)
            #expect(tree.content("/log") == other)
        }
    }

    @Test(
        "a full disk or a quota is no reason to send the whole file, nor to append no more",
        arguments: [
            ("552 Quota exceeded", RemoteError.Kind.quotaExceeded), ("452 Disk full", .noSpace),
            ("451 Input/output error", .noSpace),
        ])
    func fullStorage(reply: String, expected: RemoteError.Kind) throws {
        try run { fixture, order in
            fixture.server.at(.command("APPE"), times: 1, .reply(reply))
            #expect(kind { try fixture.append("/log", at: 1000, whole, order) } == expected)
            try fixture.append("/log", at: 1000, whole, order)
            #expect(fixture.tree.content("/log") == whole)
        }
    }

    @Test(
        "a server that cannot append is asked once",
        arguments: [
            "500 Unknown command", "502 Not implemented", "451 log: Append/Restart not permitted, try again",
        ])
    func cannotAppend(reply: String) throws {
        try run { fixture, order in
            fixture.server.at(.command("APPE"), .reply(reply))
            for _ in 0..<2 {
                #expect(kind { try fixture.append("/log", at: 1000, whole, order) } == .unsupported)
            }
            #expect(fixture.arguments("APPE").count == 1)
        }
    }
}
