import Remote

/// The walks that are being made, and what is to be done for them: a policy without I/O, guarded by the lock of the look-ahead.
struct Walks {
    /// A directory that is entered, or in which a file is opened.
    struct Place {
        /// The directory.
        let directory: NodeID
        /// Its rows, as far as they are here.
        let rows: ArrangedListing?
        /// Its name; nil for the mounted directory.
        let name: FileName?
    }

    /// An errand of a walk.
    struct Task {
        /// What is to be done.
        let errand: Errand
        /// For which walk.
        let walk: Int
    }

    /// The errands that nobody has begun, in the order they are wanted in.
    private(set) var tasks: [Task] = []
    // Those stepped last come last.
    private var walks: [Walk] = []
    private var lastID = 0

    /// The most walks remembered.
    static let limit = 8
    /// A walk that has made no step for so long is over.
    static let patience: Duration = .seconds(3)

    /// Forgets all walks and their errands.
    mutating func removeAll() {
        (walks, tasks) = ([], [])
    }

    /// The next errand, taken out, one to fetch only where that may be, and none that is under way; those of walks that are over are dropped.
    mutating func nextTask(at now: Duration, mayFetch: Bool, besides underWay: Set<Errand> = []) -> Task? {
        tasks = tasks.filter { goesOn($0.walk, at: now) }
        return
            tasks.firstIndex { (mayFetch || !$0.errand.isFetch) && !underWay.contains($0.errand) }
            .map { tasks.remove(at: $0) }
    }

    /// Whether a walk goes on, so that what was begun for it is still of use.
    func goesOn(_ id: Int, at now: Duration) -> Bool {
        walks.contains { $0.id == id && $0.isBelieved && now - $0.steppedAt <= Self.patience }
    }

    /// Takes a listing that a program asks for; returns the walk that it is a step of.
    ///
    /// `parent` is the directory above. `opensIt` says that the directory is opened, and not only looked into.
    mutating func enter(_ place: Place, below parent: Place?, opensIt: Bool, at now: Duration) -> Int? {
        if let name = place.name, let parent {
            let above = walks.indices.compactMap { index in
                walks[index].frame(of: parent.directory).map { (walk: index, frame: $0) }
            }
            let child = Walk.Frame(place.directory, place.rows)
            if let step = above.last(where: { walks[$0.walk].explains(entering: name, in: $0.frame, at: now) }
            ) {
                return take(step.walk) { $0.enter(name, in: step.frame, child, at: now) }
            }
            if !opensIt, walks.contains(where: { $0.frame(of: place.directory) != nil }) { return nil }
            // One that is not believed yet may begin with any directory; the others are left alone.
            if let step = above.last(where: { !walks[$0.walk].isBelieved }) {
                return take(step.walk) { $0.enter(name, in: step.frame, child, at: now) }
            }
            return take(begin(Walk.Frame(parent.directory, parent.rows), now)) { walk in
                walk.start(with: name, child)
            }
        }
        if !opensIt, walks.contains(where: { $0.frame(of: place.directory) != nil }) { return nil }
        return walks[begin(Walk.Frame(place.directory, place.rows), now)].id
    }

    /// Takes the opening of a file in a directory; returns the walk that it is a step of.
    mutating func open(_ name: FileName, in parent: Place, at now: Duration) -> Int? {
        for index in walks.indices.reversed() {
            guard let frame = walks[index].frame(of: parent.directory) else { continue }
            if walks[index].open(name, in: frame, at: now) { return take(index) { _ in } }
        }
        guard parent.rows != nil else { return nil }
        return take(begin(Walk.Frame(parent.directory, parent.rows), now)) { walk in
            walk.start(with: name)
        }
    }

    /// Takes the first read of a file; returns the walk that has opened it last.
    mutating func read(_ name: FileName, in parent: NodeID) -> Int? {
        guard let index = walks.indices.last(where: { walks[$0].frame(of: parent) != nil }),
            let frame = walks[index].frame(of: parent)
        else { return nil }
        walks[index].read(name, in: frame)
        return walks[index].id
    }

    /// Notes the rows of a directory that has been listed.
    mutating func fill(_ directory: NodeID, with rows: ArrangedListing) {
        for index in walks.indices { walks[index].fill(directory, with: rows) }
    }

    /// The walk that stepped last among those that have come to a directory.
    func last(at directory: NodeID) -> Int? {
        walks.last { $0.frames.last?.directory == directory }?.id
    }

    /// Notes that an errand cannot be done, so that its walk does without, also where it was planned again meanwhile.
    mutating func giveUp(_ task: Task) {
        tasks.removeAll { $0.errand == task.errand && $0.walk == task.walk }
        guard let index = walks.firstIndex(where: { $0.id == task.walk }) else { return }
        walks[index].giveUp(task.errand)
    }

    /// Makes the errands of a walk anew.
    mutating func plan(_ id: Int, _ limits: WalkPlan.Limits, _ tree: some WalkedTree) {
        guard let walk = walks.first(where: { $0.id == id }) else { return }
        tasks.removeAll { $0.walk == id }
        tasks += WalkPlan(walk, limits, tree).errands.map { Task(errand: $0, walk: id) }
    }

    // Changes a walk and makes it the last one.
    private mutating func take(_ index: Int, _ body: (inout Walk) -> Void) -> Int {
        var walk = walks.remove(at: index)
        body(&walk)
        walks.append(walk)
        return walk.id
    }

    private mutating func begin(_ top: Walk.Frame, _ now: Duration) -> Int {
        if walks.count >= Self.limit {
            let old = walks.removeFirst().id
            tasks.removeAll { $0.walk == old }
        }
        lastID += 1
        walks.append(Walk(id: lastID, top: top, at: now))
        return walks.count - 1
    }
}
