import Logging
import Posix
package import Remote

/// What is asked of an upload besides its bytes.
package struct UploadTerms: Sendable {
    /// Permission bits the file is to have; nil leaves them to the server.
    package var mode: UInt16?
    /// The time of modification the file is to have; nil leaves it to the server.
    package var modified: Timestamp?
    /// A new file must not meet another one under its name.
    package var isExclusive: Bool

    /// Puts terms together; the defaults ask for nothing.
    package init(mode: UInt16? = nil, modified: Timestamp? = nil, isExclusive: Bool = false) {
        self.mode = mode
        self.modified = modified
        self.isExclusive = isExclusive
    }
}

extension FileContent {
    /// Brings dirty content to the server under `path`; returns the attributes the server then shows, nil when there was nothing to do.
    ///
    /// One at a time: a second caller waits and then finds nothing to do. Bytes added behind an intact base are appended;
    /// otherwise the file is replaced whole, and what of it is not here is fetched first. When it throws, the content
    /// stays dirty and the next call tries again.
    ///
    /// A lost update (the server has another version than the one this content builds on) throws
    /// `.remote` with kind `.changed`: the other version stays, and `close` moves these bytes to the rescue folder. An upload whose answer
    /// was lost is not taken for one: the next call looks whether the server has these very bytes.
    package func upload(to path: RemotePath, terms: UploadTerms = UploadTerms(), for request: Request)
        throws(VolumeError) -> Attributes?
    {
        let attributes = try withTurn(for: request) { () throws(VolumeError) -> Attributes? in
            let isNeeded = monitor.withLock { state in
                if state.path != path { state.isRecordOld = true }
                state.path = path
                state.wanted = terms
                return state.isDirty && !state.isClosed
            }
            guard isNeeded else { return nil }
            do throws(VolumeError) {
                let attributes = try send(to: path, terms, for: request)
                try commit(attributes, path)
                return attributes
            } catch {
                monitor.withLock { state in
                    state.failure = "\(error)"
                    state.isOvertaken = error.isLostUpdate
                    state.isRecordOld = true
                }
                try? renewRecord()
                throw error
            }
        }
        awaitFormerFollower()
        if attributes != nil { noteClean() }
        return attributes
    }

    // Without the turn, so that what is over the bound can be dropped at once.
    private func noteClean() {
        let clean = monitor.withLock { $0.isIndependent || $0.isClosed ? 0 : $0.local.byteCount }
        environment.spool.noteClean(self, bytes: clean)
    }

    // The caller has the turn.
    private func send(to path: RemotePath, _ terms: UploadTerms, for request: Request) throws(VolumeError)
        -> Attributes
    {
        if let attributes = try settleDoubt(at: path, for: request) { return attributes }
        try settlePatch(at: path, for: request)
        try settleTime(at: path, for: request)
        let writer = try takeOverFollower(for: request)
        // Closed before, as a rule.
        defer { writer?.close() }
        let (base, storedSize, size, isAppended) = monitor.withLock {
            ($0.base, $0.storedSize, $0.size, $0.isAppended)
        }
        if let base, isAppended, writer == nil {
            let appended = try append(
                to: path, at: storedSize, over: base, terms, for: request)
            if let appended { return appended }
        }
        if writer == nil, let patched = try patch(at: path, terms, for: request) { return patched }
        try fetchMissing(path: path, for: request)
        let source = try makeSource(size: size)
        var order = UploadOrder(
            expectation: base.map { .version($0) } ?? (terms.isExclusive ? .nothing : .anything),
            mode: terms.mode, modified: terms.modified)
        order.writesThrough = followsLink
        try noteSending(0..<size)
        do throws(RemoteError) {
            if let writer { return try writer.finish(as: path, with: source, order, for: request) }
            return try environment.store.replace(path, with: source, order, for: request)
        } catch {
            if error.leavesDoubt { monitor.withLock { $0.doubt = Doubt(sent: 0..<size) } }
            throw VolumeError(error)
        }
    }

