import Logging
import Posix
import Remote

/// One stream at work, on its thread: opens the transfer, fills blocks, pauses, takes a broken transfer up again, proves the end.
final class ReadTransfer {
    private enum Task {
        case fill(upTo: UInt64, urgent: Bool)
        case prove
        case end
    }

    private let owner: ReadAhead
    private let id: Int
    private let isSpare: Bool
    private let request: Request
    private let start: UInt64
    private var path: RemotePath
    private var place: UInt64
    private var reader: (any RemoteReader)?
    private var block: Block?
    private var filled = 0
    // Whether it is worth finding out what further streams would bring.
    private var isLongLink = false
    private var resumptions = 0
    private var resumedAt: UInt64

    /// Prepares the work of a stream that has been entered; `reader` is its transfer where that has begun already.
    init(owner: ReadAhead, stream: ReadStream, path: RemotePath, reader: (any RemoteReader)? = nil) {
        self.owner = owner
        self.path = path
        id = stream.id
        isSpare = stream.isSpare
        request = stream.request
        start = stream.start
        place = stream.start
        resumedAt = stream.start
        if let reader { take(reader) }
    }

    private func take(_ reader: any RemoteReader) {
        let (settings, budget) = (owner.environment.settings, owner.environment.budget)
        isLongLink = settings.streamsPerFile > 1 && budget.opening >= StreamGain.longOpening
        self.reader = reader
        watch(reader)
    }

    // Hears when somebody else needs the connection.
    private func watch(_ reader: any RemoteReader) {
        reader.onReclaim { [weak owner, id] in owner?.reclaim(id) }
    }

    /// Works until the stream is ended, has failed, or has come to its end; then gives its connection and its right to a thread back.
    ///
    /// Blocks all that time.
    func run() {
        var failure: VolumeError?
        do throws(VolumeError) {
            try work()
        } catch {
            failure = error
        }
        owner.monitor.update { state in
            owner.environment.budget.release(state.pieces.finish(stream: id))
            // What was begun is left over when everything else was dropped already.
            if state.isClosed { owner.environment.budget.release(state.pieces.drop { _ in true }) }
        }
        if let failure { owner.fail(id, with: failure) }
        block = nil
        reader?.close()
        reader = nil
        owner.environment.budget.endStream()
        owner.recruit()
    }

    private func work() throws(VolumeError) {
        while true {
            switch nextTask() {
            case .end: return
            case .prove:
                try proveEnd()
                return
            case .fill(let limit, let urgent):
                guard makeRoom(upTo: limit, urgent: urgent) else { continue }
                try resuming { () throws(VolumeError) in try self.fill() }
            }
        }
    }

