package import Remote

/// Why an operation on the volume failed; `FUSEAdapter.ErrnoMapping` gives each case its errno.
package enum VolumeError: Error, Sendable {
    /// The store failed; its kind decides the errno.
    case remote(RemoteError)
    /// The name does not exist (ENOENT).
    case notFound
    /// The name exists (EEXIST).
    case exists
    /// A directory was expected (ENOTDIR).
    case notDirectory
    /// A directory is in the way (EISDIR).
    case isDirectory
    /// The directory has entries (ENOTEMPTY).
    case notEmpty
    /// No rights (EACCES).
    case denied
    /// Not permitted whoever asks (EPERM).
    case notPermitted
    /// An argument makes no sense (EINVAL).
    case invalid
    /// FTP or the server has no way to do this (EOPNOTSUPP).
    case unsupported
    /// The mount is read-only (EROFS).
    case readOnly
    /// The handle or node is unknown, or not open for this (EBADF).
    case badHandle
    /// The file on the server is another one than the one opened (ESTALE).
    case stale
    /// The program was interrupted (EINTR).
    case interrupted
    /// The name is too long (ENAMETOOLONG).
    case nameTooLong
    /// The file would be too large (EFBIG).
    case tooLarge
    /// This machine's spool has no room (ENOSPC).
    case noSpace
    /// As many files wait for their upload as this machine lets the program have open (ENFILE).
    case tooManyFiles
    /// No such extended attribute (ENODATA).
    case noAttribute
    /// Beyond the last data or hole (ENXIO).
    case noSuchPlace
    /// The buffer given is too small (ERANGE).
    case bufferTooSmall
    /// Something failed on this machine, said in words (EIO).
    case local(String)
}

extension VolumeError {
    /// Wraps the store's error; an interruption is the program's own.
    init(_ error: RemoteError) {
        self = error.kind == .interrupted ? .interrupted : .remote(error)
    }
}
