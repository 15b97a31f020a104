import FTPClient
import FTPWire
import Glibc
import Logging
import Posix
import Remote
import TLS
import TestSupport
import Testing

/// A kind of server with the TLS version it is to speak.
struct ServerCase: Hashable, Sendable, CustomTestStringConvertible {
    let kind: ServerKind
    let tls: TLSVersions

    var testDescription: String { "\(kind), \(tls)" }

    /// All kinds that are there, with both versions.
    static let all = kinds(ServerKind.available)
    /// Those that have MLSD and MLST.
    static let withMachineListing = kinds(ServerKind.available(except: .vsftpd))

    static func kinds(_ kinds: [ServerKind]) -> [ServerCase] {
        kinds.flatMap { [ServerCase(kind: $0, tls: .only12), ServerCase(kind: $0, tls: .only13)] }
    }

    /// A server of this kind that all tests of this process share; tests keep to names of their own in it.
    var server: ServerFixture {
        get throws {
            try Self.servers.withLock { servers in
                if let server = servers[self] { return server }
                let server = try ServerFixture(kind, ServerOptions { $0.tls = tls })
                servers[self] = server
                return server
            }
        }
    }

    private static let servers = Monitor<[ServerCase: ServerFixture]>([:])
}

extension ServerFixture {
    /// How to log in here.
    func configuration(
        _ change: (inout SessionConfiguration) -> Void = { _ in },
        tls changeTLS: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> SessionConfiguration {
        var tls = TLSConfiguration()
        tls.caFile = authority
        changeTLS(&tls)
        var configuration = SessionConfiguration(
            host: host, port: port, implicitTLS: options.implicit, tls: try TLSContext(tls),
            user: Array(user.utf8), password: SecretBytes(text: password), logger: Self.logger)
        change(&configuration)
        return configuration
    }

    /// Opens a session.
    func session(
        _ profile: ServerProfile = ServerProfile(), _ change: (inout SessionConfiguration) -> Void = { _ in }
    ) throws -> Session {
        try Session.open(configuration(change), profile: profile, for: Request())
    }

    private static let logger: Logger = {
        var logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = getenv("FTPSFS_TEST_DIALOGUE") == nil ? .error : .debug
        return logger
    }()
}

extension Session {
    /// Reads a file whole.
    func content(_ path: RemotePath, from offset: UInt64 = 0, expecting: UInt64? = nil) throws -> [UInt8] {
        let download = try download(path, from: offset, expecting: expecting)
        return try download.rest()
    }

    /// Makes a symbolic link by a command alone.
    func makeSymlink(_ path: RemotePath, target: [UInt8]) throws(FTPError) {
        try makeSymlink(path, target: target) { command throws(FTPError) in try run(command) }
    }

    /// Writes a file whole.
    @discardableResult
    func put(_ path: RemotePath, _ bytes: [UInt8], _ mode: UploadMode = .store) throws -> Reply {
        let upload = try upload(path, mode)
        do {
            try bytes.withRawSpan { try upload.write($0) }
            return try upload.finish()
        } catch {
            upload.abort()
            throw error
        }
    }
}

extension Download {
    /// Reads up to the end.
    func rest() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 100_000)
        do {
            while true {
                let count = try chunk.withMutableRawSpan { try self.read(into: &$0) }
                if count == 0 { return bytes }
                bytes += chunk[..<count]
            }
        } catch {
            abort()
            throw error
        }
    }

    /// Reads at least one byte.
    @discardableResult
    func some(_ limit: Int = 1000) throws -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: limit)
        let count = try chunk.withMutableRawSpan { try self.read(into: &$0) }
        try #require(count > 0, "the end came early")
        return Array(chunk[..<count])
    }
}

/// A path that a test takes for valid.
func path(_ text: String) -> RemotePath {
    guard let path = RemotePath(text) else { preconditionFailure("not a path: \(text)") }
    return path
}

/// Bytes without regularity, the same for the same seed.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        withUnsafeBytes(of: state) { bytes.append(contentsOf: $0) }
    }
    return Array(bytes[..<count])
}

/// The error that a closure throws; that it throws none is recorded as an issue.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> Failure? {
    do {
        try body()
        Issue.record("no error", sourceLocation: sourceLocation)
    } catch let error as FTPError {
        return Failure(error: error)
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
    return nil
}

/// An error in a form that is easily compared.
struct Failure {
    let error: FTPError

    /// The name of the case.
    var name: String {
        Mirror(reflecting: error).children.first?.label ?? "\(error)"
    }

    /// The verb that was refused.
    var verb: String? {
        if case .refused(let verb, _) = error { return verb }
        return nil
    }

    /// The code of the reply.
    var code: Int? { error.reply?.code }
}
