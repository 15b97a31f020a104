import Foundation
import Logging
import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("Spool and rescue folder")
struct SpoolTests {
    private func mode(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int
    }

    @Test("a second mount of the same source takes a directory of its own")
    func locked() throws {
        let first = try ContentFixture()
        let second = try ContentFixture(directory: first.directory)
        #expect(first.environment.spool.directoryName != second.environment.spool.directoryName)
        #expect(first.environment.spool.directoryName.hasPrefix("user@host__path-"))
    }

    @Test("a look at what is left keeps no mount from its directory")
    func looking() throws {
        let temporary = try TemporaryDirectory("spool")
        let inventory = try SpoolInventory(cacheDirectory: temporary.path)
        let path = temporary.path
        @Sendable func mount() throws -> String {
            let spool = try Spool(
                cacheDirectory: path, source: "user@host:21/", cacheSize: 0,
                logger: Logger(label: "test"))
            return spool.directoryName
        }
        let first = try mount()
        let (done, ended) = (Monitor(false), Gate())
        try Thread.detach(named: "mounts") {
            for _ in 0..<300 { #expect((try? mount()) == first) }
            done.update { $0 = true }
            ended.open()
        }
        while !done.withLock({ $0 }) { #expect(try inventory.entries().isEmpty) }
        #expect(ended.pass())
    }

    @Test("directories are closed to others, files too")
    func modes() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        try content.put([1], at: 0)
        let home = fixture.directory + "/" + fixture.environment.spool.directoryName
        #expect(mode(fixture.directory) == 0o700)
        #expect(mode(home) == 0o700)
        #expect(mode(fixture.directory + "/rescue") == 0o700)
        #expect(fixture.spooled.count == 2)
        for name in fixture.spooled { #expect(mode(home + "/" + name) == 0o600) }
        content.close(path: nil)
        #expect(fixture.spooled == [])
    }

    @Test("a symbolic link in place of a directory is refused")
    func symlink() throws {
        let temporary = try TemporaryDirectory("spool")
        let path = temporary.path + "/cache"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: path + "/rescue", withDestinationPath: temporary.path)
        #expect(throws: SpoolError.self) {
            _ = try Spool(
                cacheDirectory: path, source: "s", cacheSize: 0, logger: RecordedLog().logger)
        }
    }

