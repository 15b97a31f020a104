import Remote

/// A file or directory that the kernel knows, that is open, or that has something cached below it.
///
/// Guarded by the tree lock, like everything in this folder; a reference may be kept outside as a name for the node only.
final class Node {
    /// The number the kernel uses; never used again.
    let id: NodeID
    /// The number shown to programs; no other live node has it.
    let inode: UInt64
    /// The directory it is in; nil for the root and for what has lost its name.
    ///
    /// A parent outlives its children.
    unowned var parent: Node?
    /// The name in the parent.
    var name: FileName?
    private var part: NodePart
    private var checkedNanoseconds = Int64.min
    // There are as many nodes as the kernel knows files: what follows is in an order that leaves no gaps.
    private var packed: PackedAttributes
    /// The name is a symbolic link on the server, which the server follows.
    let followsLink: Bool
    /// The name has been removed or replaced; the node lives as long as somebody uses it.
    var isGone = false
    /// The name was not removed from here: another client has put something else there.
    var isLost = false
    /// The file exists here only: nothing has been uploaded yet.
    var isLocal = false
    /// How its link is to be shown, for nodes of kind symlink.
    var link = LinkView.undecided
    /// The references the kernel holds.
    var lookups: UInt64 = 0

    /// Makes a node without a place in the tree.
    init(id: NodeID, inode: UInt64, attributes: Attributes, followsLink: Bool = false) {
        self.id = id
        self.inode = inode
        self.followsLink = followsLink
        packed = PackedAttributes(attributes)
        part = attributes.kind == .directory ? .directory(DirectoryState()) : .none
        part.linkTarget = attributes.linkTarget
    }

    /// What programs see; a link that leads out of the mount is what the server follows it to.
    ///
    /// Never changes, and needs no lock; nor does `directory`.
    var kind: FileKind { packed.kind }

    /// What the server said last, without owners and groups.
    var attributes: Attributes {
        get { packed.unpacked(linkTarget: part.linkTarget) }
        set {
            packed.take(newValue)
            if part.linkTarget != newValue.linkTarget { part.linkTarget = newValue.linkTarget }
        }
    }

    /// When the server stated size and time; nil when it never did, or when they are in doubt.
    var checkedAt: Duration? {
        get { checkedNanoseconds == .min ? nil : .nanoseconds(checkedNanoseconds) }
        set {
            let (seconds, attoseconds) = newValue?.components ?? (0, 0)
            checkedNanoseconds =
                newValue == nil ? .min : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        }
    }

    /// What only directories need.
    var directory: DirectoryState? { part.directory }

    /// What only files that were opened or changed need.
    var file: FileState? { part.file }

    /// The part for opened or changed files, made when it is not there yet.
    var fileState: FileState { part.makeFile() }

    /// Open handles.
    var handles: Int {
        get { part.directory?.handles ?? part.file?.handles ?? 0 }
        set {
            if let directory = part.directory {
                directory.handles = newValue
            } else {
                fileState.handles = newValue
            }
        }
    }

    /// The moment from which on an answer of the server's is newer than what is known.
    var knownSince: Duration? {
        guard let changedAt = file?.changedAt else { return checkedAt }
        return max(changedAt, checkedAt ?? changedAt)
    }

    /// Whether this node is `ancestor` or lies below it.
    func isInside(_ ancestor: Node) -> Bool {
        var here: Node? = self
        while let node = here {
            if node === ancestor { return true }
            here = node.parent
        }
        return false
    }
}

/// How a symbolic link is shown.
enum LinkView: UInt8 {
    /// Not a link, or not looked at yet.
    case undecided
    /// As a link: its target is inside the mount.
    case shown
    /// As what the server follows it to.
    case followed
    /// As a link that cannot be read: it leads out of the mount and to nothing.
    case broken
}

/// What is known of a file that was opened or changed here.
final class FileState {
    /// The content that the next open uses; nil while no handle is open.
    var content: FileContent?
    /// The uploads and changes of time under way: what they store is the content's already, but not the attributes' yet.
    var uploads = 0
    /// The last closes that bring changes to the server now, for which no program waits.
    var releases: [Request] = []
    /// The file is to be removed before it was ever stored: its bytes are not worth keeping.
    var isUnwanted = false
    /// A close has returned though the file, empty by then, was not on the server yet.
    var wasPromised = false
    /// The mode asked for at creation or by chmod before the first upload.
    var requestedMode: UInt16?
    /// The time of modification set by a program, to be applied with the next upload.
    var pendingModified: Timestamp?
    /// A time of modification that the server could not be given, and the server's own that it stands for.
    var modifiedOverride: (shown: Timestamp, for: Timestamp?)?
    /// The time of access set by a program.
    var accessed: Timestamp?
    /// The target of a symbolic link.
    var linkTarget: [UInt8]?
    /// When a mode was last set from here, which says nothing of size and time.
    var changedAt: Duration?
    /// Open handles.
    var handles = 0
    /// The content, fetched before anybody has opened the file (`Tree.shelf`).
    var ahead: AheadContent?
    /// The fetch of that content under way.
    var fetch: AheadFetch?
    /// What the kernel may hold pages of; nil where pages of any version may be left.
    var kernelPages: KernelPages?
    /// The last open that was answered so that the kernel drops its pages: it has done so once something is read through that handle.
    var dropping: HandleID?
    /// Size or time have changed since the kernel last asked for them: it may still show and use the former ones.
    var hasNews = false
}

/// The version of a file of which the kernel may hold pages.
struct KernelPages {
    /// The version.
    var version: FileVersion
    /// Whether no later content can have the same version: what was seen right after a change may change once more within the second.
    var isSettled: Bool

    /// Notes a version.
    init(_ version: FileVersion, isSettled: Bool) {
        self.version = version
        self.isSettled = isSettled
    }

    /// Whether the pages are good for a version; what has no size or time proves nothing.
    func hold(for other: FileVersion) -> Bool {
        guard isSettled, version.modified != nil, version.size != nil, other.modified != nil else {
            return false
        }
        return version.matches(other)
    }
}
