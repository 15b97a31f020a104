/// Signs in the texts of replies that codes alone do not give.
extension Reply {
    /// The server has no room for one more connection of this client, user or address (421; ProFTPD and FileZilla Server after PASS: 530, 421).
    ///
    /// Other codes are about what was asked for, and their texts quote it.
    package var isTooManyConnections: Bool {
        guard code == 421 || code == 530 else { return false }
        // Too many failed log-ins are another matter.
        let others = ["attempt", "fail", "incorrect", "wrong", "tries", "timeout", "time limit", "idle"]
        guard !others.contains(where: speaks) else { return false }
        let amounts = ["too many", "no more", "maximum", "max ", "limit"]
        let things = ["connection", "client", "user", "session", "login", "logged in", "log-in"]
        return amounts.contains(where: speaks) && things.contains(where: speaks)
    }

    /// The server has judged who logs in, though the code is one of failures that pass: `430 Invalid username or password`, `421 Login incorrect`,
    /// `421 Too many failed attempts`.
    ///
    /// Servers count such log-ins and lock accounts. Beside words about the service weaker ones ("denied") are not taken for that.
    package func refusesCredentials(to verb: String) -> Bool {
        guard isTransientFailure, ["USER", "PASS", "ACCT"].contains(verb) else { return false }
        let verdicts = ["incorrect", "wrong", "attempts", " tries", "failed login", "credential"]
        if code == 430 || verdicts.contains(where: speaks) { return true }
        let services = [
            "timed out", "timeout", "temporar", "later", "available", "service", "unable", "possible",
        ]
        guard !services.contains(where: speaks) else { return false }
        if ["invalid", "denied", " locked"].contains(where: speaks) { return true }
        let subjects = ["password", "login", "log in", "logon", "authenticat", "failed"]
        return verb != "USER" && subjects.contains(where: speaks)
    }

    /// The server takes the client for one that has not logged in, though 530 is also said of a lack of rights.
    ///
    /// vsftpd 3.0.3 and ProFTPD 1.3.8: `530 Please login with USER and PASS`; Pure-FTPd 1.0.50: `530 You aren't logged in`; pyftpdlib 2.2:
    /// `530 Log in with USER and PASS first.`
    package var saysNotLoggedIn: Bool {
        guard code == 530 || code == 503 else { return false }
        let words = ownWords
        let signs = [
            "login with", "log in with", "not logged in", "aren't logged in", "please login", "please log in",
        ]
        return signs.contains(where: words.speaks)
    }

    /// The server refuses a data connection that does not resume the control connection's TLS session.
    ///
    /// vsftpd 3.0.3: `522 SSL connection failed: session reuse required`; FileZilla Server 1.9: `425 ... TLS session of data
    /// connection not resumed.`; ProFTPD 1.3.8: `425 Unable to build data connection: Operation not permitted`.
    package var isSessionReuseDemanded: Bool {
        guard code == 425 || code == 522 || code == 450 || code == 534 else { return false }
        let words = ownWords
        let reuse = ["reuse", "re-use", "resum"].contains(where: words.speaks)
        if words.speaks(of: "session"), reuse { return true }
        return code == 425 && words.speaks(of: "data connection")
            && words.ends(with: "operation not permitted")
    }

    /// The server refuses a command for the protection level of data connections: PROT itself, or what would use or prepare one at the level
    /// in force (RFC 4217 sections 9 and 10; 534 and 536 are of RFC 2228).
    ///
    /// vsftpd 3.0.3 and ProFTPD 1.3.8 say 522 to the transfer, pyftpdlib 2.2.0 says `550 SSL/TLS required on the data channel.` to EPSV.
    /// A 522 to EPSV, EPRT and the like is about addresses (RFC 2428), one about session reuse is another matter.
    package func isAboutProtection(of verb: String) -> Bool {
        switch code {
        case 521, 534, 536: !isSessionReuseDemanded
        case 522: !isSessionReuseDemanded && !["EPSV", "EPRT", "PASV", "PORT"].contains(verb)
        case 550: ownWords.ends(with: "required on the data channel")
        default: false
        }
    }

