package import Remote

/// The server's program, as far as it can be recognised, and what is known of it.
///
/// Banners are often replaced: everything here is safe for `unknown`, and a quirk only ever makes a way shorter or
/// keeps a known fault away. Each quirk names the versions it was seen in.
package struct ServerSoftware: Hashable, Sendable {
    /// The programs told apart.
    package enum Program: String, CaseIterable, Sendable {
        /// vsftpd.
        case vsftpd
        /// ProFTPD.
        case proftpd = "ProFTPD"
        /// Pure-FTPd.
        case pureFTPd = "Pure-FTPd"
        /// pyftpdlib.
        case pyftpdlib
        /// FileZilla Server.
        case fileZilla = "FileZilla Server"
        /// The FTP service of Microsoft's IIS.
        case iis = "Microsoft FTP Service"
        /// SFTPGo.
        case sftpgo = "SFTPGo"
        /// Serv-U.
        case servU = "Serv-U"
        /// Xlight.
        case xlight = "Xlight"
        /// Cerberus.
        case cerberus = "Cerberus"
        /// CrushFTP.
        case crushFTP = "CrushFTP"
        /// GlobalSCAPE EFT.
        case eft = "EFT Server"
        /// Titan.
        case titan = "Titan FTP"
        /// WS_FTP.
        case wsFTP = "WS_FTP Server"
        /// drftpd.
        case drftpd
        /// Another one, or one that hides itself.
        case unknown
    }

    /// The program.
    package let program: Program

    /// Names a program.
    package init(_ program: Program) {
        self.program = program
    }

    /// Recognises a program by its greeting (the 220 reply) and its features; nil features have not been asked for yet.
    ///
    /// The features decide where they say something, and a greeting that they do not bear out counts for nothing: it comes in plain text, from
    /// whoever is on the way, and quirks of another server would reach other files than those that are named.
    package init(greeting: Reply?, features: Features? = nil) {
        let text = greeting?.lines.map { String(decoding: $0, as: UTF8.self).lowercased() }.joined(
            separator: "\n")
        let known = Self.marks.first { text?.contains($0.text) == true }?.program
        guard let features else {
            program = known ?? .unknown
            return
        }
        program = Self.recognise(features) ?? known.flatMap { Self.fits($0, features) ? $0 : nil } ?? .unknown
    }

    private static let marks: [(text: String, program: Program)] = [
        ("(vsftpd", .vsftpd), ("proftpd", .proftpd), ("pure-ftpd", .pureFTPd), ("pyftpdlib", .pyftpdlib),
        ("filezilla server", .fileZilla), ("microsoft ftp service", .iis), ("sftpgo", .sftpgo),
        ("serv-u ftp", .servU), ("xlight ftp server", .xlight), ("cerberus ftp", .cerberus),
        ("crushftp", .crushFTP), ("eft server", .eft), ("titan ftp", .titan), ("ws_ftp server", .wsFTP),
        ("drftpd", .drftpd),
    ]

    private static func recognise(_ features: Features) -> Program? {
        if features.has("ESTA") && features.has("ESTP") || features.states("sizd") { return .pureFTPd }
        if features.hasCSID, features.setsModesByMFF, features.siteCommands.contains("UTIME") {
            return .proftpd
        }
        return nil
    }

    /// Whether features are such as a program has whose quirks would do harm to another one.
    private static func fits(_ program: Program, _ features: Features) -> Bool {
        switch program {
        case .vsftpd: !features.hasMachineListing
        // Either may be missing: CSID before 1.3.6, the other with `FactsAdvertise off`.
        case .proftpd: features.hasCSID || features.settableFacts.contains("unix.group")
        // Its marks are compiled in, so that it is recognised by them alone.
        case .pureFTPd: false
        case .pyftpdlib: features.states("perm") && features.states("unique")
        case .fileZilla, .iis, .sftpgo, .servU, .xlight, .cerberus, .crushFTP, .eft, .titan, .wsFTP, .drftpd,
            .unknown:
            true
        }
    }
}