    // Sends the end of the file; nil when the server cannot append.
    private func append(
        to path: RemotePath, at offset: UInt64, over version: FileVersion, _ terms: UploadTerms,
        for request: Request
    ) throws(VolumeError) -> Attributes? {
        let size = self.size
        let source = try makeSource(size: size)
        var order = UploadOrder(
            expectation: .version(version), mode: terms.mode, modified: terms.modified)
        order.writesThrough = followsLink
        try noteSending(offset..<size)
        do throws(RemoteError) {
            return try environment.store.append(
                to: path, at: offset, from: source, order, for: request)
        } catch {
            switch error.kind {
            case .unsupported: return nil
            case .changed: break
            default:
                monitor.withLock { $0.doubt = Doubt(sent: offset..<size) }
                // The time may be there without the bytes: an acknowledgement proves nothing.
                if let time = terms.modified {
                    doubtTime(time, min(environment.store.traits.granularity, .second))
                }
            }
            throw VolumeError(error)
        }
    }

    /// The spool file as a source, made as long as the content: a hole at the end is not in it yet.
    ///
    /// The caller has the turn.
    func makeSource(size: UInt64) throws(VolumeError) -> SpoolSource {
        let existing = monitor.withLock { $0.file }
        guard size > 0 else { return SpoolSource(file: existing, size: 0) }
        let file = if let existing { existing } else { try makeFile() }
        try spooling { () throws(Errno) in
            if try file.size() != size { try file.truncate(to: size) }
        }
        return SpoolSource(file: file, size: size)
    }

    // The caller has the turn.
    private func commit(_ attributes: Attributes, _ path: RemotePath) throws(VolumeError) {
        let size = self.size
        if let stored = attributes.size, stored != size {
            monitor.withLock { $0.doubt = Doubt(sent: 0..<size) }
            throw .local("\(path): the server shows \(stored) bytes after \(size) were stored")
        }
        let (file, remote) = monitor.withLock { state in
            let remote = state.remote
            state.remote = nil
            state.base = attributes.version
            state.baseSeenAt = ContinuousClock.now
            // What the base did not show is in the spool file, holes as zeros.
            if state.file != nil, state.baseSize < size {
                state.local.insert(contentsOf: state.baseSize..<size)
            }
            state.storedSize = size
            state.baseSize = size
            state.dirty = ByteRanges()
            state.hasChanged = false
            state.failure = nil
            state.isOvertaken = false
            state.doubt = nil
            state.doubtfulTime = nil
            state.halfPatch = nil
            state.followsFrom = environment.settings.followLimit
            state.isRecordOld = false
            return (state.file, remote)
        }
        remote?.close()
        guard let file else { return }
        do throws(Errno) {
            try file.journal.remove()
        } catch {
            environment.logger.warning("cannot remove a record from the spool: \(error)")
        }
    }
}

extension FileContent.State {
    /// The most parts that are changed in place; each costs some round trips.
    private static let patchCount = 8

    /// The parts to change where that is all there is to do, and little beside the file's size; nil otherwise.
    ///
    /// A file below `size` bytes is better sent whole: others see the old content or the new one then. At the very beginning of a file FTP has
    /// no way: REST 0 means to write it anew.
    func patchableRanges(atLeast size: UInt64) -> [Range<UInt64>]? {
        guard base != nil, !hasChanged, self.size == storedSize, baseSize == storedSize, storedSize >= size,
            let first = dirty.ranges.first, first.lowerBound > 0,
            dirty.ranges.count <= Self.patchCount, dirty.byteCount <= storedSize / 8
        else { return nil }
        return Array(dirty.ranges)
    }

    /// Whether all that differs from the base is bytes behind it.
    var isAppended: Bool {
        base != nil && baseSize == storedSize && size > storedSize && !dirty.touches(0..<storedSize)
    }
}

extension RemoteError {
    /// Whether an upload that failed so may have had its effect: the server's last word is missing.
    var leavesDoubt: Bool {
        switch kind {
        case .unreachable, .timedOut, .protocolBroken, .interrupted, .local, .busy: true
        case .notFound, .denied, .exists, .notEmpty, .notDirectory, .isDirectory, .noSpace, .quotaExceeded,
            .nameTooLong, .invalidName, .crossDevice, .changed, .unsupported, .authentication, .untrusted:
            false
        }
    }
}
