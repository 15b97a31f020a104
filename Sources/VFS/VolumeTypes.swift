package import Posix
package import Remote

/// Names a file or directory towards the kernel; `NodeID.root` is the mounted directory.
package struct NodeID: Hashable, Sendable {
    /// The number the kernel uses; never used again for another file during a mount.
    package let rawValue: UInt64
    /// Wraps a number that came from the kernel.
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    /// The mounted directory (FUSE_ROOT_ID).
    package static let root = NodeID(rawValue: 1)
}

/// Names an open file or directory towards the kernel.
package struct HandleID: Hashable, Sendable {
    /// The number in `fuse_file_info.fh`.
    package let rawValue: UInt64
    /// Wraps a number that came from the kernel.
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// What stat(2) shows of a file.
package struct NodeAttributes: Hashable, Sendable {
    /// The inode number shown to programs (`st_ino`); unique among the live nodes and stable for a path as long as possible.
    package var inode: UInt64
    /// What the name stands for.
    package var kind: FileKind
    /// Permission bits, 0 up to 0o7777.
    package var mode: UInt16
    /// The owner on this machine.
    package var owner: UInt32
    /// The group on this machine.
    package var group: UInt32
    /// The size in bytes.
    package var size: UInt64
    /// The time of the last modification.
    package var modified: Timestamp
    /// The time of the last change of anything.
    package var changed: Timestamp
    /// The time of the last access as far as known: the same as `modified` unless set.
    package var accessed: Timestamp
    /// The number of names (`st_nlink`).
    package var links: UInt32
    /// Asking for the attributes again gives a more exact time: these are not to be kept.
    package var isProvisional: Bool

    /// Puts attributes together.
    package init(
        inode: UInt64, kind: FileKind, mode: UInt16, owner: UInt32, group: UInt32, size: UInt64,
        modified: Timestamp, changed: Timestamp, accessed: Timestamp, links: UInt32 = 1,
        isProvisional: Bool = false
    ) {
        self.inode = inode
        self.kind = kind
        self.mode = mode
        self.owner = owner
        self.group = group
        self.size = size
        self.modified = modified
        self.changed = changed
        self.accessed = accessed
        self.links = links
        self.isProvisional = isProvisional
    }
}

/// The answer to a lookup; the kernel now holds one more reference to the node (undone by `Volume.forget`).
package struct NodeReply: Sendable {
    /// The node.
    package var node: NodeID
    /// Its attributes.
    package var attributes: NodeAttributes

    /// Puts an answer together.
    package init(node: NodeID, attributes: NodeAttributes) {
        self.node = node
        self.attributes = attributes
    }
}

/// What a program wants to change with setattr; nil parts stay.
package struct AttributeChanges: Sendable {
    /// The new size in bytes.
    package var size: UInt64?
    /// The new permission bits.
    package var mode: UInt16?
    /// The new owner.
    package var owner: UInt32?
    /// The new group.
    package var group: UInt32?
    /// The new time of modification.
    package var modified: Timestamp?
    /// The new time of access; kept for the life of the node only, since FTP has no such time.
    package var accessed: Timestamp?

    /// Makes changes that change nothing.
    package init() {}
}

/// How a file is opened.
package struct OpenMode: Sendable {
    /// Reading is wanted.
    package var reads: Bool
    /// Writing is wanted.
    package var writes: Bool
    /// The content is dropped at open (O_TRUNC).
    package var truncates: Bool
    /// The file must not exist (O_EXCL, at creation).
    package var exclusive: Bool

    /// Puts a mode together.
    package init(
        reads: Bool, writes: Bool, truncates: Bool = false, exclusive: Bool = false
    ) {
        self.reads = reads
        self.writes = writes
        self.truncates = truncates
        self.exclusive = exclusive
    }
}

/// The answer to an open.
package struct OpenReply: Sendable {
    /// The handle for reads, writes and release.
    package var handle: HandleID
    /// Whether pages the kernel still holds of this file are of the version that was opened.
    package var keepsCache: Bool
    /// Whether size or time may be others than those that the kernel was shown: it has to ask for them before it relies on them.
    package var hasNews: Bool
    /// Whether `flush` may have something to do when a descriptor of this handle is closed: never so where it only reads.
    package var needsFlush: Bool

    /// Puts an answer together.
    package init(handle: HandleID, keepsCache: Bool, hasNews: Bool, needsFlush: Bool) {
        self.handle = handle
        self.keepsCache = keepsCache
        self.hasNews = hasNews
        self.needsFlush = needsFlush
    }
}

/// A run of bytes inside a block that stays alive as long as this value.
package struct Slice: Sendable {
    /// The memory.
    package let block: Block
    /// The bytes of it that are meant; filled and unchanging.
    package let range: Range<Int>

    /// Points into a block.
    package init(block: Block, range: Range<Int>) {
        self.block = block
        self.range = range
    }
}

/// The answer to a read: the bytes in order, for scatter-gather output.
///
/// Fewer bytes than asked for mean the end of the file.
package struct ReadReply: Sendable {
    /// The pieces in order.
    package var slices: [Slice]

    /// Puts an answer together.
    package init(slices: [Slice]) { self.slices = slices }

    /// The number of bytes in all pieces.
    package var count: Int { slices.reduce(0) { $0 + $1.range.count } }
}

/// One entry handed out by `Volume.readDirectory`.
package struct DirectoryRow: Sendable {
    /// The name's bytes (`.` and `..` included).
    package var name: [UInt8]
    /// The inode number for `d_ino`.
    package var inode: UInt64
    /// The kind for `d_type`.
    package var kind: FileKind
    /// Whether `kind` is what stat(2) will show; if not, `d_type` has to be DT_UNKNOWN.
    package var isKindCertain: Bool
    /// The place to continue from after this row.
    package var next: UInt64
    /// With readdirplus the node and its attributes; a reference is counted only for rows that the receiver keeps.
    ///
    /// Nil for `.`, `..`.
    package var reply: NodeReply?

    /// Puts a row together.
    package init(
        name: [UInt8], inode: UInt64, kind: FileKind, isKindCertain: Bool = true, next: UInt64,
        reply: NodeReply?
    ) {
        self.name = name
        self.inode = inode
        self.kind = kind
        self.isKindCertain = isKindCertain
        self.next = next
        self.reply = reply
    }
}

/// The answer to statfs, from memory alone.
package struct VolumeStatistics: Sendable {
    /// The bytes in all.
    package var totalBytes: UInt64
    /// The bytes free.
    package var freeBytes: UInt64
    /// The longest name in bytes.
    package var longestName: Int

    /// Puts an answer together.
    package init(totalBytes: UInt64, freeBytes: UInt64, longestName: Int) {
        self.totalBytes = totalBytes
        self.freeBytes = freeBytes
        self.longestName = longestName
    }
}
