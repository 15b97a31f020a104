import Remote

/// One open(2) of a file.
final class FileHandle {
    /// The file.
    let node: Node
    /// The content that this handle reads and writes.
    let content: FileContent
    /// How it was opened.
    let mode: OpenMode
    /// Something was read through it.
    var hasRead = false
    /// How often something was to be written or truncated through it.
    var writes = 0
    /// How many of these the last successful flush has brought to the server.
    var flushedWrites = 0
    /// Its last close(2) has begun: it will not see to the content any more.
    var isClosing = false
    /// Its open dropped the content (O_TRUNC), and nothing was written through it since.
    var hasOnlyTruncated = false

    /// Something was written or truncated through it that no flush has brought to the server.
    var hasWritten: Bool { writes != flushedWrites }

    /// Makes a handle for a place in the table.
    init(node: Node, content: FileContent, mode: OpenMode) {
        self.node = node
        self.content = content
        self.mode = mode
    }
}

/// One opendir(3) of a directory.
final class DirectoryHandle {
    /// The directory.
    let node: Node
    /// The rows that this handle hands out; nil until it is listed.
    var snapshot: DirectorySnapshot?
    /// Rows were handed out; a return to the start takes a new snapshot then (rewinddir(3)).
    var hasAdvanced = false

    /// Makes a handle for a place in the table.
    init(node: Node, snapshot: DirectorySnapshot?) {
        self.node = node
        self.snapshot = snapshot
    }
}

/// A directory's entries at one moment: the shared listing, and what was laid over it.
struct DirectorySnapshot {
    /// The listing.
    let listing: PackedListing
    /// When it was asked for.
    let listedAt: Duration
    /// From when on its rows are believed for the time of the directory cache.
    let believedFrom: Duration
    /// What counts before it.
    let facts: [FileName: DirectoryState.Fact]
    /// The names that only the facts have, in order.
    let added: [FileName]

    /// Lays facts over a listing.
    init(
        listing: PackedListing, at listedAt: Duration, believedFrom: Duration,
        facts: [FileName: DirectoryState.Fact]
    ) {
        self.listing = listing
        self.listedAt = listedAt
        self.believedFrom = believedFrom
        self.facts = facts
        added = facts.compactMap { name, fact in
            if case .absent = fact.value { return nil }
            return listing.row(of: name) == nil ? name : nil
        }.sorted()
    }

    /// The number of places, those of removed names included.
    var count: Int { listing.count + added.count }

    /// The name at a place.
    func name(at place: Int) -> FileName? {
        place < listing.count ? FileName(listing.nameBytes(at: place)) : added[place - listing.count]
    }

    /// What stood at a place; a file where it existed here only.
    func kind(at place: Int, _ name: FileName) -> FileKind {
        switch facts[name]?.value {
        case .present(let attributes): attributes.kind
        case .absent, .local: .file
        case nil: place < listing.count ? listing.kind(at: place) : .file
        }
    }

    /// What is at a place; `.absent` for a name that was removed.
    func finding(at place: Int, _ name: FileName) -> Knowledge {
        if !facts.isEmpty, let fact = facts[name] {
            switch fact.value {
            case .absent: return .absent
            case .local: return .local
            case .present(let attributes):
                guard let statedAt = fact.statedAt else { return .unknown }
                return .present(Finding(attributes: attributes, link: fact.link, at: statedAt))
            }
        }
        guard place < listing.count else { return .absent }
        return .present(Finding(attributes: listing.attributes(at: place), at: listedAt))
    }
}
