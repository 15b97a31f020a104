import Logging
package import Posix
import Remote

extension Volume {
    /// Keeps a handle whose program has closed it until its content is on the server.
    ///
    /// Another one that waits for the same content already is enough.
    func keepPending(_ id: HandleID, _ file: FileHandle, after delay: Duration) {
        let due = ContinuousClock.now + delay
        // With the tree lock held, so that the other one is not found to be done meanwhile.
        let isKept = tree.withLock { tree in
            let other = tree.files.first {
                $0.value.content === file.content && pending.keeps(HandleID(rawValue: $0.key))
            }
            guard let other else { return false }
            pending.change(HandleID(rawValue: other.key)) { $0.due = due }
            return true
        }
        if isKept { return end(id, keepingBytes: true) }
        guard pending.add(PendingUploads.Item(handle: id, due: due)) else { return }
        do throws(Errno) {
            try Thread.detach(named: "pending") { [self] in runPending() }
        } catch {
            // The end of the mount stores it, or the next file that becomes pending has better luck.
            let reason = "cannot start the thread that uploads: \(error)"
            pending.threadFailed(because: reason)
            logger.error("\(reason)")
        }
    }

    // One upload after the other, each when it is due.
    private func runPending() {
        while true {
            let request = Request()
            guard let item = pending.next(for: request) else { return }
            guard let file = tree.withLock({ $0.files[item.handle.rawValue] }) else {
                pending.remove(item.handle)
                continue
            }
            attempt(item, file, request)
        }
    }

    private func attempt(_ item: PendingUploads.Item, _ file: FileHandle, _ request: Request) {
        let node = file.node
        tree.withLock { _ in node.fileState.releases.append(request) }
        let result: Result<Void, VolumeError>
        do {
            if tree.withLock({ _ in !node.isLocal && node.checkedAt == nil }) {
                // The mode of what is replaced.
                _ = try? refresh(node, for: request)
            }
            try upload(file, isAwaited: false, for: request)
            settlePendingTime(of: node, for: request)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        let isUnwanted = tree.update { _ in
            node.fileState.releases.removeAll { $0 === request }
            return node.fileState.isUnwanted
        }
        switch result {
        case .success:
            let isDone = tree.withLock { _ in
                guard !file.content.isDirty else { return false }
                pending.retire(item.handle)
                return true
            }
            if isDone { return finish(item.handle, keepingBytes: true) }
            // Something was written meanwhile.
            pending.change(item.handle) { item in
                item.due = .now + configuration.writeBack
                (item.request, item.attempts, item.pause, item.failure) = (nil, 0, nil, nil)
            }
        case .failure(let error):
            guard isUnwanted else {
                guard request.isCancelled else { return retry(item, file, error) }
                // It has given way to a rename, or the mount ends.
                return pending.change(item.handle) { item in
                    item.request = nil
                    item.due = .now
                }
            }
            if tree.withLock({ _ in isRemoved(node) }) { return finish(item.handle, keepingBytes: false) }
            // Whoever removes it may fail yet.
            pending.change(item.handle) { item in
                item.request = nil
                item.due = .now + configuration.uploadPauses.lowerBound
            }
        }
    }

    private func finish(_ handle: HandleID, keepingBytes: Bool) {
        pending.retire(handle)
        end(handle, keepingBytes: keepingBytes)
        pending.remove(handle)
    }

    // Decides what becomes of an upload that failed.
    private func retry(_ item: PendingUploads.Item, _ file: FileHandle, _ error: VolumeError) {
        let place = describe(file.node)
        if error.isLostUpdate {
            logger.error(
                "\(place): the server has another version than the one that was changed here: \(error)")
            return finish(item.handle, keepingBytes: true)
        }
        let attempts = item.attempts + (error.isOutage ? 0 : 1)
        guard attempts < configuration.uploadAttempts else {
            logger.error("\(place) could not be stored in \(attempts) attempts: \(error)")
            return finish(item.handle, keepingBytes: true)
        }
        let pauses = configuration.uploadPauses
        let pause = min(item.pause ?? pauses.lowerBound, pauses.upperBound)
        logger.log(
            level: item.failure == nil ? .warning : .info,
            "\(place) could not be stored yet, and is tried again: \(error)")
        pending.change(item.handle) { item in
            item.request = nil
            item.attempts = attempts
            item.failure = "\(error)"
            item.due = .now + pause
            item.pause = pause * 2
        }
    }

    /// Has the uploads of a file that is gone, or was stored otherwise, looked at now.
    func hastenPending(of node: Node) {
        guard !pending.isEmpty else { return }
        let handles = tree.withLock { tree in
            tree.files.filter { $0.value.node === node }.map { HandleID(rawValue: $0.key) }
        }
        for handle in handles { pending.change(handle) { $0.due = .now } }
    }

    /// Waits until nothing is pending, at most until the deadline; returns whether nothing is.
    package func waitForPending(until deadline: Deadline) -> Bool {
        pending.waitUntilDone(until: deadline)
    }

    /// Waits until each pending upload is done or was tried in vain, at most until the deadline; returns how many are left.
    package func tryPending(until deadline: Deadline) -> Int {
        pending.waitUntilTried(until: deadline)
        return pending.items.count
    }

    /// What is pending, one upload a line: path, bytes, state, attempts and the last error, with spaces between; the first fifty.
    ///
    /// Never blocks.
    package var pendingReport: String {
        let items = pending.items
        let limit = 50
        var lines = items.prefix(limit).compactMap { item -> String? in
            guard let file = tree.withLock({ $0.files[item.handle.rawValue] }) else { return nil }
            let state = item.request != nil ? "uploading" : item.failure == nil ? "waiting" : "failed"
            let failure = item.failure.map { " " + $0.prefix(200) } ?? ""
            let path = tree.withLock { $0.path(of: file.node) } ?? file.content.lastPath
            let name = path.map { printable(Array($0.bytes.suffix(300))) } ?? "(removed)"
            return LogText.escaped("\(name) \(file.content.size) \(state) \(item.attempts)\(failure)")
        }
        if items.count > limit { lines.append("and \(items.count - limit) more") }
        return lines.joined(separator: "\n")
    }
}
