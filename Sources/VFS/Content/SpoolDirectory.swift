import Logging
import Posix
import Remote

/// One mount's directory in the cache directory, locked for this process.
final class SpoolDirectory: Sendable {
    /// Its name in the cache directory.
    let name: String
    /// The directory.
    let directory: Directory
    // Held for its lock, as long as this object lives.
    private let lock: FileDescriptor

    private static let lockName = "lock"

    private init(name: String, directory: consuming Directory, lock: consuming FileDescriptor) {
        self.name = name
        self.directory = directory
        self.lock = lock
    }

    /// Makes a directory of mode 0700, or enters the one that is there if it is this user's alone.
    static func enter(_ name: String, in cache: borrowing Directory) throws(Errno) -> Directory {
        _ = try cache.makeDirectory(name)
        let directory = try cache.openDirectory(name)
        let status = try directory.status()
        guard status.owner == effectiveUser, status.mode & 0o077 == 0 else { throw .notPermitted }
        return directory
    }

    /// Enters and locks a directory; nil when another process has it.
    static func lock(_ name: String, in cache: borrowing Directory) throws(Errno) -> SpoolDirectory? {
        let directory = try enter(name, in: cache)
        // A file carries the lock, for directories cannot be locked on all filesystems (NFS).
        let lock = try directory.openFile(lockName, .createOrOpen, mode: 0o600)
        guard try lock.tryLock() else { return nil }
        return SpoolDirectory(name: name, directory: directory, lock: lock)
    }

    /// Moves what a process that was killed has left to the rescue folder, and says so.
    ///
    /// A file without a record holds nothing that the server lacks (the record goes when the server has the bytes), and is removed.
    func rescueOrphans(to rescue: RescueFolder, logger: Logger) throws(Errno) {
        let names = try directory.names()
        for name in names where name.hasSuffix(SpoolRecord.suffix) {
            let data = String(name.dropLast(SpoolRecord.suffix.count))
            guard names.contains(data) else {
                try directory.removeFile(name)
                continue
            }
            let text = try readText(name)
            let path = SpoolRecord.path(in: text)
            let place = try rescue.take(
                data, from: directory, named: path?.name?.bytes,
                note: "reason=the program ended before these bytes were on the server\n" + text)
            try directory.removeFile(name)
            logger.error(
                """
                \(path?.description ?? "a file") was not stored on the server before the program ended; \
                the bytes written are in \(place)
                """)
        }
        for name in try directory.names() where name != Self.lockName {
            try directory.removeFile(name)
        }
    }

    private func readText(_ name: String) throws(Errno) -> String {
        let descriptor = try directory.openFile(name, .readOnly)
        return String(decoding: try descriptor.contents(limit: SpoolRecord.sizeLimit), as: UTF8.self)
    }
}
