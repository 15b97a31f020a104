import FUSEAdapter
import Logging
import Posix
import Remote
import Settings

/// `ftpsfs probe` from its arguments to its answer.
struct ProbeRun {
    /// What was typed; the mount point means nothing.
    let request: MountRequest
    /// The program's name, for messages.
    let name: String
    /// Whether the answer is in JSON.
    let isJSON: Bool
    /// Whether a file is made on the server.
    let writes: Bool

    /// Reads settings and credentials as a mount does, asks the server, and prints what it has found out.
    ///
    /// Throws after the answer was printed as well, when a mount with these options would fail.
    func run() throws(Failure) -> ExitStatus {
        let surroundings = Surroundings.system
        let settings: MountSettings
        let credentials: Credentials
        do throws(SettingsError) {
            settings = try MountSettings(request, surroundings)
            for warning in settings.warnings { say("warning: " + warning) }
            guard !(writes && settings.kernel.readOnly) else {
                throw SettingsError("--write and the option ro contradict each other")
            }
            Daemon.protectSecrets()
            credentials = try Credentials(settings, surroundings)
        } catch {
            throw Failure(error)
        }
        credentials.lock()
        Daemon.createPrivateFiles()
        try settings.log.start()
        let cancelling = Request()
        try watchSignals(cancelling)
        let assembly = Assembly(settings: settings, credentials: credentials, logger: Logger(label: "ftpsfs"))
        let probe = Probe(assembly, request, surroundings, writes: writes, cancelling: cancelling)
        let failure = probe.run()
        try show(probe.report)
        if let failure { throw failure }
        return .success
    }

    /// A signal ends the waiting, so that what was made on the server is removed before the program ends.
    private func watchSignals(_ cancelling: Request) throws(Failure) {
        SignalWatch.prepare()
        do throws(Errno) {
            try SignalWatch.start(isUsable: { false }, reload: {}, stop: { _ in cancelling.cancel() })
        } catch {
            throw Failure(error, toDo: "start a thread")
        }
    }

    private func show(_ report: ProbeReport) throws(Failure) {
        Console.write(isJSON ? try JSONText.of(report) : ProbeText(report).text, to: .output)
    }

    private func say(_ text: String) {
        Console.write("\(name): \(LogText.escaped(text))\n", to: .error)
    }
}
