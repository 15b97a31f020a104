import CFUSE
import Glibc
import Logging
import Posix
import Remote

/// Takes a mount out of the tree.
enum Unmounting {
    /// Where fusermount3 lies, nil when it is not installed; Debian's place first, then the user's search path.
    static let program: String? = {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
        let directories =
            ["/usr/bin", "/bin", "/usr/local/bin"] + path.split(separator: ":").map(String.init)
        return directories.map { "\($0)/fusermount3" }.first { unsafe access($0, X_OK) == 0 }
    }()

    /// Detaches a mount: its path shows what lies beneath at once, programs that have files open keep them.
    ///
    /// Does nothing when the mount is gone, or when another one lies over it now. To be called while the session is served
    /// or after its connection was closed: pages that mmap(2) left dirty are written out here.
    static func detach(_ mount: MountTable.Entry, logger: Logger) {
        guard let table = try? MountTable.current(), let present = table.find(mount) else { return }
        guard table.top(at: present.path) == present else {
            logger.warning(
                "\(printable(present.path)): another mount lies over this one, which stays until that is gone"
            )
            return
        }
        let path = present.path.map { CChar(bitPattern: $0) } + [0]
        if unsafe ftpsfs_detach(path) == 0 { return }
        runProgram(["-u", "-z", "-q", "--", String(decoding: present.path, as: UTF8.self)])
    }

    /// Runs fusermount3 and waits for it; its result shows in the mount table.
    private static func runProgram(_ words: [String]) {
        guard let program else { return }
        var attributes = posix_spawnattr_t()
        guard unsafe posix_spawnattr_init(&attributes) == 0 else { return }
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // The program must not inherit that our threads block all signals.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments = unsafe ([program] + words).map { unsafe strdup($0) }
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        unsafe arguments.append(nil)
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
        var process: pid_t = 0
        guard unsafe posix_spawn(&process, program, nil, &attributes, arguments, &environment) == 0 else {
            return
        }
        _ = try? retrying { waitpid(process, nil, 0) }
    }
}
