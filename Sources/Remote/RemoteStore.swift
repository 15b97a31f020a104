/// A tree of files on a server: the narrow waist between the volume above and the protocol below.
///
/// All calls block until they are answered, fail, pass a deadline of the store's, or the request is cancelled
/// (`RemoteError.Kind.interrupted`). They may be made from any thread, many at a time. A store retries what can safely be
/// retried and reconnects by itself; an error that leaves it is final for this call. No answer is guessed: a name
/// is `.notFound` only when the server said so.
package protocol RemoteStore: AnyObject, Sendable {
    /// What the server is known to be able to do; grows while the store learns. Does not block.
    var traits: StoreTraits { get }

    /// What users may see of the store and its connections: names of lower-case letters, digits and underscores, and printable text.
    ///
    /// Does not block; empty where there is nothing to be seen.
    var report: [String: String] { get }

    /// Lists a directory whole.
    func list(_ directory: RemotePath, for request: Request) throws(RemoteError) -> Listing

    /// Asks for one name. Symbolic links are not followed where the server can tell them.
    func attributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes

    /// Asks for what a name stands for once symbolic links are followed by the server.
    func resolvedAttributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes

    /// Asks for exact times of modification of regular files of which a listing states only the minute or the day, all of them at once.
    ///
    /// Answers in the order of the paths, nil for a file of which the server says none.
    func exactTimes(of paths: [RemotePath], for request: Request) throws(RemoteError) -> [Timestamp?]

    /// Begins to read a file at an offset in bytes. `length` is how many bytes there are from the offset to the end of the file, where
    /// that is known; nil when it is not, or when less is wanted.
    func openReader(
        _ path: RemotePath, at offset: UInt64, length: UInt64?, for request: Request
    ) throws(RemoteError) -> any RemoteReader

    /// Asks for the attributes of a regular file and begins to read it at an offset in bytes, in one round trip where the server takes that.
    ///
    /// The two agree as far as FTP can tell: the reader ends as proven only at the size given with it. Throws `.isDirectory` for a
    /// directory, and like `attributes` and `openReader`.
    func open(
        _ path: RemotePath, at offset: UInt64, for request: Request
    ) throws(RemoteError) -> (attributes: Attributes, reader: any RemoteReader)

    /// Puts a whole new content in place of a file, or creates it.
    ///
    /// When this returns, the server has acknowledged the transfer, the size it reports is the size sent, and the name
    /// shows the new content with the attributes returned. When it throws, the old content is untouched under the name
    /// (except where the server can neither rename nor take another name, which `traits` then says) and no temporary file
    /// is left that could be removed. Throws `.changed` when `expectation` is not met.
    func replace(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes

    /// Begins to send a new content for a file before all of it is known; it comes into its place with the writer's `finish`.
    ///
    /// `isNew` says that nothing is believed to be under the name. For a request that is `spare` only with a connection that nobody
    /// needs (`.busy` otherwise, at once). Throws `.unsupported` where this is not to be done.
    func openWriter(
        _ path: RemotePath, isNew: Bool, for request: Request
    ) throws(RemoteError) -> any RemoteWriter

    /// Adds bytes at the end of a file: the source's bytes from `offset` on, where `offset` is the size the remote file must have now.
    ///
    /// Throws `.unsupported` when the server cannot append (nothing was changed then; use `replace`), `.changed` when `expectation` is not met.
    func append(
        to path: RemotePath, at offset: UInt64, from source: any UploadSource, _ order: UploadOrder,
        for request: Request
    ) throws(RemoteError) -> Attributes

    /// Overwrites ranges inside a file with the source's bytes there; the file's size is the source's, before and after.
    ///
    /// While it goes on, others may see old and new bytes beside each other. Throws `.unsupported` when the server is not known to keep what
    /// lies around such a range, and `.changed` when `expectation` is not met; nothing was changed then. `began` is called once the file was
    /// seen to be as expected and before any byte may arrive: after an error behind it some of the bytes may be there, and have given the file
    /// another version.
    func patch(
        _ path: RemotePath, _ ranges: [Range<UInt64>], from source: any UploadSource, _ order: UploadOrder,
        began: () -> Void, for request: Request
    ) throws(RemoteError) -> Attributes

    /// Makes a directory.
    func makeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError)

    /// Removes a file or symbolic link.
    func removeFile(_ path: RemotePath, for request: Request) throws(RemoteError)

    /// Removes an empty directory.
    func removeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError)

    /// Renames. With `replacing` false an existing target is `.exists`; with true it is replaced, atomically where the server can.
    func rename(
        _ old: RemotePath, to new: RemotePath, replacing: Bool, for request: Request
    ) throws(RemoteError)

    /// Sets the time of modification; throws `.unsupported` where the server has no way for this kind of file.
    ///
    /// Returns what a regular file was just before, where that can be told: nobody has looked whether it is another client's by now.
    @discardableResult
    func setModified(
        _ path: RemotePath, kind: FileKind, to time: Timestamp, for request: Request
    ) throws(RemoteError) -> Attributes?

    /// Sets permission bits (0 up to 0o7777); throws `.unsupported` where the server has no way.
    func setMode(_ path: RemotePath, to mode: UInt16, for request: Request) throws(RemoteError)

    /// Makes a symbolic link; throws `.unsupported` where the server has no way.
    func makeSymlink(_ path: RemotePath, target: [UInt8], for request: Request) throws(RemoteError)
}

