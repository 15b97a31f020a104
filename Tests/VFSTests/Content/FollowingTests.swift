import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("Uploads that follow a writer")
struct FollowingTests {
    private static let mega = 1 << 20

    private func count(_ fixture: ContentFixture, _ operation: StoreOperation) -> Int {
        fixture.store.calls.count { $0.operation == operation }
    }

    private func failure(_ content: FileContent, _ path: String, for request: Request = Request())
        -> VolumeError?
    {
        do throws(VolumeError) {
            _ = try content.upload(to: path.remote, for: request)
            return nil
        } catch {
            return error
        }
    }

    /// Writes at the end of a model and of a content, which an upload may follow.
    private func write(_ count: Int, to content: FileContent, _ model: inout [UInt8], path: String = "/f")
        throws
    {
        let bytes = pattern(count, seed: UInt8(truncatingIfNeeded: model.count / 1000 + 1))
        try content.put(bytes, at: model.count)
        model += bytes
        content.followSimply(path)
    }

    private func awaitSent(_ count: Int, _ fixture: ContentFixture) {
        #expect(waitUntil(within: .seconds(60)) { fixture.server.traffic.sent >= count })
    }

    private func awaitOnly(_ names: [String], _ fixture: ContentFixture) {
        #expect(waitUntil(within: .seconds(60)) { fixture.server.names(in: "/") == names })
    }

