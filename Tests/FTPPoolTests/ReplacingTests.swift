import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Replacing files")
struct ReplacingTests {
    @Test(
        "a refusal that has nothing to do with the temporary name leaves the old file as it is",
        arguments: [
            ("452 Insufficient storage space", RemoteError.Kind.noSpace),
            ("552 Quota exceeded", .quotaExceeded),
            ("550 file: No space left on device", .noSpace),
            ("550 file: No such file or directory", .notFound),
            ("450 File busy", .busy),
            ("450 Not now", .protocolBroken),
            ("451 Input/output error", .noSpace),
        ])
    func otherRefusals(reply: String, expected: RemoteError.Kind) throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.server.at(.command("STOR"), .reply(reply))
            #expect(kind { try fixture.replace("/file", [4]) } == expected)
            #expect(fixture.tree.content("/file") == [1, 2, 3])
            #expect(!fixture.arguments("STOR").contains("/file"))
        }
    }

    @Test("a refusal behind 150 is about the content, and the old file stays as it is")
    func refusalBehindTheBeginning() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.server.at(.data("STOR"), .reply("550 Permission denied"))
            #expect(kind { try fixture.replace("/file", [4]) } == .denied)
            #expect(fixture.tree.content("/file") == [1, 2, 3])
            #expect(fixture.tree.names(in: "/") == ["file"])
        }
    }

    @Test("where names with a dot in front are refused, temporary names do without")
    func dotFilter() throws {
        try ScriptedStore.run(.pureftpd) { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.server.at(.command("STOR"), times: 1, .reply("553 Prohibited file name"))
            try fixture.replace("/file", [4])
            try fixture.replace("/file", [5])
            #expect(fixture.tree.content("/file") == [5])
            let names = fixture.arguments("STOR")
            #expect(names.map { $0.hasPrefix("/.") } == [true, false, false])
            #expect(!names.contains("/file"))
        }
    }

    @Test("a file is written itself where its directory takes no other names")
    func closedDirectory() throws {
        try ScriptedStore.run(.vsftpd) { fixture in
            fixture.tree.addDirectory("/closed", mode: 0o555)
            fixture.tree.addFile("/closed/file", [1, 2, 3])
            try fixture.replace("/closed/file", [4])
            #expect(fixture.tree.content("/closed/file") == [4])
        }
    }

    @Test("an old file does not give way where new names are refused without a reason")
    func unexplainedRefusal() throws {
        try ScriptedStore.run(.vsftpd) { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.server.at(.command("STOR"), times: 2, .reply("553 Could not create file."))
            #expect(kind { try fixture.replace("/file", [4]) } == .denied)
            #expect(fixture.tree.content("/file") == [1, 2, 3])
            fixture.server.at(.command("STOR"), times: 2, .reply("550 Permission denied."))
            try fixture.replace("/file", [4])
            #expect(fixture.tree.content("/file") == [4])
            // There is nothing to lose under a new name.
            fixture.server.at(.command("STOR"), times: 2, .reply("553 Could not create file."))
            try fixture.replace("/new", [5])
            #expect(fixture.tree.content("/new") == [5])
        }
    }

    @Test(
        "a server that has no room for another file leaves the old one as it is",
        arguments: ServerKind.available)
    func noRoomForAName(_ kind: ServerKind) throws {
        let server = try ServerFixture(kind, ServerOptions { $0.tmpfs = "8m,nr_inodes=40" })
        let fixture = try StoreFixture(server)
        try server.put("/file", Array("old".utf8))
        try Shell.run("i=0; while touch \"$1/f$i\" 2> /dev/null; do i=$((i+1)); done", [server.root])
        let failure = FTPPoolTests.kind {
            _ = try fixture.store.replace(
                fixture.path("/file"), with: BytesSource(Array("new".utf8)), UploadOrder(), for: Request())
        }
        #expect(failure == (kind == .vsftpd ? .denied : .noSpace))
        #expect(server.content("/file") == Array("old".utf8))
    }

    @Test("what has arrived of a new file is removed when it cannot be completed under its own name")
    func partOfANewFile() throws {
        try ScriptedStore.run { fixture in
            fixture.server.at(.command("STOR"), times: 2, .reply("550 Permission denied"))
            fixture.server.at(.transfer("STOR"), .fail(after: 1000, "452 Disk full"))
            #expect(kind { try fixture.replace("/file", pattern(5000)) } == .noSpace)
            #expect(fixture.arguments("STOR").last == "/file")
            #expect(fixture.tree.names(in: "/").isEmpty)
        }
    }

    @Test("a new file refused behind 150 under its own name leaves nothing either")
    func refusedNewFile() throws {
        try ScriptedStore.run { fixture in
            fixture.server.at(.command("STOR"), times: 2, .reply("550 Permission denied"))
            fixture.server.at(.data("STOR"), .reply("552 Quota exceeded"))
            #expect(kind { try fixture.replace("/file", pattern(5000)) } == .quotaExceeded)
            #expect(fixture.tree.names(in: "/").isEmpty)
        }
    }

    @Test("each attempt has a temporary name of its own, and none is left")
    func freshNames() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.server.at(.transfer("STOR"), times: 1, .cut(after: 1000, .reset))
            try fixture.replace("/file", pattern(5000))
            #expect(fixture.tree.content("/file") == pattern(5000))
            #expect(Set(fixture.arguments("STOR")).count == 2)
            #expect(fixture.sees("250 Delete operation successful."))
            #expect(fixture.tree.names(in: "/") == ["file"])
        }
    }

    @Test("an interrupted upload is broken off, not ended like a complete one, and removed later")
    func interruptedUpload() throws {
        try ScriptedStore.run { fixture in
            let request = Request()
            fixture.server.at(.transfer("STOR"), .freeze(after: 1000, Gate()))
            let result = kind {
                try fixture.replace("/file", pattern(30_000_000), for: request) { offset in
                    if offset > 1_000_000 { request.cancel() }
                }
            }
            #expect(result == .interrupted)
            #expect(fixture.sees("426 Failure reading network stream."))
            #expect(fixture.sees("250 Delete operation successful."))
            #expect(fixture.tree.names(in: "/").isEmpty)
        }
    }

    @Test("names that could not be removed are kept until the server says that they are gone")
    func keepsDebris() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/.part", [1])
            fixture.server.at(.command("DELE"), times: 1, .reply("450 Busy"))
            fixture.store.leftovers.withLock { $0.add(path("/.part"), .remove) }
            #expect(fixture.sees("250 Delete operation successful."))
            #expect(fixture.arguments("DELE").count == 2)
            let entries = try fixture.store.list(.root, for: Request()).entries
            #expect(entries.isEmpty)
        }
    }

    @Test("what is left to remove is removed when the pool ends")
    func removesDebrisAtTheEnd() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/.part", [1])
            fixture.store.leftovers.withLock { $0.add(path("/.part"), .remove) }
            fixture.pool.shutDown()
            #expect(fixture.tree.names(in: "/").isEmpty)
        }
    }

    @Test("a rename whose answer was lost is found out, and nothing is sent twice", arguments: [true, false])
    func lostAnswer(isAtTheCheck: Bool) throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            let order = UploadOrder(expectation: .version(try fixture.version("/file")))
            if isAtTheCheck {
                let before = fixture.arguments("SIZE").count
                #expect(before == 1)
                fixture.server.at(
                    .command("SIZE"), skip: 2, times: 1, .reply("421 Timeout."), .closeControl(.orderly))
            } else {
                fixture.server.at(.reply("RNTO", 250), times: 1, .closeControl(.reset))
            }
            #expect(try fixture.replace("/file", pattern(5000), order).size == 5000)
            #expect(fixture.arguments("STOR").count == 1)
            #expect(fixture.tree.content("/file") == pattern(5000))
            #expect(fixture.tree.names(in: "/") == ["file"])
        }
    }

    @Test("a lost answer is no lost update when somebody else has written since")
    func lostAnswerAndAnotherWriter() throws {
        try ScriptedStore.run { fixture in
            let tree = fixture.tree
            tree.addFile("/file", [1, 2, 3])
            let order = UploadOrder(expectation: .version(try fixture.version("/file")))
            fixture.server.at(
                .reply("RNTO", 250), times: 1, .run { tree.addFile("/file", [9]) }, .closeControl(.reset))
            #expect(kind { try fixture.replace("/file", pattern(5000), order) } == .unreachable)
            #expect(tree.content("/file") == [9])
        }
    }
}
