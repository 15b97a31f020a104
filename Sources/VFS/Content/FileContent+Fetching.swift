import Posix
package import Remote

extension FileContent {
    /// The bytes brought into the spool at a time.
    private static let pieceSize: UInt64 = 1 << 20

    /// Fetches all that is not here yet, before the name vanishes (unlink or replacement while open).
    ///
    /// Afterwards the server is not needed any more. Writers wait meanwhile, readers do not. Throws like `read`, and
    /// `.noSpace` when the spool is full; the content is as before then.
    package func makeIndependent(path: RemotePath, for request: Request) throws(VolumeError) {
        try withTurn(for: request) { () throws(VolumeError) in
            try fetchMissing(path: path, for: request)
            monitor.withLock { $0.isIndependent = true }
            environment.spool.noteClean(self, bytes: 0)
        }
    }

    /// Brings into the spool what of the base still shows and is not there; the caller has the turn.
    func fetchMissing(path: RemotePath, for request: Request) throws(VolumeError) {
        let missing = monitor.withLock { $0.local.gaps(in: 0..<$0.baseSize) }
        guard !missing.isEmpty else { return }
        let (existing, remote) = monitor.withLock { ($0.file, makeRemote(&$0)) }
        guard let remote else { throw .local("a file without a version on the server has bytes there") }
        let file = if let existing { existing } else { try makeFile() }
        remote.endGrace()
        // The connection is wanted for the upload that follows.
        defer { remote.endIdleStreams() }
        for gap in missing {
            var place = gap.lowerBound
            while place < gap.upperBound {
                let piece = place..<min(place + Self.pieceSize, gap.upperBound)
                guard let slices = try remote.read(piece, path: path, for: request) else {
                    throw .badHandle
                }
                try keep(slices, at: place, in: file)
                monitor.withLock { state in
                    state.local.insert(contentsOf: piece)
                    state.isRecordOld = true
                }
                place = piece.upperBound
            }
        }
    }

    private func keep(_ slices: [Slice], at offset: UInt64, in file: SpoolFile) throws(VolumeError) {
        var place = offset
        let count = slices.reduce(0) { $0 + $1.range.count }
        guard environment.spool.admit(count, new: UInt64(count), for: self) == count else { throw .noSpace }
        environment.spool.charge(UInt64(count), to: file)
        for slice in slices {
            var failure = write(slice, at: place, in: file)
            if failure == .noSpace || failure == .quotaExceeded, environment.spool.dropAllClean(except: self)
            {
                failure = write(slice, at: place, in: file)
            }
            if let failure { throw VolumeError(spool: failure) }
            place += UInt64(slice.range.count)
        }
    }

    private func write(_ slice: Slice, at offset: UInt64, in file: SpoolFile) -> Errno? {
        slice.block.withBytes(slice.range) { file.write($0, at: offset).failure }
    }

    /// Drops what the spool has of bytes that the server has too; returns false when somebody uses them at the moment.
    func dropClean() -> Bool {
        let (file, isBusy) = monitor.withLock { state -> (SpoolFile?, Bool) in
            guard !state.isDirty, !state.isIndependent, !state.isDetached, !state.isClosed,
                state.base != nil, let file = state.file
            else { return (nil, false) }
            guard !state.isTurnTaken, state.spoolReaders == 0 else { return (nil, true) }
            // A new file takes the place of this one when it is needed, so that nothing has to be punched.
            state.file = nil
            state.local = ByteRanges()
            return (file, false)
        }
        if let file { environment.spool.discard(file) }
        return !isBusy
    }
}
