import Remote

/// The directory cache: one listing answers for all names of a directory; own changes are laid over it at once.
extension Tree {
    /// What is known about a name now.
    ///
    /// A fact counts before the listing, for facts are newer: a listing's arrival removes those that are older than its
    /// question. Files that exist here only never expire. Of a name that is there with attributes too old nobody knows what it is by now.
    func knowledge(of name: FileName, in state: DirectoryState, at now: Duration) -> Knowledge {
        if let fact = state.facts[name] {
            switch fact.value {
            case .local:
                return .local
            case .present(let attributes) where isFresh(fact.at, now):
                guard let statedAt = fact.statedAt, isFresh(statedAt, now) else { return .unknown }
                return .present(Finding(attributes: attributes, link: fact.link, at: statedAt))
            case .absent where isFresh(fact.at, now):
                return .absent
            default:
                break
            }
        }
        guard let listing = state.listing, isFresh(state.listedAt, now) else { return .unknown }
        if let row = listing.row(of: name) {
            return .present(Finding(attributes: listing.attributes(at: row), at: state.listedAt))
        }
        return listing.proves(absenceOf: name) ? .absent : .unknown
    }

    /// Whether a name is there now, be it with attributes that nobody knows any more.
    func holds(_ name: FileName, in state: DirectoryState, at now: Duration) -> Bool {
        if let fact = state.facts[name], case .present = fact.value, isFresh(fact.at, now) { return true }
        switch knowledge(of: name, in: state, at: now) {
        case .present, .local: return true
        case .absent, .unknown: return false
        }
    }

    /// Whether what was learned at a moment is believed still.
    func isFresh(_ moment: Duration, _ now: Duration) -> Bool {
        now - moment < configuration.directoryTimeout
    }

    /// What was last known of a name, however long ago; nil for names never seen and those that exist here only.
    func remembered(_ name: FileName, in state: DirectoryState) -> Attributes? {
        if let child = state.children[name], !child.isLocal { return child.attributes }
        switch state.facts[name]?.value {
        case .present(let attributes): return attributes
        case .absent, .local: return nil
        case nil:
            return state.listing.flatMap { listing in listing.row(of: name).map { listing.attributes(at: $0) }
            }
        }
    }

    // MARK: Facts

    /// Notes what is true of a name from now on, with attributes that the server has just stated.
    mutating func record(
        _ value: DirectoryState.Fact.Value, link: LinkView = .undecided, for name: FileName,
        in directory: Node, at now: Duration
    ) {
        record(value, statedAt: now, link: link, for: name, in: directory, at: now)
    }

    /// Notes what is true of a name from now on; `statedAt` is when the server stated its attributes, nil when nobody knows.
    mutating func record(
        _ value: DirectoryState.Fact.Value, statedAt: Duration?, link: LinkView = .undecided,
        for name: FileName, in directory: Node, at now: Duration
    ) {
        guard let state = directory.directory, !directory.isGone else { return }
        let fact = DirectoryState.Fact(
            value: value, link: link, at: now, statedAt: statedAt, sequence: tick())
        let old = state.facts.updateValue(fact, forKey: name)
        if old == nil { cachedEntries += 1 }
        if case .local = old?.value { state.localCount -= 1 }
        if case .local = value { state.localCount += 1 }
        touch(directory, state)
        if state.facts.count > Self.factLimit,
            state.facts.count - state.localCount > (state.listing?.count ?? 0) / 2
        {
            merge(state, of: directory, at: now)
        }
        evict(except: directory)
    }

    /// Notes an answer of the server that was asked for at `asked`, unless something newer is known.
    mutating func record(
        answer value: DirectoryState.Fact.Value, link: LinkView = .undecided, for name: FileName,
        in directory: Node, asked: UInt64, at now: Duration
    ) {
        guard let state = directory.directory, asked > state.doubtedAt else { return }
        if let fact = state.facts[name] {
            if case .local = fact.value { return }
            guard fact.sequence <= asked else { return }
        }
        record(value, link: link, for: name, in: directory, at: now)
    }

    /// Makes a name unknown: the next one who wants it has to ask.
    mutating func doubt(_ name: FileName, in directory: Node) {
        guard let state = directory.directory else { return }
        state.doubtedAt = sequence
        // A file that exists here only is there whatever the server says.
        if state.children[name]?.isLocal != true, let old = state.facts.removeValue(forKey: name) {
            cachedEntries -= 1
            if case .local = old.value { state.localCount -= 1 }
        }
        // The listing still has an opinion of the name; it must not be asked any more.
        if state.listing != nil {
            cachedEntries -= state.listing?.count ?? 0
            state.listing = nil
        }
        state.children[name]?.checkedAt = nil
    }

    /// Notes that a program changed the directory's entries, for its time of modification.
    func noteChange(of directory: Node, at now: Duration, wall: Timestamp) {
        directory.directory?.changedHere = (Timestamp(seconds: wall.seconds), now)
    }

    // MARK: Listings

