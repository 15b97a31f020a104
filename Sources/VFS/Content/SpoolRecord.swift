import Posix
import Remote

/// What a spool file's bytes are: the text beside it, from which a later mount goes on, and the note beside a rescued file.
///
/// `SpoolJournal` keeps it on the disk, `SpoolRecord+Text` says how it reads.
struct SpoolRecord: Equatable {
    /// Where the file was to be stored; nil when it has no name any more.
    var path: RemotePath?
    /// The version on the server that the bytes belong over; nil for a new file, which must not meet another one under its name.
    var base: FileVersion?
    /// The size of that version in bytes.
    var storedSize: UInt64 = 0
    /// The file's size in bytes as written here.
    var size: UInt64
    /// The offset up to which bytes not here are those of the base.
    var baseSize: UInt64
    /// The bytes written here that the server does not have.
    var dirty = ByteRanges()
    /// The bytes in the file; the rest of it up to `baseSize` is only on the server, and what is beyond is zeros.
    var local = ByteRanges()
    /// Whether anything but the bytes in `dirty` differs from the base.
    var hasChanged = false
    /// The name is a symbolic link that the server follows.
    var followsLink = false
    /// The permission bits wanted; nil leaves them to the server.
    var mode: UInt16?
    /// The time of modification wanted.
    var modified: Timestamp?
    /// The bytes of an upload that had begun and may have had its effect.
    var sent: Range<UInt64>?
    /// The digest of these bytes, where the file has them no more.
    var sentDigest: UInt64?
    /// A change of parts in place had begun, and may have been made in part.
    var halfPatch: HalfPatch?
    /// Why the bytes are not on the server, as far as known.
    var reason: String?
    /// When the record was begun, in seconds since 1970.
    var time: Int64 = WallClock.now().seconds
    /// The run of the machine that wrote it.
    var boot = CurrentProcess.bootIdentifier
    /// Whether the bytes were on the local disk (fdatasync(2)) before the record said so.
    var isDurable = false

    /// Whether there is anything that the server does not have.
    var isDirty: Bool { hasChanged || !dirty.isEmpty }

    /// The bytes that are only on the server.
    var missing: [Range<UInt64>] { local.gaps(in: 0..<min(size, baseSize)) }

    /// The least length the file beside the record has to have.
    var claimedLength: UInt64 { local.ranges.last?.upperBound ?? 0 }

    /// Whether the parts agree with each other, as they do in all records of this program.
    var isSound: Bool {
        let limit = UInt64(Int64.max)
        guard size <= limit, storedSize <= limit, baseSize <= min(size, storedSize),
            base != nil || baseSize == 0, claimedLength <= size,
            dirty.ranges.allSatisfy({ local.covers($0) })
        else { return false }
        return true
    }

    /// Brings the record up to a change.
    mutating func apply(_ change: SpoolChange) {
        switch change {
        case .wrote(let range):
            local.insert(contentsOf: range)
            dirty.insert(contentsOf: range)
            size = max(size, range.upperBound)
            (modified, isDurable) = (nil, false)
        case .resized(let newSize):
            if newSize < size {
                baseSize = min(baseSize, newSize)
                local.removeAll(from: newSize)
                dirty.removeAll(from: newSize)
            }
            size = newSize
            hasChanged = true
            (modified, isDurable) = (nil, false)
        case .wanted(let mode, let modified):
            self.mode = mode
            self.modified = modified
        case .sending(let range):
            sent = range
            sentDigest = nil
            // Whoever sends a file whole has all of it here, holes as zeros.
            let sentHere = 0..<min(range.upperBound, size)
            if range.lowerBound == 0, !local.gaps(in: sentHere).isEmpty {
                local.insert(contentsOf: sentHere)
                // They were fetched, and nobody has waited for the disk to have them.
                isDurable = false
            }
        case .patching(let half):
            halfPatch = half
        case .moved(let path):
            self.path = path
        case .kept:
            isDurable = true
        }
    }
}

/// What happens to a content, as its journal tells it: in the order in which the disk has it too.
enum SpoolChange: Equatable {
    /// Bytes were written; said once the file has them.
    case wrote(Range<UInt64>)
    /// The size is another one, in bytes; said before the file is cut.
    case resized(UInt64)
    /// These permission bits and this time are wanted.
    case wanted(mode: UInt16?, modified: Timestamp?)
    /// An upload of these bytes begins, which may have its effect from now on.
    case sending(Range<UInt64>)
    /// A change of parts in place begins, with these bytes.
    case patching(HalfPatch)
    /// The file has another path.
    case moved(RemotePath)
    /// All bytes told of are on the local disk, and stay there when the machine loses power.
    case kept
}
