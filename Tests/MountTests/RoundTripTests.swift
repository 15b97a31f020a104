import Glibc
import TestSupport
import Testing

/// What is counted at a mount.
enum MountOperation: String, CaseIterable, Sendable {
    case mount
    case statListed = "stat in a listed directory"
    case statUnlisted = "stat in an unlisted directory"
    case list
    case readSmall = "read a small file"
    case firstByte = "first byte of a large file"
    case readAnywhere = "4 KiB anywhere in a large file"
    case create
    case replace
    case append = "append a line"
    case patch = "change 4 KiB in a large file"
    case makeDirectory = "mkdir"
    case removeFile = "unlink"
    case removeDirectory = "rmdir"
    case rename
}

@Suite("Round trips of a mount")
struct MountRoundTripTests {
    /// What each operation may cost with one session warm; a mount reads its root.
    static let budgets: [TripBudget<MountOperation>] = [
        TripBudget(.mount, goal: 8, vsftpd: 9, proftpd: 8, pureftpd: 8, pyftpdlib: 7),
        TripBudget(.statListed, goal: 0, vsftpd: 0, proftpd: 0, pureftpd: 0, pyftpdlib: 0),
        TripBudget(.statUnlisted, goal: 1, vsftpd: 4, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
        TripBudget(.list, goal: 2, vsftpd: 3, proftpd: 3, pureftpd: 3, pyftpdlib: 2),
        TripBudget(.readSmall, goal: 2, vsftpd: 2, proftpd: 2, pureftpd: 2, pyftpdlib: 2),
        TripBudget(.firstByte, goal: 2, vsftpd: 2, proftpd: 2, pureftpd: 2, pyftpdlib: 2),
        TripBudget(.readAnywhere, goal: 2, vsftpd: 2, proftpd: 2, pureftpd: 2, pyftpdlib: 2),
        TripBudget(.create, goal: 3, vsftpd: 3, proftpd: 3, pureftpd: 3, pyftpdlib: 3),
        TripBudget(.replace, goal: 4, vsftpd: 4, proftpd: 4, pureftpd: 4, pyftpdlib: 4),
        TripBudget(.append, goal: 4, vsftpd: 4, proftpd: 4, pureftpd: 4, pyftpdlib: 4),
        // Pure-FTPd cuts a file behind a part that is written, so that it gets the whole.
        // The changed bytes are read back, for the size tells nothing of what has arrived: two less where another connection is prepared.
        TripBudget(.patch, goal: 5, vsftpd: 9, proftpd: 9, pureftpd: 9, pyftpdlib: 9),
        TripBudget(.makeDirectory, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
        TripBudget(.removeFile, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
        TripBudget(.removeDirectory, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
        TripBudget(.rename, goal: 1, vsftpd: 1, proftpd: 1, pureftpd: 1, pyftpdlib: 1),
    ]

    private static let size = 8_000_000

    @Test("each operation on a mount stays within its budget", arguments: Program.servers)
    func budgets(kind: ServerKind) throws {
        let server = try ServerFixture(kind, ServerOptions { $0.passivePorts = 20 })
        let relay = try CountingRelay(before: server)
        defer { relay.stop() }
        try fill(server)
        var mounts: [MountFixture] = []
        func check(_ budget: TripBudget<MountOperation>, _ body: (TripMeter, Int) throws -> Void) throws {
            let trips = try budget.measure(on: kind, by: relay, "mount", body)
            #expect(
                trips <= budget.limit(on: kind), "\(kind), \(budget.operation.rawValue): \(trips) round trips"
            )
        }
        let options = MountOptions {
            $0.host = CountingRelay.host
            $0.keepsFirstListing = true
        }
        try check(Self.budgets[0]) { meter, _ in
            mounts = []
            mounts = [try meter.count { try MountFixture(server, options) }]
        }
        guard let mount = mounts.last else { return }
        let hand = try MountOperator(mount)
        for budget in Self.budgets.dropFirst() {
            try check(budget) { meter, number in
                // Listings and attributes of any age cost questions of their own.
                try mount.dropCaches()
                try attempt(budget.operation, by: hand, meter, number)
            }
        }
        #expect(try mount.unmount() == 0)
    }

    private func fill(_ server: ServerFixture) throws {
        let small = [UInt8](repeating: 0x61, count: 1000)
        try server.makeDirectory("dir")
        for number in 0..<5 {
            for name in ["unlisted", "listed", "empty"] { try server.makeDirectory("\(name)\(number)") }
            for name in ["read", "replaced", "gone", "old"] { try server.put("dir/\(name)\(number)", small) }
            try server.put("unlisted\(number)/file", small)
            try server.put("listed\(number)/file", small)
            for name in ["large", "wide", "log", "book"] {
                try server.put("dir/\(name)\(number)", small)
                #expect(truncate(server.onDisk("dir/\(name)\(number)"), Self.size) == 0)
            }
        }
    }

    /// One attempt, as by somebody who has just looked into the directories.
    private func attempt(
        _ operation: MountOperation, by hand: MountOperator, _ meter: TripMeter, _ number: Int
    ) throws {
        try hand.perform("list", "/")
        if operation != .statUnlisted { try hand.perform("list", "/dir") }
        func count(_ words: String...) throws { try meter.count { try hand.perform(words) } }
        switch operation {
        case .mount: break
        case .statListed:
            try count("stat", "/dir/read\(number)")
        case .statUnlisted: try count("stat", "/unlisted\(number)/file")
        case .list: try count("list", "/listed\(number)")
        case .readSmall: try count("read", "/dir/read\(number)", "0", "1000")
        case .firstByte: try count("read", "/dir/large\(number)", "0", "1")
        case .readAnywhere:
            try hand.perform("read", "/dir/wide\(number)", "0", "1")
            try count("again", "\(500_001 * (number + 2))", "4096")
        case .create: try count("write", "/dir/new\(number)", "new", "0", "hello")
        case .replace: try count("write", "/dir/replaced\(number)", "cut", "0", "hello")
        case .append: try count("write", "/dir/log\(number)", "append", "0", "a line")
        case .patch:
            let page = String(repeating: "x", count: 4096)
            try count("write", "/dir/book\(number)", "within", "1000000", page)
        case .makeDirectory: try count("mkdir", "/dir/made\(number)")
        case .removeFile: try count("unlink", "/dir/gone\(number)")
        case .removeDirectory: try count("rmdir", "/empty\(number)")
        case .rename: try count("rename", "/dir/old\(number)", "/dir/renamed\(number)")
        }
        try hand.perform("close")
    }
}
