import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("The keeper's chore")
struct ChoreTests {
    /// What requests the chore was given.
    private final class Rounds: Sendable {
        let urgencies = Monitor<[Request.Urgency]>([])

        func awaitNext() -> Bool {
            let count = urgencies.withLock { $0.count }
            return urgencies.wait(until: .after(.seconds(60))) { $0.count > count + 1 ? true : nil } ?? false
        }
    }

    @Test(
        "the keeper takes no session from anybody who is at work, and waits for none", arguments: [1, 2, 4])
    func unhurried(limit: Int) throws {
        let rounds = Rounds()
        try ScriptedStore.run(limit: limit) { fixture in
            let lease = try fixture.pool.lease(.metadata, for: Request())
            let isAsked = Monitor(false)
            lease.onReclaim { isAsked.update { $0 = true } }
            fixture.pool.onQuiet { [pool = fixture.pool] request in
                let urgency = request(false).urgency
                let lease = try? pool.lease(.metadata, for: request(false))
                lease?.release()
                rounds.urgencies.update { $0.append(urgency) }
            }
            #expect(rounds.awaitNext())
            #expect(rounds.awaitNext())
            #expect(rounds.urgencies.withLock { $0.allSatisfy { $0 == .spare } })
            #expect(isAsked.withLock { !$0 })
            // With nobody at work it gets one.
            lease.release()
            #expect(rounds.awaitNext())
            #expect(rounds.urgencies.withLock { $0.last } == .demanded)
        }
        // And once more in the end.
        #expect(rounds.urgencies.withLock { $0.last } == .demanded)
    }

    @Test("a leftover that found no session to spare is removed as soon as there is one")
    func postponed() throws {
        try ScriptedStore.run(limit: 1) { fixture in
            fixture.tree.addFile("/old.part", [1])
            let lease = try fixture.pool.lease(.metadata, for: Request())
            fixture.store.addLeftover(path("/old.part"), .remove)
            fixture.store.tidyUp { _ in Request(.spare) }
            #expect(!fixture.server.dialogue.verbs().contains("DELE"))
            lease.release()
            #expect(fixture.server.wait { dialogue, _ in dialogue.verbs().contains("DELE") })
        }
    }
}
