import Glibc
import Testing

@testable import Posix

@Suite struct AcknowledgementTests {
    private static func acknowledgesAtOnce(_ descriptor: CInt, _ value: CInt? = nil) -> Bool {
        var flag: CInt = value ?? 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        if value != nil { setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_QUICKACK, &flag, length) }
        getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_QUICKACK, &flag, &length)
        return flag != 0
    }

    @Test("a connection that puts acknowledgements off does so no more")
    func atOnce() throws {
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        let listener = try Listener.listen(on: address)
        let client = try Socket.connect(to: listener.address, until: .after(.seconds(60)))
        #expect(!Self.acknowledgesAtOnce(client.raw, 0))
        acknowledgeAtOnce(on: client.raw)
        #expect(Self.acknowledgesAtOnce(client.raw))
    }

    @Test("what is no connection is left alone")
    func others() {
        acknowledgeAtOnce(on: -1)
        acknowledgeAtOnce(on: STDERR_FILENO)
    }
}
