extension OptionTable {
    static let connection: [MountOption] = [
        MountOption(
            "port", .value("NUMBER"), default: "21, or 990 with implicit TLS", "port of the server"
        ) { chosen, value throws(SettingsError) in
            chosen.port = try MountSource.port(value.text)
        },
        MountOption(
            "max_conns", .value("NUMBER"), aliases: ["concurrency", "nconnect"], default: "6",
            "the most connections at a time, 1 up to 64"
        ) { chosen, value throws(SettingsError) in
            chosen.maximumConnections = try value.number(1...64)
        },
        MountOption(
            "connect_timeout", .value("SECONDS"), aliases: ["ConnectTimeout", "contimeout"], default: "10",
            "the longest wait for a connection"
        ) { chosen, value throws(SettingsError) in
            chosen.connectTimeout = try value.seconds(1...3600)
        },
        MountOption(
            "timeout", .value("SECONDS"), aliases: ["read_timeout"], default: "30",
            "the longest wait for the network, each"
        ) { chosen, value throws(SettingsError) in
            chosen.timeout = try value.seconds(1...3600)
        },
        MountOption(
            "idle_timeout", .value("SECONDS"), default: "60",
            "close connections that idle this long; 0 keeps them"
        ) { chosen, value throws(SettingsError) in
            chosen.idleTimeout = try value.seconds(0...86_400)
        },
        MountOption("ipv4", .flag, "use IPv4 addresses alone") { chosen, _ in chosen.usesIPv4 = true },
        MountOption("ipv6", .flag, "use IPv6 addresses alone") { chosen, _ in chosen.usesIPv6 = true },
        MountOption(
            "enable_epsv", .flag, default: "EPSV, then PASV", "ask for data connections with EPSV alone"
        ) { chosen, _ in chosen.passiveMode = .extendedOnly },
        MountOption("disable_epsv", .flag, "ask for data connections with PASV alone") { chosen, _ in
            chosen.passiveMode = .plainOnly
        },
        MountOption(
            "pasv_ip", .flag,
            "ask with PASV and connect to the address it names (the server then chooses the machine)"
        ) { chosen, _ in chosen.usesNamedAddress = true },
        MountOption(
            "active", .flag, default: "passive", "have the server make the data connections, to this machine"
        ) { chosen, _ in chosen.isActive = true },
        MountOption(
            "active_ports", .value("LOW-HIGH"), default: "any",
            "ports to wait on for the server, as many as max_conns at least"
        ) { chosen, value throws(SettingsError) in
            chosen.activePorts = try value.ports()
        },
        MountOption(
            "active_address", .value("ADDRESS"), default: "the control connection's",
            "what the server is told to connect to, behind NAT"
        ) { chosen, value throws(SettingsError) in
            chosen.activeAddress = try value.ownAddress()
        },
        MountOption(
            "list", .value("auto|mlsd|list|list-a"), default: "auto",
            "the command directories are listed with"
        ) { chosen, value throws(SettingsError) in
            chosen.listing = try value.choice([
                ("auto", .automatic), ("mlsd", .mlsd), ("list", .list), ("list-a", .listAll),
            ])
        },
        MountOption(
            "before_auth", .value("COMMAND"),
            "send this in clear text before AUTH; may be given again for a second one"
        ) { chosen, value throws(SettingsError) in
            chosen.beforeAuth.append(try ServerCommand(value))
        },
        MountOption("before_login", .value("COMMAND"), "send this before USER, and again as above") {
            chosen, value throws(SettingsError) in
            chosen.beforeLogin.append(try ServerCommand(value))
        },
        MountOption("after_login", .value("COMMAND"), "send this after the log-in, and again as above") {
            chosen, value throws(SettingsError) in
            chosen.afterLogin.append(try ServerCommand(value))
        },
        MountOption(
            "login_order", .value("user-first|prot-first"), default: "user-first",
            "whether PBSZ and PROT follow USER or lead"
        ) { chosen, value throws(SettingsError) in
            chosen.protectionComesFirst = try value.choice([("user-first", false), ("prot-first", true)])
        },
    ]

