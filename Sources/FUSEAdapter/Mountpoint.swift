import CFUSE
import Glibc
import Logging
import Posix
import Remote

/// The directory to mount on: looked at before anything is mounted, so that mistakes are explained.
enum Mountpoint {
    /// Checks that the options' mountpoint can be mounted on, and returns its path without symbolic links.
    static func resolve(_ options: MountOptions, logger: Logger) throws(MountError) -> String {
        let path = try realPath(of: options.mountpoint)
        try checkKind(path, isRoot: geteuid() == 0)
        try checkMounts(path, subtype: options.subtype)
        try checkPrivileges(options)
        if !options.allowsNonEmpty, hasEntries(path) {
            logger.notice("\(path) is not empty; what is in it is hidden as long as the mount lasts")
        }
        return path
    }

    private static func realPath(of path: String) throws(MountError) -> String {
        guard let resolved = unsafe realpath(path, nil) else {
            let error = Errno.current
            switch error.rawValue {
            case ENOENT: throw .missing(path)
            case ENOTDIR: throw .notDirectory(path)
            case ENOTCONN: throw .stale(path)
            default: throw .inaccessible(path, error)
            }
        }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    private static func checkKind(_ path: String, isRoot: Bool) throws(MountError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            let error = Errno.current
            throw error.rawValue == ENOTCONN ? .stale(path) : .inaccessible(path, error)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .notDirectory(path) }
        guard unsafe isRoot || access(path, W_OK) == 0 else { throw .notWritable(path) }
    }

    /// Refuses a second mount of this kind over the first; anything else may be mounted over (autofs must be).
    private static func checkMounts(_ path: String, subtype: String) throws(MountError) {
        guard let table = try? MountTable.current(), let top = table.top(at: Array(path.utf8)) else { return }
        if top.type == "fuse.\(subtype)" { throw .alreadyMounted(path, source: top.source) }
    }

    private static func checkPrivileges(_ options: MountOptions) throws(MountError) {
        guard unsafe access("/dev/fuse", F_OK) == 0 else { throw .noDevice }
        guard unsafe access("/dev/fuse", R_OK | W_OK) == 0 else { throw .deviceForbidden }
        guard geteuid() != 0 else { return }
        guard Unmounting.program != nil else { throw .noHelper }
        guard options.allowOther || options.allowRoot else { return }
        let configuration = (try? contents(of: "/etc/fuse.conf")) ?? []
        guard letsUsersAllowOthers(configuration) else { throw .allowOtherForbidden }
    }

    /// Whether a fuse.conf has the line `user_allow_other` (mount.fuse3(8)).
    static func letsUsersAllowOthers(_ configuration: [UInt8]) -> Bool {
        configuration.split(separator: UInt8(ascii: "\n")).contains { line in
            let text = String(decoding: line.prefix { $0 != UInt8(ascii: "#") }, as: UTF8.self)
            return text.split(whereSeparator: \.isWhitespace).elementsEqual(["user_allow_other"])
        }
    }

    private static func hasEntries(_ path: String) -> Bool {
        guard let directory = unsafe opendir(path) else { return false }
        defer { unsafe closedir(directory) }
        while let entry = unsafe readdir(directory) {
            let first = unsafe entry.pointee.d_name.0
            let second = unsafe entry.pointee.d_name.1
            let third = unsafe entry.pointee.d_name.2
            let dot = CChar(bitPattern: UInt8(ascii: "."))
            let isDots = first == dot && (second == 0 || (second == dot && third == 0))
            if !isDots { return true }
        }
        return false
    }
}
