import CLinux
import Glibc

/// An open local directory: names are resolved in it, and never through a symbolic link that carries such a name.
package struct Directory: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    private init(_ descriptor: consuming FileDescriptor) {
        self.descriptor = descriptor
    }

    /// Opens a directory by its path; symbolic links on the way are followed.
    package static func open(_ path: String) throws(Errno) -> Directory {
        Directory(try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY))
    }

    /// Makes a directory and those above it that are missing, each with mode 0700; one that exists is left alone.
    package static func makeAll(_ path: String) throws(Errno) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: true)
        let start = path.hasPrefix("/") ? "/" : ""
        var missing: [Substring] = []
        while !parts.isEmpty {
            let result = unsafe mkdir(start + parts.joined(separator: "/"), 0o700)
            let error = Errno.current
            guard result != 0, error.rawValue != EEXIST else { break }
            guard error.rawValue == ENOENT else { throw error }
            missing.append(parts.removeLast())
        }
        while let next = missing.popLast() {
            parts.append(next)
            let result = unsafe mkdir(start + parts.joined(separator: "/"), 0o700)
            let error = Errno.current
            guard result == 0 || error.rawValue == EEXIST else { throw error }
        }
    }

    /// Opens a directory inside this one; a symbolic link of that name is refused (ENOTDIR, ELOOP).
    package borrowing func openDirectory(_ name: String) throws(Errno) -> Directory {
        Directory(try openFile(name, O_RDONLY | O_DIRECTORY))
    }

    /// Opens a file in this directory; a symbolic link of that name is refused (ELOOP).
    package borrowing func openFile(_ name: String, _ flags: CInt, mode: UInt32 = 0o600) throws(Errno)
        -> FileDescriptor
    {
        let directory = descriptor.raw
        let raw = try retrying { unsafe openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode) }
        return FileDescriptor(owning: raw)
    }

    /// Makes a directory of mode 0700; returns false when the name exists.
    package borrowing func makeDirectory(_ name: String) throws(Errno) -> Bool {
        guard unsafe mkdirat(descriptor.raw, name, 0o700) != 0 else { return true }
        let error = Errno.current
        guard error.rawValue == EEXIST else { throw error }
        return false
    }

    /// Removes a file's name.
    package borrowing func removeFile(_ name: String) throws(Errno) {
        let directory = descriptor.raw
        try retrying { unsafe unlinkat(directory, name, 0) }
    }

    /// Renames a file into another directory of the same filesystem; an existing target is EEXIST unless it may be replaced.
    package borrowing func rename(
        _ name: String, into other: borrowing Directory, as newName: String, replacing: Bool
    ) throws(Errno) {
        let from = descriptor.raw
        let to = other.descriptor.raw
        if replacing {
            try retrying { unsafe renameat(from, name, to, newName) }
            return
        }
        guard unsafe ftpsfs_rename_noreplace_at(from, name, to, newName) != 0 else { return }
        let error = Errno.current
        // Filesystems without the flag (NFS) answer EINVAL; a hard link never replaces anything either.
        guard error.rawValue == EINVAL || error.rawValue == ENOSYS else { throw error }
        try retrying { unsafe linkat(from, name, to, newName, 0) }
        try retrying { unsafe unlinkat(from, name, 0) }
    }

    /// Lists the names in the directory that are well-formed UTF-8, without `.` and `..`, in no order.
    package borrowing func names() throws(Errno) -> [String] {
        let raw = try openFile(".", O_RDONLY | O_DIRECTORY).release()
        guard let stream = unsafe fdopendir(raw) else {
            let error = Errno.current
            _ = close(raw)
            throw error
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: d_name ends with NUL inside the record, and the record stays until the next readdir.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(validatingCString: $0)
                }
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Waits until the directory's names are on the local disk (fsync(2)).
    package borrowing func synchronize() throws(Errno) {
        let raw = descriptor.raw
        try retrying { fsync(raw) }
    }

    /// What stat(2) says of the directory itself.
    package borrowing func status() throws(Errno) -> LocalStatus {
        try descriptor.status()
    }

    /// The room of the directory's filesystem.
    package borrowing func space() throws(Errno) -> LocalSpace {
        let raw = descriptor.raw
        var result = statvfs()
        let status = unsafe fstatvfs(raw, &result)
        guard status == 0 else { throw Errno.current }
        let unit = UInt64(result.f_frsize)
        return LocalSpace(
            totalBytes: UInt64(result.f_blocks).multipliedReportingOverflow(by: unit).partialValue,
            freeBytes: UInt64(result.f_bavail).multipliedReportingOverflow(by: unit).partialValue)
    }
}

/// The room of a local filesystem.
package struct LocalSpace: Hashable, Sendable {
    /// The bytes in all.
    package let totalBytes: UInt64
    /// The bytes free for this user.
    package let freeBytes: UInt64
}
