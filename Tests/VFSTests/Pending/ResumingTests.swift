import Foundation
import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// A mount is killed, and the next one of the same source goes on with what it had not stored.
@Suite("Resuming what a killed mount has left")
struct ResumingTests {
    /// The mount after one that was killed; what it resumes waits at a gate until that is opened.
    private func next(
        after killed: VolumeFixture, at gate: Gate? = nil,
        configuration: ((inout VolumeConfiguration) -> Void)? = nil
    ) throws -> VolumeFixture {
        let fixture = try VolumeFixture(
            configuration: {
                $0.uploadPauses = .milliseconds(1) ... .milliseconds(5)
                configuration?(&$0)
            }, after: killed)
        if let gate {
            for operation in [.replace, .append, .patch] as [StoreOperation] {
                fixture.store.hold(operation, at: gate)
            }
        }
        return fixture
    }

    private func settle(_ fixture: VolumeFixture) {
        #expect(fixture.volume.waitForPending(until: .after(.seconds(60))), "\(fixture.log.text)")
    }

    @Test("a new file shows at once, and is stored")
    func newFile() throws {
        let killed = try VolumeFixture()
        try killed.mkdir("/dir")
        let handle = try killed.create("/dir/new", mode: 0o755)
        try killed.write(handle, "precious")
        let gate = Gate()
        let fixture = try next(after: killed, at: gate)
        #expect(fixture.volume.resumePending() == 1)
        #expect(gate.awaitArrivals())
        #expect(try fixture.text("/dir/new") == "precious")
        #expect(try fixture.stat("/dir/new").size == 8)
        #expect(try fixture.names("/dir") == ["new"])
        #expect(fixture.server.content("/dir/new") == nil)
        gate.open()
        settle(fixture)
        #expect(fixture.server.content("/dir/new") == Array("precious".utf8))
        #expect(try fixture.stat("/dir/new").mode == 0o755)
        #expect(fixture.spooled == [] && fixture.rescued == [])
        #expect(try fixture.text("/dir/new") == "precious")
        fixture.volume.shutDown()
    }

    @Test("bytes of each write that returned are there, however soon after it the kill came")
    func everyWrite() throws {
        let killed = try VolumeFixture()
        let handle = try killed.create("/f")
        for place in 0..<50 { try killed.write(handle, [UInt8(place)], at: UInt64(place * 3)) }
        let fixture = try next(after: killed)
        #expect(fixture.volume.resumePending() == 1)
        settle(fixture)
        let expected = (0..<148).map { $0 % 3 == 0 ? UInt8($0 / 3) : 0 }
        #expect(fixture.server.content("/f") == expected)
        fixture.volume.shutDown()
    }

    @Test("a change of an existing file shows at once, and takes from the server what is not here")
    func change() throws {
        let killed = try VolumeFixture()
        var whole = pattern(50_000)
        killed.server.put("/f", whole, mode: 0o640)
        let handle = try killed.open("/f", .both)
        try killed.write(handle, [1, 2, 3], at: 20_000)
        whole.replaceSubrange(20_000..<20_003, with: [1, 2, 3])
        let gate = Gate()
        let fixture = try next(after: killed, at: gate)
        #expect(fixture.volume.resumePending() == 1)
        let reader = try fixture.open("/f", .reading)
        #expect(try fixture.read(reader) == whole)
        try fixture.close(reader)
        gate.open()
        settle(fixture)
        #expect(fixture.server.content("/f") == whole)
        #expect(try fixture.stat("/f").mode == 0o640)
        #expect(fixture.rescued == [])
        fixture.volume.shutDown()
    }

