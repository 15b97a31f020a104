import CFUSE
import Glibc
import Posix
import VFS

/// The right and the duty to answer one request of the kernel: every method answers and uses the value up, and a value
/// that goes unanswered answers EIO.
///
/// Each method returns whether the kernel took the answer. It does not when the request is gone (the connection was
/// aborted); what the answer gave away (a counted node, a handle) is then to be taken back. No lock may be held: an answer can lead to
/// further requests at once.
@safe
struct KernelReply: ~Copyable {
    private let request: OpaquePointer

    /// Takes over a request that has not been answered.
    init(_ request: OpaquePointer) {
        unsafe self.request = unsafe request
    }

    deinit {
        _ = unsafe fuse_reply_err(request, EIO)
    }

    /// Answers with an error number, or with success (0) where nothing else is to be said.
    consuming func number(_ number: CInt) -> Bool {
        let request = unsafe self.request
        discard self
        return unsafe fuse_reply_err(request, number) == 0
    }

    /// Answers with a name's node; a successful answer counts one reference.
    consuming func entry(_ entry: fuse_entry_param) -> Bool {
        let request = unsafe self.request
        discard self
        var entry = entry
        return unsafe fuse_reply_entry(request, &entry) == 0
    }

    /// Answers with a new file's node and handle.
    consuming func created(_ entry: fuse_entry_param, _ file: fuse_file_info) -> Bool {
        let request = unsafe self.request
        discard self
        var entry = entry
        var file = file
        return unsafe fuse_reply_create(request, &entry, &file) == 0
    }

    /// Answers with a handle.
    consuming func opened(_ file: fuse_file_info) -> Bool {
        let request = unsafe self.request
        discard self
        var file = file
        return unsafe fuse_reply_open(request, &file) == 0
    }

    /// Answers with attributes, valid for a number of seconds.
    consuming func attributes(_ status: stat, for seconds: Double) -> Bool {
        let request = unsafe self.request
        discard self
        var status = status
        return unsafe fuse_reply_attr(request, &status, seconds) == 0
    }

    /// Answers with bytes.
    consuming func bytes(_ bytes: [UInt8]) -> Bool {
        let request = unsafe self.request
        discard self
        return unsafe bytes.withUnsafeBytes { unsafe Self.send($0, to: request) }
    }

    /// Answers with rows of a directory.
    consuming func rows(_ rows: DirectoryBuffer) -> Bool {
        let request = unsafe self.request
        discard self
        return unsafe rows.withBytes { unsafe Self.send($0, to: request) }
    }

    /// Answers with what was read, out of the memory where it lies; never more than the kernel asked for.
    consuming func content(_ content: ReadReply, limit: Int) -> Bool {
        let request = unsafe self.request
        discard self
        var rest = limit
        var pieces: [iovec] = unsafe []
        for slice in content.slices where rest > 0 {
            let count = min(slice.range.count, rest)
            guard let start = unsafe slice.block.baseAddress, count > 0 else { continue }
            // SAFETY: writev(2) only reads; the block outlives the call below.
            let address = unsafe UnsafeMutableRawPointer(mutating: start.advanced(by: slice.range.lowerBound))
            unsafe pieces.append(iovec(iov_base: address, iov_len: count))
            rest -= count
        }
        return withExtendedLifetime(content) {
            if unsafe pieces.count <= Self.mostPieces {
                return unsafe fuse_reply_iov(request, pieces, CInt(pieces.count)) == 0
            }
            var joined: [UInt8] = []
            joined.reserveCapacity(limit - rest)
            for index in unsafe pieces.indices {
                let piece = unsafe pieces[index]
                unsafe joined += UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len)
            }
            return unsafe joined.withUnsafeBytes { unsafe Self.send($0, to: request) }
        }
    }

    private static func send(_ bytes: UnsafeRawBufferPointer, to request: OpaquePointer) -> Bool {
        unsafe fuse_reply_buf(request, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
            == 0
    }

    /// The number of pieces that one answer can have: writev(2) takes 1024, of which libfuse needs one.
    private static let mostPieces = 1000

    /// Answers how many bytes were written or copied.
    consuming func written(_ count: Int) -> Bool {
        let request = unsafe self.request
        discard self
        return unsafe fuse_reply_write(request, count) == 0
    }

    /// Answers how large a buffer must be.
    consuming func size(_ count: Int) -> Bool {
        let request = unsafe self.request
        discard self
        return unsafe fuse_reply_xattr(request, count) == 0
    }

    /// Answers with an offset in a file.
    consuming func place(_ offset: off_t) -> Bool {
        let request = unsafe self.request
        discard self
        return unsafe fuse_reply_lseek(request, offset) == 0
    }

    /// Answers with the file system's sizes.
    consuming func statistics(_ statistics: statvfs) -> Bool {
        let request = unsafe self.request
        discard self
        var statistics = statistics
        return unsafe fuse_reply_statfs(request, &statistics) == 0
    }

    /// Ends a request that has no answer (forget).
    consuming func none() {
        let request = unsafe self.request
        discard self
        unsafe fuse_reply_none(request)
    }
}
