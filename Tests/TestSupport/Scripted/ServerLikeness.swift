/// How a scripted server differs from others where servers do differ.
package struct ServerLikeness: Sendable {
    /// What happens to commands that arrive while a transfer runs.
    package enum Busyness: Sendable {
        /// They wait for its end (vsftpd, FileZilla Server).
        case queues
        /// Harmless ones are answered at once, transfers and EPSV get 450 (ProFTPD).
        case answersHarmless
        /// All but ABOR and QUIT get 500 (Pure-FTPd).
        case refuses
        /// All are executed; EPSV and transfers cut the running one (pyftpdlib).
        case executes
    }

    /// When the final reply of a RETR or a listing is sent.
    package enum FinalReply: Sendable {
        /// As soon as the server has sent everything.
        case atOnce
        /// Once the client has sent close_notify or closed.
        case afterClientClose
        /// Once the client has ended the TCP connection.
        case afterClientFIN
    }

    /// For test descriptions.
    package var name: String
    /// The text after `220 `.
    package var greeting: String
    /// The lines of FEAT, without the leading space.
    package var features: [String]
    /// The facts of MLSD lines; nil means that MLSD and MLST are unknown.
    package var facts: [String]?
    /// See `Busyness`.
    package var busyness = Busyness.queues
    /// For RETR.
    package var retrieveEnd = FinalReply.atOnce
    /// For MLSD, LIST and NLST.
    package var listEnd = FinalReply.atOnce
    /// Whether an upload ends with close_notify alone, or only with FIN (ProFTPD).
    package var uploadEndsWithCloseNotify = true
    /// Whether an upload that ends without close_notify gets 426 (vsftpd).
    package var insistsOnCloseNotify = false
    /// Whether data connections must resume the session of some control connection.
    package var requiresResumption = false
    /// Whether it must be the session of their own control connection.
    package var requiresOwnSession = false
    /// Sent when a data connection did not resume.
    package var resumptionRefusal = "425 Unable to build data connection: Operation not permitted"
    /// Whether the control connection is closed after that.
    package var closesOnResumptionRefusal = false
    /// The groups taken; nil means all.
    package var groups: String?
    /// Whether TLS 1.3 sends tickets.
    package var sendsTickets = true
    /// Whether each EPSV and PASV sends a ticket on the control connection, and nothing else does (FileZilla Server).
    package var sendsTicketPerPassive = false
    /// Whether a 550 ends in the text of strerror(3).
    package var tellsErrno = true
    /// Whether LIST shows hidden files without `-a`.
    package var listsHidden = false
    /// Whether `LIST -a` is understood, rather than taken for a name.
    package var understandsListOptions = true
    /// Whether REST with STOR keeps what lies beyond the upload, or cuts the file at the offset.
    package var restartKeepsTail = true
    /// Whether REST is forgotten at every other command.
    package var forgetsRestart = false
    /// Whether a failed RETR or STOR leaves the passive port usable.
    package var keepsPortAfterRefusal = true
    /// The answer to OPTS UTF8 ON.
    package var utf8Reply = "200 UTF8 set to on"
    /// Whether SIZE is refused in ASCII mode.
    package var refusesSizeInASCII = false
    /// The code of RNTO failures.
    package var renameFailure = 550
    /// Whether too many connections are refused with 530 after PASS, rather than with 421 at once.
    package var refusesAtLogin = false
    /// The commands that set a time.
    package var timeCommands: Set<String> = ["MFMT"]
    /// The code that opens and closes a STAT listing of a directory.
    package var statusCode = 213
    /// Whether PWD and MKD double quotes inside names.
    package var doublesQuotes = true
    /// Sent when the client closes a data connection inside its handshake; nil means that the control connection ends without a word.
    package var handshakeFailure: String? = "425 Unable to build data connection: Operation not permitted"
    /// Sent when the client resets the data connection of an upload.
    package var uploadReset = "426 Failure reading network stream."
    /// Sent when the client ends a RETR early; nil means no reply at all.
    package var earlyEndReply: String? = "426 Failure writing network stream."
}

extension ServerLikeness {
    /// vsftpd 3.0.3.
    package static let vsftpd: ServerLikeness = {
        var like = ServerLikeness(
            name: "vsftpd", greeting: "(vsFTPd 3.0.3)",
            features: [
                "AUTH TLS", "EPRT", "EPSV", "MDTM", "PASV", "PBSZ", "PROT", "REST STREAM", "SIZE", "TVFS",
                "UTF8",
            ])
        like.retrieveEnd = .afterClientClose
        like.listEnd = .afterClientClose
        like.insistsOnCloseNotify = true
        like.requiresResumption = true
        like.resumptionRefusal = "522 SSL connection failed: session reuse required"
        like.closesOnResumptionRefusal = true
        like.groups = "P-256"
        like.tellsErrno = false
        like.timeCommands = ["MDTM"]
        like.handshakeFailure = nil
        like.utf8Reply = "200 Always in UTF8 mode."
        return like
    }()