    @Test("a large new file is sent while it is written, and close sends the rest only")
    func tailOnly() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        var model: [UInt8] = []
        for _ in 0..<3 { try write(Self.mega, to: content, &model) }
        awaitSent(3 * Self.mega, fixture)
        #expect(fixture.server.content("/f") == nil)
        #expect(fixture.server.names(in: "/").count == 1)
        #expect(try content.bytes(1_000_000, 100_000, path: "/f") == Array(model[1_000_000..<1_100_000]))
        try write(10, to: content, &model)
        let terms = UploadTerms(mode: 0o600, modified: Timestamp(seconds: 1_600_000_000), isExclusive: true)
        let attributes = try content.upload(to: "/f".remote, terms: terms, for: Request())
        #expect(attributes?.mode == 0o600 && attributes?.modified == Timestamp(seconds: 1_600_000_000))
        #expect(fixture.server.content("/f") == model)
        #expect(fixture.server.traffic.sent == model.count)
        #expect(fixture.server.names(in: "/") == ["f"])
        #expect(!content.isDirty)
        content.close(path: "/f".remote)
        #expect(fixture.environment.waitForStreams(until: .after(.seconds(30))))
    }

    @Test("a small file is never followed")
    func small() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        var model: [UInt8] = []
        for _ in 0..<15 { try write(Self.mega / 16, to: content, &model) }
        #expect(failure(content, "/f") == nil)
        #expect(count(fixture, .openWriter) == 0)
        #expect(fixture.server.content("/f") == model)
    }

    @Test("nothing is followed where that is switched off")
    func switchedOff() throws {
        let fixture = try ContentFixture { $0.followLimit = nil }
        let content = fixture.create("/f")
        var model: [UInt8] = []
        for _ in 0..<3 { try write(Self.mega, to: content, &model) }
        #expect(failure(content, "/f") == nil)
        #expect(count(fixture, .openWriter) == 0 && fixture.server.content("/f") == model)
    }

    @Test("an emptied file shows its old content until the new one is complete")
    func emptied() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", [1, 2, 3])
        let content = try fixture.open("/f")
        try content.truncate(to: 0, for: Request())
        var model: [UInt8] = []
        for _ in 0..<2 { try write(Self.mega, to: content, &model) }
        awaitSent(2 * Self.mega, fixture)
        #expect(fixture.server.content("/f") == [1, 2, 3])
        #expect(failure(content, "/f") == nil)
        #expect(fixture.server.content("/f") == model)
        #expect(fixture.server.traffic.sent == model.count)
    }

    @Test("another client's change is not overwritten at the end")
    func lostUpdate() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", [1, 2, 3])
        let content = try fixture.open("/f")
        try content.truncate(to: 0, for: Request())
        var model: [UInt8] = []
        try write(2 * Self.mega, to: content, &model)
        awaitSent(2 * Self.mega, fixture)
        fixture.server.advance(seconds: 10)
        fixture.server.put("/f", [7, 7])
        guard case .remote(let error)? = failure(content, "/f") else {
            Issue.record("no error")
            return
        }
        #expect(error.kind == .changed)
        #expect(fixture.server.content("/f") == [7, 7] && fixture.server.names(in: "/") == ["f"])
        content.close(path: "/f".remote)
        #expect(fixture.rescued.count == 1)
    }

    enum Disturbance: String, CaseIterable {
        case rewritten, truncated, truncatedToNothing, zeroed, failing, failingAtOnce, pausing, reclaimed
    }

    @Test("whatever comes between, the file is sent as it is in the end", arguments: Disturbance.allCases)
    func disturbed(_ disturbance: Disturbance) throws {
        let fixture = try ContentFixture { settings in
            if disturbance == .pausing { settings.followPause = .milliseconds(20) }
        }
        switch disturbance {
        case .failing: fixture.store.fail(.write, with: .unreachable, skips: 3)
        case .failingAtOnce: fixture.store.fail(.openWriter, with: .denied)
        default: break
        }
        let content = fixture.create("/f")
        var model: [UInt8] = []
        for _ in 0..<2 { try write(Self.mega, to: content, &model) }
        let hasCome = waitUntil(within: .seconds(60)) {
            switch disturbance {
            case .failing: count(fixture, .write) > 3
            case .failingAtOnce: count(fixture, .openWriter) > 0
            case .pausing: fixture.server.traffic.sent >= Self.mega
            default: fixture.server.traffic.sent >= 2 * Self.mega
            }
        }
        #expect(hasCome)
        switch disturbance {
        case .rewritten:
            try content.put([9, 9], at: 70_000)
            model.replaceSubrange(70_000..<70_002, with: [9, 9])
        case .truncated:
            try content.truncate(to: 300_000, for: Request())
            model.removeLast(model.count - 300_000)
        case .truncatedToNothing:
            try content.truncate(to: 0, for: Request())
            model = []
        case .zeroed:
            try content.allocate(at: 1000, count: 5000, keepsSize: true, zeroes: true, for: Request())
            model.replaceSubrange(1000..<6000, with: [UInt8](repeating: 0, count: 5000))
        case .reclaimed: fixture.server.reclaimWriters()
        case .failing, .failingAtOnce, .pausing: break
        }
        // Given up means that nothing of it stays there.
        awaitOnly([], fixture)
        try write(100_000, to: content, &model)
        #expect(failure(content, "/f") == nil)
        #expect(fixture.server.content("/f") == model)
        #expect(count(fixture, .replace) == 1)
        #expect(fixture.server.names(in: "/") == ["f"])
        content.close(path: "/f".remote)
        #expect(fixture.rescued == [] && fixture.spooled == [])
    }

    @Test("bytes that were not sent yet may be written once more")
    func rewrittenAhead() throws {
        let fixture = try ContentFixture()
        let gate = Gate()
        fixture.store.hold(.write, at: gate)
        let content = fixture.create("/f")
        var model: [UInt8] = []
        for _ in 0..<2 { try write(Self.mega, to: content, &model) }
        gate.awaitArrivals()
        try content.put([9, 9], at: 1_500_000)
        model.replaceSubrange(1_500_000..<1_500_002, with: [9, 9])
        try content.truncate(to: 1_900_000, for: Request())
        model.removeLast(model.count - 1_900_000)
        gate.open()
        #expect(failure(content, "/f") == nil)
        #expect(fixture.server.content("/f") == model)
        #expect(fixture.server.traffic.sent == model.count)
    }

    @Test("without a connection to spare it is asked for again only when twice as much is there")
    func noneToSpare() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.writes = false }
        let content = fixture.create("/f")
        var model: [UInt8] = []
        for _ in 0..<16 {
            try write(Self.mega / 4, to: content, &model)
            // The answer has come before the next write.
            #expect(fixture.environment.waitForStreams(until: .after(.seconds(30))))
        }
        // The refusal is noticed with the next write.
        #expect(count(fixture, .openWriter) == 2)
        #expect(fixture.store.spareCalls.count == 2)
        #expect(failure(content, "/f") == nil)
        #expect(fixture.server.content("/f") == model)
    }

    @Test("a second fsync in the middle finds all bytes stored, and what follows is appended")
    func synchronizedInTheMiddle() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        var model: [UInt8] = []
        for _ in 0..<4 {
            try write(3 * Self.mega / 2, to: content, &model)
            fixture.server.advance(seconds: 3)
            #expect(failure(content, "/f") == nil)
            #expect(fixture.server.content("/f") == model)
        }
        #expect(count(fixture, .append) == 3 && count(fixture, .openWriter) == 1)
        #expect(fixture.server.traffic.sent == model.count)
    }

    @Test("an upload whose answer was lost is not taken for somebody else's")
    func lostAnswer() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", [1])
        let content = try fixture.open("/f")
        try content.truncate(to: 0, for: Request())
        var model: [UInt8] = []
        try write(2 * Self.mega, to: content, &model)
        awaitSent(2 * Self.mega, fixture)
        fixture.server.advance(seconds: 10)
        fixture.store.fail(.replace, with: .unreachable, .after)
        #expect(failure(content, "/f") != nil)
        #expect(content.isDirty)
        fixture.server.advance(seconds: 10)
        #expect(failure(content, "/f") == nil)
        #expect(fixture.server.content("/f") == model)
        #expect(fixture.server.names(in: "/") == ["f"])
    }

    @Test("an interrupted close leaves nothing, and the next try stores the file", arguments: [false, true])
    func interrupted(atTheEnd: Bool) throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        let gate = Gate()
        fixture.store.hold(atTheEnd ? .replace : .write, at: gate)
        var model: [UInt8] = []
        try write(2 * Self.mega, to: content, &model)
        let request = Request()
        let canceller = try Thread(named: "canceller") {
            gate.awaitArrivals()
            request.cancel()
        }
        let error = failure(content, "/f", for: request)
        canceller.join()
        guard let error else {
            // The transfer may have been at the gate, and the request cancelled, before there was anything to interrupt.
            #expect(!content.isDirty && fixture.server.content("/f") == model)
            return
        }
        guard case .interrupted = error else {
            Issue.record("not interrupted: \(error)")
            return
        }
        #expect(content.isDirty)
        awaitOnly([], fixture)
        #expect(failure(content, "/f") == nil)
        #expect(fixture.server.content("/f") == model)
        #expect(fixture.server.names(in: "/") == ["f"])
    }

    @Test("before the file gets another name, or loses its own, nothing of the transfer is left")
    func renamed() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        var model: [UInt8] = []
        try write(2 * Self.mega, to: content, &model)
        awaitSent(2 * Self.mega, fixture)
        content.willMove()
        #expect(fixture.server.names(in: "/") == [])
        content.moved(to: "/g".remote)
        try write(3 * Self.mega, to: content, &model, path: "/g")
        #expect(failure(content, "/g") == nil)
        #expect(fixture.server.content("/g") == model && fixture.server.names(in: "/") == ["g"])

        let gone = fixture.create("/gone")
        var other: [UInt8] = []
        try write(2 * Self.mega, to: gone, &other, path: "/gone")
        awaitSent(model.count + 2 * Self.mega, fixture)
        gone.detach()
        #expect(fixture.server.names(in: "/") == ["g"])
        #expect(failure(gone, "/gone") == nil)
        #expect(try gone.bytes(0, 10, path: nil) == Array(other[..<10]))
        gone.close(path: nil)
        #expect(fixture.rescued == [] && fixture.server.names(in: "/") == ["g"])
    }

    @Test("a content that ends without an upload leaves nothing but its rescued bytes")
    func ended() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        var model: [UInt8] = []
        try write(2 * Self.mega, to: content, &model)
        awaitSent(2 * Self.mega, fixture)
        content.close(path: "/f".remote)
        #expect(fixture.server.names(in: "/") == [])
        #expect(try fixture.rescuedBytes(#require(fixture.rescued.first)) == model)
        #expect(fixture.environment.waitForStreams(until: .after(.seconds(30))))
    }
}

extension FileContent {
    /// Has an upload follow the writer, of a file whose path does not change.
    func followSimply(_ path: String) {
        follow { _, open throws(VolumeError) in try open(path.remote) }
    }
}
