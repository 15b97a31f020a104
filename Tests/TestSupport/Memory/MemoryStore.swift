package import Remote
import Posix

/// A server in memory: correct, quick, with counted calls, a clock of its own, and doors for "another client".
///
/// What the server shows and can do is set through `configure`; time stands still unless it is moved.
package final class MemoryStore: RemoteStore {
    /// What the server shows and can do.
    package struct Configuration: Sendable {
        /// What the store says of itself.
        package var traits = StoreTraits(
            statsOneName: true, setsFileTimes: true, setsDirectoryTimes: true, setsModes: true)
        /// What the store lets users see of itself.
        package var report: [String: String] = [:]
        /// Permission bits are shown.
        package var showsModes = true
        /// The rights shown with each file; nil shows none.
        package var fileRights: Rights? = [.append, .delete, .rename, .read, .write]
        /// The rights shown with each directory; nil shows none.
        package var directoryRights: Rights? = [
            .create, .delete, .enter, .rename, .list, .makeDirectory, .purge,
        ]
        /// Listings stop after so many entries and say that they are incomplete.
        package var listingLimit: Int?
        /// Listings leave names that begin with a dot out.
        package var hidesDotNames = false
        /// The bytes all files may have together; nil for no limit.
        package var capacity: Int?
        /// The most bytes one read of a reader hands out.
        package var chunk = 64 * 1024
        /// The mode new files get.
        package var fileMode: UInt16 = 0o644
        /// There are connections to spare for contents that are sent before they are complete.
        package var writes = true
        /// Files may be appended to.
        package var appends = true
        /// Whether parts of files can be changed.
        package var patches = false
        /// Symbolic links can be made.
        package var makesSymlinks = true
    }

    private struct State {
        var configuration = Configuration()
        var tree: MemoryTree
        var now: Timestamp
        var calls: [StoreCall] = []
        var sent: Int = 0
        var received: Int = 0
        var reclaims: [@Sendable () -> Void] = []
    }

    private let state: Monitor<State>

    /// Makes an empty server whose clock shows the time given.
    package init(now: Timestamp = Timestamp(seconds: 1_700_000_000)) {
        state = Monitor(State(tree: MemoryTree(modified: now), now: now))
    }

    /// Changes what the server shows and can do.
    package func configure(_ body: (inout Configuration) -> Void) {
        state.withLock { body(&$0.configuration) }
    }

    package var traits: StoreTraits { state.withLock { $0.configuration.traits } }

    package var report: [String: String] { state.withLock { $0.configuration.report } }

    // MARK: What tests look at

    /// The server's clock.
    package var now: Timestamp { state.withLock { $0.now } }

    /// Moves the server's clock on.
    package func advance(seconds: Int64) {
        state.withLock { $0.now.seconds += seconds }
    }

    /// All calls so far, in order (`read` calls of readers included).
    package var calls: [StoreCall] { state.withLock { $0.calls } }

    /// The number of calls so far, reads of readers apart; of one operation or of all.
    package func count(_ operation: StoreOperation? = nil, _ path: String? = nil) -> Int {
        let path = path.flatMap { RemotePath($0) }
        return calls.count {
            (operation == nil ? $0.operation != .read : $0.operation == operation)
                && (path == nil || $0.path == path)
        }
    }

    /// Forgets the calls so far.
    package func resetCalls() {
        state.withLock { $0.calls = [] }
    }

    /// The bytes that readers have handed out and uploads have brought so far.
    package var traffic: (received: Int, sent: Int) { state.withLock { ($0.received, $0.sent) } }

    /// The whole tree at this moment.
    package var tree: MemoryTree { state.withLock { $0.tree } }

    // MARK: Another client

    /// Changes the tree as another client would: not counted, at the clock's time.
    package func asOther<Result>(_ body: (inout MemoryTree, Timestamp) throws -> Result) rethrows -> Result {
        try state.withLock { state in try body(&state.tree, state.now) }
    }

    /// Writes a file as another client would.
    package func put(_ path: String, _ content: [UInt8], modified: Timestamp? = nil, mode: UInt16? = nil) {
        asOther { tree, now in
            let mode = mode ?? 0o644
            let record = MemoryTree.Record(
                kind: .file, content: content, modified: modified ?? now, mode: mode)
            try? tree.put(record, at: Self.path(path))
        }
    }

    /// Makes a directory, and those above it, as another client would.
    package func makeDirectories(_ path: String) {
        asOther { tree, now in
            var here = RemotePath.root
            for name in Self.path(path).names {
                here = here.appending(name)
                guard tree.record(here) == nil else { continue }
                try? tree.put(MemoryTree.Record(kind: .directory, modified: now, mode: 0o755), at: here)
            }
        }
    }

    /// Makes a symbolic link as another client would.
    package func link(_ path: String, to target: String) {
        asOther { tree, now in
            var record = MemoryTree.Record(kind: .symlink, modified: now, mode: 0o777)
            record.target = Array(target.utf8)
            try? tree.put(record, at: Self.path(path))
        }
    }

    /// Removes a name with all that is below it, as another client would.
    package func remove(_ path: String) {
        asOther { tree, _ in try? tree.remove(Self.path(path)) }
    }

    /// The content of a file; nil where there is none.
    package func content(_ path: String) -> [UInt8]? {
        tree.record(Self.path(path), followsLast: true).flatMap { $0.kind == .file ? $0.content : nil }
    }

    /// The names in a directory, sorted.
    package func names(in path: String) -> [String] {
        ((try? tree.entries(of: Self.path(path))) ?? []).map { $0.name.description }
    }

    private static func path(_ text: String) -> RemotePath { RemotePath(text) ?? .root }

    /// Takes back the connections of all writers, as if somebody else needed them.
    package func reclaimWriters() {
        for action in state.withLock({ $0.reclaims }) { action() }
    }

    // MARK: For the operations beside this file

    /// Notes what to do when a writer's connection is taken back.
    func add(reclaim action: @escaping @Sendable () -> Void) {
        state.withLock { $0.reclaims.append(action) }
    }

    /// Counts a call and runs its effect under the lock.
    func perform<Result>(
        _ operation: StoreOperation, _ path: RemotePath, _ request: Request,
        _ body: (inout MemoryTree, Configuration, Timestamp) throws(RemoteError) -> Result
    ) throws(RemoteError) -> Result {
        guard !request.isCancelled else {
            throw RemoteError(.interrupted, operation: operation.rawValue, path: path)
        }
        do {
            return try state.withLock { state throws(RemoteError) in
                state.calls.append(StoreCall(operation, path))
                return try body(&state.tree, state.configuration, state.now)
            }
        } catch {
            throw RemoteError(error.kind, operation: operation.rawValue, path: path, words: error.words)
        }
    }

    /// Counts a read of a reader; returns the most bytes it may hand out.
    func countRead(_ path: RemotePath) -> Int {
        state.withLock { state in
            state.calls.append(StoreCall(.read, path))
            return max(1, state.configuration.chunk)
        }
    }

    /// Counts bytes that went one way or the other.
    func countBytes(received: Int = 0, sent: Int = 0) {
        state.withLock { state in
            state.received += received
            state.sent += sent
        }
    }
}