    /// Takes in a listing; facts that are newer than its question stay.
    ///
    /// Returns whether it can be believed.
    mutating func land(_ listing: PackedListing, of directory: Node, _ flight: ListingFlight) -> Bool {
        guard let state = directory.directory, !directory.isGone, flight.sequence > state.doubtedAt else {
            return false
        }
        cachedEntries -= state.cost
        // A listing does not say where links lead; what was found out about that stays for its own time.
        let links = state.facts.filter { name, fact in
            guard fact.link == .followed || fact.link == .broken, isFresh(fact.at, flight.startedAt) else {
                return false
            }
            return listing.row(of: name).map { listing.kind(at: $0) == .symlink } ?? false
        }
        state.facts = state.facts.filter { _, fact in
            if case .local = fact.value { return true }
            return fact.sequence > flight.sequence
        }
        state.facts.merge(links) { newer, _ in newer }
        state.listing = listing
        state.listedAt = flight.startedAt
        state.timeless = []
        state.unlistableUntil = nil
        cachedEntries += state.cost
        touch(directory, state)
        evict(except: directory)
        return true
    }

    /// Drops a long listing that is not believed any more: a million names would lie beside those that come.
    ///
    /// One that states times to the minute may know some of them better than the next one, and stays.
    mutating func dropOutdatedListing(of directory: Node, at now: Duration) {
        guard let state = directory.directory, let listing = state.listing, !isFresh(state.listedAt, now),
            listing.count > Self.longCount, listing.attributes(at: 0).granularity <= .second
        else { return }
        cachedEntries -= listing.count
        state.listing = nil
    }

    /// From so many entries on a listing is long.
    private static let longCount = 50_000
    /// Changes kept apart from the listing before they are packed into it.
    private static let factLimit = 1024
    /// The listings used last that are never evicted.
    private static let sparedCount = 4

    // Packs facts into the listing, so that a directory with many changes stays small and quick to open.
    private mutating func merge(_ state: DirectoryState, of directory: Node, at now: Duration) {
        cachedEntries -= state.cost
        defer { cachedEntries += state.cost }
        guard let listing = state.listing, isFresh(state.listedAt, now) else {
            state.listing = nil
            thinOut(state, at: now)
            return
        }
        var merged = listing.entries.filter { state.facts[$0.name].map { !$0.isPackable } ?? true }
        for (name, fact) in state.facts where fact.isPackable {
            if case .present(let attributes) = fact.value {
                merged.append(Entry(name: name, attributes: attributes))
                // The whole counts as no younger than its parts.
                state.listedAt = min(state.listedAt, fact.statedAt ?? state.listedAt)
            }
        }
        // An incomplete listing cannot say that a name is absent: such facts have to stay.
        let flying = state.flight?.sequence ?? .max
        state.facts = state.facts.filter { name, fact in
            if !fact.isPackable || fact.sequence > flying { return true }
            if case .absent = fact.value { return !listing.proves(absenceOf: name) }
            return false
        }
        state.listing = PackedListing(
            EntryList(merged), isComplete: listing.isComplete, mayLackDotNames: listing.mayLackDotNames)
    }

    // Without a listing under them facts may be dropped: the names are unknown then.
    private func thinOut(_ state: DirectoryState, at now: Duration) {
        let flying = state.flight?.sequence ?? .max
        let oldest = sequence > UInt64(Self.factLimit / 2) ? sequence - UInt64(Self.factLimit / 2) : 0
        state.facts = state.facts.filter { _, fact in
            if case .local = fact.value { return true }
            return fact.sequence > flying || (isFresh(fact.at, now) && fact.sequence > oldest)
        }
    }

    // MARK: Bounds

    /// Notes that a directory is in use.
    mutating func touch(_ directory: Node, _ state: DirectoryState) {
        useCount += 1
        state.lastUse = useCount
        cachedDirectories[directory.id.rawValue] = directory
    }

    /// Drops what is cached of a directory.
    mutating func dropCache(of directory: Node, _ state: DirectoryState, keepingLocal: Bool = true) {
        cachedEntries -= state.cost
        state.doubtedAt = sequence
        state.listing = nil
        state.askedAt = nil
        state.facts = state.facts.filter { _, fact in
            if keepingLocal, case .local = fact.value { return true }
            return false
        }
        if !keepingLocal { state.localCount = 0 }
        cachedEntries += state.cost
        if state.facts.isEmpty { cachedDirectories[directory.id.rawValue] = nil }
    }

    /// Drops all that is cached and can be asked for again; the kernel drops its pages of a file with the next open.
    mutating func dropAllCaches() {
        _ = tick()
        for directory in Array(cachedDirectories.values) {
            guard let state = directory.directory else { continue }
            dropCache(of: directory, state)
            collect(directory)
        }
        for node in shelf.expire(at: nil) { collect(node) }
        for node in nodes.values where !node.isLocal {
            node.checkedAt = nil
            node.file?.kernelPages = nil
            node.file?.hasNews = true
        }
    }

    // The directories left alone for longest go first; a quarter at a time, so that sorting them costs little.
    private mutating func evict(except current: Node) {
        let limit = configuration.directoryLimit
        guard cachedEntries > limit, cachedDirectories.count > 1 else { return }
        let byAge = cachedDirectories.values.sorted {
            ($0.directory?.lastUse ?? 0) < ($1.directory?.lastUse ?? 0)
        }
        // Those in use by now stay, or a directory larger than the limit would be listed again and again.
        let recent = Set(byAge.filter { $0.directory?.listing != nil }.suffix(Self.sparedCount).map(\.id))
        for directory in byAge where directory !== current && !recent.contains(directory.id) {
            guard cachedEntries > limit - limit / 4 else { break }
            guard let state = directory.directory else { continue }
            dropCache(of: directory, state)
            collect(directory)
        }
    }
}

extension DirectoryState.Fact {
    /// Whether a row of a listing can say the same.
    fileprivate var isPackable: Bool {
        if case .local = value { return false }
        return statedAt != nil && (link == .undecided || link == .shown)
    }
}
