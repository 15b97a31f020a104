package import Logging
package import Posix
package import Remote

/// What all file contents of a mount share.
package final class ContentEnvironment: Sendable {
    /// Where the files are.
    package let store: any RemoteStore
    /// Where written bytes wait for their upload.
    package let spool: Spool
    /// How far to read ahead and what to keep.
    package let settings: ContentSettings
    /// Where errors that no program sees are said.
    package let logger: Logger
    /// The memory and the threads of all read-ahead.
    let budget: ReadBudget
    /// How many uploads follow writers at the moment.
    let followers = Monitor(0)
    /// Zeros for holes.
    let zeros: Block

    /// Puts the shared parts together.
    package init(
        store: any RemoteStore, spool: Spool, settings: ContentSettings = ContentSettings(), logger: Logger
    ) {
        self.store = store
        self.spool = spool
        self.settings = settings
        self.logger = logger
        budget = ReadBudget(byteLimit: settings.memoryLimit, streamLimit: settings.streamLimit)
        zeros = Block(capacity: 128 << 10)
        zeros.fillWithZeros()
    }

    /// Waits until no thread is left that reads ahead or follows a writer, at most until the deadline; returns whether none is left.
    ///
    /// To be called after the contents were closed, before the store is shut down.
    package func waitForStreams(until deadline: Deadline) -> Bool {
        let isAlone = followers.wait(until: deadline) { $0 == 0 ? true : nil } ?? false
        return budget.waitUntilIdle(until: deadline) && isAlone
    }

    /// Asks the server for a file, through a symbolic link if it is reached by one.
    func attributes(of path: RemotePath, followsLink: Bool, for request: Request) throws(RemoteError)
        -> Attributes
    {
        if followsLink { return try store.resolvedAttributes(of: path, for: request) }
        return try store.attributes(of: path, for: request)
    }

    /// The time for a write that happens now, as exact as the server will be able to state it.
    func timeOfWrite() -> Timestamp {
        let (seconds, nanoseconds) = WallClock.now()
        return Timestamp(
            seconds: seconds, nanoseconds: store.traits.granularity == .fraction ? nanoseconds : 0)
    }
}

/// How far file contents read ahead and what they keep in memory and on disk; all sizes in bytes.
package struct ContentSettings: Sendable {
    /// The most a sequential reader is led by (`readahead=`); 0 fetches nothing ahead, files that come whole apart.
    ///
    /// By default what a link of 1 Gbit/s holds in a round trip of 60 ms.
    package var readAhead: UInt64 = 8 << 20
    /// The most streams one large file is read through (`streams=`); 1 keeps to one a reader.
    package var streamsPerFile = 4
    /// The most streams of one file that readers wait for at different places.
    package var busyStreamsPerFile = 4
    /// The memory of all read-ahead together: what leaves the whole program below 64 MiB with all else that it keeps.
    package var memoryLimit = 20 << 20
    /// The most streams, and so threads, at one time.
    package var streamLimit = 32
    /// Files up to this size are fetched whole.
    package var wholeFileLimit: UInt64 = 1 << 20
    /// A forward jump up to this size is read through.
    package var gapLimit: UInt64 = 256 << 10
    /// What is kept behind the furthest read, for reads that arrive out of order.
    package var keptBehind: UInt64 = 2 << 20
    /// The size of one piece of memory.
    package var blockSize = 256 << 10
    /// How long a stream that nobody reads from keeps its connection.
    package var idleTime: Duration = .seconds(5)
    /// How long after the open the first stream needs no check of the file's version.
    package var openGrace: Duration = .seconds(2)
    /// Files from this size on are changed in place where little of them was written.
    package var patchLimit: UInt64 = 1 << 20
    /// Of a file written from its beginning on, so much has to be there before its upload begins; nil waits for the end of writing.
    package var followLimit: UInt64? = 1 << 20
    /// The bytes that an upload that follows a writer sends at a time.
    package var followPiece = 256 << 10
    /// How long an upload that follows a writer waits for more.
    ///
    /// Well below what servers grant a data connection that stands still (vsftpd: 300 s).
    package var followPause: Duration = .seconds(5)
    /// How often a stream that breaks is taken up again without having advanced much.
    package var resumeLimit = 3

    /// Makes the default settings.
    package init() {}
}
