import Posix

/// What the options on the command line said, before defaults are filled in: nil is "not said".
package struct ChosenOptions: Sendable {
    var port: UInt16?
    var mode: TLSSettings.Mode?
    var minimumVersion = TLSSettings.Version.tls12
    var maximumVersion: TLSSettings.Version?
    var authorityFile: String?
    var authorityDirectory: String?
    var revocationFile: String?
    var certificateFile: String?
    var keyFile: String?
    var ciphers: String?
    var cipherSuites: String?
    var groups: String?
    var pins: [[UInt8]] = []
    var pinnedFiles: [String] = []
    var verifiesPeer = true
    var verifiesHostName = true
    var acceptsCommonName = false
    var namesProtocol = true
    var mechanism: TLSSettings.Mechanism?
    var beforeAuth: [ServerCommand] = []
    var beforeLogin: [ServerCommand] = []
    var afterLogin: [ServerCommand] = []
    var protectionComesFirst = false
    var clearing = TLSSettings.Clearing.never
    var strictEnd = true
    var dataProtection = TLSSettings.DataProtection.private
    var account: String?

    var userName: String?
    var credentialsFile: String?
    var netrc = CredentialsSettings.Netrc.standard
    var passwordFromStandardInput = false

    var maximumConnections = 6
    var connectTimeout = Duration.seconds(10)
    var timeout = Duration.seconds(30)
    var idleTimeout = Duration.seconds(60)
    var usesIPv4 = false
    var usesIPv6 = false
    var passiveMode = ServerSettings.PassiveMode.automatic
    var usesNamedAddress = false
    var isActive = false
    var activePorts: ClosedRange<UInt16>?
    var activeAddress: SocketAddress?
    var listing = ServerSettings.ListingMode.automatic
    var shortcuts = ServerSettings.Shortcuts.all
    var verifiesChecksums = false
    var believesUploads = false
    var looksAhead = true

    var userID: UInt32?
    var groupID: UInt32?
    var umask: UInt16?
    var fileMask: UInt16?
    var directoryMask: UInt16?
    var fileMode: UInt16?
    var directoryMode: UInt16?
    var allowOther = false
    var allowRoot = false
    var defaultPermissions: Bool?
    var readOnly = false

    var directoryTimeout = Duration.seconds(20)
    var attributeTimeout = Duration.seconds(1)
    var entryTimeout = Duration.seconds(1)
    var negativeTimeout = Duration.seconds(1)
    var cacheDirectory: String?
    var cacheSize: UInt64 = 1 << 30
    var spoolSize: UInt64?
    var writeBack = Duration.zero
    var uploadAttempts = 15
    var diskSize: UInt64 = 1 << 50
    var readAhead: UInt64 = 8 << 20
    var streamsPerFile: Int?

    var sourceName: String?
    var debug = false
    var logDestination: LogSettings.Destination?
    var logLevel: LogSettings.Level?
    /// Generic options for the kernel by the thing they switch, so that the last of `noexec,exec` counts.
    var kernelFlags: [(switched: String, flag: String?)] = []

    /// Nothing chosen.
    package init() {}

    /// Whether an option says something about the permission bits that are shown.
    var statesModes: Bool {
        [umask, fileMask, directoryMask, fileMode, directoryMode].contains { $0 != nil }
    }

    /// Sets a generic switch; nil takes it back to the kernel's default.
    mutating func setKernelFlag(_ switched: String, _ flag: String?) {
        kernelFlags.removeAll { $0.switched == switched }
        kernelFlags.append((switched, flag))
    }
}
