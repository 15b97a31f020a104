import Logging
import Posix

// How much the spool may hold: unsent data and kept data together, rescued files apart.
extension Spool {
    /// How much of the disk is left to others: programs fail in odd ways on a disk without any room.
    private static let reserve: UInt64 = 64 << 20
    /// Less than this is no room: the last pages would be handed out in small bits.
    private static let rest: UInt64 = 16 << 10

    /// The bytes that there is room for now: within the bound, and on the disk less a reserve.
    ///
    /// The reserve is a twentieth of a small disk. Asks the local kernel only. Writers that ask at the same moment may go over it by what
    /// each of them writes at a time.
    func room() -> UInt64 {
        let used = usage.withLock { $0.bytes }
        var room = limit.map { $0 - min($0, used) } ?? .max
        if let space = try? space() {
            let reserve = min(Self.reserve, space.totalBytes / 20)
            let free = space.freeBytes - min(space.freeBytes, reserve)
            room = min(room, free < Self.rest ? 0 : free)
        }
        return room
    }

    /// The bytes of a write that there is room for: all, or as many as its front may have; drops clean data before it says less.
    ///
    /// `new` is how many of the write's bytes are not in the file yet. To be called with no lock held.
    func admit(_ count: Int, new: UInt64, for own: FileContent) -> Int {
        guard new > 0 else { return count }
        var room = self.room()
        if new > room, dropAllClean(except: own) { room = self.room() }
        let isFull = new > room
        let isNews = usage.withLock { usage in
            defer { usage.isFull = isFull }
            return isFull && !usage.isFull
        }
        if isNews {
            logger.error(
                """
                the spool is full: \(usage.withLock { $0.bytes }) bytes wait for their upload, \
                \(limit.map { "spool_size is \($0)" } ?? "the disk has no more room"); writing fails until there is
                """)
        }
        return isFull ? Int(min(UInt64(count), room)) : count
    }

    /// Counts bytes that a file has got.
    func charge(_ bytes: UInt64, to file: SpoolFile) {
        file.charge.withLock { $0 += bytes }
        usage.withLock { $0.bytes += bytes }
    }

    /// Counts a file for no more than these bytes from now on.
    func recharge(_ file: SpoolFile, atMost bytes: UInt64) {
        let freed = file.charge.withLock { charge in
            let freed = charge - min(charge, bytes)
            charge -= freed
            return freed
        }
        usage.withLock { $0.bytes -= min($0.bytes, freed) }
    }

    /// What is in the spool.
    struct Usage {
        /// The bytes of all files.
        var bytes: UInt64 = 0
        /// The last writer was told that there is no room.
        var isFull = false
    }
}
