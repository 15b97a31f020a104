import CLinux
import Glibc

/// Extended attributes of files (xattr(7)).
package enum ExtendedAttribute {
    /// No value is longer (xattr(7), XATTR_SIZE_MAX).
    private static let maximumLength = 64 << 10

    /// Reads an attribute of what a path leads to; throws ENODATA or EOPNOTSUPP where there is none.
    ///
    /// Blocks as long as the file system takes.
    package static func read(_ name: String, of path: String) throws(Errno) -> [UInt8] {
        var value = [UInt8](repeating: 0, count: maximumLength)
        let count = unsafe ftpsfs_getxattr(path, name, &value, UInt(value.count))
        guard count >= 0 else { throw Errno.current }
        return Array(value.prefix(count))
    }
}
