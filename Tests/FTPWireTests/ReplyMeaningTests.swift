import Remote
import Testing

@testable import FTPWire

@Suite struct ReplyMeaningTests {
    @Test(
        "replies that say what is wrong are understood",
        arguments: [
            // ProFTPD 1.3.8
            ("RETR", 550, "/cap/none: No such file or directory", .notFound),
            ("RMD", 550, "/cap/full: Directory not empty", .notEmpty),
            ("RMD", 550, "/cap/plain.txt: Not a directory", .notDirectory),
            ("DELE", 550, "/cap/dir: Is a directory", .isDirectory),
            ("MKD", 550, "/cap/dir: File exists", .exists),
            ("STAT", 450, "/cap/none: No such file or directory", .notFound),
            ("STOR", 550, "/cap/nnn: File name too long", .nameTooLong),
            ("MFMT", 501, "/x: Operation not permitted", .denied),
            ("STOR", 451, "/x: Append/Restart not permitted, try again", .unsupported),
            ("EPSV", 450, "EPSV: data transfer in progress", .busy),
            ("STOR", 452, "/x: No space left on device", .noSpace),
            // Pure-FTPd 1.0.50
            ("MKD", 550, "Can't create directory: File exists", .exists),
            ("RNTO", 451, "Rename/move failure: Is a directory", .isDirectory),
            ("RNTO", 451, "Rename/move failure: No such file or directory", .notFound),
            ("RNFR", 550, "Sorry, but that file doesn't exist", .notFound),
            ("STOR", 553, "Can't open that file: Is a directory", .isDirectory),
            ("STOR", 553, "Prohibited file name: x", .invalidName),
            ("OPTS", 504, "Unknown command", .unsupported),
            ("STOR", 552, "Quota exceeded: [x] won't be saved", .quotaExceeded),
            // pyftpdlib 2.2.0
            ("DELE", 550, "No such file or directory.", .notFound),
            ("RMD", 550, "Directory not empty.", .notEmpty),
            ("MLSD", 501, "No such file or directory.", .notFound),
            ("SIZE", 500, "Command too long.", .nameTooLong),
            ("RETR", 554, "REST position (99) > file size (6)", .changed),
            // vsftpd 3.0.3
            ("MLST", 500, "Unknown command.", .unsupported), ("MKD", 550, "Permission denied.", .denied),
            ("STOR", 451, "Failure writing to local file.", .noSpace),
            ("RETR", 522, "SSL connection failed: session reuse required", .untrusted),
            ("EPSV", 522, "Bad network protocol.", .unsupported),
            ("PASS", 530, "Login incorrect.", .authentication),
            ("RETR", 500, "OOPS: vsf_sysutil_recv_peek: no data", .unreachable),
            // IIS and FileZilla Server
            ("RNTO", 550, "Cannot create a file when that file already exists. ", .exists),
            ("RETR", 550, "The system cannot find the file specified. ", .notFound),
            ("DELE", 550, "Access is denied. ", .denied),
            ("RMD", 550, "The directory is not empty. ", .notEmpty),
            ("RETR", 550, "Permission denied", .denied),
            ("MKD", 550, "File or directory already exists", .exists),
            (
                "DELE", 550,
                "The process cannot access the file because it is being used by another process.", .busy
            ),
            ("RETR", 550, "ENOENT: no such file or directory, open '/x: File exists.txt'", .notFound),
            // All
            ("NOOP", 421, "Timeout.", .unreachable),
            ("RETR", 425, "Failed to establish connection.", .unreachable),
            ("RETR", 426, "Failure writing network stream.", .unreachable), ("ALLO", 202, "ok", .unsupported),
            ("STOR", 552, "Disk full", .noSpace),
            ("STOR", 552, "Exceeded storage allocation", .quotaExceeded),
            ("RNTO", 503, "Bad sequence", .protocolBroken), ("PROT", 534, "No", .untrusted),
            ("RETR", 200, "?", .protocolBroken),
            ("STOR", 532, "Need account", .authentication), ("STOR", 450, "File busy", .busy),
        ] as [(String, Int, String, RemoteError.Kind)])
    func certain(verb: String, code: Int, text: String, kind: RemoteError.Kind) {
        #expect(ReplyMeaning(Reply(code, text), to: verb) == .certain(kind))
    }

