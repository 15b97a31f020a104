package import Logging
package import Posix
import Remote

/// Why the spool cannot be used, said for the person who mounts.
package struct SpoolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One line that names the directory.
    package let description: String
}

/// The directory on this machine where written bytes wait for their upload, with the rescue folder beside it.
///
/// Each mount has a directory of its own below the cache directory, named after its source, mode 0700 and locked
/// (fcntl(2)); a second mount of the same source takes another one. Files are mode 0600 and made with O_EXCL and O_NOFOLLOW.
/// What a mount that has ended left in directories of the same source is taken over at the next start: what can be uploaded still is
/// pending (`takePending`), the rest is moved to the rescue folder. Nothing is ever deleted that the server may not have.
package final class Spool: Sendable {
    private struct Clean {
        weak let content: FileContent?
        var bytes: UInt64
        var use: UInt64
    }

    private struct State {
        var clean: [ObjectIdentifier: Clean] = [:]
        var uses: UInt64 = 0
        var pending: [PendingContent] = []
    }

    let rescue: RescueFolder
    let logger: Logger
    private let home: SpoolDirectory
    /// The bound of all files in bytes; nil leaves the disk's own.
    let limit: UInt64?
    /// The most spool files that may be open at a time.
    private let fileLimit: Int
    /// What counts towards the bound.
    let usage = Monitor(Usage())
    private let cacheSize: UInt64
    private let state = Monitor(State())

    /// The most contents that are taken over at a time; each has two open files.
    private static var pendingLimit: Int { min(200, CurrentProcess.fileLimit / 8) }
    /// The most mounts of one source at a time.
    private static let mountLimit = 256

    /// Opens the spool of a mount below a cache directory, which is made if it is missing.
    ///
    /// `source` tells mounts apart (user, host and path); `cacheSize` bounds in bytes what is kept of data that the server
    /// has too, `limit` all that is kept, `fileLimit` how many files are open, with two descriptors each. Blocks on the local disk. Throws when the directory cannot be made or used safely.
    package init(
        cacheDirectory path: String, source: String, cacheSize: UInt64, limit: UInt64? = nil,
        fileLimit: Int = .max,
        logger: Logger
    ) throws(SpoolError) {
        self.cacheSize = cacheSize
        self.limit = limit
        self.fileLimit = fileLimit
        self.logger = logger
        do throws(Errno) {
            try Directory.makeAll(path)
            let cache = try Directory.open(path)
            let status = try cache.status()
            guard status.owner == effectiveUser, status.mode & 0o002 == 0 || status.mode & 0o1000 != 0 else {
                throw .notPermitted
            }
            rescue = RescueFolder(try SpoolDirectory.enter("rescue", in: cache), path: "\(path)/rescue")
            let stem = Self.stem(source)
            var home: SpoolDirectory?
            for number in 0..<Self.mountLimit where home == nil {
                home = try SpoolDirectory.lock("\(stem).\(number)", in: cache)
            }
            guard let home else { throw .busy }
            self.home = home
            try takeOver(home)
            for name in try cache.names() where name.hasPrefix("\(stem).") && name != home.name {
                guard let other = try SpoolDirectory.lock(name, in: cache) else { continue }
                try takeOver(other)
            }
        } catch {
            throw SpoolError(description: "cannot use the cache directory \(path): \(error)")
        }
    }

    /// The path of the rescue folder, for messages.
    package var rescuePath: String { rescue.path }

    /// The name of this mount's directory below the cache directory.
    package var directoryName: String { home.name }

    /// The room of the spool's filesystem; asks the local kernel only.
    package func space() throws(Errno) -> LocalSpace {
        try home.directory.space()
    }

    /// Hands out what mounts before this one have left to be uploaded, the oldest first; once.
    ///
    /// Where nobody takes it, it stays on the disk for the next mount.
    package func takePending() -> [PendingContent] {
        state.withLock { state in
            defer { state.pending = [] }
            return state.pending.sorted { $0.record.time < $1.record.time }
        }
    }

    // Looks through a directory that is this process's now.
    private func takeOver(_ directory: SpoolDirectory) throws(Errno) {
        var pending: [PendingContent] = []
        let taken = state.withLock { $0.pending.count }
        let (leftovers, beyond) = try directory.leftovers(limit: max(0, Self.pendingLimit - taken))
        for leftover in leftovers {
            switch leftover.fate() {
            case .drop: break
            case .resume(let record):
                // What was written and not told of yet is no part of it: the rest is zeros, or the base's.
                try leftover.file.truncate(to: record.claimedLength)
                pending.append(PendingContent(record: record, file: leftover.file))
            case .rescue(let reason): try rescue(leftover, because: reason)
            }
        }
        try directory.tidy(keeping: pending.map(\.file.name) + beyond)
        if !beyond.isEmpty {
            logger.warning(
                "\(beyond.count) more files that were not stored wait for a later mount: see ftpsfs recover list"
            )
        }
        for content in pending { charge(content.record.local.byteCount, to: content.file) }
        state.withLock { $0.pending += pending }
    }

    private func rescue(_ leftover: Leftover, because reason: String) throws(Errno) {
        let text = String(decoding: leftover.bytes, as: UTF8.self)
        let path = SpoolRecord.path(in: text)
        let place = try rescue.take(
            leftover.file.name, from: leftover.file.directory.directory, named: path?.name?.bytes,
            note: "reason=\(reason)\n" + text)
        try leftover.file.journal.remove()
        logger.error(
            """
            \(path?.description ?? "a file") was not stored on the server before the program ended \
            (\(reason)); the bytes written are in \(place)
            """)
    }

    /// Whether one more file may be open.
    var mayMakeFile: Bool { SpoolFile.openCount < fileLimit }

    /// Makes an empty file for the bytes of one content; `.tooManyFiles` where no more may be open.
    ///
    /// Descriptors that connections and records need are never used up by files.
    func makeFile() throws(Errno) -> SpoolFile {
        guard mayMakeFile else {
            logger.error("\(fileLimit) files are open in the cache directory, and ulimit -n allows no more")
            throw .tooManyFiles
        }
        return try home.makeFile()
    }

    /// Removes a file whose bytes are not needed any more, and its record.
    func discard(_ file: SpoolFile) {
        do throws(Errno) {
            try file.journal.remove()
            try file.directory.directory.removeFile(file.name)
            recharge(file, atMost: 0)
        } catch {
            logger.warning("cannot remove \(file.name) from the spool: \(error)")
        }
    }

    /// Moves a file that could not be stored to the rescue folder; returns its path there.
    ///
    /// When that fails the file stays where it is, with its record, and the next mount tries again.
    func rescue(_ file: SpoolFile, record: SpoolRecord) throws(Errno) -> String {
        try? file.journal.replace(record)
        let path = try rescue.take(
            file.name, from: file.directory.directory, named: record.path?.name?.bytes, note: record.text)
        try? file.journal.remove()
        recharge(file, atMost: 0)
        return path
    }

    // MARK: The bound for clean data

    /// The bytes kept here that the server has too.
    var cleanBytes: UInt64 { state.withLock { $0.clean.values.reduce(0) { $0 + $1.bytes } } }

    /// Notes how many bytes a content keeps that the server has too; drops those left alone for longest beyond the bound.
    ///
    /// Locks contents: to be called with no lock held.
    func noteClean(_ content: FileContent, bytes: UInt64) {
        let key = ObjectIdentifier(content)
        let overdue = state.withLock { state -> [FileContent] in
            state.uses += 1
            state.clean[key] = bytes == 0 ? nil : Clean(content: content, bytes: bytes, use: state.uses)
            state.clean = state.clean.filter { $0.value.content != nil }
            var total = state.clean.values.reduce(0) { $0 + $1.bytes }
            var overdue: [FileContent] = []
            for clean in state.clean.values.sorted(by: { $0.use < $1.use }) where total > cacheSize {
                total -= clean.bytes
                if let content = clean.content { overdue.append(content) }
            }
            return overdue
        }
        _ = drop(overdue)
    }

    /// Drops all clean data, since the disk is full; returns whether there was any.
    ///
    /// To be called with no lock held.
    func dropAllClean(except own: FileContent) -> Bool {
        drop(state.withLock { $0.clean.values.compactMap(\.content) }.filter { $0 !== own })
    }

    // Those in use at the moment go on to count. Returns whether any was dropped.
    private func drop(_ contents: [FileContent]) -> Bool {
        let dropped = contents.filter { $0.dropClean() }
        state.withLock { state in
            for content in dropped { state.clean[ObjectIdentifier(content)] = nil }
        }
        return !dropped.isEmpty
    }

    // A readable beginning, and a hash that tells sources apart which read the same.
    private static func stem(_ source: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in source.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "\(RescueFolder.plainName(Array(source.utf8), limit: 80))-\(String(hash, radix: 16))"
    }
}

/// A content that a mount before this one could not bring to the server.
package struct PendingContent: Sendable {
    /// What is known of it.
    let record: SpoolRecord
    /// Its bytes.
    let file: SpoolFile

    /// Where it is to be stored.
    var path: RemotePath? { record.path }
    /// Its size in bytes.
    var size: UInt64 { record.size }
}
