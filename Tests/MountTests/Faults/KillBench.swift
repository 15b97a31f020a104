import Foundation
import TestSupport

/// A server, a relay before it, and one mount after the other through that, each of which is killed at a message and followed by the next.
///
/// All of it ends with this object.
final class KillBench {
    /// One operation during which the program is killed when a message has come to the relay; the message itself arrives.
    struct Cell: CustomStringConvertible {
        let operation: KillOperation
        let path: FaultRelay.Path
        let number: Int

        var description: String {
            "\(operation.rawValue), killed at message \(number) \(path.channel) \(path.direction)"
        }
    }

    private let server: ServerFixture
    private let relay: FaultRelay
    private let options: MountOptions
    private let cache = try? TemporaryDirectory("cache")
    private var mount: MountFixture
    private var program: MountOperator
    /// The files of the cache besides rescued ones, at rest.
    private let usualFiles: Set<String>
    private var rescued: Set<String> = []
    private var directories = 0

    private let directoryCount: Int

    /// Starts all of it with options for the mounts, for so many cells.
    init(_ kind: ServerKind, _ more: [String], cells: Int) throws {
        server = try ServerFixture(kind, ServerOptions { $0.passivePorts = 60 })
        directoryCount = cells + KillOperation.allCases.count
        for number in 1...directoryCount { try server.makeDirectory("d\(number)") }
        relay = try FaultRelay(before: server)
        let cache = cache
        options = MountOptions {
            $0.host = FaultRelay.host
            $0.cache = cache?.path
            $0.options = ["no_lookahead"] + more
            $0.keepsFirstListing = true
        }
        do {
            (mount, program) = try Self.start(server, options)
        } catch {
            relay.stop()
            throw error
        }
        usualFiles = Self.files(of: mount.cache)
    }

    deinit {
        _ = try? mount.unmount()
        relay.stop()
    }

    private static func start(_ server: ServerFixture, _ options: MountOptions) throws -> (
        MountFixture, MountOperator
    ) {
        let mount = try MountFixture(server, options)
        return (mount, try MountOperator(mount, knowing: KillOperation.functions))
    }

    private func nextDirectory() throws -> String {
        directories += 1
        guard directories <= directoryCount else { throw SupportFailure("no directory is left") }
        return "d\(directories)"
    }

    /// All cells, up to so many messages of each way: the operations are run once without a kill to see how many there are.
    func cells(upTo limit: Int) throws -> [Cell] {
        try KillOperation.allCases.flatMap { operation in
            let directory = try nextDirectory()
            for (name, content) in operation.before { try server.put("\(directory)/\(name)", content ?? []) }
            relay.arm(nil)
            let answer = try program.attempt(operation.words(in: directory))
            guard answer == "ok", waitUntil(within: .seconds(60), { spooled.isEmpty }) else {
                throw SupportFailure("\(operation.rawValue) without a kill: \(answer)")
            }
            return FaultRelay.Path.all.flatMap { path in
                (0..<min(relay.messages(path), limit)).map {
                    Cell(operation: operation, path: path, number: $0 + 1)
                }
            }
        }
    }

    /// Runs one cell and has the next mount take over; returns what is wrong.
    func run(_ cell: Cell) throws -> [String] {
        let operation = cell.operation
        let directory = try nextDirectory()
        for (name, content) in operation.before { try server.put("\(directory)/\(name)", content ?? []) }
        let killed = mount
        relay.arm(at: cell.number, of: cell.path) {
            killed.signal(SIGKILL)
            _ = killed.waitForEnd()
        }
        let answer = try program.attempt(operation.words(in: directory))
        // Delayed uploads meet it later; the count may be one message short of it.
        waitUntil(within: .seconds(60)) { relay.isMet || spooled.isEmpty }
        let wasMet = relay.disarm()
        let log = killed.log
        try killed.crash()
        (mount, program) = try Self.start(server, options)
        var complaints: [String] = []
        guard let stage = KillOperation.Stage(answer) else { return ["told \(answer)"] }
        if !wasMet, stage != .done { complaints.append("not killed, and told \(answer)") }
        complaints += try leftovers(in: directory)
        let state = FaultBench.state(of: directory, on: server)
        let new = Set(mount.rescued).subtracting(rescued)
        rescued.formUnion(new)
        if !operation.outcomes(stage).contains(state) {
            complaints.append("after \(answer): \(state.mapValues { $0?.count ?? -1 })")
        }
        if !new.isEmpty { complaints.append("after \(answer), rescued: \(new)") }
        if complaints != [], let folder = ProcessInfo.processInfo.environment["FTPSFS_KEEP_LOGS"] {
            let name = "\(folder)/\(server.kind.rawValue), \(cell)"
            try TestFile.write(name, (log + "\n--- the next mount\n" + mount.log).utf8)
        }
        return complaints
    }

    /// Waits until the mount has settled what the one before it has left; returns what it leaves nevertheless.
    private func leftovers(in directory: String) throws -> [String] {
        var left: [String] = []
        if !waitUntil(within: .seconds(60), { spooled.isEmpty }) {
            left.append("spooled: \(spooled.sorted())")
        }
        var view = ""
        let agrees = try waitUntil(within: .seconds(60)) {
            view = try program.attempt(["compare", "/" + directory, server.root])
            return view == "ok"
        }
        if !agrees { left.append(view) }
        func temporaries() -> [String] {
            FaultBench.state(of: directory, on: server).keys.filter { $0.hasPrefix(".ftpsfs") }
        }
        if !waitUntil(within: .seconds(60), { temporaries().isEmpty }) {
            left.append("left: \(temporaries())")
        }
        return left
    }

    /// Ends the last mount; returns its status.
    func end() throws -> CInt { try mount.unmount() }

    private var spooled: Set<String> { Self.files(of: mount.cache).subtracting(usualFiles) }

    private static func files(of cache: String) -> Set<String> {
        let all = FileManager.default.enumerator(atPath: cache)?.compactMap { $0 as? String } ?? []
        return Set(all.filter { !$0.contains("rescue") })
    }
}
