import FTPClient
import FTPPool
import FTPWire
import FUSEAdapter
import Glibc
import Logging
import Posix
import Remote
import Settings
import Synchronization
import TLS
import VFS

/// Puts the parts of one mount together, from the settings up to the kernel, and serves it.
struct Assembly {
    /// What the user wants.
    let settings: MountSettings
    /// Who the user is.
    let credentials: Credentials
    /// Where all parts log.
    let logger: Logger

    /// What signals act on.
    private final class Current: Sendable {
        /// The mount, nil before anything is mounted.
        let mount = Monitor<Mount?>(nil)
        /// Its connections, nil before there are any.
        let pool = Monitor<Pool?>(nil)
        /// Whether whoever waits for the mount has been told that it is there.
        let isUsable = Atomic(false)
    }

    /// Connects, mounts, tells `daemon` that the mount is usable, and serves it until it is unmounted.
    ///
    /// To be called by the main thread while there is no other. Throws what keeps the mount from coming about.
    static func serve(
        _ settings: MountSettings, _ credentials: Credentials, _ daemon: Daemon, _ log: LogSink
    ) throws(Failure) -> ExitStatus {
        let assembly = Assembly(settings: settings, credentials: credentials, logger: Logger(label: "ftpsfs"))
        return try assembly.serve(log, ready: { () throws(Errno) in try daemon.ready() })
    }

    /// Logs in, mounts, serves until the mount ends, and tidies up; `ready` is called once the mount is usable.
    ///
    /// Blocks all that time.
    private func serve(_ log: LogSink, ready: () throws(Errno) -> Void) throws(Failure) -> ExitStatus {
        let current = Current()
        try watchSignals(current)
        let profile = ServerProfile()
        let configuration = try sessionConfiguration()
        let (first, root) = try logIn(configuration, profile)
        let pool = makePool(configuration, profile)
        defer { pool.shutDown() }
        pool.adopt(first)
        current.pool.withLock { $0 = pool }
        let store = makeStore(pool, profile)
        let content = try environment(store, root)
        try keepNames(of: store, beside: content.spool)
        var configurationOfVolume = volumeConfiguration(root)
        configurationOfVolume.report = { ["incidents": log.incidentLines.joined(separator: "\n")] }
        let volume = Volume(environment: content, configuration: configurationOfVolume)
        defer { volume.shutDown() }
        try listRoot(of: volume, root, pool)
        let resumed = volume.resumePending()
        if resumed > 0 { logger.notice("\(resumed) uploads of an earlier mount go on") }
        let mount = Mount(volume, Self.mountOptions(settings), logger: logger)
        // A signal that comes from here on takes the mount away, however far it is.
        current.mount.withLock { $0 = mount }
        do throws(MountError) { try mount.mount() } catch { throw Failure(error) }
        do throws(Errno) {
            try pool.start()
            current.isUsable.store(true, ordering: .releasing)
            try ready()
        } catch {
            mount.end()
            throw Failure(error, toDo: "go into the background")
        }
        logger.info("mounted", metadata: ["mountpoint": "\(settings.mountPoint)", "root": "\(root)"])
        return mount.run() == 0 ? .success : .mountFailure
    }

    /// Brings what mounts of the source have left to the server, without a mount; returns how many files there were, and a line for each
    /// that could not be stored.
    ///
    /// What is left is so for the next mount. A signal ends the program, which loses nothing.
    func storePending() throws(Failure) -> (count: Int, left: String) {
        try watchSignals(Current())
        let profile = ServerProfile()
        let configuration = try sessionConfiguration()
        let (first, root) = try logIn(configuration, profile)
        let pool = makePool(configuration, profile)
        defer { pool.shutDown() }
        pool.adopt(first)
        do throws(Errno) { try pool.start() } catch { throw Failure(error, toDo: "start a thread") }
        let store = makeStore(pool, profile)
        let content = try environment(store, root)
        try keepNames(of: store, beside: content.spool)
        let volume = Volume(environment: content, configuration: volumeConfiguration(root))
        defer { volume.shutDown() }
        let count = volume.resumePending()
        _ = volume.tryPending(until: .never)
        return (count, volume.pendingReport)
    }

    /// Opens the first session; returns it, and the directory on the server that the source means.
    ///
    /// Blocks up to the deadlines in the configuration.
    private func logIn(
        _ configuration: SessionConfiguration, _ profile: ServerProfile
    ) throws(Failure) -> (session: Confined<Session>, root: RemotePath) {
        let session: Confined<Session>
        do throws(FTPError) {
            session = Confined(try Session.open(configuration, profile: profile, for: Request()))
        } catch {
            throw Failure(error, server: serverName)
        }
        guard let root = RemotePath(settings.server.path, relativeTo: session.value.home) else {
            throw Failure(.usage, "the remote path holds bytes that FTP cannot carry")
        }
        return (session, root)
    }