    /// The server found no data connection, or a broken one: no verdict on what was asked for.
    ///
    /// 450 stands for much; of a lost data connection ProFTPD 1.3.8 says `Link to file server lost`. 451 is a local error of the server, but
    /// Pure-FTPd 1.0.50 says it of uploads too, in its first line: `Error during read from data connection` or `Transfer aborted`, where it
    /// says `Error during write to file` of a full disk. (ProFTPD says `Transfer aborted. Input/output error` of that.)
    package var isAboutDataConnection: Bool {
        switch code {
        case 421, 425, 426: true
        case 450: ownWords.ends(with: "link to file server lost")
        case 451:
            lines.first.map { line in
                let first = Reply(code: code, lines: [line])
                return ["transfer aborted", "error during read from data connection"].contains {
                    first.begins(with: $0) && first.ends(with: $0)
                }
            } ?? false
        default: false
        }
    }

    /// The server refuses REST before STOR, and APPE, but takes whole files (ProFTPD 1.3.8 without `AllowStoreRestart`).
    package var refusesRestart: Bool { ownWords.speaks(of: "restart not permitted") }

    /// The server refuses to replace files by STOR or RNTO (ProFTPD 1.3.8 without `AllowOverwrite`).
    package var refusesOverwriting: Bool {
        ends(with: "overwrite permission denied") || ends(with: "rename permission denied")
    }

    /// The name exists and is no regular file, mostly a directory (ProFTPD 1.3.8, Pure-FTPd 1.0.50).
    package var saysNotRegularFile: Bool {
        guard code == 550 else { return false }
        return ["not a regular file", "not a plain file", "only retrieve regular files"].contains(
            where: ownWords.speaks)
    }

    /// A listing has no rows, though its code is one of failure (450 and 550 `No files found`).
    package var isEmptyListing: Bool {
        guard code == 450 || code == 550 || code == 226 else { return false }
        return ["no files found", "no files or directories found"].contains(where: ownWords.speaks)
    }

    /// The final reply of a listing that was cut: Pure-FTPd 1.0.50 says `226 Output truncated to 10000 matches`.
    package var isTruncatedListing: Bool { speaks(of: "output truncated") }

    /// The reply without the paths it quotes, whose words are the user's and not the server's.
    ///
    /// Paths are absolute in all that is sent, so that one begins with the first slash at the beginning of a word. It ends with the mark that
    /// closes it where one opens it, else with the last colon that a space follows, else with the line: names may have any of them inside.
    var ownWords: Reply { Reply(code: code, lines: lines.map(Self.withoutPath)) }

    private static func withoutPath(_ line: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        let start = line.indices.first { index in
            line[index] == slash && (index == 0 || !isLetter(line[index - 1]) && line[index - 1] != slash)
        }
        guard let start else { return line }
        let openers = Array("'\"`[(<".utf8)
        let closers = Array("'\"`])>".utf8)
        if start > 0, let mark = openers.firstIndex(of: line[start - 1]),
            let end = line[start...].lastIndex(of: closers[mark])
        {
            return Array(line[..<start] + line[end...])
        }
        let colon = line[start...].indices.last { index in
            line[index] == UInt8(ascii: ":") && index + 1 < line.count && isBlank(line[index + 1])
        }
        guard let colon else { return Array(line[..<start]) }
        return Array(line[..<start] + line[colon...])
    }

    /// Whether a text occurs in the reply, given in small letters.
    func speaks(of words: String) -> Bool {
        let words = Array(words.utf8)
        return lines.contains { line in
            guard line.count >= words.count else { return false }
            return (0...(line.count - words.count)).contains { start in
                Self.matches(line, at: start, words)
            }
        }
    }

    /// Whether a line begins with a text, given in small letters.
    func begins(with words: String) -> Bool {
        let words = Array(words.utf8)
        return lines.contains { $0.count >= words.count && Self.matches($0, at: 0, words) }
    }

    /// Whether a line ends with a text, given in small letters; points, brackets and quotation marks behind it do not count.
    ///
    /// A word that only ends like the first of the text is another one.
    func ends(with words: String) -> Bool {
        let words = Array(words.utf8)
        let signs = Array(" \t.!'\")]>".utf8)
        return lines.contains { line in
            guard let last = line.lastIndex(where: { !signs.contains($0) }) else { return false }
            let start = last + 1 - words.count
            guard start >= 0, Self.matches(line, at: start, words) else { return false }
            return start == 0 || !Self.isLetter(line[start - 1])
        }
    }

    private static func matches(_ line: [UInt8], at start: Int, _ words: [UInt8]) -> Bool {
        for (offset, byte) in words.enumerated() where lowercased(line[start + offset]) != byte {
            return false
        }
        return true
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= lowercased(byte) || isDigit(byte) || byte >= 0x80
    }
}
