import FTPClient
import FTPWire
import Posix
import Remote
import Settings
import TLS

/// What can be asked before the log-in, without sending a secret.
extension Probe {
    /// Asks how the server protects connections and whose certificate it shows; throws what would keep a mount from logging in.
    func askTLS() throws(Failure) {
        let configuration = try assembly.sessionConfiguration()
        let first: Introduction
        do throws(FTPError) {
            first = try Session.introduce(configuration, for: cancelling)
        } catch {
            throw Failure(error, server: assembly.serverName)
        }
        report.server.address = first.address.description
        report.server.greeting = first.greeting?.description
        note(first)
        // A server that does not get as far as TLS is not asked for its versions.
        guard first.failure == nil || first.failure?.isAboutTLS == true else { return try stop(first) }
        for version in TLSVersion.allCases { report.tls.versions.append(try offer(version)) }
        if case .tls(.notTrusted(let problem)) = first.failure {
            // Once more without judging, for what only a whole handshake tells; our own certificate is not shown.
            let unjudged = try? self.configuration { tls in
                (tls.verifiesPeer, tls.pins, tls.revocationFile) = (false, [], nil)
                (tls.certificateFile, tls.keyFile) = (nil, nil)
            }
            let second = unjudged.flatMap { try? Session.introduce($0, for: cancelling) }
            if let second { note(second) }
            report.certificate = .init(problem, chain: second?.chain ?? [])
        } else if first.failure == nil, let leaf = first.chain.first {
            report.certificate = trust(in: leaf, first.chain)
        }
        try stop(first)
    }

    private func note(_ introduction: Introduction) {
        guard let negotiated = introduction.negotiated else { return }
        report.tls.version = negotiated.version?.description
        report.tls.cipher = negotiated.cipher
        report.tls.group = negotiated.group
    }

    private func stop(_ introduction: Introduction) throws(Failure) {
        if let failure = introduction.failure { throw Failure(failure, server: assembly.serverName) }
    }

    /// Tries a handshake with one version alone.
    ///
    /// A certificate that is not accepted comes after the agreement on the version.
    private func offer(_ version: TLSVersion) throws(Failure) -> ProbeReport.Version {
        var answer = ProbeReport.Version(version: version.description)
        do throws(FTPError) {
            guard !cancelling.isCancelled else { throw .interrupted }
            let configuration = try configuration { tls in
                (tls.minimumVersion, tls.maximumVersion) = (version, version)
            }
            let introduction = try Session.introduce(configuration, for: cancelling)
            switch introduction.failure {
            case nil, .tls(.notTrusted): answer.offered = true
            case let failure?:
                answer.offered = failure.isAboutVersion ? false : nil
                answer.reason = failure.description
            }
        } catch {
            answer.reason = error.description
        }
        return answer
    }

    private func trust(in leaf: PeerIdentity, _ chain: [PeerIdentity]) -> ProbeReport.Trust {
        let tls = assembly.settings.tls
        var advice: String?
        let reason: String
        if tls.pinsPeer {
            reason = "it is the certificate that the options name"
        } else if !tls.verifiesPeer {
            reason = "it was not checked (no_verify_peer)"
            advice =
                "anybody on the way can read the password; where \(leaf.sha256Hex) is the SHA-256 that the server's "
                + "administrator names, use \(leaf.pinOption) instead"
        } else if !tls.verifiesHostName {
            reason =
                "its authority is a trusted one; for which host it is was not checked (no_verify_hostname)"
        } else {
            reason = "its authority is a trusted one, and it is made out to this host"
        }
        if advice == nil, let end = leaf.validUntil, end - WallClock.now().seconds < 14 * 86_400 {
            advice = "it ends on \(leaf.validUntilText): have it renewed"
        }
        return ProbeReport.Trust(
            accepted: true, reason: reason, advice: advice, pin: leaf.pinOption,
            chain: chain.map(ProbeReport.Certificate.init))
    }
}

extension ProbeReport.Certificate {
    init(_ identity: PeerIdentity) {
        self.init(
            subject: identity.subject, issuer: identity.issuer, names: identity.names,
            validFrom: identity.validFromText, validUntil: identity.validUntilText,
            sha256: identity.sha256Hex)
    }
}

extension ProbeReport.Trust {
    fileprivate init(_ problem: CertificateProblem, chain: [PeerIdentity]) {
        let chain = chain.isEmpty ? [problem.identity] : chain
        self.init(
            accepted: false, reason: problem.reason,
            advice:
                "compare the SHA-256 with what the server's administrator says; where they are the same, use "
                + "\(problem.hint), or cacert=FILE with the certificate of the server's authority",
            pin: problem.hint, chain: chain.map(ProbeReport.Certificate.init))
    }
}

extension FTPError {
    /// Whether the two sides have no version of TLS in common, as far as OpenSSL's words tell.
    fileprivate var isAboutVersion: Bool {
        switch self {
        case .tls(.refusedByPeer(let words)), .tls(.failed(let words)):
            words.contains("protocol version") || words.contains("unsupported protocol")
        default: false
        }
    }

    /// Whether it is a failure of TLS, rather than of the way to it.
    fileprivate var isAboutTLS: Bool {
        if case .tls = self { true } else { false }
    }
}
