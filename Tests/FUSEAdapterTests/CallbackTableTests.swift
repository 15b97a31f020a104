import CFUSE
import Glibc
import Testing
import VFS

@testable import FUSEAdapter

@Suite("The table of callbacks")
struct CallbackTableTests {
    private let table = Callbacks.table

    @Test("every operation that the volume has is there")
    func present() {
        let callbacks: [(String, Bool)] = [
            ("init", table.`init` != nil), ("lookup", table.lookup != nil), ("forget", table.forget != nil),
            ("forget_multi", table.forget_multi != nil), ("getattr", table.getattr != nil),
            ("setattr", table.setattr != nil), ("readlink", table.readlink != nil),
            ("mknod", table.mknod != nil), ("mkdir", table.mkdir != nil), ("unlink", table.unlink != nil),
            ("rmdir", table.rmdir != nil), ("symlink", table.symlink != nil), ("rename", table.rename != nil),
            ("link", table.link != nil), ("open", table.open != nil), ("create", table.create != nil),
            ("read", table.read != nil), ("write", table.write != nil), ("flush", table.flush != nil),
            ("release", table.release != nil), ("fsync", table.fsync != nil),
            ("opendir", table.opendir != nil), ("readdir", table.readdir != nil),
            ("readdirplus", table.readdirplus != nil), ("releasedir", table.releasedir != nil),
            ("fsyncdir", table.fsyncdir != nil), ("statfs", table.statfs != nil),
            ("access", table.access != nil), ("getxattr", table.getxattr != nil),
            ("listxattr", table.listxattr != nil), ("fallocate", table.fallocate != nil),
            ("lseek", table.lseek != nil), ("copy_file_range", table.copy_file_range != nil),
        ]
        for (name, isSet) in callbacks { #expect(isSet, "\(name)") }
    }

    @Test("what the kernel does better alone is left to it")
    func absent() {
        let callbacks: [(String, Bool)] = [
            ("setxattr", table.setxattr == nil), ("removexattr", table.removexattr == nil),
            ("getlk", table.getlk == nil), ("setlk", table.setlk == nil), ("flock", table.flock == nil),
            ("bmap", table.bmap == nil), ("ioctl", table.ioctl == nil), ("poll", table.poll == nil),
            ("write_buf", table.write_buf == nil), ("retrieve_reply", table.retrieve_reply == nil),
            ("destroy", table.destroy == nil),
        ]
        for (name, isUnset) in callbacks { #expect(isUnset, "\(name)") }
    }

    @Test("the kernel never writes back late, keeps locks to itself and asks again for links")
    func capabilities() {
        var connection = fuse_conn_info()
        connection.capable = .max
        // What libfuse asks for by itself.
        connection.want = UInt32(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_SPLICE_READ)
        connection.max_write = .max
        Capabilities.settle(&connection, backgroundRequests: 16, readAhead: 8 << 20)
        for capability in [
            FUSE_CAP_WRITEBACK_CACHE, FUSE_CAP_POSIX_LOCKS, FUSE_CAP_FLOCK_LOCKS, FUSE_CAP_EXPORT_SUPPORT,
            FUSE_CAP_CACHE_SYMLINKS, FUSE_CAP_SPLICE_READ,
        ] {
            #expect(connection.want & UInt32(capability) == 0)
        }
        for capability in [
            FUSE_CAP_ASYNC_READ, FUSE_CAP_PARALLEL_DIROPS, FUSE_CAP_READDIRPLUS, FUSE_CAP_READDIRPLUS_AUTO,
            FUSE_CAP_ATOMIC_O_TRUNC, FUSE_CAP_AUTO_INVAL_DATA, FUSE_CAP_ASYNC_DIO,
        ] {
            #expect(connection.want & UInt32(capability) != 0)
        }
        #expect(connection.max_write == 1 << 20)
        #expect(connection.max_background == 16)
    }

    @Test("a kernel that offers nothing is asked for nothing")
    func poorKernel() {
        var connection = fuse_conn_info()
        connection.max_write = 65536
        Capabilities.settle(&connection, backgroundRequests: 16, readAhead: 8 << 20)
        #expect(connection.want == 0)
        #expect(connection.max_write == 65536)
    }

    @Test("the kernel reads ahead no further than the user wants", arguments: [0, 4096, 1 << 30] as [UInt64])
    func readAhead(size: UInt64) {
        var connection = fuse_conn_info()
        connection.max_readahead = 128 << 10
        Capabilities.settle(&connection, backgroundRequests: 16, readAhead: size)
        #expect(UInt64(connection.max_readahead) == min(size, 128 << 10))
    }

    @Test("fallocate(2) means room, a hole or zeros, and nothing else")
    func allocation() throws {
        #expect(try Arguments.allocation(0) == (keepsSize: false, zeroes: false))
        #expect(try Arguments.allocation(0x01) == (keepsSize: true, zeroes: false))
        #expect(try Arguments.allocation(0x03) == (keepsSize: true, zeroes: true))
        #expect(try Arguments.allocation(0x10) == (keepsSize: false, zeroes: true))
        #expect(try Arguments.allocation(0x11) == (keepsSize: true, zeroes: true))
        for mode: CInt in [0x02, 0x08, 0x20, 0x40] {
            #expect(throws: VolumeError.self) { try Arguments.allocation(mode) }
        }
    }

    @Test("a negative offset is refused")
    func offsets() throws {
        #expect(try Arguments.offset(1 << 40) == 1 << 40)
        #expect(throws: VolumeError.self) { try Arguments.offset(-1) }
    }
}
