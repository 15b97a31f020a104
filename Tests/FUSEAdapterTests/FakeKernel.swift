import CFUSE
import Foundation
import Logging
import Posix
import TestSupport
import Testing

@testable import FUSEAdapter
@testable import VFS

/// The other end of libfuse: puts requests into a session as the kernel would (linux/fuse.h), and reads the answers.
///
/// Used by one thread. Nothing is mounted.
final class FakeKernel {
    /// A store with a file, an executable, a link and a directory, for requests to be about.
    let store = MemoryStore()
    let volume: Volume
    /// Whether answers are refused, as the kernel does when a request is gone.
    var refusesAnswers: Bool {
        get { Self.refusing.withLock { $0.contains(device) } }
        set {
            Self.refusing.withLock { set in
                if newValue { set.insert(device) } else { set.remove(device) }
            }
        }
    }

    private static let refusing = Monitor<Set<CInt>>([])
    private let adapter: Adapter
    private let session: OpaquePointer
    private let near: CInt
    private let device: CInt
    private let directory: TemporaryDirectory
    private var unique: UInt64 = 2
    /// What the session has said unasked: the code of each notice (linux/fuse.h) and what follows it.
    private(set) var notices: [Answer] = []

    /// What the session answers.
    struct Answer {
        /// 0, or an error number.
        var number: CInt
        /// What follows the header.
        var body: [UInt8]

        /// The eight bytes at an offset, as a number.
        func long(_ offset: Int) -> UInt64 {
            body.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        }

        /// The four bytes at an offset, as a number.
        func word(_ offset: Int) -> UInt32 {
            body.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        }
    }

    /// Makes a session over a volume of a few files, and greets it.
    init(_ change: (inout FUSEAdapter.MountOptions) -> Void = { _ in }) throws {
        store.put("/file", Array("hello world\n".utf8))
        store.put("/program", [0], mode: 0o755)
        store.makeDirectories("/directory")
        for index in 0..<5 { store.put("/directory/\(index)", [1]) }
        directory = try TemporaryDirectory()
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let spool = try Spool(
            cacheDirectory: directory.path, source: "test", cacheSize: 1 << 20, logger: logger)
        volume = Volume(
            environment: ContentEnvironment(store: store, spool: spool, logger: logger),
            configuration: VolumeConfiguration())
        var options = FUSEAdapter.MountOptions(mountpoint: "/none", source: "test")
        change(&options)
        adapter = Adapter(volume: volume, options: options, logger: logger)
        var arguments = fuse_args()
        defer { fuse_opt_free_args(&arguments) }
        fuse_opt_add_arg(&arguments, "test")
        var table = Callbacks.table
        session = try #require(
            ftpsfs_session_new(&arguments, &table, Unmanaged.passUnretained(adapter).toOpaque()))
        let notice = KernelNotice(session)
        adapter.notice.withLock { $0 = notice }
        var ends: [CInt] = [-1, -1]
        precondition(ftpsfs_message_pair(&ends) == 0)
        near = ends[0]
        device = ends[1]
        var io = fuse_custom_io()
        io.read = { device, buffer, count, _ in Glibc.read(device, buffer, count) }
        io.writev = { device, pieces, count, _ in
            guard !FakeKernel.refusing.withLock({ $0.contains(device) }) else {
                errno = ENOENT
                return -1
            }
            return Glibc.writev(device, pieces, count)
        }
        precondition(fuse_session_custom_io(session, &io, device) == 0)
        // FUSE_INIT: version 7.31, read-ahead, all flags.
        precondition(ask(26, 0, words: [7, 31, 131072, .max])?.number == 0)
    }

    deinit {
        refusesAnswers = false
        fuse_session_destroy(session)
        close(near)
        volume.shutDown()
    }

    /// Sends a request about a node: numbers of four bytes, numbers of eight bytes, then texts that end with NUL.
    ///
    /// Returns nil when there is no answer.
    @discardableResult
    func ask(
        _ opcode: UInt32, _ node: UInt64, words: [UInt32] = [], longs: [UInt64] = [], more: [UInt32] = [],
        texts: [String] = []
    ) -> Answer? {
        unique += 2
        var body = words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
        body += longs.flatMap { long in withUnsafeBytes(of: long) { Array($0) } }
        body += more.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
        for text in texts { body += Array(text.utf8) + [0] }
        var message: [UInt8] = []
        for word in [UInt32(40 + body.count), opcode] { withUnsafeBytes(of: word) { message += $0 } }
        for long in [unique, node] { withUnsafeBytes(of: long) { message += $0 } }
        for word: UInt32 in [0, 0, UInt32(getpid()), 0] { withUnsafeBytes(of: word) { message += $0 } }
        message += body
        message.withUnsafeMutableBytes { bytes in
            var buffer = fuse_buf()
            buffer.size = bytes.count
            buffer.mem = bytes.baseAddress
            fuse_session_process_buf(session, &buffer)
        }
        while let (answer, request) = receive() {
            if request != 0 { return answer }
            notices.append(Answer(number: -answer.number, body: answer.body))
        }
        return nil
    }

    // The next message that is there, and the number of the request it answers: 0 for a notice.
    private func receive() -> (Answer, request: UInt64)? {
        var reply = [UInt8](repeating: 0, count: 1 << 17)
        let count = recv(near, &reply, reply.count, CInt(MSG_DONTWAIT))
        guard count >= 16 else { return nil }
        return reply.withUnsafeBytes { bytes in
            let number = bytes.loadUnaligned(fromByteOffset: 4, as: CInt.self)
            let request = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            return (Answer(number: -number, body: Array(bytes[16..<count])), request)
        }
    }

    /// Looks a name up; returns the node's number, 0 for none.
    func lookUp(_ name: String, in parent: UInt64 = 1) -> UInt64 {
        ask(1, parent, texts: [name])?.long(0) ?? 0
    }

    /// The references that the kernel holds according to the volume, of a node.
    func references(of node: UInt64) -> UInt64 {
        volume.tree.withLock { $0.nodes[node]?.lookups ?? 0 }
    }

    /// The references to all nodes but the root.
    var allReferences: UInt64 {
        volume.tree.withLock { tree in
            tree.nodes.values.reduce(0) { $0 + ($1 === tree.root ? 0 : $1.lookups) }
        }
    }

    /// The number of open files and directories.
    var openHandles: Int {
        volume.tree.withLock { $0.files.count + $0.openDirectories.count }
    }
}
