import CFUSE
import Glibc
import Remote
import VFS

/// The size in which programs are advised to read and write (st_blksize), in bytes.
///
/// stdio takes it for the size of its buffers, and each write is a request of its own here; cp(1) uses 128 KiB or more.
private let preferredSize = 128 << 10

extension stat {
    /// Makes what stat(2) shows of attributes.
    init(_ attributes: NodeAttributes) {
        self.init()
        st_ino = ino_t(attributes.inode)
        st_mode = fileType(of: attributes.kind) | mode_t(attributes.mode & 0o7777)
        st_uid = attributes.owner
        st_gid = attributes.group
        st_nlink = nlink_t(attributes.links)
        st_size = off_t(clamping: attributes.size)
        st_blocks = blkcnt_t(clamping: attributes.size / 512 + (attributes.size % 512 == 0 ? 0 : 1))
        st_blksize = blksize_t(preferredSize)
        st_mtim = timespec(attributes.modified)
        st_ctim = timespec(attributes.changed)
        st_atim = timespec(attributes.accessed)
    }
}

extension timespec {
    /// Makes the form of the operating system.
    init(_ time: Timestamp) {
        self.init(tv_sec: time_t(time.seconds), tv_nsec: Int(min(time.nanoseconds, 999_999_999)))
    }
}

extension Timestamp {
    /// Takes over a time that came from the kernel; nanoseconds beyond a second are cut.
    init(_ time: timespec) {
        self.init(
            seconds: Int64(time.tv_sec), nanoseconds: UInt32(clamping: min(max(0, time.tv_nsec), 999_999_999))
        )
    }

    /// The time now, by the clock of the wall.
    static var now: Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(time)
    }
}

/// The type bits of st_mode.
func fileType(of kind: FileKind) -> mode_t {
    switch kind {
    case .file: S_IFREG
    case .directory: S_IFDIR
    case .symlink: S_IFLNK
    // There is no kind for "something else"; a socket can be neither opened nor read, which is what such an entry is good for.
    case .other: S_IFSOCK
    }
}

extension Duration {
    /// Seconds with a fraction, never negative.
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return max(0, Double(seconds) + Double(attoseconds) / 1e18)
    }
}

extension OpenMode {
    /// Reads the flags of open(2).
    init(flags: CInt) {
        let access = flags & O_ACCMODE
        self.init(
            reads: access != O_WRONLY, writes: access != O_RDONLY, truncates: flags & O_TRUNC != 0,
            exclusive: flags & O_EXCL != 0)
    }
}

extension AttributeChanges {
    /// Reads what the kernel asks to change: the fields of `status` that `mask` names (FUSE_SET_ATTR_*).
    init(_ status: stat, mask: CInt) {
        self.init()
        if mask & FUSE_SET_ATTR_SIZE != 0 { size = UInt64(max(0, status.st_size)) }
        if mask & FUSE_SET_ATTR_MODE != 0 { mode = UInt16(status.st_mode & 0o7777) }
        if mask & FUSE_SET_ATTR_UID != 0 { owner = status.st_uid }
        if mask & FUSE_SET_ATTR_GID != 0 { group = status.st_gid }
        let now = Timestamp.now
        if mask & FUSE_SET_ATTR_MTIME != 0 {
            modified = mask & FUSE_SET_ATTR_MTIME_NOW != 0 ? now : Timestamp(status.st_mtim)
        }
        if mask & FUSE_SET_ATTR_ATIME != 0 {
            accessed = mask & FUSE_SET_ATTR_ATIME_NOW != 0 ? now : Timestamp(status.st_atim)
        }
    }
}

extension statvfs {
    /// The unit in which statfs(2) counts, in bytes.
    private static let unit: UInt64 = 4096

    /// Makes what statvfs(3) shows; nothing is known of inodes, which df(1) shows as a hyphen.
    init(_ statistics: VolumeStatistics) {
        self.init()
        f_bsize = UInt(Self.unit)
        f_frsize = UInt(Self.unit)
        f_blocks = fsblkcnt_t(statistics.totalBytes / Self.unit)
        f_bfree = fsblkcnt_t(statistics.freeBytes / Self.unit)
        f_bavail = fsblkcnt_t(statistics.freeBytes / Self.unit)
        f_namemax = UInt(clamping: statistics.longestName)
    }
}
