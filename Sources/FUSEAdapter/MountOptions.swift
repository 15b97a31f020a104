/// How the volume is shown to the kernel.
package struct MountOptions: Sendable {
    /// A property of the mount that the kernel enforces, by its name in mount(8).
    ///
    /// `nosuid` and `nodev` are always on.
    package enum Flag: String, CaseIterable, Sendable {
        /// No program can be started from the mount.
        case noExecution = "noexec"
        /// Times of access are not kept.
        case noAccessTimes = "noatime"
        /// All writes are synchronous.
        case synchronous = "sync"
        /// Changes of directories are synchronous.
        case synchronousDirectories = "dirsync"
    }

    /// The directory to mount on.
    package var mountpoint: String
    /// What stands as source in /proc/mounts; must hold no secret.
    package var source: String
    /// The type in /proc/mounts behind `fuse.`.
    package var subtype = "ftpsfs"
    /// Whether other users may use the mount.
    package var allowOther = false
    /// Whether root may use the mount besides its owner; wins over `allowOther`.
    package var allowRoot = false
    /// Whether the kernel checks permission bits before it asks.
    package var defaultPermissions = false
    /// Whether the kernel refuses all changes.
    package var readOnly = false
    /// Whether libfuse logs every request and answer.
    package var debug = false
    /// The most threads that serve the kernel, 1 or more.
    ///
    /// Each request that waits for the server has one. Were they all taken, nobody would answer what is cached.
    package var maximumThreads = 32
    /// Whether one thread serves the kernel alone (`-s`).
    package var singleThreaded = false
    /// How long the kernel may keep attributes.
    package var attributeTimeout: Duration = .seconds(1)
    /// How long the kernel may keep a name.
    package var entryTimeout: Duration = .seconds(1)
    /// How long the kernel may keep the answer that a name does not exist; zero keeps none.
    package var negativeTimeout: Duration = .seconds(1)
    /// How far the kernel reads ahead, in bytes; 0 has it read what programs ask for and no more.
    ///
    /// Only root can go beyond the kernel's own 128 KiB.
    package var readAhead: UInt64 = 4 << 20
    /// Further properties of the mount.
    package var flags: Set<Flag> = []
    /// Whether nothing is said about a mountpoint that has entries, which the mount hides.
    package var allowsNonEmpty = false

    /// Makes options with their defaults.
    package init(mountpoint: String, source: String) {
        self.mountpoint = mountpoint
        self.source = source
    }

    /// The words for libfuse's option parser: a program name, then one `-o` word an option.
    package var words: [String] {
        var words = ["ftpsfs", "-ofsname=\(Self.escaped(source))", "-osubtype=\(Self.escaped(subtype))"]
        words += ["-onosuid", "-onodev"]
        if allowRoot {
            words.append("-oallow_root")
        } else if allowOther {
            words.append("-oallow_other")
        }
        if defaultPermissions { words.append("-odefault_permissions") }
        if readOnly { words.append("-oro") }
        words += Flag.allCases.filter(flags.contains).map { "-o\($0.rawValue)" }
        if debug { words.append("-odebug") }
        return words
    }

    /// Protects what libfuse's parser would take for the end of an option (fuse_opt.h: a backslash escapes the next character).
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if character == "," || character == "\\" { result.append("\\") }
            result.append(character)
        }
    }
}
