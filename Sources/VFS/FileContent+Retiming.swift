import Posix
import Remote

extension FileContent {
    /// Runs a change of the file's time of modification on the server, and goes on to build on the version it makes.
    ///
    /// `body` returns whether the server has the time now. Writes and uploads wait meanwhile. Does nothing and returns false when there are
    /// changes to store: the time has to come with them. When `body` throws so that the server may have the time, the next upload finds out.
    func retime(
        to time: Timestamp, _ granularity: TimeGranularity, for request: Request,
        _ body: () throws(VolumeError) -> Bool
    ) throws(VolumeError) -> Bool {
        try withTurn(for: request) { () throws(VolumeError) in
            guard !isDirty else { return false }
            do throws(VolumeError) {
                guard try body() else { return true }
            } catch {
                if error.leavesDoubt { doubtTime(time, granularity) }
                throw error
            }
            let old = monitor.withLock { state -> ReadAhead? in
                guard state.base != nil else { return nil }
                state.base?.modified = time
                state.base?.granularity = granularity
                state.doubtfulTime = nil
                state.baseSeenAt = ContinuousClock.now
                defer { state.remote = nil }
                return state.remote
            }
            // Readers take a new one, which checks for the new version.
            old?.close()
            return true
        }
    }

    /// Notes that the server may have given the file a time, though it has not said so.
    func doubtTime(_ time: Timestamp, _ granularity: TimeGranularity) {
        monitor.withLock { $0.doubtfulTime = (time, granularity) }
    }

    /// Whether a version found on the server is the base, or differs from it by a time in doubt alone.
    ///
    /// Never blocks.
    func recognizes(_ version: FileVersion) -> Bool {
        monitor.withLock { state in
            guard let base = state.base else { return false }
            guard let doubtful = state.doubtfulTime else { return base.matches(version) }
            var retimed = base
            (retimed.modified, retimed.granularity) = doubtful
            return base.matches(version) || retimed.matches(version)
        }
    }

    /// Builds on the version that the server has when a time is in doubt, where it is recognised; the caller has the turn.
    ///
    /// Otherwise that would be taken for another client's.
    func settleTime(at path: RemotePath, for request: Request) throws(VolumeError) {
        let (isInDoubt, storedSize) = monitor.withLock { ($0.doubtfulTime != nil, $0.storedSize) }
        guard isInDoubt else { return }
        var found: Attributes?
        do throws(RemoteError) {
            found = try environment.attributes(of: path, followsLink: followsLink, for: request)
        } catch {
            guard error.kind == .notFound else { throw VolumeError(error) }
        }
        var version: FileVersion?
        if let found, found.kind == .file, found.size == storedSize, recognizes(found.version) {
            version = found.version
        }
        let remote = monitor.withLock { [version] state -> ReadAhead? in
            state.doubtfulTime = nil
            guard let version else { return nil }
            state.base = version
            state.baseSeenAt = ContinuousClock.now
            state.isRecordOld = true
            return state.remote.take()
        }
        remote?.close()
    }

    /// Where the file was when it was last heard of.
    var lastPath: RemotePath? { monitor.withLock { $0.path } }
}
