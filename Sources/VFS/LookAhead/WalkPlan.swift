import Remote

/// Something to be done before it is asked for.
enum Errand: Hashable {
    /// List a directory of a directory.
    case list(FileName, in: NodeID)
    /// Fetch a file of a directory whole.
    case fetch(FileName, in: NodeID)

    /// Whether it is a transfer of a file.
    var isFetch: Bool {
        if case .fetch = self { return true }
        return false
    }
}

/// What a plan has to know of the tree.
protocol WalkedTree {
    /// How far a directory is known that is a row of another one.
    func directory(_ name: FileName, in parent: NodeID) -> WalkPlan.DirectoryState
    /// Whether a file that is a row of a directory is worth fetching.
    func file(_ name: FileName, in parent: NodeID) -> WalkPlan.FileState
}

/// What comes next on a walk, as far ahead as the limits allow: a policy without I/O.
///
/// Depth first: a directory's entries in order, those of each of its directories at the place of that directory, then what follows in
/// the directories above.
struct WalkPlan {
    /// How far ahead to go.
    struct Limits {
        /// The most directories ahead of the walker.
        var directories: Int
        /// The most entries in the directories ahead of the walker.
        var entries: Int
        /// The most files ahead of the walker.
        var files: Int
        /// The most bytes in these files.
        var bytes: UInt64
        /// The largest file fetched, in bytes.
        var fileSize: UInt64
    }

    /// How far a directory ahead is known.
    enum DirectoryState {
        /// Nobody has listed it.
        case unlisted
        /// It is being listed, or is not to be: nothing below it can be said.
        case closed
        /// Its rows are here.
        case listed(NodeID, ArrangedListing)
        /// It is gone.
        case absent
    }

    /// What is to be done about a file ahead.
    enum FileState {
        /// It is to be fetched.
        case wanted
        /// It is being fetched, or is here.
        case coming
        /// It is not worth fetching.
        case passed
    }

    private let limits: Limits
    private let order: EntryOrder
    private let entersDirectories: Bool
    private let vain: Set<Errand>
    private(set) var errands: [Errand] = []
    private var directories = 0
    private var entries = 0
    private var files = 0
    private var bytes: UInt64 = 0
    private var rowsSeen = 0
    // Behind a directory that is not known yet its files come first.
    private var mayFetch: Bool

    /// The most rows looked at.
    private static let rowLimit = 5000

    /// Plans for a walk; sorts listings where the walk's order asks for it.
    init(_ walk: Walk, _ limits: Limits, _ tree: some WalkedTree) {
        self.limits = limits
        order = walk.order
        entersDirectories = walk.entersDirectories
        vain = walk.vain
        mayFetch = walk.readsFiles
        guard walk.isBelieved else { return }
        for frame in walk.frames.reversed() {
            // Until its rows are here, nothing is known to come before what follows above it.
            guard let rows = frame.rows else {
                mayFetch = false
                continue
            }
            let arrangement = rows.arranged(order)
            let directories = arrangement.place(after: frame.lastDirectory)
            let files = max(directories, arrangement.place(after: frame.lastFile))
            let starts = (directories: frame.lastDirectory == nil ? 0 : directories, files: files)
            guard go(through: rows, of: frame.directory, from: starts, tree) else { return }
        }
    }

    // Returns false when the limits are reached.
    private mutating func go(
        through rows: ArrangedListing, of parent: NodeID, from starts: (directories: Int, files: Int),
        _ tree: some WalkedTree
    ) -> Bool {
        let arrangement = rows.arranged(order)
        var place = min(starts.directories, starts.files)
        while place < arrangement.count {
            guard rowsSeen < Self.rowLimit, entersDirectories || mayFetch else { return false }
            rowsSeen += 1
            defer { place += 1 }
            let row = arrangement.row(at: place)
            switch rows.listing.kind(at: row) {
            case .directory where entersDirectories && place >= starts.directories:
                guard let name = FileName(rows.listing.nameBytes(at: row)) else { continue }
                guard enter(name, in: parent, tree) else { return false }
            case .file where mayFetch && place >= starts.files:
                take(row, rows.listing, in: parent, tree)
            default: continue
            }
        }
        return true
    }

    private mutating func enter(_ name: FileName, in parent: NodeID, _ tree: some WalkedTree) -> Bool {
        guard directories < limits.directories, entries < limits.entries else { return false }
        switch tree.directory(name, in: parent) {
        case .absent: return true
        case .closed: mayFetch = false
        case .unlisted:
            let errand = Errand.list(name, in: parent)
            if vain.contains(errand) { return true }
            mayFetch = false
            errands.append(errand)
        case .listed(let id, let rows):
            directories += 1
            entries += rows.listing.count
            return go(through: rows, of: id, from: (0, 0), tree)
        }
        directories += 1
        return true
    }

    private mutating func take(
        _ row: Int, _ listing: PackedListing, in parent: NodeID, _ tree: some WalkedTree
    ) {
        guard let size = listing.size(at: row), size > 0, size <= limits.fileSize,
            let name = FileName(listing.nameBytes(at: row))
        else { return }
        let state = tree.file(name, in: parent)
        let errand = Errand.fetch(name, in: parent)
        if case .passed = state { return }
        if vain.contains(errand) { return }
        guard files < limits.files, bytes + size <= limits.bytes else {
            mayFetch = false
            return
        }
        files += 1
        bytes += size
        if case .wanted = state { errands.append(errand) }
    }
}
