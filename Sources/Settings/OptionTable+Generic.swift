extension OptionTable {
    /// Generic options that the kernel acts on.
    static let kernel: [MountOption] =
        [("noexec", "exec"), ("sync", "async"), ("noatime", "atime"), ("dirsync", nil)].flatMap {
            (on: String, off: String?) in
            let flag = MountOption(on, .flag, "") { chosen, _ in chosen.setKernelFlag(on, on) }
            guard let off else { return [flag] }
            return [flag, MountOption(off, .flag, "") { chosen, _ in chosen.setKernelFlag(on, nil) }]
        }

    /// Generic options that other programs act on, or that say what is the case anyway.
    static let ignored: [MountOption] =
        [
            "_netdev", "nofail", "auto", "noauto", "users", "nouser", "nousers", "owner", "noowner", "group",
            "nogroup", "defaults", "relatime", "norelatime", "strictatime", "nostrictatime", "diratime",
            "nodiratime", "lazytime", "nolazytime", "nosuid", "suid", "nodev", "dev", "silent", "loud",
            "iversion", "noiversion", "mand", "nomand", "symfollow",
        ].map { MountOption($0, .flag, "") { _, _ in } }
        + ["comment", "uhelper", "helper", "subtype"].map { (name: String) in
            MountOption(name, .value("TEXT"), "") { _, _ in }
        }
        + [
            MountOption("user", .optionalValue("NAME"), "") { _, value throws(SettingsError) in
                // mount(8) adds user=NAME of its own; curlftpfs takes user=NAME:PASSWORD.
                if value.text.contains(":") { throw SettingsError(MountSource.passwordHint) }
            }
        ]

    /// An `x-` option.
    static let foreign = MountOption("x-", .optionalValue("TEXT"), "") { _, _ in }

    static let refusals: [MountOption] =
        ["password", "pass", "passwd"].map { (name: String) in
            MountOption(name, .optionalValue("TEXT"), "") { _, _ throws(SettingsError) in
                throw SettingsError("option '\(name)' is refused: \(MountSource.passwordHint)")
            }
        }
        + ["ssl_try", "ssl_control"].map { (name: String) in
            MountOption(name, .flag, "") { _, _ throws(SettingsError) in
                throw SettingsError(
                    "option '\(name)' is refused: it would allow clear text; TLS is always on, remove the option"
                )
            }
        }
        + [
            MountOption("remount", .flag, "") { _, _ throws(SettingsError) in
                throw SettingsError("a mount cannot be changed by 'remount': unmount it and mount it anew")
            },
            MountOption("nosymfollow", .flag, "") { _, _ throws(SettingsError) in
                throw SettingsError(
                    "option 'nosymfollow' is refused: links would be followed nevertheless, though none that leads out of the mount"
                )
            },
        ]
}
