extension MountSource {
    /// Whether a text can be the scheme of a URL (RFC 3986 section 3.1).
    static func isScheme(_ text: Substring) -> Bool {
        guard let first = text.first, first.isASCII, first.isLetter else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    }

    /// Takes a URL apart: `rest` is what follows `://`.
    ///
    /// As in RFC 1738 section 3.2.2 the path is relative to the log-in directory; it is absolute when it begins with a second slash
    /// or with `%2F`.
    init(scheme: String, rest: Substring) throws(SettingsError) {
        let mode: TLSSettings.Mode
        switch scheme {
        case "ftp", "ftpes": mode = .explicit
        case "ftps": mode = .implicit
        default:
            throw SettingsError(
                "'\(scheme)://' is not supported: use ftp:// or ftpes:// (explicit TLS), or ftps:// (implicit TLS)"
            )
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let (userText, address) = Self.splitUser(rest[..<slash])
        if let userText, userText.contains(":") { throw SettingsError(Self.passwordHint) }
        let (hostText, portText) = Self.splitPort(address)
        var user: String?
        if let userText {
            let name = ArgumentText.text(try Self.percentDecoded(userText))
            user = try Self.user(name)
        }
        var port: UInt16?
        if let portText, !portText.isEmpty { port = try Self.port(portText) }
        var path = rest[slash...].dropFirst()
        for type in [";type=i", ";type=a", ";type=d"] where path.lowercased().hasSuffix(type) {
            path = path.dropLast(type.count)
        }
        self.init(
            mode: mode, userName: user, host: try Self.host(hostText), port: port,
            path: try Self.path(Self.percentDecoded(path)))
    }

    private static func splitPort(_ text: Substring) -> (host: Substring, port: Substring?) {
        guard let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") else { return (text, nil) }
        return (text[..<colon], text[text.index(after: colon)...])
    }

    /// Replaces `%XX` by the byte it stands for.
    static func percentDecoded(_ text: Substring) throws(SettingsError) -> [UInt8] {
        let bytes = ArgumentText.bytes(text)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "%") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            guard index + 2 < bytes.count, let high = hexadecimal(bytes[index + 1]),
                let low = hexadecimal(bytes[index + 2])
            else {
                throw SettingsError(
                    "a percent sign in a URL is written %25; found one without two digits behind it")
            }
            result.append(high << 4 | low)
            index += 3
        }
        return result
    }

    /// The value of a hexadecimal digit.
    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
