import FTPClient
import FTPWire
import Logging
import Posix
import Remote

/// Going on with a broken upload where it broke (REST and STOR, RFC 3659 section 5), rather than sending all of it again.
///
/// Why no byte can be wrong:
/// - It happens within one call alone, so that what has arrived came from the very source that is read on.
/// - Only programs that are known to keep what lies before the offset are trusted: another one may empty the file first and fill it
///   with zeros up to there, and the size at the end would be right all the same.
/// - What the server states is believed only up to what was sent: more is room that it has taken in advance, or another file.
/// - The end of the part is read back and compared with the source, which shows blocks that were never written; it is then sent again.
/// - What a session that has not noticed the break yet may still write, out of its buffers, are the same bytes at the same places: TLS
///   lets no others through, and the transfer that broke was no APPE. If it removes the file (vsftpd's `delete_failed_uploads`, ProFTPD's
///   `DeleteAbortedStores`), the size that is asked for before the rename is missing.
/// - The server acknowledges the rest, states the size of the whole, and where checksums are compared that of the whole as well.
extension FTPStore {
    /// What has arrived of an upload whose transfer broke.
    struct Part {
        /// The temporary name.
        let name: RemotePath
        /// How many bytes were sent, at least: not all of them need have arrived.
        var sent: UInt64
    }

    /// A part below this many bytes is sent again: to ask for it takes about as long.
    static let leastPart: UInt64 = 1 << 20
    /// How many bytes at the end of a part are compared, and sent again.
    static let partOverlap: UInt64 = 64 << 10

    /// Where to go on with a broken upload; nil where all has to be sent again.
    func restartOffset(
        _ part: Part, of source: any UploadSource, over lease: Lease
    ) throws(UploadFailure) -> UInt64? {
        guard part.sent >= Self.leastPart, learned.withLock({ $0.restarts }),
            profile.facts.software.keepsHeadBehindRestart
        else { return nil }
        do throws(UploadFailure) {
            let stated = try UploadFailure.sorting { () throws(FTPError) in
                try lease.session.run(.size(part.name)).sizeValue
            }
            guard let stated, stated >= Self.leastPart, stated <= part.sent, stated <= source.size else {
                return nil
            }
            let start = stated - Self.partOverlap
            guard try endsLike(source, part.name, start..<stated, over: lease) else {
                logger.info("a broken upload has not left what was sent", metadata: ["name": "\(part.name)"])
                return nil
            }
            logger.info(
                "going on with a broken upload", metadata: ["name": "\(part.name)", "at": "\(start)"])
            return start
        } catch .final(let error) where error.reply != nil && lease.session.isUsable {
            // The part must not be read, as in some incoming directories.
            return nil
        }
    }

    /// Whether a file ends where a range does, and holds the source's bytes in it: reads it back from there.
    func endsLike(
        _ source: any UploadSource, _ path: RemotePath, _ range: Range<UInt64>, over lease: Lease
    ) throws(UploadFailure) -> Bool {
        let download = try UploadFailure.sorting { () throws(FTPError) in
            try lease.session.download(path, from: range.lowerBound, expecting: UInt64(range.count))
        }
        defer { download.abort() }
        var comparison = Comparison(download, with: source, path, noting: lease)
        guard try comparison.holds(range) else { return false }
        return try comparison.isAtEnd()
    }
}
