import Posix
package import Remote

// What stands beside the spool file for the case that this process does not live to store it.
extension FileContent {
    /// Sees to it that there is a record to which changes can be added; the caller has the turn.
    ///
    /// The first record comes before the first byte: a file without one holds nothing that the server lacks.
    func keepRecord() throws(VolumeError) {
        let file = monitor.withLock { state -> SpoolFile? in
            guard let file = state.file, !state.isDetached else { return nil }
            return state.isRecordOld || !file.journal.takesChanges ? file : nil
        }
        if file != nil { try renewRecord() }
    }

    /// Writes the record anew; does nothing without a spool file.
    func renewRecord() throws(VolumeError) {
        let due = monitor.withLock { state -> (SpoolFile, SpoolRecord)? in
            guard let file = state.file, !state.isDetached else { return nil }
            state.isRecordOld = false
            return (file, state.record)
        }
        guard let (file, record) = due else { return }
        do throws(VolumeError) {
            try spooling { () throws(Errno) in
                let isKept = file.journal.wasDurable
                if isKept { try file.synchronize() }
                try file.journal.replace(record, isKept: isKept)
            }
        } catch {
            monitor.withLock { $0.isRecordOld = true }
            throw error
        }
        // A rename or a removal does not wait for a turn, and may have come between.
        let (path, isDetached) = monitor.withLock { ($0.path, $0.isDetached) }
        if isDetached { try? file.journal.remove() }
        if let path, path != record.path { try note(.moved(path)) }
    }

    /// Adds a change to the record, if there is one.
    func note(_ changes: SpoolChange...) throws(VolumeError) {
        let file = monitor.withLock { state in state.isDetached ? nil : state.file }
        guard let file else { return }
        do throws(VolumeError) {
            try spooling { () throws(Errno) in try file.journal.add(changes) }
        } catch {
            monitor.withLock { $0.isRecordOld = true }
            throw error
        }
    }

    /// Notes that an upload of these bytes begins; the caller has the turn.
    func noteSending(_ range: Range<UInt64>) throws(VolumeError) {
        try keepRecord()
        let wanted = monitor.withLock { $0.wanted }
        try note(.wanted(mode: wanted.mode, modified: wanted.modified), .sending(range))
    }

    /// Notes the mode and the time that the file is to have.
    ///
    /// Blocks on the local disk at the most.
    func want(mode: UInt16?, modified: Timestamp?) {
        let wanted = monitor.withLock { state in
            if let mode { state.wanted.mode = mode }
            if let modified { state.wanted.modified = modified }
            return state.wanted
        }
        try? note(.wanted(mode: wanted.mode, modified: wanted.modified))
    }

    /// Has bytes and record stay on the local disk even when the machine loses power; does nothing when they do already.
    ///
    /// Waits for a running upload. Throws `.noSpace` and `.local` when the disk fails.
    package func keepDurably(for request: Request?) throws(VolumeError) {
        try withTurn(for: request) { () throws(VolumeError) in
            let (isKept, existing) = monitor.withLock { ($0.isDirty && !$0.isClosed, $0.file) }
            guard isKept else { return }
            // A new size alone has to be told too.
            let file = if let existing { existing } else { try makeFile() }
            try keepRecord()
            guard !file.journal.isDurable else { return }
            try spooling { () throws(Errno) in try seal(file) }
        }
    }

    /// Whether bytes and record stay on the local disk even when the machine loses power.
    ///
    /// Never blocks.
    var isDurable: Bool { monitor.withLock { $0.file }?.journal.isDurable == true }

    private func seal(_ file: SpoolFile) throws(Errno) {
        try file.synchronize()
        try file.journal.add([.kept])
        try file.journal.synchronize()
    }

    /// Ends the content as `close` does, but leaves what the server does not have in the spool, for a later mount to go on with.
    ///
    /// Returns false, with nothing done, when there is nothing to leave or the disk fails.
    package func leave(path: RemotePath) -> Bool {
        monitor.withLock { state in
            if state.path != path { state.isRecordOld = true }
            state.path = path
        }
        guard (try? keepDurably(for: nil)) != nil else { return false }
        let ending = monitor.withLock { state -> (Bool, ReadAhead?) in
            guard state.isDirty, !state.isClosed else { return (false, nil) }
            state.isClosed = true
            state.file = nil
            return (true, state.remote.take())
        }
        ending.1?.close()
        if ending.0 { endFollowing() }
        if ending.0 { environment.spool.noteClean(self, bytes: 0) }
        return ending.0
    }

    /// Notes why the bytes cannot be stored, for the note beside them.
    func fail(with reason: String) {
        monitor.withLock { $0.failure = reason }
    }
}

extension FileContent.State {
    /// Notes when the file was changed here: a time asked for before does not count any more.
    mutating func noteChange(at time: Timestamp) {
        modifiedHere = time
        wanted.modified = nil
    }

    /// What is to be said of the spool file as things are.
    var record: SpoolRecord {
        var record = SpoolRecord(
            path: path, base: base, storedSize: storedSize, size: size, baseSize: baseSize, dirty: dirty,
            local: local)
        record.hasChanged = hasChanged
        record.mode = wanted.mode
        record.modified = wanted.modified ?? modifiedHere
        record.sent = doubt?.sent
        record.sentDigest = doubt?.digest
        record.halfPatch = halfPatch
        record.reason = failure
        return record
    }

    /// The state in which a record says that a content was left.
    init(_ pending: PendingContent) {
        let record = pending.record
        self.init(
            size: record.size, base: record.base, baseSeenAt: ContinuousClock.now - .seconds(3600),
            storedSize: record.storedSize, baseSize: record.baseSize, hasChanged: record.hasChanged)
        local = record.local
        dirty = record.dirty
        file = pending.file
        path = record.path
        doubt = record.sent.map { FileContent.Doubt(sent: $0, digest: record.sentDigest) }
        halfPatch = record.halfPatch
        wanted = UploadTerms(mode: record.mode, modified: record.modified)
        modifiedHere = record.modified ?? Timestamp(seconds: record.time)
        isRecordOld = true
    }
}
