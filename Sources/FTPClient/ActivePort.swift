import FTPWire
import Glibc
import Logging
package import Posix

/// How the server is to make data connections to us (active mode).
package struct ActiveMode: Sendable {
    /// The ports to listen on; nil leaves the choice to the system.
    package var ports: ClosedRange<UInt16>?
    /// The address the server is told; nil for this end of the control connection.
    ///
    /// Where it is none of this machine, as outside of NAT, what listens is the control connection's.
    package var address: SocketAddress?

    /// Any port at the control connection's own address.
    package init() {}
}

/// Listening for data connections and taking the server's (RFC 959 section 4.1.2, RFC 2428 section 2, RFC 4217 section 7).
///
/// Only the control connection's peer is let in, and only one connection; we are the TLS client here too. A port is open from right before
/// its command until the connection is there or the transfer has failed.
extension Session {
    /// Opens a port, tells the server, and starts a transfer; the counterpart of `openPassively`.
    func openActively(_ plan: TransferPlan, _ mode: ActiveMode) throws(FTPError) -> DataChannel {
        let facts = profile.facts
        let listener = try listen(mode)
        let address = (mode.address ?? listener.address).with(port: listener.address.port)
        let usesExtended = facts.extendedActiveWorks || !address.isIPv4
        let command = usesExtended ? Command.eprt(address) : .port(address)
        let takesFlights = configuration.shortcuts.contains(.pipelining)
        let inOneFlight = takesFlights && !plan.oneByOne && facts.sendsActiveTransfersInOneFlight
        try control.send([command] + (inOneFlight ? plan.flight : []))
        isTransferring = inOneFlight
        var opening = TransferOpening(plan)
        do throws(FTPError) {
            let reply = try finalReply()
            if inOneFlight {
                guard reply.isSuccess else { throw try refusedPort(command, reply, &opening) }
            } else {
                try settle(command, reply, address)
                try send(plan, &opening)
            }
            let socket = try accept(listener, told: address, &opening)
            let channel = try establish(socket, &opening)
            profile.update { $0.dataPortIsProven = true }
            return channel
        } catch {
            throw ended(error, opening)
        }
    }

    /// Listens on the address the server is told where that is one of this machine, else on the control connection's.
    private func listen(_ mode: ActiveMode) throws(FTPError) -> Listener {
        guard let local = control.localAddress else { throw .connectionLost("closed") }
        if let told = mode.address, told.family != local.family {
            throw .unsupported("\(told.host) cannot be told over a control connection from \(local.host)")
        }
        for address in [mode.address, local] {
            guard let address else { continue }
            do throws(Errno) {
                return try Listener.listen(
                    on: address, ports: mode.ports, receiveBuffer: configuration.receiveBuffer)
            } catch {
                guard error.rawValue == EADDRNOTAVAIL else {
                    let ports = mode.ports.map { ", ports \($0.lowerBound) to \($0.upperBound)" } ?? ""
                    throw .dataConnection("cannot listen on \(address.host)\(ports): \(error)")
                }
            }
        }
        throw .dataConnection("cannot listen on \(local.host): it is no address of this machine any more")
    }

    /// Weighs the answer to EPRT or PORT; a refused EPRT is tried as PORT, and the server's profile remembers that.
    private func settle(_ command: Command, _ reply: Reply, _ address: SocketAddress) throws(FTPError) {
        if reply.isSuccess { return }
        guard reply.isPermanentFailure, reply.code != 530, !reply.isAboutProtection(of: command.verb) else {
            throw .refused(command.verb, reply)
        }
        guard command.verb == "EPRT", address.isIPv4 else {
            throw .unsupported("active mode, \(command.verb) refused: \(reply)")
        }
        logger.debug("EPRT refused: \(reply); trying PORT")
        let plain = Command.port(address)
        try settle(plain, run(plain), address)
        logger.notice("EPRT does not work here, PORT does")
        profile.update { $0.extendedActiveWorks = false }
    }

    /// Waits for the server's connection, watching for its refusal too; the port is closed on return.
    ///
    /// Whoever else connects is turned away: on the way to the port the first one may be a thief (RFC 4217 section 15.2.6).
    private func accept(
        _ listener: consuming Listener, told address: SocketAddress, _ opening: inout TransferOpening
    ) throws(FTPError) -> Socket {
        var deadline = Deadline.after(configuration.connectTimeout)
        var stranger: SocketAddress?
        while true {
            try opening.takeReplies(control)
            if let refusal = opening.refusal { throw refusal }
            // What was moved in clear may be complete already, and the connection waits in the queue.
            if opening.isOver { deadline = deadline.earlier(.after(Self.lateTimeout)) }
            do throws(Errno) {
                if let socket = try listener.accept() {
                    if socket.peer.hasSameHost(as: control.peerAddress) { return socket }
                    logger.warning("a data connection from \(socket.peer) is turned away: not the server")
                    stranger = socket.peer
                }
            } catch {
                throw .dataConnection("cannot take a connection to \(address): \(error)")
            }
            do throws(WaitError) {
                guard !deadline.hasPassed else { throw .timedOut }
                _ = try Posix.wait(
                    for: .readable, on: listener.raw, and: opening.isOver ? [] : .readable,
                    on: control.descriptor, until: deadline, wakeup: control.wakeup)
            } catch {
                let strangers = stranger.map { "; one from \($0.host) was turned away" } ?? ""
                throw FTPError(
                    control: error,
                    "data connection from \(control.peerAddress.host) to \(address)\(strangers)"
                )
            }
        }
    }

    /// How long a connection may follow the final reply.
    private static let lateTimeout = Duration.seconds(5)
}

extension Command {
    /// `EPRT` with an address of either family.
    fileprivate static func eprt(_ address: SocketAddress) -> Command {
        let bytes = address.hostBytes
        guard !address.isIPv4 else {
            return .eprt(address: (bytes[0], bytes[1], bytes[2], bytes[3]), port: address.port)
        }
        let groups = stride(from: 0, to: bytes.count, by: 2).map {
            UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
        }
        return .eprt(groups: groups, port: address.port)
    }

    /// `PORT` with an IPv4 address.
    fileprivate static func port(_ address: SocketAddress) -> Command {
        let bytes = address.hostBytes
        return .port(address: (bytes[0], bytes[1], bytes[2], bytes[3]), port: address.port)
    }
}
