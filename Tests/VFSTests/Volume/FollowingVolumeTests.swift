import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("Programs that write large files")
struct FollowingVolumeTests {
    private static let mega = 1 << 20

    private func awaitSent(_ count: Int, _ fixture: VolumeFixture) {
        #expect(waitUntil(within: .seconds(60)) { fixture.server.traffic.sent >= count })
    }

    @Test("a file is sent while it is written, and has its mode when it is there")
    func sent() throws {
        let fixture = try VolumeFixture()
        let file = try fixture.create("/f", mode: 0o600)
        let bytes = pattern(2 * Self.mega)
        try fixture.write(file, bytes)
        awaitSent(bytes.count, fixture)
        // Others do not see it under its name before it is whole.
        #expect(fixture.server.content("/f") == nil)
        #expect(try fixture.read(file, at: 1_000_000, count: 1000) == Array(bytes[1_000_000..<1_001_000]))
        try fixture.change("/f", handle: file) { $0.mode = 0o640 }
        try fixture.close(file)
        #expect(fixture.server.content("/f") == bytes)
        #expect(fixture.server.tree.record("/f".remote)?.mode == 0o640)
        #expect(fixture.server.traffic.sent == bytes.count && fixture.server.names(in: "/") == ["f"])
    }

    @Test("two handles write beside each other")
    func twoHandles() throws {
        let fixture = try VolumeFixture()
        let first = try fixture.create("/f")
        var bytes = pattern(2 * Self.mega)
        try fixture.write(first, bytes)
        awaitSent(bytes.count, fixture)
        let second = try fixture.open("/f", .both)
        let more = pattern(Self.mega, seed: 2)
        try fixture.write(second, more, at: UInt64(bytes.count))
        bytes += more
        #expect(try fixture.read(first, at: 2_000_000, count: 1 << 20) == Array(bytes[2_000_000..<3_048_576]))
        try fixture.write(second, [9, 9, 9], at: 5)
        bytes.replaceSubrange(5..<8, with: [9, 9, 9])
        try fixture.close(second)
        #expect(fixture.server.content("/f") == bytes)
        try fixture.write(first, [8], at: 3)
        bytes[3] = 8
        try fixture.close(first)
        #expect(fixture.server.content("/f") == bytes && fixture.server.names(in: "/") == ["f"])
    }

    @Test("a file copied inside the mount is followed as well")
    func copied() throws {
        let fixture = try VolumeFixture()
        let bytes = pattern(3 * Self.mega)
        fixture.server.put("/old", bytes)
        let source = try fixture.open("/old", .reading)
        let target = try fixture.create("/new")
        let count = try fixture.volume.copyRange(
            from: source, at: 0, to: target, at: 0, count: bytes.count, for: Request())
        #expect(count == bytes.count)
        awaitSent(bytes.count, fixture)
        try fixture.close(target)
        fixture.volume.release(source)
        #expect(fixture.server.content("/new") == bytes && fixture.server.traffic.sent == bytes.count)
    }

    @Test("a directory is renamed or removed while a file in it is written, and nothing is left behind")
    func directoryMoves() throws {
        let fixture = try VolumeFixture()
        try fixture.mkdir("/d")
        let file = try fixture.create("/d/f")
        let bytes = pattern(2 * Self.mega)
        try fixture.write(file, bytes)
        awaitSent(bytes.count, fixture)
        try fixture.rename("/d", "/e")
        #expect(fixture.server.names(in: "/") == ["e"] && fixture.server.names(in: "/e") == [])
        try fixture.close(file)
        #expect(fixture.server.content("/e/f") == bytes && fixture.server.names(in: "/e") == ["f"])

        let other = try fixture.create("/e/g")
        try fixture.write(other, bytes)
        awaitSent(3 * bytes.count, fixture)
        try fixture.unlink("/e/g")
        try fixture.unlink("/e/f")
        try fixture.rmdir("/e")
        #expect(fixture.server.names(in: "/") == [])
        try fixture.close(other)
        #expect(fixture.server.names(in: "/") == [] && fixture.rescued == [])
    }

    @Test("a file that replaces another one while it is written is stored first")
    func replacing() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1, 2, 3])
        let file = try fixture.create("/new")
        let bytes = pattern(2 * Self.mega)
        try fixture.write(file, bytes)
        awaitSent(bytes.count, fixture)
        try fixture.rename("/new", "/f")
        #expect(fixture.server.content("/f") == bytes && fixture.server.names(in: "/") == ["f"])
        #expect(fixture.server.traffic.sent == bytes.count)
        try fixture.close(file)
        #expect(fixture.server.content("/f") == bytes)
    }

    @Test("the end of the mount stores what is followed")
    func shutDown() throws {
        let fixture = try VolumeFixture()
        let file = try fixture.create("/f")
        let bytes = pattern(2 * Self.mega)
        try fixture.write(file, bytes)
        awaitSent(bytes.count, fixture)
        fixture.volume.shutDown()
        #expect(fixture.server.content("/f") == bytes && fixture.server.names(in: "/") == ["f"])
        #expect(fixture.server.traffic.sent == bytes.count)
    }
}
