package import FTPWire
import Logging
import Posix
package import Remote

/// A directory as the server lists it.
package struct SessionListing: Sendable {
    /// The entries in the server's order, without `.` and `..`; no name occurs twice.
    package var entries: EntryList
    /// False when the server may have left entries out, so that a missing name is no proof of absence.
    package var isComplete: Bool
    /// Whether the server may have left out names that begin with a dot.
    package var mayLackDotNames = false
    /// The links that LIST shows and MLSD leaves out, since they lead nowhere (ProFTPD 1.3.8).
    package var danglingLinks: [FileName] = []
    /// What the listing says of the directory itself, if it does.
    package var directory: Attributes?
    /// Rows with names that no local directory can hold, and their number in all.
    package var dropped: [ParsedListing.DroppedRow]
    /// The number of rows left out.
    package var droppedCount: Int

    /// The form of the rows of LIST, where there were any; nil for MLSD.
    package var format: ListingFormat?

    /// Takes over what was parsed.
    init(_ listing: ParsedListing, isComplete: Bool) {
        entries = listing.entries
        self.isComplete = isComplete
        directory = listing.directory
        format = listing.format
        dropped = listing.dropped
        droppedCount = listing.droppedCount
    }
}

extension Session {
    /// The most bytes of a listing: more than a million entries.
    static let listingLimit = 256 << 20
    /// The least number of bytes that must come within the time a transfer may stand still: all who want the directory wait for the whole.
    private static let listingPace = 8 << 10
    /// The most bytes of a row: a name of 255 bytes, a link's target of 4096, and facts around them.
    static let rowLimit = 64 << 10

    /// Lists a directory, by MLSD where FEAT offers it and the configuration allows it, else by CWD and LIST.
    ///
    /// An empty listing is given only of a directory that is known to exist and to be readable as far as the server tells.
    /// Throws `.refused` for what the server refuses (MLSD, CWD or LIST), `.unreadable` where it pretends emptiness, `.listing` when a
    /// row is not understood: nothing is shown then.
    package func list(_ path: RemotePath) throws(FTPError) -> SessionListing {
        switch configuration.listing {
        case .automatic where listsByMachine:
            do throws(FTPError) {
                return try listByMachine(path)
            } catch .refused("MLSD", let reply) where reply.meansNotImplemented {
                logger.notice("MLSD does not work although FEAT offers MLST, using LIST: \(reply)")
                profile.update { $0.machineListingFails = true }
                return try listByRows(path)
            }
        case .mlsd: return try listByMachine(path)
        case .automatic, .list, .listAll: return try listByRows(path)
        }
    }

    /// Whether MLSD is the command that directories are listed by.
    package var listsByMachine: Bool {
        switch configuration.listing {
        case .automatic: features.hasMachineListing && !profile.facts.machineListingFails
        case .mlsd: true
        case .list, .listAll: false
        }
    }

    private func listByMachine(_ path: RemotePath) throws(FTPError) -> SessionListing {
        var parser = ListingParser(.machine)
        let body = try readListing([.mlsd(path)]) { parser.add($0) }
        let parsed = try Self.finish(&parser, body)
        var listing = SessionListing(parsed, isComplete: isComplete(parsed, body))
        let lacksTargets = listing.entries.indices.contains { row in
            listing.entries.kind(at: row) == .symlink && listing.entries.attributes(at: row).linkTarget == nil
        }
        // A directory with nothing else in it but links that lead nowhere would look empty, and could not be removed.
        let mayHideLinks = software.hidesDanglingLinks && listing.entries.isEmpty
        if lacksTargets || mayHideLinks { try addTargets(to: &listing, path) }
        return listing
    }

