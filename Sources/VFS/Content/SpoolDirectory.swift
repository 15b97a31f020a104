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

    /// Whether a process has a directory locked; takes no lock itself, for which a mount that starts now would go elsewhere.
    static func isLocked(_ directory: borrowing Directory) throws(Errno) -> Bool {
        do throws(Errno) {
            return try directory.openFile(lockName, .readOnly).isLocked()
        } catch {
            guard error == .noEntry else { throw error }
            return false
        }
    }

    /// Makes an empty file in it.
    func makeFile() throws(Errno) -> SpoolFile {
        let name = String(UInt64.random(in: .min ... .max), radix: 36)
        return SpoolFile(
            name: name, in: self, descriptor: try directory.openFile(name, .createExclusively, mode: 0o600))
    }

    /// Removes all but the lock and what uploads are pending for: a file without a record holds nothing that the server lacks, since
    /// the record goes when the server has the bytes.
    func tidy(keeping pending: [String]) throws(Errno) {
        let kept = Set(pending.flatMap { [$0, $0 + SpoolRecord.suffix] } + [Self.lockName])
        for name in try directory.names() where !kept.contains(name) { try directory.removeFile(name) }
    }

    /// What a process that has ended left here: each record with what stands in it, and the file beside it; not more than `limit`, since
    /// each keeps a file open, and the names of those beyond.
    ///
    /// Removes nothing.
    func leftovers(limit: Int) throws(Errno) -> (leftovers: [Leftover], beyond: [String]) {
        let names = Set(try directory.names())
        var leftovers: [Leftover] = []
        var beyond: [String] = []
        for name in names where name.hasSuffix(SpoolRecord.suffix) {
            let data = String(name.dropLast(SpoolRecord.suffix.count))
            guard names.contains(data) else { continue }
            guard leftovers.count < limit else {
                beyond.append(data)
                continue
            }
            let descriptor = try directory.openFile(name, .readOnly)
            let length = min(try descriptor.status().size, SpoolRecord.sizeLimit)
            let bytes = try descriptor.contents(limit: Int(length))
            let file = SpoolFile(
                name: data, in: self, descriptor: try directory.openFile(data, .readWrite))
            leftovers.append(Leftover(file: file, bytes: bytes, length: try file.size()))
        }
        return (leftovers, beyond)
    }
}

/// A spool file whose process has ended.
struct Leftover {
    /// What is to be done with it.
    enum Fate {
        /// Nothing: the server has all of it.
        case drop
        /// Its upload can go on.
        case resume(SpoolRecord)
        /// It is for its user to look at, for this reason.
        case rescue(String)
    }

    /// The file.
    let file: SpoolFile
    /// The record's bytes.
    let bytes: [UInt8]
    /// The file's length in bytes.
    let length: UInt64

    /// Decides by the record; bytes go on to the server only if they are surely those that were written.
    ///
    /// `boot` is this run of the machine: the disk may lack what was not waited for when the machine itself stopped.
    func fate(boot: String = CurrentProcess.bootIdentifier) -> Fate {
        Self.fate(of: bytes, length: length, boot: boot)
    }

    /// The same for a record's bytes and the length of the file beside it.
    static func fate(
        of bytes: [UInt8], length: UInt64, boot: String = CurrentProcess.bootIdentifier
    ) -> Fate {
        guard var record = SpoolRecord(bytes) else {
            return length == 0 ? .drop : .rescue("the record beside these bytes cannot be read")
        }
        guard record.isDirty else { return .drop }
        guard record.path != nil else { return .rescue("the file has lost its name") }
        if !record.isDurable, record.boot != boot {
            // What was written after the last close and not closed itself takes nothing from what was.
            guard let kept = SpoolRecord(bytes, onlyKept: true) else {
                return .rescue("the machine stopped before these bytes were surely on the local disk")
            }
            record = kept
        }
        if record.claimedLength > length {
            return .rescue("some of these bytes were not on the local disk when the machine stopped")
        }
        return .resume(record)
    }
}
