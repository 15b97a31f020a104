import Remote

/// What is known of a directory's entries: a listing, and over it what was learned or done since.
final class DirectoryState {
    /// One thing known about a name.
    struct Fact {
        /// The thing.
        enum Value {
            /// The server has it.
            case present(Attributes)
            /// The server said that it has not, or it was removed from here.
            case absent
            /// A file that exists here only; the live child node knows more.
            case local
        }

        /// What is known.
        var value: Value
        /// How a link is shown, for a present name; `.followed`: the attributes are those of what the link leads to.
        var link: LinkView = .undecided
        /// When it was learned.
        var at: Duration
        /// When the server stated the attributes of a present name; nil when nobody knows.
        ///
        /// A rename or a change of modes states none.
        var statedAt: Duration?
        /// Orders facts and listings.
        var sequence: UInt64
    }

    /// The live nodes in this directory, by name.
    var children = NodeIndex<FileName>()
    /// Open handles.
    var handles = 0
    /// What directories need too once their times were changed.
    var file: FileState?
    /// The last listing that arrived.
    var listing: PackedListing? { didSet { arranged = nil } }
    /// Its rows in the orders that look-ahead has asked for; guarded by the look-ahead's lock too.
    var arranged: ArrangedListing?
    /// When it was asked for.
    var listedAt: Duration = .zero
    /// What was learned or done since; newer than the listing.
    var facts: [FileName: Fact] = [:]
    /// The files that exist here only.
    var localCount = 0
    /// Answers to questions asked up to this moment are not kept: something uncertain happened after it.
    var doubtedAt: UInt64 = 0
    /// The listing under way.
    var flight: ListingFlight?
    /// When a single name was last asked for.
    var askedAt: Duration?
    /// The opens of late that asked for a single file, and when the first of them did.
    var revalidations = (count: 0, since: Duration.zero)
    /// Until when single names are asked for, since the directory could not be listed.
    var unlistableUntil: Duration?
    /// A program's own change of the entries: the time to show, and when it happened.
    var changedHere: (shown: Timestamp, at: Duration)?
    /// How many files the next question for an exact time asks about.
    var timesAskedFor = 1
    /// The listed files that have no exact time, or one that is not of the version listed.
    var timeless: Set<FileName> = []
    /// Whether the server says that files may be made here, once it was asked for that alone.
    var promisesCreation: Bool?
    /// Look-ahead has listed it, and no program has used that yet.
    var wasListedAhead = false
    /// Orders directories for eviction.
    var lastUse: UInt64 = 0

    /// The number of entries that count towards the cache's limit.
    var cost: Int { (listing?.count ?? 0) + facts.count }
}

/// What the tree knows about a name in a directory.
enum Knowledge {
    /// The server has it.
    case present(Finding)
    /// The server has not.
    case absent
    /// It exists here only.
    case local
    /// Nobody knows without asking.
    case unknown
}

/// A name that exists on the server.
struct Finding {
    /// What the server says of it, or of what its link leads to when `link` is `.followed`.
    var attributes: Attributes
    /// How its link is shown.
    var link: LinkView = .undecided
    /// When the server said so.
    var at: Duration
}
