import Remote

/// Names that uploads have left on the server for somebody to see to: partial files, and old files that were moved aside.
///
/// A value without I/O, clock or lock; the moment is passed in.
struct Leftovers {
    /// What is to be done about a name.
    enum Errand: Hashable {
        /// The file is of no use and is to be removed.
        case remove
        /// The file is the old content of this name, and is to get it back unless a new one has taken its place.
        case restore(RemotePath)
    }

    private struct Pending {
        var errand: Errand
        /// Somebody is at it just now.
        var isHeld: Bool
        var failures = 0
        var due: ContinuousClock.Instant?
    }

    private var pending: [RemotePath: Pending] = [:]

    /// The longest pause between two tries.
    static let longestPause: Duration = .seconds(300)

    /// Whether there is nothing to be done.
    var isEmpty: Bool { pending.isEmpty }

    /// Adds a name, or changes what is to be done about it; one that is held waits for `release`.
    mutating func add(_ name: RemotePath, _ errand: Errand, isHeld: Bool = false) {
        pending[name] = Pending(errand: errand, isHeld: isHeld)
    }

    /// Whether something is to be done about a name.
    func contains(_ name: RemotePath) -> Bool { pending[name] != nil }

    /// Forgets a name that has been seen to.
    mutating func settle(_ name: RemotePath) {
        pending[name] = nil
    }

    /// Takes hold of the files that were moved aside from a name.
    mutating func hold(asidesOf target: RemotePath) -> [RemotePath] {
        let names = asides(of: target)
        for name in names { pending[name]?.isHeld = true }
        return names
    }

    /// Lets go of the files that were moved aside from a name: others may see to them from now on.
    ///
    /// Returns those that there are.
    mutating func release(asidesOf target: RemotePath) -> [RemotePath] {
        let names = asides(of: target)
        for name in names { pending[name]?.isHeld = false }
        return names
    }

    /// Takes hold of what is due.
    mutating func takeDue(now: ContinuousClock.Instant) -> [(name: RemotePath, errand: Errand)] {
        let due = pending.filter { !$0.value.isHeld && ($0.value.due ?? now) <= now }
        for name in due.keys { pending[name]?.isHeld = true }
        return due.map { ($0.key, $0.value.errand) }
    }

    /// Lets go of a name that there was no time for.
    mutating func letGo(of name: RemotePath) {
        pending[name]?.isHeld = false
    }

    /// Lets go of a name that could not be seen to, and puts the next try off: 1 s, then twice as long each time.
    mutating func postpone(_ name: RemotePath, now: ContinuousClock.Instant) {
        guard var entry = pending[name] else { return }
        let pause: Duration = min(.seconds(1 << min(entry.failures, 16)), Self.longestPause)
        entry.isHeld = false
        entry.failures += 1
        entry.due = now.advanced(by: pause)
        pending[name] = entry
    }

    /// The files of no use in a directory, which nobody is to see.
    func hidden(in directory: RemotePath) -> [RemotePath] {
        pending.filter { $0.value.errand == .remove && $0.key.parent == directory }.map(\.key)
    }

    /// Takes along the names below a directory, or the name itself, that has been renamed; returns what each one was and is called now.
    mutating func move(
        from old: RemotePath, to new: RemotePath
    ) -> [(old: RemotePath, new: RemotePath, errand: Errand)] {
        pending.keys.filter { $0.isInside(old) }.compactMap { name in
            guard var entry = pending.removeValue(forKey: name) else { return nil }
            if case .restore(let target) = entry.errand {
                entry.errand = .restore(target.moved(from: old, to: new))
            }
            // Whoever has it in hand looks for it where it was.
            entry.isHeld = false
            let moved = name.moved(from: old, to: new)
            pending[moved] = entry
            return (name, moved, entry.errand)
        }
    }

    private func asides(of target: RemotePath) -> [RemotePath] {
        pending.filter { $0.value.errand == .restore(target) }.map(\.key)
    }
}
