import Glibc
package import Remote
package import VFS

/// The one table from errors to error numbers.
///
/// No line may ever yield ENOSYS, by which the kernel would conclude that the operation does not exist and never ask again,
/// nor EAGAIN, which programs take for a non-blocking descriptor that is to be polled.
package enum ErrnoMapping {
    /// The error number that a program sees for an error of the volume.
    package static func number(for error: VolumeError) -> CInt {
        switch error {
        case .remote(let error): number(for: error.kind)
        case .notFound: ENOENT
        case .exists: EEXIST
        case .notDirectory: ENOTDIR
        case .isDirectory: EISDIR
        case .notEmpty: ENOTEMPTY
        case .denied: EACCES
        case .notPermitted: EPERM
        case .invalid: EINVAL
        case .unsupported: EOPNOTSUPP
        case .readOnly: EROFS
        case .badHandle: EBADF
        case .stale: ESTALE
        case .interrupted: EINTR
        case .nameTooLong: ENAMETOOLONG
        case .tooLarge: EFBIG
        case .noSpace: ENOSPC
        // Not EMFILE: it is not the caller that has too many files open.
        case .tooManyFiles: ENFILE
        case .noAttribute: ENODATA
        case .noSuchPlace: ENXIO
        case .bufferTooSmall: ERANGE
        case .local: EIO
        }
    }

    /// The error number that a program sees for a failure of the store.
    package static func number(for kind: RemoteError.Kind) -> CInt {
        switch kind {
        case .notFound: ENOENT
        case .denied: EACCES
        case .exists: EEXIST
        case .notEmpty: ENOTEMPTY
        case .notDirectory: ENOTDIR
        case .isDirectory: EISDIR
        case .noSpace: ENOSPC
        case .quotaExceeded: EDQUOT
        case .nameTooLong: ENAMETOOLONG
        // A name that FTP cannot carry is no name here, as on other file systems that forbid characters (open(2), EINVAL).
        case .invalidName: EINVAL
        // mv(1) copies then.
        case .crossDevice: EXDEV
        // EBUSY and not EAGAIN: see above. unlink(2), rename(2) and open(2) list it.
        case .busy: EBUSY
        // What NFS answers for a file that is another one now.
        case .changed: ESTALE
        // EIO is what every program knows; rsync --delete for one deletes nothing after it. EHOSTUNREACH is of sockets.
        case .unreachable: EIO
        // What NFS answers on soft mounts.
        case .timedOut: ETIMEDOUT
        case .interrupted: EINTR
        case .unsupported: EOPNOTSUPP
        // The server refuses this user as a whole.
        case .authentication: EACCES
        // Not EACCES: it says nothing of the file's rights, and a program must not conclude anything from it.
        case .untrusted: EIO
        case .protocolBroken: EIO
        case .local: EIO
        }
    }

    /// Whether an error is an ordinary answer, which programs provoke all day, and not worth a line in the log.
    package static func isOrdinary(_ error: VolumeError) -> Bool {
        switch error {
        case .remote(let error): isOrdinary(error.kind)
        case .notFound, .exists, .notDirectory, .isDirectory, .notEmpty, .denied, .notPermitted, .invalid,
            .unsupported, .readOnly, .badHandle, .interrupted, .nameTooLong, .tooLarge, .noAttribute,
            .noSuchPlace,
            .bufferTooSmall:
            true
        case .stale, .noSpace, .tooManyFiles, .local: false
        }
    }

    private static func isOrdinary(_ kind: RemoteError.Kind) -> Bool {
        switch kind {
        case .notFound, .exists, .notEmpty, .notDirectory, .isDirectory, .denied, .nameTooLong, .invalidName,
            .crossDevice, .interrupted, .unsupported:
            true
        case .noSpace, .quotaExceeded, .busy, .changed, .unreachable, .timedOut, .authentication, .untrusted,
            .protocolBroken, .local:
            false
        }
    }
}
