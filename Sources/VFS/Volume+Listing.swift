import Logging
import Posix
import Remote

extension Volume {
    /// A directory's listing, from the cache or the server; shared with all who want it at the same time.
    ///
    /// `since` asks for one that was begun then or later. `sequence` orders one that has come just now among the changes. A failed listing is
    /// an error, never an empty directory.
    func list(_ directory: Node, since: Duration? = nil, for request: Request) throws(VolumeError) -> (
        rows: PackedListing, at: Duration, sequence: UInt64?
    ) {
        while true {
            switch try boarding(directory, since) {
            case .known(let rows, let at):
                return (rows, at, nil)
            case .join(let flight):
                // Work done ahead waits for nobody.
                guard request.urgency == .demanded else { throw .interrupted }
                switch try flight.wait(for: request) {
                case .landed(let rows):
                    if let since, flight.startedAt < since { continue }
                    return (rows, flight.startedAt, flight.sequence)
                case .failed(let error): throw VolumeError(error)
                case .abandoned: continue
                }
            case .lead(let flight):
                if let rows = try fly(flight, directory, for: request) {
                    return (rows, flight.startedAt, flight.sequence)
                }
            }
        }
    }

    private enum Boarding {
        case known(PackedListing, Duration)
        case join(ListingFlight)
        case lead(ListingFlight)
    }

    private func boarding(_ directory: Node, _ since: Duration?) throws(VolumeError) -> Boarding {
        try tree.withLock { tree throws(VolumeError) in
            guard let state = directory.directory else { throw .notDirectory }
            guard !directory.isGone else { throw .notFound }
            let now = self.now
            if let listing = state.listing, tree.isFresh(state.listedAt, now),
                since.map({ state.listedAt >= $0 }) ?? true
            {
                tree.touch(directory, state)
                return .known(listing, state.listedAt)
            }
            if let flight = state.flight { return .join(flight) }
            tree.dropOutdatedListing(of: directory, at: now)
            let flight = ListingFlight(sequence: tree.tick(), startedAt: now)
            state.flight = flight
            return .lead(flight)
        }
    }

    // Lists a directory for all who wait; nil when the answer cannot be believed and somebody has to try again.
    private func fly(_ flight: ListingFlight, _ directory: Node, for request: Request) throws(VolumeError)
        -> PackedListing?
    {
        do {
            var listing = try withPath(of: directory, for: request) { path throws(RemoteError) in
                try store.list(path, for: request)
            }
            let known = tree.withLock { _ in
                (listing: directory.directory?.listing, facts: directory.directory?.facts ?? [:])
            }
            refine(&listing.entries, by: known.listing, known.facts)
            let rows = PackedListing(
                listing.entries, isComplete: listing.isComplete, mayLackDotNames: listing.mayLackDotNames)
            let isValid = tree.withLock { tree in
                directory.directory?.flight = nil
                let isValid = tree.land(rows, of: directory, flight)
                if isValid { spareListings(of: directory, rows.count, after: now - flight.startedAt) }
                return isValid
            }
            if !rows.isComplete {
                logOnce(
                    "incomplete \(directory.id.rawValue)",
                    "the listing of \(describe(directory)) may lack entries; they are found by name")
            }
            flight.finish(isValid ? .landed(rows) : .abandoned)
            return isValid ? rows : nil
        } catch {
            tree.withLock { tree in
                directory.directory?.flight = nil
                // What fails ahead proves nothing.
                if request.urgency == .demanded, case .remote(let reason) = error, reason.kind == .notFound,
                    let (parent, name) = place(of: directory)
                {
                    tree.record(answer: .absent, for: name, in: parent, asked: flight.sequence, at: now)
                }
                tree.collect(directory)
            }
            // The others are not to fail for an interruption that was not theirs, nor for what nobody had asked for.
            switch error {
            case .remote(let reason) where request.urgency == .demanded: flight.finish(.failed(reason))
            default: flight.finish(.abandoned)
            }
            throw error
        }
    }

    // Listings of so many rows at the most take long only where the server, or a connection to it, was waited for.
    private static let shortListing = 200

    // A listing that took long is old soon after it comes, if not before: names are asked for singly for a while then, lest every other one
    // cost a listing. Called with the tree lock held.
    private func spareListings(of directory: Node, _ count: Int, after time: Duration) {
        let timeout = configuration.directoryTimeout
        guard timeout > .zero, time > timeout / 2, count > Self.shortListing, store.traits.statsOneName
        else { return }
        directory.directory?.unlistableUntil = now + max(timeout, time * 4)
    }

    // Keeps the exact times that are known of files whose rows state only the minute or the day of the same time.
    private func refine(
        _ entries: inout EntryList, by listing: PackedListing?, _ facts: [FileName: DirectoryState.Fact]
    ) {
        for index in entries.indices where entries.attributes(at: index).granularity > .second {
            let name = entries[index].name
            if case .present(let known) = facts[name]?.value {
                entries.change(index) { $0.refine(by: known) }
            } else if let listing, let row = listing.row(of: name) {
                entries.change(index) { $0.refine(by: listing.attributes(at: row)) }
            }
        }
    }

    /// A node's path for a message.
    func describe(_ node: Node) -> String {
        tree.withLock { $0.path(of: node)?.description ?? "a removed file" }
    }
}