    @Test(
        "replies that may mean several things are ambiguous",
        arguments: [
            ("DELE", 550, "Delete operation failed."), ("RETR", 550, "Failed to open file."),
            ("MKD", 550, "Create directory operation failed."),
            ("SIZE", 550, "Could not get file size."), ("STOR", 553, "Could not create file."),
            ("RNTO", 550, "Rename failed."),
            ("MLST", 550, "'/cap/none' cannot be listed"), ("SIZE", 550, "/cap/dir: not a regular file"),
            ("RNTO", 550, "/cap/dir: Operation not permitted"),
            ("DELE", 550, "Could not delete /cap/dir: Invalid argument"),
            ("MLST", 550, "Can't check for file existence"), ("SIZE", 550, "/cap/dir is not retrievable."),
            ("STOR", 451, "Local error"),
            ("LIST", 450, "No"), ("MFMT", 501, "Invalid argument"), ("DELE", 550, "Couldn't open the file"),
            ("STOR", 551, "?"),
            // A file's name at the end is not the system's word.
            ("DELE", 550, "Cannot delete xno such file"), ("DELE", 550, ""),
            ("DELE", 550, "No such file or directory: /x"),
        ])
    func ambiguous(verb: String, code: Int, text: String) {
        #expect(ReplyMeaning(Reply(code, text), to: verb) == .ambiguous)
    }

    @Test(
        "too many connections are recognised",
        arguments: [
            (421, "There are too many connections from your internet address."),
            (421, "Too many connections (1) from this IP"),
            (421, "Too many connections from the same IP address."),
            (421, "There are too many connected users, please try later."),
            (530, "Sorry, the maximum number of clients (1) from your host are already connected."),
            (421, "10 users (the maximum) are already logged in, sorry"),
            (530, "Sorry, max 3 users -- try again later"),
            (530, "Maximum login limit has been reached."),
            (421, "No more connections allowed from your address"),
            (530, "User limit exceeded"),
        ])
    func tooMany(code: Int, text: String) {
        #expect(Reply(code, text).isTooManyConnections)
        #expect(ReplyMeaning(Reply(code, text), to: "PASS") == .certain(.busy))
    }

    @Test(
        "other refusals are not taken for it",
        arguments: [
            (421, "Timeout."), (530, "Login incorrect."), (530, "Maximum login attempts exceeded"),
            (421, "Too many login failures"),
            (421, "Service not available"), (220, "Too many connections"), (530, "Not logged in"),
            (421, "Login time exceeded. Closing control connection"),
        ])
    func notTooMany(code: Int, text: String) {
        #expect(!Reply(code, text).isTooManyConnections)
    }

    @Test(
        "words of a path that the reply quotes mean nothing",
        arguments: [
            ("SIZE", 550, "/home/user/limits.h: No such file or directory", .notFound),
            ("SIZE", 550, "/src/client_limit_test.go: No such file or directory", .notFound),
            ("MKD", 550, "/x/session max connection: File exists", .exists),
            ("RETR", 550, "/x/too many connections", nil),
            ("RETR", 530, "too many connections.txt: Not logged in", .authentication),
            ("STOR", 452, "/x/quota: No space left on device", .noSpace),
            ("STOR", 552, "/x/quota/file: Disk full", .noSpace),
            ("STOR", 552, "quota: Disk full", .noSpace),
            ("STOR", 552, "/x/disk full: Exceeded storage allocation", .quotaExceeded),
            ("STOR", 552, "Quota exceeded: [/x/disk full] won't be saved", .quotaExceeded),
            ("STOR", 451, "/x/disk full: Input/output error", nil),
            ("DELE", 451, "/x/quota: Local error", nil),
            ("DELE", 451, "/restart not permitted/x: Local error", nil),
            ("LIST", 450, "/x/busy: No such file or directory", .notFound),
            ("LIST", 450, "/x/locked/file in use: Gone", nil),
            ("STOR", 553, "/x/invalid name: Permission denied", .denied),
            ("STOR", 553, "/x/illegal: Could not create file", nil),
            ("DELE", 550, "Cannot delete /x/no such file", nil),
            ("DELE", 550, "Cannot delete '/x/a: no such file'", nil),
            ("DELE", 550, "/x/a: b: No such file or directory", .notFound),
            ("SITE", 500, "'SITE CHMOD 644 /x/too long' not understood", .unsupported),
            ("SITE", 500, "SITE CHMOD 644 /x/oops", .unsupported),
            ("RETR", 550, "ENOENT: no such file or directory, open '/x: File exists'", .notFound),
        ] as [(String, Int, String, RemoteError.Kind?)])
    func quotedPaths(verb: String, code: Int, text: String, kind: RemoteError.Kind?) {
        #expect(ReplyMeaning(Reply(code, text), to: verb).kind == kind)
    }

