import Glibc
import Testing

@testable import Posix

@Suite struct CorkingTests {
    @Test("what is sent together arrives at the end, in one piece")
    func together() throws {
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        let listener = try Listener.listen(on: address)
        let client = try Socket.connect(to: listener.address, until: .after(.seconds(60)))
        _ = try wait(for: .readable, on: listener.raw, until: .after(.seconds(60)))
        guard let server = try listener.accept() else { throw Errno(EAGAIN) }
        var room = [UInt8](repeating: 0, count: 16)
        let raw = client.raw
        try sendingTogether(on: raw) {
            for byte in [UInt8](97...99) { #expect(unsafe Glibc.send(raw, [byte], 1, 0) == 1) }
            let early = try room.withMutableRawSpan { try server.receive(into: &$0) }
            #expect(early == nil)
        }
        _ = try wait(for: .readable, on: server.raw, until: .after(.seconds(60)))
        let count = try room.withMutableRawSpan { try server.receive(into: &$0) }
        #expect(count == 3)
        #expect(room.prefix(3) == [97, 98, 99])
    }

    @Test("where there is no connection the body runs all the same")
    func others() {
        #expect(sendingTogether(on: -1) { 7 } == 7)
    }
}
