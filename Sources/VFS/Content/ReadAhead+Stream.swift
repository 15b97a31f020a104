import Logging
import Posix
import Remote

// The thread of a stream: opens the transfer, fills blocks, pauses, takes a broken transfer up again, proves the end.
extension ReadAhead {
    /// Starts the thread of a stream that has been entered; the right to run it has been taken.
    func launch(_ stream: ReadStream, path: RemotePath) {
        do throws(Errno) {
            try Thread.detach(named: "read-ahead") {
                Transfer(owner: self, stream: stream, path: path).run()
            }
        } catch {
            fail(stream.id, with: .local("no thread for reading: \(error)"))
            environment.budget.endStream()
        }
    }

    /// Ends everything: streams are cancelled, memory is given back, readers that wait get nil.
    ///
    /// Does not block.
    func close() {
        let requests = monitor.update { state in
            state.isClosed = true
            let requests = state.streams.map(\.request)
            state.streams = []
            environment.budget.release(state.pieces.drop { _ in true })
            return requests
        }
        for request in requests { request.cancel() }
        environment.budget.remove(self)
    }

    /// Gives up memory that nobody waits for.
    func shed(_ thoroughness: Shedding) {
        let ended = monitor.update { state in
            var ended: [Request] = []
            if thoroughness == .idle {
                for index in state.streams.indices.reversed()
                where state.streams[index].waiters == 0 && state.streams[index].isPaused {
                    ended.append(state.end(index))
                }
            }
            let wants = state.wants
            let windows = state.streams.map { $0.reach..<max($0.reach, $0.position) }
            let freed = state.pieces.drop { piece in
                !wants.values.contains { $0.range.overlaps(piece.range) }
                    && !windows.contains { $0.overlaps(piece.range) }
            }
            environment.budget.release(freed)
            return ended
        }
        for request in ended { request.cancel() }
    }

    /// Ends streams that are paused and that nobody waits for.
    func endIdleStreams() {
        let ended = monitor.update { state in
            state.streams.indices.reversed()
                .filter { state.streams[$0].waiters == 0 && state.streams[$0].isPaused }
                .map { state.end($0) }
        }
        for request in ended { request.cancel() }
    }

    /// Says that the server has another version by now.
    func markStale(_ reason: String) {
        let (isNew, path) = monitor.update { state in
            defer { state.isStale = true }
            return (!state.isStale, state.path)
        }
        guard isNew else { return }
        let place = path.map(String.init(describing:)) ?? "a file"
        environment.logger.notice("\(place) changed on the server while it was open: \(reason)")
    }

    /// Ends a stream with an error for those who wait for it.
    fileprivate func fail(_ id: Int, with failure: VolumeError) {
        var failure = failure
        // The stream was interrupted, not the programs that wait for it.
        if case .interrupted = failure { failure = .local("reading was given up") }
        monitor.update { state in
            guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return }
            if state.streams[index].waiters == 0 {
                state.streams.remove(at: index)
            } else {
                state.streams[index].failure = failure
            }
        }
    }

    /// Asks the server whether it still has the version; marks this read-ahead stale and throws `.stale` when not.
    ///
    /// Follows a file that is renamed meanwhile: `path` is where it was found then.
    fileprivate func checkVersion(_ path: inout RemotePath, for request: Request) throws(VolumeError) {
        while true {
            let reason: String
            do throws(RemoteError) {
                let attributes = try environment.attributes(
                    of: path, followsLink: followsLink, for: request)
                if attributes.kind == .file, version.matches(attributes.version) { return }
                reason = "it has another size or time"
            } catch {
                guard error.kind == .notFound else { throw VolumeError(error) }
                reason = "it is gone"
            }
            guard let newPath = newPath(after: path) else {
                markStale(reason)
                throw .stale
            }
            path = newPath
        }
    }
}

/// One stream at work; lives on its thread.
private final class Transfer {
    private enum Task {
        case fill(upTo: UInt64, urgent: Bool)
        case prove
        case end
    }

    private let owner: ReadAhead
    private let id: Int
    private let request: Request
    private let start: UInt64
    private var path: RemotePath
    private var place: UInt64
    private var reader: (any RemoteReader)?
    private var block: Block?
    private var filled = 0
    private var resumptions = 0
    private var resumedAt: UInt64

    init(owner: ReadAhead, stream: ReadStream, path: RemotePath) {
        self.owner = owner
        self.path = path
        id = stream.id
        request = stream.request
        start = stream.start
        place = stream.start
        resumedAt = stream.start
    }

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
                let stream = state.streams[index]
                if stream.failure != nil { return .end }
                if place >= owner.size { return .prove }
                state.streams[index].isPaused = place >= stream.limit
                if place < stream.limit { return .fill(upTo: stream.limit, urgent: stream.waiters > 0) }
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
                let windows = state.streams.map { $0.reach..<max($0.reach, $0.position) }
                let wants = state.wants
                let freed = state.pieces.dropOldest { piece in
                    !windows.contains { $0.overlaps(piece.range) }
                        && !wants.values.contains { $0.range.overlaps(piece.range) }
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
            owner.markStale("its transfer ended at \(place) of \(owner.size) bytes")
            throw .stale
        }
        filled += min(count, block.capacity - filled)
        place += UInt64(count)
        if place - resumedAt >= 1 << 20 { resumptions = 0 }
        // The last bytes are not given out before the end is proven: until then the file may turn out longer.
        if place < owner.size { announce() }
    }

    private func announce() {
        let (place, filled) = (self.place, self.filled)
        let isAwaited = owner.monitor.withLock { state in
            state.pieces.announce(filled, of: id)
            guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return false }
            state.streams[index].position = place
            return state.wants.values.contains { $0.stream == id && $0.range.upperBound <= place }
        }
        if isAwaited { owner.monitor.wakeAll() }
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
                owner.markStale("it has grown beyond \(owner.size) bytes")
                throw .stale
            }
            isProven = surplus == 0 && place - start <= owner.environment.settings.wholeFileLimit
        }
        if !isProven { try owner.checkVersion(&path, for: request) }
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
        if !isFirst || !isFresh { try owner.checkVersion(&path, for: request) }
        do throws(RemoteError) {
            let opened = try environment.store.openReader(
                path, at: place, length: owner.size - place, for: request)
            let id = self.id
            opened.onReclaim { [weak owner] in
                owner?.monitor.update { state in
                    guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return }
                    state.streams[index].isReclaimed = true
                }
            }
            reader = opened
            return opened
        } catch {
            guard error.kind == .notFound else { throw VolumeError(error) }
            guard let newPath = owner.newPath(after: path) else {
                owner.markStale("it is gone")
                throw .stale
            }
            path = newPath
            return try openReader()
        }
    }

    // Runs a step; a transfer that breaks is taken up again at the place reached, a few times.
    private func resuming(_ step: () throws(VolumeError) -> Void) throws(VolumeError) {
        do throws(VolumeError) {
            try step()
        } catch {
            guard let broken = reader, case .remote(let cause) = error, cause.isTransient,
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
