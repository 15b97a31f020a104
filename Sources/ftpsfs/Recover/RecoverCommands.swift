import ArgumentParser
import Settings

/// `ftpsfs recover ...`: what is on this machine and should be on a server.
struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "List, store, copy or discard what could not be stored on the server.",
        subcommands: [
            RecoverListCommand.self, RecoverUploadCommand.self, RecoverExportCommand.self,
            RecoverDiscardCommand.self,
        ],
        defaultSubcommand: RecoverListCommand.self)
}

/// One of the things `ftpsfs recover` does.
protocol RecoverStep: ParsableCommand {
    /// Does it; `name` is the program's, for messages.
    func recover(name: String) throws(Failure) -> ExitStatus
}

/// Which cache directory is meant.
struct CacheOption: ParsableArguments {
    @Option(
        name: .customLong("cache-dir"), help: "The cache directory, that of mounts by this user otherwise.",
        completion: .directory)
    var cacheDirectory: String?
}

/// `ftpsfs recover list`.
struct RecoverListCommand: RecoverStep {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List unsent and rescued files.")

    @OptionGroup var cache: CacheOption
}

/// `ftpsfs recover export ENTRY FILE`.
struct RecoverExportCommand: RecoverStep {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Copy the bytes of an entry to a new file.")

    @OptionGroup var cache: CacheOption

    @Argument(help: "The entry, as list names it.")
    var entry: String

    @Argument(help: "The file to make.", completion: .file())
    var file: String
}

/// `ftpsfs recover discard ENTRY`.
struct RecoverDiscardCommand: RecoverStep {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "Remove the bytes of an entry for good.")

    @OptionGroup var cache: CacheOption

    @Flag(name: .customLong("yes"), help: "They are really not needed.")
    var isSure = false

    @Argument(help: "The entry, as list names it.")
    var entry: String
}

/// `ftpsfs recover upload SOURCE ...`.
struct RecoverUploadCommand: RecoverStep {
    static let configuration = CommandConfiguration(
        commandName: "upload", abstract: "Store what mounts of a source have left, without mounting it.")

    @OptionGroup var server: ServerArguments

    /// What was typed, for the settings.
    var request: MountRequest { server.requestWithoutMount }
}
