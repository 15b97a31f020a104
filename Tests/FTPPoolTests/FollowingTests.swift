import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Uploads that begin before their content is complete")
struct FollowingTests {
    private func open(
        _ fixture: ScriptedStore, _ text: String = "/file", isNew: Bool = false,
        for request: Request = Request(.spare)
    ) throws -> any RemoteWriter {
        try fixture.store.openWriter(path(text), isNew: isNew, for: request)
    }

    private func write(_ bytes: [UInt8], to writer: any RemoteWriter) throws {
        try writer.write(bytes.span.bytes, for: Request(.spare))
    }

    private func finish(
        _ writer: any RemoteWriter, _ bytes: [UInt8], _ order: UploadOrder = UploadOrder(),
        for request: Request = Request()
    ) throws -> Attributes {
        try writer.finish(as: path("/file"), with: BytesSource(bytes), order, for: request)
    }

    /// Waits until the one temporary file has so many bytes.
    private func awaitPart(_ count: Int, _ fixture: ScriptedStore) -> Bool {
        waitUntil(within: .seconds(60)) {
            fixture.tree.names(in: "/").contains {
                $0 != "file" && fixture.tree.content("/" + $0)?.count == count
            }
        }
    }

    @Test("the bytes arrive under another name while they are written, and get theirs at the end")
    func whole() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            let order = UploadOrder(
                expectation: .version(try fixture.version("/file")), mode: 0o640,
                modified: Timestamp(seconds: 1_600_000_000))
            let bytes = pattern(500_000)
            let writer = try open(fixture)
            try write(Array(bytes[..<200_000]), to: writer)
            #expect(awaitPart(200_000, fixture))
            #expect(fixture.tree.content("/file") == [1, 2, 3])
            #expect(try fixture.store.list(.root, for: Request()).entries.map(\.name.description) == ["file"])
            try write(Array(bytes[200_000..<300_000]), to: writer)
            let attributes = try finish(writer, bytes, order)
            #expect(attributes.size == 500_000)
            #expect(attributes.modified == Timestamp(seconds: 1_600_000_000))
            #expect(fixture.tree.content("/file") == bytes)
            #expect(fixture.tree.names(in: "/") == ["file"])
            #expect(fixture.arguments("STOR").count == 1)
            writer.close()
            #expect(kind { _ = try finish(writer, bytes) } == .unreachable)
        }
    }

    @Test("a new file met by another one is not put in its place")
    func meetsAnother() throws {
        try ScriptedStore.run { fixture in
            let writer = try open(fixture, isNew: true)
            try write(pattern(1000), to: writer)
            fixture.tree.addFile("/file", [7])
            // What was seen when the transfer began counts for a moment; this is about what is seen then.
            let late = try open(fixture, isNew: true)
            try write(pattern(1000), to: late)
            let order = UploadOrder(expectation: .nothing)
            #expect(kind { _ = try finish(late, pattern(2000), order) } == .changed)
            #expect(fixture.tree.content("/file") == [7])
            writer.close()
            #expect(fixture.tree.names(in: "/") == ["file"])
        }
    }

    @Test("what is given up is removed at once, and its connection is there for others")
    func givenUp() throws {
        try ScriptedStore.run(limit: 3) { fixture in
            for _ in 0..<3 {
                let writer = try open(fixture)
                try write(pattern(100_000), to: writer)
                writer.close()
                #expect(fixture.tree.names(in: "/").isEmpty)
            }
            #expect(fixture.pool.sight.standing <= 2)
        }
    }

    @Test("a transfer that has broken is sent anew from the source", arguments: [true, false])
    func broken(silently: Bool) throws {
        try ScriptedStore.run { fixture in
            fixture.server.at(
                .transfer("STOR"), times: 1,
                silently ? .cut(after: 100_000, .reset) : .fail(after: 100_000, "426 Broken"))
            let bytes = pattern(300_000)
            let writer = try open(fixture)
            try write(Array(bytes[..<50_000]), to: writer)
            #expect(try finish(writer, bytes).size == 300_000)
            #expect(fixture.tree.content("/file") == bytes)
            #expect(fixture.arguments("STOR").count == 2)
            #expect(waitUntil(within: .seconds(60)) { fixture.tree.names(in: "/") == ["file"] })
        }
    }

    @Test("writing into a broken transfer says so, and nothing is left")
    func brokenWhileWriting() throws {
        try ScriptedStore.run { fixture in
            fixture.server.at(.transfer("STOR"), times: 1, .fail(after: 1000, "452 Disk full"))
            let writer = try open(fixture)
            let result = kind { for _ in 0..<1000 { try write(pattern(100_000), to: writer) } }
            #expect(result == .noSpace)
            writer.close()
            #expect(waitUntil(within: .seconds(60)) { fixture.tree.names(in: "/").isEmpty })
        }
    }

    @Test("a rename whose answer was lost is found out, and nothing is sent twice")
    func lostAnswer() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            let order = UploadOrder(expectation: .version(try fixture.version("/file")))
            fixture.server.at(.reply("RNTO", 250), times: 1, .closeControl(.reset))
            let bytes = pattern(5000)
            let writer = try open(fixture)
            try write(Array(bytes[..<4000]), to: writer)
            #expect(try finish(writer, bytes, order).size == 5000)
            #expect(fixture.arguments("STOR").count == 1)
            #expect(fixture.tree.content("/file") == bytes)
            #expect(fixture.tree.names(in: "/") == ["file"])
        }
    }

    @Test("an interrupted end leaves the old file as it is, and nothing else")
    func interrupted() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            let request = Request()
            let writer = try open(fixture)
            try write(pattern(1000), to: writer)
            let source = BytesSource(pattern(30_000_000)) { offset in
                if offset > 1_000_000 { request.cancel() }
            }
            let result = kind {
                _ = try writer.finish(as: path("/file"), with: source, UploadOrder(), for: request)
            }
            #expect(result == .interrupted)
            #expect(fixture.tree.content("/file") == [1, 2, 3])
            #expect(waitUntil(within: .seconds(60)) { fixture.tree.names(in: "/") == ["file"] })
        }
    }

    @Test(
        "a connection is taken only where two more stay free", arguments: [(1, false), (2, false), (3, true)])
    func spare(limit: Int, isGiven: Bool) throws {
        try ScriptedStore.run(limit: limit) { fixture in
            let result = kind { try open(fixture).close() }
            #expect(result == (isGiven ? nil : .busy))
            #expect(fixture.arguments("STOR").count == (isGiven ? 1 : 0))
        }
    }

    @Test("whoever needs the connection is told to its holder")
    func reclaimed() throws {
        try ScriptedStore.run(limit: 3) { fixture in
            let writer = try open(fixture)
            try write(pattern(1000), to: writer)
            writer.onReclaim { writer.close() }
            let first = try fixture.pool.lease(.transfer, for: Request())
            defer { first.release() }
            let second = try fixture.pool.lease(.transfer, for: Request())
            second.release()
            #expect(fixture.tree.names(in: "/").isEmpty)
        }
    }

    @Test("a refused temporary name is told, and nothing is left")
    func refused() throws {
        try ScriptedStore.run(.vsftpd) { fixture in
            fixture.tree.addDirectory("/closed", mode: 0o555)
            #expect(kind { _ = try open(fixture, "/closed/file") } != nil)
            #expect(fixture.tree.names(in: "/closed").isEmpty)
        }
    }
}
