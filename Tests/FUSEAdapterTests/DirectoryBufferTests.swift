import CFUSE
import Glibc
import Remote
import Testing
import VFS

@testable import FUSEAdapter

@Suite("Rows of a directory")
struct DirectoryBufferTests {
    private func attributes(_ inode: UInt64) -> NodeAttributes {
        let time = Timestamp(seconds: 1_700_000_000)
        return NodeAttributes(
            inode: inode, kind: .file, mode: 0o644, owner: 1, group: 2, size: 3, modified: time,
            changed: time,
            accessed: time)
    }

    private func row(_ name: String, plus: Bool, next: UInt64 = 1) -> DirectoryRow {
        DirectoryRow(
            name: Array(name.utf8), inode: 7, kind: .file, next: next,
            reply: plus ? NodeReply(node: NodeID(rawValue: 70), attributes: attributes(7)) : nil)
    }

    private func buffer(_ size: Int, plus: Bool) -> DirectoryBuffer {
        DirectoryBuffer(size: size, plus: plus, attributeTimeout: 1, entryTimeout: 1)
    }

    @Test("a row takes 24 bytes and the name, in steps of 8, as the kernel's struct fuse_dirent has it")
    func plainRow() {
        let rows = buffer(4096, plus: false)
        #expect(rows.add(row("abc", plus: false, next: 0x0102)))
        #expect(rows.count == 32)
        #expect(rows.counted.isEmpty)
        let bytes = rows.withBytes { Array($0) }
        #expect(bytes[0] == 7)
        #expect(bytes[8] == 2 && bytes[9] == 1)
        #expect(bytes[16] == 3)
        #expect(bytes[20] == 8)  // DT_REG
        #expect(Array(bytes[24..<27]) == Array("abc".utf8))
        #expect(bytes[27...] == [0, 0, 0, 0, 0])
    }

    @Test("a row that does not fit is not taken, and no reference is counted for it")
    func full() {
        let rows = buffer(170, plus: true)
        #expect(rows.add(row("first", plus: true)))
        let count = rows.count
        #expect(!rows.isFull)
        #expect(!rows.add(row("second", plus: true)))
        #expect(rows.isFull)
        #expect(rows.count == count)
        #expect(rows.counted == [NodeID(rawValue: 70)])
    }

    @Test("the directory itself and its parent carry no node")
    func dots() {
        let rows = buffer(4096, plus: true)
        let dot = DirectoryRow(name: [UInt8(ascii: ".")], inode: 1, kind: .directory, next: 1, reply: nil)
        #expect(rows.add(dot))
        #expect(rows.counted.isEmpty)
        // struct fuse_direntplus begins with the node's number.
        #expect(rows.withBytes { Array($0.prefix(8)) } == [0, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test("a kind that only stat(2) can tell is not guessed")
    func uncertainKind() {
        for plus in [false, true] {
            let rows = buffer(4096, plus: plus)
            let row = DirectoryRow(
                name: [0x61], inode: 1, kind: .symlink, isKindCertain: false, next: 1, reply: nil)
            #expect(rows.add(row))
            // d_type lies behind the number, the place and the length; with attributes, those 128 bytes come first.
            #expect(rows.withBytes { $0[(plus ? 128 : 0) + 20] } == 0)
        }
    }

    @Test("names are bytes")
    func bytes() {
        let rows = buffer(4096, plus: false)
        let name: [UInt8] = [0xff, 0x80, 0x20, 0x0a, 0x65, 0xcc, 0x81]
        #expect(rows.add(DirectoryRow(name: name, inode: 1, kind: .symlink, next: 9, reply: nil)))
        #expect(rows.withBytes { Array($0[24..<31]) } == name)
    }

    @Test("a long name is a longer row", arguments: [255, 700])
    func longName(length: Int) {
        let rows = buffer(4096, plus: false)
        #expect(rows.add(row(String(repeating: "x", count: length), plus: false)))
        #expect(rows.count == (24 + length + 7) / 8 * 8)
    }

    @Test(
        "what stat(2) shows: blocks rounded up, kind and mode together, times with fractions and before 1970")
    func status() {
        var attributes = attributes(9)
        attributes.size = 1025
        attributes.modified = Timestamp(seconds: -5, nanoseconds: 250)
        let status = stat(attributes)
        #expect(status.st_ino == 9)
        #expect(status.st_blocks == 3)
        #expect(status.st_mode == 0o100644)
        #expect(status.st_mtim.tv_sec == -5 && status.st_mtim.tv_nsec == 250)
        attributes.size = .max
        #expect(stat(attributes).st_size == .max)
    }

    @Test("changes are read by the kernel's mask alone")
    func changes() {
        var status = stat()
        status.st_size = 5
        status.st_mode = 0o100755
        status.st_mtim = timespec(tv_sec: 10, tv_nsec: 20)
        let changes = AttributeChanges(status, mask: FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_MTIME)
        #expect(changes.mode == 0o755)
        #expect(changes.modified == Timestamp(seconds: 10, nanoseconds: 20))
        #expect(changes.size == nil && changes.owner == nil && changes.accessed == nil)
        let now = AttributeChanges(status, mask: FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW)
        #expect((now.accessed?.seconds ?? 0) > 1_600_000_000)
    }

    @Test("the flags of open(2)")
    func openModes() {
        let append = OpenMode(flags: O_WRONLY | O_APPEND)
        #expect(!append.reads && append.writes && !append.truncates)
        let both = OpenMode(flags: O_RDWR | O_TRUNC | O_EXCL)
        #expect(both.reads && both.writes && both.truncates && both.exclusive)
        let read = OpenMode(flags: O_RDONLY)
        #expect(read.reads && !read.writes)
    }
}