    @Test("a directory that others may write to is refused")
    func writable() throws {
        let temporary = try TemporaryDirectory("spool")
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: temporary.path)
        #expect(throws: SpoolError.self) {
            _ = try Spool(
                cacheDirectory: temporary.path, source: "s", cacheSize: 0, logger: RecordedLog().logger)
        }
    }

    @Test(
        "bytes that could not be uploaded go to the rescue folder, and the log and a note say what they are")
    func rescue() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/dir/a file.txt")
        try content.put(Array("precious".utf8), at: 2)
        fixture.store.fail(.replace, with: .noSpace)
        #expect(throws: VolumeError.self) { try content.upload(to: "/dir/a file.txt".remote, for: Request()) }
        #expect(content.isDirty)
        content.close(path: "/dir/a file.txt".remote)
        let name = try #require(fixture.rescued.first)
        #expect(name.hasSuffix("Z-a_file.txt"))
        #expect(fixture.rescuedBytes(name) == [0, 0] + Array("precious".utf8))
        let note = fixture.rescueNote(name)
        #expect(note.contains("path=/dir/a%20file.txt\n"))
        #expect(note.contains("noSpace"))
        #expect(note.contains("written=2-9\n"))
        #expect(fixture.log.text.contains("error: /dir/a file.txt is not on the server"))
        #expect(fixture.log.text.contains(fixture.directory + "/rescue/" + name))
        #expect(fixture.spooled == [])
        #expect(mode(fixture.directory + "/rescue/" + name) == 0o600)
    }

    @Test("a rescued part of a file says which bytes are missing")
    func rescuePart() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/big", pattern(100_000))
        let content = try fixture.open("/big")
        try content.put([9, 9], at: 50_000)
        fixture.server.advance(seconds: 5)
        fixture.server.put("/big", pattern(100_000, seed: 2))
        #expect(throws: VolumeError.self) { try content.upload(to: "/big".remote, for: Request()) }
        content.close(path: "/big".remote)
        #expect(fixture.server.content("/big") == pattern(100_000, seed: 2))
        let name = try #require(fixture.rescued.first)
        #expect(fixture.rescueNote(name).contains("written=50000-50001\n"))
        #expect(fixture.rescuedBytes(name).count == 100_000)
    }

    @Test("two rescued files of one name and second are both kept")
    func sameName() throws {
        let fixture = try ContentFixture()
        for byte in 1...3 as ClosedRange<UInt8> {
            let content = fixture.create("/f")
            try content.put([byte], at: 0)
            content.close(path: "/f".remote)
        }
        #expect(fixture.rescued.count == 3)
        #expect(Set(fixture.rescued.map { fixture.rescuedBytes($0) }) == [[1], [2], [3]])
    }

    @Test("what a killed mount has left is pending for the next one, and what the server has is dropped")
    func orphans() throws {
        let temporary = try TemporaryDirectory("spool")
        let first = try ContentFixture(directory: temporary.path)
        let home = temporary.path + "/" + first.environment.spool.directoryName
        let content = first.create("/new")
        try content.put(Array("unsaved".utf8), at: 0)
        first.server.put("/clean", pattern(10_000))
        let clean = try first.open("/clean")
        try clean.makeIndependent(path: "/clean".remote, for: Request())
        // A copy of the directory is what a killed process leaves: nobody holds its lock.
        let left = temporary.path + "/" + first.environment.spool.directoryName.dropLast() + "7"
        try FileManager.default.copyItem(atPath: home, toPath: left)
        let second = try ContentFixture(directory: temporary.path)
        let pending = second.environment.spool.takePending()
        #expect(pending.count == 1)
        let resumed = FileContent(environment: second.environment, resuming: try #require(pending.first))
        try #expect(resumed.bytes(0, 10, path: "/new") == Array("unsaved".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: left).count == 3)
        // The living mount's files are left alone.
        #expect(first.spooled.count == 3)
        try #expect(content.bytes(0, 10, path: nil) == Array("unsaved".utf8))
        _ = try resumed.upload(to: "/new".remote, for: Request())
        resumed.close(path: "/new".remote)
        #expect(second.server.content("/new") == Array("unsaved".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: left) == ["lock"])
        content.close(path: nil)
        clean.close(path: nil)
    }

    @Test("what cannot be made sense of is moved to the rescue folder")
    func unreadable() throws {
        let temporary = try TemporaryDirectory("spool")
        let first = try ContentFixture(directory: temporary.path)
        let home = temporary.path + "/" + first.environment.spool.directoryName
        let content = first.create("/new")
        try content.put(Array("unsaved".utf8), at: 0)
        let left = home.dropLast() + "7"
        try FileManager.default.copyItem(atPath: home, toPath: String(left))
        let record = try #require(first.spooled.first { $0.hasSuffix(".info") })
        let handle = try #require(FileHandle(forWritingAtPath: left + "/" + record))
        try handle.write(contentsOf: Array("ftpsfs-spool=3".utf8))
        try handle.close()
        let second = try ContentFixture(directory: temporary.path)
        #expect(second.environment.spool.takePending().isEmpty)
        let name = try #require(second.rescued.first)
        #expect(name.hasSuffix("-new"))
        #expect(second.rescuedBytes(name) == Array("unsaved".utf8))
        #expect(second.rescueNote(name).contains("cannot be read"))
        #expect(second.log.text.contains("/new was not stored"))
        content.close(path: nil)
    }

    @Test("clean bytes beyond the bound are dropped, dirty ones never")
    func bound() throws {
        let fixture = try ContentFixture(cacheSize: 150_000)
        let contents = try (0..<4).map { number in
            let content = fixture.create("/f\(number)")
            try content.put(pattern(60_000, seed: UInt8(number)), at: 0)
            if number != 1 { _ = try content.upload(to: "/f\(number)".remote, for: Request()) }
            return content
        }
        // Files 0, 2 and 3 are clean with 180,000 bytes: the oldest was dropped. File 1 is dirty.
        #expect(fixture.spooled.count == 4)
        for (number, content) in contents.enumerated() {
            #expect(try content.bytes(0, 60_000, path: "/f\(number)") == pattern(60_000, seed: UInt8(number)))
        }
        #expect(fixture.store.calls.count { $0.operation == .openReader } == 1)
        for content in contents { content.close(path: nil) }
    }

    @Test(
        "a full disk is ENOSPC at the write, and what was written before stays",
        .enabled(if: effectiveUser == 0))
    func fullDisk() throws {
        let temporary = try TemporaryDirectory("tmpfs")
        let mounted = try run("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", temporary.path)
        guard mounted else { return }
        defer { _ = try? run("umount", temporary.path) }
        do {
            let fixture = try ContentFixture(directory: temporary.path + "/cache")
            let content = fixture.create("/f")
            let bytes = pattern(400_000)
            try content.put(bytes, at: 0)
            func write(at offset: Int) throws(VolumeError) -> Int {
                try content.write(
                    pattern(2_000_000).span.bytes, at: UInt64(offset), appends: false, for: Request())
            }
            // As write(2): as much as there is room for, and only then an error.
            let count = try write(at: 400_000)
            #expect(count > 0 && count < 2_000_000)
            #expect(content.size == UInt64(400_000 + count))
            #expect(try content.bytes(400_000, count, path: "/f") == Array(pattern(2_000_000)[..<count]))
            var failure: VolumeError?
            do throws(VolumeError) {
                _ = try write(at: 400_000 + count)
            } catch {
                failure = error
            }
            guard case .noSpace? = failure else {
                Issue.record("no ENOSPC but \(String(describing: failure))")
                return
            }
            #expect(try content.bytes(0, 400_000, path: "/f") == bytes)
            try content.truncate(to: 400_000, for: Request())
            _ = try content.upload(to: "/f".remote, for: Request())
            #expect(fixture.server.content("/f") == bytes)
            // Clean bytes make room for others.
            let other = fixture.create("/g")
            try other.put(pattern(800_000), at: 0)
            #expect(try content.bytes(0, 400_000, path: "/f") == bytes)
            content.close(path: nil)
            other.close(path: nil)
        }
    }

    @Test("beyond its bound the spool takes no more, drops what is clean first, and says so once")
    func limited() throws {
        let temporary = try TemporaryDirectory("spool")
        let log = RecordedLog()
        let spool = try Spool(
            cacheDirectory: temporary.path, source: "s", cacheSize: 1 << 30, limit: 100_000,
            logger: log.logger)
        let environment = ContentEnvironment(store: MemoryStore(), spool: spool, logger: log.logger)
        func create(_ path: String) -> FileContent {
            FileContent(environment: environment, base: nil, size: 0, path: path.remote)
        }
        let clean = create("/clean")
        try clean.put(pattern(60_000), at: 0)
        _ = try clean.upload(to: "/clean".remote, for: Request())
        let dirty = create("/dirty")
        try dirty.put(pattern(90_000), at: 0)
        #expect(try clean.bytes(0, 60_000, path: "/clean") == pattern(60_000))
        // What is there already takes no more room.
        try dirty.put(pattern(90_000, seed: 2), at: 0)
        func write(_ count: Int) -> Int? {
            try? dirty.write(pattern(count).span.bytes, at: 90_000, appends: true, for: Request())
        }
        #expect(write(50_000) == 10_000)
        #expect(write(1) == nil && write(1) == nil)
        #expect(log.text.split(separator: "\n").count { $0.contains("the spool is full") } == 1)
        try dirty.truncate(to: 50_000, for: Request())
        #expect(write(1000) == 1000)
        dirty.close(path: nil)
        clean.close(path: nil)
        #expect(spool.usage.withLock { $0.bytes } == 0)
    }

    private func run(_ arguments: String...) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
