/// A command that the user adds to the log-in.
package struct ServerCommand: Sendable, Hashable {
    /// The command as it is sent, without the line end; begins with letters, holds no NUL, CR or LF.
    package var line: [UInt8]
    /// Whether the log-in goes on when the server refuses it; a `*` in front says so, as with curl.
    package var mayFail: Bool

    /// Commands that are the program's own: they carry secrets, or decide what later commands mean.
    private static let reserved: Set<String> = [
        "ABOR", "ACCT", "ADAT", "ALLO", "APPE", "AUTH", "CCC", "CONF", "ENC", "EPRT", "EPSV", "LIST", "MIC",
        "MLSD", "MODE",
        "NLST", "PASS", "PASV", "PBSZ", "PORT", "PROT", "QUIT", "REIN", "REST", "RETR", "RNFR", "RNTO",
        "STOR", "STOU", "STRU",
        "TYPE", "USER",
    ]

    /// Understands an option's value.
    init(_ value: OptionValue) throws(SettingsError) {
        var line = ArgumentText.bytes(value.text)
        mayFail = line.first == UInt8(ascii: "*")
        if mayFail { line.removeFirst() }
        self.line = line
        guard !line.contains(where: { [0, 10, 13].contains($0) }) else {
            throw SettingsError("\(value.option): a command is one line without NUL")
        }
        let word = line.prefix { $0 != UInt8(ascii: " ") }
        let verb = String(decoding: word, as: UTF8.self).uppercased()
        guard !word.isEmpty, verb.allSatisfy({ ("A"..."Z").contains($0) }) else {
            throw value.error("use a command of FTP, such as 'SITE UMASK 022' or 'HOST ftp.example.com'")
        }
        guard !Self.reserved.contains(verb) else {
            // The text is not shown: it may hold a password.
            throw SettingsError("\(value.option): \(verb) is sent by the program itself where it is needed")
        }
    }
}
