import Glibc
import Posix
import TLS
import TestSupport
import Testing

@Suite("Bytes through TLS")
struct TransferTests {
    @Test("large transfers arrive unchanged in both directions", arguments: versions)
    func largeTransfers(version: TestServerTLS.Version) throws {
        let context = TestServerContext(TestServerTLS(only: version))
        let bytes = pattern(3_000_001)
        let received = TestResult<[UInt8]>()
        try withServer { connection, number in
            try connection.secure(context)
            switch number {
            case 0: _ = try connection.readAll()
            case 1:
                try connection.write(bytes)
                connection.sendClose()
                _ = try? connection.readAll()
            default:
                received.set(try connection.readAll())
                connection.sendClose()
            }
        } _: { server in
            let client = try Client()
            let control = try client.connect(server)
            let download = try client.connectData(server, like: control)
            #expect(try download.everything() == bytes)
            #expect(try download.next().isEmpty)
            let upload = try client.connectData(server, like: control)
            try upload.send(Array(bytes[..<100]))
            try upload.send(Array(bytes[100...]))
            try upload.finishSending(until: soon)
            #expect(try upload.drain(until: soon))
            #expect(try received.wait() == bytes)
            upload.closeOrderly()
            control.closeOrderly()
        }
    }

    @Test("a write that does not fit goes on where it stopped, from another address too")
    func partialWrites() throws {
        let context = TestServerContext()
        let bytes = pattern(8_000_000)
        let go = TestResult<Bool>()
        let received = TestResult<[UInt8]>()
        try withServer { connection, _ in
            try connection.secure(context)
            _ = try go.wait()
            received.set(try connection.readAll())
        } _: { server in
            defer { go.set(true) }
            let stream = try Client().connect(server)
            var sent = 0
            var waits = 0
            while sent < bytes.count {
                // A new array each time: the memory moves.
                let rest = Array(bytes[sent...])
                switch try stream.writeAvailable(rest.span.bytes) {
                case .bytes(let count): sent += count
                case .wantsWrite:
                    waits += 1
                    go.set(true)
                    _ = try wait(for: .writable, on: stream.descriptor, until: soon)
                case .wantsRead: Issue.record("nothing to read")
                }
            }
            #expect(waits > 0)
            try stream.finishSending(until: soon)
            #expect(try received.wait() == bytes)
        }
    }

