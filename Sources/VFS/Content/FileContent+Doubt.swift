import Logging
import Posix
import Remote

// Uploads whose answer was lost: the server may have the old content, the new one, or part of an end.
extension FileContent {
    /// Finds out how far an upload in doubt got, and builds on that; the caller has the turn.
    ///
    /// Returns attributes when the server has everything. Where the server has neither the base nor the bytes sent, nothing
    /// changes here, and the next step fails as a lost update. To tell, the bytes in question are read back from the server.
    func settleDoubt(at path: RemotePath, for request: Request) throws(VolumeError) -> Attributes? {
        let (doubt, base, size) = monitor.withLock { ($0.doubt, $0.base, $0.size) }
        guard let doubt else { return nil }
        let found: Attributes
        do throws(RemoteError) {
            found = try environment.attributes(of: path, followsLink: followsLink, for: request)
        } catch {
            guard error.kind == .notFound else { throw VolumeError(error) }
            monitor.withLock { $0.doubt = nil }
            return nil
        }
        if found.kind == .file, let there = found.size, base?.matches(found.version) != true,
            try isOurs(upTo: there, doubt, at: path, for: request)
        {
            environment.logger.notice("\(path): an upload whose answer was lost had brought \(there) bytes")
            rebase(to: found.version, size: there, isIntact: doubt.digest == nil)
            if doubt.digest == nil, there == size { return found }
        }
        monitor.withLock { $0.doubt = nil }
        return nil
    }

    /// Keeps a digest of what an upload in doubt has sent, before a change from an offset on; the caller has the turn.
    ///
    /// Reads those bytes once, and only after a failed upload.
    func rememberSent(beforeChangeFrom offset: UInt64) throws(VolumeError) {
        let (doubt, file) = monitor.withLock { ($0.doubt, $0.file) }
        guard var doubt, doubt.digest == nil, offset < doubt.sent.upperBound, let file else { return }
        var digest = Block(capacity: 1).digest(0..<0)
        var place = doubt.sent.lowerBound
        while place < doubt.sent.upperBound {
            let piece = place..<min(place + 256 << 10, doubt.sent.upperBound)
            guard let block = try spooling({ () throws(Errno) in try file.read(piece) }) else { return }
            digest = block.digest(0..<piece.count, continuing: digest)
            place = piece.upperBound
        }
        doubt.digest = digest
        monitor.withLock { [doubt] state in
            state.doubt = doubt
            state.isRecordOld = true
        }
        // Before the bytes change: afterwards the file cannot tell any more what was sent.
        try renewRecord()
    }

    /// Lets reads go on with what the server has, where that is what a change of ours has left which failed; the caller has the turn.
    ///
    /// The bytes read from there are those that none of these changes touches. What is to be stored still is left to the next upload.
    func readOnFromOwnChange(at path: RemotePath, for request: Request) throws(VolumeError) {
        let (doubt, half, hasTime, storedSize) = monitor.withLock {
            ($0.doubt, $0.halfPatch, $0.doubtfulTime != nil, $0.storedSize)
        }
        guard doubt != nil || half != nil || hasTime else { return }
        let found: Attributes
        do throws(RemoteError) {
            found = try environment.attributes(of: path, followsLink: followsLink, for: request)
        } catch {
            guard error.kind == .notFound else { throw VolumeError(error) }
            return
        }
        guard found.kind == .file, let there = found.size else { return }
        var isOwn = there == storedSize && recognizes(found.version)
        if !isOwn, let doubt { isOwn = try isOurs(upTo: there, doubt, at: path, for: request) }
        if !isOwn, let half { isOwn = try holds(half, found, at: path, for: request) }
        guard isOwn else { return }
        let old = monitor.withLock { state in
            let old = state.remote
            state.remote = ReadAhead(
                environment: environment, version: found.version, size: there, seenAt: .now,
                followsLink: followsLink)
            return old
        }
        old?.close()
    }

    // Whether the server's file, up to `there` bytes, is what an upload in doubt has sent.
    private func isOurs(upTo there: UInt64, _ doubt: Doubt, at path: RemotePath, for request: Request)
        throws(VolumeError) -> Bool
    {
        let sent = doubt.sent
        // Of an end of which nothing has arrived, nothing tells whose the file is by now.
        guard there == sent.upperBound || sent.lowerBound > 0 && there > sent.lowerBound else {
            return false
        }
        guard there <= sent.upperBound, doubt.digest == nil || there == sent.upperBound else { return false }
        let ours = try makeSource(size: size)
        var digest = Block(capacity: 1).digest(0..<0)
        do throws(RemoteError) {
            let reader = try environment.store.openReader(
                path, at: sent.lowerBound, length: there - sent.lowerBound, for: request)
            defer { reader.close() }
            let theirs = Block(capacity: 256 << 10)
            var place = sent.lowerBound
            while true {
                let count = try theirs.withRoom(from: 0) { room throws(RemoteError) in
                    try reader.read(into: &room, for: request)
                }
                guard count > 0 else { break }
                let end = place + UInt64(count)
                guard end <= there else { return false }
                if doubt.digest != nil {
                    digest = theirs.digest(0..<count, continuing: digest)
                } else if try !ours.holds(place..<end, equalTo: theirs) {
                    return false
                }
                place = end
            }
            return place == there && (doubt.digest == nil || doubt.digest == digest)
        } catch {
            throw VolumeError(error)
        }
    }

    // The server was seen to have what was sent up to `there`; `isIntact`: these bytes are still the content's own.
    private func rebase(to version: FileVersion, size there: UInt64, isIntact: Bool) {
        let remote = monitor.withLock { state in
            let remote = state.remote
            state.remote = nil
            state.base = version
            state.baseSeenAt = ContinuousClock.now
            state.storedSize = there
            state.isRecordOld = true
            if isIntact {
                state.baseSize = there
                state.dirty.remove(contentsOf: 0..<there)
            } else {
                // What shows of the base, and what was written, stays as it is; the rest is here.
                state.hasChanged = true
            }
            return remote
        }
        remote?.close()
    }
}
