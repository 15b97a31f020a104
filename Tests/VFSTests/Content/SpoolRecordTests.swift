import Foundation
import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("Records of the spool")
struct SpoolRecordTests {
    private static var full: SpoolRecord {
        var record = SpoolRecord(
            path: RemotePath(Array("/d \u{e4}%41/".utf8) + [0xff, 0x01]),
            base: FileVersion(
                size: 90, modified: Timestamp(seconds: -5, nanoseconds: 7), granularity: .minute),
            storedSize: 90, size: 100, baseSize: 60)
        record.dirty = ByteRanges([3..<9, 70..<80])
        record.local = ByteRanges([0..<20, 70..<80])
        record.hasChanged = true
        record.followsLink = true
        record.mode = 0o4755
        record.modified = Timestamp(seconds: 12, nanoseconds: 34)
        record.sent = 0..<100
        record.sentDigest = .max
        record.halfPatch = HalfPatch(range: 70..<80, digest: .max)
        record.reason = "50% of it = nothing\nmore"
        return record
    }

    private static let changes: [SpoolChange] = [
        .wrote(95..<140), .resized(120), .wanted(mode: 0o600, modified: nil),
        .wanted(mode: nil, modified: Timestamp(seconds: 1, nanoseconds: 2)), .sending(0..<120),
        .patching(HalfPatch(range: 3..<9, digest: 5)),
        .moved("/other name".remote), .kept,
    ]

    private static func text(_ record: SpoolRecord, _ changes: [SpoolChange]) -> [UInt8] {
        var (text, sum) = record.sealed
        for change in changes { text += change.line(continuing: &sum) }
        return Array(text.utf8)
    }

    @Test("a record says all that it was told")
    func roundTrip() throws {
        #expect(SpoolRecord(Self.text(Self.full, [])) == Self.full)
        let bare = SpoolRecord(path: "/new".remote, base: nil, size: 0, baseSize: 0)
        var read = try #require(SpoolRecord(Self.text(bare, [])))
        #expect(read.hasChanged)
        read.hasChanged = false
        #expect(read == bare)
        var expected = Self.full
        for change in Self.changes { expected.apply(change) }
        #expect(SpoolRecord(Self.text(Self.full, Self.changes)) == expected)
        #expect(expected.size == 120 && expected.isDurable)
        #expect(expected.dirty == ByteRanges([3..<9, 70..<80, 95..<120]))
    }

    @Test("bytes that were fetched for an upload are not claimed to be on the disk for good")
    func fetched() {
        var record = SpoolRecord(path: "/f".remote, base: Self.full.base, size: 100, baseSize: 100)
        for change: SpoolChange in [.wrote(10..<20), .kept] { record.apply(change) }
        #expect(record.isDurable)
        record.apply(.sending(0..<100))
        #expect(!record.isDurable && record.local == ByteRanges([0..<100]))
        for change: SpoolChange in [.kept, .sending(0..<100)] { record.apply(change) }
        #expect(record.isDurable, "all of it was there")
    }

