extension OptionTable {
    static let files: [MountOption] = [
        MountOption("uid", .value("USER"), default: "who mounts", "owner of all files, name or number") {
            chosen, value throws(SettingsError) in
            chosen.userID = try value.userID()
        },
        MountOption("gid", .value("GROUP"), default: "who mounts", "group of all files, name or number") {
            chosen, value throws(SettingsError) in
            chosen.groupID = try value.groupID()
        },
        MountOption(
            "umask", .value("OCTAL"), default: "000, or 022 with allow_other",
            "permission bits taken away from what is shown"
        ) { chosen, value throws(SettingsError) in
            chosen.umask = try value.mode()
        },
        MountOption("fmask", .value("OCTAL"), default: "umask", "the same for files alone") {
            chosen, value throws(SettingsError) in
            chosen.fileMask = try value.mode()
        },
        MountOption("dmask", .value("OCTAL"), default: "umask", "the same for directories alone") {
            chosen, value throws(SettingsError) in
            chosen.directoryMask = try value.mode()
        },
        MountOption(
            "file_mode", .value("OCTAL"), default: "the server's, else 0644", "permission bits of all files"
        ) { chosen, value throws(SettingsError) in
            chosen.fileMode = try value.mode()
        },
        MountOption(
            "dir_mode", .value("OCTAL"), default: "the server's, else 0755",
            "permission bits of all directories"
        ) { chosen, value throws(SettingsError) in
            chosen.directoryMode = try value.mode()
        },
        MountOption("allow_other", .flag, "let other users in, as far as permission bits allow") {
            chosen, _ in
            chosen.allowOther = true
        },
        MountOption("allow_root", .flag, "let root in") { chosen, _ in chosen.allowRoot = true },
        MountOption(
            "default_permissions", .flag, default: "on with allow_other",
            "have the kernel check permission bits"
        ) { chosen, _ in chosen.defaultPermissions = true },
        MountOption("no_default_permissions", .flag, "do not, even with allow_other") { chosen, _ in
            chosen.defaultPermissions = false
        },
        MountOption("ro", .flag, "nothing can be changed through the mount") { chosen, _ in
            chosen.readOnly = true
        },
        MountOption("rw", .flag, default: "on", "files can be changed") { chosen, _ in chosen.readOnly = false
        },
        MountOption("fsname", .value("TEXT"), default: "SOURCE", "what /proc/mounts shows as the device") {
            chosen, value throws(SettingsError) in
            chosen.sourceName = try value.plain()
        },
    ]

