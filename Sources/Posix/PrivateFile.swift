import CLinux
import Glibc

/// Why a file that holds a secret was not read.
package enum PrivateFileError: Error, Hashable, Sendable {
    /// A system call failed.
    case failed(Errno)
    /// It is a directory, a FIFO or a device.
    case notRegular
    /// Its permission bits let others than the owner at it.
    case exposed(mode: UInt16)
    /// It belongs to somebody who is neither the user nor root.
    case foreign(owner: UInt32)
    /// It is longer than `PrivateFile.limit`.
    case tooLong
}

/// Files that hold secrets.
package enum PrivateFile {
    /// The longest file that is read, in bytes.
    package static let limit = 65_536

    /// Reads a whole file into locked memory.
    ///
    /// The file is opened once and judged by its descriptor, so nobody can exchange it in between. With `guarded`, it must be closed
    /// to group and others, and belong to the calling user or to root.
    package static func read(_ path: String, guarded: Bool) throws(PrivateFileError) -> SecretBytes {
        let file: FileDescriptor
        do {
            // O_NONBLOCK: a FIFO without a writer must not stop the program.
            file = try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        } catch {
            throw .failed(error)
        }
        var status = stat()
        guard unsafe fstat(file.raw, &status) == 0 else { throw .failed(Errno.current) }
        let kind: mode_t = S_IFMT
        let regular: mode_t = S_IFREG
        guard status.st_mode & kind == regular else { throw .notRegular }
        if guarded {
            guard status.st_mode & 0o077 == 0 else { throw .exposed(mode: UInt16(status.st_mode & 0o7777)) }
            guard status.st_uid == geteuid() || status.st_uid == 0 else {
                throw .foreign(owner: status.st_uid)
            }
        }
        let raw = file.raw
        let secret = try unsafe SecretBytes(capacity: limit + 1) { buffer throws(PrivateFileError) in
            try unsafe fill(buffer, from: raw)
        }
        guard secret.count <= limit else { throw .tooLong }
        return secret
    }

    /// Reads standard input up to its end or the first line feed, which is not part of the result.
    ///
    /// Blocks as long as the writer does. What follows the line feed may have been consumed.
    package static func readStandardInputLine() throws(PrivateFileError) -> SecretBytes {
        let secret = try unsafe SecretBytes(capacity: limit + 1) { buffer throws(PrivateFileError) in
            var used = 0
            while used < buffer.count {
                let place = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[used..<(used + 1)])
                // One byte a call: what comes after the line is not ours.
                let count = try unsafe read(into: place, from: STDIN_FILENO)
                let atEnd = unsafe count == 0 || buffer[used] == UInt8(ascii: "\n")
                if atEnd { break }
                used += 1
            }
            return used
        }
        guard secret.count <= limit else { throw .tooLong }
        return secret
    }

    private static func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from raw: CInt
    ) throws(PrivateFileError) -> Int {
        var used = 0
        while used < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[used...])
            let count = try unsafe read(into: rest, from: raw)
            if count == 0 { break }
            used += count
        }
        return used
    }

    private static func read(
        into buffer: UnsafeMutableRawBufferPointer, from raw: CInt
    ) throws(PrivateFileError) -> Int {
        do {
            return try retrying { unsafe Glibc.read(raw, buffer.baseAddress, buffer.count) }
        } catch {
            throw .failed(error)
        }
    }
}
