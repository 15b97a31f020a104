import FTPClient
import Logging
import Posix
import Remote
import TLS
import TestSupport

@testable import FTPPool

/// A store on a scripted server, with the pool behind it.
struct ScriptedStore {
    let server: ScriptedServer
    let store: FTPStore
    let pool: Pool
    /// What counts round trips, where that was asked for.
    let relay: CountingRelay?
    /// Makes another pool for the same server, of which a profile may know something; to be shut down.
    let makePool: (ServerProfile) throws -> Pool

    /// What the server serves.
    var tree: ScriptedTree { server.tree }

    /// Starts both, with a relay between them if trips are to be counted, runs the body, and ends all in any case.
    ///
    /// `host` gives the name that sessions connect to, each anew.
    static func run(
        _ likeness: ServerLikeness = .proftpd, limit: Int = 4, shortcuts: Shortcuts = .all,
        counted: Bool = false, host: (@Sendable () -> String)? = nil,
        _ body: (ScriptedStore) throws -> Void
    ) throws {
        let place = try TemporaryDirectory("store")
        let authority = place.path + "/ca.pem"
        try TestFile.write(authority, TestCertificate.authority.pem.utf8)
        var tls = TLSConfiguration()
        tls.caFile = authority
        let context = try TLSContext(tls)
        try ScriptedServer.run(ScriptedServerSettings(likeness)) { server in
            let relay = counted ? try CountingRelay(before: server) : nil
            defer { relay?.stop() }
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let settings = server.settings
            var configuration = SessionConfiguration(
                host: counted ? CountingRelay.host : "127.0.0.1", port: server.port, tls: context,
                user: Array(settings.user.utf8), password: SecretBytes(text: settings.password),
                logger: logger)
            configuration.shortcuts = shortcuts
            let makePool = { [configuration] (profile: ServerProfile) in
                let pool = Pool(limit: limit, idleTimeout: .seconds(60), logger: logger) {
                    request throws(FTPError) in
                    var configuration = configuration
                    if let host { configuration.host = host() }
                    return Confined(try Session.open(configuration, profile: profile, for: request))
                }
                try pool.start()
                return pool
            }
            let profile = ServerProfile()
            let pool = try makePool(profile)
            let store = FTPStore(pool: pool, profile: profile, logger: logger)
            defer { pool.shutDown() }
            try body(
                ScriptedStore(server: server, store: store, pool: pool, relay: relay, makePool: makePool))
        }
    }

    /// Puts a content in place of a file.
    @discardableResult
    func replace(
        _ text: String, _ bytes: [UInt8], _ order: UploadOrder = UploadOrder(),
        for request: Request = Request(), beforeRead: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) throws -> Attributes {
        try store.replace(path(text), with: BytesSource(bytes, beforeRead: beforeRead), order, for: request)
    }

    /// Adds to a file what a content has beyond an offset.
    @discardableResult
    func append(_ text: String, at offset: Int, _ bytes: [UInt8], _ order: UploadOrder = UploadOrder())
        throws -> Attributes
    {
        try store.append(
            to: path(text), at: UInt64(offset), from: BytesSource(bytes), order, for: Request())
    }

    /// The version of a file, as a caller would have learned it.
    func version(_ text: String) throws -> FileVersion {
        try store.attributes(of: path(text), for: Request()).version
    }

    /// Opens so many sessions and leaves them idle.
    func warmUp(_ count: Int) throws {
        let leases = try (0..<count).map { _ in try pool.lease(.metadata, for: Request()) }
        for lease in leases { lease.release() }
    }

    /// Opens a gate once a request was cancelled and the store has had the time to answer another one.
    func open(_ gate: Gate, afterCancelling request: Request) throws -> Thread {
        let cancelled = Gate()
        _ = request.onCancel { cancelled.open() }
        return try Thread(named: "opener") { [store] in
            cancelled.pass()
            _ = try? store.list(.root, for: Request())
            gate.open()
        }
    }

    /// Waits until the server has sent a reply.
    func sees(_ reply: String) -> Bool { server.wait { dialogue, _ in dialogue.replies().contains(reply) } }

    /// The arguments of all commands with this verb so far.
    func arguments(_ verb: String) -> [String] {
        server.dialogue.commands().filter { $0.hasPrefix(verb + " ") }.map {
            String($0.dropFirst(verb.count + 1))
        }
    }
}

/// A path that a test takes for valid.
func path(_ text: String) -> RemotePath {
    guard let path = RemotePath(text) else { preconditionFailure("not a path: \(text)") }
    return path
}

/// The kind of error that a closure throws; nil when it throws none.
func kind(_ body: () throws -> Void) -> RemoteError.Kind? {
    do {
        try body()
        return nil
    } catch let error as RemoteError {
        return error.kind
    } catch {
        return nil
    }
}
