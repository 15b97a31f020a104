package import Posix

/// A user's name and password on the server.
package struct Credentials: Sendable {
    /// The name as bytes; holds no NUL, CR or LF.
    package let userName: [UInt8]
    /// The password, without NUL, CR or LF; nil where a client certificate is to do without one.
    package let password: SecretBytes?
    /// The account, without NUL, CR or LF; nil where none was given.
    package let account: SecretBytes?
    /// What decrypts the client's private key; nil where none was given.
    package let keyPassphrase: SecretBytes?

    /// Keeps the secrets out of swap in this process, which has inherited them from its parent.
    package func lock() {
        for secret in [password, account, keyPassphrase] { secret?.lock() }
    }
}

/// Ways to get a password from outside files.
package struct PasswordInput: Sendable {
    /// The first line of standard input, nil when standard input is a terminal.
    package var standardInputLine: @Sendable () throws(PrivateFileError) -> SecretBytes?
    /// What the user types after a prompt.
    package var ask: @Sendable (String) throws(TerminalError) -> SecretBytes

    /// Puts the ways together.
    package init(
        standardInputLine: @escaping @Sendable () throws(PrivateFileError) -> SecretBytes?,
        ask: @escaping @Sendable (String) throws(TerminalError) -> SecretBytes
    ) {
        self.standardInputLine = standardInputLine
        self.ask = ask
    }

    /// Standard input and the terminal of this process.
    package static let system = PasswordInput(
        standardInputLine: { () throws(PrivateFileError) in
            Terminal.isStandardInput ? nil : try PrivateFile.readStandardInputLine()
        },
        ask: { prompt throws(TerminalError) in try Terminal.readSecret(prompt: prompt) })
}

extension Credentials {
    /// Gets name and password from the sources, in the order of the manual: credentials file, standard input, netrc, systemd, terminal.
    ///
    /// May block on standard input and on the terminal. To be called once, before the program goes into the background.
    package init(
        _ settings: MountSettings, _ surroundings: Surroundings, _ input: PasswordInput = .system
    ) throws(SettingsError) {
        var search = CredentialsSearch(settings: settings, surroundings: surroundings)
        try search.readFile()
        if settings.credentials.fromStandardInput, search.password == nil {
            try search.readStandardInput(input)
        }
        if search.password == nil || search.userName == nil { try search.readNetrc() }
        if search.password == nil || search.userName == nil { try search.readSystemdCredentials() }
        guard let userName = search.userName ?? surroundings.userName else {
            throw SettingsError("there is no user name: write USER@HOST: or use username=NAME")
        }
        let bytes = ArgumentText.bytes(userName)
        let isAnonymous = bytes == Array("anonymous".utf8) || bytes == Array("ftp".utf8)
        if search.password == nil, isAnonymous { search.password = SecretBytes(text: "anonymous@") }
        if search.password == nil, settings.tls.certificateFile == nil {
            search.password = try Self.ask(ArgumentText.printable(userName), settings.server.host, input)
        }
        if let password = search.password,
            password.contains(0) || password.contains(10) || password.contains(13)
        {
            throw SettingsError("the password holds a line end or NUL, which FTP cannot carry")
        }
        self.init(
            userName: bytes, password: search.password, account: search.account,
            keyPassphrase: search.keyPassphrase)
    }

    private static func ask(
        _ userName: String, _ host: String, _ input: PasswordInput
    ) throws(SettingsError) -> SecretBytes {
        do {
            return try input.ask("Password of \(userName) at \(host): ")
        } catch {
            switch error {
            case .noTerminal:
                throw SettingsError(
                    "no password for \(userName) at \(host), and no terminal to ask on: "
                        + "use credentials=FILE, netrc or password_stdin")
            case .endOfInput, .interrupted:
                throw SettingsError("no password was given", code: .interrupted)
            case .failed(let errno):
                throw SettingsError("cannot ask for a password: \(errno)", code: .system)
            }
        }
    }
}

private struct CredentialsSearch {
    let settings: MountSettings
    let surroundings: Surroundings
    var userName: String?
    var password: SecretBytes?
    var account: SecretBytes?
    var keyPassphrase: SecretBytes?

