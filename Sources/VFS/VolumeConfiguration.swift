import Posix
package import Remote

/// What a mount is told about how to show the server's files.
package struct VolumeConfiguration: Sendable {
    /// The server's directory that is mounted.
    package var root: RemotePath = .root
    /// Nothing may be changed (`ro`).
    package var isReadOnly = false
    /// The owner shown for everything (`uid=`).
    package var owner: UInt32 = 0
    /// The group shown for everything (`gid=`).
    package var group: UInt32 = 0
    /// Permission bits taken away from every file shown (`fmask=`, `umask=`).
    package var fileMask: UInt16 = 0
    /// Permission bits taken away from every directory shown (`dmask=`, `umask=`).
    package var directoryMask: UInt16 = 0
    /// The mode of files for which the server states none.
    package var defaultFileMode: UInt16 = 0o644
    /// The mode of directories for which the server states none.
    package var defaultDirectoryMode: UInt16 = 0o755
    /// The mode shown for all files, whatever the server says (`file_mode=`).
    package var fileMode: UInt16?
    /// The mode shown for all directories, whatever the server says (`dir_mode=`).
    package var directoryMode: UInt16?
    /// How long listings and single answers are believed (`dcache_timeout=`).
    package var directoryTimeout: Duration = .seconds(20)
    /// How old a file's size and time may be when it is opened (`attr_timeout=`).
    package var attributeTimeout: Duration = .seconds(1)
    /// Opening a file asks the server for its size and time (`cto`); without it the cached ones are believed (`nocto`).
    package var revalidatesAtOpen = true
    /// The most directory entries kept (`dcache_max_size=`); the directory used last is kept even if it is larger.
    package var directoryLimit = 100_000
    /// The connections there are, where those to spare may be used for looking ahead; with fewer than 2 nothing is done ahead.
    package var connectionsAhead = 0
    /// The most files that wait for a delayed upload, each of which has two open files on the local disk; others are uploaded when closed.
    package var delayedLimit = min(200, CurrentProcess.fileLimit / 8)
    /// How long a rename or a removal waits for what programs have under way in the file, or below the directory, before it fails as
    /// busy (`timeout=`).
    package var leasePatience: Duration = .seconds(60)
    /// How long a rename or a removal waits for an upload that no program waits for, before it breaks that off.
    package var uploadGrace: Duration = .seconds(2)
    /// The size shown by statfs(2) in bytes (`disk_size=`); all of it is shown as free.
    package var diskSize: UInt64 = 1 << 50
    /// How long `Volume.shutDown` tries to bring pending content to the server.
    package var shutDownTimeout: Duration = .seconds(30)
    /// What the program reports of itself besides, for `Volume.report`.
    ///
    /// Must not block.
    package var report: @Sendable () -> [String: String] = { [:] }
    /// How long after its last close(2) a file is uploaded (`write_back=`); zero: close(2) and fsync(2) upload themselves.
    package var writeBack: Duration = .zero
    /// How often the server is asked to take a pending upload before its bytes go to the rescue folder (`max_upload_attempts=`).
    package var uploadAttempts = 15
    /// The first and the longest wait before a pending upload is tried again.
    package var uploadPauses: ClosedRange<Duration> = .seconds(1) ... .seconds(60)
    /// What tells the time; another one in tests.
    package var clock = VolumeClock.system

    /// Makes the default configuration.
    package init() {}
}

/// Tells a volume the time.
package struct VolumeClock: Sendable {
    /// The time since some fixed moment; never goes back.
    package var elapsed: @Sendable () -> Duration
    /// The time of day.
    package var wall: @Sendable () -> Timestamp

    /// Makes a clock of two functions.
    package init(
        elapsed: @escaping @Sendable () -> Duration, wall: @escaping @Sendable () -> Timestamp
    ) {
        self.elapsed = elapsed
        self.wall = wall
    }

    private static let start = ContinuousClock.now

    /// The machine's clocks.
    package static let system = VolumeClock(
        elapsed: { start.duration(to: .now) },
        wall: {
            let (seconds, nanoseconds) = WallClock.now()
            return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
        })
}
