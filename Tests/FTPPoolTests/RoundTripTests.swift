import FTPClient
import Remote
import TestSupport
import Testing

@testable import FTPPool

@Suite("Round trips of the store")
struct RoundTripTests {
    /// What each operation may cost with one session warm.
    static let budgets: [TripBudget<StoreOperation>] = [
        TripBudget(.logIn, goal: 6, vsftpd: 4, proftpd: 4, pureftpd: 4, pyftpdlib: 4),
        TripBudget(.attributes, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
        TripBudget(.list, goal: 2, vsftpd: 3, proftpd: 3, pureftpd: 3, pyftpdlib: 2),
        TripBudget(.readSmall, goal: 2, vsftpd: 2, proftpd: 2, pureftpd: 2, pyftpdlib: 2),
        TripBudget(.firstByte, goal: 2, vsftpd: 2, proftpd: 2, pureftpd: 2, pyftpdlib: 2),
        TripBudget(.readAnywhere, goal: 2, vsftpd: 2, proftpd: 2, pureftpd: 2, pyftpdlib: 2),
        TripBudget(.create, goal: 3, vsftpd: 3, proftpd: 3, pureftpd: 3, pyftpdlib: 3),
        TripBudget(.replace, goal: 4, vsftpd: 4, proftpd: 4, pureftpd: 4, pyftpdlib: 4),
        TripBudget(.append, goal: 4, vsftpd: 4, proftpd: 4, pureftpd: 4, pyftpdlib: 4),
        TripBudget(.makeDirectory, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
        TripBudget(.removeFile, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
        TripBudget(.removeDirectory, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
        TripBudget(.rename, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
    ]

    @Test("each operation on a real server stays within its budget", arguments: ServerKind.available)
    func realServers(kind: ServerKind) throws {
        let server = try ServerFixture(kind, ServerOptions { $0.passivePorts = 20 })
        let relay = try CountingRelay(before: server)
        defer { relay.stop() }
        let fixture = try StoreFixture(server, host: CountingRelay.host)
        try check(
            CountedStore(
                relay: relay, store: fixture.store, put: { try server.put($0, $1) },
                makeDirectory: { try server.makeDirectory($0) },
                logIn: { meter in
                    let other = try StoreFixture(server, host: CountingRelay.host)
                    try meter.count { try other.pool.lease(.metadata, for: Request()).release() }
                }), on: kind, "store")
    }

    /// Without renames: a scripted server gives no reason why it knows nothing of the new name, where ProFTPD and pyftpdlib do, and
    /// then its directory is listed.
    @Test("each operation on a scripted server stays within the same budget", arguments: ServerKind.allCases)
    func scriptedServers(kind: ServerKind) throws {
        let likeness: ServerLikeness =
            switch kind {
            case .vsftpd: .vsftpd
            case .proftpd: .proftpd
            case .pureftpd: .pureftpd
            case .pyftpdlib: .pyftpdlib
            }
        try ScriptedStore.run(likeness, counted: true) { scripted in
            guard let relay = scripted.relay else { return }
            try check(
                CountedStore(
                    relay: relay, store: scripted.store, put: { scripted.tree.addFile($0, $1) },
                    makeDirectory: { scripted.tree.addDirectory($0) },
                    logIn: { meter in
                        let other = try scripted.makePool(ServerProfile())
                        defer { other.shutDown() }
                        try meter.count { try other.lease(.metadata, for: Request()).release() }
                    }), on: kind, "scripted", except: .rename)
        }
    }

    private func check(
        _ counted: CountedStore, on kind: ServerKind, _ level: String, except gap: StoreOperation? = nil
    ) throws {
        try counted.fill()
        for budget in Self.budgets where budget.operation != gap {
            let trips = try budget.measure(on: kind, by: counted.relay, level) {
                try counted.attempt(budget.operation, $0, $1)
            }
            #expect(
                trips <= budget.limit(on: kind), "\(kind), \(budget.operation.rawValue): \(trips) round trips"
            )
        }
    }
}
