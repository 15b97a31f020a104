import Posix

/// The record of one spool file on the disk, kept so that it is true whenever the process is killed.
///
/// The file as a whole is exchanged by rename(2), so that the old record or the new one is there. Between, a line is added for each change
/// (`SpoolChange`): behind the bytes it tells of, so that no record claims bytes which the file does not have. A line that was cut off
/// belongs to a call that has not returned.
///
/// Any thread may call; calls wait for each other and block on the local disk.
final class SpoolJournal: Sendable {
    private struct State: ~Copyable {
        var isBusy = false
        var descriptor: FileDescriptor?
        var sum: UInt64 = 0
        var length: UInt64 = 0
        // The length from which on the record is better written anew.
        var limit: UInt64 = 0
        // The last line is `.kept`, and whether the disk has that.
        var isKept = false
        var isDurable = false
        // What stands on the disk must not be exchanged for what may not.
        var wasDurable = false
    }

    private let name: String
    private let directory: SpoolDirectory
    private let state = Monitor(State())

    /// Changes up to so many bytes are added before the record is written anew.
    private static let changesLimit: UInt64 = 256 << 10

    /// Makes the journal of the spool file of a name; nothing is on the disk yet.
    init(of name: String, in directory: SpoolDirectory) {
        self.name = name + SpoolRecord.suffix
        self.directory = directory
    }

    /// Whether there is a record to which changes can be added, and it is not too long for that.
    var takesChanges: Bool { state.withLock { $0.descriptor != nil && $0.length < $0.limit } }

    /// Whether all that was told of is on the local disk for good.
    var isDurable: Bool { state.withLock { $0.isDurable } }

    /// Whether that was so at some time, for a caller to whom it was promised.
    var wasDurable: Bool { state.withLock { $0.wasDurable } }

    /// Says that a process before this one may have promised that the bytes are on the local disk for good.
    func takeOver() { state.withLock { $0.wasDurable = true } }

    /// Puts a record in place of the one there is, and of all changes behind it.
    ///
    /// `isKept` says that all bytes it tells of are on the local disk for good: so is the record then, and at no time none that is.
    func replace(_ record: SpoolRecord, isKept: Bool = false) throws(Errno) {
        try alone { (file: inout FileDescriptor?) throws(Errno) in
            let temporary = name + ".new"
            let descriptor = try directory.directory.openFile(temporary, .createOrEmpty, mode: 0o600)
            var record = record
            record.isDurable = isKept
            let (text, sum) = record.sealed
            try descriptor.write(text)
            if isKept { try descriptor.synchronizeData() }
            try directory.directory.rename(temporary, into: directory.directory, as: name, replacing: true)
            if isKept { try directory.directory.synchronize() }
            file = consume descriptor
            let length = UInt64(text.utf8.count)
            state.withLock { state in
                state.sum = sum
                state.length = length
                state.limit = length + max(length, Self.changesLimit)
                (state.isKept, state.isDurable) = (isKept, isKept)
            }
        }
    }

    /// Adds changes; does nothing when there is no record.
    func add(_ changes: [SpoolChange]) throws(Errno) {
        try alone { (file: inout FileDescriptor?) throws(Errno) in
            guard let descriptor = file.take() else { return }
            var (sum, length) = state.withLock { ($0.sum, $0.length) }
            var text = ""
            for change in changes { text += change.line(continuing: &sum) }
            // When that fails, half a line may stand there: without the descriptor a new record is written.
            try descriptor.write(text, at: length)
            file = consume descriptor
            length += UInt64(text.utf8.count)
            let isKept = changes.last == .kept
            state.withLock { [sum, length] state in
                (state.sum, state.length, state.isKept, state.isDurable) = (sum, length, isKept, false)
            }
        }
    }

    /// Waits until the record is on the local disk, its name too.
    func synchronize() throws(Errno) {
        try alone { (file: inout FileDescriptor?) throws(Errno) in
            guard let descriptor = file.take() else { return }
            let failure: Errno?
            do throws(Errno) {
                try descriptor.synchronizeData()
                try directory.directory.synchronize()
                failure = nil
            } catch {
                failure = error
            }
            file = consume descriptor
            if let failure { throw failure }
            state.withLock { state in
                state.isDurable = state.isKept
                if state.isKept { state.wasDurable = true }
            }
        }
    }

    /// Removes the record: the server has the bytes, or nobody wants them.
    func remove() throws(Errno) {
        try alone { (file: inout FileDescriptor?) throws(Errno) in
            file = nil
            state.withLock { ($0.isKept, $0.isDurable, $0.wasDurable) = (false, false, false) }
            do throws(Errno) {
                try directory.directory.removeFile(name)
            } catch {
                guard error != .noEntry else { return }
                throw error
            }
        }
    }

    // Runs the body with the descriptor while nobody else has it; no lock is held over the disk's work.
    private func alone(_ body: (inout FileDescriptor?) throws(Errno) -> Void) throws(Errno) {
        _ = state.wait { state -> Bool? in
            guard !state.isBusy else { return nil }
            state.isBusy = true
            return true
        }
        var descriptor = state.withLock { $0.descriptor.take() }
        let result: Result<Void, Errno>
        do throws(Errno) {
            try body(&descriptor)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        giveBack(&descriptor)
        try result.get()
    }

    private func giveBack(_ descriptor: inout FileDescriptor?) {
        var back = descriptor.take()
        state.update { state in
            state.descriptor = back.take()
            state.isBusy = false
        }
    }
}
