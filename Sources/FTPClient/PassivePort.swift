package import FTPWire
import Logging
import Posix

/// Asking for passive ports and dialling them (RFC 2428 section 3, RFC 959 section 4.1.2).
///
/// Only the port of an answer counts, unless the configuration says otherwise: what is dialled is the address of the control
/// connection's peer, whatever PASV names (RFC 4217 section 15.2.1).
extension Session {
    /// The command that asks for a port.
    var passiveCommand: Command { usesExtendedPassive ? .epsv : .pasv }

    private var usesExtendedPassive: Bool {
        switch configuration.passive {
        case .extendedOnly: true
        case .passiveOnly: false
        // EPSV names no address.
        case .automatic:
            profile.facts.extendedPassiveWorks && !configuration.usesNamedAddress || !peerIsIPv4
        }
    }

    /// PASV cannot name an IPv6 address.
    private var peerIsIPv4: Bool { control.peerAddress.isIPv4 }

    private func canFallBack(from command: Command) -> Bool {
        command.verb == "EPSV" && configuration.passive == .automatic && peerIsIPv4
    }

    /// Reads in a reply what is to be dialled.
    ///
    /// Throws `.refused`, and `.protocolViolation` for an answer without a port or with a forbidden port or address.
    func address(in reply: Reply, to command: Command) throws(FTPError) -> SocketAddress {
        guard reply.isSuccess else { throw .refused(command.verb, reply) }
        let answer =
            command.verb == "EPSV" ? PassiveAddress(extended: reply) : PassiveAddress(passive: reply)
        guard let answer else {
            throw .protocolViolation("\(command.verb) names no port: \(reply)")
        }
        guard answer.port >= 1024 || configuration.allowsPrivilegedPorts else {
            throw .protocolViolation("\(command.verb) names port \(answer.port), which is below 1024")
        }
        let usual = control.peerAddress.with(port: answer.port)
        guard configuration.usesNamedAddress, let bytes = answer.address else { return usual }
        let host = bytes.map(String.init).joined(separator: ".")
        guard let named = SocketAddress(numeric: host, port: answer.port), !named.hasSameHost(as: usual)
        else {
            return usual
        }
        guard !answer.isUnroutable else {
            throw .protocolViolation("\(command.verb) names \(host), which is no address of another machine")
        }
        return named
    }

    /// Begins to connect to a port of the server.
    func beginDialling(_ address: SocketAddress) throws(FTPError) -> Socket {
        do throws(Errno) {
            let socket = try Socket.beginConnecting(to: address)
            if let size = configuration.receiveBuffer { socket.setReceiveBuffer(size) }
            return socket
        } catch {
            throw .dataConnection("cannot connect to \(address): \(error)")
        }
    }

    /// Waits until there is an outcome of dialling (true), or something has come on the control connection.
    func isDialled(_ socket: borrowing Socket, orReplyUntil deadline: Deadline) throws(FTPError)
        -> Bool
    {
        do throws(WaitError) {
            let ready = try Posix.wait(
                for: .writable, on: socket.raw, and: .readable, on: control.descriptor, until: deadline,
                wakeup: control.wakeup)
            return !ready.first.isEmpty
        } catch {
            throw Self.failure(error, socket.peer)
        }
    }

    /// Waits until a connection to a port of the server stands.
    func finishDialling(_ socket: borrowing Socket, until deadline: Deadline) throws(FTPError) {
        do throws(WaitError) {
            try socket.finishConnecting(until: deadline, wakeup: control.wakeup)
        } catch {
            throw Self.failure(error, socket.peer)
        }
    }

    private static func failure(_ error: WaitError, _ peer: SocketAddress) -> FTPError {
        switch error {
        case .interrupted: .interrupted
        case .timedOut: .timedOut("data connection to \(peer)")
        case .failed: .dataConnection("cannot connect to \(peer): \(error)")
        }
    }

    /// Asks for a port and connects to it before any transfer command is sent; EPSV falls back to PASV, and
    /// the server's profile remembers that.
    ///
    /// The session stays in step whatever happens, unless the dialogue itself breaks.
    ///
    /// `reply` is the answer to the first passive command, which was sent already, and `begun` the connection to its port where that was
    /// begun as well.
    func dial(
        _ command: Command, _ reply: Reply, _ begun: consuming Socket? = nil
    ) throws(FTPError) -> Socket {
        let isLastTry = !canFallBack(from: command)
        let limit = isLastTry ? configuration.connectTimeout : min(configuration.connectTimeout, .seconds(10))
        do throws(FTPError) {
            let socket =
                if let begun = begun.take() { begun } else {
                    try beginDialling(address(in: reply, to: command))
                }
            try finishDialling(socket, until: .after(limit))
            return socket
        } catch {
            switch error {
            case .refused(let verb, let reply) where Self.meansNoExtendedPassive(verb, reply): break
            case .dataConnection, .timedOut: break
            default: throw error
            }
            guard !isLastTry else { throw error }
            logger.debug("\(error); trying PASV")
            let socket = try dial(.pasv, run(.pasv))
            logger.notice("EPSV does not work here, PASV does")
            profile.update { $0.extendedPassiveWorks = false }
            return socket
        }
    }

    /// Asks for a port by EPSV or PASV and connects to it, without a transfer.
    ///
    /// Blocks for the time of a connection at the most; the session stays in step whatever comes of it, unless the dialogue itself breaks.
    package func tryPassivePort(_ command: Command) throws(FTPError) {
        guard command.verb != "PASV" || peerIsIPv4 else { throw .unsupported("PASV over IPv6") }
        let socket = try beginDialling(address(in: run(command), to: command))
        try finishDialling(socket, until: .after(configuration.connectTimeout))
    }

    /// Whether no more was refused than a port by EPSV, ahead of a transfer that counted on it, where PASV may give one.
    func isOnlyPort(_ verb: String, _ reply: Reply) -> Bool {
        verb == "EPSV" && canFallBack(from: .epsv) && Self.meansNoExtendedPassive(verb, reply)
    }

    private static func meansNoExtendedPassive(_ verb: String, _ reply: Reply) -> Bool {
        reply.isPermanentFailure && reply.code != 530 && !reply.isAboutProtection(of: verb)
    }
}
