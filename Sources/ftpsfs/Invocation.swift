import ArgumentParser
import FUSEAdapter
import Posix
import Settings

/// One run of the program: its name and its arguments, understood and carried out.
struct Invocation {
    /// The name the program was called by, without directories.
    let name: String
    /// The arguments behind the name, texts of `ArgumentText`.
    let arguments: [String]

    private var isMountHelper: Bool { name.hasPrefix("mount.") }

    /// Does what the arguments ask for; returns or throws what the program ends with.
    func run() throws(Failure) -> ExitStatus {
        if arguments == ["-V"] {
            Console.write(Version.text + "\n", to: .output)
            return .success
        }
        if !isMountHelper, asksForHelp {
            Console.write(HelpText.text, to: .output)
            return .success
        }
        let command: any ParsableCommand
        do {
            command =
                isMountHelper
                ? try MountHelperCommand.parse(separated) : try FTPSFSCommand.parseAsRoot(separated)
        } catch {
            return try answer(error)
        }
        switch command {
        case let command as MountCommand: return try MountRun(request: command.request, name: name).run()
        case let command as MountHelperCommand:
            let run = MountRun(
                request: command.request, name: name, isFake: command.fake, isVerbose: command.verbose)
            return try run.run()
        case let command as UmountCommand: return try unmount(command)
        case let command as StatusCommand: return try showStatus(command)
        case let command as ProbeCommand:
            let run = ProbeRun(
                request: command.request, name: name, isJSON: command.isJSON, writes: command.writes)
            return try run.run()
        case let command as any RecoverStep: return try command.recover(name: name)
        default: return try runOther(command)
        }
    }

    /// Runs what the parser made of `help` and of a subcommand's -h.
    private func runOther(_ command: any ParsableCommand) throws(Failure) -> ExitStatus {
        var command = command
        do {
            try command.run()
            return .success
        } catch {
            return try answer(error)
        }
    }

    /// -h before any subcommand: the help of mounts, which lists the options too.
    private var asksForHelp: Bool {
        guard let first = arguments.first, !["umount", "status", "recover", "probe"].contains(first) else {
            return false
        }
        let words = arguments.prefix { $0 != "--" }
        return words.contains("-h") || words.contains("--help")
    }

    /// The arguments with `-oOPTIONS` in two words, which the parser would take apart at the first `=` instead.
    private var separated: [String] {
        var words: [String] = []
        var isValue = false
        var isOption = true
        for argument in arguments {
            if isOption, !isValue, argument.hasPrefix("-o"), argument != "-o" {
                words += ["-o", String(argument.dropFirst(2))]
                continue
            }
            isOption = isOption && (isValue || argument != "--")
            isValue = isOption && !isValue && ["-o", "-p", "-N", "-t"].contains(argument)
            words.append(argument)
        }
        return words
    }

    private var hint: String {
        isMountHelper ? "\(name) SOURCE MOUNTPOINT [-o OPTIONS]" : "see ftpsfs -h"
    }

    /// Prints what the parser was asked for (a version, completions), or throws what it found wrong.
    private func answer(_ error: any Error) throws(Failure) -> ExitStatus {
        let isAnswer = FTPSFSCommand.exitCode(for: error).isSuccess
        guard !isAnswer else {
            let text =
                isMountHelper
                ? MountHelperCommand.fullMessage(for: error) : FTPSFSCommand.fullMessage(for: error)
            Console.write(text + "\n", to: .output)
            return .success
        }
        guard !arguments.isEmpty else {
            throw Failure(.usage, "nothing to mount: \(hint)")
        }
        let text = isMountHelper ? MountHelperCommand.message(for: error) : FTPSFSCommand.message(for: error)
        let line = text.split(separator: "\n").first.map(String.init) ?? "bad usage"
        throw Failure(.usage, "\(ArgumentText.printable(line)); \(hint)")
    }

    private func showStatus(_ command: StatusCommand) throws(Failure) -> ExitStatus {
        do {
            let report = StatusReport(try MountReport.read(command.mountpoint, StatusReport.names))
            let text = command.isJSON ? try JSONText.of(report) : report.text
            Console.write(text, to: .output)
            return .success
        } catch let failure as Failure {
            throw failure
        } catch let error as MountReportError {
            throw Failure(.mountPointUnusable, error.description)
        } catch {
            throw Failure(.system, "\(error)")
        }
    }

    private func unmount(_ command: UmountCommand) throws(Failure) -> ExitStatus {
        do {
            try UserUnmount.unmount(command.mountpoint, lazily: command.lazily)
            return .success
        } catch {
            throw Failure(.mountPointUnusable, error.description)
        }
    }
}
