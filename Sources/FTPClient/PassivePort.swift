import FTPWire
import Logging
import Posix

/// Asking for passive ports and dialling them (RFC 2428 section 3, RFC 959 section 4.1.2).
///
/// Only the port of an answer counts: what is dialled is the address of the control connection's peer, whatever PASV names.
extension Session {
    /// The command that asks for a port.
    var passiveCommand: Command { usesExtendedPassive ? .epsv : .pasv }

    private var usesExtendedPassive: Bool {
        switch configuration.passive {
        case .extendedOnly: true
        case .passiveOnly: false
        case .automatic: profile.facts.extendedPassiveWorks || !peerIsIPv4
        }
    }

    /// PASV cannot name an IPv6 address.
    private var peerIsIPv4: Bool { control.peerAddress.isIPv4 }

    private func canFallBack(from command: Command) -> Bool {
        command.verb == "EPSV" && configuration.passive == .automatic && peerIsIPv4
    }

    /// Reads the port in a reply; throws `.refused`, and `.protocolViolation` for an answer without a port or with a forbidden one.
    func port(in reply: Reply, to command: Command) throws(FTPError) -> UInt16 {
        guard reply.isSuccess else { throw .refused(command.verb, reply) }
        let address =
            command.verb == "EPSV" ? PassiveAddress(extended: reply) : PassiveAddress(passive: reply)
        guard let port = address?.port else {
            throw .protocolViolation("\(command.verb) names no port: \(reply)")
        }
        guard port >= 1024 || configuration.allowsPrivilegedPorts else {
            throw .protocolViolation("\(command.verb) names port \(port), which is below 1024")
        }
        return port
    }

    /// Begins to connect to a port of the server.
    func beginDialling(_ port: UInt16) throws(FTPError) -> Socket {
        let address = control.peerAddress.with(port: port)
        do throws(Errno) {
            let socket = try Socket.beginConnecting(to: address)
            if let size = configuration.receiveBuffer { socket.setReceiveBuffer(size) }
            return socket
        } catch {
            throw .dataConnection("cannot connect to \(address): \(error)")
        }
    }

    /// Waits until a connection to a port of the server stands.
    func finishDialling(_ socket: borrowing Socket, until deadline: Deadline) throws(FTPError) {
        do throws(WaitError) {
            try socket.finishConnecting(until: deadline, wakeup: control.wakeup)
        } catch {
            switch error {
            case .interrupted: throw .interrupted
            case .timedOut: throw .timedOut("data connection to \(socket.peer)")
            case .failed: throw .dataConnection("cannot connect to \(socket.peer): \(error)")
            }
        }
    }

    /// Asks for a port and connects to it before any transfer command is sent; EPSV falls back to PASV, and
    /// the server's profile remembers that.
    ///
    /// The session stays in step whatever happens, unless the dialogue itself breaks.
    ///
    /// `reply` is the answer to the first passive command, which was sent already.
    func dial(_ command: Command, _ reply: Reply) throws(FTPError) -> Socket {
        let isLastTry = !canFallBack(from: command)
        let limit = isLastTry ? configuration.connectTimeout : min(configuration.connectTimeout, .seconds(10))
        do throws(FTPError) {
            let socket = try beginDialling(port(in: reply, to: command))
            try finishDialling(socket, until: .after(limit))
            return socket
        } catch {
            switch error {
            case .refused(_, let reply) where Self.meansNoExtendedPassive(reply): break
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

    private static func meansNoExtendedPassive(_ reply: Reply) -> Bool {
        reply.isPermanentFailure && reply.code != 530
    }
}

extension SocketAddress {
    /// Whether this is an IPv4 address.
    fileprivate var isIPv4: Bool { !host.contains(":") }
}
