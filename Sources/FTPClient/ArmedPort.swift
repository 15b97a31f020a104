import FTPWire
import Posix

/// A passive port that was asked for before there is a transfer for it, so that the next one begins two round trips further on.
///
/// Servers keep such a port while other commands are answered, for minutes (interop facts: vsftpd 3.0.3, ProFTPD 1.3.8, Pure-FTPd 1.0.50,
/// pyftpdlib 2.2.0). Used by the thread that has the session.
final class ArmedPort {
    /// The command that has asked for it.
    let command: Command
    /// The server's answer, once it has come.
    private(set) var reply: Reply?
    private var socket: Socket?

    /// Notes that a command for a port is out.
    init(_ command: Command) {
        self.command = command
    }

    /// Takes the server's answer and, where it was dialled, the connection that stands or is being made.
    func take(_ reply: Reply, _ socket: consuming Socket?) {
        self.reply = reply
        self.socket = consume socket
    }

    /// Whether there is a connection, or one is being made.
    var isDialled: Bool { socket != nil }

    /// Gives the connection away, unless the server has closed it by now; nil where there is none.
    func takeSocket() -> Socket? {
        guard let socket = socket.take() else { return nil }
        guard socket.isAlive else { return nil }
        return socket
    }
}