extension RemoteStore {
    /// Nothing to be seen.
    package var report: [String: String] { [:] }

    /// Not supported.
    package func openWriter(
        _ path: RemotePath, isNew: Bool, for request: Request
    ) throws(RemoteError) -> any RemoteWriter {
        throw RemoteError(.unsupported, operation: "STOR", path: path)
    }

    /// Not supported.
    package func patch(
        _ path: RemotePath, _ ranges: [Range<UInt64>], from source: any UploadSource, _ order: UploadOrder,
        began: () -> Void, for request: Request
    ) throws(RemoteError) -> Attributes {
        throw RemoteError(.unsupported, operation: "patch", path: path)
    }

    /// One after the other.
    package func open(
        _ path: RemotePath, at offset: UInt64, for request: Request
    ) throws(RemoteError) -> (attributes: Attributes, reader: any RemoteReader) {
        let attributes = try attributes(of: path, for: request)
        guard attributes.kind != .directory else {
            throw RemoteError(.isDirectory, operation: "RETR", path: path)
        }
        let length = attributes.size.map { $0 - min($0, offset) }
        return (attributes, try openReader(path, at: offset, length: length, for: request))
    }
}

/// What a server is known to be able to do.
package struct StoreTraits: Hashable, Sendable {
    /// One name can be asked for in one round trip (MLST); otherwise listing the parent is the better question.
    package var statsOneName: Bool
    /// Exact times of files can be asked for where listings state coarse ones (MDTM).
    package var statesExactTimes: Bool
    /// The time of modification of files can be set; nil while unknown.
    package var setsFileTimes: Bool?
    /// The time of modification of directories can be set; nil while unknown.
    package var setsDirectoryTimes: Bool?
    /// Permission bits can be set; nil while unknown.
    package var setsModes: Bool?
    /// The finest times the server states for files.
    package var granularity: TimeGranularity
    /// A file is replaced by rename, so that others see the old or the new content and nothing between.
    package var replacesAtomically: Bool

    /// Makes traits; the defaults claim nothing.
    package init(
        statsOneName: Bool = false, statesExactTimes: Bool = false, setsFileTimes: Bool? = nil,
        setsDirectoryTimes: Bool? = nil,
        setsModes: Bool? = nil, granularity: TimeGranularity = .second, replacesAtomically: Bool = true
    ) {
        self.statsOneName = statsOneName
        self.statesExactTimes = statesExactTimes
        self.setsFileTimes = setsFileTimes
        self.setsDirectoryTimes = setsDirectoryTimes
        self.setsModes = setsModes
        self.granularity = granularity
        self.replacesAtomically = replacesAtomically
    }
}

/// A file being read from one place onward.
///
/// Used by one thread at a time.
package protocol RemoteReader: AnyObject, Sendable {
    /// Waits for at least one byte and fills the front of the span; returns how many bytes came, 0 at the proven end of the file.
    ///
    /// The end is proven by the transfer's clean end together with the server's word (226); a cut connection throws.
    /// The request given is the one to watch while this call waits.
    func read(into bytes: inout MutableRawSpan, for request: Request) throws(RemoteError) -> Int

    /// Ends the transfer, wherever it is, and gives its connection back. Bounded in time; a second call does nothing.
    func close()

    /// Asks to be told when somebody else needs the connection of this reader while it is not reading.
    ///
    /// The action runs on another thread, must not block, and should lead to `close()` soon if the reader is waiting for
    /// nobody. A reader that is never told keeps its connection.
    func onReclaim(_ action: @escaping @Sendable () -> Void)
}

/// Where the bytes of an upload come from; read again from the start when an upload is retried.
package protocol UploadSource: AnyObject, Sendable {
    /// The number of bytes the file will have in the end.
    var size: UInt64 { get }
    /// Fills the front of the span with the bytes at `offset`; returns how many, 0 only at `size`. Throws `.local` when they cannot be had.
    func read(into bytes: inout MutableRawSpan, at offset: UInt64) throws(RemoteError) -> Int
}

/// What a caller demands of an upload besides its bytes.
package struct UploadOrder: Sendable {
    /// What the caller believes is under the name now.
    package enum Expectation: Sendable {
        /// Anything: no check is made.
        case anything
        /// Nothing: a file there is `.changed`.
        case nothing
        /// This version: a file with another size or time, or no file, is `.changed`.
        case version(FileVersion)
    }

    /// What must be under the name before it is replaced.
    package var expectation: Expectation
    /// Permission bits the file is to have, where the server can set them; nil leaves it to the server.
    package var mode: UInt16?
    /// The time of modification the file is to have, where the server can set it; nil leaves it to the server.
    package var modified: Timestamp?
    /// The name is to be written through, not replaced: it is a symbolic link that the server follows.
    package var writesThrough: Bool

    /// Makes an order; the defaults demand nothing.
    package init(
        expectation: Expectation = .anything, mode: UInt16? = nil, modified: Timestamp? = nil,
        writesThrough: Bool = false
    ) {
        self.expectation = expectation
        self.mode = mode
        self.modified = modified
        self.writesThrough = writesThrough
    }
}
