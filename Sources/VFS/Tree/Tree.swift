import Remote

/// The names graph: nodes, their numbers, their places.
///
/// No I/O, no clock; guarded by the volume's tree lock.
struct Tree {
    /// How the mount was configured.
    let configuration: VolumeConfiguration
    /// The mounted directory.
    let root: Node
    /// All nodes by the kernel's number.
    private(set) var nodes = NodeTable()
    /// The numbers shown for live nodes.
    private var inodes: Set<UInt64>
    private var nextNode: UInt64 = 2
    private var nextHandle: UInt64 = 1
    /// Orders changes, answers and listings.
    private(set) var sequence: UInt64 = 0

    /// Open files.
    var files: [UInt64: FileHandle] = [:]
    /// Open directories.
    var openDirectories: [UInt64: DirectoryHandle] = [:]
    /// How many handles use a content.
    var contentUsers: [ObjectIdentifier: Int] = [:]
    /// Who uses which paths (`Tree+Leases.swift`).
    var leases = Leases()
    /// Contents fetched ahead.
    var shelf = AheadShelf()
    /// Directories with something cached, for eviction.
    var cachedDirectories: [UInt64: Node] = [:]
    /// The entries cached in all directories.
    var cachedEntries = 0
    /// Orders uses of directories.
    var useCount: UInt64 = 0
    /// The mode that the server gives new files by itself, once seen.
    var usualFileMode: UInt16?
    /// Whether the server shows the mode of a file just stored; nil until the first upload.
    var showsStoredModes: Bool?
    /// Nodes kept for what only they know, oldest first, and the bound of their number.
    var keepsakes: [NodeID] = []
    /// Uploads after the last close are given up, and not begun again.
    var givesUpReleases = false
    /// The volume is being shut down: nothing new is opened.
    var isShutDown = false

    private static let rootInode: UInt64 = 1
    private static let keepsakeLimit = 20_000

    /// Makes a tree of the root alone.
    init(configuration: VolumeConfiguration) {
        self.configuration = configuration
        root = Node(id: .root, inode: Self.rootInode, attributes: Attributes(kind: .directory))
        root.lookups = 1
        inodes = [Self.rootInode]
        nodes[NodeID.root.rawValue] = root
    }

    /// The node of a number; throws `.stale` when there is none.
    func node(_ id: NodeID) throws(VolumeError) -> Node {
        guard let node = nodes[id.rawValue] else { throw .stale }
        return node
    }

    /// The directory of a number, with its state; throws `.stale` and `.notDirectory`.
    func directory(_ id: NodeID) throws(VolumeError) -> (Node, DirectoryState) {
        let node = try node(id)
        guard let state = node.directory else { throw .notDirectory }
        return (node, state)
    }

    /// Moves the order of events on.
    mutating func tick() -> UInt64 {
        sequence += 1
        return sequence
    }

    /// A number for a new handle.
    mutating func handleID() -> HandleID {
        nextHandle += 1
        return HandleID(rawValue: nextHandle)
    }

    /// The path of a node on the server; nil when it has lost its name, or a directory above has.
    func path(of node: Node) -> RemotePath? {
        var names: [FileName] = []
        var here = node
        while here !== root {
            guard !here.isGone, let name = here.name, let parent = here.parent else { return nil }
            names.append(name)
            here = parent
        }
        guard !names.isEmpty else { return configuration.root }
        return RemotePath(configuration.root.names + names.reversed())
    }

    /// The path of a name in a directory; nil when the directory is gone.
    func path(of name: FileName, in directory: Node) -> RemotePath? {
        path(of: directory)?.appending(name)
    }

    // MARK: Places

    /// The node for a name that exists, made if there is none yet.
    ///
    /// A live node of another kind loses its name first, and an open one of another version: another client has put something else
    /// there.
    mutating func attach(_ name: FileName, in parent: Node, _ finding: Finding) -> Node {
        let follows = finding.link == .followed
        if let child = parent.directory?.children[name] {
            if child.kind == finding.attributes.kind, child.followsLink == follows,
                !child.isOpen(otherThan: finding)
            {
                child.learn(finding)
                return child
            }
            detach(child, isLost: true)
        }
        let node = make(name, in: parent, finding.attributes, followsLink: follows)
        node.learn(finding)
        return node
    }

    /// Makes a node and gives it a name that no live node has.
    mutating func make(
        _ name: FileName, in parent: Node, _ attributes: Attributes, followsLink: Bool = false
    ) -> Node {
        let wanted = PathHash(of: parent).appending(name)
        let node = Node(
            id: NodeID(rawValue: nextNode), inode: free(wanted.inode), attributes: attributes,
            followsLink: followsLink)
        nextNode += 1
        nodes[node.id.rawValue] = node
        inodes.insert(node.inode)
        place(node, as: name, in: parent)
        return node
    }

    /// Takes a node's name away; it lives on while it is used.
    ///
    /// `isLost` says that nobody here has removed it: what was written to it and not stored must not vanish in silence.
    mutating func detach(_ node: Node, isLost: Bool = false) {
        guard let parent = node.parent, let name = node.name else { return }
        if parent.directory?.children[name] === node { parent.directory?.children[name] = nil }
        node.isGone = true
        node.isLost = isLost
        node.parent = nil
        if let state = node.directory { dropCache(of: node, state, keepingLocal: false) }
        shelf.remove(of: node)
        collect(node)
        collect(parent)
    }

