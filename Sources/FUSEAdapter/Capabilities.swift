import CFUSE

/// What is agreed on with the kernel when the session begins.
enum Capabilities {
    /// The largest write in bytes, which is the largest read as well; the kernel's limit without privileges.
    static let largestTransfer: UInt32 = 1 << 20

    /// Settles the connection's parameters; called by libfuse while it handles the kernel's first request.
    ///
    /// `readAhead` bounds in bytes how far the kernel reads ahead.
    static func settle(
        _ connection: UnsafeMutablePointer<fuse_conn_info>, backgroundRequests: UInt32, readAhead: UInt64
    ) {
        // `Greeting` asks for the capabilities that older versions of libfuse have no word for.
        for capability in wanted { unsafe ftpsfs_want(connection, UInt32(capability)) }
        for capability in declined { unsafe ftpsfs_decline(connection, UInt32(capability)) }
        unsafe connection.pointee.max_write = min(connection.pointee.max_write, largestTransfer)
        unsafe connection.pointee.max_background = backgroundRequests
        // `max_read` stays 0 (no limit of its own): the number of pages of `max_write` bounds reads too. More read-ahead than the kernel
        // offers cannot be agreed on; `Mount` raises it afterwards where it may.
        unsafe connection.pointee.max_readahead =
            min(connection.pointee.max_readahead, UInt32(clamping: readAhead))
    }

    private static let wanted: [Int32] = [
        // Several reads of a file at a time, in any order.
        FUSE_CAP_ASYNC_READ,
        // Lookups and listings of one directory at the same time.
        FUSE_CAP_PARALLEL_DIROPS,
        // A listing brings the attributes along; the kernel chooses when it asks for them.
        FUSE_CAP_READDIRPLUS, FUSE_CAP_READDIRPLUS_AUTO,
        // open(O_TRUNC) arrives as one request, so that the old content need not be fetched.
        FUSE_CAP_ATOMIC_O_TRUNC,
        // Pages are dropped when the attributes show another size or time.
        FUSE_CAP_AUTO_INVAL_DATA,
        // No question for an extended attribute before each write; see `Greeting.additional`.
        Int32(ftpsfs_killpriv_capability),
        // Large O_DIRECT requests arrive in parallel.
        FUSE_CAP_ASYNC_DIO,
    ]

    private static let declined: [Int32] = [
        // Pages written late would overwrite what others have written, and append at the wrong place.
        FUSE_CAP_WRITEBACK_CACHE,
        // Locks are the kernel's own business: FTP has none.
        FUSE_CAP_POSIX_LOCKS, FUSE_CAP_FLOCK_LOCKS,
        // Numbers of nodes do not outlive a mount, so NFS cannot export it.
        FUSE_CAP_EXPORT_SUPPORT,
        // A link's target would never be asked for again, though others may change it.
        FUSE_CAP_CACHE_SYMLINKS,
        // All that is answered lies in memory.
        FUSE_CAP_SPLICE_WRITE, FUSE_CAP_SPLICE_MOVE, FUSE_CAP_SPLICE_READ,
    ]
}
