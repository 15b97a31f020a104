import FTPClient
import Remote

extension FTPStore {
    /// What can be seen of the connections (`RemoteStore.report`), in the words of man page ftpsfs-tls(7), WHAT CAN BE SEEN.
    ///
    /// Does not block.
    package var report: [String: String] {
        let facts = profile.facts
        let counts = pool.counts
        let resumed = facts.lastDataConnectionResumed
        var report = [
            "connections": "\(counts.standing) open, \(counts.idle) idle, limit \(counts.ceiling)",
            "tls_resumed": resumed.map { $0 ? "yes" : "no" } ?? "no data connection yet",
        ]
        guard let login = facts.newestLogin else { return report }
        report["server"] = "\(login.host.contains(":") ? "[\(login.host)]" : login.host):\(login.port)"
        report["user"] = String(decoding: login.user, as: UTF8.self)
        let level =
            switch facts.takesClearData ? login.dataProtection : .private {
            case .private: "PROT P"
            case .clear: "PROT C"
            case .clearListings: "PROT P, listings PROT C"
            }
        report["tls"] = "\(login.protection), \(level)"
        report["commands"] = Self.protectionOfCommands(facts)
        report["certificate"] = login.subject
        report["certificate_sha256"] = login.digest
        report["login_seconds"] = String(login.moment.duration(to: .now).components.seconds)
        return report
    }

    private static func protectionOfCommands(_ facts: ServerProfile.Facts) -> String {
        switch (facts.hasCleared, facts.clearingFails) {
        case (false, _): "protected"
        case (true, false): "in clear text since the log-in (CCC)"
        case (true, true): "on some connections in clear text since the log-in (CCC)"
        }
    }
}
