import Posix
package import Remote

extension Volume {
    /// Asks for a name in a directory; counts one reference to the node for the kernel.
    ///
    /// Answers from the directory cache where it can; `.notFound` only when the server said so.
    package func lookup(_ name: [UInt8], in parent: NodeID, for request: Request) throws(VolumeError)
        -> NodeReply
    {
        let name = try existingName(name)
        let (directory, known, isAhead) = try tree.withLock {
            tree throws(VolumeError) -> (Node, NodeReply?, Bool) in
            let (directory, state) = try tree.directory(parent)
            let knowledge = tree.knowledge(of: name, in: state, at: now)
            let isAhead = state.wasListedAhead
            return (directory, try self.reply(to: knowledge, name, in: directory, &tree), isAhead)
        }
        if isAhead { noteEntering(directory, opensIt: false) }
        if let known { return known }
        let knowledge = try find(name, in: directory, for: request)
        return try tree.withLock { tree throws(VolumeError) in
            guard let state = directory.directory, !directory.isGone else { throw .notFound }
            // What was done here meanwhile counts before the answer.
            let latest = tree.knowledge(of: name, in: state, at: now)
            if let reply = try self.reply(to: latest, name, in: directory, &tree) { return reply }
            guard let reply = try self.reply(to: knowledge, name, in: directory, &tree) else {
                throw .notFound
            }
            return reply
        }
    }

    /// Makes a reply of what is known, counting a reference; nil when somebody has to be asked first.
    ///
    /// Throws `.notFound`.
    func reply(
        to knowledge: Knowledge, _ name: FileName, in directory: Node, _ tree: inout Tree
    ) throws(VolumeError) -> NodeReply? {
        switch knowledge {
        case .absent:
            throw .notFound
        case .local:
            guard let node = directory.directory?.children[name] else { return nil }
            return reply(node)
        case .present(let finding):
            guard let finding = settled(finding, in: directory, tree) else { return nil }
            return reply(tree.attach(name, in: directory, finding))
        case .unknown:
            return nil
        }
    }

    /// Counts a reference to a node and shows it.
    func reply(_ node: Node) -> NodeReply {
        node.lookups += 1
        return NodeReply(node: node.id, attributes: shown(node))
    }

    /// A finding that can be shown as it is: of known size, and if it is a link, one of which it is known how to show it.
    func settled(_ finding: Finding, in directory: Node, _ tree: borrowing Tree) -> Finding? {
        let attributes = finding.attributes
        switch attributes.kind {
        case .file: return attributes.size == nil ? nil : finding
        case .directory, .other: return finding
        case .symlink:
            guard finding.link == .undecided else { return finding }
            guard let target = attributes.linkTarget, let path = tree.path(of: directory),
                LinkPolicy(root: configuration.root).shownTarget(target, in: path) != nil
            else { return nil }
            var settled = finding
            settled.link = .shown
            return settled
        }
    }

    // MARK: Asking

    /// Finds out about a name, asking the server unless the cache knows; never answers `.unknown`.
    ///
    /// The first miss in a directory asks for one name where that is one round trip; the next one lists the directory.
    func find(_ name: FileName, in directory: Node, for request: Request) throws(VolumeError) -> Knowledge {
        let (known, asksForOne) = try tree.withLock { tree throws(VolumeError) -> (Knowledge, Bool) in
            guard let state = directory.directory else { throw .notDirectory }
            guard !directory.isGone else { return (.absent, false) }
            let now = self.now
            let known = tree.knowledge(of: name, in: state, at: now)
            let isKnownInPart = state.listing != nil && tree.isFresh(state.listedAt, now)
            let isFirst = !(state.askedAt.map { tree.isFresh($0, now) } ?? false)
            let isUnlistable = state.unlistableUntil.map { now < $0 } ?? false
            if case .unknown = known, isFirst { state.askedAt = now }
            return (known, isKnownInPart || isUnlistable || (isFirst && store.traits.statsOneName))
        }
        switch known {
        case .absent, .local: return known
        case .present(let finding):
            if tree.withLock({ settled(finding, in: directory, $0) }) != nil { return known }
            if finding.attributes.kind == .symlink {
                return try follow(name, in: directory, finding, for: request)
            }
            return try ask(for: name, in: directory, for: request)
        case .unknown:
            if asksForOne { return try ask(for: name, in: directory, for: request) }
        }
        do {
            noteEntering(directory, opensIt: false)
            let listing = try list(directory, for: request)
            noteRows(of: directory)
            return try search(listing, for: name, in: directory, for: request)
        } catch {
            // A directory that cannot be listed may have entries that can be asked for; not so if the server is away.
            guard case .remote(let reason) = error,
                [.denied, .unsupported, .protocolBroken].contains(reason.kind)
            else { throw error }
            logOnce("list \(reason.path?.description ?? "")", "\(reason); asking for single names instead")
            tree.withLock { _ in
                directory.directory?.unlistableUntil = now + configuration.directoryTimeout
            }
            return try ask(for: name, in: directory, for: request)
        }
    }

