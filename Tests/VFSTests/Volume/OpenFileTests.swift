import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct OpenFileTests {
    @Test("open asks the server again once the attributes are older than a second")
    func revalidation() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("one".utf8))
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        #expect(try fixture.text("/f") == "one")
        #expect(fixture.server.count(.attributes) == 0)
        fixture.advance(.seconds(2))
        fixture.server.put("/f", Array("two!".utf8))
        #expect(try fixture.text("/f") == "two!")
    }

    @Test("many opens in one directory are revalidated by one listing")
    func revalidationByListing() throws {
        let fixture = try VolumeFixture()
        for number in 0..<50 { fixture.server.put("/f\(number)", [UInt8(number)]) }
        _ = try fixture.names("/")
        fixture.advance(.seconds(5))
        fixture.server.resetCalls()
        for number in 0..<50 {
            let handle = try fixture.open("/f\(number)", .reading)
            fixture.volume.release(handle)
        }
        #expect(fixture.server.count(.attributes) == 2)
        #expect(fixture.server.count(.list) == 1)
    }

    @Test("the question for a small file's version begins to read it too, so that reading costs no more")
    func smallFile() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("one".utf8))
        _ = try fixture.names("/")
        fixture.advance(.seconds(2))
        fixture.server.put("/f", Array("two!".utf8))
        // The kernel knows the file from here to the end.
        let known = try fixture.node("/f")
        defer { fixture.volume.forget(known.node, count: 1) }
        fixture.server.resetCalls()
        let handle = try fixture.open("/f", .reading)
        #expect(fixture.server.count(.openReader) == 1)
        #expect(try fixture.read(handle) == Array("two!".utf8))
        fixture.volume.release(handle)
        #expect(fixture.server.count(.attributes) == 1)
        #expect(fixture.server.count(.openReader) == 1)
        // The kernel has the pages now.
        fixture.advance(.seconds(2))
        fixture.volume.release(try fixture.open("/f", .reading))
        #expect(fixture.server.count(.openReader) == 1)
    }

    @Test(
        "a file that is opened and not read gives the connection back, and one to be written is not fetched")
    func smallFileNotRead() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("one".utf8))
        fixture.server.put("/g", Array("one".utf8))
        _ = try fixture.names("/")
        fixture.advance(.seconds(2))
        let handle = try fixture.open("/f", .reading)
        let environment = fixture.volume.environment
        #expect(environment.waitForStreams(until: .after(.seconds(30))))
        fixture.volume.release(handle)
        fixture.server.resetCalls()
        fixture.volume.release(try fixture.open("/g", .both))
        #expect(fixture.server.count(.openReader) == 0)
    }

    @Test("a small file that cannot be fetched can still be opened, and says so when it is read")
    func smallFileRefused() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("one".utf8))
        _ = try fixture.names("/")
        fixture.advance(.seconds(2))
        fixture.store.fail(.openReader, with: .denied, times: 2)
        let handle = try fixture.open("/f", .reading)
        #expect(failure { _ = try fixture.read(handle) } == "remote(denied)")
        #expect(try fixture.read(handle) == Array("one".utf8))
        fixture.volume.release(handle)
    }

    @Test("the kernel keeps its pages as long as the version is the same")
    func keepsCache() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("one".utf8))
        let reply = try fixture.node("/f")
        func opened() throws -> Bool {
            let opened = try fixture.volume.open(reply.node, .reading, for: Request())
            fixture.volume.release(opened.handle)
            return opened.keepsCache
        }
        fixture.advance(.seconds(5))
        #expect(try !opened())
        #expect(try opened())
        fixture.advance(.seconds(5))
        #expect(try opened())
        fixture.advance(.seconds(5))
        fixture.server.put("/f", Array("two".utf8))
        fixture.advance(.seconds(5))
        #expect(try !opened())
        #expect(try opened())
        try fixture.store("/f", "mine")
        #expect(try opened())
    }

    @Test("a file of another client that has vanished cannot be opened; an open one goes on")
    func vanished() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("one".utf8))
        let handle = try fixture.open("/f", .reading)
        defer { fixture.volume.release(handle) }
        #expect(try fixture.read(handle) == Array("one".utf8))
        fixture.server.remove("/f")
        fixture.advance(.seconds(30))
        #expect(failure { _ = try fixture.open("/f", .reading) } == "notFound")
    }

    @Test("an unlinked file stays readable and writable through its handle")
    func unlinkedWhileOpen() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("content".utf8))
        let reply = try fixture.node("/f")
        let handle = try fixture.volume.open(reply.node, .both, for: Request()).handle
        try fixture.unlink("/f")
        #expect(fixture.server.names(in: "/") == [])
        #expect(try fixture.read(handle) == Array("content".utf8))
        try fixture.write(handle, "C")
        #expect(try fixture.read(handle) == Array("Content".utf8))
        let attributes = try fixture.volume.attributes(of: reply.node, handle: handle, for: Request())
        #expect(attributes.links == 0)
        #expect(attributes.size == 7)
        try fixture.store("/f", "new")
        #expect(try fixture.node("/f").attributes.inode != attributes.inode)
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("new".utf8))
        #expect(fixture.rescued.isEmpty)
    }

    @Test("a replaced file stays readable through its handle")
    func replacedWhileOpen() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("old".utf8))
        fixture.server.put("/g", Array("new!".utf8))
        let handle = try fixture.open("/f", .reading)
        try fixture.rename("/g", "/f")
        #expect(try fixture.read(handle) == Array("old".utf8))
        #expect(try fixture.text("/f") == "new!")
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("new!".utf8))
    }

    @Test("a file renamed while it is open and dirty is stored under its new name")
    func renamedWhileDirty() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("old".utf8))
        fixture.server.makeDirectories("/d")
        let handle = try fixture.open("/f", .both)
        try fixture.write(handle, "NEW")
        try fixture.rename("/f", "/d/g")
        #expect(try fixture.stat("/d/g").size == 3)
        try fixture.close(handle)
        #expect(fixture.server.content("/d/g") == Array("NEW".utf8))
        #expect(try !fixture.exists("/f"))
        #expect(fixture.server.names(in: "/") == ["d"])
    }

    @Test("a dirty file that replaces another one is stored before")
    func dirtyReplaces() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/target", Array("old".utf8))
        _ = try fixture.names("/")
        let handle = try fixture.create("/temporary")
        try fixture.write(handle, "new")
        fixture.store.fail(.replace, "/temporary", with: .quotaExceeded)
        #expect(failure { try fixture.rename("/temporary", "/target") } == "remote(quotaExceeded)")
        #expect(fixture.server.content("/target") == Array("old".utf8))
        try fixture.rename("/temporary", "/target")
        #expect(fixture.server.content("/target") == Array("new".utf8))
        try fixture.close(handle)
        #expect(fixture.server.names(in: "/") == ["target"])
    }

    @Test("truncation by path is stored before it returns; by handle with the next flush")
    func truncation() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("content".utf8))
        #expect(try fixture.change("/f") { $0.size = 3 }.size == 3)
        #expect(fixture.server.content("/f") == Array("con".utf8))
        #expect(try fixture.change("/f") { $0.size = 5 }.size == 5)
        #expect(fixture.server.content("/f") == Array("con\0\0".utf8))
        let handle = try fixture.open("/f", .both)
        #expect(try fixture.change("/f", handle: handle) { $0.size = 1 }.size == 1)
        #expect(fixture.server.content("/f")?.count == 5)
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("c".utf8))
        fixture.store.fail(.replace, with: .denied, times: 10)
        #expect(failure { try fixture.change("/f") { $0.size = 0 } } == "remote(denied)")
        #expect(fixture.server.content("/f") == Array("c".utf8))
        #expect(try fixture.stat("/f").size == 1)
        #expect(fixture.rescued.isEmpty)
    }

    @Test("a file that another client changed while it is open here is not overwritten")
    func lostUpdate() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("base".utf8))
        let handle = try fixture.open("/f", .both)
        try fixture.write(handle, "mine")
        fixture.server.advance(seconds: 10)
        fixture.server.put("/f", Array("theirs".utf8))
        #expect(failure { try fixture.close(handle) } == "remote(changed)")
        #expect(fixture.server.content("/f") == Array("theirs".utf8))
        #expect(fixture.rescued.count == 1)
        #expect(try fixture.text("/f") == "theirs")
    }

    @Test(
        "a handle opened after another client's change reads the new content, the old handle never a mixture")
    func changedBetweenOpens() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("old".utf8))
        let old = try fixture.open("/f", .reading)
        defer { fixture.volume.release(old) }
        fixture.advance(.seconds(5))
        fixture.server.put("/f", Array("brand new".utf8))
        #expect(try fixture.text("/f") == "brand new")
        // The old handle had fetched nothing: what it was opened on is gone.
        let bytes = try? fixture.read(old)
        #expect(bytes == nil || bytes == Array("old".utf8))
    }

    @Test("a time set between fsync and further writes does not look like another client's change")
    func timeBetweenUploads() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f")
        try fixture.write(handle, "one")
        try fixture.volume.synchronize(handle, for: Request())
        try fixture.change("/f", handle: handle) { $0.modified = Timestamp(seconds: 1_600_000_000) }
        #expect(fixture.server.tree.record("/f".remote)?.modified.seconds == 1_600_000_000)
        #expect(try fixture.read(handle) == Array("one".utf8))
        try fixture.write(handle, "two", at: 3)
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("onetwo".utf8))
        #expect(try fixture.text("/f") == "onetwo")
    }

    @Test("a reader goes on after the file's time was set here")
    func timeWhileReading() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", pattern(10_000))
        fixture.advance(.seconds(5))
        let node = try fixture.node("/f").node
        let opened = try fixture.volume.open(node, .reading, for: Request())
        fixture.advance(.seconds(5))
        try fixture.change("/f") { $0.modified = Timestamp(seconds: 1_600_000_000) }
        #expect(try fixture.read(opened.handle) == pattern(10_000))
        fixture.volume.release(opened.handle)
        #expect(try fixture.volume.open(node, .reading, for: Request()).keepsCache)
    }

    @Test("emptying an empty file only touches it, with its last close")
    func emptied() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/stamp", [])
        fixture.advance(.seconds(100))
        let handle = try fixture.create("/stamp")
        #expect(try fixture.stat("/stamp").modified == fixture.server.now)
        try fixture.close(handle)
        #expect(fixture.server.count(.replace) == 0)
        #expect(fixture.server.count(.setModified) == 1)
        #expect(fixture.server.tree.record("/stamp".remote)?.modified == fixture.server.now)
    }

    @Test("bytes for a name that another client has given to a directory are not dropped in silence")
    func lostName() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        let handle = try fixture.open("/f", .both)
        try fixture.write(handle, "precious")
        fixture.server.remove("/f")
        fixture.server.makeDirectories("/f")
        fixture.advance(.seconds(30))
        #expect(try fixture.stat("/f").kind == .directory)
        #expect(failure { try fixture.close(handle) } == "stale")
        #expect(fixture.rescued.count == 1)
    }

    @Test("bytes for a file whose directory has vanished are not dropped in silence")
    func lostDirectory() throws {
        let fixture = try VolumeFixture()
        fixture.server.makeDirectories("/d")
        fixture.server.put("/d/f", [1])
        let handle = try fixture.open("/d/f", .both)
        try fixture.write(handle, "precious")
        fixture.server.remove("/d")
        fixture.advance(.seconds(30))
        #expect(try !fixture.exists("/d"))
        #expect(failure { try fixture.close(handle) } != nil)
        #expect(fixture.rescued.count == 1)
    }

    @Test("flush through a handle that has not written uploads nothing")
    func readerFlush() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("base".utf8))
        let writer = try fixture.open("/f", .both)
        let reader = try fixture.open("/f", .reading)
        try fixture.write(writer, "more")
        try fixture.close(reader)
        #expect(fixture.server.count(.replace) == 0)
        try fixture.close(writer)
        #expect(fixture.server.content("/f") == Array("more".utf8))
    }

    @Test("bytes written after the last flush come to the server with release, as mmap(2) needs")
    func lateWrite() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f")
        try fixture.volume.flush(handle, for: Request())
        try fixture.write(handle, "late")
        fixture.volume.release(handle)
        #expect(fixture.server.content("/f") == Array("late".utf8))
    }

    @Test("appending writes go to the end")
    func appending() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("one\n".utf8))
        for line in ["two\n", "three\n"] {
            let handle = try fixture.open("/f", .writing)
            _ = try fixture.volume.write(
                handle, Array(line.utf8).span.bytes, at: 0, appends: true, for: Request())
            try fixture.close(handle)
        }
        #expect(fixture.server.content("/f") == Array("one\ntwo\nthree\n".utf8))
        #expect(fixture.server.count(.append) == 2)
        #expect(fixture.server.count(.openReader) == 0)
    }

    @Test("handles know what they were opened for")
    func badHandles() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        let reader = try fixture.open("/f", .reading)
        #expect(failure { try fixture.write(reader, "x") } == "badHandle")
        let writer = try fixture.open("/f", .writing)
        #expect(failure { _ = try fixture.read(writer) } == "badHandle")
        fixture.volume.release(reader)
        fixture.volume.release(writer)
        fixture.volume.release(writer)
        #expect(failure { _ = try fixture.read(reader) } == "badHandle")
        #expect(failure { _ = try fixture.open("/", .reading) } == "isDirectory")
    }

    @Test("copy_file_range copies between handles")
    func copyRange() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", Array("0123456789".utf8))
        let source = try fixture.open("/f", .reading)
        let target = try fixture.create("/g")
        let count = try fixture.volume.copyRange(
            from: source, at: 2, to: target, at: 1, count: 100, for: Request())
        #expect(count == 8)
        try fixture.close(target)
        try fixture.close(source)
        #expect(fixture.server.content("/g") == Array("\u{0}23456789".utf8))
    }

    @Test("shutting down stores what is pending")
    func shutDown() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f")
        try fixture.write(handle, "pending")
        let lost = try fixture.create("/g")
        try fixture.write(lost, "lost")
        fixture.store.fail(.replace, "/g", with: .denied, times: 10)
        fixture.volume.shutDown()
        #expect(fixture.server.content("/f") == Array("pending".utf8))
        #expect(fixture.rescued.count == 1)
    }
}
