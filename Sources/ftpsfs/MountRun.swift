import FUSEAdapter
import Posix
import Settings

/// A mount from its arguments to its end.
struct MountRun {
    /// What was typed.
    let request: MountRequest
    /// The program's name, for messages.
    let name: String
    /// Whether everything but the mount is done (mount(8)'s -f).
    var isFake = false
    /// Whether to say what is done (mount(8)'s -v).
    var isVerbose = false

    /// Reads settings and credentials, goes into the background, and serves the mount until its end.
    ///
    /// In the process that was started it does not return once the mount is in the background: that one ends with success.
    func run() throws(Failure) -> ExitStatus {
        let surroundings = Surroundings.system
        let settings: MountSettings
        let credentials: Credentials
        do {
            settings = try MountSettings(request, surroundings)
            for warning in settings.warnings { say("warning: " + warning) }
        } catch {
            throw Failure(error)
        }
        do throws(MountError) {
            // Before anybody is asked for a password.
            try Mount.check(Assembly.mountOptions(settings))
        } catch {
            throw Failure(error)
        }
        try SystemLimits.checkMemory()
        _ = try SystemLimits.files(besides: settings.server.maximumConnections)
        if isFake { return .success }
        Daemon.protectSecrets()
        do {
            credentials = try Credentials(settings, surroundings)
        } catch {
            throw Failure(error)
        }
        if isVerbose {
            say("mounting \(settings.server.host) port \(settings.server.port) on \(settings.mountPoint)")
        }
        let daemon: Daemon
        do {
            // From here on in the background, where threads and connections can be made.
            daemon = try Daemon.start(background: !settings.foreground)
        } catch {
            throw Failure(.system, "cannot go into the background: \(error)")
        }
        credentials.lock()
        Daemon.createPrivateFiles()
        let log = try settings.log.start()
        defer { log.finish() }
        return try Assembly.serve(settings, credentials, daemon, log)
    }

    private func say(_ text: String) {
        Console.write("\(name): \(LogText.escaped(text))\n", to: .error)
    }
}
