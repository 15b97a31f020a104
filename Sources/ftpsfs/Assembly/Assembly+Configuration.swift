import FTPClient
import FTPWire
import FUSEAdapter
import Posix
import Remote
import Settings
import TLS
import VFS

/// Settings in the words of each part.
extension Assembly {
    /// How to reach the server and log in; `change` is made to how TLS is spoken.
    func sessionConfiguration(
        _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) throws(Failure) -> SessionConfiguration {
        let server = settings.server
        let context: TLSContext
        do throws(TLSError) {
            var tls = try tlsConfiguration()
            change(&tls)
            context = try TLSContext(tls)
        } catch {
            throw Failure(.usage, "TLS: \(error)")
        }
        var configuration = SessionConfiguration(
            host: server.host, port: server.port, implicitTLS: settings.tls.mode == .implicit, tls: context,
            user: credentials.userName, password: credentials.password, logger: logger)
        configuration.family =
            switch server.addresses {
            case .any: .any
            case .ipv4: .ipv4
            case .ipv6: .ipv6
            }
        configuration.connectTimeout = server.connectTimeout
        configuration.replyTimeout = server.timeout
        configuration.stallTimeout = server.timeout
        configuration.passive =
            switch server.passiveMode {
            case .automatic: .automatic
            case .extendedOnly: .extendedOnly
            case .plainOnly: .passiveOnly
            }
        configuration.usesNamedAddress = server.usesNamedAddress
        configuration.active = server.active.map(Self.activeMode)
        configuration.dataProtection =
            switch settings.tls.dataProtection {
            case .private: .private
            case .clear: .clear
            case .clearListings: .clearListings
            }
        configuration.listing =
            switch server.listing {
            case .automatic: .automatic
            case .mlsd: .mlsd
            case .list: .list
            case .listAll: .listAll
            }
        if !server.shortcuts.contains(.pipelining) { configuration.shortcuts.remove(.pipelining) }
        if !server.shortcuts.contains(.arming) { configuration.shortcuts.remove(.arming) }
        configuration.acceptsUnannouncedEnd = !settings.tls.demandsClose
        configuration.dialogue = try loginDialogue()
        return configuration
    }

    private static func activeMode(_ settings: ServerSettings.ActiveMode) -> ActiveMode {
        var mode = ActiveMode()
        mode.ports = settings.ports
        mode.address = settings.address.flatMap { SocketAddress(numeric: $0, port: 0) }
        return mode
    }

    private func loginDialogue() throws(Failure) -> LoginDialogue {
        let server = settings.server
        var dialogue = LoginDialogue()
        dialogue.mechanism =
            switch settings.tls.mechanism {
            case .tls: .tls
            case .tlsC: .tlsC
            case .tlsP: .tlsP
            case .ssl: .ssl
            }
        dialogue.beforeAuth = try Self.extras(server.beforeAuth)
        dialogue.beforeLogin = try Self.extras(server.beforeLogin)
        dialogue.afterLogin = try Self.extras(server.afterLogin)
        dialogue.order = server.protectionComesFirst ? .protectionFirst : .userFirst
        dialogue.clearing =
            switch settings.tls.clearing {
            case .never: .never
            case .tried: .tried
            case .required: .required
            }
        dialogue.account = credentials.account
        return dialogue
    }

    private static func extras(_ commands: [ServerCommand]) throws(Failure) -> [LoginDialogue.Extra] {
        do throws(CommandError) {
            var extras: [LoginDialogue.Extra] = []
            for command in commands {
                extras.append(LoginDialogue.Extra(try .raw(command.line), mayFail: command.mayFail))
            }
            return extras
        } catch {
            throw Failure(.usage, "\(error)")
        }
    }

    private func tlsConfiguration() throws(TLSError) -> TLSConfiguration {
        let tls = settings.tls
        var configuration = TLSConfiguration()
        configuration.minimumVersion = Self.version(tls.minimum)
        configuration.maximumVersion = tls.maximum.map(Self.version)
        configuration.verifiesPeer = tls.verifiesPeer
        configuration.verifiesHostName = tls.verifiesHostName
        configuration.acceptsCommonName = tls.acceptsCommonName
        configuration.namesProtocol = tls.namesProtocol
        configuration.revocationFile = tls.revocationFile
        configuration.caFile = tls.authorityFile
        configuration.caDirectory = tls.authorityDirectory
        configuration.certificateFile = tls.certificateFile
        configuration.keyFile = tls.keyFile
        configuration.ciphers = tls.ciphers
        configuration.cipherSuites = tls.cipherSuites
        configuration.groups = tls.groups
        configuration.keyPassphrase = credentials.keyPassphrase
        configuration.pins = tls.pins
        for file in tls.pinnedFiles { try configuration.pin(certificateIn: file) }
        return configuration
    }

    private static func version(_ version: TLSSettings.Version) -> TLSVersion {
        switch version {
        case .tls12: .v1_2
        case .tls13: .v1_3
        }
    }

    func volumeConfiguration(_ root: RemotePath) -> VolumeConfiguration {
        let presentation = settings.presentation
        var configuration = VolumeConfiguration()
        configuration.root = root
        configuration.isReadOnly = settings.kernel.readOnly
        configuration.owner = presentation.userID
        configuration.group = presentation.groupID
        configuration.defaultFileMode = presentation.defaultFileMode
        configuration.defaultDirectoryMode = presentation.defaultDirectoryMode
        configuration.fileMask = presentation.fileMask
        configuration.directoryMask = presentation.directoryMask
        configuration.fileMode = presentation.fileMode
        configuration.directoryMode = presentation.directoryMode
        configuration.directoryTimeout = settings.cache.directoryTimeout
        configuration.attributeTimeout = settings.kernel.attributeTimeout
        configuration.leasePatience = settings.server.timeout
        configuration.connectionsAhead = settings.cache.looksAhead ? settings.server.maximumConnections : 0
        configuration.diskSize = settings.cache.reportedDiskSize
        configuration.writeBack = settings.cache.writeBack
        configuration.uploadAttempts = settings.cache.uploadAttempts
        return configuration
    }

    func contentSettings() -> ContentSettings {
        var content = ContentSettings()
        content.readAhead = settings.cache.readAhead
        if let streams = settings.cache.streamsPerFile { content.streamsPerFile = streams }
        // Who has uploads wait does not want them early.
        if !settings.server.shortcuts.contains(.following) || settings.cache.writeBack > .zero {
            content.followLimit = nil
        }
        return content
    }

    static func mountOptions(_ settings: MountSettings) -> MountOptions {
        let kernel = settings.kernel
        var options = MountOptions(mountpoint: settings.mountPoint, source: kernel.sourceName)
        options.allowOther = kernel.allowOther
        options.allowRoot = kernel.allowRoot
        options.defaultPermissions = kernel.defaultPermissions
        options.readOnly = kernel.readOnly
        // The volume's streams are to be ahead of the kernel's requests.
        options.readAhead = settings.cache.readAhead / 2
        options.singleThreaded = settings.singleThreaded
        options.maximumThreads = SystemLimits.servingThreads
        options.attributeTimeout = kernel.attributeTimeout
        options.entryTimeout = kernel.entryTimeout
        options.negativeTimeout = kernel.negativeTimeout
        options.flags = Set(kernel.flags.compactMap(MountOptions.Flag.init))
        return options
    }
}
