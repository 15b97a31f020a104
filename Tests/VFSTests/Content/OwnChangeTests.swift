import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// Reads while this mount changes the very file on the server: what it shows between is not another client's version.
@Suite("Reading a file that is changed in place from here")
struct OwnChangeTests {
    private let old = pattern(3 << 20)

    // Each stream looks at the version.
    private func fixture() throws -> ContentFixture {
        let fixture = try ContentFixture { settings in
            settings.openGrace = .zero
            settings.readAhead = 64 << 10
        }
        fixture.server.configure { $0.patches = true }
        fixture.server.put("/log", old)
        fixture.server.advance(seconds: 60)
        return fixture
    }

    private func send(_ content: FileContent) throws {
        _ = try content.upload(to: "/log".remote, for: Request())
    }

    // Runs a read in a thread, from when `change` has reached the gate behind its effect on the server; opens the gate once the read waits.
    private func readDuring(
        _ content: FileContent, at gate: Gate, _ change: @escaping @Sendable () throws -> Void
    ) throws -> [UInt8]? {
        let outcome = Monitor<(isDone: Bool, bytes: [UInt8]?)>((false, nil))
        let changed = Monitor(false)
        try Thread.detach(named: "change") {
            try? change()
            changed.update { $0 = true }
        }
        #expect(gate.awaitArrivals())
        try Thread.detach(named: "read") {
            let bytes = try? content.bytes(2_000_000, 4096, path: "/log")
            outcome.update { $0 = (true, bytes) }
        }
        let isWaiting = waitUntil(within: .seconds(60)) {
            content.monitor.withLock { $0.turnWaiters > 0 } || outcome.withLock { $0.isDone }
        }
        #expect(isWaiting)
        gate.open()
        #expect(changed.wait(until: .after(.seconds(60))) { $0 ? true : nil } == true)
        return outcome.wait(until: .after(.seconds(60))) { $0.isDone ? $0.bytes : nil } ?? nil
    }

    @Test("an append under way keeps readers waiting, and fails none of them")
    func append() throws {
        let fixture = try fixture()
        let content = try fixture.open("/log")
        try content.put([1, 2, 3], at: old.count)
        let gate = Gate()
        fixture.store.hold(.append, at: gate, .after)
        let bytes = try readDuring(content, at: gate) { try send(content) }
        #expect(bytes == Array(old[2_000_000..<2_004_096]))
        #expect(!content.isDirty && fixture.server.content("/log") == old + [1, 2, 3])
    }

    @Test("a change in place under way keeps readers waiting, and fails none of them")
    func patch() throws {
        let fixture = try fixture()
        let content = try fixture.open("/log")
        try content.put([1, 2, 3], at: 70_000)
        let gate = Gate()
        fixture.store.hold(.patch, at: gate, .after)
        let bytes = try readDuring(content, at: gate) { try send(content) }
        #expect(bytes == Array(old[2_000_000..<2_004_096]))
        #expect(!content.isDirty)
    }

    @Test("a new time under way keeps readers waiting, and fails none of them")
    func retime() throws {
        let fixture = try fixture()
        let content = try fixture.open("/log")
        let gate = Gate()
        let time = Timestamp(seconds: 1_234_567_890)
        let bytes = try readDuring(content, at: gate) {
            _ = try content.retime(to: time, .second, for: Request()) { () throws(VolumeError) in
                let former: Attributes?
                do throws(RemoteError) {
                    former = try fixture.store.setModified(
                        "/log".remote, kind: .file, to: time, for: Request())
                } catch {
                    throw VolumeError(error)
                }
                gate.pass()
                return .made(from: former?.version)
            }
        }
        #expect(bytes == Array(old[2_000_000..<2_004_096]))
    }

    @Test(
        "after an append or a change in place whose answer was lost, reads go on before the next upload",
        arguments: [true, false])
    func lost(isAppend: Bool) throws {
        let fixture = try fixture()
        let content = try fixture.open("/log")
        try content.put([1, 2, 3], at: isAppend ? old.count : 70_000)
        fixture.store.fail(isAppend ? .append : .patch, with: .unreachable, .after)
        #expect(throws: VolumeError.self) { try send(content) }
        #expect(try content.bytes(2_000_000, 4096, path: "/log") == Array(old[2_000_000..<2_004_096]))
        let place = isAppend ? old.count - 2 : 69_998
        #expect(try content.bytes(place, 5, path: "/log") == Array(old[place..<(place + 2)]) + [1, 2, 3])
        #expect(content.isDirty)
        try send(content)
        #expect(fixture.store.calls.count { $0.operation == .replace } == 0)
        #expect(fixture.server.content("/log")?.count == old.count + (isAppend ? 3 : 0))
        #expect(!content.isDirty)
    }

    @Test("another client's version stays another one, with a change of our own in doubt too")
    func theirs() throws {
        let fixture = try fixture()
        let content = try fixture.open("/log")
        try content.put([1, 2, 3], at: 70_000)
        fixture.store.fail(.patch, with: .unreachable, .after)
        #expect(throws: VolumeError.self) { try send(content) }
        fixture.server.put("/log", pattern(old.count, seed: 4))
        #expect(failure { _ = try content.bytes(2_000_000, 4096, path: "/log") } == "stale")
    }
}
