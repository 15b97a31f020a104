import Foundation
import TestSupport

/// A server, a relay before it that does what networks do, a mount through that, and a program on the mount.
///
/// All of it ends with this object.
final class FaultBench {
    let server: ServerFixture
    let relay: FaultRelay
    let mount: MountFixture
    let operation: MountOperator
    /// The files that the program has open, and those of its cache besides rescued ones, at rest.
    private let usualDescriptors: [String]
    private let descriptorLimit: Int
    private let usualFiles: Set<String>
    private var directories = 0

    /// The error numbers that a fault may show as; all others say something of the files that is not true.
    static let errors: Set<String> = ["EIO", "ETIMEDOUT", "EBUSY"]
    private static let directoryCount = 400
    private static let sessions = 6

    /// Starts all of it; each wait for the network takes the program a second at the most.
    init(_ kind: ServerKind, _ more: String...) throws {
        let serverOptions = ServerOptions {
            $0.passivePorts = 60
            // As long a session keeps a file locked whose connection it does not know to be dead.
            if kind == .vsftpd { $0.extra = ["data_connection_timeout=20"] }
        }
        server = try ServerFixture(kind, serverOptions)
        // All there before the mount lists the root.
        for number in 1...Self.directoryCount { try server.makeDirectory("d\(number)") }
        relay = try FaultRelay(before: server)
        let options = MountOptions {
            $0.host = FaultRelay.host
            $0.options =
                [
                    "timeout=1", "connect_timeout=1", "no_lookahead", "max_conns=\(Self.sessions)",
                ] + more
        }
        do {
            mount = try MountFixture(server, options)
            operation = try MountOperator(mount, knowing: RandomOperations.functions)
            // Opens what it keeps.
            try operation.perform("list", "/")
        } catch {
            relay.stop()
            throw error
        }
        let cache = mount.cache
        usualFiles = Self.spooled(cache)
        usualDescriptors = Self.files(of: mount)
        // Each session has a control connection, one for data at rest, and a flag; each thread of libfuse may open /dev/fuse.
        descriptorLimit = mount.openDescriptors - usualDescriptors.count + 3 * Self.sessions + 10
    }

    deinit {
        relay.turn(.fair)
        _ = try? mount.unmount()
        relay.stop()
    }

    /// An empty directory that nobody has looked into; nil when there are no more.
    func nextDirectory() -> String? {
        guard directories < Self.directoryCount else { return nil }
        directories += 1
        return "d\(directories)"
    }

    /// Waits until nothing is left of what went wrong; returns what is left nevertheless.
    ///
    /// The mount shows what the server has, no temporary name is on the server and nothing in the spool, and no connection or descriptor is
    /// left over.
    func leftovers(in directory: String) throws -> [String] {
        var left: [String] = []
        var view = ""
        let agrees = try waitUntil(within: .seconds(90)) {
            view = try operation.attempt(["compare", "/" + directory, server.root])
            return view == "ok"
        }
        if !agrees { left.append(view) }
        func check(_ what: String, _ find: () -> [String]) {
            var found: [String] = []
            waitUntil(within: .seconds(90)) {
                found = find()
                return found == []
            }
            if found != [] { left.append("\(what): \(found)") }
        }
        check("temporary names") { Self.names(server.onDisk(directory)).filter { $0.hasSuffix(".part") } }
        check("spool") { Self.spooled(mount.cache).subtracting(usualFiles).sorted() }
        check("open files") {
            Self.files(of: mount).difference(from: usualDescriptors).insertions.map { "\($0)" }
        }
        check("connections") {
            let count = mount.openDescriptors - Self.files(of: mount).count
            return count > descriptorLimit ? ["\(count) descriptors"] : []
        }
        return left
    }

    /// What stands in a directory on the server's disk.
    func state(of directory: String) -> FaultOperation.State { Self.state(of: directory, on: server) }

    /// What stands in a directory on a server's disk.
    static func state(of directory: String, on server: ServerFixture) -> FaultOperation.State {
        var state: FaultOperation.State = [:]
        for name in names(server.onDisk(directory)) {
            var status = stat()
            guard lstat(server.onDisk("\(directory)/\(name)"), &status) == 0 else { continue }
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            state.updateValue(isDirectory ? nil : server.content("\(directory)/\(name)") ?? [], forKey: name)
        }
        return state
    }

    /// The permission bits of a file on the server's disk.
    func mode(of path: String) -> mode_t {
        var status = stat()
        return lstat(server.onDisk(path), &status) == 0 ? status.st_mode & 0o777 : 0
    }

    /// The files that the program has open, without /dev/fuse.
    private static func files(of mount: MountFixture) -> [String] {
        mount.descriptors.filter { $0.hasPrefix("/") && $0 != "/dev/fuse" }
    }

    private static func names(_ path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }

    private static func spooled(_ cache: String) -> Set<String> {
        let all = FileManager.default.enumerator(atPath: cache)?.compactMap { $0 as? String } ?? []
        return Set(all.filter { !$0.contains("rescue") })
    }
}