    /// Signals end the mount in order; before there is one, they end the program.
    private func watchSignals(_ current: Current) throws(Failure) {
        SignalWatch.prepare()
        do throws(Errno) {
            try SignalWatch.start(
                isUsable: { current.isUsable.load(ordering: .acquiring) },
                reload: {
                    current.mount.withLock { $0 }?.dropCaches()
                    current.pool.withLock { $0 }?.hasten()
                    logger.info("caches dropped")
                },
                stop: { _ in
                    guard let mount = current.mount.withLock({ $0 }) else {
                        // Not exit(3): its handlers would take OpenSSL apart under the thread that connects.
                        _exit(ExitStatus.interrupted.rawValue)
                    }
                    mount.stop()
                })
        } catch {
            throw Failure(error, toDo: "start a thread")
        }
    }

    private func makePool(_ configuration: SessionConfiguration, _ profile: ServerProfile) -> Pool {
        Pool(
            limit: settings.server.maximumConnections, idleTimeout: settings.server.idleTimeout ?? .zero,
            logger: logger
        ) { request throws(FTPError) in
            Confined(try Session.open(configuration, profile: profile, for: request))
        }
    }

    private func makeStore(_ pool: Pool, _ profile: ServerProfile) -> FTPStore {
        FTPStore(
            pool: pool, profile: profile, logger: logger,
            patchesFiles: settings.server.shortcuts.contains(.patching),
            verification: settings.server.verifiesChecksums ? .checksum : .size,
            believesUploads: settings.server.believesUploads)
    }

    /// Makes sure that the directory to mount can be entered.
    private func enter(_ root: RemotePath, _ pool: Pool) throws(Failure) {
        let lease: Lease
        do throws(RemoteError) { lease = try pool.lease(.metadata, for: Request()) } catch {
            throw failure(error)
        }
        defer { lease.release() }
        let reply: Reply
        do throws(FTPError) { reply = try lease.session.run(.cwd(root)) } catch {
            throw Failure(error, server: serverName)
        }
        guard reply.isSuccess else {
            throw Failure(.pathMissing, "\(serverName): no directory \(root) that can be entered: \(reply)")
        }
    }

    /// Lists the mounted directory once: log-in and names need no data connection, everything else does.
    ///
    /// The listing stays as the first content of the volume's cache. A directory that shows something is there; of one that shows nothing the
    /// server is asked whether it can be entered. Where it refuses the listing for lack of rights, files of known names can still be of use.
    private func listRoot(of volume: Volume, _ root: RemotePath, _ pool: Pool) throws(Failure) {
        do throws(VolumeError) {
            let handle = try volume.openDirectory(.root, for: Request())
            defer { volume.releaseDirectory(handle) }
            var isEmpty = true
            try volume.readDirectory(handle, from: 0, plus: false, for: Request()) { row in
                if row.name != [UInt8(ascii: ".")], row.name != Array("..".utf8) { isEmpty = false }
                return isEmpty
            }
            guard isEmpty else { return }
        } catch {
            guard case .remote(let reason) = error else {
                throw Failure(.mountFailure, "\(serverName): the directory cannot be listed: \(error)")
            }
            if [.denied, .notFound, .notDirectory].contains(reason.kind) { try enter(root, pool) }
            guard reason.kind == .denied else { throw failure(reason) }
            return logger.warning("the directory cannot be listed: \(reason)")
        }
        try enter(root, pool)
    }

    private func failure(_ reason: RemoteError) -> Failure {
        Failure(listing: reason, server: serverName, isActive: settings.server.active != nil)
    }

    private func environment(_ store: FTPStore, _ root: RemotePath) throws(Failure) -> ContentEnvironment {
        let cache = settings.cache
        let files = try SystemLimits.files(besides: settings.server.maximumConnections)
        // What was not stored goes on to the same place alone.
        let user = String(decoding: credentials.userName, as: UTF8.self)
        let source = "\(user)@\(settings.server.host):\(settings.server.port)\(root)"
        do throws(SpoolError) {
            let spool = try Spool(
                cacheDirectory: cache.directory, source: source, cacheSize: cache.size,
                limit: cache.spoolSize, fileLimit: files, logger: logger)
            return ContentEnvironment(store: store, spool: spool, settings: contentSettings(), logger: logger)
        } catch {
            throw Failure(.system, "\(error)")
        }
    }

    /// Has the names of uploads kept in the cache directory, where the mounts of a source find them again.
    private func keepNames(of store: FTPStore, beside spool: Spool) throws(Failure) {
        let place = settings.cache.directory
        // Without the number that tells mounts of one source apart.
        let name = spool.directoryName.prefix(
            upTo: spool.directoryName.lastIndex(of: ".") ?? spool.directoryName.endIndex)
        do throws(Errno) {
            store.keep(try UploadLedger(cacheDirectory: place, name: String(name), logger: logger))
        } catch {
            throw Failure(.system, "cannot use the cache directory \(place): \(error)")
        }
    }

    /// The server for messages.
    var serverName: String { "\(settings.server.host):\(settings.server.port)" }
}
