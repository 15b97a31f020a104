import FTPClient
import FTPWire
import Posix
import Remote
import Settings
import TLS

/// Asks a server what it is and what it can do, question by question.
///
/// Every wait is bounded by the options' time limits. A question that fails leaves its answer open and the others to be asked.
final class Probe {
    /// The settings in the words of each part.
    let assembly: Assembly
    /// What was typed.
    let typed: MountRequest
    /// The user, the environment, the user database.
    let surroundings: Surroundings
    /// Whether a file is made on the server.
    let writes: Bool
    /// Ends all waits when cancelled.
    let cancelling: Request
    /// What was found out so far.
    var report: ProbeReport
    /// What the session learns of the server.
    private(set) var profile = ServerProfile()
    /// The session that is asked; nil before the log-in and between two.
    private var session: Session?
    /// How often a session that broke was replaced.
    private var replacements = 0

    /// How many sessions that break are replaced.
    private static let replacementLimit = 5

    /// Puts a probe together.
    init(
        _ assembly: Assembly, _ typed: MountRequest, _ surroundings: Surroundings, writes: Bool,
        cancelling: Request
    ) {
        self.assembly = assembly
        self.typed = typed
        self.surroundings = surroundings
        self.writes = writes
        self.cancelling = cancelling
        let server = assembly.settings.server
        report = ProbeReport(server: .init(host: server.host, port: server.port))
    }

    /// Asks everything; gives why a mount would fail, nil where it would not.
    func run() -> Failure? {
        defer { leave() }
        do throws(Failure) {
            try askTLS()
            let directory = try logIn()
            let obstacle = askAbilities(directory)
            if writes, obstacle == nil { askWriting(directory) }
            guard !cancelling.isCancelled else { throw Failure(.interrupted, "interrupted") }
            if let obstacle { throw obstacle }
            try writeFstab()
            return nil
        } catch {
            report.failure = error.message
            return error
        }
    }

    /// Logs in as a mount does, and gives the directory that would be mounted.
    private func logIn() throws(Failure) -> RemotePath {
        let configuration = try assembly.sessionConfiguration()
        let session: Session
        do throws(FTPError) {
            session = try Session.open(configuration, profile: profile, for: cancelling)
        } catch {
            throw Failure(error, server: assembly.serverName)
        }
        self.session = session
        report.server.software = session.software.program.rawValue
        guard let path = RemotePath(assembly.settings.server.path, relativeTo: session.home) else {
            throw Failure(.usage, "the remote path holds bytes that FTP cannot carry")
        }
        report.abilities = .init(
            home: session.home.description, directory: path.description, features: session.features.lines,
            checksums: session.features.checksumCommands, copying: session.features.copyCommands)
        return path
    }

    /// Asks one question over the session, or over a new one where the last has broken.
    ///
    /// A refusal is a no; all other failures leave the answer open.
    func ask(
        _ question: (Session) throws(FTPError) -> ProbeReport.Finding
    ) -> ProbeReport.Finding {
        do throws(FTPError) {
            return try question(usableSession())
        } catch {
            switch error {
            case .refused, .unsupported, .resumptionRefused: return .init(false, error.description)
            default: return .init(nil, error.description)
            }
        }
    }

    /// The session, or a new one where it has broken.
    private func usableSession() throws(FTPError) -> Session {
        guard !cancelling.isCancelled else { throw .interrupted }
        if let session, session.isUsable { return session }
        leave()
        guard replacements < Self.replacementLimit else {
            throw .connectionLost("too many connections have broken")
        }
        replacements += 1
        let fresh = try Session.open(configuration(), profile: profile, for: cancelling)
        session = fresh
        return fresh
    }

    /// How to reach the server; `change` is made to how TLS is spoken.
    func configuration(
        _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) throws(FTPError) -> SessionConfiguration {
        do throws(Failure) {
            return try assembly.sessionConfiguration(change)
        } catch {
            throw .unsupported(error.message)
        }
    }

    /// A session that a signal does not end, for what has to be done in any case.
    func lastingSession() throws(FTPError) -> Session {
        let request = Request()
        if let session, session.isUsable {
            session.bind(to: request)
            return session
        }
        leave()
        let fresh = try Session.open(configuration(), profile: profile, for: request)
        session = fresh
        return fresh
    }

    /// Ends the session, so that the server counts it no more.
    func leave() {
        session?.leave()
        session = nil
    }

    /// The line for fstab with what the server has been found to need.
    private func writeFstab() throws(Failure) {
        var learned: [OptionElement] = []
        if let limit = report.abilities?.connections?.limit {
            learned.append(OptionElement("max_conns", String(limit)))
        }
        if report.abilities?.epsv?.works == false, report.abilities?.pasv?.works == true,
            assembly.settings.server.passiveMode == .automatic
        {
            learned.append(OptionElement("disable_epsv"))
        }
        do throws(SettingsError) {
            let line = try FstabLine(
                typed, assembly.settings, user: assembly.credentials.userName, learned: learned, surroundings)
            report.fstab = line.text
            if let file = line.missingCredentials {
                report.notes.append("write the line password=... into \(file), and run chmod 600 \(file)")
            }
        } catch {
            throw Failure(error)
        }
    }
}

extension Features {
    /// The commands that give checksums, those of HASH with its algorithms.
    fileprivate var checksumCommands: [String] {
        let algorithms = hashAlgorithms.map(\.name)
        let hash = hasHASH ? [(["HASH"] + algorithms).joined(separator: " ")] : []
        return hash + checksums.map(\.rawValue)
    }

    /// The commands that copy on the server.
    fileprivate var copyCommands: [String] {
        ["COPY", "CPFR", "CPTO"].filter(siteCommands.contains).map { "SITE \($0)" }
    }
}