/// How commands are written.
extension ServerSoftware {
    /// How commands have to be written for this server.
    package var dialect: WireDialect {
        WireDialect(
            doubleIAC: program == .proftpd,
            splitsSiteArguments: ![.vsftpd, .pureFTPd, .pyftpdlib].contains(program))
    }

    /// Commands may follow each other before they are answered, and those behind a download as soon as its data connection has ended.
    ///
    /// Only for programs it was tried on: another one could begin an active transfer when its passive command fails.
    package var takesFlights: Bool {
        switch program {
        case .vsftpd, .proftpd, .pureFTPd, .pyftpdlib, .fileZilla: true
        default: false
        }
    }
    /// A STOR behind REST leaves what lies beyond its bytes (vsftpd 3.0.3, ProFTPD 1.3.8, pyftpdlib 2.2.0); others cut the file at the offset
    /// (Pure-FTPd 1.0.50, FileZilla Server 1.9).
    package var keepsTailBehindRestart: Bool { [.vsftpd, .proftpd, .pyftpdlib].contains(program) }
    /// A STOR behind REST leaves what lies before the offset, and puts its bytes right there: seen on vsftpd 3.0.3, ProFTPD 1.3.8, Pure-FTPd
    /// 1.0.50 and pyftpdlib 2.2.0, read in the source of FileZilla Server 1.9.
    package var keepsHeadBehindRestart: Bool {
        keepsTailBehindRestart || [.pureFTPd, .fileZilla].contains(program)
    }
    /// The older commands for checksums want a path with a space between quotation marks.
    package var quotesChecksumPaths: Bool { [.servU, .eft].contains(program) }
    /// ABOR is needed to end a download early (Pure-FTPd 1.0.50 else sends a final `150`, or nothing).
    package var abortsWithABOR: Bool { program == .pureFTPd }
    /// `MDTM YYYYMMDDhhmmss path` sets the time though FEAT does not say so (vsftpd 3.0.3 with `mdtm_write`).
    package var mdtmSetsTime: Bool { program == .vsftpd }
    /// Commands during a transfer are lost or do harm: the next may follow only once the data connection has ended.
    ///
    /// Pure-FTPd 1.0.50 swallows them with 500; pyftpdlib 2.2.0 executes them, and EPSV cuts the transfer. Others queue them or
    /// answer 450, which is no better: true for all.
    package var isDeafDuringTransfers: Bool { true }
    /// REST is forgotten by any command but the transfer's own (FileZilla Server 1.9).
    package var forgetsRest: Bool { program == .fileZilla }
    /// Only real transfers keep an idle session alive, NOOP does not (ProFTPD 1.3.8 `TimeoutNoTransfer`, Pure-FTPd 1.0.50).
    package var needsTransfersToStayAlive: Bool { program == .proftpd || program == .pureFTPd }
    /// Failing CWDs are delayed and in the end punished (Pure-FTPd 1.0.50: after 50 of them it disconnects).
    package var punishesFailedCWD: Bool { program == .pureFTPd }
}

/// Rights.
extension ServerSoftware {
    /// The `perm` fact tells what the account may do in principle, whatever the file's mode (pyftpdlib 1.5.7 and 2.2.0).
    package var statesConfiguredRights: Bool { program == .pyftpdlib }
}

/// Names.
extension ServerSoftware {
    /// Whether a file or directory made under this path would silently get another name.
    ///
    /// Pure-FTPd 1.0.50 turns spaces at the end of a new name, and control characters anywhere, into `_`, and refuses backslashes.
    package func altersName(of path: RemotePath) -> Bool {
        guard program == .pureFTPd, let name = path.name?.bytes else { return false }
        return name.last == UInt8(ascii: " ")
            || name.contains { $0 < 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "\\") }
    }

    /// Whether MKD refuses a path that RNTO takes: ProFTPD 1.3.8 says "Invalid directory name" of `*` and `?`.
    package func refusesToMake(_ path: RemotePath) -> Bool {
        program == .proftpd && path.bytes.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
    }
}

