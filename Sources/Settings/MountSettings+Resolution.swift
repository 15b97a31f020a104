import Posix

/// What was typed: the arguments of one mount, in the terms of both `ftpsfs` and mount(8)'s helper.
package struct MountRequest: Sendable, Hashable {
    /// The SOURCE argument, a text of `ArgumentText`.
    package var source: String
    /// The MOUNTPOINT argument, a text of `ArgumentText`.
    package var mountPoint: String
    /// The `-o` lists in their order, texts of `ArgumentText`.
    package var optionLists: [String]
    /// -p, over which port= wins.
    package var port: String?
    /// -f, in the meaning of ftpsfs.
    package var foreground: Bool
    /// -d.
    package var debug: Bool
    /// -s, in the meaning of ftpsfs.
    package var singleThreaded: Bool
    /// Whether mount(8) asks, which waits for the program's return: no option keeps it in the foreground then.
    package var isForMount: Bool
    /// mount(8)'s -s: unknown options are warned of instead of refused.
    package var toleratesUnknownOptions: Bool

    /// Puts a request together.
    package init(
        source: String, mountPoint: String, optionLists: [String] = [], port: String? = nil,
        foreground: Bool = false, debug: Bool = false, singleThreaded: Bool = false,
        isForMount: Bool = false, toleratesUnknownOptions: Bool = false
    ) {
        self.source = source
        self.mountPoint = mountPoint
        self.optionLists = optionLists
        self.port = port
        self.foreground = foreground
        self.debug = debug
        self.singleThreaded = singleThreaded
        self.isForMount = isForMount
        self.toleratesUnknownOptions = toleratesUnknownOptions
    }
}

extension MountSettings {
    /// Understands a request and fills the defaults in.
    ///
    /// Reads no file but looks whether named ones can be read; may ask the user database.
    package init(_ request: MountRequest, _ surroundings: Surroundings) throws(SettingsError) {
        let source = try MountSource(parsing: request.source)
        var chosen = ChosenOptions()
        if let port = request.port { chosen.port = try MountSource.port(port) }
        var warnings: [String] = []
        for list in request.optionLists {
            for element in try OptionElement.list(list) {
                if let option = OptionTable.find(element.name) {
                    try option.use(element, in: &chosen, surroundings)
                } else if request.toleratesUnknownOptions {
                    warnings.append(OptionTable.unknown(element).message + " (ignored)")
                } else {
                    throw OptionTable.unknown(element)
                }
            }
        }
        let tls = try Self.tls(chosen, source)
        let server = try Self.server(chosen, source, tls.mode)
        warnings += Self.warnings(server, tls)
        let foreground = request.foreground || request.debug || (chosen.debug && !request.isForMount)
        let mountPoint = OptionValue(
            option: "MOUNTPOINT", text: request.mountPoint, surroundings: surroundings)
        self.init(
            server: server, tls: tls,
            credentials: try Self.credentials(chosen, source),
            presentation: Self.presentation(chosen, surroundings),
            kernel: try Self.kernel(chosen, request.source),
            cache: CacheSettings(
                directory: chosen.cacheDirectory ?? surroundings.cacheDirectory, size: chosen.cacheSize,
                spoolSize: chosen.spoolSize, writeBack: chosen.writeBack,
                uploadAttempts: chosen.uploadAttempts, directoryTimeout: chosen.directoryTimeout,
                reportedDiskSize: chosen.diskSize,
                readAhead: chosen.readAhead, streamsPerFile: chosen.streamsPerFile,
                looksAhead: chosen.looksAhead),
            log: try Self.log(chosen, request, foreground), mountPoint: try Self.mountPoint(mountPoint),
            foreground: foreground,
            singleThreaded: request.singleThreaded, warnings: warnings)
    }

