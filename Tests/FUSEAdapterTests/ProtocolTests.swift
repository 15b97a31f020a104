import Foundation
import TestSupport
import Testing

@testable import FUSEAdapter

/// Requests by their numbers in linux/fuse.h.
private enum Opcode {
    static let forget: UInt32 = 2
    static let getAttributes: UInt32 = 3
    static let makeNode: UInt32 = 8
    static let link: UInt32 = 13
    static let open: UInt32 = 14
    static let read: UInt32 = 15
    static let write: UInt32 = 16
    static let statistics: UInt32 = 17
    static let release: UInt32 = 18
    static let setExtended: UInt32 = 21
    static let getExtended: UInt32 = 22
    static let openDirectory: UInt32 = 27
    static let readDirectory: UInt32 = 28
    static let releaseDirectory: UInt32 = 29
    static let access: UInt32 = 34
    static let create: UInt32 = 35
    static let allocate: UInt32 = 43
    static let readDirectoryPlus: UInt32 = 44
    static let rename: UInt32 = 45
}

@Suite("Answers to the kernel")
struct ProtocolTests {
    @Test("a name that exists is answered with a node, and counted; forgetting takes the count back")
    func lookup() throws {
        let kernel = try FakeKernel()
        let answer = try #require(kernel.ask(1, 1, texts: ["file"]))
        #expect(answer.number == 0)
        let node = answer.long(0)
        #expect(node > 1)
        #expect(answer.long(16) == 1 && answer.long(24) == 1)  // seconds of validity
        #expect(answer.long(48) == 12)  // the size
        #expect(answer.word(100) & 0o170000 == 0o100000)  // the mode
        #expect(kernel.lookUp("file") == node)
        #expect(kernel.references(of: node) == 2)
        #expect(kernel.ask(Opcode.forget, node, longs: [2]) == nil)
        #expect(kernel.references(of: node) == 0)
    }

    @Test("a name that does not exist may be kept as absent for a while")
    func absent() throws {
        let kernel = try FakeKernel { $0.negativeTimeout = .milliseconds(2500) }
        let answer = try #require(kernel.ask(1, 1, texts: ["none"]))
        #expect(answer.number == 0)
        #expect(answer.long(0) == 0)
        #expect(answer.long(16) == 2 && answer.word(32) == 500_000_000)
    }

    @Test("with no time for absent names the answer is ENOENT")
    func absentWithoutCache() throws {
        let kernel = try FakeKernel { $0.negativeTimeout = .zero }
        #expect(kernel.ask(1, 1, texts: ["none"])?.number == ENOENT)
    }

