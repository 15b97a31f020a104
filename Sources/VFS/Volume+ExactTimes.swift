import Logging
import Posix
import Remote

/// Exact times of files of which listings state only the minute or the day.
///
/// Servers without MLSD list like `ls -l` (vsftpd 3.0.3). A program that looks at such a file is to see the time to the second:
/// rsync and make compare it. One that looks at many files of a directory looks at them in the order of the listing mostly, so
/// each question takes along the files that come next.
extension Volume {
    /// The most files that one question takes along.
    private static let timesAtOnce = 256

    /// Whether the time shown of a node is coarse while the server has an exact one; called with the tree lock held.
    func hasCoarseTime(_ node: Node) -> Bool {
        guard node.kind == .file, !node.followsLink, node.attributes.granularity > .second,
            node.attributes.modified != nil, store.traits.statesExactTimes,
            !node.isLocal, node.file?.content?.isDirty != true, node.file?.modifiedOverride == nil,
            let (parent, name) = place(of: node), let state = parent.directory
        else { return false }
        return !state.timeless.contains(name)
    }

    /// Asks for a file's exact time together with those of the files listed after it.
    ///
    /// Throws `.interrupted` only: without an answer the coarse time has to do.
    func learnExactTime(of node: Node, for request: Request) throws(VolumeError) {
        guard let (parent, names) = tree.withLock({ _ in filesToAskFor(from: node) }) else { return }
        let (paths, asked) = try share([parent], for: request) { tree in
            (names.compactMap { tree.path(of: $0, in: parent) }, tree.tick())
        }
        defer { release([parent]) }
        guard paths.count == names.count else { return }
        do {
            let times = try store.exactTimes(of: paths, for: request)
            tree.withLock { $0.sharpen(Array(zip(names, times)), in: parent, asked: asked, at: now) }
        } catch {
            guard error.kind != .interrupted else { throw .interrupted }
            logger.debug("no exact times: \(error)")
            if !error.isTransient { tree.withLock { _ in parent.directory?.timeless.formUnion(names) } }
        }
    }

    // The file itself first. Each question of a directory takes along four times as many as the one before.
    private func filesToAskFor(from node: Node) -> (Node, [FileName])? {
        guard let (parent, name) = place(of: node), let state = parent.directory else { return nil }
        var names = [name]
        guard let listing = state.listing, let row = listing.row(of: name) else { return (parent, names) }
        let limit = state.timesAskedFor
        state.timesAskedFor = min(max(limit, 1) * 4, Self.timesAtOnce)
        var next = row + 1
        while names.count < limit, next < listing.count {
            defer { next += 1 }
            let attributes = listing.attributes(at: next)
            guard attributes.kind == .file, attributes.granularity > .second, attributes.modified != nil,
                let name = FileName(listing.nameBytes(at: next)), state.facts[name] == nil,
                !state.timeless.contains(name)
            else { continue }
            names.append(name)
        }
        return (parent, names)
    }
}

extension Tree {
    /// Takes in exact times of files; one that is no finer form of the time listed belongs to another version.
    fileprivate mutating func sharpen(
        _ times: [(FileName, Timestamp?)], in directory: Node, asked: UInt64, at now: Duration
    ) {
        guard let state = directory.directory, asked > state.doubtedAt else { return }
        var rows: [Int: Timestamp] = [:]
        for (name, time) in times {
            guard let time else {
                state.timeless.insert(name)
                continue
            }
            guard case .present(let finding) = knowledge(of: name, in: state, at: now) else { continue }
            var exact = finding.attributes
            exact.modified = time
            exact.granularity = .second
            guard exact.kind == .file, finding.attributes.version.matches(exact.version) else {
                state.timeless.insert(name)
                continue
            }
            if let fact = state.facts[name] {
                if fact.sequence <= asked { state.facts[name]?.value = .present(exact) }
            } else if let row = state.listing?.row(of: name) {
                rows[row] = time
            }
            if let child = state.children[name], child.kind == .file, !child.isLocal {
                child.attributes.refine(by: exact)
            }
        }
        if !rows.isEmpty, let listing = state.listing { state.listing = listing.with(exactTimes: rows) }
    }
}
