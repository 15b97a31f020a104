import CLinux
import Glibc

/// An open file descriptor, owned: closed when the value goes.
package struct FileDescriptor: ~Copyable, Sendable {
    /// The number, valid as long as this value lives; never to be closed by others.
    package let raw: CInt

    /// Takes over an open descriptor.
    package init(owning raw: CInt) {
        self.raw = raw
    }

    deinit {
        // An error of close(2) is of no use here: the descriptor is gone in any case.
        _ = close(raw)
    }

    /// Closes the descriptor now; throws what close(2) reports.
    ///
    /// Not tried again on EINTR: Linux has closed it then.
    package consuming func closeNow() throws(Errno) {
        let raw = self.raw
        discard self
        guard close(raw) == 0 || errno == EINTR else { throw Errno.current }
    }

    /// Hands the number out without closing it.
    package consuming func release() -> CInt {
        let raw = self.raw
        discard self
        return raw
    }

    /// Opens a file; the descriptor is not inherited by programs started later (O_CLOEXEC).
    package static func open(_ path: String, _ flags: CInt, mode: UInt32 = 0o600) throws(Errno)
        -> FileDescriptor
    {
        let raw = try retrying { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) }
        return FileDescriptor(owning: raw)
    }

    /// Reads at most the span's length from the current place; 0 at the end.
    package borrowing func read(into bytes: inout MutableRawSpan) throws(Errno) -> Int {
        let raw = self.raw
        return try unsafe bytes.withUnsafeMutableBytes { buffer throws(Errno) in
            try retrying { unsafe Glibc.read(raw, buffer.baseAddress, buffer.count) }
        }
    }

    /// Writes some of the bytes at the current place and returns how many.
    package borrowing func write(_ bytes: RawSpan) throws(Errno) -> Int {
        let raw = self.raw
        return try unsafe bytes.withUnsafeBytes { buffer throws(Errno) in
            try retrying { unsafe Glibc.write(raw, buffer.baseAddress, buffer.count) }
        }
    }

    /// Reads at most the span's length from an offset in bytes; 0 at or beyond the end.
    package borrowing func read(into bytes: inout MutableRawSpan, at offset: UInt64) throws(Errno) -> Int {
        guard let place = off_t(exactly: offset) else { throw Errno(EOVERFLOW) }
        let raw = self.raw
        return try unsafe bytes.withUnsafeMutableBytes { buffer throws(Errno) in
            try retrying { unsafe pread(raw, buffer.baseAddress, buffer.count, place) }
        }
    }

    /// Writes all the bytes at an offset in bytes.
    package borrowing func writeAll(_ bytes: RawSpan, at offset: UInt64) throws(Errno) {
        guard off_t(exactly: offset) != nil else { throw Errno(EFBIG) }
        let raw = self.raw
        try unsafe bytes.withUnsafeBytes { buffer throws(Errno) in
            var done = 0
            while done < buffer.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
                let place = off_t(clamping: offset &+ UInt64(done))
                let count = try retrying { unsafe pwrite(raw, rest.baseAddress, rest.count, place) }
                guard count > 0 else { throw Errno(EIO) }
                done += count
            }
        }
    }

    /// Sets the file's length in bytes; what is added reads as zeros.
    package borrowing func truncate(to length: UInt64) throws(Errno) {
        guard let length = off_t(exactly: length) else { throw Errno(EFBIG) }
        let raw = self.raw
        try retrying { ftruncate(raw, length) }
    }

    /// Waits until the file's data are on the local disk (fdatasync(2)).
    package borrowing func synchronizeData() throws(Errno) {
        let raw = self.raw
        try retrying { fdatasync(raw) }
    }

    /// Makes a pair of connected descriptors: what is written to the second can be read from the first.
    package static func pipe() throws(Errno) -> PipeEnds {
        var ends: [CInt] = [-1, -1]
        guard unsafe ftpsfs_pipe(&ends) == 0 else { throw Errno.current }
        return PipeEnds(reading: FileDescriptor(owning: ends[0]), writing: FileDescriptor(owning: ends[1]))
    }
}

/// The two ends of a pipe.
package struct PipeEnds: ~Copyable {
    /// The end to read from.
    package var reading: FileDescriptor
    /// The end to write to.
    package var writing: FileDescriptor

    /// Keeps the end to read from and closes the other.
    package consuming func takeReading() -> FileDescriptor { reading }

    /// Keeps the end to write to and closes the other.
    package consuming func takeWriting() -> FileDescriptor { writing }
}
