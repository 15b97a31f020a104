import Logging
import Posix
import Remote

// Several streams for one sequential reader.
extension ReadAhead {
    /// Opens further streams as far as the convoy has use for them; to be called with no lock held.
    func recruit() {
        while let (stream, path) = claim(at: .now) { launch(stream, path: path) }
    }

    private func claim(at now: ContinuousClock.Instant) -> (ReadStream, RemotePath)? {
        monitor.withLock { state in
            guard state.hasPlace(at: now), !state.isClosed, !state.isStale, !state.isMoving,
                let path = state.path, let reach = state.convoy?.reach,
                state.pieces.capacity(beyond: reach) < environment.budget.hold(of: state.convoyStreams + 1),
                environment.budget.takeSpareStream(for: self), let segment = state.convoy?.begin()
            else { return nil }
            state.nextID += 1
            state.uses += 1
            let stream = ReadStream(
                id: state.nextID, segment: segment, lead: environment.settings.readAhead, use: state.uses)
            state.streams.append(stream)
            state.convoy?.join(stream.id)
            _ = state.recut()
            return (stream, path)
        }
    }

    /// Counts bytes that a stream has brought; returns whether further streams should be opened.
    ///
    /// Called with the lock held.
    func measure(
        _ count: Int, of index: Int, _ state: inout State, at now: ContinuousClock.Instant
    ) -> Bool {
        let stream = state.streams[index]
        let (settings, budget) = (environment.settings, environment.budget)
        let most = min(settings.readAhead, budget.share)
        let isFlowing = stream.isSpare || stream.lead >= most && settings.readAhead >= Self.leastFlow
        let memory = budget.hold(of: settings.streamsPerFile)
        if stream.isSpare, !state.gain.isOnTrial { state.gain.beginTrial() }
        let advice = state.gain.note(
            count, opening: budget.opening, left: size - stream.position, isFlowing: isFlowing,
            width: settings.streamsPerFile,
            segment: Convoy.longestSegment(most: settings.streamsPerFile, memory: memory), at: now)
        switch advice {
        case .none:
            return false
        case .gather:
            environment.logger.debug("several streams for one file bring nothing here")
            budget.forbidSeveralStreams(at: now)
            state.convoy?.end()
            return false
        case .spread:
            guard budget.allowsSeveralStreams(at: now), !state.streams.contains(where: \.isSpare) else {
                state.gain.gathered()
                return false
            }
            environment.logger.debug(
                "reading through several streams: one brings \(Int(state.gain.singleRate)) bytes a second and opens in \(budget.opening)"
            )
            let cycle = state.gain.singleRate * Self.openingsPerSegment * budget.opening.inSeconds
            state.convoy = Convoy(
                leader: stream.id, reach: stream.reach, position: stream.position, fileSize: size,
                most: settings.streamsPerFile, cycle: UInt64(min(cycle, 1e12)),
                memory: memory)
            state.hasSpread = true
            _ = state.recut()
            return true
        }
    }

    /// A reader that is led by less is not to be led by several streams.
    private static let leastFlow: UInt64 = 1 << 20
    /// A segment lasts for as long as so many openings.
    private static let openingsPerSegment = 8.0

    /// Notes that a read was answered; returns whether threads have to be woken.
    ///
    /// Called with the lock held.
    func follow(_ range: Range<UInt64>, _ state: inout State) -> Bool {
        let settings = environment.settings
        guard state.convoy?.follow(range, gapLimit: settings.gapLimit) == true, let convoy = state.convoy
        else {
            return false
        }
        let kept = settings.keptBehind
        if convoy.reach > kept {
            let wants = state.wants
            let freed = state.pieces.drop { piece in
                convoy.members.contains(piece.stream) && piece.range.upperBound <= convoy.reach - kept
                    && !wants.values.contains { $0.range.overlaps(piece.range) }
            }
            environment.budget.release(freed)
        }
        var wakes = false
        for index in state.streams.indices where state.streams[index].isSpare {
            state.streams[index].wasUsed = true
            guard state.streams[index].isPaused, !holds(state.streams[index], state) else { continue }
            if state.streams[index].refill() { wakes = true }
        }
        return wakes
    }

    /// Whether a stream has to wait until the reader has used what is there already.
    ///
    /// Called with the lock held.
    func holds(_ stream: ReadStream, _ state: State) -> Bool {
        guard stream.isSpare, stream.waiters == 0, let reach = state.convoy?.reach else { return false }
        return state.pieces.capacity(beyond: reach) >= environment.budget.hold(of: state.convoyStreams)
    }

    /// Notes that somebody else wants the connection of a stream; one that nobody needs is ended at once.
    func reclaim(_ id: Int) {
        let ended = monitor.update { state -> Request? in
            guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return nil }
            if state.streams[index].isSpare { return state.end(index) }
            state.streams[index].isReclaimed = true
            return nil
        }
        ended?.cancel()
    }
}

extension Duration {
    /// The time in seconds.
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
