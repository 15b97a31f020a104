import Testing

@testable import Remote
import Posix

@Suite("Names and paths")
struct NameTests {
    @Test(
        "what FTP or a directory cannot carry is no name",
        arguments: ["", ".", "..", "a/b", "a\0b", "a\rb", "a\nb", "/"])
    func refusesNames(text: String) {
        #expect(FileName(text) == nil)
    }

    @Test(
        "odd names are kept byte for byte",
        arguments: [
            Array(" ".utf8), Array("-rf".utf8), Array("...".utf8), Array("a b ".utf8), [0xff, 0xfe, 0x80],
            Array("e\u{301}".utf8), Array("\u{e9}".utf8), [0x1b, 0x5b, 0x32, 0x4a],
        ])
    func keepsBytes(bytes: [UInt8]) {
        #expect(FileName(bytes)?.bytes == bytes)
    }

    @Test("two Unicode forms of one letter are two names")
    func normalFormsDiffer() {
        #expect(FileName("e\u{301}") != FileName("\u{e9}"))
    }

    @Test("a name is shown without anything that could disturb a terminal")
    func escapesForMessages() throws {
        let escape = try #require(FileName([0x1b, 0x5b, 0x32, 0x4a]))
        #expect(escape.description == "\\x1b[2J")
        let invalid = try #require(FileName([0x61, 0xff]))
        #expect(invalid.description == "a\\xff")
        let bidirectional = try #require(FileName("a\u{202e}b"))
        #expect(!bidirectional.description.unicodeScalars.contains("\u{202e}"))
    }

    @Test(
        "paths are normalised",
        arguments: [
            ("/", "/"), ("", "/"), ("//a///b/", "/a/b"), ("/a/./b", "/a/b"), ("/a/../b", "/b"),
            ("/../..", "/"),
            ("a/b", "/a/b"), ("/a b/ c", "/a b/ c"),
        ])
    func normalises(text: String, expected: String) throws {
        #expect(try #require(RemotePath(text)).description == expected)
    }

    @Test("a relative path lies below its base")
    func relativePaths() throws {
        let base = try #require(RemotePath("/home/alice"))
        #expect(try #require(RemotePath("pub/x", relativeTo: base)).description == "/home/alice/pub/x")
        #expect(try #require(RemotePath("../bob", relativeTo: base)).description == "/home/bob")
        #expect(try #require(RemotePath("/etc", relativeTo: base)).description == "/etc")
    }

    @Test("parent, name and appending belong together")
    func partsOfPaths() throws {
        let path = try #require(RemotePath("/a/b"))
        let name = try #require(path.name)
        #expect(path.parent.appending(name) == path)
        #expect(RemotePath.root.parent == .root)
        #expect(RemotePath.root.name == nil)
        let x = try #require(FileName("x"))
        #expect(RemotePath.root.appending(x).name == x)
    }

    @Test(
        "a path is inside its ancestors and itself only",
        arguments: [
            ("/a/b", "/a", true), ("/a", "/a", true), ("/ab", "/a", false), ("/a", "/a/b", false),
            ("/x", "/", true),
        ])
    func insideness(path: String, ancestor: String, expected: Bool) throws {
        #expect(try #require(RemotePath(path)).isInside(try #require(RemotePath(ancestor))) == expected)
    }
}

@Suite("Versions of files")
struct FileVersionTests {
    private func version(_ size: UInt64?, _ seconds: Int64?, _ granularity: TimeGranularity = .second)
        -> FileVersion
    {
        FileVersion(
            size: size, modified: seconds.map { Timestamp(seconds: $0) }, granularity: granularity)
    }

    @Test("another size or time is another version; what is unknown does not count")
    func comparesKnownFacts() {
        #expect(version(1, 100).matches(version(1, 100)))
        #expect(!version(1, 100).matches(version(2, 100)))
        #expect(!version(1, 100).matches(version(1, 101)))
        #expect(version(1, nil).matches(version(1, 101)))
        #expect(version(nil, 100).matches(version(5, 100)))
    }

    @Test("times are compared at the coarser granularity")
    func comparesCoarsely() {
        #expect(version(1, 60, .minute).matches(version(1, 119)))
        #expect(!version(1, 60, .minute).matches(version(1, 120)))
        #expect(version(1, 0, .day).matches(version(1, 86_399)))
        #expect(!version(1, .min, .day).matches(version(1, .max)))
    }
}

@Suite("Requests")
struct RequestTests {
    private final class Counter: Sendable {
        private let value = Monitor(0)
        var count: Int { value.withLock { $0 } }
        func increase() { value.withLock { $0 += 1 } }
    }

    @Test("an action runs once, also when it is added after the cancellation")
    func runsActionsOnce() {
        let request = Request()
        let before = Counter()
        let after = Counter()
        _ = request.onCancel { before.increase() }
        request.cancel()
        request.cancel()
        _ = request.onCancel { after.increase() }
        #expect(request.isCancelled)
        #expect(before.count == 1)
        #expect(after.count == 1)
    }

    @Test("an action that was taken away does not run")
    func removesActions() {
        let request = Request()
        let counter = Counter()
        let token = request.onCancel { counter.increase() }
        request.remove(token)
        request.cancel()
        #expect(counter.count == 0)
    }
}
