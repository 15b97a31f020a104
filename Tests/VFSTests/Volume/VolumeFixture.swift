import Foundation
import Logging
import Posix
import Remote
import TestSupport

@testable import VFS

/// A volume over a server in memory, with a clock that stands still until it is moved.
final class VolumeFixture: Sendable {
    let directory: String
    let server: MemoryStore
    let store: FailingStore
    let volume: Volume
    let log = RecordedLog()
    private let box: ClockBox

    init(
        server configureServer: ((inout MemoryStore.Configuration) -> Void)? = nil,
        configuration configure: ((inout VolumeConfiguration) -> Void)? = nil,
        after killed: VolumeFixture? = nil, settings: ContentSettings = ContentSettings()
    ) throws {
        directory = NSTemporaryDirectory() + "ftpsfs-volume-\(UUID().uuidString)"
        server = killed?.server ?? MemoryStore()
        if let killed {
            // A copy of its cache directory is what a killed process leaves: nobody holds the locks.
            try FileManager.default.copyItem(atPath: killed.directory, toPath: directory)
        }
        store = FailingStore(server)
        server.configure { configureServer?(&$0) }
        let box = ClockBox()
        var configuration = VolumeConfiguration()
        configuration.owner = 1000
        configuration.group = 1000
        configuration.clock = VolumeClock(elapsed: { box.elapsed }, wall: { [server] in server.now })
        configure?(&configuration)
        let spool = try Spool(
            cacheDirectory: directory, source: "user@host:/", cacheSize: 1 << 30, logger: log.logger)
        volume = Volume(
            environment: ContentEnvironment(
                store: store, spool: spool, settings: settings, logger: log.logger),
            configuration: configuration)
        self.box = box
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Moves both clocks on.
    func advance(_ duration: Duration) {
        box.advance(duration)
        server.advance(seconds: duration.components.seconds)
    }

    /// Files in the rescue folder, without the notes.
    var rescued: [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: directory + "/rescue")
        return (names ?? []).filter { !$0.hasSuffix(".txt") }.sorted()
    }

    /// The text beside a rescued file.
    func rescueNote(_ name: String) -> String {
        String(decoding: rescuedBytes(name + ".note.txt"), as: UTF8.self)
    }

    func rescuedBytes(_ name: String) -> [UInt8] {
        FileManager.default.contents(atPath: directory + "/rescue/" + name).map(Array.init) ?? []
    }

    /// The files in this mount's spool directory, apart from the lock.
    var spooled: [String] {
        let path = directory + "/" + volume.environment.spool.directoryName
        return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { $0 != "lock" }
    }

    // MARK: As a program uses the mount

    /// Walks a path name by name, as the kernel does, and gives every reference but the last one back.
    func node(_ path: String) throws -> NodeReply {
        var reply = NodeReply(
            node: .root, attributes: try volume.attributes(of: .root, handle: nil, for: Request()))
        for part in path.split(separator: "/") {
            let last = reply.node
            defer { if last != .root { volume.forget(last, count: 1) } }
            reply = try volume.lookup(Array(part.utf8), in: last, for: Request())
        }
        return reply
    }

    func split(_ path: String) throws -> (parent: NodeID, name: [UInt8]) {
        let parts = path.split(separator: "/")
        let parent = try node(parts.dropLast().joined(separator: "/"))
        return (parent.node, Array((parts.last ?? "").utf8))
    }

    @discardableResult
    func stat(_ path: String) throws -> NodeAttributes {
        let reply = try node(path)
        defer { if reply.node != .root { volume.forget(reply.node, count: 1) } }
        // The kernel does not keep such attributes.
        guard reply.attributes.isProvisional else { return reply.attributes }
        return try volume.attributes(of: reply.node, handle: nil, for: Request())
    }

    func exists(_ path: String) throws -> Bool {
        do {
            try stat(path)
            return true
        } catch VolumeError.notFound {
            return false
        }
    }

    func names(_ path: String, plus: Bool = true) throws -> [String] {
        let node = try node(path)
        defer { if node.node != .root { volume.forget(node.node, count: 1) } }
        let handle = try volume.openDirectory(node.node, for: Request())
        defer { volume.releaseDirectory(handle) }
        return try rows(handle, plus: plus).map { String(decoding: $0.name, as: UTF8.self) }
            .filter { $0 != "." && $0 != ".." }.sorted()
    }

    func rows(_ handle: HandleID, from place: UInt64 = 0, plus: Bool = true) throws -> [DirectoryRow] {
        var rows: [DirectoryRow] = []
        try volume.readDirectory(handle, from: place, plus: plus, for: Request()) { row in
            rows.append(row)
            return true
        }
        for row in rows {
            if let reply = row.reply { volume.forget(reply.node, count: 1) }
        }
        return rows
    }

