import FTPClient
import Posix
import Remote

/// What comes over a download, compared with what was sent.
///
/// Used by one thread at a time; holds two pieces of `FTPStore.uploadPiece` bytes.
struct Comparison: ~Copyable {
    private let download: Download
    private let source: any UploadSource
    private let path: RemotePath
    private let lease: Lease
    private let theirs = Block(capacity: FTPStore.uploadPiece)
    private let ours = Block(capacity: FTPStore.uploadPiece)

    /// Compares a download of a file from wherever it begins; whoever has begun it ends it as well.
    init(_ download: Download, with source: any UploadSource, _ path: RemotePath, noting lease: Lease) {
        self.download = download
        self.source = source
        self.path = path
        self.lease = lease
    }

    /// Whether the next bytes are those that the source has in a range; the download must be at its beginning.
    ///
    /// Blocks until they have come, or one of them differs. Throws `.other` where the source cannot be read.
    mutating func holds(_ range: Range<UInt64>) throws(UploadFailure) -> Bool {
        var place = range.lowerBound
        while place < range.upperBound {
            let piece = try next(upTo: range.upperBound - place)
            guard !piece.isEmpty else { return false }
            var filled = piece.lowerBound
            while filled < piece.upperBound {
                let offset = place + UInt64(filled - piece.lowerBound)
                do throws(RemoteError) {
                    let read = try ours.withRoom(from: filled) { room throws(RemoteError) in
                        try source.read(into: &room, at: offset)
                    }
                    guard read > 0 else {
                        throw RemoteError(
                            .local, operation: "RETR", path: path, words: "the spool is too short")
                    }
                    filled += read
                } catch {
                    throw .other(error)
                }
            }
            guard ours.holds(piece, equalTo: piece, of: theirs) else { return false }
            place += UInt64(piece.count)
        }
        return true
    }

    /// Lets so many bytes pass; false where the file ends before.
    mutating func skip(_ count: UInt64) throws(UploadFailure) -> Bool {
        var left = count
        while left > 0 {
            let piece = try next(upTo: left)
            guard !piece.isEmpty else { return false }
            left -= UInt64(piece.count)
        }
        return true
    }

    /// Whether no more bytes come.
    mutating func isAtEnd() throws(UploadFailure) -> Bool { try next(upTo: 1).isEmpty }

    /// Takes the next bytes, at most so many; gives where in `theirs` they are, empty at the end.
    private func next(upTo limit: UInt64) throws(UploadFailure) -> Range<Int> {
        let start = theirs.capacity - Int(min(UInt64(theirs.capacity), limit))
        let count = try UploadFailure.sorting { () throws(FTPError) in
            try theirs.withRoom(from: start) { room throws(FTPError) in try download.read(into: &room) }
        }
        lease.noteProgress(count)
        return start..<(start + count)
    }
}
