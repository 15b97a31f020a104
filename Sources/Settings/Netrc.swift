import Posix

/// What a netrc file says about one host.
///
/// Words are separated by blanks and line ends; one in double quotes may hold blanks, and a backslash there takes the next byte as it
/// is. A word that begins with `#` hides the rest of its line where a keyword is due. Macro definitions are passed over.
struct Netrc {
    /// The user's name, nil when the entry has none.
    var userName: String?
    /// The password, nil when the entry has none.
    var password: SecretBytes?

    /// Finds the entry for a host, and for a user where one is known; nil when there is none.
    ///
    /// The first entry that fits counts; `default` fits every host. An entry without `login` fits every user.
    static func find(
        in content: SecretBytes, host: String, user: String?
    ) -> Netrc? {
        content.withBytes { bytes in
            var reader = NetrcReader()
            var current: Netrc?
            while let word = reader.word(bytes, isValue: false) {
                switch word.bytes {
                case Array("machine".utf8), Array("default".utf8):
                    if let current, current.fits(user) { return current }
                    current = nil
                    if word.bytes.first == UInt8(ascii: "d") {
                        current = Netrc()
                    } else if let name = reader.word(bytes, isValue: true) {
                        let name = String(decoding: name.bytes, as: UTF8.self)
                        if name.lowercased() == host.lowercased() { current = Netrc() }
                    }
                case Array("login".utf8):
                    guard let name = reader.word(bytes, isValue: true) else { break }
                    current?.userName = ArgumentText.text(name.bytes)
                case Array("password".utf8):
                    guard let secret = reader.secretWord(bytes, content) else { break }
                    current?.password = secret
                case Array("account".utf8):
                    _ = reader.word(bytes, isValue: true)
                case Array("macdef".utf8):
                    reader.skipMacro(bytes)
                default: break
                }
            }
            if let current, current.fits(user) { return current }
            return nil
        }
    }

    private func fits(_ user: String?) -> Bool {
        guard let user, let userName else { return true }
        return user == userName
    }
}

private struct NetrcReader {
    private var index = 0

    struct Word {
        var bytes: [UInt8]
    }

    /// The next word, nil at the end.
    mutating func word(_ bytes: Span<UInt8>, isValue: Bool) -> Word? {
        skipBlanks(bytes, comments: !isValue)
        guard index < bytes.count else { return nil }
        var word: [UInt8] = []
        read(bytes) { word.append($0) }
        return Word(bytes: word)
    }

    /// The next word in memory of its own, nil at the end.
    mutating func secretWord(_ bytes: Span<UInt8>, _ content: SecretBytes) -> SecretBytes? {
        skipBlanks(bytes, comments: false)
        guard index < bytes.count else { return nil }
        let start = index
        var length = 0
        var isVerbatim = true
        read(bytes) { _ in length += 1 }
        isVerbatim = bytes[start] != UInt8(ascii: "\"")
        if isVerbatim { return content.part(start..<index) }
        index = start
        return SecretBytes(length: length) { append in read(bytes, append) }
    }

    private mutating func read(_ bytes: Span<UInt8>, _ append: (UInt8) -> Void) {
        let quote = UInt8(ascii: "\"")
        guard bytes[index] == quote else {
            while index < bytes.count, !isBlank(bytes[index]) {
                append(bytes[index])
                index += 1
            }
            return
        }
        index += 1
        while index < bytes.count, bytes[index] != quote, bytes[index] != UInt8(ascii: "\n") {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
            append(bytes[index])
            index += 1
        }
        index = min(index + 1, bytes.count)
    }

    private mutating func skipBlanks(_ bytes: Span<UInt8>, comments: Bool) {
        while index < bytes.count {
            if isBlank(bytes[index]) {
                index += 1
            } else if comments, bytes[index] == UInt8(ascii: "#") {
                while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
            } else {
                return
            }
        }
    }

    /// Passes over a macro's body, which ends at an empty line.
    mutating func skipMacro(_ bytes: Span<UInt8>) {
        var lineIsEmpty = false
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\n") {
                if lineIsEmpty { return }
                lineIsEmpty = true
            } else if byte != UInt8(ascii: "\r") {
                lineIsEmpty = false
            }
        }
    }

    private func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (9...13).contains(byte)
    }
}