    @Test("reading without waiting fills the room and then says that it wants more")
    func readAvailable() throws {
        let context = TestServerContext(TestServerTLS(only: .v1_2))
        let more = TestResult<Bool>()
        try withServer { connection, _ in
            try connection.secure(context)
            try connection.write(pattern(50_000))
            _ = try more.wait()
            connection.sendClose()
            _ = try? connection.readAll()
        } _: { server in
            defer { more.set(true) }
            let client = try Client()
            let control = try client.connect(server)
            var all: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1000)
            while all.count < 50_000 {
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                switch try control.readAvailable(into: &bytes) {
                case .bytes(let count): all += buffer.prefix(count)
                case .wantsRead:
                    #expect(!control.hasPendingBytes)
                    _ = try wait(for: .readable, on: control.descriptor, until: soon)
                case .wantsWrite, .closed: Issue.record("unexpected")
                }
            }
            #expect(all == pattern(50_000))
            var span = buffer.mutableSpan
            var bytes = span.mutableBytes
            #expect(try control.readAvailable(into: &bytes) == .wantsRead)
            #expect(!control.hasPendingBytes)
            more.set(true)
            #expect(try control.next().isEmpty)
        }
    }

    @Test(
        "TCP's end without close_notify is a truncation, after all that came before it", arguments: versions)
    func truncation(version: TestServerTLS.Version) throws {
        let context = TestServerContext(TestServerTLS(only: version))
        try withServer { connection, number in
            try connection.secure(context)
            try connection.write(pattern(40_000))
            if number == 1 {
                connection.endSending()
                _ = try? connection.readAll()
            }
        } _: { server in
            let client = try Client()
            let control = try client.connect(server)
            for stream in [control, try client.connectData(server, like: control)] {
                var all: [UInt8] = []
                #expect(throws: TLSError.truncated) {
                    while true {
                        let part = try stream.next()
                        if part.isEmpty { break }
                        all += part
                    }
                }
                #expect(all == pattern(40_000))
                #expect(throws: TLSError.truncated) { _ = try stream.next() }
            }
        }
    }

    @Test("a record that was cut is never delivered")
    func cutRecord() throws {
        let context = TestServerContext()
        try withServer { connection, _ in
            try connection.secure(context)
            try connection.writeRaw([0x17, 3, 3, 0x20, 0, 1, 2, 3])
        } _: { server in
            let stream = try Client().connect(server)
            #expect(throws: TLSError.truncated) { _ = try stream.next() }
        }
    }

    @Test("clear text inside the connection and changed bytes are errors")
    func rubbish() throws {
        let context = TestServerContext()
        try withServer { connection, number in
            try connection.secure(context)
            if number == 0 {
                try connection.writeRaw(Array("500 OOPS: vsf_sysutil_recv_peek\r\n".utf8))
            } else {
                try connection.writeRaw([0x17, 3, 3, 0, 32] + pattern(32))
            }
            _ = try? connection.read()
        } _: { server in
            let first = #expect(throws: TLSError.self) { _ = try Client().connect(server).next() }
            guard case .notTLS = first else {
                Issue.record("\(String(describing: first))")
                return
            }
            let second = #expect(throws: TLSError.self) { _ = try Client().connect(server).next() }
            guard case .failed = second else {
                Issue.record("\(String(describing: second))")
                return
            }
        }
    }

    @Test("after our end the server's bytes still arrive", arguments: versions)
    func halfClose(version: TestServerTLS.Version) throws {
        let context = TestServerContext(TestServerTLS(only: version))
        try withServer { connection, _ in
            try connection.secure(context)
            let all = try connection.readAll()
            try connection.write(all)
            connection.sendClose()
        } _: { server in
            let stream = try Client().connect(server)
            try stream.send("last words")
            try stream.finishSending(until: soon)
            #expect(throws: TLSError.closed) { try stream.send("more") }
            #expect(try stream.everything() == Array("last words".utf8))
        }
    }

    @Test("draining tells a clean end from a mere FIN, and both end it")
    func drains() throws {
        let context = TestServerContext()
        try withServer { connection, number in
            try connection.secure(context)
            _ = try connection.readAll()
            try connection.write(pattern(100_000))
            if number == 0 { connection.sendClose() }
        } _: { server in
            for isClean in [true, false] {
                let stream = try Client().connect(server)
                try stream.finishSending(until: soon)
                #expect(try stream.drain(until: soon) == isClean)
            }
        }
    }

    @Test("an empty upload is a handshake, close_notify and FIN")
    func emptyUpload() throws {
        let context = TestServerContext()
        let received = TestResult<[UInt8]>()
        try withServer { connection, _ in
            try connection.secure(context)
            received.set(try connection.readAll())
            connection.sendClose()
        } _: { server in
            let stream = try Client().connect(server)
            try stream.send([])
            try stream.finishSending(until: soon)
            #expect(try stream.drain(until: soon))
            #expect(try received.wait().isEmpty)
        }
    }

    @Test("waits for reading and writing end at the deadline, and at the wakeup")
    func waits() throws {
        let context = TestServerContext()
        let release = TestResult<Bool>()
        try withServer { connection, _ in
            try connection.secure(context)
            _ = try? release.wait()
        } _: { server in
            defer { release.set(true) }
            let client = try Client()
            let stream = try client.connect(server)
            let wakeup = try Wakeup()
            #expect(throws: TLSError.timedOut) { _ = try stream.next(until: .after(.milliseconds(20))) }
            wakeup.raise()
            #expect(throws: TLSError.interrupted) { _ = try stream.next(wakeup: wakeup) }
            #expect(throws: TLSError.interrupted) { try stream.drain(until: soon, wakeup: wakeup) }
            wakeup.lower()
            let much = pattern(32 << 20)
            #expect(throws: TLSError.timedOut) { try stream.send(much, until: .after(.milliseconds(50))) }
            wakeup.raise()
            #expect(throws: TLSError.interrupted) { try stream.send(much, wakeup: wakeup) }
            // A record is half sent: close_notify cannot go out any more, and nothing hangs.
            #expect(throws: TLSError.self) { try stream.finishSending(until: soon) }
            stream.closeAbruptly()
        }
    }

    @Test("a wakeup raised by another thread ends a read")
    func laterWakeup() throws {
        let context = TestServerContext()
        let wakeup = try Wakeup()
        let release = TestResult<Bool>()
        try withServer { connection, _ in
            try connection.secure(context)
            _ = try connection.read()
            wakeup.raise()
            _ = try? release.wait()
        } _: { server in
            defer { release.set(true) }
            let stream = try Client().connect(server)
            try stream.send("ready")
            #expect(throws: TLSError.interrupted) { _ = try stream.next(wakeup: wakeup) }
        }
    }

    @Test("renegotiation is refused (TLS 1.2)")
    func renegotiation() throws {
        let context = TestServerContext(TestServerTLS(only: .v1_2))
        let result = TestResult<Bool>()
        try withServer { connection, _ in
            try connection.secure(context)
            do {
                try connection.renegotiate()
                result.set(true)
            } catch {
                result.set(false)
                throw error
            }
        } _: { server in
            let stream = try Client().connect(server)
            _ = try? stream.next()
            #expect(try result.wait() == false)
        }
    }

    @Test("a fatal alert is an error with the alert's name")
    func alert() throws {
        let context = TestServerContext(TestServerTLS(only: .v1_2))
        try withServer { connection, _ in
            // Level fatal, internal_error, in clear where the server's part of the handshake is due.
            _ = try connection.read()
            try connection.writeRaw([21, 3, 3, 0, 2, 2, 80])
            _ = context
        } _: { server in
            #expect(throws: TLSError.refusedByPeer("internal error")) { _ = try Client().connect(server) }
        }
    }

    @Test("writing to a connection that the server has reset raises no SIGPIPE")
    func noSIGPIPE() throws {
        let context = TestServerContext()
        try withServer { connection, _ in
            try connection.secure(context)
            connection.reset()
        } _: { server in
            let stream = try Client().connect(server)
            let outcome = TestResult<(failed: Bool, pending: Bool)>()
            // Our threads block all signals: one that had been raised would be pending.
            let thread = try Thread(named: "writer") {
                var failed = false
                let part = pattern(1000)
                for _ in 0..<1_000_000 where !failed {
                    do { try stream.send(part) } catch { failed = true }
                }
                stream.closeOrderly()
                var pending = sigset_t()
                sigpending(&pending)
                outcome.set((failed, sigismember(&pending, SIGPIPE) == 1))
            }
            thread.join()
            #expect(try outcome.wait().failed)
            #expect(try !outcome.wait().pending)
        }
    }

    @Test("an upload notices that the server has gone")
    func uploadToNobody() throws {
        let context = TestServerContext()
        try withServer { connection, number in
            try connection.secure(context)
            if number == 0 {
                _ = try connection.readAll()
            } else {
                _ = try connection.read(exactly: 10)
                connection.close()
            }
        } _: { server in
            let client = try Client()
            let control = try client.connect(server)
            let upload = try client.connectData(server, like: control)
            let part = pattern(100_000)
            #expect(throws: TLSError.self) {
                for _ in 0..<10_000 { try upload.send(part) }
            }
            upload.closeAbruptly()
        }
    }
}