    @Test("of a torn or altered record counts what is whole, or nothing")
    func torn() {
        var states = [Self.full]
        for change in Self.changes {
            var next = states[states.count - 1]
            next.apply(change)
            states.append(next)
        }
        let text = Self.text(Self.full, Self.changes)
        for count in 0..<text.count {
            if let record = SpoolRecord(Array(text[..<count])) { #expect(states.contains(record)) }
        }
        for index in text.indices {
            for bit in [0x01, 0x04, 0x80] as [UInt8] {
                var altered = text
                altered[index] ^= bit
                if let record = SpoolRecord(altered) { #expect(states.contains(record), "byte \(index)") }
            }
        }
    }

    @Test(
        "a record that makes no sense is none", arguments: ["size=100", "base-shown=60", "here=0-19,70-79"])
    func senseless(_ line: String) {
        let key = line.prefix { $0 != "=" }
        let text = Self.full.text
        for value in ["18446744073709551615", "-1", "x", "9-3", "5-18446744073709551615", "40"] {
            let lines = text.replacingOccurrences(of: "\n\(line)\n", with: "\n\(key)=\(value)\n")
            #expect(lines != text)
            let sum = lines.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01b3
            }
            let record = SpoolRecord(Array((lines + "sum=\(String(sum, radix: 16))\n").utf8))
            #expect(record == nil || record?.isSound == true)
            if key == "size" { #expect(record == nil) }
        }
    }

    @Test("after a stop of the machine only what was surely on the disk goes on")
    func otherBoot() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        try content.put(pattern(100), at: 0)
        let home = fixture.directory + "/" + fixture.environment.spool.directoryName
        func leftover() throws -> Leftover {
            let name = try #require(fixture.spooled.first { !$0.hasSuffix(".info") })
            let bytes = FileManager.default.contents(atPath: home + "/" + name + ".info").map(Array.init)
            return Leftover(
                file: try #require(content.monitor.withLock { $0.file }), bytes: bytes ?? [], length: 100)
        }
        guard case .resume = try leftover().fate() else {
            Issue.record("not resumed")
            return
        }
        guard case .rescue = try leftover().fate(boot: "another") else {
            Issue.record("resumed although it may not be whole")
            return
        }
        try content.keepDurably(for: Request())
        guard case .resume(let record) = try leftover().fate(boot: "another") else {
            Issue.record("not resumed although it is durable")
            return
        }
        #expect(record.dirty == ByteRanges([0..<100]))
        try content.put([1], at: 50)
        guard case .rescue = try leftover().fate(boot: "another") else {
            Issue.record("a write after fdatasync(2) is not durable")
            return
        }
        content.close(path: nil)
    }

    @Test(
        "after a stop of the machine what was closed goes on without what was written after that and not closed"
    )
    func writtenSince() throws {
        var record = Self.full
        (record.boot, record.isDurable, record.sent, record.sentDigest) = ("another", true, nil, nil)
        func fate(_ changes: SpoolChange...) -> SpoolRecord? {
            let fate = Leftover.fate(of: Self.text(record, changes), length: 80)
            guard case .resume(let found) = fate else { return nil }
            return found
        }
        #expect(fate() == record)
        #expect(fate(.wrote(100..<140)) == record)
        // Between what is here, over bytes that the server has.
        #expect(fate(.wrote(30..<40), .resized(200)) == record)
        var moved = record
        moved.path = "/else".remote
        #expect(fate(.wrote(100..<140), .moved("/else".remote)) == moved)
        // Over what was closed, in a hole, cut off, or sent since.
        #expect(fate(.wrote(10..<30)) == nil)
        #expect(fate(.wrote(90..<95)) == nil)
        #expect(fate(.resized(75)) == nil)
        #expect(fate(.wrote(100..<140), .sending(0..<140)) == nil)
        #expect(fate(.sending(60..<100)) != nil)
    }

    @Test("a record that was on the disk for good is only exchanged for one that is")
    func keptRecord() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        try content.put(pattern(100), at: 0)
        try content.keepDurably(for: Request())
        let name = try #require(fixture.spooled.first { $0.hasSuffix(".info") })
        let path = fixture.directory + "/" + fixture.environment.spool.directoryName + "/" + name
        try content.put([1], at: 100)
        try content.renewRecord()
        let bytes = FileManager.default.contents(atPath: path).map(Array.init) ?? []
        #expect(String(decoding: bytes, as: UTF8.self).contains("kept=1"))
        #expect(SpoolRecord(bytes, onlyKept: true)?.dirty == ByteRanges([0..<101]))
        content.close(path: nil)
    }

    /// What the disk holds at one moment.
    private struct Moment {
        var data: [UInt8]
        var record: [UInt8]
        /// What the program has been told is in the file.
        var content: [UInt8]
        /// The last call has made the file smaller.
        var isCut = false
    }

    @Test("killed between any two system calls, the bytes of finished calls are there, and no others")
    func everyStep() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", pattern(3000))
        let content = try fixture.open("/f")
        let home = fixture.directory + "/" + fixture.environment.spool.directoryName
        var shown = pattern(3000)
        var moments: [Moment] = []
        func note() throws {
            let name = try #require(fixture.spooled.first { !$0.hasSuffix(".info") })
            func bytes(_ path: String) -> [UInt8] {
                FileManager.default.contents(atPath: home + "/" + path).map(Array.init) ?? []
            }
            moments.append(Moment(data: bytes(name), record: bytes(name + ".info"), content: shown))
        }
        func put(_ seed: UInt8, _ count: Int, at offset: Int) throws {
            try content.put(pattern(count, seed: seed), at: offset)
            if shown.count < offset + count {
                shown += [UInt8](repeating: 0, count: offset + count - shown.count)
            }
            shown.replaceSubrange(offset..<(offset + count), with: pattern(count, seed: seed))
            try note()
        }
        func cut(_ size: Int) throws {
            try content.truncate(to: UInt64(size), for: Request())
            let isCut = size < shown.count
            shown = Array(shown.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - shown.count))
            try note()
            moments[moments.count - 1].isCut = isCut
        }
        try put(2, 100, at: 500)
        try put(3, 100, at: 550)
        try put(4, 500, at: 3200)
        try cut(3300)
        try cut(2000)
        try cut(4000)
        try put(5, 10, at: 3990)
        try content.allocate(at: 520, count: 40, keepsSize: true, zeroes: true, for: Request())
        shown.replaceSubrange(520..<560, with: [UInt8](repeating: 0, count: 40))
        try note()
        fixture.store.fail(.replace, with: .unreachable)
        #expect(throws: VolumeError.self) { try content.upload(to: "/f".remote, for: Request()) }
        try note()
        try put(6, 600, at: 0)
        for (before, after) in zip(moments, moments.dropFirst()) {
            try check(after.data, after.record, [after.content], fixture)
            // The bytes come before what is said of them, a smaller size is said before the file is cut.
            let between = after.isCut ? before.data : after.data
            try check(between, before.record, [before.content, after.content], fixture)
            try check(
                before.data, after.record, [before.content, after.content], fixture, mayLack: !after.isCut)
            guard after.record.starts(with: before.record) else { continue }
            for count in before.record.count..<after.record.count {
                try check(
                    between, Array(after.record[..<count]), [before.content, after.content], fixture)
            }
        }
        content.close(path: nil)
    }

    // Loads what a killed process has left; each byte has to be that of one of two versions. `mayLack`: the order never on the disk for
    // writes, where the record claims more than there is, has to be found out.
    private func check(
        _ data: [UInt8], _ record: [UInt8], _ versions: [[UInt8]], _ fixture: ContentFixture,
        mayLack: Bool = false
    ) throws {
        let cache = try TemporaryDirectory("left")
        let home = cache.path + "/" + fixture.environment.spool.directoryName
        try FileManager.default.createDirectory(
            atPath: home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try TestFile.write(home + "/x", data, mode: 0o600)
        try TestFile.write(home + "/x.info", record, mode: 0o600)
        let log = RecordedLog()
        let spool = try Spool(
            cacheDirectory: cache.path, source: "user@host:/path", cacheSize: 0, logger: log.logger)
        let environment = ContentEnvironment(store: fixture.store, spool: spool, logger: log.logger)
        guard let pending = spool.takePending().first else {
            #expect(mayLack, "\(log.text)")
            return
        }
        let content = FileContent(environment: environment, resuming: pending)
        let read = try content.bytes(0, 10_000, path: "/f")
        #expect(versions.contains { $0.count == read.count })
        let isRight = read.indices.allSatisfy { index in
            versions.contains { index < $0.count && $0[index] == read[index] }
                || versions.contains { index >= $0.count } && read[index] == 0
        }
        #expect(isRight || mayLack)
        content.detach()
        content.close(path: nil)
    }
}
