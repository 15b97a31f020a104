import Logging
import Posix
import Remote

extension Volume {
    /// Uploads what is pending, stops the volume's threads; called once after the kernel has let go of the mount.
    ///
    /// Bounded in time.
    ///
    /// What cannot be brought to the server in time stays in the spool, where the next mount of the source goes on with it, and the log
    /// says what that is. What the server refuses, or has in another version by now, goes to the rescue folder.
    package func shutDown() {
        let deadline = Deadline.after(configuration.shutDownTimeout)
        if let lookAhead, !lookAhead.end(until: .after(.seconds(5))) {
            logger.warning("what was done ahead did not end in time")
        }
        let request = Request()
        let isDone = Monitor(false)
        let timer = try? Thread(named: "shut-down") {
            _ = isDone.wait(until: deadline) { $0 ? true : nil }
            request.cancel()
        }
        // Its upload under way is given the time there is.
        pending.stop(until: deadline)
        let handles = tree.withLock { tree in
            tree.isShutDown = true
            return tree.files.map { (HandleID(rawValue: $0.key), $0.value) }
        }
        var left = 0
        for (id, file) in handles {
            var isLeft = file.content.isDirty
            if isLeft, !request.isCancelled {
                do {
                    try upload(file, for: request)
                    isLeft = false
                } catch {
                    isLeft = error.mayPass
                    logger.error("\(describe(file.node)) could not be stored before the end: \(error)")
                }
            }
            if isLeft, leave(file) { left += 1 }
            end(id, keepingBytes: true)
        }
        if left > 0 {
            logger.error(
                """
                \(left) file\(left == 1 ? "" : "s") could not be stored before the end; \
                the next mount of this source goes on with that
                """)
        }
        isDone.update { $0 = true }
        timer?.join()
        if !environment.waitForStreams(until: .after(.seconds(5))) {
            logger.warning("some transfers did not end in time")
        }
    }

    // Leaves a file's bytes to the next mount; returns whether it did.
    private func leave(_ file: FileHandle) -> Bool {
        let path = tree.withLock { tree in
            isRemoved(file.node) ? nil : tree.path(of: file.node) ?? file.content.lastPath
        }
        guard let path, file.content.leave(path: path) else { return false }
        logger.notice("\(path): \(file.content.size) bytes are left in the spool")
        return true
    }
}
