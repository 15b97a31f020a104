import Posix

/// What a probe has found out, in plain words for a terminal.
struct ProbeText {
    private let report: ProbeReport

    /// Takes a report.
    init(_ report: ProbeReport) {
        self.report = report
    }

    /// The whole text: a title and an answer in each line, then a line for fstab.
    var text: String {
        var lines = server + protection + trust
        if let abilities = report.abilities { lines += answers(abilities) }
        if let writing = report.writing { lines += answers(writing) }
        if let fstab = report.fstab { lines += ["", "for /etc/fstab:", fstab] }
        lines += report.notes.map { "note: " + $0 }
        // Each line by itself: a line end inside one comes from elsewhere and must not make another.
        return lines.map { LogText.escaped($0) + "\n" }.joined()
    }

    private static let width = 17

    private func line(_ title: String, _ answer: String?) -> [String] {
        guard let answer else { return [] }
        return [title + String(repeating: " ", count: max(1, Self.width - title.count)) + answer]
    }

    private func line(_ title: String, _ finding: ProbeReport.Finding?) -> [String] {
        guard let finding else { return [] }
        let verdict =
            switch finding.works {
            case true?: "yes"
            case false?: "no"
            case nil: "unknown"
            }
        return line(title, finding.remark.map { "\(verdict): \($0)" } ?? verdict)
    }

    private var server: [String] {
        line("server", "\(report.server.host) port \(report.server.port)")
            + line("address", report.server.address) + line("greeting", report.server.greeting)
            + line("software", report.server.software)
    }

    private var protection: [String] {
        var lines: [String] = []
        for version in report.tls.versions {
            let verdict = version.offered.map { $0 ? "offered" : "not offered" } ?? "unknown"
            lines += line(version.version, version.reason.map { "\(verdict): \($0)" } ?? verdict)
        }
        if let version = report.tls.version {
            let parts = [version, report.tls.cipher, report.tls.group].compactMap { $0 }
            lines += line("agreed on", parts.joined(separator: ", "))
        }
        for version in report.tls.versions where version.resumption != nil {
            lines += line("resumption \(version.version.dropFirst(4))", version.resumption)
        }
        return lines
    }

    private var trust: [String] {
        guard let trust = report.certificate else { return [] }
        var lines = line("certificate", (trust.accepted ? "accepted: " : "not trusted: ") + trust.reason)
        for (place, certificate) in trust.chain.enumerated() {
            if trust.chain.count > 1 { lines.append("  certificate \(place + 1) of \(trust.chain.count)") }
            lines += [
                "  subject: \(certificate.subject)", "  issuer:  \(certificate.issuer)",
                "  names:   \(certificate.names.isEmpty ? "none" : certificate.names)",
                "  valid:   \(certificate.validFrom) to \(certificate.validUntil)",
                "  SHA-256: \(certificate.sha256)",
            ]
        }
        lines += line("  pin", trust.pin)
        return lines + line("  what to do", trust.advice)
    }

    private func answers(_ abilities: ProbeReport.Abilities) -> [String] {
        var lines =
            line("log-in directory", abilities.home) + line("mounted", abilities.directory)
            + line(
                "features", abilities.features.isEmpty ? "none" : abilities.features.joined(separator: ", "))
            + line("round trip", abilities.roundTrip.map { "\($0) ms" })
        if let listing = abilities.listing {
            lines += line("listing", listing.directory) + line("rows of LIST", listing.rows)
            lines += line("times of LIST", timeOffset(listing))
        }
        lines +=
            line("EPSV", abilities.epsv) + line("PASV", abilities.pasv) + line("restart", abilities.restart)
            + line("setting times", abilities.times) + line("setting modes", abilities.modes)
            + line("rename replaces", abilities.replacing) + line("keeps the tail", abilities.patching)
            + line("checksums", list(abilities.checksums)) + line("server copies", list(abilities.copying))
        if let connections = abilities.connections {
            let amount =
                connections.limit.map { "no more than \($0)" } ?? "\(connections.opened) at a time"
            lines += line(
                "connections", amount + (connections.refusal.map { ", then: \($0)" } ?? ", and no limit met"))
        }
        return lines
    }

    private func answers(_ writing: ProbeReport.Writing) -> [String] {
        line("upload", writing.upload) + line("size", writing.size) + line("append", writing.append)
            + line("removal", writing.removal)
    }

    private func list(_ commands: [String]) -> String {
        commands.isEmpty ? "none that it tells of" : commands.joined(separator: ", ")
    }

    private func timeOffset(_ listing: ProbeReport.Listing) -> String? {
        guard let offset = listing.timeOffset else {
            return listing.timeOffsetRemark.map { "unknown: \($0)" }
        }
        guard offset != 0 else { return "UTC" }
        let minutes = abs(offset) / 60
        let clock = "\(minutes / 60):\(minutes % 60 < 10 ? "0" : "")\(minutes % 60)"
        return "\(clock) h \(offset > 0 ? "ahead of" : "behind") UTC"
    }
}
