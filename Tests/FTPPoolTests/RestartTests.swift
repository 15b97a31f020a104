import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Going on with broken uploads")
struct RestartTests {
    private static let size = 3 << 20
    private static let bytes = pattern(size)
    private var bytes: [UInt8] { Self.bytes }

    /// Where the source was read first after the transfer had broken, by the offsets in their order.
    private static func restart(in offsets: [UInt64]) -> UInt64? {
        zip(offsets, offsets.dropFirst()).first { $1 <= $0 }?.1
    }

    @Test(
        "after a break only what is missing is sent, whoever has lost which connection",
        arguments: ServerLikeness.all, [false, true])
    func goesOn(like: ServerLikeness, losesControl: Bool) throws {
        try ScriptedStore.run(like) { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            let (server, half) = (fixture.server, Self.size * 2 / 3)
            server.at(
                .transfer("STOR"), times: 1, .cut(after: half, .reset),
                .run { if losesControl { server.at(.reply("STOR", nil), times: 1, .closeControl(.reset)) } })
            let offsets = Monitor<[UInt64]>([])
            try fixture.replace("/file", bytes) { offset in offsets.withLock { $0.append(offset) } }
            let start = try #require(Self.restart(in: offsets.withLock { $0 }))
            #expect(start == UInt64(half) - FTPStore.partOverlap)
            #expect(fixture.tree.content("/file") == bytes)
            #expect(fixture.tree.names(in: "/") == ["file"])
            #expect(fixture.arguments("REST").contains("\(start)"))
        }
    }

    @Test("an upload that gets on may break more often than one that does not")
    func breaksOften() throws {
        try ScriptedStore.run { fixture in
            let server = fixture.server
            server.at(.transfer("STOR"), times: 7, .cut(after: 3 << 19, .reset))
            let long = pattern(9 << 20)
            try fixture.replace("/file", long)
            #expect(fixture.tree.content("/file") == long)
            #expect(fixture.arguments("STOR").count == 7)
            #expect(Set(fixture.arguments("STOR")).count == 1)
        }
    }

    @Test("a part that is not what was sent is removed, and all is sent again", arguments: 0..<5)
    func oddParts(oddity: Int) throws {
        try ScriptedStore.run { fixture in
            let (server, tree, half) = (fixture.server, fixture.tree, Self.size * 2 / 3)
            let name = Monitor("")
            server.at(
                .transfer("STOR"), times: 1, .cut(after: half, .reset),
                .run { name.withLock { $0 = tree.names(in: "/").first ?? "" } })
            server.at(
                .reply("STOR", 426), times: 1,
                .run {
                    tree.change("/" + name.withLock { $0 }) { node in
                        switch oddity {
                        // Room that was taken in advance, up to the very end.
                        case 0: node.content += [UInt8](repeating: 0, count: Self.size - node.content.count)
                        // More than that.
                        case 1: node.content += [UInt8](repeating: 0, count: Self.size)
                        // Blocks that were never written.
                        case 2:
                            node.content.replaceSubrange(
                                (half - 4096)..., with: [UInt8](repeating: 0, count: 4096))
                        // A size that is not true.
                        case 3: node.claimedSize = UInt64(half + 1000)
                        // Next to nothing.
                        default: node.content = Array(node.content.prefix(1000))
                        }
                    }
                })
            try fixture.replace("/file", bytes)
            #expect(tree.content("/file") == bytes)
            #expect(tree.names(in: "/") == ["file"])
            #expect(fixture.arguments("STOR").count == 2)
            #expect(Set(fixture.arguments("STOR")).count == 2)
        }
    }

    @Test(
        "where going on is refused, all is sent again, and the next time at once",
        arguments: [("REST", "501 No restart"), ("STOR", "451 Append/Restart not permitted, try again")])
    func refusedRestart(verb: String, reply: String) throws {
        try ScriptedStore.run { fixture in
            let server = fixture.server
            server.at(
                .command("REST"), skip: 1, times: 1,
                .run {
                    if verb == "STOR" { server.at(.command("STOR"), times: 1, .reply(reply)) }
                })
            if verb == "REST" { server.at(.command("REST"), skip: 1, .reply(reply)) }
            for round in 1...2 {
                server.at(.transfer("STOR"), times: 1, .cut(after: Self.size / 2, .reset))
                try fixture.replace("/file", bytes)
                #expect(fixture.tree.content("/file") == bytes)
                #expect(waitUntil(within: .seconds(30)) { fixture.tree.names(in: "/") == ["file"] })
                // REST 0 takes back what a refused transfer may have left.
                #expect(fixture.arguments("REST").count { $0 != "0" } == 2, "round \(round)")
            }
        }
    }

    @Test("a program that is not known to keep what has arrived gets all of it again")
    func unknownProgram() throws {
        var like = ServerLikeness.filezilla
        like.greeting = "Welcome"
        try ScriptedStore.run(like) { fixture in
            fixture.server.at(.transfer("STOR"), times: 1, .cut(after: Self.size / 2, .reset))
            try fixture.replace("/file", bytes)
            #expect(fixture.tree.content("/file") == bytes)
            #expect(fixture.arguments("REST").isEmpty)
        }
    }

    @Test("on a real server only what is missing is sent after its death", arguments: ServerKind.available)
    func realServers(server: ServerKind) throws {
        let fixture = try StoreFixture(ServerFixture(server))
        try fixture.server.put("file", pattern(1000))
        let bytes = pattern(8 << 20)
        let offsets = Monitor<[UInt64]>([])
        let machine = fixture.server
        let source = BytesSource(bytes) { offset throws(RemoteError) in
            let isFirst = offsets.withLock { offsets in
                defer { offsets.append(offset) }
                return offset >= 6 << 20 && offsets.allSatisfy { $0 < 6 << 20 }
            }
            guard isFirst else { return }
            guard isFirst else { return }
            do { try machine.restart() } catch { throw RemoteError(.local, operation: "restart") }
        }
        _ = try fixture.store.replace(fixture.path("/file"), with: source, UploadOrder(), for: Request())
        #expect(machine.content("file") == bytes)
        let start = try #require(Self.restart(in: offsets.withLock { $0 }))
        #expect(start >= FTPStore.leastPart - FTPStore.partOverlap)
        let names = try fixture.store.list(.root, for: Request()).entries.map { "\($0.name)" }
        #expect(names == ["file"])
    }
}
