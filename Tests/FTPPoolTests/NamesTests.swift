import FTPClient
import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Changing names")
struct NamesTests {
    private let request = Request()

    @Test("a removal whose answer was lost is found out")
    func lostRemoval() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file")
            fixture.tree.addDirectory("/dir")
            fixture.server.at(.reply("DELE", nil), times: 1, .closeControl(.reset))
            fixture.server.at(.reply("RMD", nil), times: 1, .closeControl(.reset))
            try fixture.store.removeFile(path("/file"), for: request)
            try fixture.store.removeDirectory(path("/dir"), for: request)
            #expect(fixture.arguments("DELE").count == 1)
            #expect(fixture.arguments("RMD").count == 1)
        }
    }

    @Test("a file that stands under a name whose removal was not answered is not removed again")
    func anotherFile() throws {
        try ScriptedStore.run { fixture in
            let tree = fixture.tree
            tree.addFile("/file")
            fixture.server.at(
                .reply("DELE", nil), times: 1, .run { tree.addFile("/file", [9]) }, .closeControl(.reset))
            #expect(kind { try fixture.store.removeFile(path("/file"), for: request) } == .unreachable)
            #expect(tree.content("/file") == [9])
        }
    }

    @Test("a removal that never went out is simply made on another connection")
    func removalNotSent() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file")
            try fixture.warmUp(2)
            fixture.server.interject("421 Timeout.", then: .orderly)
            #expect(fixture.server.wait { _, counts in counts.openControl == 0 })
            try fixture.store.removeFile(path("/file"), for: request)
            #expect(kind { try fixture.store.removeFile(path("/file"), for: request) } == .notFound)
        }
    }

    @Test("a directory made without an answer is made; one that was there before is not")
    func lostDirectory() throws {
        try ScriptedStore.run { fixture in
            fixture.server.at(.reply("MKD", nil), times: 1, .closeControl(.reset))
            try fixture.store.makeDirectory(path("/dir"), for: request)
            #expect(fixture.arguments("MKD").count == 1)
            fixture.server.interject("421 Timeout.", then: .orderly)
            #expect(fixture.server.wait { _, counts in counts.openControl == 0 })
            #expect(kind { try fixture.store.makeDirectory(path("/dir"), for: request) } == .exists)
        }
    }

    @Test(
        "a directory that was there before, or that somebody else has made, is not taken for ours",
        arguments: likenesses)
    func lostLock(_ like: ServerLikeness) throws {
        try ScriptedStore.run(like, shortcuts: .pipelining) { fixture in
            let (server, tree) = (fixture.server, fixture.tree)
            tree.addDirectory("/held")
            try fixture.warmUp(1)
            server.at(.reply("MKD", nil), times: 1, .closeControl(.reset))
            #expect(kind { try fixture.store.makeDirectory(path("/held"), for: request) } == .unreachable)
            // The connection ends before anything is read of it, and another machine has the lock.
            server.at(.command("*"), times: 1, .run { tree.addDirectory("/lock") }, .closeControl(.reset))
            #expect(kind { try fixture.store.makeDirectory(path("/lock"), for: request) } == .unreachable)
            // The answer alone is lost.
            server.at(.reply("MKD", nil), times: 1, .closeControl(.reset))
            try fixture.store.makeDirectory(path("/ours"), for: request)
            #expect(tree.exists("/ours"))
        }
    }

    private static let likenesses: [ServerLikeness] = [.vsftpd, .proftpd, .pureftpd, .pyftpdlib]

    @Test("a directory that somebody else makes before the second attempt is theirs")
    func lostRace() throws {
        try ScriptedStore.run(shortcuts: .pipelining) { fixture in
            let tree = fixture.tree
            try fixture.warmUp(1)
            fixture.server.at(.command("*"), times: 1, .closeControl(.reset))
            fixture.server.at(.command("MKD"), times: 1, .run { tree.addDirectory("/lock") })
            #expect(kind { try fixture.store.makeDirectory(path("/lock"), for: request) } == .exists)
        }
    }

    @Test("a link that somebody else has made is not taken for ours")
    func lostLink() throws {
        try ScriptedStore.run(shortcuts: .pipelining) { fixture in
            let tree = fixture.tree
            tree.addFile("/goal", [1, 2, 3])
            try fixture.warmUp(1)
            fixture.server.at(
                .command("SITE"), times: 1, .run { tree.addLink("/link", to: "/other") },
                .closeControl(.reset))
            let result = kind {
                try fixture.store.makeSymlink(path("/link"), target: Array("goal".utf8), for: request)
            }
            #expect(result != nil)
        }
    }

    @Test("a rename whose answer was lost is found out", arguments: [true, false])
    func lostRename(isDone: Bool) throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/old", [1])
            fixture.tree.addFile("/new", [2])
            fixture.server.at(
                isDone ? .reply("RNTO", nil) : .command("RNTO"), times: 1, .closeControl(.reset))
            try fixture.store.rename(path("/old"), to: path("/new"), replacing: true, for: request)
            #expect(fixture.arguments("RNTO").count == (isDone ? 1 : 2))
            #expect(fixture.tree.names(in: "/") == ["new"])
            #expect(fixture.tree.content("/new") == [1])
        }
    }

    @Test("a rename is not repeated over a file that was put there in the meantime")
    func renameOverAnother() throws {
        try ScriptedStore.run { fixture in
            let tree = fixture.tree
            tree.addFile("/old", [1])
            fixture.server.at(
                .command("RNTO"), times: 1, .run { tree.addFile("/new", [9]) }, .closeControl(.reset))
            let result = kind {
                try fixture.store.rename(path("/old"), to: path("/new"), replacing: true, for: request)
            }
            #expect(result == .unreachable)
            #expect(tree.content("/new") == [9])
        }
    }

    @Test("a missing source is missing, whatever stands under the new name")
    func missingSource() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/new", [2])
            let result = kind {
                try fixture.store.rename(path("/old"), to: path("/new"), replacing: true, for: request)
            }
            #expect(result == .notFound)
        }
    }

    @Test(
        "a rename refused without a reason is explained by both names and the new one's directory",
        arguments: [
            ("/dir", "/full", RemoteError.Kind.notEmpty), ("/file", "/full", .isDirectory),
            ("/dir", "/file", .notDirectory), ("/file", "/none/file", .notFound),
            ("/file", "/file/below", .notDirectory), ("/file", "/closed/file", .denied),
        ])
    func reasons(old: String, new: String, expected: RemoteError.Kind) throws {
        try ScriptedStore.run(.vsftpd) { fixture in
            fixture.tree.addDirectory("/dir")
            fixture.tree.addFile("/full/file")
            fixture.tree.addFile("/file", [1])
            fixture.tree.addDirectory("/closed", mode: 0o555)
            let result = kind {
                try fixture.store.rename(path(old), to: path(new), replacing: true, for: request)
            }
            #expect(result == expected)
        }
    }

    @Test("many dead connections cost one attempt")
    func deadConnections() throws {
        try ScriptedStore.run(shortcuts: .pipelining) { fixture in
            fixture.tree.addFile("/file", pattern(100))
            try fixture.warmUp(4)
            for number in 0..<4 {
                fixture.server.at(.command("EPSV"), connection: number, .closeControl(.reset))
            }
            let reader = try fixture.store.openReader(path("/file"), at: 0, length: 100, for: request)
            reader.close()
            #expect(fixture.server.counts.control == 5)
        }
    }
}
