import Glibc
import Testing

@testable import Posix

@Suite struct ListenerTests {
    private static func loopback() throws -> SocketAddress {
        try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
    }

    @Test("a connection is taken with the address it comes from, and none when there is none")
    func accepts() throws {
        let listener = try Listener.listen(on: try Self.loopback())
        #expect(listener.address.port >= 1024 && listener.address.host == "127.0.0.1")
        let none = try listener.accept() == nil
        #expect(none)
        let client = try Socket.connect(to: listener.address, until: .after(.seconds(60)))
        _ = try wait(for: .readable, on: listener.raw, until: .after(.seconds(60)))
        let server = try #require(try listener.accept()?.peer)
        #expect(server.hasSameHost(as: try client.localAddress()))
        #expect(server.port == (try client.localAddress().port))
    }

    @Test("a range is searched for a free port, and a full one says so")
    func ranges() throws {
        let first = try Listener.listen(on: try Self.loopback())
        let port = first.address.port
        let full = { () throws(Errno) in
            _ = try Listener.listen(on: first.address, ports: port...port)
        }
        #expect(throws: Errno(EADDRINUSE), performing: full)
        let low = max(port - 20, 1024)
        for _ in 0..<5 {
            let other = try Listener.listen(on: first.address, ports: low...(low + 40))
            #expect(low...(low + 40) ~= other.address.port && other.address.port != port)
        }
    }

    @Test("nobody can connect once the listener has gone")
    func closes() throws {
        let address = try Listener.listen(on: try Self.loopback()).address
        #expect(throws: WaitError.self) {
            _ = try Socket.connect(to: address, until: .after(.seconds(60)))
        }
    }

    @Test("an address of another machine is none to listen on")
    func foreign() throws {
        let address = try #require(SocketAddress(numeric: "192.0.2.1", port: 0))
        #expect(throws: Errno(EADDRNOTAVAIL)) { _ = try Listener.listen(on: address) }
    }

    @Test("the bytes of an address are its own")
    func bytes() {
        #expect(SocketAddress(numeric: "192.0.2.7", port: 5)?.hostBytes == [192, 0, 2, 7])
        #expect(SocketAddress(numeric: "::1", port: 5)?.hostBytes == [UInt8](repeating: 0, count: 15) + [1])
    }
}
