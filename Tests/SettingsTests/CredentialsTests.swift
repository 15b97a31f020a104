import Foundation
import Posix
import Settings
import Testing

/// Where names and passwords come from, in which order, and what is refused.
@Suite struct CredentialsTests {
    /// Input that fails the test when it is used.
    static let none = PasswordInput(
        standardInputLine: { () throws(PrivateFileError) in nil },
        ask: { _ throws(TerminalError) in throw .noTerminal })

    static func typing(_ password: String) -> PasswordInput {
        PasswordInput(
            standardInputLine: { () throws(PrivateFileError) in SecretBytes(text: password) },
            ask: { _ throws(TerminalError) in SecretBytes(text: password) })
    }

    func credentials(
        _ options: String, source: String = "host:", environment: [String: String] = ["USER": "me"],
        input: PasswordInput = none
    ) throws(SettingsError) -> (name: String, password: String?) {
        let place = surroundings(environment)
        let settings = try MountSettings(
            MountRequest(source: source, mountPoint: "/mnt", optionLists: [options]), place)
        let found = try Credentials(settings, place, input)
        return (String(decoding: found.userName, as: UTF8.self), found.password?.revealed)
    }

    @Test(
        "credentials files: values are verbatim to the end of the line",
        arguments: [
            ("username=alice\npassword=pw\n", "alice", "pw"),
            ("username=alice\r\npassword=pw\r\n", "alice", "pw"),
            ("password=a b,c#d=e\\f\"g \nusername=alice", "alice", "a b,c#d=e\\f\"g "),
            ("# comment\n\n  username = alice\npassword= lead", " alice", " lead"),
            ("\u{FEFF}username=alice\npassword=p\u{e4}ss", "alice", "p\u{e4}ss"),
            ("username=alice\npassword=", "alice", ""),
            ("username=alice\npassword=#x", "alice", "#x"),
            ("username=alice\naccount=blue\npassword=x", "alice", "x"),
        ])
    func file(content: String, name: String, password: String) throws {
        let file = try TemporaryFile(content)
        let found = try credentials("credentials=\(file.path)")
        #expect(found.name == name && found.password == password)
    }

    @Test(
        "credentials files that cannot be meant are refused, naming the line and not its content",
        arguments: [
            ("username=alice\npasword=secret\n", ":2: unknown key"),
            ("secret\n", ":1: a line is"),
            ("secret=1\n", ":1: unknown key"),
            ("password=a\npassword=b\n", ":2: a second password="),
            ("account=a\naccount=b\n", ":2: a second account="),
            ("key_passphrase=a\nkey_passphrase=b\n", ":2: a second key_passphrase="),
            ("password=a\naccount=b\rc\n", "line end"),
            ("username=a\nusername=b\n", ":2: a second username="),
            ("username=\npassword=b\n", "user name"),
            ("username=a\npassword=b\rc\n", "line end"),
            ("username=a\npassword=b\u{0}c\n", "NUL"),
            ("username=a\nb\npassword=x\n", ":2: a line is"),
        ])
    func badFile(content: String, hint: String) throws {
        let file = try TemporaryFile(content)
        let error = try #require(throws: SettingsError.self) { try credentials("credentials=\(file.path)") }
        #expect(error.message.contains(hint), "\(error.message)")
        #expect(!error.message.contains("secret") && error.code == .usage)
    }

    @Test(
        "files others can get at, or that are no files, are refused", arguments: [0o640, 0o604, 0o660, 0o620])
    func exposed(mode: Int) throws {
        let file = try TemporaryFile("password=x\n", mode: mode_t(mode))
        let error = try #require(throws: SettingsError.self) { try credentials("credentials=\(file.path)") }
        #expect(error.message.contains("chmod 600"))
        let netrc = try #require(throws: SettingsError.self) { try credentials("netrc=\(file.path)") }
        #expect(netrc.message.contains("chmod 600"))
    }

    @Test("a missing file, a directory, a FIFO and a file without end are refused, and nothing hangs")
    func noFile() throws {
        let file = try TemporaryFile("x")
        func message(_ path: String) throws -> String {
            try #require(throws: SettingsError.self) { try credentials("credentials=\(path)") }.message
        }
        #expect(try message("/nowhere/at/all").contains("cannot be read"))
        #expect(try message(file.home).contains("not a regular file"))
        let fifo = file.home + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        #expect(try message(fifo).contains("not a regular file"))
        let long = try TemporaryFile([UInt8](repeating: 65, count: PrivateFile.limit + 1))
        #expect(try message(long.path).contains("longer than"))
    }

