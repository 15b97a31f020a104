import TestSupport
import Testing

/// The relay that counts round trips, before it is believed.
@Suite("The counting relay", .serialized)
struct RelayTests {
    /// Runs the body with a relay before a server that sends back what it gets.
    private func withEcho(_ body: (CountingRelay, UInt16) throws -> Void) throws {
        let server = try TestServer { connection, _ in
            while true {
                let bytes = try connection.read()
                if bytes.isEmpty { return }
                try connection.write(bytes)
            }
        }
        defer { server.stop() }
        let relay = try CountingRelay(to: server.port)
        defer { relay.stop() }
        try body(relay, server.port)
    }

    private func dial(_ port: UInt16) throws -> TestConnection {
        try TestConnection.dial(port, on: CountingRelay.host)
    }

    private func exchange(_ connection: TestConnection, _ text: String = "x") throws {
        try connection.write(text)
        let answer = try connection.read(exactly: text.utf8.count)
        #expect(answer == Array(text.utf8))
    }

    @Test("each answer that is waited for is a round trip", arguments: [1, 2, 7])
    func pingPong(rounds: Int) throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            let count = try relay.leastTrips(within: rounds) { meter, _ in
                try meter.count {
                    for _ in 0..<rounds { try exchange(connection) }
                }
            }
            #expect(count == rounds)
        }
    }

    @Test("what is sent without waiting takes one round trip together")
    func pipelined() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            let count = try relay.leastTrips(within: 1) { meter, _ in
                try meter.count {
                    for _ in 0..<20 { try connection.write("x") }
                    #expect(try connection.read(exactly: 20).count == 20)
                }
            }
            #expect(count == 1)
        }
    }

    @Test("a new connection costs one round trip before its first exchange")
    func connecting() throws {
        try withEcho { relay, port in
            let count = try relay.leastTrips(within: 2) { meter, _ in
                try meter.count {
                    try exchange(dial(port))
                }
            }
            #expect(count == 2)
        }
    }

    @Test("a server that speaks first is heard two round trips after the connection was begun")
    func greeting() throws {
        let server = try TestServer { connection, _ in
            try connection.write("hello")
            _ = try connection.read()
        }
        defer { server.stop() }
        let relay = try CountingRelay(to: server.port)
        defer { relay.stop() }
        let count = try relay.leastTrips(within: 2) { meter, _ in
            let greeting = try meter.count { try dial(server.port).read(exactly: 5) }
            #expect(greeting == Array("hello".utf8))
        }
        #expect(count == 2)
    }

    @Test("what happens at the same time on several connections counts once")
    func parallel() throws {
        try withEcho { relay, port in
            let connections = try (0..<3).map { _ in try dial(port) }
            let count = try relay.leastTrips(within: 2) { meter, _ in
                try meter.count {
                    for _ in 0..<2 {
                        for connection in connections { try connection.write("x") }
                        for connection in connections { #expect(try connection.read() == [0x78]) }
                    }
                }
            }
            #expect(count == 2)
        }
    }

    @Test("what one connection waits for on another counts as well")
    func crossing() throws {
        try withEcho { relay, port in
            let (first, second) = (try dial(port), try dial(port))
            let count = try relay.leastTrips(within: 2) { meter, _ in
                try meter.count {
                    try exchange(first)
                    try exchange(second)
                }
            }
            #expect(count == 2)
        }
    }

    @Test("a long stream arrives whole and takes one round trip")
    func streams() throws {
        try withEcho { relay, port in
            let connection = try dial(port)
            let text = String(repeating: "0123456789abcdef", count: 8 << 10)
            let count = try relay.leastTrips(within: 1) { meter, _ in
                try meter.count {
                    try exchange(connection, text)
                }
            }
            #expect(count == 1)
        }
    }

    @Test("the end of one direction reaches the server, which still answers")
    func halfClose() throws {
        let server = try TestServer { connection, _ in
            let bytes = try connection.readAll()
            try connection.write(Array(bytes.reversed()))
        }
        defer { server.stop() }
        let relay = try CountingRelay(to: server.port)
        defer { relay.stop() }
        let connection = try dial(server.port)
        try connection.write("abc")
        connection.endSending()
        #expect(try connection.readAll() == Array("cba".utf8))
    }

    @Test("a client that leaves in the middle of a stream resets the server", arguments: [false, true])
    func leaving(endsFirst: Bool) throws {
        let seen = TestResult<Bool>()
        let server = try TestServer { connection, _ in
            let block = [UInt8](repeating: 7, count: 64 << 10)
            let error = #expect(throws: TestConnectionError.self) {
                for _ in 0..<10_000 { try connection.write(block) }
            }
            seen.set(error != nil)
        }
        defer { server.stop() }
        let relay = try CountingRelay(to: server.port)
        defer { relay.stop() }
        let connection = try dial(server.port)
        #expect(try connection.read(exactly: 100_000).count == 100_000)
        if endsFirst {
            connection.endSending()
            try relay.settle()
        }
        connection.close()
        #expect(try seen.wait())
    }

    @Test("a reset reaches the other side, whoever sends it, and so does a refusal")
    func resets() throws {
        let seen = TestResult<Bool>()
        let server = try TestServer { connection, number in
            if number == 0 { return connection.reset() }
            let error = #expect(throws: TestConnectionError.self) { try connection.read() }
            seen.set(error != nil)
        }
        let relay = try CountingRelay(to: server.port)
        defer { relay.stop() }
        let connection = try dial(server.port)
        #expect(throws: TestConnectionError.self) { try connection.read() }
        try dial(server.port).reset()
        #expect(try seen.wait())
        server.stop()
        let late = try dial(server.port)
        #expect(throws: TestConnectionError.self) { try late.read() }
    }
}
