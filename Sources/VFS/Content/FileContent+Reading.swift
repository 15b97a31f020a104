import Posix
package import Remote

extension FileContent {
    private enum Source {
        case spool(SpoolFile)
        case remote(ReadAhead)
        case zeros
    }

    private struct Segment {
        let range: Range<UInt64>
        let source: Source
    }

    private struct Plan {
        var segments: [Segment] = []
        var readsSpool = false
    }

    /// Replies of more pieces than this are put together in one block, for scatter-gather output knows limits.
    private static let sliceLimit = 64

    /// Reads up to `count` bytes; fewer only at the end of the file.
    ///
    /// `path` is where the file is now, nil when its name is gone. Throws `.stale` when bytes are needed that only a
    /// former version on the server had, `.interrupted` on cancellation, else what the store threw.
    package func read(at offset: UInt64, count: Int, path: RemotePath?, for request: Request)
        throws(VolumeError) -> ReadReply
    {
        do throws(VolumeError) {
            return try readNow(at: offset, count: count, path: path, for: request)
        } catch {
            guard case .stale = error, let path else { throw error }
            // The other version may be our own: the server shows it from the first byte of an append, a change in place or a new time on,
            // while it becomes the base only at the end. With the turn none of these is under way, and what one has left is looked at.
            return try withTurn(for: request) { () throws(VolumeError) in
                try readOnFromOwnChange(at: path, for: request)
                return try readNow(at: offset, count: count, path: path, for: request)
            }
        }
    }

    private func readNow(at offset: UInt64, count: Int, path: RemotePath?, for request: Request)
        throws(VolumeError) -> ReadReply
    {
        while true {
            if request.isCancelled { throw .interrupted }
            // Nil: the content changed under the plan, by truncation or a finished upload.
            let reply = try carryOut(makePlan(offset, count)) { remote, range throws(VolumeError) in
                try remote.read(range, path: path, for: request)
            }
            if let reply { return reply }
        }
    }

    /// Reads up to `count` bytes if all of them are in memory or on the local disk; nil where the server is needed.
    ///
    /// Needs no path and waits for nobody.
    func readAtHand(at offset: UInt64, count: Int) throws(VolumeError) -> ReadReply? {
        try carryOut(makePlan(offset, count)) { remote, range throws(VolumeError) in remote.readAtHand(range)
        }
    }

    private func carryOut(
        _ plan: Plan, _ read: (ReadAhead, Range<UInt64>) throws(VolumeError) -> [Slice]?
    ) throws(VolumeError) -> ReadReply? {
        defer { if plan.readsSpool { endSpoolRead() } }
        var slices: [Slice] = []
        for segment in plan.segments {
            guard let pieces = try fetch(segment, read) else { return nil }
            slices += pieces
        }
        return ReadReply(slices: slices.count > Self.sliceLimit ? Self.merge(slices) : slices)
    }

    // Says where the bytes of a range are, and makes ready to read them there.
    private func makePlan(_ offset: UInt64, _ count: Int) throws(VolumeError) -> Plan {
        try monitor.withLock { state throws(VolumeError) in
            guard !state.isClosed else { throw .badHandle }
            guard count > 0, offset < state.size else { return Plan() }
            let wanted = offset..<(offset + min(UInt64(count), state.size - offset))
            var plan = Plan()
            var needsRemote = false
            state.local.visitRuns(in: wanted) { run, isLocal in
                if isLocal, let file = state.file {
                    plan.segments.append(Segment(range: run, source: .spool(file)))
                    plan.readsSpool = true
                    return
                }
                let edge = min(max(run.lowerBound, state.baseSize), run.upperBound)
                if run.lowerBound < edge {
                    needsRemote = true
                    let remote = state.remote ?? self.makeRemote(&state)
                    if let remote {
                        plan.segments.append(
                            Segment(range: run.lowerBound..<edge, source: .remote(remote)))
                        needsRemote = false
                    }
                }
                if edge < run.upperBound {
                    plan.segments.append(Segment(range: edge..<run.upperBound, source: .zeros))
                }
            }
            guard !needsRemote else { throw .local("a file without a version on the server has bytes there") }
            if plan.readsSpool { state.spoolReaders += 1 }
            return plan
        }
    }