    @Test(
        "what another client has stored meanwhile stays, and the bytes go to the rescue folder with the reason"
    )
    func conflict() throws {
        let killed = try VolumeFixture()
        killed.server.put("/f", Array("old".utf8))
        let handle = try killed.open("/f", .both)
        try killed.write(handle, "mine")
        let other = try killed.create("/g")
        try killed.write(other, "mine too")
        killed.server.advance(seconds: 60)
        killed.server.put("/f", Array("theirs".utf8))
        killed.server.put("/g", Array("theirs too".utf8))
        let fixture = try next(after: killed)
        #expect(fixture.volume.resumePending() == 2)
        settle(fixture)
        #expect(fixture.server.content("/f") == Array("theirs".utf8))
        #expect(fixture.server.content("/g") == Array("theirs too".utf8))
        #expect(fixture.rescued.count == 2)
        for name in fixture.rescued {
            let text = String(decoding: fixture.rescuedBytes(name), as: UTF8.self)
            #expect(text == (name.hasSuffix("-f") ? "mine" : "mine too"))
            #expect(
                fixture.rescueNote(name).contains("reason=") && fixture.rescueNote(name).contains("changed"))
        }
        fixture.advance(.seconds(60))
        #expect(try fixture.text("/f") == "theirs")
        #expect(try fixture.text("/g") == "theirs too")
        fixture.volume.shutDown()
    }

    @Test("bytes that only a former version has are not made up from another one")
    func missing() throws {
        let killed = try VolumeFixture()
        killed.server.put("/f", pattern(50_000))
        let handle = try killed.open("/f", .both)
        try killed.write(handle, [1, 2, 3], at: 20_000)
        killed.server.advance(seconds: 60)
        let theirs = pattern(50_000, seed: 2)
        killed.server.put("/f", theirs)
        let fixture = try next(after: killed)
        #expect(fixture.volume.resumePending() == 1)
        settle(fixture)
        #expect(fixture.server.content("/f") == theirs)
        let name = try #require(fixture.rescued.first)
        #expect(fixture.rescueNote(name).contains("written=20000-20002\n"))
        #expect(fixture.rescueNote(name).contains("missing="))
        fixture.volume.shutDown()
    }

    @Test("an upload that had its effect is recognised, whole or an end", arguments: [true, false])
    func answerLost(isNew: Bool) throws {
        let killed = try VolumeFixture()
        if !isNew { killed.server.put("/f", Array("begin ".utf8)) }
        let handle = try isNew ? killed.create("/f") : killed.open("/f", .both)
        try killed.write(handle, "end", at: isNew ? 0 : 6)
        killed.server.advance(seconds: 60)
        let gate = Gate()
        killed.store.hold(isNew ? .replace : .append, at: gate, .after, with: .unreachable)
        let closing = Monitor(false)
        try Thread.detach(named: "close") {
            try? killed.volume.synchronize(handle, for: Request())
            closing.update { $0 = true }
        }
        #expect(gate.awaitArrivals())
        let fixture = try next(after: killed)
        #expect(fixture.volume.resumePending() == 1)
        settle(fixture)
        #expect(fixture.server.content("/f") == Array((isNew ? "end" : "begin end").utf8))
        #expect(fixture.store.calls.count { [.replace, .append].contains($0.operation) } == 0)
        #expect(fixture.rescued == [] && fixture.spooled == [])
        gate.open()
        _ = closing.wait(until: .after(.seconds(60))) { $0 ? true : nil }
        fixture.volume.shutDown()
    }

    @Test(
        "a change in place that was made in part is made again, whatever was written since; another's file is left alone",
        arguments: [(true, false), (true, true), (false, false)])
    func halfPatched(isOurs: Bool, isWrittenSince: Bool) throws {
        let killed = try VolumeFixture(server: { $0.patches = true })
        var whole = pattern(2 << 20)
        killed.server.put("/book", whole)
        let handle = try killed.open("/book", .both)
        let change = pattern(5000, seed: 7)
        try killed.write(handle, change, at: 70_000)
        whole.replaceSubrange(70_000..<75_000, with: change)
        killed.server.advance(seconds: 60)
        let gate = Gate()
        killed.store.hold(.patch, at: gate, .after, with: .unreachable)
        let closing = Monitor(false)
        try Thread.detach(named: "close") {
            try? killed.volume.synchronize(handle, for: Request())
            closing.update { $0 = true }
        }
        #expect(gate.awaitArrivals())
        if isWrittenSince {
            gate.open()
            _ = closing.wait(until: .after(.seconds(60))) { $0 ? true : nil }
            try killed.write(handle, [1, 2, 3], at: 60_000)
            whole.replaceSubrange(60_000..<60_003, with: [1, 2, 3])
        }
        // What a broken connection leaves: the first of the bytes, and another time.
        var half = pattern(2 << 20, seed: isOurs ? 1 : 3)
        if isOurs { half.replaceSubrange(70_000..<72_000, with: change[..<2000]) }
        killed.server.put("/book", half)
        let fixture = try next(after: killed)
        #expect(fixture.volume.resumePending() == 1)
        settle(fixture)
        #expect(fixture.server.content("/book") == (isOurs ? whole : half))
        #expect(fixture.rescued.count == (isOurs ? 0 : 1))
        gate.open()
        _ = closing.wait(until: .after(.seconds(60))) { $0 ? true : nil }
        fixture.volume.shutDown()
    }

    @Test("a renamed file is stored under its new name, a removed one not at all")
    func renamedAndRemoved() throws {
        let killed = try VolumeFixture()
        killed.server.put("/old", Array("base".utf8))
        for name in ["/a", "/b", "/old"] {
            let handle = try name == "/old" ? killed.open(name, .both) : killed.create(name)
            try killed.write(handle, "of \(name)")
        }
        try killed.rename("/a", "/a2")
        try killed.rename("/old", "/new")
        try killed.unlink("/b")
        let fixture = try next(after: killed)
        #expect(fixture.volume.resumePending() == 2)
        settle(fixture)
        #expect(fixture.server.names(in: "/") == ["a2", "new"])
        #expect(fixture.server.content("/a2") == Array("of /a".utf8))
        #expect(fixture.server.content("/new") == Array("of /old".utf8))
        fixture.volume.shutDown()
    }

    @Test("a pending file can be renamed, removed and written to")
    func used() throws {
        let killed = try VolumeFixture()
        for name in ["/renamed", "/removed", "/written"] {
            try killed.write(killed.create(name), "of \(name)")
        }
        let fixture = try next(after: killed)
        fixture.store.failWhen { call, _ in call.operation == .replace ? .unreachable : nil }
        #expect(fixture.volume.resumePending() == 3)
        try fixture.rename("/renamed", "/elsewhere")
        try fixture.unlink("/removed")
        let handle = try fixture.open("/written", .both)
        try fixture.write(handle, "over", at: 0)
        fixture.store.heal()
        try fixture.close(handle)
        settle(fixture)
        #expect(fixture.server.names(in: "/") == ["elsewhere", "written"])
        #expect(fixture.server.content("/elsewhere") == Array("of /renamed".utf8))
        #expect(fixture.server.content("/written") == Array("overwritten".utf8))
        #expect(fixture.rescued == [] && fixture.spooled == [])
        fixture.volume.shutDown()
    }

    @Test(
        "a server that is away is waited for; one that refuses is asked so often, then the bytes are rescued")
    func retried() throws {
        let killed = try VolumeFixture()
        try killed.write(killed.create("/f"), "mine")
        let away = try next(after: killed) { $0.uploadAttempts = 3 }
        away.store.fail(.replace, with: .unreachable, times: 20)
        away.store.fail(.replace, with: .authentication, times: 20)
        #expect(away.volume.resumePending() == 1)
        settle(away)
        #expect(away.server.content("/f") == Array("mine".utf8))
        #expect(away.rescued == [])
        away.volume.shutDown()
        away.server.remove("/f")
        let refusing = try next(after: killed) { $0.uploadAttempts = 3 }
        refusing.store.fail(.replace, with: .denied, times: 100)
        #expect(refusing.volume.resumePending() == 1)
        settle(refusing)
        #expect(refusing.store.calls.count { $0.operation == .replace } == 3)
        #expect(refusing.rescued.count == 1)
        #expect(refusing.log.text.contains("/f could not be stored in 3 attempts"))
        refusing.volume.shutDown()
    }

    @Test(
        "what the end of a mount cannot store, the next one does; the log says what is left",
        arguments: [.unreachable, .authentication, .untrusted, .noSpace, .protocolBroken]
            as [RemoteError.Kind])
    func leftAtTheEnd(reason: RemoteError.Kind) throws {
        let first = try VolumeFixture()
        try first.write(first.create("/f"), "mine")
        first.store.fail(.replace, with: reason, times: 10)
        first.volume.shutDown()
        #expect(first.rescued == [] && first.spooled.count == 2)
        #expect(first.log.text.contains("1 file could not be stored before the end"))
        let fixture = try next(after: first)
        #expect(fixture.volume.resumePending() == 1)
        settle(fixture)
        #expect(fixture.server.content("/f") == Array("mine".utf8))
        fixture.volume.shutDown()
    }

    @Test("the directory it was in is gone: the bytes are rescued")
    func withoutDirectory() throws {
        let killed = try VolumeFixture()
        try killed.mkdir("/dir")
        try killed.write(killed.create("/dir/f"), "mine")
        killed.server.remove("/dir")
        let fixture = try next(after: killed)
        #expect(fixture.volume.resumePending() == 0)
        #expect(fixture.rescued.count == 1)
        #expect(fixture.log.text.contains("/dir/f was not stored before the last end"))
        fixture.volume.shutDown()
    }

    @Test("a read-only mount leaves all for the next one")
    func readOnly() throws {
        let killed = try VolumeFixture()
        try killed.write(killed.create("/f"), "mine")
        let fixture = try next(after: killed) { $0.isReadOnly = true }
        #expect(fixture.volume.resumePending() == 0)
        #expect(fixture.spooled.count == 2)
        fixture.volume.shutDown()
        #expect(fixture.spooled.count == 2)
    }

    @Test("the root's attribute tells what is pending, a line for each")
    func report() throws {
        let killed = try VolumeFixture()
        try killed.write(killed.create("/f"), "mine")
        let fixture = try next(after: killed) { $0.uploadAttempts = 1_000_000 }
        #expect(fixture.volume.pendingReport == "")
        fixture.store.failWhen { call, _ in call.operation == .replace ? .denied : nil }
        #expect(fixture.volume.resumePending() == 1)
        let isTold = waitUntil(within: .seconds(30)) {
            let text = fixture.volume.pendingReport
            return text.hasPrefix("/f 4 ") && text.contains("denied")
        }
        #expect(isTold, "\(fixture.volume.pendingReport)")
        let value = try fixture.volume.extendedAttribute(
            Array("user.ftps.pending".utf8), of: .root, for: Request())
        #expect(value.starts(with: Array("/f 4 ".utf8)))
        fixture.volume.shutDown()
    }
}
