import Logging
import Posix
package import Remote

/// The content of one open file: what the server has, overlaid by what was written here.
///
/// One per node while it has handles or is dirty.
///
/// Every byte below `size` is one of three: in the spool file (`local`), on the server (below `baseSize`), or zero (a hole).
/// Writes, truncations, uploads and whole fetches take turns: an upload sends one consistent version, and those who write
/// meanwhile wait, interruptibly. Reads never wait for a turn.
///
/// All calls may come from any thread and block on the local disk; those with a request may block on the network too.
package final class FileContent: Sendable {
    // Guarded by `monitor`, which is never held over I/O. LOCK ORDER: Volume, FileContent, ReadAhead, ReadBudget.
    struct State {
        /// The size that programs see.
        var size: UInt64
        /// The version on the server, nil when nothing is there yet.
        var base: FileVersion?
        /// When the server was last seen to have that version.
        var baseSeenAt: ContinuousClock.Instant
        /// The size of that version.
        var storedSize: UInt64
        /// How much of that version still shows: truncation takes it away for good.
        var baseSize: UInt64
        /// The bytes in the spool file.
        var local = ByteRanges()
        /// The bytes written since the last upload.
        var dirty = ByteRanges()
        /// Whether anything but the bytes in `dirty` differs from the base: the size, or that there is none.
        var hasChanged: Bool
        /// The spool file, once there is one.
        var file: SpoolFile?
        /// The reader of the base, once there is one.
        var remote: ReadAhead?
        /// Whether a write, truncation, upload or whole fetch is going on.
        var isTurnTaken = false
        /// How many wait for a turn.
        var turnWaiters = 0
        /// Reads of the spool file going on, which must not see it punched.
        var spoolReaders = 0
        /// The name is gone: nothing is to be stored any more.
        var isDetached = false
        /// All bytes are here for good: the server is not asked any more.
        var isIndependent = false
        var isClosed = false
        /// Why the last upload failed, for the rescue note.
        var failure: String?
        /// It failed because the server has another version than the base.
        var isOvertaken = false
        /// An upload of which it is not known how far it got.
        var doubt: Doubt?
        /// A time of modification that the server may have given that version since.
        var doubtfulTime: (time: Timestamp, granularity: TimeGranularity)?
        /// A change of parts that has begun on the server and did not come to its end, so that its version is ours to change.
        var halfPatch: HalfPatch?
        var modifiedHere: Timestamp?
        var path: RemotePath?
        /// The upload that follows the writer.
        var follower: Follower?
        /// One that was given up, and may still have something on the server.
        var formerFollower: Follower?
        /// So much has to be there, from the beginning of the file on, before an upload follows the writer; nil when none is to.
        var followsFrom: UInt64?
        /// The mode and the time that the file is to have.
        var wanted = UploadTerms()
        /// The record beside the spool file says something else than this.
        var isRecordOld = false

        var isDirty: Bool { !isDetached && (hasChanged || !dirty.isEmpty) }
    }

    /// An upload that failed and may have had its effect on the server.
    struct Doubt {
        /// The bytes sent: from 0 on for a whole content, which is there whole or not at all; else an end, which may be there in part.
        var sent: Range<UInt64>
        /// The digest of these bytes, once the spool has them no more.
        var digest: UInt64?
    }

    let environment: ContentEnvironment
    let followsLink: Bool
    let monitor: Monitor<State>

    /// Makes the content of a file just looked up, or of one that is to be made (`base` nil).
    ///
    /// `size` is the base's size in bytes. `path` is where the file is, if known; it serves the records beside the spool
    /// file until another call brings a newer one. `followsLink` says that the name is a symbolic link the server follows. `age` is how
    /// long ago the server was seen to have the base.
    package init(
        environment: ContentEnvironment, base: FileVersion?, size: UInt64, path: RemotePath? = nil,
        followsLink: Bool = false, age: Duration = .zero
    ) {
        self.environment = environment
        self.followsLink = followsLink
        monitor = Monitor(
            State(
                size: size, base: base, baseSeenAt: ContinuousClock.now - age, storedSize: size,
                baseSize: base == nil ? 0 : size,
                hasChanged: base == nil, path: path, followsFrom: environment.settings.followLimit))
    }

    /// Takes up a content that a mount before this one could not bring to the server.
    init(environment: ContentEnvironment, resuming pending: PendingContent) {
        self.environment = environment
        followsLink = pending.record.followsLink
        pending.file.journal.takeOver()
        monitor = Monitor(State(pending))
    }

    /// The size in bytes, as written so far.
    ///
    /// Never blocks.
    package var size: UInt64 { monitor.withLock { $0.size } }

    /// Whether there is anything that the server does not have yet; true for a new file until its first upload.
    ///
    /// Never blocks.
    package var isDirty: Bool { monitor.withLock { $0.isDirty } }

    /// Whether bytes were written that the server does not have.
    ///
    /// Never blocks.
    var hasUnsavedBytes: Bool { monitor.withLock { !$0.isDetached && !$0.dirty.isEmpty } }

    /// Whether the last upload failed because the server has another version than `base`: the next one would too, as a rule.
    ///
    /// Never blocks.
    var isOvertaken: Bool { monitor.withLock { $0.isOvertaken } }

    /// The version on the server that this content builds on.
    ///
    /// Never blocks.
    package var base: FileVersion? { monitor.withLock { $0.base } }

    /// Whether the server may have something of an upload that failed.
    ///
    /// Never blocks.
    var isInDoubt: Bool { monitor.withLock { $0.doubt != nil } }

    /// Whether the server was seen to have another version than `base`: reads that need it throw `.stale`.
    ///
    /// Never blocks.
    package var isStale: Bool { monitor.withLock { $0.remote?.isStale ?? false } }

    /// The time of the last change made here, nil before the first; kept after the upload.
    ///
    /// Never blocks.
    package var modifiedHere: Timestamp? { monitor.withLock { $0.modifiedHere } }

    /// Says that the file has another path now, for reads and records to come.
    ///
    /// Blocks on the local disk at the most.
    package func moved(to path: RemotePath) {
        let (remote, isNew) = monitor.withLock { state in
            defer { state.path = path }
            return (state.remote, state.path != path)
        }
        endFollowing()
        remote?.moved(to: path)
        if isNew { try? note(.moved(path)) }
    }

    /// Says that the file is about to be renamed on the server; `moved(to:)` says how that ended.
    ///
    /// Does not block for long.
    func willMove() {
        endFollowing()
        monitor.withLock { $0.remote }?.willMove()
    }

    /// Says that the name is gone (unlinked, or replaced by another file): nothing is to be stored any more.
    ///
    /// `makeIndependent` should have been called before the name went; otherwise bytes not here are lost to readers (`.stale`).
    package func detach() {
        let file = monitor.withLock { state in
            state.isDetached = true
            state.path = nil
            return state.file
        }
        endFollowing()
        guard let file else { return }
        // Without its record the file is not rescued after a crash: its user has removed it.
        try? file.journal.remove()
    }

    // MARK: Turns

    /// Runs the body while no other write, truncation, upload or whole fetch runs.
    ///
    /// Throws `.interrupted` when the request is cancelled while waiting.
    func withTurn<Result>(
        for request: Request?, _ body: () throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        let isTaken = monitor.withLock { state in
            guard !state.isTurnTaken else { return false }
            state.isTurnTaken = true
            return true
        }
        if !isTaken { try waitForTurn(request) }
        defer {
            let isAwaited = monitor.withLock { state in
                state.isTurnTaken = false
                return state.turnWaiters > 0
            }
            if isAwaited { monitor.wakeAll() }
        }
        return try body()
    }

    private func waitForTurn(_ request: Request?) throws(VolumeError) {
        let token = request?.onCancel { [monitor] in monitor.wakeAll() }
        defer { if let token { request?.remove(token) } }
        monitor.withLock { $0.turnWaiters += 1 }
        // Without a deadline: whoever has the turn is bound by the deadlines of the store.
        let outcome: Bool? = monitor.wait { state in
            if request?.isCancelled == true {
                state.turnWaiters -= 1
                return false
            }
            guard !state.isTurnTaken else { return nil }
            state.turnWaiters -= 1
            state.isTurnTaken = true
            return true
        }
        guard outcome == true else { throw .interrupted }
    }
}