/// Listings.
extension ServerSoftware {
    /// The number of rows, `.` and `..` included, after which listings are cut without an error (Pure-FTPd 1.0.50).
    package var listingLimit: Int? { program == .pureFTPd ? 10_000 : nil }
    /// Whether `LIST -a path` works; nil where unknown (no: pyftpdlib 2.2.0, FileZilla Server 1.9; yes: vsftpd 3.0.3, ProFTPD 1.3.8).
    package var listTakesOptionsWithPath: Bool? {
        switch program {
        case .vsftpd, .proftpd: true
        case .pyftpdlib, .fileZilla: false
        default: nil
        }
    }
    /// Arguments of LIST are split at spaces and globbed: CWD and LIST without a path (Pure-FTPd 1.0.50).
    package var globsListArguments: Bool { program == .pureFTPd }
    /// LIST without options shows names that begin with a dot (pyftpdlib 2.2.0, FileZilla Server 1.9).
    package var listsDotNames: Bool { [.pyftpdlib, .fileZilla].contains(program) }
    /// A missing or unreadable directory lists as empty with 226 (vsftpd 3.0.3, ProFTPD 1.3.8, Pure-FTPd 1.0.50).
    ///
    /// Assumed of unknown servers too: an empty LIST needs a second question before a directory is called empty.
    package var hidesListErrors: Bool { ![.pyftpdlib, .fileZilla].contains(program) }
    /// MLST of a symbolic link says `type=file` together with the size of the link (ProFTPD 1.3.8).
    package var statesLinkSizes: Bool { program == .proftpd }
    /// MLSD leaves out symbolic links that lead nowhere, while LIST has them (ProFTPD 1.3.8).
    package var hidesDanglingLinks: Bool { program == .proftpd }
    /// Times in LIST rows are UTC; nil where unknown (Pure-FTPd 1.0.50, SFTPGo, IIS: the server's local time).
    package var listsInUTC: Bool? {
        switch program {
        case .proftpd, .pyftpdlib, .fileZilla: true
        case .pureFTPd, .sftpgo, .iis: false
        default: nil
        }
    }
}

/// Data connections and uploads.
extension ServerSoftware {
    /// Whether a file keeps the bytes behind those that REST and STOR write; nil where unknown.
    ///
    /// Kept: vsftpd 3.0.3, ProFTPD 1.3.8, pyftpdlib 2.2.0. Cut: Pure-FTPd 1.0.50, FileZilla Server 1.9.
    package var restartKeepsTail: Bool? {
        switch program {
        case .vsftpd, .proftpd, .pyftpdlib: true
        case .pureFTPd, .fileZilla: false
        default: nil
        }
    }
    /// Whether RNTO replaces a file; nil where unknown (IIS refuses with 550).
    package var renameReplaces: Bool? {
        switch program {
        case .vsftpd, .proftpd, .pureFTPd, .pyftpdlib, .fileZilla: true
        case .iis: false
        default: nil
        }
    }
    /// Whether MFMT can set the time of a directory; nil where unknown (no: vsftpd 3.0.3, pyftpdlib 2.2.0).
    package var setsDirectoryTimes: Bool? {
        switch program {
        case .vsftpd, .pyftpdlib: false
        case .proftpd, .pureFTPd, .fileZilla, .sftpgo: true
        default: nil
        }
    }
    /// A connected data port is gone after a refused RETR (ProFTPD 1.3.8; assumed of unknown servers).
    package var losesPortOnRefusal: Bool { ![.vsftpd, .pureFTPd, .pyftpdlib].contains(program) }
    /// Seconds after which a passive port nobody has connected to is closed; nil where it stays (pyftpdlib 2.2.0: 30, with a 421).
    package var idlePortLife: Int? { program == .pyftpdlib ? 30 : nil }
    /// The last 226 of a download comes only after the client has closed its side (vsftpd 3.0.3, ProFTPD 1.3.8; assumed of unknown servers).
    package var waitsForClientClose: Bool { ![.pyftpdlib, .pureFTPd].contains(program) }
    /// SITE CHMOD works though FEAT does not list it; nil where unknown (FileZilla Server 1.9: 500).
    package var hasSiteChmod: Bool? {
        switch program {
        case .vsftpd, .proftpd, .pureFTPd, .pyftpdlib, .sftpgo: true
        case .fileZilla: false
        default: nil
        }
    }
}
