package import Remote

/// Commands that open, begin, continue and abort data transfers.
extension Command {
    /// `EPSV` (RFC 2428 section 3).
    package static let epsv = Command("EPSV")
    /// `EPSV ALL`: no other command for data connections will be used (RFC 2428 section 4).
    package static let epsvAll = Command("EPSV", "ALL")
    /// `PASV`.
    package static let pasv = Command("PASV")

    /// `PORT h1,h2,h3,h4,p1,p2`: the server is to connect to this IPv4 address.
    package static func port(address: (UInt8, UInt8, UInt8, UInt8), port: UInt16) -> Command {
        let numbers = [address.0, address.1, address.2, address.3, UInt8(port >> 8), UInt8(port & 0xff)]
        return Command("PORT", numbers: numbers.map(String.init).joined(separator: ","))
    }
    /// `EPRT |1|address|port|`: the server is to connect to this IPv4 address (RFC 2428 section 2).
    package static func eprt(address: (UInt8, UInt8, UInt8, UInt8), port: UInt16) -> Command {
        Command("EPRT", numbers: "|1|\(address.0).\(address.1).\(address.2).\(address.3)|\(port)|")
    }
    /// `EPRT |2|address|port|`: the server is to connect to this IPv6 address, given as its eight groups.
    ///
    /// In the customary form (RFC 5952), since pyftpdlib 2.2.0 compares it as text.
    package static func eprt(groups: [UInt16], port: UInt16) -> Command {
        Command("EPRT", numbers: "|2|\(shortened(groups))|\(port)|")
    }

    /// Groups in hexadecimal digits, `::` in the place of the first longest run of zeros.
    private static func shortened(_ groups: [UInt16]) -> String {
        func text(_ part: some Collection<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        var longest = 0..<0
        for start in groups.indices {
            let run = groups[start...].prefix { $0 == 0 }
            if run.count > max(longest.count, 1) { longest = run.startIndex..<run.endIndex }
        }
        guard !longest.isEmpty else { return text(groups) }
        return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
    }

    /// `REST offset`: where the next transfer begins, in bytes (RFC 3659 section 5).
    ///
    /// To be sent right before RETR or STOR, in the same write: servers forget it (FileZilla Server) or remember it (all else).
    package static func rest(_ offset: UInt64) -> Command { Command("REST", number: offset) }
    /// `RETR path`.
    package static func retr(_ path: RemotePath) -> Command { Command("RETR", path) }
    /// `STOR path`.
    package static func stor(_ path: RemotePath) -> Command { Command("STOR", path) }
    /// `APPE path`.
    package static func appe(_ path: RemotePath) -> Command { Command("APPE", path) }
    /// `ALLO size`: room needed by the upload that follows, in bytes.
    package static func allo(_ size: UInt64) -> Command { Command("ALLO", number: size) }
    /// `ABOR`.
    package static let abor = Command("ABOR")

    /// `PRET command`: announces the transfer that follows to servers that spread files over machines (drftpd).
    ///
    /// Only for RETR, STOR, APPE, MLSD, LIST and NLST as made by this type.
    package static func pret(_ command: Command) throws(CommandError) -> Command {
        let whole = try command.encoded(WireDialect(maxLength: .max))
        return try Command("PRET", checking: Array(whole.dropLast(2)))
    }

    /// `MLSD path`, or of the current directory (RFC 3659 section 7).
    package static func mlsd(_ path: RemotePath? = nil) -> Command {
        path.map { Command("MLSD", $0) } ?? Command("MLSD")
    }

    /// `LIST`: with `-a` where dot files are to be shown, then the path, or the current directory.
    ///
    /// A path together with `-a` is taken as a name by pyftpdlib 2.2.0 and FileZilla Server 1.9 (550).
    package static func list(showingHidden: Bool = false, _ path: RemotePath? = nil) -> Command {
        switch (showingHidden, path) {
        case (false, nil): Command("LIST")
        case (true, nil): Command("LIST", "-a")
        case (false, let path?): Command("LIST", path)
        case (true, let path?): Command("LIST", prefix: "-a", path)
        }
    }
    /// `LIST text` with an argument a user has configured.
    package static func list(argument: some Collection<UInt8>) throws(CommandError) -> Command {
        try Command("LIST", checking: Array(argument))
    }
    /// `NLST path`, or of the current directory.
    package static func nlst(_ path: RemotePath? = nil) -> Command {
        path.map { Command("NLST", $0) } ?? Command("NLST")
    }
}
