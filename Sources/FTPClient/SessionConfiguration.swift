package import Logging
package import Posix
package import TLS

/// Which command asks for passive ports.
package enum PassivePolicy: Sendable {
    /// EPSV, and PASV for servers that refuse it or whose ports cannot be reached that way.
    case automatic
    /// EPSV alone (RFC 2428).
    case extendedOnly
    /// PASV alone (RFC 959); of no use on IPv6.
    case passiveOnly
}

/// Which data connections TLS protects (RFC 4217 sections 9 and 10.4).
package enum DataProtection: Sendable {
    /// All.
    case `private`
    /// None, where the server allows it.
    case clear
    /// Those of files; listings are clear where the server allows it.
    case clearListings
}

/// Which command lists directories.
package enum ListingPolicy: Sendable {
    /// MLSD where FEAT offers MLST, else CWD with `LIST -a`, else CWD with LIST.
    case automatic
    /// MLSD alone.
    case mlsd
    /// CWD and LIST without options: dot files may be missing.
    case list
    /// CWD and `LIST -a`.
    case listAll
}

/// Ways to save round trips; nothing but time depends on them.
///
/// Each is taken only with servers that are known to bear it, and given up by itself where it was seen to fail.
package struct Shortcuts: OptionSet, Sendable {
    /// One bit a way.
    package let rawValue: UInt8
    /// Takes the bits as they are.
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Commands are sent before those ahead of them have been answered.
    package static let pipelining = Shortcuts(rawValue: 1)
    /// The port of the next transfer is asked for and connected to while the session is idle.
    package static let arming = Shortcuts(rawValue: 2)
    /// All of them.
    package static let all: Shortcuts = [.pipelining, .arming]
}

/// How to reach a server and log in: the same for all sessions of a mount.
package struct SessionConfiguration: Sendable {
    /// The host name or numeric address; what the certificate must be for.
    package var host: String
    /// The port of the control connection.
    package var port: UInt16
    /// Which addresses may be used.
    package var family: Resolver.Family = .any
    /// TLS from the first byte (port 990) instead of AUTH TLS.
    package var implicitTLS: Bool
    /// The mount's TLS context.
    package var tls: TLSContext
    /// The log-in name; bytes, without line ends.
    package var user: [UInt8]
    /// The password; nil is sent as an empty one where the server asks for it.
    package var password: SecretBytes?
    /// What is said beyond the usual until the session can be used.
    package var dialogue = LoginDialogue()
    /// How long name resolution and TCP may take, both together.
    package var connectTimeout: Duration = .seconds(30)
    /// How long one reply may take; greeting, AUTH and the TLS handshake count as one.
    package var replyTimeout: Duration = .seconds(60)
    /// How long a transfer may stand still.
    package var stallTimeout: Duration = .seconds(60)
    /// Which ways to save round trips may be taken.
    package var shortcuts = Shortcuts.all
    /// Which command asks for passive ports.
    package var passive: PassivePolicy = .automatic
    /// Whether the address that PASV names is dialled instead of the control connection's peer, and PASV asked ahead of EPSV; off, since a
    /// lying server could point anywhere.
    package var usesNamedAddress = false
    /// How the server connects to us; nil for passive mode, in which we connect to it.
    package var active: ActiveMode?
    /// Which data connections TLS protects.
    package var dataProtection = DataProtection.private
    /// Which command lists directories.
    package var listing: ListingPolicy = .automatic
    /// Whether a listing counts that ends without a close_notify, as some servers end all of theirs (IIS 7 among them); off, since anybody on the
    /// way can end a connection like that between two rows.
    package var acceptsUnannouncedEnd = false
    /// Whether passive ports below 1024 are dialled; off, since a lying server could point there.
    package var allowsPrivilegedPorts = false
    /// The receive buffer of download sockets in bytes; nil leaves it to the kernel.
    package var receiveBuffer: Int?
    /// Where commands, replies and decisions are logged.
    package var logger: Logger

    /// Makes a configuration with the usual time limits.
    package init(
        host: String, port: UInt16, implicitTLS: Bool = false, tls: TLSContext, user: [UInt8],
        password: SecretBytes?, logger: Logger
    ) {
        self.host = host
        self.port = port
        self.implicitTLS = implicitTLS
        self.tls = tls
        self.user = user
        self.password = password
        self.logger = logger
    }
}
