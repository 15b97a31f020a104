import FTPClient
import FTPPool
import FTPWire
import Remote
import Settings
import TLS

/// What can be asked after the log-in without changing anything.
extension Probe {
    /// Asks everything; gives why the directory cannot be mounted, nil where it can.
    func askAbilities(_ directory: RemotePath) -> Failure? {
        let entry = ask { session throws(FTPError) in
            try session.perform(.cwd(directory))
            return .init(true)
        }
        report.abilities?.roundTrip = askRoundTrip()
        var listing = ProbeReport.Listing(directory: .init(nil))
        var obstacle: Failure?
        if entry.works == true {
            obstacle = askListing(directory, &listing)
        } else {
            let words = entry.remark ?? ""
            obstacle = Failure(
                .pathMissing,
                "\(assembly.serverName): no directory \(directory) that can be entered: \(words)")
        }
        report.abilities?.epsv = ask { session throws(FTPError) in try Self.passive(.epsv, session) }
        report.abilities?.pasv = ask { session throws(FTPError) in try Self.passive(.pasv, session) }
        report.abilities?.restart = askRestart()
        askByKnowledge()
        report.abilities?.connections = askConnections()
        leave()
        if entry.works == true { askOtherVersion(directory, &listing) }
        report.abilities?.listing = listing
        return obstacle
    }

    /// The median of some round trips, in milliseconds.
    private func askRoundTrip() -> Double? {
        var times: [Duration] = []
        _ = ask { session throws(FTPError) in
            for _ in 0..<7 {
                let start = ContinuousClock.now
                _ = try session.run(.noop)
                times.append(start.duration(to: .now))
            }
            return .init(true)
        }
        guard !times.isEmpty else { return nil }
        let median = times.sorted()[times.count / 2]
        return (median / .microseconds(1)).rounded() / 1000
    }

    /// Lists the directory as a mount begins; gives why that would fail, nil where it would not.
    private func askListing(_ directory: RemotePath, _ listing: inout ProbeReport.Listing) -> Failure? {
        var failure: FTPError?
        listing.directory = ask { session throws(FTPError) in
            do throws(FTPError) {
                let count = try session.list(directory).entries.count
                let showsAll = [.proven, .harmless].contains(session.profile.facts.listAll)
                let command = session.listsByMachine ? "MLSD" : showsAll ? "LIST -a" : "LIST"
                self.noteResumption(of: self.report.tls.version, session)
                return .init(true, "\(command), \(count) \(count == 1 ? "entry" : "entries")")
            } catch {
                failure = error
                throw error
            }
        }
        guard let failure else { return nil }
        if case .resumptionRefused = failure, let version = report.tls.version {
            noteResumption(of: version, .init(false, failure.description))
        }
        let error = RemoteError(failure, operation: "LIST", path: directory)
        // Files of known names can still be of use.
        guard error.kind != .denied else { return nil }
        let isActive = assembly.settings.server.active != nil
        return Failure(listing: error, server: assembly.serverName, isActive: isActive)
    }

    /// Keeps whether the session's last data connection has resumed its TLS session.
    private func noteResumption(of version: String?, _ session: Session) {
        guard let version, let resumes = session.profile.facts.lastDataConnectionResumed else { return }
        noteResumption(
            of: version, .init(resumes, resumes ? nil : "each data connection makes a full handshake"))
    }

    private func noteResumption(of version: String, _ finding: ProbeReport.Finding) {
        guard let place = report.tls.versions.firstIndex(where: { $0.version == version }) else { return }
        report.tls.versions[place].resumption = finding
    }

    private static func passive(
        _ command: Command, _ session: Session
    ) throws(FTPError) -> ProbeReport.Finding {
        do throws(FTPError) {
            try session.tryPassivePort(command)
            return .init(true)
        } catch {
            switch error {
            // Another answer is not to be expected of the next try.
            case .dataConnection, .timedOut: return .init(false, error.description)
            default: throw error
            }
        }
    }

