package import Remote

/// What a server means by refusing a command.
///
/// FTP has one code, 550, for most of what a file system tells apart. Many servers put the system's words behind it; where they
/// do not, only another question can tell.
package enum ReplyMeaning: Hashable, Sendable {
    /// The reply says what is wrong.
    case certain(RemoteError.Kind)
    /// The reply may mean several things.
    case ambiguous

    /// Reads a failed reply to a command, whose verb is in capitals.
    ///
    /// What the reply quotes counts for nothing: a file may be called `quota`, or `disk full`.
    ///
    /// Of a kind that is certain about a name, the name can still be another part of the path, or the second of two:
    /// `.notFound` for STOR, MKD and RNTO is the parent directory.
    package init(_ reply: Reply, to verb: String) {
        let reply = reply.ownWords
        let mayBeLimit = reply.code == 421 || ["USER", "PASS", "ACCT"].contains(verb)
        if mayBeLimit, reply.isTooManyConnections {
            self = .certain(.busy)
        } else if let kind = Self.kindByText(reply, verb) {
            self = .certain(kind)
        } else if let kind = Self.kindByCode(reply, verb) {
            self = .certain(kind)
        } else {
            self = .ambiguous
        }
    }

    /// The kind, when it is certain.
    package var kind: RemoteError.Kind? {
        switch self {
        case .certain(let kind): kind
        case .ambiguous: nil
        }
    }

    /// Words of the system at the end of a text count for these codes only; elsewhere the code says enough.
    private static func kindByText(_ reply: Reply, _ verb: String) -> RemoteError.Kind? {
        switch reply.code {
        case 450, 451, 452, 501, 550, 551, 552, 553: break
        default: return nil
        }
        // Oddities: ProFTPD 1.3.8 says this of a rename onto a directory, systems of unlink(2) on one.
        if reply.ends(with: "operation not permitted"), ["RNTO", "DELE"].contains(verb) { return nil }
        for (words, kind) in errorNames where reply.begins(with: words) { return kind }
        for (words, kind) in systemWords where reply.ends(with: words) { return kind }
        return nil
    }

    private static func kindByCode(_ reply: Reply, _ verb: String) -> RemoteError.Kind? {
        switch reply.code {
        case 421, 425, 426: .unreachable
        case 450: kindOfBusy(reply)
        case 451: kindOfLocalError(reply, verb)
        case 452: reply.speaks(of: "quota") ? .quotaExceeded : .noSpace
        case 500:
            reply.ends(with: "too long")
                ? .nameTooLong : reply.begins(with: "oops") ? .unreachable : .unsupported
        case 202, 502, 504: .unsupported
        case 503: .protocolBroken
        // Servers use 522 for protocols of EPSV and EPRT too (RFC 2428 section 2).
        case 522 where verb == "EPSV" || verb == "EPRT": .unsupported
        case 521, 522, 533, 534, 535, 536: .untrusted
        case 530: reply.ends(with: "permission denied") ? .denied : .authentication
        case 532: .authentication
        case 552: kindOfFullStorage(reply)
        case 553: kindOfRefusedName(reply)
        // The offset of REST lies behind the end: the file is not the one its size was asked of.
        case 554: .changed
        case 100..<400: .protocolBroken
        default: nil
        }
    }

    private static func kindOfBusy(_ reply: Reply) -> RemoteError.Kind? {
        if reply.isAboutDataConnection { return .unreachable }
        let signs = ["in progress", "in use", "busy", "locked", "being used"]
        return signs.contains(where: reply.speaks) ? .busy : nil
    }

    private static func kindOfLocalError(_ reply: Reply, _ verb: String) -> RemoteError.Kind? {
        if reply.isAboutDataConnection { return .unreachable }
        if reply.refusesRestart { return .unsupported }
        if reply.speaks(of: "quota") { return .quotaExceeded }
        if fullDisk.contains(where: reply.speaks) { return .noSpace }
        // vsftpd 3.0.3 says nothing else when the disk is full.
        if reply.speaks(of: "failure writing to local file"), ["STOR", "APPE"].contains(verb) {
            return .noSpace
        }
        return nil
    }

    private static func kindOfFullStorage(_ reply: Reply) -> RemoteError.Kind {
        if reply.speaks(of: "quota") { return .quotaExceeded }
        return fullDisk.contains(where: reply.speaks) ? .noSpace : .quotaExceeded
    }

    private static func kindOfRefusedName(_ reply: Reply) -> RemoteError.Kind? {
        let signs = [
            "prohibited file name", "invalid", "illegal", "sanity", "not a valid", "name not allowed",
        ]
        return signs.contains(where: reply.speaks) ? .invalidName : nil
    }

    private static let fullDisk = [
        "no space", "disk full", "disk is full", "out of space", "not enough space", "insufficient storage",
        "insufficient disk", "not enough disk",
    ]

    /// What begins a text of servers in JavaScript (ftp-srv), which put the path last.
    private static let errorNames: [(words: String, kind: RemoteError.Kind)] = [
        ("enoent:", .notFound), ("eacces:", .denied), ("eexist:", .exists), ("enotempty:", .notEmpty),
        ("enotdir:", .notDirectory), ("eisdir:", .isDirectory), ("enospc:", .noSpace),
        ("edquot:", .quotaExceeded),
    ]

    /// What ends a text, in small letters: strerror of Linux and the BSDs, and the messages of Windows.
    private static let systemWords: [(words: String, kind: RemoteError.Kind)] = [
        ("no such file or directory", .notFound), ("no such file", .notFound),
        ("no such directory", .notFound),
        ("file not found", .notFound), ("directory not found", .notFound), ("path not found", .notFound),
        ("no such file or folder", .notFound), ("file does not exist", .notFound),
        ("file doesn't exist", .notFound),
        ("directory does not exist", .notFound), ("the system cannot find the file specified", .notFound),
        ("the system cannot find the path specified", .notFound), ("permission denied", .denied),
        ("access denied", .denied), ("access is denied", .denied), ("operation not permitted", .denied),
        ("read-only file system", .denied), ("file exists", .exists), ("already exists", .exists),
        ("directory not empty", .notEmpty), ("directory is not empty", .notEmpty),
        ("not a directory", .notDirectory),
        ("the directory name is invalid", .notDirectory), ("is a directory", .isDirectory),
        ("no space left on device", .noSpace), ("there is not enough space on the disk", .noSpace),
        ("disk full", .noSpace),
        ("file too large", .noSpace), ("disk quota exceeded", .quotaExceeded),
        ("quota exceeded", .quotaExceeded),
        ("file name too long", .nameTooLong), ("filename too long", .nameTooLong),
        ("invalid or incomplete multibyte or wide character", .invalidName),
        ("illegal byte sequence", .invalidName),
        ("volume label syntax is incorrect", .invalidName), ("device or resource busy", .busy),
        ("text file busy", .busy), ("resource temporarily unavailable", .busy),
        ("too many open files", .busy),
        ("because it is being used by another process", .busy), ("operation not supported", .unsupported),
        ("function not implemented", .unsupported), ("cross-device link", .crossDevice),
    ]
}
