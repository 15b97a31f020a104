import Posix
import Remote

extension FileContent {
    /// Runs a change of the file's time of modification on the server, and goes on to build on the version it makes.
    ///
    /// `body` returns whether the server has the time now. Writes and uploads wait meanwhile. Does nothing and returns false when there are
    /// changes to store: the time has to come with them.
    func retime(
        to time: Timestamp, _ granularity: TimeGranularity, for request: Request,
        _ body: () throws(VolumeError) -> Bool
    ) throws(VolumeError) -> Bool {
        try withTurn(for: request) { () throws(VolumeError) in
            guard !isDirty else { return false }
            guard try body() else { return true }
            let old = monitor.withLock { state -> ReadAhead? in
                guard state.base != nil else { return nil }
                state.base?.modified = time
                state.base?.granularity = granularity
                state.baseSeenAt = ContinuousClock.now
                defer { state.remote = nil }
                return state.remote
            }
            // Readers take a new one, which checks for the new version.
            old?.close()
            return true
        }
    }

    /// Where the file was when it was last heard of.
    var lastPath: RemotePath? { monitor.withLock { $0.path } }
}