    private func search(
        _ listing: (rows: PackedListing, at: Duration, sequence: UInt64?), for name: FileName,
        in directory: Node,
        for request: Request
    ) throws(VolumeError) -> Knowledge {
        let fact = tree.withLock { tree -> Knowledge? in
            guard let state = directory.directory, state.facts[name] != nil else { return nil }
            return tree.knowledge(of: name, in: state, at: now)
        }
        if let fact {
            switch fact {
            case .absent, .local: return fact
            case .present(let finding)
            where finding.link != .undecided || finding.attributes.kind != .symlink:
                return fact
            case .present: break
            // It is newer than the listing, which may lack the name.
            case .unknown: return try ask(for: name, in: directory, for: request)
            }
        }
        guard let row = listing.rows.row(of: name) else {
            guard listing.rows.proves(absenceOf: name) else {
                return try ask(for: name, in: directory, for: request)
            }
            keep(.absent, for: name, in: directory, listing.at, listing.sequence)
            return .absent
        }
        let finding = Finding(attributes: listing.rows.attributes(at: row), at: listing.at)
        if let settled = tree.withLock({ settled(finding, in: directory, $0) }) {
            keep(
                .present(finding.attributes), settled.link, for: name, in: directory, listing.at,
                listing.sequence)
            return .present(settled)
        }
        if finding.attributes.kind == .symlink {
            return try follow(name, in: directory, finding, for: request)
        }
        return try ask(for: name, in: directory, for: request)
    }

    // Has the name that a listing was made for known for a while even where the listing was outdated when it came.
    private func keep(
        _ value: DirectoryState.Fact.Value, _ link: LinkView = .undecided, for name: FileName,
        in directory: Node, _ listedAt: Duration, _ sequence: UInt64?
    ) {
        guard let sequence else { return }
        tree.withLock { tree in
            guard !tree.isFresh(listedAt, now) else { return }
            tree.record(
                answer: value, link: link, for: name, in: directory, asked: sequence,
                at: now - configuration.directoryTimeout / 2)
        }
    }

    /// Asks the server for one name and keeps the answer; `question` stands in for the call of the store.
    func ask(
        for name: FileName, in directory: Node, for request: Request,
        by question: ((RemotePath) throws(RemoteError) -> Attributes)? = nil
    ) throws(VolumeError) -> Knowledge {
        let (path, asked) = try share([directory], for: request) { tree -> (RemotePath?, UInt64) in
            (tree.path(of: name, in: directory), tree.tick())
        }
        defer { release([directory]) }
        guard let path else { return .absent }
        let start = now
        var attributes: Attributes
        do {
            attributes =
                if let question { try question(path) } else {
                    try store.attributes(of: path, for: request)
                }
        } catch {
            guard error.kind == .notFound else { throw VolumeError(error) }
            tree.withLock {
                $0.record(answer: .absent, for: name, in: directory, asked: asked, at: start)
            }
            return .absent
        }
        guard attributes.kind != .file || attributes.size != nil else {
            // A size of 0 would make programs read nothing of the file and take that for all of it.
            throw .remote(
                RemoteError(
                    .protocolBroken, operation: "attributes", path: path, words: "the server states no size"))
        }
        var finding = Finding(attributes: attributes, at: start)
        tree.withLock { tree in
            guard let state = directory.directory else { return }
            if let known = tree.remembered(name, in: state) { attributes.complete(by: known) }
            finding.attributes = attributes
            // Without MLST a link to a file answers like the file.
            if !store.traits.statsOneName, let child = state.children[name], child.followsLink,
                child.kind == attributes.kind
            {
                finding.link = .followed
            }
        }
        guard let settled = tree.withLock({ settled(finding, in: directory, $0) }) else {
            return try follow(name, at: path, finding, in: directory, asked, for: request)
        }
        tree.withLock {
            $0.record(
                answer: .present(attributes), link: settled.link, for: name, in: directory, asked: asked,
                at: start)
        }
        return .present(settled)
    }

    /// Asks the server where a link leads that may not be shown as a link.
    private func follow(
        _ name: FileName, in directory: Node, _ finding: Finding, for request: Request
    ) throws(VolumeError) -> Knowledge {
        let (path, asked) = try share([directory], for: request) { tree -> (RemotePath?, UInt64) in
            (tree.path(of: name, in: directory), tree.tick())
        }
        defer { release([directory]) }
        guard let path else { return .absent }
        return try follow(name, at: path, finding, in: directory, asked, for: request)
    }

    private func follow(
        _ name: FileName, at path: RemotePath, _ finding: Finding, in directory: Node, _ asked: UInt64,
        for request: Request
    ) throws(VolumeError) -> Knowledge {
        var finding = finding
        finding.at = now
        do {
            finding.attributes = try store.resolvedAttributes(of: path, for: request)
            finding.link = .followed
        } catch {
            switch error.kind {
            case .notFound, .denied, .unsupported: finding.link = .broken
            default: throw VolumeError(error)
            }
        }
        // A server that does not follow either.
        if finding.link == .followed,
            finding.attributes.kind == .symlink
                || (finding.attributes.kind == .file && finding.attributes.size == nil)
        {
            finding.attributes.kind = .symlink
            finding.link = .broken
        }
        tree.withLock {
            $0.record(
                answer: .present(finding.attributes), link: finding.link, for: name, in: directory,
                asked: asked, at: finding.at)
        }
        return .present(finding)
    }
}
