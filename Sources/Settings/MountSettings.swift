/// Everything a mount needs to know, with all defaults filled in.
package struct MountSettings: Sendable, Hashable {
    /// The server, and how to talk FTP with it.
    package var server: ServerSettings
    /// How connections are protected.
    package var tls: TLSSettings
    /// Where user name and password come from.
    package var credentials: CredentialsSettings
    /// How files look on this side.
    package var presentation: PresentationSettings
    /// What the kernel is told.
    package var kernel: KernelSettings
    /// What is kept on the local disk and in memory.
    package var cache: CacheSettings
    /// What is logged, and where.
    package var log: LogSettings
    /// The absolute path of the directory to mount on, not yet looked at.
    package var mountPoint: String
    /// Whether the program stays in the foreground (-f, -d).
    package var foreground: Bool
    /// Whether requests are answered one at a time (-s).
    package var singleThreaded: Bool
    /// Sentences the user must see at the mount, such as those on checks that are off.
    package var warnings: [String]
}

/// The server and how to talk FTP with it.
package struct ServerSettings: Sendable, Hashable {
    /// The host's name or address: no brackets, ASCII without spaces and control characters.
    package var host: String
    /// The port of the control connection, 1 up to 65535.
    package var port: UInt16
    /// The directory to mount as bytes: empty is the log-in directory, without a leading slash relative to it.
    ///
    /// Holds no NUL, CR or LF.
    package var path: [UInt8]
    /// Which addresses of the host are used.
    package var addresses: AddressFamily
    /// How data connections are asked for.
    package var passiveMode: PassiveMode
    /// Whether the address in the answer to PASV is used.
    package var usesNamedAddress: Bool
    /// How the server connects to us; nil for passive mode.
    package var active: ActiveMode?
    /// How directories are listed.
    package var listing: ListingMode
    /// Which ways to save round trips may be taken.
    package var shortcuts: Shortcuts
    /// Whether uploads are checked by the server's checksums too.
    package var verifiesChecksums: Bool
    /// Whether uploads count of which the server does not state the size.
    package var believesUploads: Bool
    /// The most connections at a time, 1 up to 64.
    package var maximumConnections: Int
    /// The longest wait for a connection of either kind.
    package var connectTimeout: Duration
    /// The longest wait for the network once connected, each.
    package var timeout: Duration
    /// How long a connection may idle before it is closed, nil for ever.
    package var idleTimeout: Duration?
    /// Commands before AUTH, in clear text; none with implicit TLS.
    package var beforeAuth: [ServerCommand]
    /// Commands between the TLS handshake and USER.
    package var beforeLogin: [ServerCommand]
    /// Commands behind the log-in.
    package var afterLogin: [ServerCommand]
    /// Whether PBSZ and PROT are sent ahead of USER.
    package var protectionComesFirst: Bool

    /// Which addresses of a host are used.
    package enum AddressFamily: Sendable, Hashable {
        /// IPv6 and IPv4.
        case any
        /// IPv4 alone.
        case ipv4
        /// IPv6 alone.
        case ipv6
    }

    /// How data connections are asked for.
    package enum PassiveMode: Sendable, Hashable {
        /// EPSV, and PASV where that fails.
        case automatic
        /// EPSV without a second try.
        case extendedOnly
        /// PASV without a try of EPSV.
        case plainOnly
    }

    /// How the server is to connect to us.
    package struct ActiveMode: Sendable, Hashable {
        /// The ports to listen on; nil leaves the choice to the system.
        package var ports: ClosedRange<UInt16>?
        /// The numeric address the server is told; nil for this end of the control connection.
        package var address: String?
    }

    /// Ways to save round trips and bytes.
    package struct Shortcuts: OptionSet, Sendable, Hashable {
        /// One bit a way.
        package let rawValue: UInt8
        /// Takes the bits as they are.
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Commands are sent before those ahead of them have been answered.
        package static let pipelining = Shortcuts(rawValue: 1)
        /// Ports for data connections are asked for ahead.
        package static let arming = Shortcuts(rawValue: 2)
        /// Parts of large files are changed in place.
        package static let patching = Shortcuts(rawValue: 4)
        /// Uploads of large files begin while these are written.
        package static let following = Shortcuts(rawValue: 8)
        /// All of them.
        package static let all: Shortcuts = [.pipelining, .arming, .patching, .following]
    }

    /// How directories are listed.
    package enum ListingMode: Sendable, Hashable {
        /// MLSD where the server offers it, else LIST.
        case automatic
        /// MLSD.
        case mlsd
        /// LIST without an argument.
        case list
        /// LIST -a.
        case listAll
    }
}

