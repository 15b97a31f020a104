import Logging
import Posix
package import Remote

extension FileContent {
    /// The largest file this machine can hold, in bytes.
    private static let sizeLimit = UInt64(Int64.max)

    /// Writes into the spool, at an offset or (`appends`) at the end; waits while an upload runs.
    ///
    /// Returns how many bytes were written: all, or as many as the spool had room for. When it throws (`.noSpace`, `.tooLarge`,
    /// `.interrupted`), nothing was.
    package func write(_ bytes: RawSpan, at offset: UInt64, appends: Bool, for request: Request)
        throws(VolumeError) -> Int
    {
        guard bytes.byteCount > 0 else { return 0 }
        return try withTurn(for: request) { () throws(VolumeError) in
            let (size, existing, isClosed) = monitor.withLock { ($0.size, $0.file, $0.isClosed) }
            guard !isClosed else { throw .badHandle }
            let start = appends ? size : offset
            let (end, overflow) = start.addingReportingOverflow(UInt64(bytes.byteCount))
            guard !overflow, end <= Self.sizeLimit else { throw .tooLarge }
            let file = if let existing { existing } else { try makeFile() }
            try prepareChange(from: start)
            defer { letFollow() }
            let new = missing(in: start..<end)
            let admitted = environment.spool.admit(bytes.byteCount, new: new, for: self)
            guard admitted > 0 else { throw .noSpace }
            try keepRecord()
            let bytes = bytes.extracting(first: admitted)
            var (count, failure) = file.write(bytes, at: start)
            if failure == .noSpace || failure == .quotaExceeded, environment.spool.dropAllClean(except: self)
            {
                let (more, stillFailing) = file.write(
                    bytes.extracting(droppingFirst: count), at: start + UInt64(count))
                (count, failure) = (count + more, stillFailing)
            }
            let now = environment.timeOfWrite()
            if count > 0 {
                let written = start..<(start + UInt64(count))
                environment.spool.charge(missing(in: written), to: file)
                monitor.withLock { state in
                    state.local.insert(contentsOf: written)
                    state.dirty.insert(contentsOf: written)
                    state.size = max(state.size, written.upperBound)
                    state.noteChange(at: now)
                }
                // The bytes are a part of the content: a program that was told otherwise would write them twice. The next write begins with a
                // new record, or fails.
                try? note(.wrote(written))
            }
            if let failure, count == 0 { throw VolumeError(spool: failure) }
            return count
        }
    }

    /// Sets the size: forgets what lies beyond, or adds a hole of zeros.
    ///
    /// Waits while an upload runs.
    package func truncate(to size: UInt64, for request: Request) throws(VolumeError) {
        guard size <= Self.sizeLimit else { throw .tooLarge }
        try withTurn(for: request) { () throws(VolumeError) in try resize(to: size) }
    }

    /// Makes room for a range (fallocate(2)), or with `zeroes` makes it zeros; the size grows unless `keepsSize`.
    package func allocate(
        at offset: UInt64, count: UInt64, keepsSize: Bool, zeroes: Bool, for request: Request
    ) throws(VolumeError) {
        let (end, overflow) = offset.addingReportingOverflow(count)
        guard count > 0 else { throw .invalid }
        guard !overflow, end <= Self.sizeLimit else { throw .tooLarge }
        try withTurn(for: request) { () throws(VolumeError) in
            let size = self.size
            if zeroes {
                try zero(offset..<max(offset, min(end, size)))
            } else {
                try reserve(offset..<end)
            }
            if !keepsSize, end > size { try resize(to: end) }
        }
    }

    // The caller has the turn.
    private func resize(to size: UInt64) throws(VolumeError) {
        let (old, file, isClosed) = monitor.withLock { ($0.size, $0.file, $0.isClosed) }
        guard !isClosed else { throw .badHandle }
        guard size != old else { return }
        if size < old {
            try prepareChange(from: size)
            defer { letFollow() }
            try keepRecord()
            try note(.resized(size))
            // First the state: a reader must not take the missing end of the spool file for zeros of the file.
            monitor.withLock { state in
                state.size = size
                state.baseSize = min(state.baseSize, size)
                state.local.removeAll(from: size)
                state.dirty.removeAll(from: size)
                state.hasChanged = true
                state.noteChange(at: environment.timeOfWrite())
            }
            try spooling { () throws(Errno) in try file?.truncate(to: size) }
            if let file { environment.spool.recharge(file, atMost: monitor.withLock { $0.local.byteCount }) }
        } else {
            monitor.withLock { state in
                state.size = size
                state.hasChanged = true
                state.noteChange(at: environment.timeOfWrite())
            }
            try keepRecord()
            try note(.resized(size))
        }
    }

    // The caller has the turn.
    private func zero(_ range: Range<UInt64>) throws(VolumeError) {
        guard !range.isEmpty else { return }
        let existing = monitor.withLock { $0.file }
        let file = if let existing { existing } else { try makeFile() }
        try prepareChange(from: range.lowerBound)
        defer { letFollow() }
        try keepRecord()
        try spooling { () throws(Errno) in
            try file.zero(range)
            // The file has to reach as far as its ranges say.
            if try file.size() < range.upperBound { try file.truncate(to: range.upperBound) }
        }
        monitor.withLock { state in
            state.local.insert(contentsOf: range)
            state.dirty.insert(contentsOf: range)
            state.noteChange(at: environment.timeOfWrite())
        }
        try note(.wrote(range))
    }

    /// How many bytes of a range the spool file has not got.
    func missing(in range: Range<UInt64>) -> UInt64 {
        monitor.withLock { state in
            var count: UInt64 = 0
            state.local.visitRuns(in: range) { run, isLocal in
                if !isLocal { count += UInt64(run.count) }
            }
            return count
        }
    }

    // What has been sent, or is being sent, must not seem to be what is here afterwards. The caller has the turn.
    private func prepareChange(from offset: UInt64) throws(VolumeError) {
        keepFollowerOff(from: offset)
        try rememberSent(beforeChangeFrom: offset)
    }

    // The caller has the turn.
    private func reserve(_ range: Range<UInt64>) throws(VolumeError) {
        let existing = monitor.withLock { $0.file }
        let file = if let existing { existing } else { try makeFile() }
        guard environment.spool.admit(range.count, new: missing(in: range), for: self) == range.count else {
            throw .noSpace
        }
        try spooling { () throws(Errno) in try file.reserve(range) }
    }

    /// Makes the spool file, for which another one may have to give its clean data up; the caller has the turn.
    func makeFile() throws(VolumeError) -> SpoolFile {
        let spool = environment.spool
        if !spool.mayMakeFile { _ = spool.dropAllClean(except: self) }
        let file = try spooling { () throws(Errno) in try spool.makeFile() }
        monitor.withLock { $0.file = file }
        return file
    }

    /// Runs an operation of the spool and translates its failure.
    func spooling<Result>(_ body: () throws(Errno) -> Result) throws(VolumeError) -> Result {
        do throws(Errno) {
            return try body()
        } catch {
            throw VolumeError(spool: error)
        }
    }
}
