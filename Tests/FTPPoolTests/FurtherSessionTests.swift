import FTPClient
import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

/// Failures to open another session while one stands, on a scripted server.
@Suite struct FurtherSessionTests {
    @Test("a further connection that is cut once leaves the mount connected, and its chores go on")
    func cutOnce() throws {
        try ScriptedStore.run { fixture in
            let first = try fixture.pool.lease(.metadata, for: Request())
            fixture.server.at(.accept, times: 1, .close(.reset))
            // The second one is tried again by itself.
            let second = try fixture.pool.lease(.metadata, for: Request())
            #expect(fixture.server.counts.control == 3)
            second.release()
            first.release()
            #expect(fixture.pool.isReachable)
        }
    }

    @Test("on a server that takes one connection and drops all others, the one is used, and nothing is away")
    func oneOnly() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            let first = try fixture.pool.lease(.metadata, for: Request())
            fixture.server.at(.accept, .close(.reset))
            let asker = try Thread(named: "asker") { [store = fixture.store] in
                let size = try? store.attributes(of: path("/file"), for: Request()).size
                #expect(size == 3)
            }
            #expect(fixture.server.wait { _, counts in counts.control > 1 })
            first.release()
            asker.join()
            #expect(fixture.pool.isReachable && fixture.pool.sight.outage == nil)
            let chores = Monitor(0)
            fixture.pool.onQuiet { _ in chores.update { $0 += 1 } }
            #expect(chores.wait(until: .after(.seconds(60))) { $0 > 0 ? true : nil } == true)
        }
    }
}
