import Logging
import Posix
import Remote

// How streams begin and end.
extension ReadAhead {
    /// Starts the thread of a stream that has been entered; the right to run it has been taken.
    ///
    /// `reader` is its transfer where that has begun already.
    func launch(_ stream: ReadStream, path: RemotePath, reader: (any RemoteReader)? = nil) {
        do throws(Errno) {
            try Thread.detach(named: "read-ahead") {
                ReadTransfer(owner: self, stream: stream, path: path, reader: reader).run()
            }
        } catch {
            reader?.close()
            fail(stream.id, with: .local("no thread for reading: \(error)"))
            environment.budget.endStream()
        }
    }

    /// Begins with a transfer that was opened at the first byte of the version; a small file's runs to its end whether anybody reads or not.
    ///
    /// Returns false, without having touched it, when there is something already or no thread for it. Does not block.
    func prime(with reader: any RemoteReader, path: RemotePath) -> Bool {
        guard environment.budget.takeSpareStream(for: self) else { return false }
        let stream = monitor.withLock { state -> ReadStream? in
            guard !state.isClosed, !state.hasOpened, state.streams.isEmpty, state.pieces.isEmpty else {
                return nil
            }
            state.hasOpened = true
            state.path = path
            state.nextID += 1
            let settings = environment.settings
            let stream = ReadStream(
                id: state.nextID, start: 0, end: 0, fileSize: size, whole: size <= settings.wholeFileLimit,
                lead: nil, mostLead: min(settings.readAhead, environment.budget.share),
                fullLead: settings.readAhead, use: state.uses)
            state.streams.append(stream)
            return stream
        }
        guard let stream else {
            environment.budget.endStream()
            return false
        }
        launch(stream, path: path, reader: reader)
        return true
    }

    /// Ends everything: streams are cancelled, memory is given back, readers that wait get nil.
    ///
    /// Does not block.
    func close() {
        let requests = monitor.update { state in
            state.isClosed = true
            let requests = state.streams.map(\.request)
            state.streams = []
            state.convoy = nil
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
            if thoroughness == .idle { ended += state.dissolve() }
            let needed = state.neededRanges
            environment.budget.release(
                state.pieces.drop { piece in !needed.contains { $0.overlaps(piece.range) } })
            return ended
        }
        for request in ended { request.cancel() }
    }

    /// Ends streams that nobody waits for and that are paused or on spare connections.
    func endIdleStreams() {
        let ended = monitor.update { state in
            state.dissolve()
                + state.streams.indices.reversed()
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
    func fail(_ id: Int, with failure: VolumeError) {
        var failure = failure
        // The stream was interrupted, not the programs that wait for it.
        if case .interrupted = failure { failure = .local("reading was given up") }
        monitor.update { state in
            guard let index = state.streams.firstIndex(where: { $0.id == id }) else { return }
            if state.streams[index].isSpare {
                // Whoever waits for it opens a stream in its place, and hears what comes of that.
                _ = state.end(index)
            } else if state.streams[index].waiters == 0 {
                state.streams.remove(at: index)
            } else {
                state.streams[index].failure = failure
            }
        }
    }

    /// Asks the server whether it still has the version; throws `.stale` when not, and `marks` this read-ahead stale.
    ///
    /// Follows a file that is renamed meanwhile: `path` is where it was found then.
    func checkVersion(_ path: inout RemotePath, marks: Bool, for request: Request) throws(VolumeError) {
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
                if marks { markStale(reason) }
                throw .stale
            }
            path = newPath
        }
    }
}