    /// The reader of the base version, made at the first use; nil when there is no base.
    ///
    /// Called with the lock held.
    func makeRemote(_ state: inout State) -> ReadAhead? {
        if let remote = state.remote { return remote }
        guard let base = state.base else { return nil }
        let remote = ReadAhead(
            environment: environment, version: base, size: state.storedSize, seenAt: state.baseSeenAt,
            followsLink: followsLink)
        state.remote = remote
        return remote
    }

    /// Takes over a transfer of the whole file that was begun when the server was asked for its version: reads are answered from it.
    ///
    /// Closes it where it is of no use: when the content builds on another version or has been read already. Does not block but for that.
    func prime(with reader: any RemoteReader, of version: FileVersion) {
        let (remote, path) = monitor.withLock { state -> (ReadAhead?, RemotePath?) in
            guard !state.isClosed, state.remote == nil, state.local.isEmpty, let base = state.base,
                base.matches(version), version.size == state.storedSize
            else { return (nil, nil) }
            return (makeRemote(&state), state.path)
        }
        guard let remote, let path, remote.prime(with: reader, path: path) else { return reader.close() }
    }

    /// Gives the bytes of the base, which were fetched before anybody opened the file: reads are answered from them.
    ///
    /// To be called before the first read; does nothing after it.
    func prime(with content: AheadContent) {
        monitor.withLock { state in
            guard state.remote == nil, state.storedSize == UInt64(content.block.capacity),
                let base = state.base, base.modified != nil, base.matches(content.version)
            else { return }
            makeRemote(&state)?.prime(with: content.take())
        }
    }

    private func fetch(
        _ segment: Segment, _ read: (ReadAhead, Range<UInt64>) throws(VolumeError) -> [Slice]?
    ) throws(VolumeError) -> [Slice]? {
        switch segment.source {
        case .remote(let remote):
            return try read(remote, segment.range)
        case .spool(let file):
            do throws(Errno) {
                return try file.read(segment.range).map { [Slice(block: $0, range: 0..<segment.range.count)] }
            } catch {
                throw VolumeError(spool: error)
            }
        case .zeros:
            let zeros = environment.zeros
            var left = segment.range.count
            var slices: [Slice] = []
            while left > 0 {
                slices.append(Slice(block: zeros, range: 0..<min(left, zeros.capacity)))
                left -= min(left, zeros.capacity)
            }
            return slices
        }
    }

    private func endSpoolRead() {
        monitor.withLock { $0.spoolReaders -= 1 }
    }

    private static func merge(_ slices: [Slice]) -> [Slice] {
        let count = slices.reduce(0) { $0 + $1.range.count }
        let block = Block(capacity: count)
        var place = 0
        for slice in slices {
            block.copy(slice.range, of: slice.block, to: place)
            place += slice.range.count
        }
        return [Slice(block: block, range: 0..<count)]
    }

    /// Finds the next data (`toHole` false) or hole from an offset on; all that is on the server counts as data.
    ///
    /// Throws `.noSuchPlace` at or beyond the end, and when no data follow (lseek(2), SEEK_DATA and SEEK_HOLE).
    package func seek(from offset: UInt64, toHole: Bool) throws(VolumeError) -> UInt64 {
        try monitor.withLock { state throws(VolumeError) in
            guard offset < state.size else { throw .noSuchPlace }
            var data = state.local
            if state.baseSize > 0 { data.insert(contentsOf: 0..<state.baseSize) }
            if toHole { return min(data.firstAbsent(from: offset), state.size) }
            guard let place = data.firstMember(from: offset), place < state.size else { throw .noSuchPlace }
            return place
        }
    }
}

extension VolumeError {
    /// Translates a failure of the spool's disk.
    init(spool error: Errno) {
        switch error {
        case .noSpace, .quotaExceeded: self = .noSpace
        case .tooLarge: self = .tooLarge
        case .tooManyFiles: self = .tooManyFiles
        default: self = .local("the spool failed: \(error)")
        }
    }
}
