import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

/// Changing bytes inside a file, whose size tells nothing of what has arrived.
@Suite("Parts of files")
struct PatchingTests {
    private static let size = 600_000
    private static let old = pattern(size)
    private static let ranges: [Range<UInt64>] = [1000..<41_000, 50_000..<50_001, 500_000..<540_000]

    /// The content with other bytes in some ranges.
    private static func changed(in ranges: [Range<UInt64>] = ranges) -> [UInt8] {
        var new = old
        let other = pattern(size, seed: 2)
        for range in ranges {
            let range = Int(range.lowerBound)..<Int(range.upperBound)
            new.replaceSubrange(range, with: other[range])
        }
        return new
    }

    private func patch(
        _ store: FTPStore, _ path: RemotePath, _ ranges: [Range<UInt64>] = ranges
    ) throws {
        let order = UploadOrder(
            expectation: .version(try store.attributes(of: path, for: Request()).version))
        let stated = try store.patch(
            path, ranges, from: BytesSource(Self.changed(in: ranges)), order, began: {}, for: Request())
        #expect(stated.size == UInt64(Self.size))
    }

    @Test("an acknowledgement of bytes that have not all arrived is seen through", arguments: 0..<3)
    func lies(range: Int) throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", Self.old)
            fixture.store.learned.withLock { $0.patches = true }
            fixture.server.at(.transfer("STOR"), skip: range, times: 1, .endEarly(after: 0))
            try patch(fixture.store, path("/file"))
            #expect(fixture.tree.content("/file") == Self.changed())
            // Each was sent twice: nobody knows what has arrived of a file that is not as it should be.
            #expect(fixture.arguments("STOR").count == 2 * Self.ranges.count)
        }
    }

    @Test("a server that never has what it acknowledges is an error")
    func endlessLies() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", Self.old)
            fixture.store.learned.withLock { $0.patches = true }
            fixture.server.at(.transfer("STOR"), .endEarly(after: 10_000))
            #expect(kind { try patch(fixture.store, path("/file")) } == .unreachable)
        }
    }

    @Test(
        "what breaks on the way to the server is sent again, whatever the server says of it",
        arguments: ServerKind.available(except: .pureftpd), [Fault.Effect.cut, .halfClose, .reset])
    func breaks(kind: ServerKind, effect: Fault.Effect) throws {
        let server = try ServerFixture(kind, ServerOptions { $0.passivePorts = 20 })
        let relay = try FaultRelay(before: server)
        defer { relay.stop() }
        // pyftpdlib 2.2.0 never answers a transfer that breaks off without a close_notify.
        let fixture = try StoreFixture(server, host: FaultRelay.host, replyTimeout: .seconds(1))
        let store = fixture.store
        let path = fixture.path("/book")
        let ranges: [Range<UInt64>] = [1000..<18_000]
        let new = Self.changed(in: ranges)
        try server.put("book", Self.old)
        // What is found out once for a mount is found out here.
        try patch(store, path, ranges)
        for message in 1... {
            try server.put("book", Self.old)
            relay.arm(Fault(effect, .data, .toServer, at: .message(message)))
            try patch(store, path, ranges)
            #expect(server.content("book") == new, "message \(message)")
            guard relay.disarm() else { break }
        }
    }
}
