import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// Threads that do as they like, on the same few names, with interruptions and failures; made for the thread sanitizer.
@Suite struct ConcurrencyTests {
    @Test("a new file that two programs have open, close at the same time and have not written to is there")
    func lastClosesAtOnce() throws {
        let fixture = try VolumeFixture()
        let names = (0..<300).map { "/f\($0)" }
        for name in names {
            let handles = [try fixture.create(name), try fixture.open(name, .both)]
            let (start, done) = (Gate(), Gate())
            for handle in handles {
                try Thread.detach(named: "program") {
                    start.pass()
                    fixture.volume.release(handle)
                    done.pass(until: .after(.zero))
                }
            }
            #expect(start.awaitArrivals(2))
            start.open()
            #expect(done.awaitArrivals(2))
        }
        #expect(names.filter { fixture.server.content($0) == nil } == [])
    }

    @Test("threads with random operations leave nothing behind", arguments: 1...3)
    func threads(seed: UInt64) throws {
        let fixture = try VolumeFixture(configuration: { $0.directoryLimit = 12 })
        fixture.server.makeDirectories("/a/b")
        let failures = Monitor(Dice(seed: seed))
        fixture.store.failWhen { _, _ in
            failures.withLock { dice in
                switch UInt64.random(in: 0..<60, using: &dice) {
                case 0: .unreachable
                case 1: .timedOut
                default: nil
                }
            }
        }
        let done = Gate()
        for number in 0..<8 {
            try Thread.detach(named: "random") {
                var worker = Worker(fixture: fixture, dice: Dice(seed: seed &* 100 &+ UInt64(number)))
                for _ in 0..<250 { worker.step() }
                worker.finish()
                done.pass(until: .after(.zero))
            }
        }
        #expect(done.awaitArrivals(8, until: .after(.seconds(240))))
        fixture.store.heal()
        // Empty files whose close came before they could be stored are tried again.
        #expect(fixture.volume.waitForPending(until: .after(.seconds(60))), "\(fixture.log.text)")
        #expect(waitUntil(within: .seconds(60)) { fixture.volume.tree.withLock { $0.files.isEmpty } })
        fixture.volume.dropCaches()
        try compare("/", fixture)
        let left = fixture.volume.tree.withLock { tree in
            [
                tree.files.count, tree.openDirectories.count, tree.contentUsers.count, tree.leases.waiting,
                tree.nodes.values.count { $0.lookups > 0 } - 1,
                tree.nodes.values.count { tree.leases.holds($0) },
                tree.cachedEntries
                    - tree.cachedDirectories.values.reduce(0) { $0 + ($1.directory?.cost ?? 0) },
            ]
        }
        #expect(left == [0, 0, 0, 0, 0, 0, 0])
        fixture.volume.shutDown()
    }

    private func compare(_ path: String, _ fixture: VolumeFixture) throws {
        #expect(try fixture.names(path) == fixture.server.names(in: path))
        for name in fixture.server.names(in: path) {
            let child = (path == "/" ? "" : path) + "/" + name
            if let content = fixture.server.content(child) {
                let handle = try fixture.open(child, .reading)
                #expect(try fixture.read(handle) == content)
                try fixture.close(handle)
            } else {
                try compare(child, fixture)
            }
        }
    }

    private struct Worker {
        let fixture: VolumeFixture
        var dice: Dice
        var open: [HandleID] = []

        mutating func path() -> String {
            let parts = (0..<Int.random(in: 1...3, using: &dice)).map { _ in
                ["a", "b", "c"][Int.random(in: 0..<3, using: &dice)]
            }
            return "/" + parts.joined(separator: "/")
        }

        mutating func step() {
            let path = path()
            let other = self.path()
            let kind = Int.random(in: 0..<14, using: &dice)
            let choice = open.randomElement(using: &dice)
            let offset = UInt64.random(in: 0..<500, using: &dice)
            var opened: HandleID?
            _ = failure {
                switch kind {
                case 0: try fixture.mkdir(path)
                case 1: try fixture.rmdir(path)
                case 2: try fixture.unlink(path)
                case 3: try fixture.rename(path, other)
                case 4, 5: opened = try fixture.create(path)
                case 6: opened = try fixture.open(path, .both)
                case 7: if let choice { try fixture.write(choice, pattern(100), at: offset) }
                case 8: if let choice { _ = try fixture.read(choice) }
                case 9: _ = try fixture.names(path)
                case 10: try fixture.stat(path)
                case 11: try fixture.change(path) { $0.size = offset }
                case 12: try interrupted(path)
                default:
                    try fixture.change(path) { $0.mode = 0o600 }
                    fixture.advance(.seconds(3))
                }
            }
            if let opened { open.append(opened) }
            if open.count > 3 { _ = failure { try fixture.close(open.removeFirst()) } }
        }

        /// A request that is cancelled while it runs.
        func interrupted(_ path: String) throws {
            let (parent, name) = try fixture.split(path)
            defer { if parent != .root { fixture.volume.forget(parent, count: 1) } }
            let request = Request()
            try Thread.detach(named: "interrupt") { request.cancel() }
            let reply = try fixture.volume.lookup(name, in: parent, for: request)
            defer { fixture.volume.forget(reply.node, count: 1) }
            guard reply.attributes.kind == .file else { return }
            let handle = try fixture.volume.open(reply.node, .both, for: request).handle
            defer { fixture.volume.release(handle) }
            _ = try fixture.volume.write(handle, pattern(50).span.bytes, at: 0, for: request)
            try fixture.volume.flush(handle, for: request)
        }

        mutating func finish() {
            while let handle = open.popLast() { _ = failure { try fixture.close(handle) } }
        }
    }
}