    static let caches: [MountOption] = [
        MountOption(
            "dcache_timeout", .value("SECONDS"),
            aliases: ["cache_timeout", "dir_cache_time", "actimeo", "dir_refresh"], default: "20",
            "how long a listing counts"
        ) { chosen, value throws(SettingsError) in
            chosen.directoryTimeout = try value.seconds(0...31_536_000)
        },
        MountOption(
            "attr_timeout", .value("SECONDS"), default: "1",
            "how long attributes count, also when a file is opened"
        ) { chosen, value throws(SettingsError) in
            chosen.attributeTimeout = try value.seconds(0...31_536_000)
        },
        MountOption("entry_timeout", .value("SECONDS"), default: "1", "how long the kernel keeps names") {
            chosen, value throws(SettingsError) in
            chosen.entryTimeout = try value.seconds(0...31_536_000)
        },
        MountOption(
            "negative_timeout", .value("SECONDS"), default: "1", "how long the kernel keeps absence of names"
        ) { chosen, value throws(SettingsError) in
            chosen.negativeTimeout = try value.seconds(0...31_536_000)
        },
        MountOption(
            "cache_dir", .value("DIR"), default: "see FILES in ftpsfs(1)",
            "directory for unsent data and rescued files"
        ) { chosen, value throws(SettingsError) in
            chosen.cacheDirectory = try value.path()
        },
        MountOption(
            "cache_size", .value("SIZE"), default: "1G", "soft bound of what is kept there, unsent data apart"
        ) { chosen, value throws(SettingsError) in
            chosen.cacheSize = try value.size(minimum: 1 << 20)
        },
        MountOption(
            "spool_size", .value("SIZE"), default: "what the disk can spare",
            "the most that unsent data and kept data may take there together"
        ) { chosen, value throws(SettingsError) in
            chosen.spoolSize = try value.size(minimum: 1 << 20)
        },
        MountOption(
            "write_back", .value("SECONDS"), aliases: ["vfs_write_back", "delay_upload"], default: "0",
            "upload so long after close, which returns at once; 0 uploads in close"
        ) { chosen, value throws(SettingsError) in
            chosen.writeBack = try value.seconds(0...86_400)
        },
        MountOption(
            "max_upload_attempts", .value("NUMBER"), default: "15",
            "how often a refused upload is tried again before its data are rescued"
        ) { chosen, value throws(SettingsError) in
            chosen.uploadAttempts = try value.number(1...1_000_000)
        },
        MountOption(
            "lookahead", .flag, default: "on", "list and fetch ahead of programs, with connections to spare"
        ) { chosen, _ in chosen.looksAhead = true },
        MountOption("no_lookahead", .flag, "ask only for what programs ask for") { chosen, _ in
            chosen.looksAhead = false
        },
        MountOption(
            "disk_size", .value("SIZE"), aliases: ["vfs_disk_space_total_size"], default: "1P",
            "the size that df(1) shows"
        ) { chosen, value throws(SettingsError) in
            chosen.diskSize = try value.size(minimum: 1 << 20)
        },
        MountOption(
            "readahead", .value("SIZE"), aliases: ["max_readahead"], default: "8M",
            "how far a sequential reader is led; 0 fetches nothing ahead"
        ) { chosen, value throws(SettingsError) in
            chosen.readAhead = try value.size(minimum: 0)
        },
        MountOption(
            "streams", .value("auto|NUMBER"), default: "auto",
            "the most connections one large file is read through"
        ) { chosen, value throws(SettingsError) in
            chosen.streamsPerFile = value.text == "auto" ? nil : try value.number(1...64)
        },
    ]

    static let log: [MountOption] = [
        MountOption(
            "debug", .flag,
            "show the dialogue with the server, in the foreground (-d); for mount(8) in the log"
        ) { chosen, _ in chosen.debug = true },
        MountOption(
            "log", .value("FILE|syslog|stderr"), default: "syslog, or stderr in the foreground",
            "where log lines go"
        ) { chosen, value throws(SettingsError) in
            switch value.text {
            case "syslog": chosen.logDestination = .systemLog
            case "stderr": chosen.logDestination = .standardError
            default: chosen.logDestination = .file(try value.path())
            }
        },
        MountOption(
            "loglevel", .value("LEVEL"), default: "notice, or debug with debug",
            "critical, error, warning, notice, info, debug or trace"
        ) { chosen, value throws(SettingsError) in
            chosen.logLevel = try value.choice(LogSettings.Level.allCases.map { ($0.rawValue, $0) })
        },
    ]

    static let shorthands: [MountOption] = [
        MountOption("disable_tls13", .flag, "the same as tls_max=1.2") { chosen, _ in
            chosen.maximumVersion = .tls12
        },
        MountOption("disable_mlsd", .flag, "the same as list=list-a") { chosen, _ in chosen.listing = .listAll
        },
        MountOption("custom_list", .value("COMMAND"), "LIST or 'LIST -a': the same as list=list, list=list-a")
        {
            chosen, value throws(SettingsError) in
            chosen.listing = try value.choice([("LIST", .list), ("LIST -a", .listAll)])
        },
        MountOption("ssl", .flag, "no effect: TLS is always on") { _, _ in },
        MountOption("reconnect", .flag, "no effect: lost connections are always made anew") { _, _ in },
        MountOption(
            "skip_pasv_ip", .flag, default: "on", "data connections go to the server's own address"
        ) { chosen, _ in chosen.usesNamedAddress = false },
        MountOption("utf8", .flag, "no effect: names are passed on as they are") { _, _ in },
        MountOption("soft", .flag, "no effect: a server that does not answer always leads to an error") {
            _, _ in
        },
        MountOption(
            "cto", .flag, "no effect: files are looked at again when they are opened, after attr_timeout"
        ) { _, _ in },
    ]
}