    /// Opens as the kernel does, which looks the name up once more after ESTALE.
    func open(_ path: String, _ mode: OpenMode) throws -> HandleID {
        func attempt() throws -> HandleID {
            let reply = try node(path)
            defer { volume.forget(reply.node, count: 1) }
            return try volume.open(reply.node, mode, for: Request()).handle
        }
        do {
            return try attempt()
        } catch VolumeError.stale {
            return try attempt()
        }
    }

    /// Creates or opens and truncates, as the shell's `>` does.
    func create(_ path: String, mode: UInt16 = 0o644, exclusive: Bool = false) throws -> HandleID {
        let (parent, name) = try split(path)
        defer { if parent != .root { volume.forget(parent, count: 1) } }
        let (reply, opened) = try volume.create(
            name, in: parent, mode: mode,
            OpenMode(reads: true, writes: true, truncates: true, exclusive: exclusive), for: Request())
        volume.forget(reply.node, count: 1)
        return opened.handle
    }

    func write(_ handle: HandleID, _ text: String, at offset: UInt64 = 0) throws {
        try write(handle, Array(text.utf8), at: offset)
    }

    func write(_ handle: HandleID, _ bytes: [UInt8], at offset: UInt64 = 0) throws {
        let count = try volume.write(handle, bytes.span.bytes, at: offset, for: Request())
        guard count == bytes.count else { throw VolumeError.noSpace }
    }

    /// Flushes and releases, as close(2) does.
    func close(_ handle: HandleID) throws {
        defer { volume.release(handle) }
        try volume.flush(handle, for: Request())
    }

    func store(_ path: String, _ text: String) throws {
        let handle = try create(path)
        do {
            try write(handle, text)
        } catch {
            volume.release(handle)
            throw error
        }
        try close(handle)
    }

    func read(_ handle: HandleID, at offset: UInt64 = 0, count: Int = 1 << 20) throws -> [UInt8] {
        let reply = try volume.read(handle, at: offset, count: count, for: Request())
        return reply.slices.flatMap { slice in
            slice.block.withBytes(slice.range) { bytes in
                (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            }
        }
    }

    func text(_ path: String) throws -> String {
        let handle = try open(path, .reading)
        defer { volume.release(handle) }
        let bytes = try read(handle)
        try volume.flush(handle, for: Request())
        return String(decoding: bytes, as: UTF8.self)
    }

    func unlink(_ path: String) throws {
        let (parent, name) = try split(path)
        defer { if parent != .root { volume.forget(parent, count: 1) } }
        try volume.removeFile(name, in: parent, for: Request())
    }

    func rmdir(_ path: String) throws {
        let (parent, name) = try split(path)
        defer { if parent != .root { volume.forget(parent, count: 1) } }
        try volume.removeDirectory(name, in: parent, for: Request())
    }

    func mkdir(_ path: String, mode: UInt16 = 0o755) throws {
        let (parent, name) = try split(path)
        defer { if parent != .root { volume.forget(parent, count: 1) } }
        let reply = try volume.makeDirectory(name, in: parent, mode: mode, for: Request())
        volume.forget(reply.node, count: 1)
    }

    func rename(_ old: String, _ new: String, replacing: Bool = true) throws {
        let (from, oldName) = try split(old)
        defer { if from != .root { volume.forget(from, count: 1) } }
        let (to, newName) = try split(new)
        defer { if to != .root { volume.forget(to, count: 1) } }
        try volume.rename(oldName, in: from, to: newName, in: to, replacing: replacing, for: Request())
    }

    @discardableResult
    func change(
        _ path: String, handle: HandleID? = nil, _ body: (inout AttributeChanges) -> Void
    ) throws -> NodeAttributes {
        let reply = try node(path)
        defer { if reply.node != .root { volume.forget(reply.node, count: 1) } }
        var changes = AttributeChanges()
        body(&changes)
        return try volume.setAttributes(changes, of: reply.node, handle: handle, for: Request())
    }
}

/// The time since the start of a test.
private final class ClockBox: Sendable {
    private let value = Monitor(Duration.seconds(1000))
    var elapsed: Duration { value.withLock { $0 } }
    func advance(_ duration: Duration) { value.withLock { $0 += duration } }
}

extension OpenMode {
    static var reading: OpenMode { OpenMode(reads: true, writes: false) }
    static var writing: OpenMode { OpenMode(reads: false, writes: true) }
    static var both: OpenMode { OpenMode(reads: true, writes: true) }
}

/// What kind of error a body throws; nil when it throws none.
func failure(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as VolumeError {
        if case .remote(let reason) = error { return "remote(\(reason.kind))" }
        return "\(error)"
    } catch {
        return "\(error)"
    }
}
