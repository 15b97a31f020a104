import Logging
import Posix
package import Remote

extension FileContent {
    /// Ends the content: the last handle is gone, and no upload will be tried any more.
    ///
    /// Streams are cancelled, the spool file is removed. Bytes that the server does not have go to the rescue folder instead,
    /// and the log says where. `path` is nil when the name is gone. Waits for an upload that is running; blocks on the
    /// local disk otherwise. A second call does nothing.
    package func close(path: RemotePath?) {
        let ending = try? withTurn(for: nil) { () throws(VolumeError) -> State? in
            monitor.withLock { state in
                guard !state.isClosed else { return nil }
                state.isClosed = true
                if let path { state.path = path }
                let ending = state
                state.file = nil
                state.remote = nil
                return ending
            }
        }
        guard let ending = ending ?? nil else { return }
        endFollowing()
        ending.remote?.close()
        environment.spool.noteClean(self, bytes: 0)
        if ending.isDirty, path != nil {
            keepForRescue(ending)
        } else if let file = ending.file {
            environment.spool.discard(file)
        }
    }

    private func keepForRescue(_ ending: State) {
        let logger = environment.logger
        let place = ending.path.map(String.init(describing:)) ?? "a file"
        let reason = ending.failure ?? "it was never sent"
        guard let file = ending.file, !ending.dirty.isEmpty else {
            logger.error("\(place): its new size of \(ending.size) bytes is not on the server: \(reason)")
            if let file = ending.file { environment.spool.discard(file) }
            return
        }
        do throws(Errno) {
            if try file.size() < ending.size { try file.truncate(to: ending.size) }
            let kept = try environment.spool.rescue(file, record: ending.record)
            let missing = ending.local.gaps(in: 0..<ending.baseSize)
            let remark = missing.isEmpty ? "" : ", without the unchanged bytes, which are listed beside it"
            logger.error(
                "\(place) is not on the server (\(reason)); the bytes written are in \(kept)\(remark)")
        } catch {
            logger.critical(
                """
                \(place) is not on the server (\(reason)), and could not be moved to \
                \(environment.spool.rescuePath) (\(error)); the bytes written are \
                \(environment.spool.directoryName)/\(file.name) in the cache directory
                """)
        }
    }
}
