import CLinux
import Glibc

/// What stat(2) says of a local file, as far as it is of use here.
package struct LocalStatus: Hashable, Sendable {
    /// The length in bytes.
    package let size: UInt64
    /// The bytes of disk in use; less than `size` for a sparse file.
    package let allocated: UInt64
    /// The owner's user number.
    package let owner: UInt32
    /// Type and permission bits (`st_mode`).
    package let mode: UInt32
}

// Operations for regular files on this machine.
extension FileDescriptor {
    /// Makes a new file of mode 0600 for writing; an existing name is EEXIST.
    package static func create(_ path: String) throws(Errno) -> FileDescriptor {
        try open(path, O_WRONLY | O_CREAT | O_EXCL)
    }

    /// Asks for length, owner and mode.
    package borrowing func status() throws(Errno) -> LocalStatus {
        let raw = self.raw
        var result = stat()
        let status = unsafe fstat(raw, &result)
        guard status == 0 else { throw Errno.current }
        return LocalStatus(
            size: UInt64(clamping: result.st_size), allocated: UInt64(clamping: result.st_blocks) &* 512,
            owner: result.st_uid, mode: result.st_mode)
    }

    /// Takes the file's lock for this open file alone (F_OFD_SETLK of fcntl(2)); returns false when another one has it.
    ///
    /// The file is open for writing. Does not wait.
    ///
    /// The lock ends when the descriptor and its copies in child processes are closed.
    package borrowing func tryLock() throws(Errno) -> Bool {
        let raw = self.raw
        do throws(Errno) {
            try retrying { ftpsfs_lock(raw) }
            return true
        } catch {
            guard error.rawValue == EAGAIN || error.rawValue == EACCES else { throw error }
            return false
        }
    }

    /// Whether another open file, of whatever process, has the file's lock (F_OFD_GETLK of fcntl(2)); nobody notices the question.
    package borrowing func isLocked() throws(Errno) -> Bool {
        let raw = self.raw
        return try retrying { ftpsfs_is_locked(raw) } != 0
    }

    /// Writes at an offset as many of the bytes as can be written; returns how many and why not all.
    ///
    /// What was written before a failure is in the file: the caller has to know, or it would take old bytes for unchanged.
    package borrowing func writeSome(_ bytes: RawSpan, at offset: UInt64) -> (count: Int, failure: Errno?) {
        guard off_t(exactly: offset) != nil else { return (0, Errno(EFBIG)) }
        let raw = self.raw
        return unsafe bytes.withUnsafeBytes { buffer -> (count: Int, failure: Errno?) in
            var done = 0
            while done < buffer.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
                let place = off_t(clamping: offset &+ UInt64(done))
                do throws(Errno) {
                    let count = try retrying { unsafe pwrite(raw, rest.baseAddress, rest.count, place) }
                    guard count > 0 else { return (done, Errno(EIO)) }
                    done += count
                } catch {
                    return (done, error)
                }
            }
            return (done, nil)
        }
    }

    /// Writes a text at an offset in bytes, the file's start if none is given.
    package borrowing func write(_ text: String, at offset: UInt64 = 0) throws(Errno) {
        let bytes = Array(text.utf8)
        try unsafe writeAll(bytes.span.bytes, at: offset)
    }

    /// Reads a file's first bytes, at most `limit` of them.
    package borrowing func contents(limit: Int) throws(Errno) -> [UInt8] {
        let block = Block(capacity: limit)
        var filled = 0
        while filled < limit {
            let count = try block.withRoom(from: filled) { room throws(Errno) in
                try read(into: &room, at: UInt64(filled))
            }
            if count == 0 { break }
            filled += count
        }
        return block.withBytes(0..<filled) { bytes in
            unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        }
    }

    /// Makes a range read as zeros and frees its disk space where the filesystem can; the length stays.
    package borrowing func zero(_ range: Range<UInt64>) throws(Errno) {
        guard let start = Int64(exactly: range.lowerBound), Int64(exactly: range.upperBound) != nil else {
            throw Errno(EFBIG)
        }
        guard !range.isEmpty else { return }
        let raw = self.raw
        do throws(Errno) {
            try retrying { ftpsfs_punch_hole(raw, start, Int64(range.count)) }
        } catch {
            guard error.rawValue == EOPNOTSUPP || error.rawValue == ENOSYS else { throw error }
            // Filesystems without holes; nothing beyond the end is written, for the length has to stay.
            let end = min(range.upperBound, try status().size)
            let zeros = [UInt8](repeating: 0, count: 65_536)
            var place = range.lowerBound
            while place < end {
                let count = Int(min(UInt64(zeros.count), end - place))
                try unsafe writeAll(zeros.span.bytes.extracting(0..<count), at: place)
                place += UInt64(count)
            }
        }
    }

    /// Reserves disk space for a range without changing length or bytes; does nothing where the filesystem cannot.
    package borrowing func reserve(_ range: Range<UInt64>) throws(Errno) {
        guard let start = Int64(exactly: range.lowerBound), Int64(exactly: range.upperBound) != nil else {
            throw Errno(EFBIG)
        }
        guard !range.isEmpty else { return }
        let raw = self.raw
        do throws(Errno) {
            try retrying { ftpsfs_reserve(raw, start, Int64(range.count)) }
        } catch {
            guard error.rawValue == EOPNOTSUPP || error.rawValue == ENOSYS else { throw error }
        }
    }
}

/// The user number that files made by this process belong to.
package var effectiveUser: UInt32 { geteuid() }

/// The ways in which the local files of this program are opened.
package enum OpenPurpose: Sendable {
    /// An existing file, for reading.
    case readOnly
    /// A new file, for reading and writing; an existing name is EEXIST.
    case createExclusively
    /// A file that is made or emptied, for writing.
    case createOrEmpty
    /// A file that is made or opened as it is, for reading and writing.
    case createOrOpen
    /// An existing file, for reading and writing.
    case readWrite

    fileprivate var flags: CInt {
        switch self {
        case .readOnly: O_RDONLY
        case .createExclusively: O_RDWR | O_CREAT | O_EXCL
        case .createOrEmpty: O_WRONLY | O_CREAT | O_TRUNC
        case .createOrOpen: O_RDWR | O_CREAT
        case .readWrite: O_RDWR
        }
    }
}

extension Directory {
    /// Opens a file in this directory; a symbolic link of that name is refused (ELOOP).
    package borrowing func openFile(_ name: String, _ purpose: OpenPurpose, mode: UInt32 = 0o600)
        throws(Errno) -> FileDescriptor
    {
        try openFile(name, purpose.flags, mode: mode)
    }
}

// The numbers that layers without the C library's names tell apart.
extension Errno {
    /// No such name (ENOENT).
    package static let noEntry = Errno(ENOENT)
    /// The name exists (EEXIST).
    package static let fileExists = Errno(EEXIST)
    /// Not permitted (EPERM).
    package static let notPermitted = Errno(EPERM)
    /// Somebody else has it (EBUSY).
    package static let busy = Errno(EBUSY)
    /// The disk is full (ENOSPC).
    package static let noSpace = Errno(ENOSPC)
    /// The user's quota is used up (EDQUOT).
    package static let quotaExceeded = Errno(EDQUOT)
    /// The file would be too large (EFBIG).
    package static let tooLarge = Errno(EFBIG)
    /// Too many files are open (EMFILE).
    package static let tooManyFiles = Errno(EMFILE)
    /// Input or output failed (EIO).
    package static let inputOutput = Errno(EIO)
}