    // Waits until there is something to do; a stream that nobody reads from for a while ends.
    private func nextTask() -> Task {
        let idleTime = owner.environment.settings.idleTime
        while true {
            let task = owner.monitor.wait(until: .after(idleTime)) { state -> Task? in
                guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return .end }
                if let current = state.path { path = current }
                if state.streams[index].failure != nil { return .end }
                if place >= owner.size { return .prove }
                if place >= state.streams[index].stop, !state.goesOn(index) { return .end }
                let stream = state.streams[index]
                let isHeld = owner.holds(stream, state)
                state.streams[index].isPaused = isHeld || place >= stream.limit
                guard state.streams[index].isPaused else {
                    return .fill(upTo: stream.limit, urgent: stream.waiters > 0)
                }
                if state.wants.isEmpty { state.gain.restart() }
                guard stream.isReclaimed, stream.waiters == 0 else { return nil }
                _ = state.end(index)
                return .end
            }
            if let task { return task }
            let isLeft = owner.monitor.withLock { state in
                guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return true }
                let isIdle = state.streams[index].isPaused && state.streams[index].waiters == 0
                guard isIdle, !state.streams[index].wasUsed else {
                    state.streams[index].wasUsed = false
                    return false
                }
                _ = state.end(index)
                return true
            }
            if isLeft { return .end }
        }
    }

    // Sees to it that there is a block with room; false when there is no memory and nobody waits.
    private func makeRoom(upTo limit: UInt64, urgent: Bool) -> Bool {
        if let block, filled < block.capacity { return true }
        block = nil
        let environment = owner.environment
        let wanted = max(limit - place, 16 << 10)
        let capacity = Int(min(wanted, UInt64(environment.settings.blockSize), owner.size - place))
        guard environment.budget.reserve(capacity, urgent: urgent) else {
            owner.monitor.withLock { state in
                guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return }
                let wanted = state.wants.values.filter { $0.stream == id }.map(\.range.upperBound).max() ?? 0
                state.streams[index].shorten(to: wanted)
            }
            return false
        }
        let block = Block(capacity: capacity)
        self.block = block
        filled = 0
        owner.monitor.withLock { state in
            if state.isClosed {
                environment.budget.release(capacity)
                return
            }
            if state.pieces.isFull {
                let needed = state.neededRanges
                let freed = state.pieces.dropOldest { piece in
                    !needed.contains { $0.overlaps(piece.range) }
                }
                environment.budget.release(freed)
            }
            state.pieces.begin(at: place, block: block, stream: id)
        }
        return true
    }

    // Reads once into the block and announces what came.
    private func fill() throws(VolumeError) {
        guard let block else { return }
        let reader = try openReader()
        let count: Int
        do throws(RemoteError) {
            count = try block.withRoom(from: filled) { room throws(RemoteError) in
                try reader.read(into: &room, for: request)
            }
        } catch {
            throw VolumeError(error)
        }
        guard count > 0 else {
            throw stale("its transfer ended at \(place) of \(owner.size) bytes")
        }
        filled += min(count, block.capacity - filled)
        place += UInt64(count)
        if place - resumedAt >= 1 << 19 { resumptions = 0 }
        // The last bytes are not given out before the end is proven: until then the file may turn out longer.
        guard place < owner.size else { return }
        if owner.monitor.withLock({ $0.endsUnchecked(id, at: place) }) {
            reader.close()
            self.reader = nil
            try owner.checkVersion(&path, marks: !isSpare, for: request)
        }
        announce(count)
    }

    private func announce(_ count: Int) {
        let (place, filled) = (self.place, self.filled)
        let now = isLongLink ? ContinuousClock.now : nil
        var recruits = false
        let isAwaited = owner.monitor.withLock { state in
            state.pieces.announce(filled, of: id)
            guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return false }
            state.streams[index].position = place
            if let now { recruits = owner.measure(count, of: index, &state, at: now) }
            return state.wants.values.contains { $0.stream == id && $0.range.upperBound <= place }
        }
        if isAwaited { owner.monitor.wakeAll() }
        if recruits { owner.recruit() }
    }

    // What a stream on a spare connection finds out is left to the reader's own streams.
    private func stale(_ reason: String) -> VolumeError {
        if !isSpare { owner.markStale(reason) }
        return .stale
    }

    // All bytes are here; the transfer must now end by itself, and a long one must not have seen a change.
    private func proveEnd() throws(VolumeError) {
        var isProven = false
        if let reader {
            let probe = Block(capacity: 16)
            let surplus: Int?
            do throws(RemoteError) {
                surplus = try probe.withRoom(from: 0) { room throws(RemoteError) in
                    try reader.read(into: &room, for: request)
                }
            } catch {
                // Every byte is here, so that a look at the version can stand in for the word that is missing.
                surplus = nil
            }
            reader.close()
            self.reader = nil
            if let surplus, surplus > 0 {
                throw stale("it has grown beyond \(owner.size) bytes")
            }
            let isWhole = !owner.monitor.withLock { $0.hasSpread }
            isProven = surplus == 0 && isWhole && place - start <= owner.environment.settings.wholeFileLimit
        }
        if !isProven {
            owner.monitor.withLock { $0.isEndChecked = true }
            try owner.checkVersion(&path, marks: !isSpare, for: request)
        }
        let filled = self.filled
        owner.monitor.update { state in
            state.pieces.announce(filled, of: id)
            if let index = state.streams.firstIndex(where: { $0.id == id }) {
                state.streams.remove(at: index)
            }
        }
    }

    // Opens the transfer at the place reached, after a look at the version unless the file was opened just now.
    private func openReader() throws(VolumeError) -> any RemoteReader {
        if let reader { return reader }
        let environment = owner.environment
        let isFresh = ContinuousClock.now - owner.seenAt < environment.settings.openGrace
        let isFirst = owner.monitor.withLock { state in
            defer { state.hasOpened = true }
            return !state.hasOpened
        }
        let isChecked = !isFirst || !isFresh
        var isAnother = false
        // What a link leads to is asked for in another way.
        if isChecked, owner.followsLink {
            try owner.checkVersion(&path, marks: !isSpare, for: request)
        }
        let began = ContinuousClock.now
        let opened: any RemoteReader
        do throws(RemoteError) {
            if isChecked, !owner.followsLink {
                let found: Attributes
                (found, opened) = try environment.store.open(path, at: place, for: request)
                isAnother = found.kind != .file || !owner.version.matches(found.version)
            } else {
                opened = try environment.store.openReader(
                    path, at: place, length: owner.size - place, for: request)
            }
        } catch {
            switch error.kind {
            case .notFound: return try openElsewhere("it is gone")
            case .changed: return try openElsewhere("it ends before \(place)")
            default: throw VolumeError(error)
            }
        }
        guard !isAnother else {
            opened.close()
            return try openElsewhere("it has another size or time")
        }
        environment.budget.noteOpening(ContinuousClock.now - began)
        take(opened)
        return opened
    }

    // The file is not at its path any more, or another one is: it may have been renamed from here.
    private func openElsewhere(_ reason: String) throws(VolumeError) -> any RemoteReader {
        guard let newPath = owner.newPath(after: path) else { throw stale(reason) }
        path = newPath
        return try openReader()
    }

    // Runs a step; a transfer that breaks is taken up again at the place reached, a few times.
    private func resuming(_ step: () throws(VolumeError) -> Void) throws(VolumeError) {
        do throws(VolumeError) {
            try step()
        } catch {
            guard !isSpare, let broken = reader, case .remote(let cause) = error, cause.isTransient,
                resumptions < owner.environment.settings.resumeLimit, !request.isCancelled
            else { throw error }
            owner.environment.logger.debug(
                "\(path): reading breaks at \(place) and is taken up again: \(cause)")
            resumptions += 1
            resumedAt = place
            reader = nil
            broken.close()
        }
    }
}