    /// Learns the targets of links from LIST, which MLSD does not tell (ProFTPD 1.3.8, Pure-FTPd 1.0.50).
    ///
    /// Links that MLSD leaves out (ProFTPD 1.3.8: those that lead nowhere) are added. Where LIST fails, targets stay unknown.
    private func addTargets(to listing: inout SessionListing, _ path: RemotePath) throws(FTPError) {
        let rows: SessionListing
        do throws(FTPError) {
            rows = try listByRows(path)
        } catch {
            guard isUsable else { throw error }
            if case .interrupted = error { throw error }
            logger.debug("the targets of links in \(path) stay unknown: \(error)")
            if software.hidesDanglingLinks { listing.isComplete = false }
            return
        }
        if software.hidesDanglingLinks {
            if !rows.isComplete { listing.isComplete = false }
            listing.mayLackDotNames = rows.mayLackDotNames
        }
        var links: [FileName: Attributes] = [:]
        for row in rows.entries.indices where rows.entries.kind(at: row) == .symlink {
            links[rows.entries[row].name] = rows.entries.attributes(at: row)
        }
        for row in listing.entries.indices {
            guard let link = links.removeValue(forKey: listing.entries[row].name),
                listing.entries.kind(at: row) == .symlink
            else { continue }
            listing.entries.change(row) { $0.linkTarget = $0.linkTarget ?? link.linkTarget }
        }
        for entry in rows.entries where links[entry.name] != nil {
            listing.entries.append(entry)
            listing.danglingLinks.append(entry.name)
        }
    }

    // MARK: - LIST

    /// Lists by CWD and LIST.
    ///
    /// CWD settles what LIST hides: a missing directory lists as empty with 226 (vsftpd 3.0.3), and a path
    /// with spaces or brackets is taken apart (Pure-FTPd 1.0.50).
    private func listByRows(_ path: RemotePath) throws(FTPError) -> SessionListing {
        var known = profile.facts.listAll
        if configuration.listing == .list { known = .harmful }
        if configuration.listing == .listAll, known != .proven { known = .harmless }
        guard known != .harmful else { return try rows(path, showingHidden: false).listing }
        let all: (listing: SessionListing, sawDotRows: Bool, count: Int)
        do throws(FTPError) {
            all = try rows(path, showingHidden: true)
        } catch .refused("LIST", let reply) where configuration.listing == .automatic && known != .proven {
            logger.debug("LIST -a is refused, using LIST: \(reply)")
            let plain = try rows(path, showingHidden: false)
            profile.update { $0.listAll = .harmful }
            return plain.listing
        }
        if all.sawDotRows {
            if known != .proven { profile.update { $0.listAll = .proven } }
            return all.listing
        }
        if known == .proven || software.program == .vsftpd {
            throw .unreadable("LIST -a shows not even the directory itself: \(path)")
        }
        guard known == .untried || all.count == 0, configuration.listing == .automatic else {
            return all.listing
        }
        // The option may have been taken for a name or mask.
        let plain = try rows(path, showingHidden: false)
        if plain.count > all.count {
            profile.update { $0.listAll = .harmful }
            return plain.listing
        }
        if all.count > 0 { profile.update { $0.listAll = .harmless } }
        return all.listing
    }

    private func rows(
        _ path: RemotePath, showingHidden: Bool
    ) throws(FTPError) -> (listing: SessionListing, sawDotRows: Bool, count: Int) {
        let now = Timestamp.now
        let offset = profile.facts.timeOffset
        var parser = ListingParser(.rows(now: now, offset: offset ?? 0))
        let body = try readListing(preparing: [.cwd(path)], [.list(showingHidden: showingHidden)]) {
            parser.add($0)
        }
        var parsed = try Self.finish(&parser, body)
        if offset == nil, let learned = try timeOffset(by: parsed, path, now) {
            logger.debug("the times of LIST are \(learned) s ahead of UTC")
            profile.update { $0.timeOffset = learned }
            if learned != 0 { parsed.setBack(by: learned) }
        }
        var listing = SessionListing(parsed, isComplete: isComplete(parsed, body))
        listing.mayLackDotNames = !software.listsDotNames && !parsed.showsDotNames
        return (listing, parsed.sawDotRows, parsed.rowCount)
    }

    private static func finish(
        _ parser: inout ListingParser, _ body: ListingBody
    ) throws(FTPError) -> ParsedListing {
        do throws(ListingError) {
            return try parser.finish(isProvenWhole: body.isProvenWhole)
        } catch {
            throw .listing(error.description)
        }
    }

