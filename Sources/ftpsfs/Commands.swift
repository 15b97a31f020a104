import ArgumentParser
import Settings

/// The command line under the name `ftpsfs`: a mount, unless the first word is a subcommand.
struct FTPSFSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ftpsfs", abstract: "Mount a directory of an FTPS server.", version: Version.text,
        subcommands: [
            MountCommand.self, UmountCommand.self, StatusCommand.self, RecoverCommand.self, ProbeCommand.self,
        ],
        defaultSubcommand: MountCommand.self)
}

/// Which server and how, the same for all commands that log in.
struct ServerArguments: ParsableArguments {
    @Argument(help: "[USER@]HOST[:PORT]:[/PATH], or an ftp, ftpes or ftps URL.")
    var source: String

    @Option(
        name: .customShort("o", allowingJoined: true), parsing: .unconditionalSingleValue,
        help: "Mount options, commas between them.",
        completion: .list(OptionTable.completions))
    var options: [String] = []

    @Option(name: .customShort("p", allowingJoined: true), help: "The port of the server.")
    var port: String?

    /// What was typed, for the settings of a command that mounts nothing.
    var requestWithoutMount: MountRequest {
        MountRequest(source: source, mountPoint: "/", optionLists: options, port: port, foreground: true)
    }
}

/// `ftpsfs SOURCE MOUNTPOINT ...`.
struct MountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount", abstract: "Mount a directory of a server (the word may be left out).")

    @OptionGroup var server: ServerArguments

    @Argument(help: "The directory to mount on.", completion: .directory)
    var mountpoint: String

    @Flag(name: .customShort("f"), help: "Stay in the foreground.")
    var foreground = false

    @Flag(name: .customShort("d"), help: "Stay in the foreground and show the dialogue with the server.")
    var debug = false

    @Flag(name: .customShort("s"), help: "Answer one request at a time.")
    var singleThreaded = false

    /// What was typed, for the settings.
    var request: MountRequest {
        MountRequest(
            source: server.source, mountPoint: mountpoint, optionLists: server.options, port: server.port,
            foreground: foreground, debug: debug, singleThreaded: singleThreaded)
    }
}

/// `ftpsfs umount MOUNTPOINT`.
struct UmountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "umount", abstract: "Unmount a mount of this program.")

    @Flag(
        name: [.customShort("l"), .customLong("lazy")],
        help: "Take it out of the tree now, end it when no program uses it any more.")
    var lazily = false

    @Argument(help: "The mount point.", completion: .directory)
    var mountpoint: String
}

/// `ftpsfs status MOUNTPOINT`.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what a mount of this program is doing: connections, transfers, incidents, cache.")

    @Flag(name: .customLong("json"), help: "Answer in JSON.")
    var isJSON = false

    @Argument(help: "The mount point.", completion: .directory)
    var mountpoint: String
}

/// `ftpsfs probe SOURCE ...`.
struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Tell what a server is and can do, and what to put into fstab.")

    @OptionGroup var server: ServerArguments

    @Flag(name: .customLong("json"), help: "Answer in JSON.")
    var isJSON = false

    @Flag(name: .customLong("write"), help: "Try writing too, with a small file that is removed again.")
    var writes = false

    /// What was typed, for the settings.
    var request: MountRequest { server.requestWithoutMount }
}

/// The command line of a helper of mount(8) (mount(8), EXTERNAL HELPERS).
struct MountHelperCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount.ftpsfs", abstract: "Mount a directory of an FTPS server for mount(8).",
        version: Version.text)

    @Argument(help: "[USER@]HOST[:PORT]:[/PATH], or an ftp, ftpes or ftps URL.")
    var source: String

    @Argument(help: "The directory to mount on.", completion: .directory)
    var mountpoint: String

    @Option(
        name: .customShort("o", allowingJoined: true), parsing: .unconditionalSingleValue,
        help: "Mount options, commas between them.")
    var options: [String] = []

    @Flag(name: .customShort("s"), help: "Warn of unknown options instead of refusing them.")
    var sloppy = false

    @Flag(name: .customShort("f"), help: "Check the command line, but do not mount.")
    var fake = false

    @Flag(name: .customShort("n"), help: "No effect.")
    var withoutTable = false

    @Flag(name: .customShort("v"), help: "Say what is done.")
    var verbose = false

    @Flag(name: .customShort("r"), help: "The same as -o ro.")
    var readOnly = false

    @Flag(name: .customShort("w"), help: "The same as -o rw.")
    var writable = false

    @Option(name: .customShort("N"), help: "No effect: mount(8) has entered the namespace.")
    var namespace: String?

    @Option(name: .customShort("t"), help: "The type, ftpsfs or fuse.ftpsfs.")
    var type: String?

    /// What was typed, for the settings.
    var request: MountRequest {
        let access = (readOnly ? ["ro"] : []) + (writable ? ["rw"] : [])
        return MountRequest(
            source: source, mountPoint: mountpoint, optionLists: access + options, isForMount: true,
            toleratesUnknownOptions: sloppy)
    }
}