    static let protection: [MountOption] = [
        MountOption(
            "tls", .value("explicit|implicit"), default: "explicit",
            "when TLS starts: with AUTH TLS, or with the first byte"
        ) { chosen, value throws(SettingsError) in
            chosen.mode = try value.choice([("explicit", .explicit), ("implicit", .implicit)])
        },
        MountOption("auth", .value("TLS|SSL|TLS-C|TLS-P"), default: "TLS", "what AUTH asks for") {
            chosen, value throws(SettingsError) in
            chosen.mechanism = try value.choice([
                ("TLS", .tls), ("SSL", .ssl), ("TLS-C", .tlsC), ("TLS-P", .tlsP),
            ])
        },
        MountOption(
            "ccc", .value("no|try|require"), default: "no",
            "clear text for commands after the log-in (anyone on the way can read and change them)"
        ) { chosen, value throws(SettingsError) in
            chosen.clearing = try value.choice([("no", .never), ("try", .tried), ("require", .required)])
        },
        MountOption(
            "no_strict_eof", .flag, default: "strict",
            "believe listings that end without TLS saying so, as those of old servers do"
        ) { chosen, _ in chosen.strictEnd = false },
        MountOption("strict_eof", .flag, "demand that TLS announces the end of listings; the default") {
            chosen, _ in
            chosen.strictEnd = true
        },
        MountOption(
            "workaround", .value("nopipeline|noarm|nopatch|nofollow|none"), default: "none",
            "leave out ways to save time that a server does not bear; several with ':' between"
        ) { chosen, value throws(SettingsError) in
            let words: [(String, ServerSettings.Shortcuts)] = [
                ("nopipeline", .pipelining), ("noarm", .arming), ("nopatch", .patching),
                ("nofollow", .following),
                ("none", []),
                // Words of sshfs, for what is found out by itself here.
                ("rename", []), ("truncate", []),
            ]
            for word in try value.words() { chosen.shortcuts.subtract(try word.choice(words)) }
        },
        MountOption(
            "verify", .value("size|auto"), default: "size",
            "check uploads by checksums too, where offered"
        ) { chosen, value throws(SettingsError) in
            chosen.verifiesChecksums = try value.choice([("size", false), ("auto", true), ("hash", true)])
        },
        MountOption(
            "no_check_upload", .flag,
            "believe uploads that cannot be checked: for directories that only take files"
        ) { chosen, _ in chosen.believesUploads = true },
        MountOption(
            "data", .value("private|clear|clear-listings"), default: "private",
            "which data connections go without TLS (anyone on the way can read and change them)"
        ) { chosen, value throws(SettingsError) in
            chosen.dataProtection = try value.choice([
                ("private", .private), ("clear", .clear), ("clear-listings", .clearListings),
            ])
        },
        MountOption("tls_min", .value("1.2|1.3"), default: "1.2", "the lowest version accepted") {
            chosen, value throws(SettingsError) in
            chosen.minimumVersion = try value.choice([("1.2", .tls12), ("1.3", .tls13)])
        },
        MountOption("tls_max", .value("1.2|1.3"), default: "the highest known", "the highest version offered")
        {
            chosen, value throws(SettingsError) in
            chosen.maximumVersion = try value.choice([("1.2", .tls12), ("1.3", .tls13)])
        },
        MountOption(
            "cacert", .value("FILE"), default: "the system's", "trusted authorities, PEM"
        ) { chosen, value throws(SettingsError) in
            chosen.authorityFile = try value.readableFile()
        },
        MountOption(
            "capath", .value("DIR"), default: "the system's", "directory of trusted authorities, by hash"
        ) { chosen, value throws(SettingsError) in
            chosen.authorityDirectory = try value.readableFile()
        },
        MountOption(
            "crl", .value("FILE"), "revocation lists of the authorities, PEM: what is in them is refused"
        ) { chosen, value throws(SettingsError) in
            chosen.revocationFile = try value.readableFile()
        },
        MountOption(
            "tls_pin", .value("sha256:HEX"),
            "accept exactly the certificate with this SHA-256; may be given again for a second one"
        ) { chosen, value throws(SettingsError) in
            chosen.pins.append(try value.pin())
        },
        MountOption(
            "trust_server_cert", .value("FILE"), "accept exactly the certificate in this file, PEM"
        ) { chosen, value throws(SettingsError) in
            chosen.pinnedFiles.append(try value.readableFile())
        },
        MountOption("cert", .value("FILE"), "the client's certificate chain, PEM or PKCS#12") {
            chosen, value throws(SettingsError) in
            chosen.certificateFile = try value.readableFile()
        },
        MountOption("key", .value("FILE"), default: "the file of cert", "the client's key, PEM") {
            chosen, value throws(SettingsError) in
            chosen.keyFile = try value.readableFile()
        },
        MountOption(
            "ciphers", .value("LIST"), default: "OpenSSL's",
            "ciphers in OpenSSL's notation, ':' between them; names with TLS_ count for TLS 1.3"
        ) { chosen, value throws(SettingsError) in
            let (older, suites) = try value.ciphers()
            chosen.ciphers = older
            if let suites { chosen.cipherSuites = suites }
        },
        MountOption(
            "ciphersuites", .value("LIST"), default: "OpenSSL's", "cipher suites of TLS 1.3, ':' between them"
        ) { chosen, value throws(SettingsError) in
            chosen.cipherSuites = try value.plain()
        },
        MountOption(
            "tls_groups", .value("LIST"), default: "P-256:X25519:P-384:P-521",
            "key exchange groups, ':' between them, the preferred first"
        ) { chosen, value throws(SettingsError) in
            chosen.groups = try value.plain()
        },
        MountOption("no_alpn", .flag, "do not say in the TLS handshake that it is for FTP (ALPN)") {
            chosen, _ in
            chosen.namesProtocol = false
        },
        MountOption(
            "no_verify_peer", .flag, aliases: ["no_check_certificate"],
            "accept every certificate (anyone on the way can read and change everything)"
        ) { chosen, _ in chosen.verifiesPeer = false },
        MountOption(
            "cn_fallback", .flag, "take the common name of certificates that have no DNS name"
        ) { chosen, _ in chosen.acceptsCommonName = true },
        MountOption(
            "no_verify_hostname", .flag, "accept a trusted certificate made out to another name"
        ) { chosen, _ in chosen.verifiesHostName = false },
    ]

    static let credentials: [MountOption] = [
        MountOption(
            "username", .value("NAME"), default: "of the source, netrc, or this machine",
            "the user's name on the server"
        ) { chosen, value throws(SettingsError) in
            chosen.userName = try MountSource.user(value.text)
        },
        MountOption(
            "credentials", .value("FILE"), aliases: ["cred"],
            "private file with username= and password= lines"
        ) { chosen, value throws(SettingsError) in
            chosen.credentialsFile = try value.path()
        },
        MountOption(
            "account", .value("NAME"), "the account, for servers that ask for one beside the password"
        ) { chosen, value throws(SettingsError) in
            chosen.account = try value.line()
        },
        MountOption(
            "netrc", .optionalValue("FILE"), default: "~/.netrc where it is there and private",
            "file with machine, login and password"
        ) { chosen, value throws(SettingsError) in
            chosen.netrc = value.text.isEmpty ? .required : .file(try value.path())
        },
        MountOption("password_stdin", .flag, "the first line of standard input is the password") {
            chosen, _ in
            chosen.passwordFromStandardInput = true
        },
    ]
}