    /// How far rows are ahead of UTC, by one file's MDTM; nil when this listing cannot tell, or when the times are taken from MLSD.
    private func timeOffset(
        by listing: ParsedListing, _ path: RemotePath, _ now: Timestamp
    ) throws(FTPError) -> Int? {
        guard !listsByMachine, profile.facts.timeOffsetTries < Self.timeOffsetTries else {
            return nil
        }
        let candidate = listing.entries.first { entry in
            let attributes = entry.attributes
            return attributes.kind == .file && attributes.modified != nil && attributes.granularity <= .minute
        }
        guard let candidate, let listed = candidate.attributes.modified else { return nil }
        profile.update { $0.timeOffsetTries += 1 }
        guard let exact = StatedTime(try run(.mdtm(path.appending(candidate.name)))) else { return nil }
        let stated = StatedTime(listed, candidate.attributes.granularity)
        return TimeOffset.learn(listed: stated, exact: exact.time, now: now)
    }

    /// How many listings may cost a round trip more before times are taken for UTC.
    private static let timeOffsetTries = 5

    // MARK: - Bodies

    /// What came over the data connection of a listing.
    private struct ListingBody {
        /// Whether it ended with a close_notify, or, on a clear connection, with a FIN.
        var endedCleanly: Bool
        /// Whether the end was a close_notify, so that even a last row without a line end is whole.
        var isProvenWhole = true
        /// The final reply.
        var reply: Reply?
    }

    /// Reads a listing whole and hands its text on piece by piece.
    ///
    /// An end without close_notify is a cut, as in every transfer, and thrown as `.dataConnection`; where the configuration accepts it, the
    /// listing is not complete.
    private func readListing(
        preparing preparations: [Command] = [], _ commands: [Command], _ take: (Span<UInt8>) -> Void
    ) throws(FTPError) -> ListingBody {
        let channel: DataChannel
        do throws(FTPError) {
            channel = try openTransfer(preparing: preparations, commands, isListing: true)
        } catch .refused("LIST", let reply) where reply.isEmptyListing {
            return ListingBody(endedCleanly: true, reply: reply)
        }
        let download = Download(
            channel, leastPace: Self.listingPace,
            acceptingUnannouncedEnd: configuration.acceptsUnannouncedEnd)
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        var total = 0
        var rowStart = 0
        do throws(FTPError) {
            while true {
                let count = try chunk.withMutableRawSpan { (span) throws(FTPError) in
                    try download.read(into: &span)
                }
                if count == 0 { break }
                guard total + count <= Self.listingLimit else {
                    throw .listing("more than \(Self.listingLimit) bytes")
                }
                if let end = chunk[..<count].lastIndex(of: UInt8(ascii: "\n")) { rowStart = total + end + 1 }
                total += count
                guard total - rowStart <= Self.rowLimit else {
                    throw .listing("a row of more than \(Self.rowLimit) bytes")
                }
                take(chunk.span.extracting(0..<count))
            }
        } catch {
            download.abort()
            if case .refused("LIST", let reply) = error, reply.isEmptyListing {
                return ListingBody(endedCleanly: true, reply: reply)
            }
            throw error
        }
        // A FIN proves no row whole. That it ends the listing is believed: who wants clear listings has been told that anybody on the way
        // can change them.
        return ListingBody(
            endedCleanly: download.endedCleanly,
            isProvenWhole: download.endedCleanly && download.isProtected, reply: download.finalReply)
    }

    private func isComplete(_ listing: ParsedListing, _ body: ListingBody) -> Bool {
        guard listing.isComplete, body.endedCleanly, body.reply?.isTruncatedListing != true else {
            return false
        }
        guard let limit = software.listingLimit else { return true }
        // More rows than the usual limit mean that the administrator has set another one.
        return listing.rowCount != limit
    }
}

extension Timestamp {
    /// The time now.
    fileprivate static var now: Timestamp {
        let now = WallClock.now()
        return Timestamp(seconds: now.seconds, nanoseconds: now.nanoseconds)
    }
}
