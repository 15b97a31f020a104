import Glibc
import Remote
import Testing
import VFS

@testable import FUSEAdapter

@Suite("The errno table")
struct ErrnoMappingTests {
    private static let kinds: [(RemoteError.Kind, CInt)] = [
        (.notFound, ENOENT), (.denied, EACCES), (.exists, EEXIST), (.notEmpty, ENOTEMPTY),
        (.notDirectory, ENOTDIR), (.isDirectory, EISDIR), (.noSpace, ENOSPC), (.quotaExceeded, EDQUOT),
        (.nameTooLong, ENAMETOOLONG), (.invalidName, EINVAL), (.crossDevice, EXDEV), (.busy, EBUSY),
        (.changed, ESTALE),
        (.unreachable, EIO), (.timedOut, ETIMEDOUT), (.interrupted, EINTR), (.unsupported, EOPNOTSUPP),
        (.authentication, EACCES), (.untrusted, EIO), (.protocolBroken, EIO), (.local, EIO),
    ]

    private static let errors: [(VolumeError, CInt)] =
        [
            (.notFound, ENOENT), (.exists, EEXIST), (.notDirectory, ENOTDIR), (.isDirectory, EISDIR),
            (.notEmpty, ENOTEMPTY), (.denied, EACCES), (.notPermitted, EPERM), (.invalid, EINVAL),
            (.unsupported, EOPNOTSUPP), (.readOnly, EROFS), (.badHandle, EBADF), (.stale, ESTALE),
            (.interrupted, EINTR), (.nameTooLong, ENAMETOOLONG), (.tooLarge, EFBIG), (.noSpace, ENOSPC),
            (.tooManyFiles, ENFILE),
            (.noAttribute, ENODATA), (.noSuchPlace, ENXIO), (.bufferTooSmall, ERANGE), (.local("disk"), EIO),
        ] + kinds.map { (.remote(RemoteError($0.0, operation: "RETR")), $0.1) }

    @Test("each failure of the store has its number")
    func kinds() {
        for (kind, number) in Self.kinds {
            #expect(ErrnoMapping.number(for: kind) == number, "\(kind)")
        }
    }

    @Test("each error of the volume has its number, and one of the store that of its kind")
    func errors() {
        for (error, number) in Self.errors {
            #expect(ErrnoMapping.number(for: error) == number, "\(error)")
        }
    }

    @Test("only what the server calls absent is absent")
    func absence() {
        for (kind, _) in Self.kinds where kind != .notFound {
            #expect(ErrnoMapping.number(for: kind) != ENOENT, "\(kind)")
        }
    }

    @Test("no error makes the kernel give up an operation for ever, nor looks like a non-blocking descriptor")
    func forbiddenNumbers() {
        for (error, _) in Self.errors {
            let number = ErrnoMapping.number(for: error)
            #expect(number != ENOSYS && number != EAGAIN, "\(error)")
            #expect((1..<1000).contains(number), "\(error)")
        }
    }

    @Test("errors that lose data or time are worth a warning")
    func severity() {
        for kind: RemoteError.Kind in [
            .unreachable, .timedOut, .noSpace, .quotaExceeded, .changed, .protocolBroken, .local,
        ] {
            #expect(!ErrnoMapping.isOrdinary(.remote(RemoteError(kind, operation: "STOR"))), "\(kind)")
        }
        #expect(ErrnoMapping.isOrdinary(.notFound))
        #expect(ErrnoMapping.isOrdinary(.noAttribute))
        #expect(!ErrnoMapping.isOrdinary(.noSpace))
    }
}