    private func askRestart() -> ProbeReport.Finding {
        ask { session throws(FTPError) in
            let replies = try session.run([.rest(1), .rest(0)])
            return .init(replies[0].isIntermediate, replies[0].isIntermediate ? nil : replies[0].description)
        }
    }

    /// Says what the features and the server's program promise.
    private func askByKnowledge() {
        _ = ask { session throws(FTPError) in
            let (features, software) = (session.features, session.software)
            let program = software.program.rawValue
            var ways: [String] = []
            if features.hasMFMT { ways.append("MFMT") }
            if features.setsTimesByMFF { ways.append("MFF") }
            if features.setsTimesByMDTM { ways.append("MDTM") }
            if features.siteCommands.contains("UTIME") { ways.append("SITE UTIME") }
            let mayDo = software.mdtmSetsTime ? "MDTM, where \(program) is set up for it" : nil
            self.report.abilities?.times =
                ways.isEmpty ? .init(nil, mayDo) : .init(true, ways.joined(separator: ", "))
            func known(_ fact: Bool?) -> ProbeReport.Finding {
                fact == nil ? .init(nil) : .init(fact, "as \(program) does")
            }
            self.report.abilities?.replacing = known(software.renameReplaces)
            self.report.abilities?.patching = known(software.restartKeepsTail)
            self.report.abilities?.modes =
                features.setsModesByMFF ? .init(true, "MFF") : known(software.hasSiteChmod)
            return .init(true)
        }
    }

    /// Opens connections until the server refuses one, `max_conns` at the most, and closes them again.
    private func askConnections() -> ProbeReport.Connections? {
        var others: [Session] = []
        defer { for session in others { session.leave() } }
        let limit = assembly.settings.server.maximumConnections
        let first = ask { session throws(FTPError) in
            _ = try session.run(.noop)
            return .init(true)
        }
        guard first.works == true, let configuration = try? configuration() else { return nil }
        while others.count + 1 < limit {
            do throws(FTPError) {
                others.append(try Session.open(configuration, profile: ServerProfile(), for: cancelling))
            } catch {
                let opened = others.count + 1
                switch error {
                case .interrupted: return nil
                case .tooManyConnections, .unavailable:
                    return .init(opened: opened, limit: opened, refusal: error.description)
                default: return .init(opened: opened, refusal: error.description)
                }
            }
        }
        return .init(opened: others.count + 1)
    }

    /// Lists by LIST over a connection of the other version of TLS, where the options allow that one and the server has it.
    private func askOtherVersion(_ directory: RemotePath, _ listing: inout ProbeReport.Listing) {
        let tls = assembly.settings.tls
        let other = TLSVersion.allCases.first { version in
            let entry = report.tls.versions.first { $0.version == version.description }
            let isAllowed =
                version == .v1_2 ? tls.minimum == .tls12 : tls.maximum == nil || tls.maximum == .tls13
            return isAllowed && entry?.offered == true && entry?.version != report.tls.version
        }
        do throws(FTPError) {
            guard !cancelling.isCancelled else { throw .interrupted }
            var configuration = try configuration { tls in
                if let other { (tls.minimumVersion, tls.maximumVersion) = (other, other) }
            }
            configuration.listing = .list
            let session = try Session.open(configuration, profile: ServerProfile(), for: cancelling)
            defer { session.leave() }
            try askRows(directory, session, &listing)
            if let other { noteResumption(of: other.description, session) }
        } catch {
            listing.timeOffsetRemark = error.description
            guard let other else { return }
            if case .resumptionRefused = error {
                noteResumption(of: other.description, .init(false, error.description))
            } else {
                noteResumption(of: other.description, .init(nil, error.description))
            }
        }
    }

    private func askRows(
        _ directory: RemotePath, _ session: Session, _ listing: inout ProbeReport.Listing
    ) throws(FTPError) {
        let rows = try session.list(directory)
        switch rows.format {
        case .unix: listing.rows = "unix"
        case .dos: listing.rows = "dos"
        case nil: break
        }
        listing.timeOffset = session.profile.facts.timeOffset
        if listing.timeOffset == nil {
            listing.timeOffsetRemark = "the directory has no file that can tell"
        }
    }
}