    private static func tls(_ chosen: ChosenOptions, _ source: MountSource) throws(SettingsError)
        -> TLSSettings
    {
        if let maximum = chosen.maximumVersion, maximum < chosen.minimumVersion {
            throw SettingsError("tls_min=1.3 and tls_max=1.2 leave no version of TLS")
        }
        if chosen.keyFile != nil, chosen.certificateFile == nil {
            throw SettingsError("key= needs cert=FILE beside it")
        }
        if chosen.revocationFile != nil,
            !chosen.verifiesPeer || !chosen.pins.isEmpty || !chosen.pinnedFiles.isEmpty
        {
            throw SettingsError(
                "crl= means nothing with tls_pin=, trust_server_cert= or no_verify_peer: no authority is looked at then"
            )
        }
        // Port 990 belongs to implicit TLS: no server greets in clear text there.
        let usual: TLSSettings.Mode = (source.port ?? chosen.port) == 990 ? .implicit : .explicit
        let mode = chosen.mode ?? source.mode ?? usual
        if mode == .implicit, chosen.mechanism != nil || !chosen.beforeAuth.isEmpty {
            throw SettingsError("auth= and before_auth= mean nothing with implicit TLS, which has no AUTH")
        }
        if chosen.clearing != .never, chosen.dataProtection == .clearListings {
            throw SettingsError("data=clear-listings sends PROT again and again, which CCC rules out")
        }
        return TLSSettings(
            mode: mode, mechanism: chosen.mechanism ?? .tls, minimum: chosen.minimumVersion,
            maximum: chosen.maximumVersion, authorityFile: chosen.authorityFile,
            authorityDirectory: chosen.authorityDirectory, revocationFile: chosen.revocationFile,
            certificateFile: chosen.certificateFile,
            keyFile: chosen.keyFile ?? chosen.certificateFile, ciphers: chosen.ciphers,
            cipherSuites: chosen.cipherSuites, groups: chosen.groups, pins: chosen.pins,
            pinnedFiles: chosen.pinnedFiles,
            verifiesPeer: chosen.verifiesPeer, verifiesHostName: chosen.verifiesHostName,
            acceptsCommonName: chosen.acceptsCommonName, namesProtocol: chosen.namesProtocol,
            clearing: chosen.clearing, demandsClose: chosen.strictEnd,
            dataProtection: chosen.dataProtection)
    }

    private static func server(
        _ chosen: ChosenOptions, _ source: MountSource, _ mode: TLSSettings.Mode
    ) throws(SettingsError) -> ServerSettings {
        if let port = source.port, let other = chosen.port, port != other {
            throw SettingsError(
                "port \(port) of the source and port \(other) of the options contradict each other")
        }
        let active = try active(chosen)
        return ServerSettings(
            host: source.host, port: source.port ?? chosen.port ?? (mode == .implicit ? 990 : 21),
            path: source.path, addresses: try addresses(chosen), passiveMode: chosen.passiveMode,
            usesNamedAddress: chosen.usesNamedAddress, active: active, listing: chosen.listing,
            shortcuts: chosen.shortcuts, verifiesChecksums: chosen.verifiesChecksums,
            believesUploads: chosen.believesUploads,
            maximumConnections: chosen.maximumConnections, connectTimeout: chosen.connectTimeout,
            timeout: chosen.timeout, idleTimeout: chosen.idleTimeout == .zero ? nil : chosen.idleTimeout,
            beforeAuth: chosen.beforeAuth, beforeLogin: chosen.beforeLogin, afterLogin: chosen.afterLogin,
            protectionComesFirst: chosen.protectionComesFirst)
    }

    private static func active(_ chosen: ChosenOptions) throws(SettingsError) -> ServerSettings.ActiveMode? {
        if chosen.usesNamedAddress, chosen.passiveMode == .extendedOnly {
            throw SettingsError("pasv_ip means nothing with enable_epsv: EPSV names no address")
        }
        guard chosen.isActive else {
            guard chosen.activePorts == nil, chosen.activeAddress == nil else {
                throw SettingsError("active_ports= and active_address= need active beside them")
            }
            return nil
        }
        guard chosen.passiveMode == .automatic, !chosen.usesNamedAddress else {
            throw SettingsError("enable_epsv, disable_epsv and pasv_ip mean nothing with active")
        }
        return ServerSettings.ActiveMode(ports: chosen.activePorts, address: chosen.activeAddress?.host)
    }

