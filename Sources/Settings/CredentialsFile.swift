import Posix

/// What a credentials file holds: lines `username=NAME`, `password=PASSWORD`, `account=ACCOUNT` and `key_passphrase=PASSPHRASE`.
///
/// A value goes verbatim from the sign to the end of the line, spaces, commas and `#` included; a carriage return at the very end
/// counts to the line end. Empty lines and lines that begin with `#` are passed over.
struct CredentialsFile {
    /// The user's name, nil when the file has none.
    var userName: String?
    /// The password, nil when the file has none.
    var password: SecretBytes?
    /// The account, nil when the file has none.
    var account: SecretBytes?
    /// What decrypts the client's private key, nil when the file has none.
    var keyPassphrase: SecretBytes?

    /// Understands a file's content; `path` is for messages, which never show a line's text.
    init(_ content: SecretBytes, path: String) throws(SettingsError) {
        var found = CredentialsFile()
        try content.withBytes { bytes throws(SettingsError) in
            var start = Self.hasByteOrderMark(bytes) ? 3 : 0
            var number = 1
            while start < bytes.count {
                let end = Self.endOfLine(bytes, from: start)
                try found.take(content, bytes, Self.trimmed(bytes, start..<end), "\(path):\(number)")
                start = end + 1
                number += 1
            }
        }
        self = found
    }

    private init() {}

    private mutating func take(
        _ content: SecretBytes, _ bytes: Span<UInt8>, _ line: Range<Int>, _ place: String
    ) throws(SettingsError) {
        guard let first = line.first, bytes[first] != UInt8(ascii: "#") else { return }
        guard let sign = line.first(where: { bytes[$0] == UInt8(ascii: "=") }) else {
            throw SettingsError("\(place): a line is username=NAME or password=PASSWORD")
        }
        var key = ""
        for index in first..<sign { key.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
        let value = (sign + 1)..<line.upperBound
        switch key.filter({ $0 != " " && $0 != "\t" }) {
        case "username":
            guard userName == nil else { throw SettingsError("\(place): a second username=") }
            var name: [UInt8] = []
            for index in value { name.append(bytes[index]) }
            userName = try MountSource.user(ArgumentText.text(name))
        case "password":
            guard password == nil else { throw SettingsError("\(place): a second password=") }
            password = content.part(value)
        case "account":
            guard account == nil else { throw SettingsError("\(place): a second account=") }
            guard !value.contains(where: { bytes[$0] == 0 || bytes[$0] == UInt8(ascii: "\r") }) else {
                throw SettingsError("\(place): the account holds a line end or NUL, which FTP cannot carry")
            }
            account = content.part(value)
        case "key_passphrase":
            guard keyPassphrase == nil else { throw SettingsError("\(place): a second key_passphrase=") }
            keyPassphrase = content.part(value)
        default:
            // The key is not shown: the line may be a password that was put down without one.
            throw SettingsError(
                "\(place): unknown key; the keys are username, password, account, key_passphrase")
        }
    }

    private static func hasByteOrderMark(_ bytes: Span<UInt8>) -> Bool {
        bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
    }

    private static func endOfLine(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
        return index
    }

    /// The line without blanks at its start and one carriage return at its end.
    private static func trimmed(_ bytes: Span<UInt8>, _ line: Range<Int>) -> Range<Int> {
        var start = line.lowerBound
        var end = line.upperBound
        if start < end, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        while start < end, bytes[start] == UInt8(ascii: " ") || bytes[start] == UInt8(ascii: "\t") {
            start += 1
        }
        return start..<end
    }
}
