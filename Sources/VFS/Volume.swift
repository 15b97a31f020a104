import Logging
import Posix
import Remote

// LOCK ORDER: LookAhead -> tree -> PendingUploads, and tree -> FileContent and what lies below it (ReadAhead, ReadBudget, Spool). `loggedOnce` and a flight's own lock
// are taken with nothing held after them. The tree lock is never held over a call of the store, of a content that may wait,
// or of a closure that came from outside. Who hands a path to the store has a lease of its node (`Leases`); a lease is not a
// lock: the tree lock is free while leases are held and waited for. A content may wait for the store while a lease is held,
// never for a lease.

/// The mounted tree: names, attributes, directories and file contents over a remote store.
///
/// Every call may come from any thread, many at a time, and may block on the network unless it says otherwise.
package final class Volume: Sendable {
    /// What all file contents share.
    let environment: ContentEnvironment
    /// Where the files are.
    let store: any RemoteStore
    /// How the mount was configured.
    let configuration: VolumeConfiguration
    /// Where errors that no program sees are said.
    let logger: Logger
    /// Names, nodes, handles and the directory cache.
    let tree: Monitor<Tree>
    /// The uploads for which no program waits.
    let pending = PendingUploads()
    /// What is done ahead of programs; nil when nothing is.
    let lookAhead: LookAhead?
    /// What is shown where the server states no time.
    let mountTime: Timestamp
    private let loggedOnce = Monitor<Set<String>>([])

    /// Makes a volume; nothing is asked of the server yet.
    package init(environment: ContentEnvironment, configuration: VolumeConfiguration) {
        self.environment = environment
        self.configuration = configuration
        store = environment.store
        logger = environment.logger
        tree = Monitor(Tree(configuration: configuration))
        lookAhead =
            configuration.connectionsAhead < 2
            ? nil
            : LookAhead(
                connections: configuration.connectionsAhead, entries: configuration.directoryLimit / 4)
        mountTime = Timestamp(seconds: configuration.clock.wall().seconds)
    }

    /// The time since some fixed moment.
    var now: Duration { configuration.clock.elapsed() }

    /// The time of day.
    var wall: Timestamp { configuration.clock.wall() }

    /// Gives back references that lookups, creations and readdirplus rows counted.
    ///
    /// Never blocks.
    package func forget(_ node: NodeID, count: UInt64) {
        tree.withLock { $0.forget(node, count: count) }
    }

    /// Answers statfs(2) from memory; never blocks.
    package var statistics: VolumeStatistics {
        VolumeStatistics(
            totalBytes: configuration.diskSize, freeBytes: configuration.diskSize,
            longestName: Self.longestName)
    }

    /// Drops what is cached and clean (SIGHUP).
    ///
    /// Does not block.
    package func dropCaches() {
        lookAhead?.forget()
        tree.withLock { $0.dropAllCaches() }
    }

    // MARK: For the families beside this file

    /// The longest name in bytes (NAME_MAX).
    static let longestName = FileName.longest

    /// Logs a warning the first time that a key occurs, at debug level after it.
    func logOnce(_ key: String, _ message: @autoclosure () -> String) {
        let isFirst = loggedOnce.withLock { keys in
            // A bound, for keys may come from the server.
            keys.count < 1000 && keys.insert(key).inserted
        }
        logger.log(level: isFirst ? .warning : .debug, "\(message())")
    }

    /// Throws when the mount is read-only.
    func checkWritable() throws(VolumeError) {
        if configuration.isReadOnly { throw .readOnly }
    }

    /// Reads a name that is to be looked up; throws `.notFound` for one that no server can have.
    func existingName(_ bytes: [UInt8]) throws(VolumeError) -> FileName {
        guard bytes.count <= Self.longestName else { throw .nameTooLong }
        guard let name = FileName(bytes) else { throw .notFound }
        return name
    }

    /// Reads a name that is to be made; throws `.invalid` for one that FTP cannot carry.
    func newName(_ bytes: [UInt8]) throws(VolumeError) -> FileName {
        guard bytes.count <= Self.longestName else { throw .nameTooLong }
        guard let name = FileName(bytes) else { throw .invalid }
        return name
    }
}
