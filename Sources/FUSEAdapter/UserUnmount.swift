import CFUSE
import Glibc
import Posix

/// Why a mount was not taken away.
package enum UnmountError: Error, Hashable, Sendable {
    /// Nothing is mounted there.
    case notMounted(String)
    /// Something else is mounted there.
    case foreign(String, type: String)
    /// Programs use the mount.
    case busy(String)
    /// This user may not do it.
    case notPermitted(String)
    /// fusermount3 is needed and not there.
    case noHelper
    /// Another reason, in the words of the system.
    case failed(String, words: String)
}

extension UnmountError: CustomStringConvertible {
    /// A sentence for the person at the terminal.
    package var description: String {
        switch self {
        case .notMounted(let path): "\(path): nothing is mounted here"
        case .foreign(let path, let type): "\(path): this is a mount of type \(type), not ours"
        case .busy(let path):
            "\(path): programs still use the mount; see which with: fuser -vm \(path) (or detach it with: ftpsfs umount -l \(path))"
        case .notPermitted(let path): "\(path): only the user who mounted it, or root, can unmount it"
        case .noHelper:
            "fusermount3 was not found, and only root can unmount without it; install the package fuse3"
        case .failed(let path, let words): "\(path): cannot be unmounted: \(words)"
        }
    }
}

/// Unmounting at the user's request, from a process that does not serve the mount.
package enum UserUnmount {
    /// Takes the ftpsfs mount at a path out of the tree; lazily even while programs use it.
    ///
    /// The path is looked up without asking the mounted volume, which may not answer. Blocks while the kernel writes out what is left.
    package static func unmount(_ path: String, lazily: Bool) throws(UnmountError) {
        let table: MountTable
        do {
            table = try MountTable.current()
        } catch {
            throw .failed(path, words: error.description)
        }
        guard let entry = table.mount(of: path) else { throw .notMounted(path) }
        guard entry.type == "fuse.ftpsfs" else { throw .foreign(path, type: entry.type) }
        if geteuid() == 0 {
            try unmountAsRoot(entry.path, path, lazily)
        } else {
            try unmountAsUser(entry, path, lazily)
        }
    }

    private static func unmountAsRoot(
        _ place: [UInt8], _ path: String, _ lazily: Bool
    ) throws(UnmountError) {
        let text = place.map { CChar(bitPattern: $0) } + [0]
        guard unsafe (lazily ? ftpsfs_detach(text) : ftpsfs_unmount(text)) != 0 else { return }
        let error = Errno.current
        switch error.rawValue {
        case EBUSY: throw .busy(path)
        case EPERM: throw .notPermitted(path)
        default: throw .failed(path, words: error.description)
        }
    }

    private static func unmountAsUser(
        _ entry: MountTable.Entry, _ path: String, _ lazily: Bool
    ) throws(UnmountError) {
        guard let program = Unmounting.program else { throw .noHelper }
        let words = ["-u"] + (lazily ? ["-z"] : []) + ["--", String(decoding: entry.path, as: UTF8.self)]
        let said: String
        do {
            said = try Unmounting.run(program, words)
        } catch {
            throw .failed(path, words: error.description)
        }
        guard let table = try? MountTable.current(), table.find(entry) != nil else { return }
        if said.contains("busy") { throw .busy(path) }
        if said.contains("not permitted") || said.contains("not found") { throw .notPermitted(path) }
        throw .failed(path, words: said.isEmpty ? "fusermount3 gave no reason" : said)
    }
}

extension Unmounting {
    /// Runs a program in the C locale and returns what it says on standard error; blocks until it ends.
    fileprivate static func run(_ program: String, _ words: [String]) throws(Errno) -> String {
        let pipe = try FileDescriptor.pipe()
        let reading = pipe.reading.raw
        let writing = pipe.writing.raw
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, writing, STDERR_FILENO)
        var arguments = unsafe ([program] + words).map { unsafe strdup($0) }
        defer {
            for index in unsafe arguments.indices { unsafe free(arguments[index]) }
        }
        unsafe arguments.append(nil)
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
        var process: pid_t = 0
        let failure = unsafe posix_spawn(&process, program, &actions, nil, arguments, &environment)
        guard failure == 0 else { throw Errno(failure) }
        _ = try? retrying { waitpid(process, nil, 0) }
        // What it says fits into the pipe, and the program has ended: nothing blocks here.
        var said = [UInt8](repeating: 0, count: 2048)
        _ = fcntl(reading, F_SETFL, O_NONBLOCK)
        let count = unsafe read(reading, &said, said.count)
        return String(decoding: said.prefix(max(0, count)), as: UTF8.self)
            .split(separator: "\n").joined(separator: "; ")
    }
}
