import CFUSE
import Glibc
import VFS

/// Reads what libfuse hands to callbacks.
enum Arguments {
    /// Copies a name or other text that libfuse hands over; it is valid during the callback only.
    static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text = unsafe text else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    /// The handle that the kernel names, nil when it names none.
    static func handle(_ info: UnsafeMutablePointer<fuse_file_info>?) -> HandleID? {
        unsafe info.map { unsafe HandleID(rawValue: $0.pointee.fh) }
    }

    /// The flags of open(2) that the kernel passes on: all but O_CREAT, O_EXCL, O_NOCTTY and O_TRUNC.
    static func flags(_ info: UnsafeMutablePointer<fuse_file_info>?) -> CInt {
        unsafe info.map { unsafe $0.pointee.flags } ?? 0
    }

    /// The handle that the kernel must name.
    static func needed(_ info: UnsafeMutablePointer<fuse_file_info>?) throws(VolumeError) -> HandleID {
        guard let handle = unsafe handle(info) else { throw .badHandle }
        return handle
    }

    /// Whether a write goes to the end of the file wherever that is by now, not to the offset that comes with it.
    ///
    /// O_APPEND counts as it is at the write: fcntl(2) can change it after open(2). It says nothing about pages that the
    /// kernel writes back for mmap(2) through whatever handle is at hand.
    static func appends(_ info: UnsafeMutablePointer<fuse_file_info>?) -> Bool {
        guard let info = unsafe info?.pointee else { return false }
        return info.flags & O_APPEND != 0 && info.writepage == 0
    }

    /// An offset that must not be negative.
    static func offset(_ offset: off_t) throws(VolumeError) -> UInt64 {
        guard let result = UInt64(exactly: offset) else { throw .invalid }
        return result
    }

    /// Reads the mode of fallocate(2): make room, punch a hole (which always keeps the size), or zero a range.
    static func allocation(_ mode: CInt) throws(VolumeError) -> (keepsSize: Bool, zeroes: Bool) {
        let keeps = ftpsfs_keep_size_flag
        switch mode {
        case 0: return (keepsSize: false, zeroes: false)
        case keeps: return (keepsSize: true, zeroes: false)
        case ftpsfs_punch_hole_flag | keeps: return (keepsSize: true, zeroes: true)
        case ftpsfs_zero_range_flag: return (keepsSize: false, zeroes: true)
        case ftpsfs_zero_range_flag | keeps: return (keepsSize: true, zeroes: true)
        default: throw .unsupported
        }
    }
}
