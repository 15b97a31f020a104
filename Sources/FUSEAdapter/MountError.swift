package import Posix

/// Why the volume cannot be mounted; the description says what to do about it.
package enum MountError: Error, Hashable, Sendable {
    /// The mountpoint does not exist.
    case missing(String)
    /// The mountpoint is something else than a directory.
    case notDirectory(String)
    /// A file system whose server has ended is still mounted there.
    case stale(String)
    /// A volume of this kind is mounted there already, with the source given.
    case alreadyMounted(String, source: String)
    /// The user may not write to the mountpoint, which fusermount3 demands.
    case notWritable(String)
    /// The mountpoint cannot be looked at.
    case inaccessible(String, Errno)
    /// The kernel has no FUSE.
    case noDevice
    /// This user may not open the kernel's device, which libfuse does even where fusermount3 makes the mount.
    case deviceForbidden
    /// Only root can mount without fusermount3, and it is not installed.
    case noHelper
    /// /etc/fuse.conf does not let users open a mount to others.
    case allowOtherForbidden
    /// It was ended while it was being made.
    case stopped(String)
    /// libfuse or the kernel refused, in their own words.
    case refused(String, words: [String])
}

extension MountError: CustomStringConvertible {
    /// A sentence or two for the person at the terminal.
    package var description: String {
        switch self {
        case .missing(let path): "\(path): the mountpoint does not exist; create it with: mkdir -p \(path)"
        case .notDirectory(let path): "\(path): the mountpoint is not a directory"
        case .stale(let path):
            "\(path): a file system whose server has ended is still mounted here; remove it with: fusermount3 -u \(path)"
        case .alreadyMounted(let path, let source):
            "\(path): \(source) is mounted here already; to mount anew, first run: umount \(path)"
        case .notWritable(let path):
            "\(path): you may not write to the mountpoint, so you may not mount on it; use a directory of your own"
        case .inaccessible(let path, let errno): "\(path): the mountpoint cannot be accessed: \(errno)"
        case .noDevice:
            "/dev/fuse does not exist: load the kernel's FUSE module (modprobe fuse), or give the container this device"
        case .deviceForbidden:
            "you may not open /dev/fuse, whose usual mode is 0666; let root run: chmod 666 /dev/fuse"
        case .noHelper:
            "fusermount3 was not found, and only root can mount without it; install the package fuse3"
        case .allowOtherForbidden:
            "allow_other and allow_root need the line user_allow_other in /etc/fuse.conf when you are not root"
        case .stopped(let path): "\(path): interrupted"
        case .refused(let path, let words):
            "\(path): the mount was refused: "
                + (words.isEmpty ? "see the messages above" : words.joined(separator: "; "))
        }
    }
}
