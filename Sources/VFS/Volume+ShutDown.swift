import Logging
import Posix
import Remote

extension Volume {
    /// Uploads what is pending, stops the volume's threads; called once after the kernel has let go of the mount.
    ///
    /// Bounded in time.
    ///
    /// What cannot be brought to the server in time goes to the rescue folder, and the log says where.
    package func shutDown() {
        let deadline = Deadline.after(configuration.shutDownTimeout)
        if let lookAhead, !lookAhead.end(until: .after(.seconds(5))) {
            logger.warning("what was done ahead did not end in time")
        }
        let handles = tree.withLock { tree in
            tree.isShutDown = true
            return tree.files.map { (HandleID(rawValue: $0.key), $0.value) }
        }
        let request = Request()
        let isDone = Monitor(false)
        let timer = try? Thread(named: "shut-down") {
            _ = isDone.wait(until: deadline) { $0 ? true : nil }
            request.cancel()
        }
        for (id, file) in handles {
            if file.content.isDirty, !request.isCancelled {
                do {
                    try upload(file, for: request)
                } catch {
                    logger.error("\(describe(file.node)) could not be stored before the end: \(error)")
                }
            }
            end(id, keepingBytes: true)
        }
        isDone.update { $0 = true }
        timer?.join()
        if !environment.waitForStreams(until: .after(.seconds(5))) {
            logger.warning("some transfers did not end in time")
        }
    }
}
