import Posix
import Remote

/// A change of parts in place that has begun and is not known to have come to its end: what tells whose the file on the server is then.
struct HalfPatch: Equatable {
    /// The first bytes sent.
    ///
    /// Servers write more than this at a time: they are there whole, or nothing has changed.
    var range: Range<UInt64>
    /// The digest of these bytes (`Block.digest`), for they may be others here by the time that it is asked for.
    var digest: UInt64

    /// The most bytes that are looked at.
    static let length: UInt64 = 512
}

// Changing parts of a large file in place. Others may see the file while only some of the bytes have arrived.
extension FileContent {
    /// Changes parts of a large file in place; nil where that is no use or the server cannot.
    ///
    /// The caller has the turn.
    func patch(
        at path: RemotePath, _ terms: UploadTerms, for request: Request
    ) throws(VolumeError) -> Attributes? {
        let (base, ranges, size) = monitor.withLock { state in
            (state.base, state.patchableRanges(atLeast: environment.settings.patchLimit), state.size)
        }
        guard let base, let first = ranges?.first, let ranges, !followsLink else { return nil }
        let source = try makeSource(size: size)
        let begun = first.lowerBound..<min(first.upperBound, first.lowerBound + HalfPatch.length)
        let half = HalfPatch(range: begun, digest: try digest(of: begun))
        // Before any byte may arrive: a mount after this one has to know that the file on the server may hold some of them.
        try keepRecord()
        try note(.patching(half))
        let order = UploadOrder(expectation: .version(base), modified: terms.modified)
        do throws(RemoteError) {
            return try environment.store.patch(
                path, ranges, from: source, order, began: { monitor.withLock { $0.halfPatch = half } },
                for: request)
        } catch {
            if error.kind == .unsupported, monitor.withLock({ $0.halfPatch == nil }) { return nil }
            throw VolumeError(error)
        }
    }

    // The digest of bytes that the spool file has.
    private func digest(of range: Range<UInt64>) throws(VolumeError) -> UInt64 {
        let file = monitor.withLock { $0.file }
        guard let block = try spooling({ () throws(Errno) in try file?.read(range) }) else {
            throw .local("the spool lacks bytes that were written")
        }
        return block.digest(0..<range.count)
    }

    /// Takes the file as it is for the base again after a change in place that did not come to its end.
    ///
    /// What was sent of it is still here, and is going to be sent again, in whatever way. The caller has the turn. A file that another client
    /// has put there since is left alone, and the next step fails as a lost update.
    func settlePatch(at path: RemotePath, for request: Request) throws(VolumeError) {
        guard let half = monitor.withLock({ $0.halfPatch }) else { return }
        let found: Attributes
        do throws(RemoteError) {
            found = try environment.attributes(of: path, followsLink: followsLink, for: request)
        } catch {
            throw VolumeError(error)
        }
        let isOurs = try holds(half, found, at: path, for: request)
        let remote = monitor.withLock { state -> ReadAhead? in
            state.halfPatch = nil
            state.isRecordOld = true
            guard isOurs else { return nil }
            state.base = found.version
            state.baseSeenAt = ContinuousClock.now
            return state.remote.take()
        }
        remote?.close()
    }

    /// Whether what the server has is the base as it was, or with a change in place of ours that was made in part.
    ///
    /// The caller has the turn.
    func holds(_ half: HalfPatch, _ found: Attributes, at path: RemotePath, for request: Request)
        throws(VolumeError) -> Bool
    {
        let (base, stored) = monitor.withLock { ($0.base, $0.storedSize) }
        guard found.kind == .file, found.size == stored else { return false }
        if base?.matches(found.version) == true { return true }
        do throws(RemoteError) {
            let reader = try environment.store.openReader(
                path, at: half.range.lowerBound, length: nil, for: request)
            defer { reader.close() }
            let theirs = Block(capacity: half.range.count)
            var filled = 0
            while filled < theirs.capacity {
                let count = try theirs.withRoom(from: filled) { room throws(RemoteError) in
                    try reader.read(into: &room, for: request)
                }
                guard count > 0 else { return false }
                filled += count
            }
            return theirs.digest(0..<filled) == half.digest
        } catch {
            throw VolumeError(error)
        }
    }
}
