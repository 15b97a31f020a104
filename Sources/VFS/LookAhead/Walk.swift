import Remote

/// The way of one program through the tree, as far as its steps have shown it: a policy without I/O.
///
/// A walk begins with any directory that is listed, or in which a file is opened. It is believed once steps follow one another as a
/// program would make them that goes through everything: into the first directory of a directory, to the next one beside it, to the
/// next file. From then on it tells what comes next, depth first, as fts(3) goes. A step that it does not explain is none of its own.
struct Walk {
    /// A directory on the way from the top of the walk to the place reached.
    struct Frame {
        /// The directory.
        let directory: NodeID
        /// Its rows; nil while they are not here yet.
        var rows: ArrangedListing?
        /// The directory in it that was entered last.
        var lastDirectory: Int?
        /// The file in it that was opened last.
        var lastFile: Int?

        /// Whether there are files with anything in them.
        var hasFiles: Bool {
            guard let listing = rows?.listing else { return false }
            return (0..<listing.count).contains { listing.kind(at: $0) == .file && listing.size(at: $0) != 0 }
        }

        /// Stands before the first row.
        init(_ directory: NodeID, _ rows: ArrangedListing?) {
            self.directory = directory
            self.rows = rows
        }
    }

    /// Names the walk.
    let id: Int
    /// The way down, the top first.
    private(set) var frames: [Frame]
    /// When a step was last made.
    private(set) var steppedAt: Duration
    /// Whether directories are entered in order.
    private(set) var entersDirectories = false
    /// Whether files are opened and read in order.
    private(set) var readsFiles = false
    /// The orders that explain the steps so far.
    private var orders = Set(EntryOrder.allCases)
    /// What cannot be done ahead.
    private(set) var vain: Set<Errand> = []
    private var filesInOrder = 0
    private var filesMissed = 0
    private var hasRead = false

    /// The most errands remembered as vain.
    private static let vainLimit = 256
    /// The longest pause before a step of a program.
    private static let firstPause: Duration = .seconds(5)
    /// The most rows of the same kind that a believed walk may pass over.
    private static let gapLimit = 4
    /// The files opened in order that make a pattern.
    private static let patternLength = 2
    /// So many files in a row that were not expected end the pattern.
    private static let missLimit = 3

    /// Begins at a directory.
    init(id: Int, top: Frame, at now: Duration) {
        self.id = id
        frames = [top]
        steppedAt = now
    }

    /// Whether anything can be said about what comes next.
    var isBelieved: Bool { entersDirectories || readsFiles }

    /// The order that the next entries are expected in.
    var order: EntryOrder { EntryOrder.allCases.first { orders.contains($0) } ?? .listed }

    /// The frame of a directory, the deepest one first.
    func frame(of directory: NodeID) -> Int? { frames.lastIndex { $0.directory == directory } }

    /// Notes the rows of a directory on the way.
    mutating func fill(_ directory: NodeID, with rows: ArrangedListing) {
        for index in frames.indices where frames[index].directory == directory && frames[index].rows == nil {
            frames[index].rows = rows
        }
    }

    /// Notes that something cannot be done ahead.
    mutating func giveUp(_ errand: Errand) {
        if vain.count >= Self.vainLimit { vain = [] }
        vain.insert(errand)
    }

    // MARK: Steps

    /// Whether a directory is entered where a program that goes through all would enter it next.
    func explains(entering name: FileName, in frame: Int, at now: Duration) -> Bool {
        guard let rows = frames[frame].rows, let row = rows.listing.row(of: name) else { return false }
        return !explanations(
            of: row, after: frames[frame].lastDirectory, rows, isKnown: entersDirectories && isSoon(now)
        ).isEmpty
    }

    // A person who goes down by hand takes his time.
    private func isSoon(_ now: Duration) -> Bool { now - steppedAt <= Self.firstPause }

