import Glibc
import Posix

/// A TCP relay between a client under test and a server on this machine, which does to their connections what networks do.
///
/// It listens where a `CountingRelay` does. One `Fault` at a time can be armed, which happens once, or an action of the test's own; and from
/// one moment to the next it can be everybody's (`Weather`).
///
/// To be stopped by whoever made it.
package final class FaultRelay: Sendable {
    /// How it is for all connections.
    package enum Weather: Sendable {
        case fair
        /// New connections are refused; those that there are go on.
        case refusing
        /// All connections are reset, and new ones refused.
        case down
        /// No connection gets anything through, and new ones no answer.
        case silent
    }

    /// One way through connections of one kind.
    package struct Path: Hashable, Sendable {
        package let channel: Fault.Channel
        package let direction: Fault.Direction

        /// All there are.
        package static let all = Fault.Channel.allCases.flatMap { channel in
            Fault.Direction.allCases.map { Path(channel: channel, direction: $0) }
        }
    }

    private struct Trap {
        let path: Path
        let number: Int
        let action: @Sendable () -> Void
    }

    private struct State {
        var weather = Weather.fair
        var fault: Fault?
        var trap: Trap?
        /// The fault or the action has happened.
        var isMet = false
        /// Since `arm`.
        var messages: [Path: Int] = [:]
        var bytes: [Path: Int] = [:]
        var injected: [Fault.Effect: Int] = [:]
        var linkCount = 0
        /// What the thread has seen of the weather.
        var rounds = 0
        var isStopping = false
        var thread: Thread?
    }

    /// The address that the client connects to.
    package static let host = RelayPort.host

    private let controlPort: UInt16
    private let wakeup: Wakeup
    private let state = Monitor(State())

    /// Stands before a server's port on 127.0.0.1 and its passive ports; returns once it listens.
    package init(to port: UInt16, passivePorts: [UInt16] = []) throws {
        controlPort = port
        wakeup = try Wakeup()
        let ports = Confined(try ([port] + passivePorts).map { try RelayPort($0) })
        let thread = try Thread(named: "fault-relay") { [self] in run(ports.value) }
        state.withLock { $0.thread = thread }
    }

    /// Stands before a server that has a few passive ports to itself (`ServerOptions.passivePorts`).
    package convenience init(before server: ServerFixture) throws {
        guard !server.passivePorts.isEmpty else {
            throw SupportFailure("the server has no passive ports of its own")
        }
        try self.init(to: server.port, passivePorts: server.passivePorts)
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

    /// Has a fault happen once from now on, and begins to count messages; nil counts alone.
    package func arm(_ fault: Fault?) { arm(fault, nil) }

    /// Has an action done once, in the relay's thread, when the n-th message has come some way from now on, counted from 1, and begins to
    /// count messages.
    ///
    /// The message arrives when the action has returned; nothing does meanwhile.
    package func arm(at number: Int, of path: Path, action: @escaping @Sendable () -> Void) {
        arm(nil, Trap(path: path, number: number, action: action))
    }

    private func arm(_ fault: Fault?, _ trap: Trap?) {
        state.withLock { state in
            (state.fault, state.trap) = (fault, trap)
            state.isMet = false
            state.messages = [:]
            state.bytes = [:]
        }
    }

    /// Takes back what is armed; whether it has happened.
    @discardableResult
    package func disarm() -> Bool {
        state.withLock { state in
            (state.fault, state.trap) = (nil, nil)
            return state.isMet
        }
    }

    /// Whether what was armed has happened, or begun to.
    package var isMet: Bool { state.withLock { $0.isMet } }

    /// How many messages have come that way since `arm`.
    package func messages(_ path: Path) -> Int { state.withLock { $0.messages[path] ?? 0 } }

    /// How often each effect has happened so far.
    package var injected: [Fault.Effect: Int] { state.withLock { $0.injected } }

    /// The client's connections that are not closed.
    package var linkCount: Int { state.withLock { $0.linkCount } }

    /// Changes the weather, and returns when it is so.
    package func turn(_ weather: Weather) {
        state.withLock { $0.weather = weather }
        let round = state.withLock { $0.rounds }
        wakeup.raise()
        // Two rounds: the one under way may have looked before.
        waitUntil(within: .seconds(10)) {
            wakeup.raise()
            return state.withLock { $0.rounds >= round + 2 }
        }
    }
}

/// What the links ask of their relay, and the thread.
extension FaultRelay {
    /// Counts a message, and does what is to be done at it; the effect that it meets, if any, and how many of its bytes come before that.
    func judge(
        _ count: Int, _ channel: Fault.Channel, _ direction: Fault.Direction
    ) -> (effect: Fault.Effect, intact: Int)? {
        let path = Path(channel: channel, direction: direction)
        let action = state.withLock { state -> (@Sendable () -> Void)? in
            state.messages[path, default: 0] += 1
            guard let trap = state.trap, trap.path == path, trap.number == state.messages[path] else {
                return nil
            }
            (state.trap, state.isMet) = (nil, true)
            return trap.action
        }
        action?()
        return state.withLock { state in
            let before = state.bytes[path, default: 0]
            state.bytes[path] = before + count
            guard let fault = state.fault, fault.channel == channel, fault.direction == direction else {
                return nil
            }
            let intact: Int
            switch fault.place {
            case .message(let number):
                guard state.messages[path] == number else { return nil }
                intact = 0
            case .byte(let number):
                guard before < number, number <= before + count else { return nil }
                intact = number - before - 1
            }
            (state.fault, state.isMet) = (nil, true)
            state.injected[fault.effect, default: 0] += 1
            return (fault.effect, intact)
        }
    }

    private func run(_ ports: [RelayPort]) {
        var links: [FaultLink] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var weather = Weather.fair
        while true {
            let (isStopping, wanted) = state.withLock { state in
                state.linkCount = links.count
                return (state.isStopping, state.weather)
            }
            if isStopping { break }
            if wanted != weather {
                weather = wanted
                change(to: weather, ports, links)
            }
            state.withLock { $0.rounds += 1 }
            let now = ContinuousClock.now
            var slots = [pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)]
            slots += ports.map { pollfd(fd: $0.raw, events: Int16(POLLIN), revents: 0) }
            let first = slots.count
            slots += links.flatMap { $0.slots(at: now) }
            let next = links.compactMap { $0.nextTime(after: now) }.min()
            let deadline = next.map { Deadline.after($0 - now) } ?? .never
            poll(&slots, nfds_t(slots.count), deadline.pollTimeout)
            wakeup.lower()
            for (index, link) in links.enumerated() {
                let place = first + 2 * index
                link.read(&buffer, slots[place..<place + 2])
            }
            for (index, port) in ports.enumerated() where slots[1 + index].revents != 0 {
                accept(from: port, &links)
            }
            for link in links { link.advance(at: .now) }
            links.removeAll { $0.isClosed }
        }
        for link in links { link.close() }
    }

    private func accept(from port: RelayPort, _ links: inout [FaultLink]) {
        while let client = port.accept() {
            guard let server = port.dial() else {
                client.resetOnClose()
                continue
            }
            let channel: Fault.Channel = port.number == controlPort ? .control : .data
            links.append(FaultLink(client, server, channel, of: self))
        }
    }

    private func change(to weather: Weather, _ ports: [RelayPort], _ links: [FaultLink]) {
        for port in ports {
            switch weather {
            // A port that something else has taken meanwhile shows as one that refuses.
            case .fair: try? port.open()
            case .refusing, .down: port.refuse()
            case .silent: port.ignore()
            }
        }
        for link in links {
            switch weather {
            case .fair, .refusing: break
            case .down: link.close()
            case .silent: link.swallow()
            }
        }
    }
}
