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
/// Each mount has a directory of its own below the cache directory, named after its source, mode 0700 and locked with
/// flock(2); a second mount of the same source takes another one. Files are mode 0600 and made with O_EXCL and O_NOFOLLOW.
/// What a killed mount has left in a directory of the same source is moved to the rescue folder at the next start. Nothing
/// is ever deleted that the server may not have.
package final class Spool: Sendable {
    private struct Clean {
        weak let content: FileContent?
        var bytes: UInt64
        var use: UInt64
    }

    private struct State {
        var clean: [ObjectIdentifier: Clean] = [:]
        var uses: UInt64 = 0
    }

    let rescue: RescueFolder
    let logger: Logger
    private let home: SpoolDirectory
    private let cacheSize: UInt64
    private let state = Monitor(State())

    /// The most mounts of one source at a time.
    private static let mountLimit = 256

    /// Opens the spool of a mount below a cache directory, which is made if it is missing.
    ///
    /// `source` tells mounts apart (user, host and path); `cacheSize` bounds in bytes what is kept of data that the server
    /// has too. Blocks on the local disk. Throws when the directory cannot be made or used safely.
    package init(cacheDirectory path: String, source: String, cacheSize: UInt64, logger: Logger)
        throws(SpoolError)
    {
        self.cacheSize = cacheSize
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
            try home.rescueOrphans(to: rescue, logger: logger)
            for name in try cache.names() where name.hasPrefix("\(stem).") && name != home.name {
                guard let other = try SpoolDirectory.lock(name, in: cache) else { continue }
                try other.rescueOrphans(to: rescue, logger: logger)
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

    /// Makes an empty file for the bytes of one content.
    func makeFile() throws(Errno) -> SpoolFile {
        let name = String(UInt64.random(in: .min ... .max), radix: 36)
        return SpoolFile(
            name: name, descriptor: try home.directory.openFile(name, .createExclusively, mode: 0o600))
    }

    /// Removes a file whose bytes are not needed any more, and its record.
    func discard(_ file: SpoolFile) {
        do throws(Errno) {
            try removeRecord(of: file)
            try home.directory.removeFile(file.name)
        } catch {
            logger.warning("cannot remove \(file.name) from the spool: \(error)")
        }
    }

    /// Says beside a file what its bytes are, so that they mean something after this process was killed.
    func write(_ record: SpoolRecord, for file: SpoolFile) throws(Errno) {
        let name = file.name + SpoolRecord.suffix
        let temporary = name + ".new"
        let descriptor = try home.directory.openFile(temporary, .createOrEmpty, mode: 0o600)
        try descriptor.write(record.text)
        try home.directory.rename(temporary, into: home.directory, as: name, replacing: true)
    }

    /// Removes the record of a file: the server has its bytes, or nobody wants them.
    func removeRecord(of file: SpoolFile) throws(Errno) {
        do throws(Errno) {
            try home.directory.removeFile(file.name + SpoolRecord.suffix)
        } catch {
            guard error != .noEntry else { return }
            throw error
        }
    }

    /// Moves a file that could not be stored to the rescue folder; returns its path there.
    ///
    /// When that fails the file stays where it is, with its record, and the next mount tries again.
    func rescue(_ file: SpoolFile, record: SpoolRecord) throws(Errno) -> String {
        try? write(record, for: file)
        let path = try rescue.take(
            file.name, from: home.directory, named: record.path?.name?.bytes, note: record.text)
        try? removeRecord(of: file)
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