/// How connections are protected.
package struct TLSSettings: Sendable, Hashable {
    /// When TLS starts.
    package var mode: Mode
    /// What AUTH asks for.
    package var mechanism: Mechanism
    /// The lowest version that is accepted.
    package var minimum: Version
    /// The highest version that is offered, nil for the library's highest.
    package var maximum: Version?
    /// A PEM file of trusted authorities instead of the system's.
    package var authorityFile: String?
    /// A directory of trusted authorities by hash instead of the system's.
    package var authorityDirectory: String?
    /// A PEM file of revocation lists; nil where none are looked into.
    package var revocationFile: String?
    /// A PEM file with the client's certificate chain, or a PKCS#12 file.
    package var certificateFile: String?
    /// A PEM file with the client's key; the certificate's file where none was named.
    package var keyFile: String?
    /// An OpenSSL cipher list for TLS 1.2; nil for OpenSSL's own.
    package var ciphers: String?
    /// Cipher suites of TLS 1.3 with colons between them; nil for OpenSSL's own.
    package var cipherSuites: String?
    /// Key exchange groups with colons between them, the preferred first; nil for the program's own order.
    package var groups: String?
    /// SHA-256 values, 32 bytes each, of the certificates that are accepted; with any, only these are.
    package var pins: [[UInt8]]
    /// PEM files whose first certificates are accepted in the same way.
    package var pinnedFiles: [String]
    /// Whether the server's certificate chain is verified.
    package var verifiesPeer: Bool
    /// Whether the server's name is looked for in its certificate.
    package var verifiesHostName: Bool
    /// Whether the common name counts in certificates without a DNS name.
    package var acceptsCommonName: Bool
    /// Whether the handshake says that the connection is for FTP.
    package var namesProtocol: Bool

    /// Whether the control connection goes on in clear text after the log-in.
    package var clearing: Clearing
    /// Whether a listing counts only when TLS announces its end.
    package var demandsClose: Bool
    /// Which data connections are protected.
    package var dataProtection: DataProtection

    /// Whether only certificates that the user has named are accepted.
    package var pinsPeer: Bool { !pins.isEmpty || !pinnedFiles.isEmpty }

    /// When TLS starts.
    package enum Mode: Sendable, Hashable {
        /// With AUTH TLS after the greeting (RFC 4217).
        case explicit
        /// With the first byte.
        case implicit
    }

    /// The argument of AUTH (RFC 4217 section 4; all but TLS are of its drafts).
    package enum Mechanism: Sendable, Hashable {
        /// `TLS`.
        case tls
        /// `TLS-C`, the same.
        case tlsC
        /// `TLS-P`, with protected data connections from the start.
        case tlsP
        /// `SSL`, the same as TLS-P.
        case ssl
    }

    /// Whether the control connection goes on in clear text after the log-in (CCC).
    package enum Clearing: Sendable, Hashable {
        /// It stays protected.
        case never
        /// It does where the server agrees.
        case tried
        /// It must.
        case required
    }

    /// Which data connections are protected.
    package enum DataProtection: Sendable, Hashable {
        /// All.
        case `private`
        /// None, where the server allows it.
        case clear
        /// Those of files; listings are clear where the server allows it.
        case clearListings
    }

    /// A version of the protocol.
    package enum Version: Sendable, Hashable, Comparable {
        /// TLS 1.2.
        case tls12
        /// TLS 1.3.
        case tls13
    }
}

