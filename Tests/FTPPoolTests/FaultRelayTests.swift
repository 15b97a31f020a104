import Posix
import TestSupport
import Testing

/// The relay that makes faults, before what is found with it is believed.
@Suite("The fault relay")
struct FaultRelayTests {
    /// Runs the body with a relay before a server that sends back what it gets.
    private func withEcho(_ body: (FaultRelay, UInt16) throws -> Void) throws {
        let server = try TestServer { connection, _ in
            while true {
                let bytes = try connection.read()
                if bytes.isEmpty { return }
                try connection.write(bytes)
            }
        }
        defer { server.stop() }
        let relay = try FaultRelay(to: server.port)
        defer { relay.stop() }
        try body(relay, server.port)
        #expect(waitUntil(within: .seconds(20)) { relay.linkCount == 0 }, "connections are left")
    }

    private func dial(_ port: UInt16) throws -> TestConnection {
        try TestConnection.dial(port, on: FaultRelay.host)
    }

    private func line(_ connection: TestConnection, _ text: String) throws -> String {
        try connection.write(text + "\n")
        return String(decoding: try connection.read(exactly: text.utf8.count + 1), as: UTF8.self)
    }

    @Test("what meets no fault arrives as it was sent, and is counted")
    func fair() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            relay.arm(nil)
            for number in 1...3 { #expect(try line(connection, "line \(number)") == "line \(number)\n") }
            // Two lines in one piece, and one in two.
            try connection.write("a\nb\nc")
            try connection.write("d\n")
            #expect(try connection.read(exactly: 7) == Array("a\nb\ncd\n".utf8))
            #expect(FaultRelay.Path.all.map(relay.messages) == [6, 6, 0, 0])
            #expect(!relay.disarm())
            connection.close()
        }
    }

    @Test("an end comes at the message it was ordered for", arguments: [Fault.Effect.cut, .halfClose])
    func end(effect: Fault.Effect) throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            relay.arm(Fault(effect, .control, .toClient, at: .message(2)))
            #expect(try line(connection, "one") == "one\n")
            #expect(try line(connection, "two") == "")
            #expect(relay.disarm())
            #expect(relay.injected == [effect: 1])
            connection.close()
        }
    }

    @Test("a reset is one")
    func reset() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            relay.arm(Fault(.reset, .control, .toServer, at: .message(1)))
            #expect(throws: TestConnectionError.self) { try line(connection, "one") }
        }
    }

    @Test("nothing arrives after a stall or in a black hole", arguments: Fault.Effect.silent)
    func silence(effect: Fault.Effect) throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            let other = try dial(port)
            relay.arm(Fault(effect, .control, .toServer, at: .message(1)))
            try connection.write("one\n")
            #expect(waitUntil(within: .seconds(20)) { relay.injected == [effect: 1] })
            try connection.write("two\n")
            #expect(try line(other, "other") == "other\n")
            #expect(!connection.isReadable(within: 100))
            connection.close()
            other.close()
        }
    }

    @Test("one bit is turned over")
    func corruption() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            relay.arm(Fault(.corrupt, .control, .toServer, at: .byte(2)))
            let answer = try line(connection, "abc")
            #expect(answer == "acc\n")
            connection.close()
        }
    }

    @Test("the bytes before the one it was ordered for arrive")
    func byteCount() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            relay.arm(Fault(.cut, .control, .toClient, at: .byte(7)))
            #expect(try line(connection, "four") == "four\n")
            #expect(try line(connection, "more") == "m")
            connection.close()
        }
    }

    @Test("what is held up arrives whole")
    func delay() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            relay.arm(Fault(.delay, .control, .toServer, at: .message(1)))
            try connection.write("one\n")
            #expect(try line(connection, "two") == "one\n")
            #expect(try connection.read(exactly: 4) == Array("two\n".utf8))
            connection.close()
        }
    }

    @Test("new connections are refused, and taken again")
    func refusal() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            #expect(try line(connection, "before") == "before\n")
            relay.turn(.refusing)
            #expect(throws: TestConnectionError.self) { try dial(port) }
            #expect(try line(connection, "during") == "during\n")
            relay.turn(.down)
            #expect(throws: TestConnectionError.self) { try line(connection, "down") }
            relay.turn(.fair)
            let other = try dial(port)
            #expect(try line(other, "after") == "after\n")
            other.close()
        }
    }

    @Test("new connections get no answer, and are taken again")
    func silentHost() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            #expect(try line(connection, "before") == "before\n")
            relay.turn(.silent)
            let address = try #require(SocketAddress(numeric: FaultRelay.host, port: port))
            #expect {
                _ = try Socket.connect(to: address, until: .after(.milliseconds(300)))
            } throws: {
                "\($0)" == "\(WaitError.timedOut)"
            }
            try connection.write("lost\n")
            relay.turn(.fair)
            let other = try dial(port)
            #expect(try line(other, "after") == "after\n")
            #expect(!connection.isReadable())
            connection.close()
            other.close()
        }
    }
}
