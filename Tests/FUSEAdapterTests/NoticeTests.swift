import Foundation
import TestSupport
import Testing

@testable import FUSEAdapter
@testable import VFS

@Suite("What the kernel is told unasked")
struct NoticeTests {
    @Test("before the answer to an open of a changed file the kernel is told to ask for its size")
    func changedFile() throws {
        let kernel = try FakeKernel { $0.attributeTimeout = .zero }
        let file = kernel.lookUp("file")
        func open() throws {
            let answer = try #require(kernel.ask(14, file, words: [UInt32(O_RDONLY), 0]))
            #expect(answer.number == 0)
            kernel.volume.release(HandleID(rawValue: answer.long(0)))
        }
        try open()
        #expect(kernel.notices.isEmpty)
        kernel.store.put("/file", Array("hello again, world\n".utf8))
        kernel.volume.dropCaches()
        try open()
        // FUSE_NOTIFY_INVAL_INODE: the node, and an offset below zero for the attributes alone.
        let notice = try #require(kernel.notices.first)
        #expect(kernel.notices.count == 1)
        #expect(notice.number == 2)
        #expect(notice.long(0) == file)
        #expect(notice.long(8) == UInt64(bitPattern: -1))
        #expect(kernel.ask(3, file, longs: [0, 0])?.long(24) == 19)
        try open()
        #expect(kernel.notices.count == 1)
    }
}
