/// What a probe has found out; its names are those of the JSON form, a part of the program's interface (ftpsfs(1), PROBE).
///
/// What is nil was not asked, or has no answer. All text of the server's is printable.
struct ProbeReport: Encodable {
    /// The answer to one question.
    struct Finding: Encodable {
        /// Whether it works; nil where that is unknown.
        var works: Bool?
        /// What is to be said beside it: how, why not, or in the server's words.
        var remark: String?

        /// Puts an answer together.
        init(_ works: Bool?, _ remark: String? = nil) {
            self.works = works
            self.remark = remark
        }
    }

    /// Where the server is and what it calls itself.
    struct Server: Encodable {
        /// The host as it was asked for.
        var host: String
        /// The port of the control connection.
        var port: UInt16
        /// The address that was connected to.
        var address: String?
        /// The greeting with its code.
        var greeting: String?
        /// The recognised program.
        var software: String?
    }

    /// A version of TLS that was tried alone.
    struct Version: Encodable {
        /// Its name.
        var version: String
        /// Whether the server takes it; nil where the try has failed for another reason.
        var offered: Bool?
        /// Why not.
        var reason: String?
        /// Whether data connections resume the control connection's TLS session in this version.
        var resumption: Finding?
    }

    /// How connections are protected.
    struct Protection: Encodable {
        /// The versions tried.
        var versions: [Version] = []
        /// The version agreed on with the options given.
        var version: String?
        /// The cipher agreed on.
        var cipher: String?
        /// The key exchange group agreed on.
        var group: String?
    }

    /// One certificate of the chain.
    struct Certificate: Encodable {
        /// Whom it is for.
        var subject: String
        /// Who has signed it.
        var issuer: String
        /// The host names and addresses it is made out to.
        var names: String
        /// The beginning of its validity, UTC.
        var validFrom: String
        /// The end of its validity, UTC.
        var validUntil: String
        /// The SHA-256 of its DER form in hexadecimal.
        var sha256: String
    }

    /// What the server has shown of itself, and whether that is accepted.
    struct Trust: Encodable {
        /// Whether a mount with these options accepts the certificate.
        var accepted: Bool
        /// By what it is accepted, or why it is not.
        var reason: String
        /// What to do about it.
        var advice: String?
        /// The option that accepts exactly this certificate.
        var pin: String
        /// What the server has sent, its own certificate first.
        var chain: [Certificate]
    }

    /// How directories are listed.
    struct Listing: Encodable {
        /// Whether the mounted directory can be listed, by which command.
        var directory: Finding
        /// The form of the rows of LIST: `unix` or `dos`.
        var rows: String?
        /// How far the times in rows of LIST are ahead of UTC, in seconds.
        var timeOffset: Int?
        /// Why that is unknown.
        var timeOffsetRemark: String?
    }

    /// How many connections the server allows.
    struct Connections: Encodable {
        /// How many were open at a time.
        var opened: Int
        /// How many the server allows, where it has said that it allows no more.
        var limit: Int?
        /// Why no more were opened, where that are fewer than `max_conns`.
        var refusal: String?
    }

    /// What could be asked after the log-in.
    struct Abilities: Encodable {
        /// The directory after the log-in.
        var home: String
        /// The directory that would be mounted.
        var directory: String
        /// Each line of the reply to FEAT.
        var features: [String]
        /// The median time of a question and its answer, in milliseconds.
        var roundTrip: Double?
        /// How directories are listed.
        var listing: Listing?
        /// Whether data connections can be asked for by EPSV.
        var epsv: Finding?
        /// Whether data connections can be asked for by PASV.
        var pasv: Finding?
        /// Whether transfers can begin at an offset (REST).
        var restart: Finding?
        /// Whether times of modification can be set.
        var times: Finding?
        /// Whether permission bits can be set.
        var modes: Finding?
        /// Whether a rename replaces an existing file.
        var replacing: Finding?
        /// Whether a file keeps its tail when REST and STOR write into it.
        var patching: Finding?
        /// The commands that give checksums.
        var checksums: [String]
        /// The commands that copy on the server.
        var copying: [String]
        /// How many connections the server allows.
        var connections: Connections?
    }

    /// What a small file was tried with.
    struct Writing: Encodable {
        /// STOR.
        var upload: Finding?
        /// SIZE after it.
        var size: Finding?
        /// APPE.
        var append: Finding?
        /// DELE of all that was made.
        var removal: Finding?
    }

    /// Where the server is and what it calls itself.
    var server: Server
    /// How connections are protected.
    var tls = Protection()
    /// What the server has shown of itself; nil before a certificate has come.
    var certificate: Trust?
    /// What could be asked after the log-in; nil without one.
    var abilities: Abilities?
    /// What a small file was tried with; nil without `--write`.
    var writing: Writing?
    /// Why the probe has ended early.
    var failure: String?
    /// A line of fstab(5) for these options; nil where a mount with them would fail.
    var fstab: String?
    /// What has to be done before that line works, and what else a user should know.
    var notes: [String] = []
}
