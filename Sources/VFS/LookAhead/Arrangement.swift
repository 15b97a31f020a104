import Remote

/// An order in which programs go through the entries of a directory.
enum EntryOrder: CaseIterable {
    /// As the server lists them: find, du, grep -r, tar, rm -r.
    case listed
    /// By the bytes of their names: what shells make of `*`, ls -R, git, in the C locale.
    case byName
    /// By their inode numbers: cp -r, and what uses fts(3) of gnulib where a directory has more than 10,000 entries.
    case byInode
}

/// A listing, and the orders of its rows that were asked for; guarded by the lock of the look-ahead.
final class ArrangedListing {
    /// The rows in the order listed.
    let listing: PackedListing
    private let hash: PathHash
    private var arrangements: [EntryOrder: Arrangement] = [:]

    /// Arranges nothing yet; `hash` is that of the directory's path.
    init(_ listing: PackedListing, _ hash: PathHash) {
        self.listing = listing
        self.hash = hash
    }

    /// The rows in an order, sorted at the first use.
    func arranged(_ order: EntryOrder) -> Arrangement {
        if let known = arrangements[order] { return known }
        let arrangement = Arrangement(listing, order, hash)
        arrangements[order] = arrangement
        return arrangement
    }
}

/// The rows of a listing in one order.
struct Arrangement {
    /// The largest directory that is sorted, in entries; larger ones are taken as listed.
    static let sortLimit = 20_000

    /// The number of rows.
    let count: Int
    // Nil: as listed.
    private let rows: [Int]?
    private let places: [Int]?

    /// Sorts the rows; `hash` is that of the directory's path.
    init(_ listing: PackedListing, _ order: EntryOrder, _ hash: PathHash) {
        count = listing.count
        guard order != .listed, count <= Self.sortLimit else {
            (rows, places) = (nil, nil)
            return
        }
        var rows = Array(0..<count)
        switch order {
        case .listed: break
        case .byName:
            rows.sort { listing.nameBytes(at: $0).lexicographicallyPrecedes(listing.nameBytes(at: $1)) }
        case .byInode:
            // Of two files with one hash the second shows another number; such a pair is not worth a look.
            let inodes = rows.map { row in
                FileName(listing.nameBytes(at: row)).map { hash.appending($0).inode } ?? 0
            }
            rows.sort { inodes[$0] < inodes[$1] }
        }
        var places = [Int](repeating: 0, count: count)
        for (place, row) in rows.enumerated() { places[row] = place }
        (self.rows, self.places) = (rows, places)
    }

    /// The row at a place.
    func row(at place: Int) -> Int { rows?[place] ?? place }

    /// The place behind a row, the first one for nil.
    func place(after row: Int?) -> Int {
        guard let row else { return 0 }
        return (places?[row] ?? row) + 1
    }
}
