import CFUSE
import Glibc
import Remote
import VFS

/// The table of callbacks that libfuse is given.
///
/// None of them holds a lock when it answers.
enum Callbacks {
    /// The table.
    ///
    /// Left out on purpose, so that libfuse answers ENOSYS once and the kernel asks no more:
    /// `setxattr`, `removexattr` (the kernel answers EOPNOTSUPP by itself then), `getlk`, `setlk`, `flock` (locks are kept in the
    /// kernel, for this machine), `bmap`, `ioctl` (ENOTTY), `poll` (always ready), `write_buf` (bytes go to the spool from memory,
    /// splicing saves nothing), `destroy` (the volume is shut down by the program), `retrieve_reply` (never asked for).
    static var table: fuse_lowlevel_ops {
        var table = fuse_lowlevel_ops()
        addSession(to: &table)
        addNames(to: &table)
        addAttributes(to: &table)
        addFiles(to: &table)
        addDirectories(to: &table)
        return table
    }

    private static func addSession(to table: inout fuse_lowlevel_ops) {
        unsafe table.`init` = { userdata, connection in
            guard let adapter = unsafe Adapter.of(userdata), let connection = unsafe connection else {
                return
            }
            unsafe Capabilities.settle(
                connection, backgroundRequests: adapter.backgroundRequests, readAhead: adapter.readAhead)
        }
        unsafe table.statfs = { raw, _ in
            unsafe Adapter.serveQuietly(raw) { .statistics($0.volume.statistics) }
        }
    }
}