    /// Takes the step into a directory.
    mutating func enter(_ name: FileName, in index: Int, _ child: Frame, at now: Duration) {
        // Who leaves a directory without having opened its files does not want the next ones either.
        if frames[(index + 1)...].contains(where: { $0.lastFile == nil && $0.hasFiles }) { stopReading() }
        frames.removeSubrange((index + 1)...)
        if let rows = frames[index].rows, let row = rows.listing.row(of: name) {
            let fitting = explanations(
                of: row, after: frames[index].lastDirectory, rows,
                isKnown: entersDirectories && isSoon(now))
            entersDirectories = !fitting.isEmpty && isSoon(now)
            orders = fitting.isEmpty ? Set(EntryOrder.allCases) : fitting
            frames[index].lastDirectory = row
        }
        frames.append(child)
        steppedAt = now
    }

    /// Stands at a directory of the top that may be any of them.
    mutating func start(with name: FileName, _ child: Frame) {
        frames[0].lastDirectory = frames[0].rows?.listing.row(of: name)
        frames.append(child)
    }

    /// Stands at a file of the top that may be any of them.
    mutating func start(with name: FileName) {
        frames[0].lastFile = frames[0].rows?.listing.row(of: name)
    }

    /// Takes the opening of a file; returns false when it cannot be a step of this walk.
    mutating func open(_ name: FileName, in index: Int, at now: Duration) -> Bool {
        guard let rows = frames[index].rows, let row = rows.listing.row(of: name) else { return false }
        guard row != frames[index].lastFile else { return true }
        let fitting = explanations(of: row, after: frames[index].lastFile, rows, isKnown: readsFiles)
        if fitting.isEmpty {
            let arrangement = rows.arranged(order)
            let isBehind =
                arrangement.place(after: row) <= arrangement.place(after: frames[index].lastFile)
            guard !readsFiles || !isBehind else { return false }
            filesMissed += 1
            if !readsFiles || filesMissed >= Self.missLimit { stopReading() }
            if !entersDirectories { orders = Set(EntryOrder.allCases) }
        } else {
            orders = fitting
            filesInOrder += 1
            filesMissed = 0
        }
        frames.removeSubrange((index + 1)...)
        frames[index].lastFile = row
        steppedAt = now
        believeReading()
        return true
    }

    /// Takes the first read of a file that was opened.
    mutating func read(_ name: FileName, in index: Int) {
        guard let row = frames[index].lastFile, frames[index].rows?.listing.row(of: name) == row else {
            return
        }
        hasRead = true
        believeReading()
    }

    private mutating func stopReading() {
        (readsFiles, filesInOrder, hasRead) = (false, 0, false)
    }

    private mutating func believeReading() {
        if hasRead, filesInOrder >= Self.patternLength { readsFiles = true }
    }

    // The orders in which a row comes next after another one of its kind, or soon where the walk is believed.
    private func explanations(
        of row: Int, after last: Int?, _ rows: ArrangedListing, isKnown: Bool
    ) -> Set<EntryOrder> {
        let gap = isKnown ? Self.gapLimit : 1
        let fitting = orders.filter { Self.follows(row, after: last, rows, $0, within: gap) }
        guard fitting.isEmpty, !isKnown else { return fitting }
        return Set(EntryOrder.allCases.filter { Self.follows(row, after: last, rows, $0, within: 1) })
    }

    private static func follows(
        _ row: Int, after last: Int?, _ rows: ArrangedListing, _ order: EntryOrder, within gap: Int
    ) -> Bool {
        let arrangement = rows.arranged(order)
        let target = arrangement.place(after: row) - 1
        let kind = rows.listing.kind(at: row)
        var place = arrangement.place(after: last)
        guard place <= target else { return false }
        var passed = 0
        while place < target {
            if rows.listing.kind(at: arrangement.row(at: place)) == kind {
                passed += 1
                guard passed < gap else { return false }
            }
            place += 1
        }
        return true
    }
}