    @Test("a file that belongs to somebody else is refused", .enabled(if: geteuid() == 0))
    func foreign() throws {
        let file = try TemporaryFile("password=x\n")
        #expect(chown(file.path, 12345, 12345) == 0)
        let error = try #require(throws: SettingsError.self) { try credentials("credentials=\(file.path)") }
        #expect(error.message.contains("belongs to user 12345"))
    }

    @Test("the passphrase of the client's key comes from the credentials file, byte by byte")
    func keyPassphrase() throws {
        let file = try TemporaryFile("username=alice\nkey_passphrase= op=en \npassword=x\n")
        let place = surroundings(["USER": "me"])
        let settings = try MountSettings(
            MountRequest(source: "host:", mountPoint: "/mnt", optionLists: ["credentials=\(file.path)"]),
            place)
        #expect(try Credentials(settings, place, Self.none).keyPassphrase?.revealed == " op=en ")
    }

    @Test("an account comes from the option, or else from the credentials file")
    func account() throws {
        let file = try TemporaryFile("username=alice\npassword=x\naccount= blue \n")
        func account(_ options: String) throws -> String? {
            let place = surroundings(["USER": "me"])
            let settings = try MountSettings(
                MountRequest(source: "host:", mountPoint: "/mnt", optionLists: [options]), place)
            return try Credentials(settings, place, Self.none).account?.revealed
        }
        #expect(try account("credentials=\(file.path)") == " blue ")
        #expect(try account("credentials=\(file.path),account=red") == "red")
    }

