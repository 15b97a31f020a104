import Glibc
import Posix

/// A port of a server that a relay listens on, with the same number on the relay's own address.
final class RelayPort {
    /// The address that clients of relays connect to; the certificates of the tests' servers are good for it.
    static let host = "127.0.0.2"

    /// Its number, here and on the server.
    let number: UInt16
    /// Whether it takes a single connection, as a passive port does that was announced for one transfer.
    let isPassing: Bool
    private let address: SocketAddress
    private var listener: Listener?
    // Keeps the queue of connections full while none is to be answered.
    private var filler: Socket?

    /// Listens on a port.
    init(_ number: UInt16, isPassing: Bool = false) throws {
        guard let address = SocketAddress(numeric: Self.host, port: number) else {
            throw SupportFailure("no address: \(Self.host)")
        }
        self.number = number
        self.isPassing = isPassing
        self.address = address
        listener = try Listener.listen(on: address, ports: number...number)
    }

    /// For poll(2); -1 while it does not listen, or is not to be asked.
    var raw: CInt { filler == nil ? listener?.raw ?? -1 : -1 }

    /// Takes a connection that waits, if one does.
    func accept() -> Socket? {
        // The error is the lack of descriptors, which the test meets as well.
        guard let accepted = try? listener?.accept() else { return nil }
        return accepted
    }

    /// Connects to the server's port of this number.
    func dial() -> Socket? {
        guard let target = SocketAddress(numeric: "127.0.0.1", port: number) else { return nil }
        return try? Socket.connect(to: target, until: .after(.seconds(5)))
    }

    /// Listens again, after any of the following.
    func open() throws {
        if listener == nil { listener = try Listener.listen(on: address, ports: number...number) }
        guard let raw = listener?.raw, filler != nil else { return }
        filler = nil
        listen(raw, 8)
        while let stale = accept() { stale.resetOnClose() }
    }

    /// Has new connections refused (RST).
    func refuse() {
        filler = nil
        listener = nil
    }

    /// Leaves new connections without any answer, as a firewall does that drops packets.
    ///
    /// Linux drops a SYN when the queue is full, and with a length of 0 one connection fills it.
    func ignore() {
        guard let raw = listener?.raw, filler == nil else { return }
        while let early = accept() { early.resetOnClose() }
        listen(raw, 0)
        filler = try? Socket.connect(to: address, until: .after(.seconds(1)))
    }
}
