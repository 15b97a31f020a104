import Foundation
import Logging
import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// A store in memory that can fail, a spool in a temporary directory, and the environment over both.
final class ContentFixture: Sendable {
    let directory: String
    let server: MemoryStore
    let store: FailingStore
    let environment: ContentEnvironment
    let log: RecordedLog

    init(
        directory: String? = nil, cacheSize: UInt64 = 1 << 30,
        _ configure: (inout ContentSettings) -> Void = { _ in }
    ) throws {
        self.directory = directory ?? NSTemporaryDirectory() + "ftpsfs-content-\(UUID().uuidString)"
        server = MemoryStore()
        store = FailingStore(server)
        let log = RecordedLog()
        self.log = log
        let logger = log.logger
        var settings = ContentSettings()
        configure(&settings)
        environment = ContentEnvironment(
            store: store,
            spool: try Spool(
                cacheDirectory: self.directory, source: "user@host:/path", cacheSize: cacheSize,
                logger: logger),
            settings: settings, logger: logger)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// The content of a file that is on the server now.
    func open(_ path: String) throws -> FileContent {
        let attributes = try store.attributes(of: path.remote, for: Request())
        return FileContent(
            environment: environment, base: attributes.version, size: attributes.size ?? 0, path: path.remote)
    }

    /// The content of a file that is not on the server yet.
    func create(_ path: String) -> FileContent {
        FileContent(environment: environment, base: nil, size: 0, path: path.remote)
    }

    /// The files in the rescue folder, without the notes.
    var rescued: [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: directory + "/rescue")
        return (names ?? []).filter { !$0.hasSuffix(".note.txt") }.sorted()
    }

    func rescuedBytes(_ name: String) -> [UInt8] {
        FileManager.default.contents(atPath: directory + "/rescue/" + name).map(Array.init) ?? []
    }

    func rescueNote(_ name: String) -> String {
        String(decoding: rescuedBytes(name + ".note.txt"), as: UTF8.self)
    }

    /// The files in this mount's spool directory, apart from the lock.
    var spooled: [String] {
        let path = directory + "/" + environment.spool.directoryName
        return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { $0 != "lock" }
    }
}

/// Keeps what is logged.
final class RecordedLog: LogHandler, Sendable {
    private let lines = Monitor<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger { Logger(label: "test") { _ in self } }

    var logLevel: Logger.Level {
        get { .debug }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.level): \(event.message)") }
    }
}

extension String {
    var remote: RemotePath { RemotePath(self) ?? .root }
}

extension ReadReply {
    /// The bytes of all pieces.
    var bytes: [UInt8] {
        slices.flatMap { slice in slice.block.withBytes(slice.range) { $0.withUnsafeBytes { Array($0) } } }
    }
}

extension FileContent {
    func bytes(_ offset: Int, _ count: Int, path: String?, for request: Request = Request()) throws -> [UInt8]
    {
        try read(at: UInt64(offset), count: count, path: path?.remote, for: request).bytes
    }

    func put(_ bytes: [UInt8], at offset: Int, appends: Bool = false, for request: Request = Request()) throws
    {
        let count = try write(bytes.span.bytes, at: UInt64(offset), appends: appends, for: request)
        #expect(count == bytes.count)
    }
}

/// Bytes that differ from place to place, so that a shifted answer is seen.
func pattern(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
    var state = UInt32(seed) &* 2_654_435_761 | 1
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}
