import Posix
import Remote
import Synchronization

/// One sparse file in the spool: the bytes of one content that are on this machine.
///
/// Bytes that were never written read as zeros. Any thread may use it; who may change what is its content's business.
final class SpoolFile: Sendable {
    /// Its name in the spool directory; not to be guessed.
    let name: String
    /// Where it is: a mount before this one may have made it.
    let directory: SpoolDirectory
    /// What its bytes are.
    let journal: SpoolJournal
    /// The bytes it counts for in the spool's bound; the spool's business.
    let charge = Monitor<UInt64>(0)
    private let descriptor: FileDescriptor
    private static let count = Atomic(0)

    /// How many there are in this process.
    static var openCount: Int { count.load(ordering: .relaxed) }

    /// Takes over an open file.
    init(name: String, in directory: SpoolDirectory, descriptor: consuming FileDescriptor) {
        self.name = name
        self.directory = directory
        journal = SpoolJournal(of: name, in: directory)
        self.descriptor = descriptor
        Self.count.wrappingAdd(1, ordering: .relaxed)
    }

    deinit {
        Self.count.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Fills a block's front with a range that lies within the file; returns nil when the file has become shorter.
    func read(_ range: Range<UInt64>) throws(Errno) -> Block? {
        let block = Block(capacity: range.count)
        var filled = 0
        while filled < range.count {
            let place = range.lowerBound + UInt64(filled)
            let count = try block.withRoom(from: filled) { room throws(Errno) in
                try descriptor.read(into: &room, at: place)
            }
            guard count > 0 else { return nil }
            filled += count
        }
        return block
    }

    /// Fills the front of a span; returns how many bytes, 0 at the end of the file.
    func read(into bytes: inout MutableRawSpan, at offset: UInt64) throws(Errno) -> Int {
        try descriptor.read(into: &bytes, at: offset)
    }

    /// Writes as many bytes as can be written; returns how many and why not all.
    func write(_ bytes: RawSpan, at offset: UInt64) -> (count: Int, failure: Errno?) {
        descriptor.writeSome(bytes, at: offset)
    }

    /// The length in bytes.
    func size() throws(Errno) -> UInt64 {
        try descriptor.status().size
    }

    /// Sets the length in bytes; what is added reads as zeros.
    func truncate(to size: UInt64) throws(Errno) {
        try descriptor.truncate(to: size)
    }

    /// Makes a range zeros and frees its room on the disk.
    func zero(_ range: Range<UInt64>) throws(Errno) {
        try descriptor.zero(range)
    }

    /// Waits until the bytes are on the local disk.
    func synchronize() throws(Errno) {
        try descriptor.synchronizeData()
    }

    /// Takes room on the disk for a range.
    func reserve(_ range: Range<UInt64>) throws(Errno) {
        try descriptor.reserve(range)
    }
}

/// A spool file as the source of an upload, as long as the content says.
final class SpoolSource: UploadSource {
    let size: UInt64
    private let file: SpoolFile?

    /// Makes the source of a content of a size in bytes; without a file it is all zeros.
    init(file: SpoolFile?, size: UInt64) {
        self.file = file
        self.size = size
    }

    func read(into bytes: inout MutableRawSpan, at offset: UInt64) throws(RemoteError) -> Int {
        guard offset < size else { return 0 }
        guard let file else {
            throw RemoteError(.local, operation: "spool", words: "there are no bytes to send")
        }
        do throws(Errno) {
            let count = try file.read(into: &bytes, at: offset)
            guard count > 0 else {
                throw Errno.inputOutput
            }
            return Int(min(UInt64(count), size - offset))
        } catch {
            throw RemoteError(.local, operation: "spool", words: "cannot read the spool: \(error)")
        }
    }

    /// Whether a range has the bytes at the front of a block.
    func holds(_ range: Range<UInt64>, equalTo block: Block) throws(RemoteError) -> Bool {
        do throws(Errno) {
            guard let mine = try file?.read(range) else { return false }
            return mine.holds(0..<range.count, equalTo: 0..<range.count, of: block)
        } catch {
            throw RemoteError(.local, operation: "spool", words: "cannot read the spool: \(error)")
        }
    }
}
