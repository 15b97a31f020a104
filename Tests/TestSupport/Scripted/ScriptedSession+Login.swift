/// The commands of the session itself: log-in, protection, state.
extension ScriptedSession {
    private static let transferVerbs: Set<String> = [
        "EPSV", "PASV", "RETR", "STOR", "APPE", "STOU", "MLSD", "LIST", "NLST",
    ]
    private static let openVerbs: Set<String> = [
        "AUTH", "USER", "PASS", "PBSZ", "PROT", "FEAT", "OPTS", "QUIT", "NOOP", "CLNT", "HOST", "SYST",
        "HELP",
    ]

    /// Carries out one command line.
    func handle(_ line: [UInt8]) throws {
        let parts = line.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
        let verb = String(decoding: parts.first ?? [], as: UTF8.self).uppercased()
        let argument = parts.count > 1 ? Array(parts[1]) : []
        guard try obey(.command(verb), .command("*")) else { return }
        if transfer != nil, try !mayRunDuringTransfer(verb) { return }
        if like.forgetsRestart, !["REST", "RETR", "STOR", "APPE"].contains(verb) { restart = 0 }
        if verb != "RNTO" { renameSource = nil }
        guard isLoggedIn || Self.openVerbs.contains(verb) else {
            return try send("530 Please login with USER and PASS.", for: verb)
        }
        if try access(verb, argument) { return }
        if try state(verb, argument) { return }
        if try files(verb, argument) { return }
        if try listings(verb, argument) { return }
        if try transfers(verb, argument) { return }
        try send("500 Unknown command.", for: verb)
    }

    private func mayRunDuringTransfer(_ verb: String) throws -> Bool {
        switch like.busyness {
        case .queues: return true
        case .answersHarmless:
            guard Self.transferVerbs.contains(verb) else { return true }
            try send("450 \(verb): data transfer in progress", for: verb)
            return false
        case .refuses:
            guard verb != "ABOR", verb != "QUIT" else { return true }
            try send("500 Unknown command", for: verb)
            return false
        case .executes:
            if Self.transferVerbs.contains(verb) { transfer?.abort() }
            return true
        }
    }

    private func access(_ verb: String, _ argument: [UInt8]) throws -> Bool {
        let text = String(decoding: argument, as: UTF8.self)
        switch verb {
        case "AUTH":
            guard !connection.isSecured else { return try say("503 Already using TLS.", verb) }
            guard text.uppercased() == "TLS" else { return try say("504 Unknown AUTH type.", verb) }
            discardInput()
            try send("234 AUTH TLS successful.", for: verb)
            try secure()
        case "USER":
            guard connection.isSecured else {
                return try say("530 Non-anonymous sessions must use encryption.", verb)
            }
            user = text
            try send("331 Please specify the password.", for: verb)
        case "PASS":
            guard let user else { return try say("503 Login with USER first.", verb) }
            if let limit = settings.maximumConnections, like.refusesAtLogin, server.counts.openControl > limit
            {
                try send(
                    "530 Sorry, the maximum number of clients (\(limit)) from your host are already connected.",
                    for: verb)
                throw End(ending: .orderly)
            }
            guard user == settings.user, text == settings.password else {
                return try say("530 Login incorrect.", verb)
            }
            isLoggedIn = true
            server.count { $0.logins += 1 }
            try send("230 Login successful.", for: verb)
        case "PBSZ": try send("200 PBSZ set to 0.", for: verb)
        case "PROT":
            guard text.uppercased() == "P" else { return try say("534 PROT P is required.", verb) }
            protectsData = true
            try send("200 PROT now Private.", for: verb)
        case "CCC": try send("534 Unwilling to accept security parameters", for: verb)
        case "QUIT":
            try send("221 Goodbye.", for: verb)
            throw End(ending: .orderly)
        default: return false
        }
        return true
    }

    /// Sends a reply and answers true, for "dealt with".
    func say(_ text: String, _ verb: String) throws -> Bool {
        try send(text, for: verb)
        return true
    }

    private func state(_ verb: String, _ argument: [UInt8]) throws -> Bool {
        let text = String(decoding: argument, as: UTF8.self)
        switch verb {
        case "FEAT":
            let lines = like.features.map { " \($0)\r\n" }.joined()
            try send("211-Features:\r\n\(lines)211 End", for: verb)
        case "OPTS":
            let words = text.uppercased()
            if words == "UTF8 ON" { return try say(like.utf8Reply, verb) }
            if words.hasPrefix("MLST"), like.facts != nil { return try say("200 \(text)", verb) }
            try send("501 Option not understood.", for: verb)
        case "CLNT", "HOST":
            try send(like.facts == nil ? "500 Unknown command." : "200 Noted.", for: verb)
        case "SYST": try send("215 UNIX Type: L8", for: verb)
        case "HELP": try send("214 No help.", for: verb)
        case "NOOP": try send("200 NOOP ok.", for: verb)
        case "TYPE":
            guard ["I", "A", "A N", "L 8"].contains(text.uppercased()) else {
                return try say("504 TYPE not implemented.", verb)
            }
            isASCII = text.uppercased().hasPrefix("A")
            try send("200 Type set to \(text.uppercased()).", for: verb)
        case "MODE", "STRU": try send("200 Ok.", for: verb)
        case "ALLO": try send("202 ALLO command ignored.", for: verb)
        case "REIN": try send("502 REIN not implemented.", for: verb)
        case "ABOR": try abort()
        case "REST":
            guard let offset = Int(text), offset >= 0 else { return try say("501 Bad offset.", verb) }
            restart = offset
            try send("350 Restart position accepted (\(offset)).", for: verb)
        default: return false
        }
        return true
    }

    private func abort() throws {
        guard let transfer else { return try send("225 No transfer to ABOR.", for: "ABOR") }
        replyAfterTransfer = "226 Abort successful"
        transfer.abort()
    }
}