    /// ProFTPD 1.3.8 with mod_tls.
    package static let proftpd: ServerLikeness = {
        var like = ServerLikeness(
            name: "ProFTPD", greeting: "ProFTPD Server (test) [127.0.0.1]",
            features: [
                "AUTH TLS", "CCC", "CLNT", "EPRT", "EPSV", "HOST", "LANG en-US*", "MDTM",
                "MFF modify;UNIX.group;UNIX.mode;", "MFMT",
                "MLST modify*;perm*;size*;type*;unique*;UNIX.group*;UNIX.groupname*;UNIX.mode*;UNIX.owner*;UNIX.ownername*;",
                "PBSZ", "PROT", "REST STREAM", "SITE COPY", "SITE SYMLINK", "SITE UTIME", "SIZE", "SSCN",
                "TVFS",
                "UTF8",
            ],
            facts: ["modify", "perm", "size", "type", "unique", "UNIX.group", "UNIX.mode", "UNIX.owner"])
        like.busyness = .answersHarmless
        like.retrieveEnd = .afterClientFIN
        like.listEnd = .afterClientFIN
        like.uploadEndsWithCloseNotify = false
        like.requiresResumption = true
        like.requiresOwnSession = true
        like.keepsPortAfterRefusal = false
        like.refusesSizeInASCII = true
        like.refusesAtLogin = true
        like.timeCommands = ["MFMT", "MFF", "UTIME"]
        like.statusCode = 212
        return like
    }()

    /// Pure-FTPd 1.0.50.
    package static let pureftpd: ServerLikeness = {
        var like = ServerLikeness(
            name: "Pure-FTPd", greeting: "---------- Welcome to Pure-FTPd [privsep] [TLS] ----------",
            features: [
                "EPRT", "IDLE", "MDTM", "SIZE", "MFMT", "REST STREAM",
                "MLST type*;size*;sizd*;modify*;UNIX.mode*;UNIX.uid*;UNIX.gid*;unique*;", "MLSD", "PRET",
                "AUTH TLS", "PBSZ", "PROT", "UTF8", "TVFS", "ESTA", "PASV", "EPSV", "SPSV", "ESTP",
            ],
            facts: ["type", "size", "modify", "UNIX.mode", "UNIX.uid", "UNIX.gid", "unique"])
        like.busyness = .refuses
        like.listEnd = .afterClientClose
        like.groups = "P-256"
        like.sendsTickets = false
        like.restartKeepsTail = false
        like.utf8Reply = "504 Unknown command"
        like.renameFailure = 451
        like.timeCommands = ["MFMT", "UTIME"]
        like.doublesQuotes = false
        like.handshakeFailure = nil
        like.uploadReset = "451 Error during write to file"
        like.earlyEndReply = "150 0.005 seconds (measured here), 12.34 Mbytes per second"
        return like
    }()

    /// pyftpdlib 2.2.
    package static let pyftpdlib: ServerLikeness = {
        var like = ServerLikeness(
            name: "pyftpdlib", greeting: "pyftpdlib 2.2.0 ready.",
            features: [
                "AUTH TLS", "EPRT", "EPSV", "MDTM", "MFMT",
                "MLST type*;perm*;size*;modify*;unique*;unix.mode;unix.uid;unix.gid;",
                "PBSZ", "PROT", "REST STREAM", "SIZE", "TVFS", "UTF8",
            ],
            facts: ["type", "perm", "size", "modify", "unique"])
        like.busyness = .executes
        like.listsHidden = true
        like.understandsListOptions = false
        like.refusesSizeInASCII = true
        like.handshakeFailure = "426 SSL handshake failed."
        like.uploadReset = "226 Transfer complete."
        return like
    }()

    /// FileZilla Server 1.9.
    package static let filezilla: ServerLikeness = {
        var like = ServerLikeness(
            name: "FileZilla Server", greeting: "FileZilla Server 1.9.4",
            features: [
                "MDTM", "REST STREAM", "SIZE", "MLST type*;size*;modify*;perm*;", "MLSD", "AUTH SSL",
                "AUTH TLS",
                "PROT", "PBSZ", "UTF8", "CLNT", "MFMT", "EPSV", "EPRT",
            ],
            facts: ["type", "size", "modify", "perms"])
        like.insistsOnCloseNotify = true
        like.requiresResumption = true
        like.requiresOwnSession = true
        like.resumptionRefusal =
            "425 Unable to build data connection: TLS session of data connection not resumed."
        like.sendsTickets = false
        like.sendsTicketPerPassive = true
        like.tellsErrno = false
        like.listsHidden = true
        like.understandsListOptions = false
        like.restartKeepsTail = false
        like.forgetsRestart = true
        like.utf8Reply = "202 UTF8 mode is always enabled. No need to send this command"
        return like
    }()

    /// All of them, for parameterised tests.
    package static let all = [vsftpd, proftpd, pureftpd, pyftpdlib, filezilla]
}

extension ServerLikeness: CustomStringConvertible {
    /// The name alone.
    package var description: String { name }
}
