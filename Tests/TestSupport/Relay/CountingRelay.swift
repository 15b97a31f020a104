import Glibc
import Posix

/// A TCP relay between a client under test and a server on this machine, which counts round trips by logical time.
///
/// It listens on another address of the loopback, on the same port numbers as the server: its control port, and its passive ports,
/// so that a client which takes from EPSV the port alone comes through here with its data connections too. It looks into nothing it
/// passes on.
///
/// **What is counted.** Client and server have a clock each, in half trips (`TripClocks`). A piece that is read from the client while
/// its clock says C arrives at the server with C + 1, and moves the server's clock there unless it is further; the way back is the same.
/// So the client's clock advances, by two, only where the client has waited for an answer, however many pieces are on their way at a
/// time. A connection's SYN, the answer to it and the client's answer to that are such pieces: connecting takes the client two
/// half trips, and the server accepts, or has the first bytes, after three.
///
/// **What makes it true.** Every piece is really held for `delay`, those of connecting too: what a client sends without waiting is seen
/// before the answer arrives, and what it sends upon the answer afterwards. A slow machine may set things apart by more than a delay that
/// belong together, which adds to the count and never takes from it; so the least of several attempts is what an operation costs
/// (`leastTrips`).
///
/// **What is not seen.** connect(2) returns to the client at once. What it sends on another connection only because this one
/// stands counts as if it had not waited for that, until the delay is over. It makes no difference to a transfer whose server says
/// 150 once it has accepted, or whose TLS handshake does not wait for 150. Bandwidth, slow start and windows play no part: a stream
/// takes one trip.
///
/// To be stopped by whoever made it.
package final class CountingRelay: Sendable {
    private struct State {
        var clocks = TripClocks()
        /// When something was last delivered, or will have been that is on its way.
        var lastArrival = ContinuousClock.now
        /// What was opened and is not yet with the thread.
        var opened: [Confined<RelayPort>] = []
        var isStopping = false
        var thread: Thread?
    }

    /// The address that the client connects to; the certificates of the tests' servers are good for it.
    package static let host = RelayPort.host

    /// How long a piece is held in each direction.
    package let delay: Duration
    private let wakeup: Wakeup
    private let state: Monitor<State>

    /// Stands before a server's port on 127.0.0.1, and before its passive ports where they are known; returns once it listens.
    package init(
        to port: UInt16, passivePorts: [UInt16] = [], delay: Duration = .milliseconds(10)
    ) throws {
        self.delay = delay
        wakeup = try Wakeup()
        state = Monitor(State(opened: try ([port] + passivePorts).map { Confined(try RelayPort($0)) }))
        let thread = try Thread(named: "relay") { [self] in run() }
        state.withLock { $0.thread = thread }
    }

    /// Stands before a server that has a few passive ports to itself (`ServerOptions.passivePorts`).
    package convenience init(before server: ServerFixture, delay: Duration = .milliseconds(10)) throws {
        guard !server.passivePorts.isEmpty else {
            throw SupportFailure("the server has no passive ports of its own")
        }
        try self.init(to: server.port, passivePorts: server.passivePorts, delay: delay)
    }

    /// Stands before a scripted server, whose settings it changes.
    package convenience init(before server: ScriptedServer, delay: Duration = .milliseconds(10)) throws {
        try self.init(to: server.port, delay: delay)
        server.settings.announcePort = { [self] port in try open(port) }
    }

    /// Listens on a passive port that the server has just opened, for one connection.
    package func open(_ port: UInt16) throws {
        let opened = Confined(try RelayPort(port, isPassing: true))
        state.withLock { $0.opened.append(opened) }
        wakeup.raise()
    }

    /// Ends all connections and waits for the thread; a second call does nothing.
    package func stop() {
        let thread = state.withLock { state in
            state.isStopping = true
            defer { state.thread = nil }
            return state.thread
        }
        wakeup.raise()
        thread?.join()
    }

    /// The client's clock in half trips.
    package var clientTime: Int { time(of: .client) }

    /// Waits until nothing has been on its way for some delays: whatever the client does unasked is done then.
    ///
    /// What a receiver does not take does not count: a stream that nobody reads stands still.
    package func settle() throws {
        let isQuiet = waitUntil(within: .seconds(60)) {
            state.withLock { ContinuousClock.now - $0.lastArrival >= delay * 5 }
        }
        guard isQuiet else { throw SupportFailure("the relay does not come to rest") }
    }
}

/// What the links ask of their relay, and the thread.
extension CountingRelay {
    /// The clock of one side, in half trips.
    func time(of side: TripClocks.Side) -> Int { state.withLock { $0.clocks[side] } }

    /// Lets something arrive now at a side, at a logical time.
    func advance(_ side: TripClocks.Side, to time: Int) {
        state.withLock { $0.clocks.advance(side, to: time) }
        expectArrival(.now)
    }

    /// Says that something arrives at that moment.
    func expectArrival(_ instant: ContinuousClock.Instant) {
        state.withLock { $0.lastArrival = max($0.lastArrival, instant) }
    }

    private func run() {
        var ports: [RelayPort] = []
        var links: [RelayLink] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let isStopping = state.withLock { state in
                ports += state.opened.map(\.value)
                state.opened = []
                return state.isStopping
            }
            if isStopping { break }
            let now = ContinuousClock.now
            var slots = [pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)]
            slots += ports.map { pollfd(fd: $0.raw, events: Int16(POLLIN), revents: 0) }
            let first = slots.count
            slots += links.flatMap { $0.slots(at: now) }
            let next = links.compactMap { $0.nextTime(after: now) }.min()
            let deadline = next.map { Deadline.after($0 - now) } ?? .never
            poll(&slots, nfds_t(slots.count), deadline.pollTimeout)
            wakeup.lower()
            // What has come is stamped before anything is delivered: it was sent without that.
            for (index, link) in links.enumerated() { link.read(&buffer, slots[(first + 2 * index)...]) }
            for (index, port) in ports.enumerated().reversed() where slots[1 + index].revents != 0 {
                accept(from: port, &links)
                if port.isPassing { ports.remove(at: index) }
            }
            for link in links { link.advance(at: .now) }
            links.removeAll { $0.isClosed }
        }
        for link in links { link.close() }
    }

    private func accept(from port: RelayPort, _ links: inout [RelayLink]) {
        while let socket = port.accept() { links.append(RelayLink(socket, through: port, of: self)) }
    }
}