    init(settings: MountSettings, surroundings: Surroundings) {
        self.settings = settings
        self.surroundings = surroundings
        userName = settings.credentials.userName
        account = settings.credentials.account.map { name in
            let bytes = ArgumentText.bytes(name)
            return SecretBytes(length: bytes.count) { add in bytes.forEach(add) }
        }
    }

    mutating func readFile() throws(SettingsError) {
        guard let path = settings.credentials.file else { return }
        let file = try CredentialsFile(try Self.read(path, option: "credentials"), path: path)
        if let name = file.userName {
            if let userName, userName != name {
                throw SettingsError(
                    "\(path) is for user '\(ArgumentText.printable(name))', "
                        + "the mount for '\(ArgumentText.printable(userName))'")
            }
            userName = name
        }
        password = file.password
        if account == nil { account = file.account }
        keyPassphrase = file.keyPassphrase
    }

    mutating func readStandardInput(_ input: PasswordInput) throws(SettingsError) {
        do {
            guard let line = try input.standardInputLine() else { return }
            let end = line.count
            let hasReturn = end > 0 && line.withBytes { $0[end - 1] == UInt8(ascii: "\r") }
            password = hasReturn ? line.part(0..<(end - 1)) : line
        } catch {
            throw SettingsError("password_stdin: \(Self.reason(error))")
        }
        guard let password, !password.isEmpty else {
            throw SettingsError("password_stdin: standard input has no line with a password")
        }
    }

    mutating func readNetrc() throws(SettingsError) {
        let content: SecretBytes
        switch settings.credentials.netrc {
        case .file(let path): content = try Self.read(path, option: "netrc")
        case .required:
            guard let home = surroundings.home else {
                throw SettingsError("netrc: there is no home directory")
            }
            content = try Self.read(home + "/.netrc", option: "netrc")
        case .standard:
            // One that is missing or open to others is as if it were not there.
            guard let home = surroundings.home,
                let found = try? PrivateFile.read(home + "/.netrc", guarded: true)
            else { return }
            content = found
        }
        guard let entry = Netrc.find(in: content, host: settings.server.host, user: userName) else { return }
        if userName == nil, let name = entry.userName { userName = try MountSource.user(name) }
        if password == nil { password = entry.password }
    }

    mutating func readSystemdCredentials() throws(SettingsError) {
        guard let directory = surroundings.variable("CREDENTIALS_DIRECTORY"), directory.hasPrefix("/") else {
            return
        }
        // The directory itself is closed to others; access lists make the files' own bits look open.
        if userName == nil, let name = try? PrivateFile.read(directory + "/ftpsfs.username", guarded: false) {
            let bytes = Self.withoutLineEnd(name).withBytes { bytes in bytes.indices.map { bytes[$0] } }
            userName = try MountSource.user(ArgumentText.text(bytes))
        }
        if password == nil, let secret = try? PrivateFile.read(directory + "/ftpsfs.password", guarded: false)
        {
            password = Self.withoutLineEnd(secret)
        }
    }

    private static func withoutLineEnd(_ secret: SecretBytes) -> SecretBytes {
        let end = secret.withBytes { bytes in
            var end = bytes.count
            if end > 0, bytes[end - 1] == UInt8(ascii: "\n") { end -= 1 }
            if end > 0, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            return end
        }
        return secret.part(0..<end)
    }

    private static func read(_ path: String, option: String) throws(SettingsError) -> SecretBytes {
        do {
            return try PrivateFile.read(path, guarded: true)
        } catch {
            throw SettingsError("\(option)=\(path): \(reason(error, path: path))")
        }
    }

    private static func reason(_ error: PrivateFileError, path: String = "") -> String {
        switch error {
        case .failed(let errno): "cannot be read: \(errno)"
        case .notRegular: "is not a regular file"
        case .exposed(let mode):
            "others can get at it (mode \(String(mode, radix: 8))): run chmod 600 \(path)"
        case .foreign(let owner): "belongs to user \(owner): it must belong to you or to root"
        case .tooLong: "is longer than \(PrivateFile.limit) bytes"
        }
    }
}
