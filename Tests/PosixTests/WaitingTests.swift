import Glibc
import Synchronization
import Testing

@testable import Posix

@Suite("Deadlines, monitors, threads")
struct WaitingTests {
    @Test("a deadline passes, and the nearer of two wins")
    func deadlines() {
        #expect(!Deadline.never.hasPassed)
        #expect(Deadline.never.pollTimeout == -1)
        #expect(Deadline.after(.seconds(-1)).hasPassed)
        #expect(Deadline.after(.seconds(-1)).pollTimeout == 0)
        #expect(Deadline.never.earlier(.after(.zero)).hasPassed)
        #expect(!Deadline.after(.seconds(60)).earlier(.after(.seconds(90))).hasPassed)
        #expect(Deadline.after(.microseconds(1500)).pollTimeout <= 2)
    }

    @Test("a waiting thread sees the change that it waits for")
    func monitorWakes() throws {
        let monitor = Monitor(0)
        let thread = try Thread(named: "test") {
            for _ in 0..<1000 { monitor.update { $0 += 1 } }
        }
        let seen = monitor.wait(until: .after(.seconds(60))) { $0 == 1000 ? $0 : nil }
        thread.join()
        #expect(seen == 1000)
    }

    @Test("a wait ends at its deadline with nothing")
    func monitorTimesOut() {
        let monitor = Monitor(0)
        #expect(monitor.wait(until: .after(.milliseconds(20))) { $0 == 1 ? $0 : nil } == nil)
        #expect(monitor.wait(until: .after(.zero)) { $0 == 0 ? $0 : nil } == 0)
    }

    @Test("an error thrown inside leaves the lock free")
    func monitorThrows() {
        let monitor = Monitor(0)
        #expect(throws: Errno.self) {
            try monitor.withLock { (_: inout Int) throws(Errno) -> Void in throw Errno(ENOENT) }
        }
        #expect(monitor.withLock { $0 } == 0)
    }

    @Test("threads of ours have all signals blocked")
    func threadsBlockSignals() throws {
        let blocked = Atomic(false)
        let thread = try Thread(named: "test") {
            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            blocked.store(sigismember(&mask, SIGTERM) == 1, ordering: .releasing)
        }
        thread.join()
        let isBlocked = blocked.load(ordering: .acquiring)
        #expect(isBlocked)
    }
}

@Suite("Descriptors and poll")
struct DescriptorTests {
    private func read(_ room: inout [UInt8], _ body: (inout MutableRawSpan) throws -> Int) rethrows -> Int {
        var elements = room.mutableSpan
        var bytes = elements.mutableBytes
        return try body(&bytes)
    }

    @Test("bytes written to a pipe come out, and its end is the end")
    func pipes() throws {
        let ends = try FileDescriptor.pipe()
        let bytes: [UInt8] = [1, 2, 3]
        #expect(try ends.writing.write(bytes.span.bytes) == 3)
        var room = [UInt8](repeating: 0, count: 8)
        #expect(try read(&room) { bytes in try ends.reading.read(into: &bytes) } == 3)
        #expect(Array(room.prefix(3)) == bytes)
    }

    @Test("reading and writing at offsets reaches beyond 4 GiB, and a longer file reads as zeros")
    func offsets() throws {
        let path = "/tmp/ftpsfs-posix-test-\(getpid())"
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL)
        unlink(path)
        let bytes: [UInt8] = [7, 8]
        try file.writeAll(bytes.span.bytes, at: 5_000_000_000)
        var room = [UInt8](repeating: 9, count: 4)
        #expect(try read(&room) { bytes in try file.read(into: &bytes, at: 4_999_999_998) } == 4)
        #expect(room == [0, 0, 7, 8])
        try file.truncate(to: 1)
        #expect(try read(&room) { bytes in try file.read(into: &bytes, at: 1) } == 0)
    }

    @Test("a wait ends with readiness, at the deadline, or by the wakeup, which wins")
    func waits() throws {
        let ends = try FileDescriptor.pipe()
        let wakeup = try Wakeup()
        #expect(throws: WaitError.timedOut) {
            try wait(for: .readable, on: ends.reading.raw, until: .after(.milliseconds(10)), wakeup: wakeup)
        }
        let byte: [UInt8] = [1]
        _ = try ends.writing.write(byte.span.bytes)
        let ready = try wait(
            for: .readable, on: ends.reading.raw, until: .after(.seconds(30)), wakeup: wakeup)
        #expect(ready.first.contains(.readable))
        wakeup.raise()
        #expect(throws: WaitError.interrupted) {
            try wait(for: .readable, on: ends.reading.raw, until: .after(.seconds(30)), wakeup: wakeup)
        }
        wakeup.lower()
        _ = try wait(for: .readable, on: ends.reading.raw, until: .after(.seconds(30)), wakeup: wakeup)
    }

    @Test("a refused connection says so")
    func refusedConnection() throws {
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 1))
        do throws(WaitError) {
            _ = try Socket.connect(to: address, until: .after(.seconds(30)))
            Issue.record("something listens on port 1")
        } catch {
            #expect(error == .failed(Errno(ECONNREFUSED)))
        }
    }

    @Test("numeric addresses are parsed and printed", arguments: ["127.0.0.1", "::1", "2001:db8::5"])
    func addresses(text: String) throws {
        let address = try #require(SocketAddress(numeric: text, port: 2121))
        #expect(address.host == text)
        #expect(address.port == 2121)
        #expect(address.with(port: 9).port == 9)
        #expect(address.hasSameHost(as: address.with(port: 9)))
        #expect(SocketAddress(numeric: "example", port: 1) == nil)
    }

    @Test("a name is resolved, and one that cannot exist is an error with words")
    func resolving() throws {
        let local = try Resolver.resolve("localhost", port: 21, until: .after(.seconds(30)))
        #expect(local.allSatisfy { $0.port == 21 })
        #expect(!local.isEmpty)
        #expect(throws: ResolveError.self) {
            try Resolver.resolve("no such name.invalid", port: 21, until: .after(.seconds(30)))
        }
    }
}