    /// Which addresses are used: an address the server is told settles that, for it counts over a connection of its own family alone.
    private static func addresses(
        _ chosen: ChosenOptions
    ) throws(SettingsError) -> ServerSettings.AddressFamily {
        guard let address = chosen.activeAddress else {
            return chosen.usesIPv4 == chosen.usesIPv6 ? .any : chosen.usesIPv4 ? .ipv4 : .ipv6
        }
        guard address.isIPv4 ? !chosen.usesIPv6 : !chosen.usesIPv4 else {
            throw SettingsError(
                "active_address=\(address.host) and \(address.isIPv4 ? "ipv6" : "ipv4") contradict each other"
            )
        }
        return address.isIPv4 ? .ipv4 : .ipv6
    }

    private static func credentials(
        _ chosen: ChosenOptions, _ source: MountSource
    ) throws(SettingsError) -> CredentialsSettings {
        if let name = source.userName, let other = chosen.userName, name != other {
            throw SettingsError(
                "user '\(ArgumentText.printable(name))' of the source and username="
                    + "\(ArgumentText.printable(other)) contradict each other")
        }
        return CredentialsSettings(
            userName: source.userName ?? chosen.userName, account: chosen.account,
            file: chosen.credentialsFile, fromStandardInput: chosen.passwordFromStandardInput,
            netrc: chosen.netrc)
    }

    private static func presentation(
        _ chosen: ChosenOptions, _ surroundings: Surroundings
    ) -> PresentationSettings {
        // A server that shows 0666 does not mean this machine's users. With nobody else in, bits are shown as they are: a copy that
        // compares them (rsync -a) would find every file changed otherwise.
        let isShared = chosen.allowOther || chosen.allowRoot
        let umask = chosen.umask ?? (isShared && !chosen.statesModes ? 0o022 : nil)
        // A mask takes from all bits, as with every other filesystem; without one, bits are the customary ones.
        let fileMask = chosen.fileMask ?? umask
        let directoryMask = chosen.directoryMask ?? umask
        return PresentationSettings(
            userID: chosen.userID ?? surroundings.userID, groupID: chosen.groupID ?? surroundings.groupID,
            fileMode: chosen.fileMode, directoryMode: chosen.directoryMode,
            defaultFileMode: fileMask == nil ? 0o644 : 0o666,
            defaultDirectoryMode: directoryMask == nil ? 0o755 : 0o777,
            fileMask: fileMask ?? 0, directoryMask: directoryMask ?? 0)
    }

    private static func kernel(
        _ chosen: ChosenOptions, _ source: String
    ) throws(SettingsError) -> KernelSettings {
        guard !(chosen.allowOther && chosen.allowRoot) else {
            throw SettingsError("allow_other and allow_root exclude each other: allow_other lets root in too")
        }
        return KernelSettings(
            attributeTimeout: chosen.attributeTimeout, entryTimeout: chosen.entryTimeout,
            negativeTimeout: chosen.negativeTimeout, readOnly: chosen.readOnly,
            allowOther: chosen.allowOther, allowRoot: chosen.allowRoot,
            defaultPermissions: chosen.defaultPermissions ?? chosen.allowOther,
            sourceName: chosen.sourceName ?? ArgumentText.printable(source),
            flags: chosen.kernelFlags.compactMap(\.flag))
    }

    private static func log(
        _ chosen: ChosenOptions, _ request: MountRequest, _ foreground: Bool
    ) throws(SettingsError) -> LogSettings {
        let debug = request.debug || chosen.debug
        if chosen.logDestination == .standardError, !foreground {
            throw SettingsError("log=stderr needs -f: in the background there is no standard error")
        }
        let usual: LogSettings.Destination = foreground ? .standardError : .systemLog
        return LogSettings(
            destination: chosen.logDestination ?? usual, level: chosen.logLevel ?? (debug ? .debug : .notice))
    }

    private static func mountPoint(_ value: OptionValue) throws(SettingsError) -> String {
        do {
            return try value.path()
        } catch {
            throw SettingsError(
                "mount point '\(ArgumentText.printable(value.text))': use a directory with a UTF-8 name",
                code: .mountPointUnusable)
        }
    }
}
