import Posix
import Remote

/// What the server made of a time of modification.
enum TimeChange {
    /// Nothing: it has no way to set it.
    case refused
    /// A file has it that had this version just before; nil where that is not known.
    case made(from: FileVersion?)
}

/// What came of a time of modification for a content.
enum Retiming {
    /// There are changes to store: the time has to come with them.
    case deferred
    /// The server was told.
    case done
    /// The server was told, and has given it to another version than the one that this content builds on.
    case foreign
}

extension FileContent {
    /// Runs a change of the file's time of modification on the server, and goes on to build on the version it makes.
    ///
    /// Writes and uploads wait meanwhile. `body` is not called when there are changes to store. When it throws so that the server may have
    /// the time, the next upload finds out. Where another client's version has got the time this content builds on its own one still, so that
    /// reads and uploads fail as they do after any change of another client.
    func retime(
        to time: Timestamp, _ granularity: TimeGranularity, for request: Request,
        _ body: () throws(VolumeError) -> TimeChange
    ) throws(VolumeError) -> Retiming {
        try withTurn(for: request) { () throws(VolumeError) in
            guard !isDirty else { return .deferred }
            let former: FileVersion?
            do throws(VolumeError) {
                guard case .made(let version) = try body() else { return .done }
                former = version
            } catch {
                if error.leavesDoubt { doubtTime(time, granularity) }
                throw error
            }
            let (isOurs, old) = monitor.withLock { state in
                defer { if state.base != nil { state.doubtfulTime = nil } }
                return state.retime(to: time, granularity, from: former)
            }
            guard isOurs else {
                old?.markStale("another version was there when its time was set")
                return .foreign
            }
            // Readers take a new one, which checks for the new version.
            old?.close()
            return .done
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
        monitor.withLock { $0.recognizes(version) }
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

extension FileContent.State {
    /// Whether a version is the base, or differs from it by a time in doubt alone.
    fileprivate func recognizes(_ version: FileVersion) -> Bool {
        guard let base else { return false }
        guard let doubtfulTime else { return base.matches(version) }
        return base.matches(version)
            || base.with(doubtfulTime.time, doubtfulTime.granularity).matches(version)
    }

    /// Takes over a time that the server has given to the version `former`; false where that is not the base.
    ///
    /// Returns the readers of the base too, which are not to be used any more.
    fileprivate mutating func retime(
        to time: Timestamp, _ granularity: TimeGranularity, from former: FileVersion?
    ) -> (isOurs: Bool, remote: ReadAhead?) {
        guard let base else { return (true, nil) }
        if let former, !recognizes(former) {
            // Should the other version have come to look like the base by this, the base is what it was before: nothing on the server is.
            if base.matches(former.with(time, granularity)) { self.base = former }
            isRecordOld = true
            return (false, remote)
        }
        self.base = base.with(time, granularity)
        baseSeenAt = ContinuousClock.now
        return (true, remote.take())
    }
}

extension FileVersion {
    fileprivate func with(_ time: Timestamp, _ granularity: TimeGranularity) -> FileVersion {
        FileVersion(size: size, modified: time, granularity: granularity)
    }
}