    @Test("a path in a reply is no sign either")
    func quotedSigns() {
        #expect(!Reply(550, "/user/limits.h: No such file or directory").isTooManyConnections)
        #expect(!Reply(550, "/no files found: Permission denied").isEmptyListing)
        #expect(!Reply(550, "/not a regular file: Permission denied").saysNotRegularFile)
        #expect(!Reply(550, "/restart not permitted: Permission denied").refusesRestart)
        #expect(!Reply(425, "/session/resume: Connection refused").isSessionReuseDemanded)
    }

    @Test("demands for session reuse are recognised")
    func reuse() {
        let table: [(Int, String, Bool)] = [
            (522, "SSL connection failed: session reuse required", true),
            (425, "Unable to build data connection: TLS session of data connection not resumed.", true),
            (425, "Unable to build data connection: Operation not permitted", true),
            (425, "Unable to build data connection: Connection refused", false),
            (522, "SSL handshake failed.", false),
            (425, "Failed to establish connection.", false), (550, "session reuse", false),
        ]
        for (code, text, expected) in table {
            #expect(Reply(code, text).isSessionReuseDemanded == expected, "\(text)")
        }
    }

    @Test(
        "refusals for the protection level are recognised, and told from those about addresses and resumption"
    )
    func protection() {
        let table: [(Int, String, String, Bool)] = [
            (522, "Data connections must be encrypted.", "LIST", true), (521, "no", "RETR", true),
            (536, "no", "STOR", true), (534, "no", "PROT", true), (522, "(1)", "EPRT", false),
            (522, "Network protocol not supported", "EPSV", false), (521, "no", "EPSV", true),
            (522, "SSL connection failed: session reuse required", "LIST", false),
            (550, "SSL/TLS required on the data channel.", "EPSV", true),
            (550, "/required on the data channel: Permission denied", "RETR", false),
            (550, "no", "LIST", false), (425, "no", "LIST", false),
        ]
        for (code, text, verb, expected) in table {
            #expect(Reply(code, text).isAboutProtection(of: verb) == expected, "\(code) \(text)")
        }
    }

    @Test("a lost data connection is told from a name with such words")
    func lostConnection() {
        for reply in [
            Reply(425, "No"), Reply(426, "No"), Reply(421, "No"),
            Reply(450, "LIST: Link to file server lost"), Reply(451, "Transfer aborted"),
            Reply(451, "Error during read from data connection"),
        ] {
            #expect(reply.isAboutDataConnection)
            #expect(ReplyMeaning(reply, to: "LIST") == .certain(.unreachable))
        }
        for reply in [
            Reply(450, "/lost+found: No such file or directory"), Reply(450, "/link to file server lost"),
            Reply(550, "Link to file server lost"), Reply(451, "Error during write to file"),
            Reply(451, "/Transfer aborted"), Reply(451, "Transfer aborted. Input/output error"),
        ] {
            #expect(!reply.isAboutDataConnection)
        }
    }

    @Test("the other signs are recognised")
    func signs() {
        #expect(Reply(550, "x: Overwrite permission denied").refusesOverwriting)
        #expect(Reply(550, "x: Rename permission denied").refusesOverwriting)
        #expect(!Reply(550, "x: Permission denied").refusesOverwriting)
        #expect(Reply(450, "No files found").isEmptyListing && Reply(550, "No files found.").isEmptyListing)
        #expect(Reply(226, "Output truncated to 10000 matches").isTruncatedListing)
        #expect(Reply(550, "I can only retrieve regular files").saysNotRegularFile)
        #expect(Reply(550, "/cap/dir: not a plain file").saysNotRegularFile)
        #expect(!Reply(550, "No such file").saysNotRegularFile)
        #expect(Reply(530, "You aren't logged in").saysNotLoggedIn)
        #expect(Reply(503, "Login with USER first.").saysNotLoggedIn)
        #expect(!Reply(530, "Permission denied.").saysNotLoggedIn)
        #expect(!Reply(550, "Please login with USER and PASS").saysNotLoggedIn)
        #expect(!Reply(530, "/please login: Permission denied").saysNotLoggedIn)
    }

    @Test("words are found in any line of a reply")
    func lines() {
        #expect(
            ReplyMeaning(Reply(550, "Sorry:", "x: No such file or directory", "bye"), to: "RETR")
                == .certain(.notFound))
    }
}