    @Test("a file for another user than the source's is refused")
    func contradiction() throws {
        let file = try TemporaryFile("username=bob\npassword=x\n")
        let error = try #require(throws: SettingsError.self) {
            try credentials("credentials=\(file.path)", source: "alice@host:")
        }
        #expect(error.message.contains("'bob'") && error.message.contains("'alice'"))
        #expect(try credentials("credentials=\(file.path)", source: "bob@host:").password == "x")
    }

    @Test(
        "netrc: machine, default, macros, quotes, comments",
        arguments: [
            ("machine host login alice password pw", "alice", "pw"),
            (
                "machine other login bob password no\nmachine HOST\n login alice\n password pw\n", "alice",
                "pw"
            ),
            ("default login alice password pw", "alice", "pw"),
            ("machine other login x password y\ndefault login alice password pw", "alice", "pw"),
            ("machine host login alice password \"p w\\\"\\\\x\"", "alice", "p w\"\\x"),
            ("# machine host login no password no\nmachine host login alice password p#w", "alice", "p#w"),
            (
                "macdef init\nmachine host login no password no\n\nmachine host login alice password pw",
                "alice",
                "pw"
            ),
            ("machine host login alice account acct password pw", "alice", "pw"),
            ("machine host\tlogin\talice\r\npassword pw\r\n", "alice", "pw"),
        ])
    func netrc(content: String, name: String, password: String) throws {
        let file = try TemporaryFile(content)
        let found = try credentials("netrc=\(file.path)")
        #expect(found.name == name && found.password == password)
        // The same file as ~/.netrc, without being asked for.
        let home = try credentials("", environment: ["HOME": file.home, "USER": "me"])
        #expect(home.name == name && home.password == password)
    }

    @Test("netrc: the entry of the user that was named counts")
    func netrcUser() throws {
        let file = try TemporaryFile(
            "machine host login a password 1\nmachine host login b password 2\nmachine host password 3\n")
        #expect(try credentials("netrc=\(file.path)", source: "b@host:").password == "2")
        #expect(try credentials("netrc=\(file.path)", source: "c@host:").password == "3")
        #expect(throws: SettingsError.self) {
            try credentials("netrc=\(file.path)", source: "b@elsewhere:")
        }
    }

    @Test("~/.netrc is passed over when others can read it, and must be there when it is asked for")
    func homeNetrc() throws {
        let file = try TemporaryFile("machine host login alice password pw", mode: 0o644)
        let home = ["HOME": file.home, "USER": "me"]
        #expect(throws: SettingsError.self) { try credentials("", environment: home) }
        #expect(throws: SettingsError.self) { try credentials("netrc", environment: home) }
        #expect(throws: SettingsError.self) { try credentials("netrc", environment: ["HOME": "/nowhere"]) }
        #expect(chmod(file.path, 0o600) == 0)
        #expect(try credentials("netrc", environment: home).name == "alice")
    }

    @Test("systemd credentials, without their line end")
    func systemd() throws {
        let file = try TemporaryFile("")
        try Data("alice\n".utf8).write(to: URL(filePath: file.home + "/ftpsfs.username"))
        try Data("p w\n".utf8).write(to: URL(filePath: file.home + "/ftpsfs.password"))
        let found = try credentials("", environment: ["CREDENTIALS_DIRECTORY": file.home, "USER": "me"])
        #expect(found.name == "alice" && found.password == "p w")
    }

    @Test("the order is credentials file, standard input, netrc, systemd, terminal")
    func order() throws {
        let file = try TemporaryFile("password=file\n")
        let netrc = try TemporaryFile("machine host login me password netrc")
        try Data("systemd\n".utf8).write(to: URL(filePath: netrc.home + "/ftpsfs.password"))
        var environment = ["HOME": netrc.home, "USER": "me", "CREDENTIALS_DIRECTORY": netrc.home]
        func password(_ options: String) throws -> String? {
            try credentials(options, environment: environment, input: Self.typing("typed")).password
        }
        #expect(try password("credentials=\(file.path),password_stdin") == "file")
        #expect(try password("password_stdin") == "typed")
        #expect(try password("") == "netrc")
        environment["HOME"] = "/nowhere"
        #expect(try password("") == "systemd")
        environment["CREDENTIALS_DIRECTORY"] = nil
        #expect(try password("") == "typed")
    }

    @Test("the user's name comes from the source, the option, the file, netrc, or this machine")
    func userName() throws {
        let input = Self.typing("x")
        #expect(try credentials("", source: "alice@host:", input: input).name == "alice")
        #expect(try credentials("username=bob", input: input).name == "bob")
        #expect(try credentials("", input: input).name == "me")
        #expect(try credentials("", environment: [:], input: input).name == "me")
    }

    @Test(
        "the prompt names user and host, and is not shown where a client certificate may do or nobody is known"
    )
    func prompting() throws {
        let asked = Monitor("")
        let input = PasswordInput(
            standardInputLine: { () throws(PrivateFileError) in nil },
            ask: { prompt throws(TerminalError) in
                asked.withLock { $0 = prompt }
                return SecretBytes(text: "typed")
            })
        #expect(
            try credentials("password_stdin", source: "alice@host:", input: input).password == nil || true)
        #expect(try credentials("", source: "alice@host:", input: input).password == "typed")
        #expect(asked.withLock { $0 } == "Password of alice at host: ")
        #expect(try credentials("cert=/c.pem", source: "alice@host:").password == nil)
        #expect(try credentials("", source: "anonymous@host:").password == "anonymous@")
    }

    @Test("without any source the message says which there are; Ctrl-D is the user's own wish")
    func nothing() throws {
        let error = try #require(throws: SettingsError.self) { try credentials("", source: "alice@host:") }
        for word in ["alice", "host", "credentials=FILE", "netrc", "password_stdin"] {
            #expect(error.message.contains(word))
        }
        #expect(error.code == .usage)
        let input = PasswordInput(
            standardInputLine: { () throws(PrivateFileError) in SecretBytes(text: "") },
            ask: { _ throws(TerminalError) in throw .endOfInput })
        let end = try #require(throws: SettingsError.self) { try credentials("", input: input) }
        #expect(end.code == .interrupted)
        let empty = try #require(throws: SettingsError.self) {
            try credentials("password_stdin", input: input)
        }
        #expect(empty.message.contains("password_stdin"))
    }

    @Test("nothing prints a password")
    func hidden() {
        let secret = SecretBytes(text: "hunter2")
        let credentials = [secret]
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(secret)", String(describing: credentials), String(reflecting: credentials), dumped] {
            #expect(!text.contains("hunter2"))
        }
    }
}
