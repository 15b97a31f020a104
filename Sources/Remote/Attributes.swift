/// A point in time as servers state it: UTC, counted from 1970-01-01, leap seconds ignored.
package struct Timestamp: Hashable, Comparable, Sendable {
    /// Whole seconds since 1970-01-01 00:00:00 UTC; negative before.
    package var seconds: Int64
    /// The part of a second beyond `seconds`, 0 up to 999,999,999 nanoseconds.
    package var nanoseconds: UInt32

    /// Makes a time from its parts.
    package init(seconds: Int64, nanoseconds: UInt32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Orders times from the past to the future.
    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

/// How exactly a server states a time of modification.
package enum TimeGranularity: UInt8, Sendable, Comparable {
    /// Fractions of a second (RFC 3659 section 2.3).
    case fraction
    /// Whole seconds (MLSD, MDTM of most servers).
    case second
    /// Whole minutes (LIST rows with a time of day).
    case minute
    /// Whole days (LIST rows with a year).
    case day

    /// Orders from the finest to the coarsest.
    package static func < (left: TimeGranularity, right: TimeGranularity) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What a remote name stands for.
package enum FileKind: UInt8, Sendable {
    /// A regular file.
    case file
    /// A directory.
    case directory
    /// A symbolic link.
    case symlink
    /// Something else: a device, a socket, a FIFO.
    case other
}

/// What the server says the logged-in user may do with a name (the `perm` fact, RFC 3659 section 7.5.5).
package struct Rights: OptionSet, Hashable, Sendable {
    /// One bit a letter.
    package let rawValue: UInt16
    /// Takes the bits as they are.
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    /// `a`: APPE may be applied to the file.
    package static let append = Rights(rawValue: 1 << 0)
    /// `c`: files may be created in the directory.
    package static let create = Rights(rawValue: 1 << 1)
    /// `d`: the name may be removed.
    package static let delete = Rights(rawValue: 1 << 2)
    /// `e`: the directory may be entered.
    package static let enter = Rights(rawValue: 1 << 3)
    /// `f`: the name may be renamed.
    package static let rename = Rights(rawValue: 1 << 4)
    /// `l`: the directory may be listed.
    package static let list = Rights(rawValue: 1 << 5)
    /// `m`: directories may be made in the directory.
    package static let makeDirectory = Rights(rawValue: 1 << 6)
    /// `p`: entries of the directory may be removed.
    package static let purge = Rights(rawValue: 1 << 7)
    /// `r`: the file may be read.
    package static let read = Rights(rawValue: 1 << 8)
    /// `w`: the file may be overwritten.
    package static let write = Rights(rawValue: 1 << 9)
}

/// What is known of one remote name.
///
/// Facts the server did not state are nil, never guessed.
package struct Attributes: Hashable, Sendable {
    /// The size in bytes; of meaning for regular files only.
    package var size: UInt64?
    /// What the name stands for.
    package var kind: FileKind
    /// How exactly `modified` is stated.
    package var granularity: TimeGranularity
    /// Permission bits, 0 up to 0o7777.
    package var mode: UInt16?
    /// The rights the server grants to the logged-in user.
    package var rights: Rights?
    /// The time of the last modification.
    package var modified: Timestamp?
    /// The target of a symbolic link, as the server has it: any bytes but NUL.
    package var linkTarget: [UInt8]?

    /// Makes attributes of which only the stated ones are known.
    package init(
        kind: FileKind, size: UInt64? = nil, modified: Timestamp? = nil,
        granularity: TimeGranularity = .second,
        mode: UInt16? = nil, rights: Rights? = nil,
        linkTarget: [UInt8]? = nil
    ) {
        self.kind = kind
        self.size = size
        self.modified = modified
        self.granularity = granularity
        self.mode = mode
        self.rights = rights
        self.linkTarget = linkTarget
    }

    /// The file's version for comparisons.
    package var version: FileVersion {
        FileVersion(size: size, modified: modified, granularity: granularity)
    }
}

/// Size and time of a file: what tells one version of its content from another, as far as FTP can.
package struct FileVersion: Hashable, Sendable {
    /// The size in bytes, nil when the server did not say.
    package var size: UInt64?
    /// The time of the last modification, nil when the server did not say.
    package var modified: Timestamp?
    /// How exactly `modified` is stated.
    package var granularity: TimeGranularity

    /// Makes a version from its parts.
    package init(size: UInt64?, modified: Timestamp?, granularity: TimeGranularity = .second) {
        self.size = size
        self.modified = modified
        self.granularity = granularity
    }

    /// Whether both can be the same content: sizes equal, times equal at the coarser granularity of the two.
    ///
    /// What one side does not know is taken as equal.
    package func matches(_ other: FileVersion) -> Bool {
        if let size, let otherSize = other.size, size != otherSize { return false }
        guard let modified, let otherModified = other.modified else { return true }
        let distance = modified.seconds.subtractingReportingOverflow(otherModified.seconds)
        guard !distance.overflow else { return false }
        switch max(granularity, other.granularity) {
        case .fraction: return modified == otherModified
        case .second: return distance.partialValue == 0
        case .minute: return distance.partialValue.magnitude < 60
        case .day: return distance.partialValue.magnitude < 86_400
        }
    }
}

/// One row of a directory listing.
package struct Entry: Hashable, Sendable {
    /// The entry's name in its directory.
    package var name: FileName
    /// What is known of it.
    package var attributes: Attributes

    /// Puts a name and its attributes together.
    package init(name: FileName, attributes: Attributes) {
        self.name = name
        self.attributes = attributes
    }
}

/// The answer to a listing.
package struct Listing: Sendable {
    /// The entries in the server's order, without `.` and `..`; no name occurs twice.
    package var entries: EntryList
    /// False when the server may have left entries out (Pure-FTPd stops at 10,000), so that a missing name is no proof of absence.
    package var isComplete: Bool
    /// Whether the server may have left out names that begin with a dot.
    package var mayLackDotNames: Bool

    /// Puts a listing together.
    package init(entries: EntryList, isComplete: Bool = true, mayLackDotNames: Bool = false) {
        self.entries = entries
        self.isComplete = isComplete
        self.mayLackDotNames = mayLackDotNames
    }

    /// Puts a listing together from single entries.
    package init(entries: [Entry], isComplete: Bool = true) {
        self.init(entries: EntryList(entries), isComplete: isComplete)
    }
}
