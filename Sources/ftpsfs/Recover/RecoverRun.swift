import Logging
import Posix
import Remote
import Settings
import VFS

extension RecoverListCommand {
    func recover(name: String) throws(Failure) -> ExitStatus {
        try cache.inventory { inventory throws(SpoolError) in
            for entry in try inventory.entries() {
                let time = entry.time.map { WallClock.text($0) } ?? "-"
                let path = entry.path?.description ?? "-"
                let missing = entry.missing.isEmpty ? "" : " (in part)"
                let reason = entry.reason.map { "  " + $0 } ?? ""
                Console.write(
                    LogText.escaped(
                        "\(entry.name)  \(entry.state)  \(entry.size)\(missing)  \(time)  \(path)\(reason)")
                        + "\n", to: .output)
            }
        }
        return .success
    }
}

extension RecoverExportCommand {
    func recover(name: String) throws(Failure) -> ExitStatus {
        try cache.inventory { inventory throws(SpoolError) in
            for range in try inventory.export(entry, to: file) {
                Console.write(
                    "\(name): bytes \(range.lowerBound) up to \(range.upperBound - 1) are only on the server\n",
                    to: .error)
            }
        }
        return .success
    }
}

extension RecoverDiscardCommand {
    func recover(name: String) throws(Failure) -> ExitStatus {
        guard isSure else { throw Failure(.usage, "this cannot be undone; say --yes to discard \(entry)") }
        try cache.inventory { inventory throws(SpoolError) in try inventory.discard(entry) }
        return .success
    }
}

extension RecoverUploadCommand {
    func recover(name: String) throws(Failure) -> ExitStatus {
        let surroundings = Surroundings.system
        let settings: MountSettings
        let credentials: Credentials
        do throws(SettingsError) {
            settings = try MountSettings(request, surroundings)
            guard !settings.kernel.readOnly else {
                throw SettingsError("upload and the option ro contradict each other")
            }
            Daemon.protectSecrets()
            credentials = try Credentials(settings, surroundings)
        } catch {
            throw Failure(error)
        }
        credentials.lock()
        Daemon.createPrivateFiles()
        try settings.log.start()
        let assembly = Assembly(settings: settings, credentials: credentials, logger: Logger(label: "ftpsfs"))
        let (count, left) = try assembly.storePending()
        guard left.isEmpty else {
            throw Failure(
                .mountFailure, "some files could not be stored, and stay in the spool",
                details: left.split(separator: "\n").map(String.init))
        }
        Console.write("\(count) file\(count == 1 ? "" : "s") taken up\n", to: .output)
        return .success
    }
}

extension CacheOption {
    /// Runs a body with what is in the cache directory.
    func inventory(_ body: (borrowing SpoolInventory) throws(SpoolError) -> Void) throws(Failure) {
        do throws(SpoolError) {
            try body(try SpoolInventory(cacheDirectory: cacheDirectory ?? Surroundings.system.cacheDirectory))
        } catch {
            throw Failure(.system, "\(error)")
        }
    }
}
