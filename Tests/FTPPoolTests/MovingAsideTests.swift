import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

/// Servers that rename nothing over a file (IIS, ProFTPD without `AllowOverwrite`).
@Suite("Renaming over files")
struct MovingAsideTests {
    private static let refusal = "550 Cannot create a file when that file already exists."

    /// Runs the body with a file and a source for its replacement.
    private func run(_ body: (ScriptedStore) throws -> Void) throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.tree.addFile("/new", [4, 5])
            try body(fixture)
        }
    }

    private func rename(_ fixture: ScriptedStore, for request: Request = Request()) throws {
        try fixture.store.rename(path("/new"), to: path("/file"), replacing: true, for: request)
    }

    @Test("the old file is moved aside, replaced and removed")
    func replaces() throws {
        try run { fixture in
            fixture.server.at(.command("RNTO"), times: 1, .reply(Self.refusal))
            try rename(fixture)
            #expect(fixture.tree.content("/file") == [4, 5])
            #expect(fixture.tree.names(in: "/") == ["file"])
            #expect(!fixture.store.traits.replacesAtomically)
        }
    }

    @Test("a program's signal between the two renames does not leave the file without its name")
    func interruption() throws {
        try run { fixture in
            let request = Request()
            fixture.server.at(.command("RNTO"), times: 1, .reply(Self.refusal))
            let gate = Gate()
            fixture.server.at(.command("RNTO"), skip: 1, times: 1, .run { request.cancel() }, .wait(gate))
            let opener = try fixture.open(gate, afterCancelling: request)
            defer { opener.join() }
            #expect(kind { try rename(fixture, for: request) } == nil)
            #expect(fixture.tree.content("/file") == [4, 5])
            #expect(fixture.tree.names(in: "/") == ["file"])
        }
    }

    @Test("a connection lost between the two renames does not leave the file without its name")
    func lostConnection() throws {
        try run { fixture in
            fixture.server.at(.command("RNTO"), times: 1, .reply(Self.refusal))
            fixture.server.at(.command("RNTO"), skip: 2, times: 1, .closeControl(.reset))
            try rename(fixture)
            #expect(fixture.tree.content("/file") == [4, 5])
            #expect(fixture.tree.names(in: "/") == ["file"])
        }
    }

    @Test("an upload goes on after a connection lost between the two renames")
    func lostConnectionOfAnUpload() throws {
        try run { fixture in
            let order = UploadOrder(expectation: .version(try fixture.version("/file")))
            fixture.server.at(.command("RNTO"), times: 1, .reply(Self.refusal))
            fixture.server.at(.command("RNTO"), skip: 2, times: 1, .closeControl(.reset))
            try fixture.replace("/file", pattern(5000), order)
            #expect(fixture.arguments("STOR").count == 1)
            #expect(fixture.tree.content("/file") == pattern(5000))
            #expect(fixture.tree.names(in: "/") == ["file", "new"])
        }
    }

    @Test("the old file gets its name back when the new one cannot have it")
    func restores() throws {
        try run { fixture in
            fixture.server.at(.command("RNTO"), times: 1, .reply(Self.refusal))
            fixture.server.at(.command("RNTO"), skip: 2, times: 1, .reply(Self.refusal))
            #expect(kind { try rename(fixture) } == .exists)
            #expect(fixture.tree.content("/file") == [1, 2, 3])
            #expect(fixture.tree.names(in: "/") == ["file", "new"])
        }
    }

    @Test("an old file left aside gets its name back when the server is there again")
    func restoresLater() throws {
        try run { fixture in
            fixture.tree.addFile("/.aside", [7])
            fixture.store.leftovers.withLock { $0.add(path("/.aside"), .restore(path("/gone"))) }
            #expect(fixture.sees("250 Rename successful."))
            #expect(fixture.tree.content("/gone") == [7])
        }
    }

    @Test("an old file left aside is removed when its name was taken by a new content")
    func removesLater() throws {
        try run { fixture in
            fixture.tree.addFile("/.aside", [7])
            fixture.store.leftovers.withLock { $0.add(path("/.aside"), .restore(path("/file"))) }
            #expect(fixture.sees("250 Delete operation successful."))
            #expect(fixture.tree.content("/file") == [1, 2, 3])
        }
    }

    @Test("an old copy that cannot be removed at once is no error")
    func copyStays() throws {
        try run { fixture in
            fixture.server.at(.command("RNTO"), times: 1, .reply(Self.refusal))
            fixture.server.at(.command("DELE"), times: 1, .reply("450 Busy"))
            try rename(fixture)
            #expect(fixture.tree.content("/file") == [4, 5])
            #expect(try fixture.store.list(.root, for: Request()).entries.map(\.name.description) == ["file"])
        }
    }

    @Test(
        "a refusal for another reason moves nothing",
        arguments: [
            ("550 new: Invalid cross-device link", RemoteError.Kind.crossDevice),
            ("550 file: No such file or directory", .notFound), ("550 file: Not a directory", .notDirectory),
        ])
    func otherReasons(reply: String, expected: RemoteError.Kind) throws {
        try run { fixture in
            fixture.server.at(.command("RNTO"), times: 1, .reply(reply))
            #expect(kind { try rename(fixture) } == expected)
            #expect(fixture.arguments("RNFR") == ["/new"])
        }
    }
}

@Suite("What is left on the server")
struct LeftoversTests {
    private let start = ContinuousClock.Instant.now

    private func due(_ leftovers: inout Leftovers, after seconds: Int = 0) -> [RemotePath] {
        leftovers.takeDue(now: start.advanced(by: .seconds(seconds))).map(\.name)
    }

    @Test("a name that could not be seen to is tried again after a pause that grows")
    func postpones() {
        var leftovers = Leftovers()
        leftovers.add(path("/a"), .remove)
        let first = due(&leftovers)
        let whileHeld = due(&leftovers)
        leftovers.postpone(path("/a"), now: start)
        let atOnce = due(&leftovers)
        let afterASecond = due(&leftovers, after: 1)
        leftovers.postpone(path("/a"), now: start)
        let again = due(&leftovers, after: 1)
        #expect(first == [path("/a")])
        #expect(whileHeld.isEmpty)
        #expect(atOnce.isEmpty)
        #expect(afterASecond == [path("/a")])
        #expect(again.isEmpty)
        leftovers.settle(path("/a"))
        #expect(leftovers.isEmpty)
    }

    @Test("a file moved aside is nobody else's while an operation is at it")
    func holds() {
        var leftovers = Leftovers()
        leftovers.add(path("/aside"), .restore(path("/file")), isHeld: true)
        let whileHeld = due(&leftovers)
        let held = leftovers.hold(asidesOf: path("/file"))
        let released = leftovers.release(asidesOf: path("/file"))
        let afterwards = due(&leftovers)
        #expect(whileHeld.isEmpty)
        #expect(held == [path("/aside")])
        #expect(released == [path("/aside")])
        #expect(afterwards == [path("/aside")])
    }

    @Test("only files of no use are hidden")
    func hides() {
        var leftovers = Leftovers()
        leftovers.add(path("/d/part"), .remove)
        leftovers.add(path("/d/aside"), .restore(path("/d/file")))
        #expect(leftovers.hidden(in: path("/d")) == [path("/d/part")])
        #expect(leftovers.hidden(in: .root).isEmpty)
    }
}
