import FTPClient
import Glibc
import Logging
import Posix
import Remote
import TLS
import TestSupport

@testable import FTPPool

/// A store on a real server, with the pool behind it; ended with the object.
final class StoreFixture: Sendable {
    let server: ServerFixture
    let store: FTPStore
    let pool: Pool

    /// Opens nothing yet; the host may be that of a relay.
    init(
        _ server: ServerFixture, limit: Int = 4, host: String = "localhost",
        replyTimeout: Duration = .seconds(60)
    )
        throws
    {
        self.server = server
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        var tls = TLSConfiguration()
        tls.caFile = server.authority
        let context = try TLSContext(tls)
        var configuration = SessionConfiguration(
            host: host, port: server.port, tls: context, user: Array(server.user.utf8),
            password: SecretBytes(text: server.password), logger: logger)
        configuration.replyTimeout = replyTimeout
        let profile = ServerProfile()
        pool = Pool(limit: limit, idleTimeout: .seconds(60), logger: logger) {
            [configuration] request throws(FTPError) in
            Confined(try Session.open(configuration, profile: profile, for: request))
        }
        try pool.start()
        store = FTPStore(pool: pool, profile: profile, logger: logger)
    }

    deinit {
        pool.shutDown()
    }

    func path(_ text: String) -> RemotePath {
        guard let path = RemotePath(text) else { preconditionFailure("not a path: \(text)") }
        return path
    }

    /// Reads a file from an offset to its end.
    func read(_ text: String, from offset: UInt64 = 0) throws -> [UInt8] {
        let reader = try store.openReader(path(text), at: offset, length: nil, for: Request())
        defer { reader.close() }
        var bytes: [UInt8] = []
        let block = Block(capacity: 64 * 1024)
        while true {
            let count = try block.withRoom(from: 0) { try reader.read(into: &$0, for: Request()) }
            guard count > 0 else { return bytes }
            block.withBytes(0..<count) { span in
                for index in span.byteOffsets {
                    bytes.append(span.unsafeLoad(fromByteOffset: index, as: UInt8.self))
                }
            }
        }
    }
}

/// The permission bits of a file on this machine; nil when there is none.
func permissions(_ path: String) -> UInt16? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    return UInt16(status.st_mode & 0o7777)
}

/// An upload's bytes in memory; may call a closure before it hands some out.
final class BytesSource: UploadSource {
    private let bytes: [UInt8]
    private let beforeRead: @Sendable (UInt64) throws(RemoteError) -> Void

    init(_ bytes: [UInt8], beforeRead: @escaping @Sendable (UInt64) throws(RemoteError) -> Void = { _ in }) {
        self.bytes = bytes
        self.beforeRead = beforeRead
    }

    var size: UInt64 { UInt64(bytes.count) }

    func read(into room: inout MutableRawSpan, at offset: UInt64) throws(RemoteError) -> Int {
        try beforeRead(offset)
        let count = min(room.byteCount, bytes.count - Int(offset))
        room.withUnsafeMutableBytes { room in
            room.copyBytes(from: bytes[Int(offset)..<(Int(offset) + count)])
        }
        return count
    }
}

/// Bytes that look random and are always the same.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}
