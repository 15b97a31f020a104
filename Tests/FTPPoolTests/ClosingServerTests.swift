import FTPClient
import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

/// Servers that end connections after each use, and a name that cannot be resolved for a while.
@Suite struct ClosingServerTests {
    private let request = Request()

    @Test(
        "a server that closes the control connection after each transfer costs a log-in each and no error",
        arguments: [nil, "421 One transfer a session."])
    func oneTransferEach(_ farewell: String?) throws {
        try ScriptedStore.run { fixture in
            for verb in ["RETR", "STOR", "MLSD"] {
                let last = ["226 Done."] + [farewell].compactMap { $0 }
                fixture.server.at(
                    .reply(verb, 226), .reply(last.joined(separator: "\r\n")), .closeControl(.orderly))
            }
            for round in 1...4 {
                let bytes = [UInt8](repeating: UInt8(round), count: 100_000 * round)
                try fixture.replace("/file\(round)", bytes)
                #expect(fixture.tree.content("/file\(round)") == bytes)
                #expect(try fixture.store.list(.root, for: request).entries.count == round)
                let reader = try fixture.store.openReader(
                    path("/file\(round)"), at: 0, length: UInt64(bytes.count), for: request)
                let block = Block(capacity: bytes.count + 1)
                var filled = 0
                while true {
                    let count = try block.withRoom(from: filled) { try reader.read(into: &$0, for: request) }
                    if count == 0 { break }
                    filled += count
                }
                reader.close()
                #expect(filled == bytes.count)
            }
            // Three transfers a round, and here and there one that met the end of the session it was sent to.
            #expect(fixture.server.counts.logins <= 2 * 12)
            fixture.pool.shutDown()
            #expect(fixture.server.waitUntilIdle())
        }
    }

    @Test("a name that is gone for a while is an outage like another, and the server is back by itself")
    func nameGone() throws {
        let names = Monitor((isGone: false, asked: 0))
        let host: @Sendable () -> String = {
            names.update { names in
                names.asked += 1
                return names.isGone ? "no such name.invalid" : "localhost"
            }
        }
        try ScriptedStore.run(host: host) { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            #expect(try fixture.store.attributes(of: path("/file"), for: request).size == 3)
            names.update { $0 = (true, 0) }
            fixture.server.dropConnections()
            let asker = try Thread(named: "asker") { [store = fixture.store] in
                let size = try? store.attributes(of: path("/file"), for: Request()).size
                #expect(size == 3)
            }
            // It is asked for again and again, and by one at a time.
            _ = names.wait(until: .after(.seconds(60))) { $0.asked >= 3 ? true : nil }
            #expect(fixture.pool.sight.outage?.error.kind == .unreachable)
            #expect(!fixture.pool.isReachable)
            names.update { $0.isGone = false }
            asker.join()
            #expect(fixture.pool.isReachable && fixture.server.counts.logins == 2)
        }
    }

    @Test("an AUTH that is refused once, as one that was altered on the way, is no verdict for long")
    func authRefusedOnce() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.server.at(.command("AUTH"), times: 1, .reply("500 AUTH not understood."))
            #expect(kind { _ = try fixture.store.attributes(of: path("/file"), for: request) } == .untrusted)
            #expect(
                waitUntil(within: .seconds(60)) {
                    (try? fixture.store.attributes(of: path("/file"), for: request).size) == 3
                })
        }
    }
}