    /// Gives a node another place; the place must be free.
    mutating func move(_ node: Node, to name: FileName, in parent: Node) {
        // Nothing but its users is to keep a node at a number that belongs to another path.
        for inner in shelf.removeAll(inside: node) where inner !== node { collect(inner) }
        let old = node.parent
        if let old, let oldName = node.name { old.directory?.children[oldName] = nil }
        place(node, as: name, in: parent)
        if let old { collect(old) }
    }

    private func place(_ node: Node, as name: FileName, in parent: Node) {
        node.name = name
        node.parent = parent
        parent.directory?.children[name] = node
    }

    // MARK: Numbers

    /// The number to show for a name without making a node.
    func inode(of name: FileName, in parent: Node, _ hash: PathHash) -> UInt64 {
        if let child = parent.directory?.children[name] { return child.inode }
        return free(hash.appending(name).inode)
    }

    // Takes the next number while a live node has it, so that no two live files ever show the same.
    private func free(_ wanted: UInt64) -> UInt64 {
        var inode = wanted
        while inodes.contains(inode) { inode = PathHash.next(after: inode) }
        return inode
    }

    // MARK: Lifetime

    /// Gives back references of the kernel's.
    mutating func forget(_ id: NodeID, count: UInt64) {
        guard let node = nodes[id.rawValue], node !== root else { return }
        node.lookups -= min(count, node.lookups)
        collect(node)
    }

    /// Lets a node go when nobody needs it any more, and then perhaps the directories above it.
    mutating func collect(_ start: Node) {
        var here: Node? = start
        while let node = here, node !== root, isUnused(node) {
            let parent = node.parent
            if let parent, let name = node.name, parent.directory?.children[name] === node {
                parent.directory?.children[name] = nil
            }
            node.parent = nil
            node.isGone = true
            nodes[node.id.rawValue] = nil
            inodes.remove(node.inode)
            here = parent
        }
    }

    private func isUnused(_ node: Node) -> Bool {
        guard node.lookups == 0, node.handles == 0, !leases.holds(node) else { return false }
        if node.file?.ahead != nil { return false }
        if !node.isGone, node.file?.isKeepsake == true { return false }
        if let state = node.directory {
            guard state.children.isEmpty, state.flight == nil else { return false }
            return node.isGone || (state.listing == nil && state.facts.isEmpty)
        }
        return node.isGone || !node.isLocal
    }

    /// Keeps a node beyond the kernel's interest, for it knows something that the server does not; the oldest ones go first.
    mutating func keep(_ node: Node) {
        keepsakes.append(node.id)
        guard keepsakes.count > Self.keepsakeLimit else { return }
        let old = keepsakes[..<(Self.keepsakeLimit / 4)]
        keepsakes.removeFirst(old.count)
        for id in old {
            guard let node = nodes[id.rawValue] else { continue }
            node.file?.modifiedOverride = nil
            node.file?.accessed = nil
            collect(node)
        }
    }
}

extension Attributes {
    /// Takes over a more exact time known of what seems to be the same version; LIST states minutes or days only.
    mutating func refine(by known: Attributes) {
        guard granularity > known.granularity, kind == known.kind, size == known.size, known.modified != nil,
            version.matches(known.version)
        else { return }
        modified = known.modified
        granularity = known.granularity
    }

    /// Takes over what an answer leaves out and was known before: SIZE and MDTM tell nothing of modes.
    mutating func complete(by known: Attributes) {
        guard kind == known.kind else { return }
        mode = mode ?? known.mode
        rights = rights ?? known.rights
    }
}

extension FileState {
    /// Whether the node must stay for what is known here.
    var isKeepsake: Bool { modifiedOverride != nil }
}

extension Node {
    /// Whether the file is open in another version than the one found.
    ///
    /// It stays what it is then, for the size and the pages that the kernel has of a node are those of one version: programs that read
    /// it get the old content whole or ESTALE, and whoever opens the name from now on gets a node of its own. While changes are on
    /// their way to the server, or still to come, a difference is only what they make.
    func isOpen(otherThan finding: Finding) -> Bool {
        guard handles > 0, let file, let content = file.content, file.uploads == 0, !isLocal,
            knownSince.map({ $0 <= finding.at }) ?? true, !content.isDirty, content.base != nil
        else { return false }
        return !content.recognizes(finding.attributes.version)
    }

    /// Takes over what the server says, unless something newer is known.
    func learn(_ finding: Finding) {
        guard knownSince.map({ $0 <= finding.at }) ?? true else { return }
        var latest = finding.attributes
        latest.refine(by: attributes)
        latest.complete(by: attributes)
        if kind == .file, !latest.version.matches(attributes.version) { fileState.hasNews = true }
        attributes = latest
        checkedAt = finding.at
        if kind == .symlink, finding.link != .undecided { link = finding.link }
        if let override = file?.modifiedOverride, override.for != attributes.modified {
            file?.modifiedOverride = nil
        }
    }
}