/// Where user name and password come from.
package struct CredentialsSettings: Sendable, Hashable {
    /// The user's name on the server as the source or an option gave it.
    package var userName: String?
    /// The account as an option gave it.
    package var account: String?
    /// The credentials file.
    package var file: String?
    /// Whether the first line of standard input is the password.
    package var fromStandardInput: Bool
    /// Which netrc file is read.
    package var netrc: Netrc

    /// Which netrc file is read.
    package enum Netrc: Sendable, Hashable {
        /// ~/.netrc when it is there and private.
        case standard
        /// ~/.netrc, which must be there.
        case required
        /// The one at a path, which must be there.
        case file(String)
    }
}

/// How files look on this side.
package struct PresentationSettings: Sendable, Hashable {
    /// The owner of all files.
    package var userID: UInt32
    /// The group of all files.
    package var groupID: UInt32
    /// Permission bits of all files whatever the server says, nil to show the server's.
    package var fileMode: UInt16?
    /// Permission bits of all directories whatever the server says, nil to show the server's.
    package var directoryMode: UInt16?
    /// Permission bits of files for which the server states none.
    package var defaultFileMode: UInt16
    /// Permission bits of directories for which the server states none.
    package var defaultDirectoryMode: UInt16
    /// Permission bits taken away from every file that is shown.
    package var fileMask: UInt16
    /// Permission bits taken away from every directory that is shown.
    package var directoryMask: UInt16

    /// The permission bits a file is shown with, given the server's.
    package func shownFileMode(_ server: UInt16?) -> UInt16 {
        (fileMode ?? server ?? defaultFileMode) & ~fileMask
    }

    /// The permission bits a directory is shown with, given the server's.
    package func shownDirectoryMode(_ server: UInt16?) -> UInt16 {
        (directoryMode ?? server ?? defaultDirectoryMode) & ~directoryMask
    }
}

/// What is kept on the local disk and in memory.
package struct CacheSettings: Sendable, Hashable {
    /// The absolute path below which spool and rescue folder are made.
    package var directory: String
    /// The soft bound of what is kept on disk beyond unsent data, in bytes.
    package var size: UInt64
    /// The bound of all that is kept on disk, in bytes; nil leaves the disk's own.
    package var spoolSize: UInt64?
    /// How long after its last close a file is uploaded; zero uploads in close.
    package var writeBack: Duration
    /// How often a refused upload is tried before its bytes are rescued, 1 and more.
    package var uploadAttempts: Int
    /// How long a listing or an answer about a name counts.
    package var directoryTimeout: Duration
    /// The size of the filesystem that statfs(2) reports, in bytes.
    package var reportedDiskSize: UInt64
    /// How far a sequential reader is led, in bytes; 0 fetches nothing ahead.
    package var readAhead: UInt64
    /// The most connections one large file is read through, 1 up to 64; nil as many as help.
    package var streamsPerFile: Int?
    /// Whether spare connections list directories and fetch small files before programs ask for them.
    package var looksAhead: Bool
}

/// What is logged, and where.
package struct LogSettings: Sendable, Hashable {
    /// Where lines go.
    package var destination: Destination
    /// The least important lines that are still written.
    package var level: Level

    /// Where lines go.
    package enum Destination: Sendable, Hashable {
        /// Standard error.
        case standardError
        /// The system's log.
        case systemLog
        /// A file at an absolute path, appended to.
        case file(String)
    }

    /// How important a line is; the names are those of the logging library.
    package enum Level: String, Sendable, Hashable, CaseIterable {
        /// Data at risk, or a mount that has become useless.
        case critical
        /// An operation that failed.
        case error
        /// What the user should look at.
        case warning
        /// What is worth knowing in normal operation.
        case notice
        /// Connections that come and go.
        case info
        /// The dialogue with the server.
        case debug
        /// Everything.
        case trace
    }
}
