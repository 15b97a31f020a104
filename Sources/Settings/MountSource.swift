/// The SOURCE argument, taken apart: where the server is, and which directory of it to mount.
package struct MountSource: Sendable, Hashable {
    /// How TLS starts, where the source says so (URLs do).
    package var mode: TLSSettings.Mode?
    /// The user's name, nil when the source has none.
    package var userName: String?
    /// The host's name or address, without brackets.
    package var host: String
    /// The port, nil when the source has none.
    package var port: UInt16?
    /// The directory as bytes: empty is the log-in directory, without a leading slash relative to it.
    package var path: [UInt8]

    /// Puts a source together.
    package init(
        mode: TLSSettings.Mode? = nil, userName: String? = nil, host: String, port: UInt16? = nil,
        path: [UInt8] = []
    ) {
        self.mode = mode
        self.userName = userName
        self.host = host
        self.port = port
        self.path = path
    }

    /// Takes `[USER@]HOST[:PORT]:[PATH]` or an `ftp:`, `ftpes:` or `ftps:` URL apart; the text is one of `ArgumentText`.
    package init(parsing text: String) throws(SettingsError) {
        if let colon = text.firstRange(of: "://"), Self.isScheme(text[..<colon.lowerBound]) {
            try self.init(scheme: text[..<colon.lowerBound].lowercased(), rest: text[colon.upperBound...])
        } else {
            try self.init(colonForm: text)
        }
    }

    /// The example every message about the form ends with.
    static let form = "write [USER@]HOST[:PORT]:[/PATH] or ftp://[USER@]HOST[:PORT][/PATH]"

    private init(colonForm text: String) throws(SettingsError) {
        guard let colon = Self.endOfAuthority(text) else {
            let shown = ArgumentText.printable(text)
            if text.contains("/") || text.isEmpty {
                throw SettingsError("'\(shown)' is no FTPS server: \(Self.form)")
            }
            throw SettingsError(
                "'\(shown)' lacks the colon after the host: write '\(shown):' for the log-in directory")
        }
        let (user, hostText) = Self.splitUser(text[..<colon])
        var rest = text[text.index(after: colon)...]
        if user == nil { try Self.refusePassword(before: rest) }
        if !hostText.hasPrefix("["), rest.hasPrefix(":") {
            throw SettingsError("an IPv6 address needs brackets: [2001:db8::1]:/path")
        }
        var port: UInt16?
        if let end = rest.firstIndex(of: ":"), !rest[..<end].isEmpty, rest[..<end].allSatisfy(Self.isDigit) {
            port = try Self.port(rest[..<end])
            rest = rest[rest.index(after: end)...]
        } else if !rest.isEmpty, rest.allSatisfy(Self.isDigit) {
            let hostText = ArgumentText.printable(hostText)
            throw SettingsError(
                "in '\(hostText):\(rest)', is \(rest) a port or a directory? "
                    + "write '\(hostText):\(rest):' for the port, '\(hostText):./\(rest)' for the directory")
        }
        self.init(
            userName: try user.map { user throws(SettingsError) in try Self.user(user) },
            host: try Self.host(hostText), port: port, path: try Self.path(ArgumentText.bytes(rest)))
    }

    /// The colon that ends `[USER@]HOST`, which may hold an address in brackets.
    private static func endOfAuthority(_ text: String) -> String.Index? {
        var inBrackets = false
        var atHostStart = true
        for index in text.indices {
            switch text[index] {
            case "[" where atHostStart: inBrackets = true
            case "]": inBrackets = false
            case ":" where !inBrackets: return index
            case "/" where !inBrackets: return nil
            default: break
            }
            atHostStart = text[index] == "@"
        }
        return nil
    }

    /// Refuses `USER:PASSWORD@HOST:`, which would otherwise look up a host called USER.
    private static func refusePassword(before rest: Substring) throws(SettingsError) {
        guard !rest.hasPrefix("/"), !rest.hasPrefix("./") else { return }
        guard let at = rest.lastIndex(of: "@"), rest[at...].contains(":") else { return }
        throw SettingsError(passwordHint)
    }

    /// Says what to do instead of a password on the command line; never shows the password.
    static let passwordHint =
        "a password on the command line can be read by every user of this machine: "
        + "use credentials=FILE, netrc, password_stdin, or answer the prompt"

    static func splitUser(_ authority: Substring) -> (user: Substring?, host: Substring) {
        guard let at = authority.lastIndex(of: "@") else { return (nil, authority) }
        return (authority[..<at], authority[authority.index(after: at)...])
    }

    static func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }

    static func port(_ text: some StringProtocol) throws(SettingsError) -> UInt16 {
        guard let port = UInt16(text), port > 0, text.allSatisfy(isDigit) else {
            throw SettingsError("'\(ArgumentText.printable(text))' is no port: use 1 up to 65535")
        }
        return port
    }

    /// Checks a user's name: it goes into a command line of the protocol.
    static func user(_ text: some StringProtocol) throws(SettingsError) -> String {
        guard !text.isEmpty else { throw SettingsError("the user name before '@' is empty") }
        guard !ArgumentText.bytes(text).contains(where: { $0 == 0 || $0 == 10 || $0 == 13 }) else {
            throw SettingsError("a user name cannot hold line ends or NUL")
        }
        return String(text)
    }

    /// Checks a host's name or address, takes the brackets away and makes A-labels of what is not ASCII.
    static func host(_ text: some StringProtocol) throws(SettingsError) -> String {
        let shown = ArgumentText.printable(text)
        if text.hasPrefix("[") {
            let address = text.dropFirst().dropLast()
            guard text.hasSuffix("]"), address.contains(":"), !address.hasPrefix("[") else {
                throw SettingsError("'\(shown)' is no IPv6 address in brackets")
            }
            return try host(address)
        }
        guard !text.isEmpty else { throw SettingsError("the host's name is missing: \(form)") }
        let text = try HostName.ascii(text)
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
        guard allowed, !text.hasPrefix("-") else { throw SettingsError("'\(shown)' is no host name") }
        return text
    }

    /// Checks a path: it goes into command lines of the protocol.
    static func path(_ bytes: [UInt8]) throws(SettingsError) -> [UInt8] {
        guard !bytes.contains(where: { $0 == 0 || $0 == 10 || $0 == 13 }) else {
            throw SettingsError("FTP cannot carry a path with line ends or NUL in it")
        }
        return bytes
    }
}
