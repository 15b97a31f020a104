import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Asking for names")
struct QuestionsTests {
    private let request = Request()

    @Test(
        "a file of which the server states only a part is looked up in its directory",
        arguments: [("MDTM", "550 Could not get file modification time."), ("SIZE", "500 Unknown command.")])
    func halfAnswers(verb: String, reply: String) throws {
        try ScriptedStore.run(.vsftpd) { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.server.at(.command(verb), .reply(reply))
            let attributes = try fixture.store.attributes(of: path("/file"), for: request)
            #expect(attributes.kind == .file)
            #expect(attributes.size == 3)
        }
    }

    @Test("names with a dot are asked for where listings leave them out")
    func hiddenNames() throws {
        var like = ServerLikeness.vsftpd
        like.understandsListOptions = false
        like.greeting = "ready"
        try ScriptedStore.run(like) { fixture in
            for name in ["/file", "/.ssh/key", "/.rc"] { fixture.tree.addFile(name, [1]) }
            let listing = try fixture.store.list(.root, for: request)
            #expect(listing.entries.map(\.name) == [FileName("file")] && listing.mayLackDotNames)
            #expect(try fixture.store.attributes(of: path("/.ssh"), for: request).kind == .directory)
            #expect(try fixture.store.attributes(of: path("/.rc"), for: request).size == 1)
            for name in ["/.none", "/none"] {
                #expect(kind { _ = try fixture.store.attributes(of: path(name), for: request) } == .notFound)
            }
            // Rows with a dot show that none are left out.
            like.listsHidden = true
        }
        try ScriptedStore.run(like) { fixture in
            fixture.tree.addFile("/.rc")
            let listing = try fixture.store.list(.root, for: request)
            #expect(!listing.mayLackDotNames)
        }
    }

    @Test(
        "ProFTPD's links that lead nowhere are there once a listing has shown them, and are not replaced by mistake",
        .enabled(if: ServerKind.available.contains(.proftpd)))
    func danglingLinks() throws {
        let fixture = try StoreFixture(ServerFixture(.proftpd))
        let (server, store) = (fixture.server, fixture.store)
        try server.makeDirectory("/dir")
        try server.put("/dir/file", [1])
        try Shell.run("cd \"$1/dir\" && ln -s file alive && ln -s nowhere dead", [server.root])
        let dead = fixture.path("/dir/dead")
        #expect(
            kind { try store.rename(fixture.path("/dir/file"), to: dead, replacing: false, for: request) }
                == .exists)
        #expect(try store.list(fixture.path("/dir"), for: request).entries.count == 3)
        let found = try store.attributes(of: dead, for: request)
        #expect(found.kind == .symlink && found.linkTarget == Array("nowhere".utf8))
        try store.removeFile(dead, for: request)
        #expect(kind { _ = try store.attributes(of: dead, for: request) } == .notFound)
        try store.rename(fixture.path("/dir/file"), to: dead, replacing: false, for: request)
        #expect(server.content("/dir/dead") == [1])
    }

    @Test("names missing in a directory whose listing is cut short cost one listing in all")
    func cutListing() throws {
        try ScriptedStore.run(.pureftpd) { fixture in
            for name in ["a", "b", "c"] { fixture.tree.addFile("/\(name)") }
            fixture.server.at(.reply("MLSD", 226), .reply("226 Output truncated to 10000 matches"))
            for verb in ["MLST", "SIZE", "MDTM"] {
                fixture.server.at(.reply(verb, 550), .reply("550 Can't check for file existence"))
            }
            for name in ["x", "y", "z"] {
                #expect(
                    kind { _ = try fixture.store.attributes(of: path("/\(name)"), for: request) } == .notFound
                )
            }
            #expect(fixture.server.dialogue.verbs().count { $0 == "MLSD" } == 1)
        }
    }

    @Test("a reader that is closed near the end of the file reads on rather than break the transfer off")
    func closesNearTheEnd() throws {
        try ScriptedStore.run { fixture in
            let gate = Gate()
            fixture.tree.addFile("/file", pattern(5000))
            fixture.server.at(.transfer("RETR"), .freeze(after: 1000, gate))
            let reader = try fixture.store.openReader(path("/file"), at: 0, length: 5000, for: request)
            let block = Block(capacity: 1000)
            let count = try block.withRoom(from: 0) { try reader.read(into: &$0, for: request) }
            #expect(count > 0)
            gate.open()
            reader.close()
            #expect(fixture.sees("226 Transfer complete."))
            #expect(fixture.server.counts.control == 1)
        }
    }
}
