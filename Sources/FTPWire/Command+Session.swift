package import Remote

/// Commands that log in, set up and end a session.
extension Command {
    /// A mechanism of AUTH (RFC 4217 section 4, RFC 2228 section 3).
    package enum Authentication: Sendable {
        /// `TLS`, the one that servers agree on.
        case tls
        /// `TLS-C`, the same under its older name.
        case tlsC
        /// `TLS-P`, of the drafts, which also protects data connections by default.
        case tlsP
        /// `SSL`, which also protects data connections by default.
        case ssl
    }

    /// A protection level of data connections (RFC 4217 section 9).
    package enum Protection: Sendable {
        /// `C`: not protected.
        case clear
        /// `P`: protected by TLS.
        case `private`
    }

    /// A representation type (RFC 959 section 3.1.1).
    package enum Representation: Sendable {
        /// `I`: bytes as they are.
        case image
        /// `A`: text with CRLF, which changes bytes.
        case ascii
    }

    /// `USER name`.
    package static func user(_ name: some Collection<UInt8>) throws(CommandError) -> Command {
        try Command("USER", checking: Array(name))
    }
    /// `USER name`, the name in UTF-8.
    package static func user(_ name: String) throws(CommandError) -> Command {
        try user(Array(name.utf8))
    }
    /// `ACCT account`; masked in logs.
    package static func acct(_ account: some Collection<UInt8>) throws(CommandError) -> Command {
        try Command("ACCT", checking: Array(account), isSecret: true)
    }
    /// `AUTH mechanism` (RFC 4217 section 4).
    package static func auth(_ mechanism: Authentication = .tls) -> Command {
        switch mechanism {
        case .tls: Command("AUTH", "TLS")
        case .tlsC: Command("AUTH", "TLS-C")
        case .tlsP: Command("AUTH", "TLS-P")
        case .ssl: Command("AUTH", "SSL")
        }
    }
    /// `PBSZ 0`, the only size TLS takes (RFC 4217 section 8).
    package static let pbsz = Command("PBSZ", "0")
    /// `PROT level` (RFC 4217 section 9).
    package static func prot(_ level: Protection) -> Command {
        switch level {
        case .clear: Command("PROT", "C")
        case .private: Command("PROT", "P")
        }
    }
    /// `CCC`: ends the protection of the control connection (RFC 2228 section 3).
    ///
    /// Sent on the user's order only.
    package static let ccc = Command("CCC")
    /// `HOST name` (RFC 7151).
    package static func host(_ name: String) throws(CommandError) -> Command {
        try Command("HOST", checking: Array(name.utf8))
    }
    /// `CLNT name`: tells the client's name to servers that list it in FEAT.
    package static func clnt(_ name: String) throws(CommandError) -> Command {
        try Command("CLNT", checking: Array(name.utf8))
    }
    /// `CSID list`: client and server tell their names to each other (draft-peterson-streamlined-ftp-command-extensions).
    package static func csid(_ facts: String) throws(CommandError) -> Command {
        try Command("CSID", checking: Array(facts.utf8))
    }
    /// `FEAT` (RFC 2389 section 3).
    package static let feat = Command("FEAT")
    /// `OPTS text` (RFC 2389 section 4).
    package static func opts(_ text: String) throws(CommandError) -> Command {
        try Command("OPTS", checking: Array(text.utf8))
    }
    /// `OPTS UTF8 ON`: names are UTF-8 (refused with 504 by Pure-FTPd 1.0.50, which speaks UTF-8 all the same).
    package static let optsUTF8 = Command("OPTS", "UTF8 ON")
    /// `OPTS MLST` with all facts this module reads (RFC 3659 section 7.9).
    ///
    /// pyftpdlib 2.2.0 gives the `unix.` facts only when asked.
    package static let optsMLST = Command(
        "OPTS", "MLST type;size;modify;perm;unix.mode;unix.uid;unix.gid;unix.owner;unix.group;")
    /// `TYPE representation` (RFC 959 section 3.1.1).
    package static func type(_ representation: Representation) -> Command {
        switch representation {
        case .image: Command("TYPE", "I")
        case .ascii: Command("TYPE", "A")
        }
    }
    /// `STRU F`: files are strings of bytes.
    package static let struFile = Command("STRU", "F")
    /// `MODE S`: data flows as a stream.
    package static let modeStream = Command("MODE", "S")
    /// `SYST`: the kind of the server's system.
    package static let syst = Command("SYST")
    /// `HELP`.
    package static let help = Command("HELP")
    /// `NOOP`.
    package static let noop = Command("NOOP")
    /// `QUIT`.
    package static let quit = Command("QUIT")
    /// `REIN`: back to before the log-in.
    package static let rein = Command("REIN")
    /// `PWD`.
    package static let pwd = Command("PWD")
    /// `CWD path`.
    package static func cwd(_ path: RemotePath) -> Command { Command("CWD", path) }
    /// `CDUP`.
    package static let cdup = Command("CDUP")
}
