import CFUSE
import Glibc
import VFS

/// The rows of one readdir or readdirplus answer, as the kernel reads them.
@safe
final class DirectoryBuffer {
    private let memory: UnsafeMutableRawBufferPointer
    private let plus: Bool
    private let attributeTimeout: Double
    private let entryTimeout: Double
    private var name: [CChar] = []
    private(set) var count = 0
    /// The nodes for which a reference was counted, to be taken back when the kernel does not get the answer.
    private(set) var counted: [NodeID] = []
    /// Whether a row was refused for want of room.
    private(set) var isFull = false

    /// Makes room for a number of bytes, 1 MiB at the most (the kernel asks for less).
    init(size: Int, plus: Bool, attributeTimeout: Double, entryTimeout: Double) {
        unsafe memory = .allocate(byteCount: min(max(size, 0), 1 << 20), alignment: 8)
        self.plus = plus
        self.attributeTimeout = attributeTimeout
        self.entryTimeout = entryTimeout
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Adds a row; false when there is no room for it, and then nothing was added.
    func add(_ row: DirectoryRow) -> Bool {
        name.removeAll(keepingCapacity: true)
        for byte in row.name { name.append(CChar(bitPattern: byte)) }
        name.append(0)
        let next = off_t(Int64(bitPattern: row.next))
        let room = unsafe memory.count - count
        // SAFETY: libfuse writes only when the row fits into the room given; the name ends with NUL.
        let place = unsafe memory.baseAddress?.advanced(by: count).assumingMemoryBound(to: CChar.self)
        let needed: Int
        if plus {
            var entry = parameters(of: row)
            needed = unsafe fuse_add_direntry_plus(nil, place, room, name, &entry, next)
        } else {
            var status = stat()
            status.st_ino = ino_t(row.inode)
            status.st_mode = Self.type(of: row)
            needed = unsafe fuse_add_direntry(nil, place, room, name, &status, next)
        }
        guard needed <= room else {
            isFull = true
            return false
        }
        count += needed
        if plus, let reply = row.reply { counted.append(reply.node) }
        return true
    }

    /// Lends the rows.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
    }

    /// `.` and `..` go without a node: the kernel knows them, and counts no reference for them.
    private func parameters(of row: DirectoryRow) -> fuse_entry_param {
        if let reply = row.reply {
            return fuse_entry_param(reply, attributeTimeout: attributeTimeout, entryTimeout: entryTimeout)
        }
        var entry = fuse_entry_param()
        entry.attr.st_ino = ino_t(row.inode)
        entry.attr.st_mode = Self.type(of: row)
        return entry
    }

    /// The type bits for `d_type`; none make DT_UNKNOWN (readdir(3)), after which programs ask with stat(2).
    private static func type(of row: DirectoryRow) -> mode_t {
        row.isKindCertain ? fileType(of: row.kind) : 0
    }
}

extension fuse_entry_param {
    /// Makes the kernel's form of a node; generation 0, since numbers of nodes are never used again during a mount.
    ///
    /// Provisional attributes are not kept: the kernel asks again when a program wants them.
    init(_ reply: NodeReply, attributeTimeout: Double, entryTimeout: Double) {
        self.init()
        ino = reply.node.rawValue
        attr = stat(reply.attributes)
        attr_timeout = reply.attributes.isProvisional ? 0 : attributeTimeout
        entry_timeout = entryTimeout
    }
}
