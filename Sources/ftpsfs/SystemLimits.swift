import Posix
import Settings

/// What a mount needs of that which the system limits for each process (getrlimit(2)).
enum SystemLimits {
    /// Descriptors that each mount has open: streams, /dev/fuse, the cache directory's, those of its threads.
    private static let ownDescriptors = 16
    /// Each connection has its own, one for data, and a flag.
    private static let descriptorsOfConnection = 3
    /// What is open for a moment: files of the resolver, records that take another's place.
    private static let spareDescriptors = 12
    /// Fewer files than this being written at a time are too few for ordinary tools.
    private static let fewestFiles = 4
    /// Program, libraries, threads and their buffers in bytes, with the fewest threads that serve the kernel at work.
    private static let addressSpace: UInt64 = 384 << 20
    /// The fewest and the most threads that serve the kernel.
    private static let threads = 32...320
    /// Stack and buffer of one more of them in bytes (`CurrentProcess.spareAddressSpace`).
    private static let addressSpaceOfThread: UInt64 = 3 << 20

    /// How many files may be written at a time, so that connections never lack a descriptor.
    ///
    /// Throws what the user is to change where the limits are too low for a mount at all.
    static func files(besides connections: Int) throws(Failure) -> Int {
        let used = ownDescriptors + descriptorsOfConnection * connections + spareDescriptors
        let limit = CurrentProcess.fileLimit
        // With many descriptors the threads that serve the kernel have theirs too, which are a sixteenth at the most (`Session.run`).
        let files = min((limit - used) / 2, limit * 7 / 16)
        guard files >= fewestFiles else {
            throw Failure(
                .system,
                """
                no more than \(limit) files may be open (ulimit -n), and max_conns=\(connections) needs \
                \(used + 2 * fewestFiles)
                """)
        }
        return files
    }

    /// How many threads may serve the kernel: each waiting program takes one, and fewer of them are made where the address space is limited.
    static var servingThreads: Int {
        guard let limit = CurrentProcess.addressSpaceLimit else { return threads.upperBound }
        let spare = limit > addressSpace ? (limit - addressSpace) / addressSpaceOfThread : 0
        return min(threads.lowerBound + Int(clamping: spare), threads.upperBound)
    }

    /// Throws where the address space is too small to work in: memory that is refused later would end the program at any moment.
    static func checkMemory() throws(Failure) {
        guard let limit = CurrentProcess.addressSpaceLimit, limit < addressSpace else { return }
        throw Failure(
            .system,
            "no more than \(limit >> 10) KiB of memory may be used (ulimit -v), and a mount needs \(addressSpace >> 10)"
        )
    }
}
