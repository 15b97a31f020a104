import CFUSE
import Glibc
import Logging
import Posix
import Remote
import VFS

/// Stands between libfuse's callbacks and the volume: takes requests, runs operations, sends answers.
///
/// One object serves all threads of a session; libfuse hands it to each callback.
final class Adapter: Sendable {
    /// What is mounted.
    let volume: Volume
    /// The requests being worked on.
    let inFlight = InFlight()
    /// How long the kernel keeps attributes, names and negative answers, in seconds.
    let timeouts: (attributes: Double, entry: Double, negative: Double)
    /// The most requests that the kernel makes ahead of need at a time.
    let backgroundRequests: UInt32
    /// How far the kernel is to read ahead at most, in bytes.
    let readAhead: UInt64
    /// How the kernel is told what it has not asked for; nil without a session.
    let notice = Monitor<KernelNotice?>(nil)
    private let logger: Logger

    /// Makes an adapter; nothing is started.
    init(volume: Volume, options: MountOptions, logger: Logger) {
        self.volume = volume
        self.logger = logger
        timeouts = (
            options.attributeTimeout.inSeconds, options.entryTimeout.inSeconds,
            options.negativeTimeout.inSeconds
        )
        readAhead = options.readAhead
        // Threads stay free for names and attributes, whatever is read ahead. 12 is the kernel's own figure.
        backgroundRequests = UInt32(max(12, min(options.maximumThreads / 2, 16)))
    }

    /// The adapter that a session was made with.
    static func of(_ userdata: UnsafeMutableRawPointer?) -> Adapter? {
        // SAFETY: the session, which hands the pointer to callbacks, keeps the adapter alive.
        unsafe userdata.map { unsafe Unmanaged<Adapter>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Runs one operation for the kernel and answers it exactly once; errors become error numbers here.
    ///
    /// `operation` is the name for the log, `node` the node it is about.
    static func serve(
        _ raw: OpaquePointer?, _ operation: StaticString, _ node: fuse_ino_t,
        _ body: (Adapter, Request) throws(VolumeError) -> Answer
    ) {
        guard let raw = unsafe raw else { return }
        let reply = unsafe KernelReply(raw)
        guard let adapter = unsafe of(fuse_req_userdata(raw)) else { return }
        let call = Request()
        let thread = unsafe fuse_req_ctx(raw)?.pointee.pid ?? 0
        let ticket = unsafe adapter.inFlight.begin(call, of: raw, thread: thread)
        let answer: Answer
        do throws(VolumeError) {
            answer = try body(adapter, call)
        } catch {
            answer = adapter.answer(to: error, operation, node)
        }
        adapter.inFlight.end(ticket)
        adapter.send(answer, reply)
    }

    /// Runs a task for the kernel that needs no answer of its own and cannot be interrupted; `body` answers or not.
    static func serveQuietly(_ raw: OpaquePointer?, _ body: (Adapter) -> Answer?) {
        guard let raw = unsafe raw else { return }
        let reply = unsafe KernelReply(raw)
        guard let adapter = unsafe of(fuse_req_userdata(raw)) else { return }
        if let answer = body(adapter) {
            adapter.send(answer, reply)
        } else {
            reply.none()
        }
    }

    /// Logs an error, once, and finds its number.
    ///
    /// A missing name is no error to speak of.
    private func answer(to error: VolumeError, _ operation: StaticString, _ node: fuse_ino_t) -> Answer {
        let number = ErrnoMapping.number(for: error)
        let level: Logger.Level = ErrnoMapping.isOrdinary(error) ? .debug : .warning
        logger.log(level: level, "\(operation) of node \(node): \(Errno(number)): \(Self.words(for: error))")
        return .failed(number)
    }

    private static func words(for error: VolumeError) -> String {
        switch error {
        case .remote(let error): error.description
        case .local(let words): words
        default: "\(error)"
        }
    }

    /// Sends an answer, and takes back what it gives away when the kernel does not take it.
    func send(_ answer: Answer, _ reply: consuming KernelReply) {
        switch answer {
        case .done: _ = reply.number(0)
        case .failed(let number): _ = reply.number(number)
        case .entry(let node):
            if !reply.entry(parameters(node)) { volume.forget(node.node, count: 1) }
        case .absent: sendAbsent(reply)
        case .attributes(let attributes):
            _ = reply.attributes(
                stat(attributes), for: attributes.isProvisional ? 0 : timeouts.attributes)
        case .opened(let file, let node):
            announce(file, of: node)
            if !reply.opened(fileInfo(file)) { volume.release(file.handle) }
        case .created(let node, let file):
            announce(file, of: node.node)
            if !reply.created(parameters(node), fileInfo(file)) {
                volume.release(file.handle)
                volume.forget(node.node, count: 1)
            }
        case .directoryOpened(let handle):
            var info = fuse_file_info()
            info.fh = handle.rawValue
            if !reply.opened(info) { volume.releaseDirectory(handle) }
        case .bytes(let bytes): _ = reply.bytes(bytes)
        case .content(let content, let limit): _ = reply.content(content, limit: limit)
        case .rows(let rows):
            if !reply.rows(rows) {
                for node in rows.counted { volume.forget(node, count: 1) }
            }
        case .written(let count): _ = reply.written(count)
        case .size(let count): _ = reply.size(count)
        case .place(let offset): _ = reply.place(off_t(clamping: offset))
        case .statistics(let statistics): _ = reply.statistics(statvfs(statistics))
        }
    }

    /// Before a program can read: the kernel reads up to the size that it knows, and asks for it only once the attributes have expired.
    private func announce(_ file: OpenReply, of node: NodeID) {
        guard file.hasNews, let notice = notice.withLock({ $0 }) else { return }
        notice.forgetAttributes(of: node.rawValue)
    }

    /// A name that does not exist: the kernel may keep that for a while, unless it was told to keep nothing.
    private func sendAbsent(_ reply: consuming KernelReply) {
        guard timeouts.negative > 0 else {
            _ = reply.number(ENOENT)
            return
        }
        var entry = fuse_entry_param()
        entry.entry_timeout = timeouts.negative
        _ = reply.entry(entry)
    }

    private func parameters(_ node: NodeReply) -> fuse_entry_param {
        fuse_entry_param(node, attributeTimeout: timeouts.attributes, entryTimeout: timeouts.entry)
    }

    private func fileInfo(_ file: OpenReply) -> fuse_file_info {
        var info = fuse_file_info()
        info.fh = file.handle.rawValue
        info.keep_cache = file.keepsCache ? 1 : 0
        // Spares a request for each close(2) of a descriptor that only reads (Linux 5.16).
        info.noflush = file.needsFlush ? 0 : 1
        return info
    }
}
