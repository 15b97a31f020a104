import FTPClient
import Remote

extension FTPStore {
    /// What can be seen of the connections (`RemoteStore.report`), in the words of man page ftpsfs-tls(7), WHAT CAN BE SEEN.
    ///
    /// Does not block.
    package var report: [String: String] {
        let facts = profile.facts
        let sight = pool.sight
        let resumed = facts.lastDataConnectionResumed
        var report = [
            "state": Self.state(sight.outage),
            "connections": "\(sight.standing) open, \(sight.idle) idle, limit \(sight.ceiling)",
            "connections_open": String(sight.standing), "connections_idle": String(sight.idle),
            "connections_limit": String(sight.ceiling),
            "transfers": sight.transfers.joined(separator: "\n"),
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

    private static func state(_ outage: Outage?) -> String {
        guard let outage else { return "connected" }
        let now = ContinuousClock.now
        let since = outage.since.duration(to: now).components.seconds
        let next = max(0, now.duration(to: outage.nextAttempt).components.seconds)
        return "away for \(since) s, next attempt in \(next) s: \(outage.error)"
    }

    private static func protectionOfCommands(_ facts: ServerProfile.Facts) -> String {
        switch (facts.hasCleared, facts.clearingFails) {
        case (false, _): "protected"
        case (true, false): "in clear text since the log-in (CCC)"
        case (true, true): "on some connections in clear text since the log-in (CCC)"
        }
    }
}