    @Test("what FTP cannot do is refused with the number of the manual page")
    func refusals() throws {
        let kernel = try FakeKernel()
        let file = UInt64(kernel.lookUp("file"))
        #expect(kernel.ask(Opcode.link, 1, longs: [file], texts: ["other"])?.number == EPERM)
        for kind: UInt32 in [0o010000, 0o020000, 0o060000, 0o140000] {
            #expect(
                kernel.ask(Opcode.makeNode, 1, words: [kind | 0o644, 0, 0, 0], texts: ["x"])?.number == EPERM)
        }
        for flags: UInt32 in [2, 4, 3] {
            let answer = kernel.ask(Opcode.rename, 1, longs: [1], more: [flags, 0], texts: ["file", "x"])
            #expect(answer?.number == EINVAL)
        }
        #expect(
            kernel.ask(Opcode.rename, 1, longs: [1], more: [1, 0], texts: ["file", "program"])?.number
                == EEXIST)
        #expect(
            kernel.ask(Opcode.setExtended, file, words: [1, 0], texts: ["user.a", "v"])?.number == ENOSYS)
        for name in ["security.capability", "system.posix_acl_access", "trusted.x"] {
            #expect(kernel.ask(Opcode.getExtended, file, words: [0, 0], texts: [name])?.number == EOPNOTSUPP)
        }
        #expect(
            kernel.ask(Opcode.allocate, file, longs: [999, 0, 10], more: [0x08, 0])?.number == EOPNOTSUPP)
        #expect(kernel.ask(Opcode.read, file, longs: [999, 0], more: [10, 0])?.number == EBADF)
    }

    @Test("access(2) asks the mode only whether a file may be run")
    func access() throws {
        let kernel = try FakeKernel()
        let (file, program) = (kernel.lookUp("file"), kernel.lookUp("program"))
        let directory = kernel.lookUp("directory")
        #expect(kernel.ask(Opcode.access, file, words: [6, 0])?.number == 0)
        #expect(kernel.ask(Opcode.access, file, words: [1, 0])?.number == EACCES)
        #expect(kernel.ask(Opcode.access, program, words: [1, 0])?.number == 0)
        #expect(kernel.ask(Opcode.access, directory, words: [1, 0])?.number == 0)
    }

    @Test("an extended attribute's size is told, a buffer too small is an error, and others do not exist")
    func extendedAttributes() throws {
        let kernel = try FakeKernel()
        let file = kernel.lookUp("file")
        let name = "user.ftps.size"
        let size = try #require(kernel.ask(Opcode.getExtended, file, words: [0, 0], texts: [name]))
        #expect(size.number == 0)
        let count = size.word(0)
        #expect(count > 0)
        let value = kernel.ask(Opcode.getExtended, file, words: [count, 0], texts: [name])
        #expect(value?.body.count == Int(count))
        #expect(kernel.ask(Opcode.getExtended, file, words: [count - 1, 0], texts: [name])?.number == ERANGE)
        for name in ["user.none", "user.ftps.none"] {
            let answer = kernel.ask(Opcode.getExtended, file, words: [99, 0], texts: [name])
            #expect(answer?.number == EOPNOTSUPP)
        }
        let directory = kernel.lookUp("directory")
        #expect(kernel.ask(Opcode.getExtended, directory, words: [99, 0], texts: [name])?.number == ENODATA)
    }

    @Test("a file is opened, read and released")
    func reading() throws {
        let kernel = try FakeKernel()
        let file = kernel.lookUp("file")
        let handle = try #require(kernel.ask(Opcode.open, file, words: [UInt32(O_RDONLY), 0])).long(0)
        func read(_ offset: UInt64, _ count: UInt32) -> [UInt8]? {
            kernel.ask(Opcode.read, file, longs: [handle, offset], more: [count, 0, 0, 0, 0, 0])?.body
        }
        #expect(read(0, 4096) == Array("hello world\n".utf8))
        #expect(read(6, 5) == Array("world".utf8))
        #expect(read(12, 4096) == [])
        #expect(kernel.openHandles == 1)
        #expect(kernel.ask(Opcode.release, file, longs: [handle], more: [0, 0, 0, 0])?.number == 0)
        #expect(kernel.openHandles == 0)
    }

    @Test("a write goes to the end by the flags it comes with, and pages of mmap(2) go to their place")
    func appending() throws {
        let kernel = try FakeKernel()
        let file = kernel.lookUp("file")
        let append = UInt32(O_WRONLY | O_APPEND)
        let handle = try #require(kernel.ask(Opcode.open, file, words: [append, 0])).long(0)
        func write(_ text: String, at place: UInt64, page: Bool = false, flags: UInt32) -> CInt? {
            // The texts of a request end with a NUL, which is not of the bytes here.
            let size = UInt32(text.utf8.count)
            return kernel.ask(
                Opcode.write, file, longs: [handle, place], more: [size, page ? 1 : 0, 0, 0, flags, 0],
                texts: [text])?.number
        }
        #expect(write("more", at: 0, flags: append) == 0)
        #expect(write("HELLO", at: 0, page: true, flags: append) == 0)
        #expect(write("WORLD", at: 6, flags: UInt32(O_WRONLY)) == 0)
        #expect(kernel.ask(Opcode.release, file, longs: [handle], more: [0, 0, 0, 0])?.number == 0)
        #expect(kernel.store.content("/file") == Array("HELLO WORLD\nmore".utf8))
    }

    @Test("statfs(2) is answered")
    func statistics() throws {
        let kernel = try FakeKernel()
        let answer = try #require(kernel.ask(Opcode.statistics, 1))
        #expect(answer.number == 0)
        #expect(answer.long(0) > 0 && answer.word(40) == 4096 && answer.word(44) == 255)
    }

    @Test("rows with nodes count one reference each, those of the directory and its parent none")
    func readDirectoryPlus() throws {
        let kernel = try FakeKernel()
        let directory = kernel.lookUp("directory")
        let handle = try #require(kernel.ask(Opcode.openDirectory, directory, words: [0, 0])).long(0)
        let before = kernel.allReferences
        let rows = try #require(
            kernel.ask(Opcode.readDirectoryPlus, directory, longs: [handle, 0], more: [4096, 0]))
        #expect(rows.number == 0)
        // A row of a name of one or two bytes takes 128 + 32 bytes.
        #expect(rows.body.count == 7 * 160)
        #expect(kernel.allReferences == before + 5)
        let end = kernel.ask(Opcode.readDirectoryPlus, directory, longs: [handle, 7], more: [4096, 0])
        #expect(end?.number == 0 && end?.body.isEmpty == true)
        #expect(
            kernel.ask(Opcode.readDirectory, directory, longs: [handle, 0], more: [8, 0])?.number == EINVAL)
        #expect(
            kernel.ask(Opcode.releaseDirectory, directory, longs: [handle], more: [0, 0, 0, 0])?.number == 0)
        #expect(kernel.openHandles == 0)
    }

    @Test("rows are handed out in as many answers as they need, none twice and none left out")
    func smallBuffers() throws {
        let kernel = try FakeKernel()
        let directory = kernel.lookUp("directory")
        let handle = try #require(kernel.ask(Opcode.openDirectory, directory, words: [0, 0])).long(0)
        var names: [String] = []
        var place: UInt64 = 0
        while true {
            let answer = try #require(
                kernel.ask(Opcode.readDirectory, directory, longs: [handle, place], more: [70, 0]))
            try #require(answer.number == 0)
            if answer.body.isEmpty { break }
            #expect(answer.body.count <= 70)
            for start in stride(from: 0, to: answer.body.count, by: 32) {
                let length = Int(answer.word(start + 16))
                names.append(
                    String(decoding: answer.body[(start + 24)..<(start + 24 + length)], as: UTF8.self))
                place = answer.long(start + 8)
            }
        }
        #expect(names.sorted() == [".", "..", "0", "1", "2", "3", "4"])
    }

    @Test("what an answer gave away is taken back when the kernel does not take the answer")
    func undelivered() throws {
        let kernel = try FakeKernel()
        let file = kernel.lookUp("file")
        let directory = kernel.lookUp("directory")
        let handle = try #require(kernel.ask(Opcode.openDirectory, directory, words: [0, 0])).long(0)
        let before = kernel.allReferences
        kernel.refusesAnswers = true
        #expect(kernel.ask(1, 1, texts: ["file"]) == nil)
        #expect(kernel.ask(1, 1, texts: ["program"]) == nil)
        #expect(kernel.ask(Opcode.open, file, words: [UInt32(O_RDONLY), 0]) == nil)
        #expect(kernel.ask(Opcode.openDirectory, directory, words: [0, 0]) == nil)
        #expect(kernel.ask(Opcode.readDirectoryPlus, directory, longs: [handle, 0], more: [4096, 0]) == nil)
        #expect(
            kernel.ask(Opcode.create, 1, words: [UInt32(O_WRONLY), 0o100644, 0, 0], texts: ["new"]) == nil)
        kernel.refusesAnswers = false
        #expect(kernel.allReferences == before)
        #expect(kernel.openHandles == 1)
    }
}
