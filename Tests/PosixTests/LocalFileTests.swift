import Foundation
import Posix
import TestSupport
import Testing

@Suite("Local files and directories")
struct LocalFileTests {
    @Test("directories are made with those above them, and exist already the second time")
    func makeAll() throws {
        let temporary = try TemporaryDirectory("local")
        try Directory.makeAll(temporary.path + "/a/b/c")
        try Directory.makeAll(temporary.path + "/a/b/c")
        #expect(FileManager.default.fileExists(atPath: temporary.path + "/a/b/c"))
    }

    @Test("names are listed, renamed without replacing, and removed")
    func names() throws {
        let temporary = try TemporaryDirectory("local")
        let directory = try Directory.open(temporary.path)
        for name in ["a", "b"] {
            let file = try directory.openFile(name, .createExclusively)
            try file.write(name)
        }
        #expect(try directory.names().sorted() == ["a", "b"])
        var failure: Errno?
        do throws(Errno) {
            try directory.rename("a", into: directory, as: "b", replacing: false)
        } catch {
            failure = error
        }
        #expect(failure == .fileExists)
        try directory.rename("a", into: directory, as: "b", replacing: true)
        #expect(TestFile.text(temporary.path + "/b") == "a")
        try directory.removeFile("b")
        #expect(try directory.names() == [])
    }

    @Test("a symbolic link is never followed inside a directory")
    func links() throws {
        let temporary = try TemporaryDirectory("local")
        try TestFile.write(temporary.path + "/secret", Array("s".utf8))
        try FileManager.default.createSymbolicLink(
            atPath: temporary.path + "/link", withDestinationPath: temporary.path + "/secret")
        let directory = try Directory.open(temporary.path)
        for purpose in [OpenPurpose.readOnly, .createOrOpen, .createOrEmpty] {
            var failed = false
            do throws(Errno) { _ = try directory.openFile("link", purpose) } catch { failed = true }
            #expect(failed)
        }
        #expect(TestFile.text(temporary.path + "/secret") == "s")
    }

    @Test("a lock keeps others out until it is closed")
    func lock() throws {
        let temporary = try TemporaryDirectory("local")
        let directory = try Directory.open(temporary.path)
        do {
            let first = try directory.openFile("lock", .createOrOpen)
            let second = try directory.openFile("lock", .createOrOpen)
            #expect(try first.tryLock())
            #expect(try !second.tryLock())
            #expect(try second.isLocked())
            #expect(try directory.openFile("lock", .readOnly).isLocked())
            #expect(try !first.isLocked())
        }
        #expect(try !directory.openFile("lock", .readOnly).isLocked())
        let third = try directory.openFile("lock", .createOrOpen)
        #expect(try third.tryLock())
    }

    @Test("a range made zeros reads as zeros, and the length stays")
    func zero() throws {
        let temporary = try TemporaryDirectory("local")
        let directory = try Directory.open(temporary.path)
        let file = try directory.openFile("f", .createExclusively)
        try file.write(String(repeating: "x", count: 20_000))
        try file.zero(100..<15_000)
        try file.zero(19_990..<40_000)
        let bytes = try file.contents(limit: 100_000)
        #expect(bytes.count == 20_000)
        #expect(bytes[99] == UInt8(ascii: "x") && bytes[15_000] == UInt8(ascii: "x"))
        #expect(bytes[100..<15_000].allSatisfy { $0 == 0 } && bytes[19_990...].allSatisfy { $0 == 0 })
        #expect(try file.status().size == 20_000)
        #expect(try file.status().owner == effectiveUser)
    }

    @Test("blocks compare, copy and digest their bytes")
    func blocks() throws {
        let first = Block(capacity: 16)
        first.fillWithZeros()
        let second = Block(capacity: 8)
        second.fillWithZeros()
        second.withRoom(from: 2) { $0.storeBytes(of: 7, toByteOffset: 0, as: UInt8.self) }
        #expect(!first.holds(0..<8, equalTo: 0..<8, of: second))
        first.copy(0..<8, of: second, to: 4)
        #expect(first.holds(4..<12, equalTo: 0..<8, of: second))
        let whole = second.digest(0..<8)
        #expect(second.digest(3..<8, continuing: second.digest(0..<3)) == whole)
        #expect(first.digest(0..<8) != whole)
    }

    @Test("times are written so that they sort")
    func times() {
        #expect(WallClock.text(0) == "19700101T000000Z")
        #expect(WallClock.text(1_700_000_000) == "20231114T221320Z")
        #expect(WallClock.now().seconds > 1_700_000_000)
    }
}
