import Remote

/// One command of the control connection (RFC 959 section 4.1).
///
/// Made only by its static members, from values that hold no CR, LF or NUL: paths are checked by their type, all else
/// when the command is made. Paths are absolute, so that none begins with a space or a hyphen.
package struct Command: Hashable, Sendable {
    /// The command's name in capitals; for SITE commands `SITE` alone.
    package let verb: String
    private let argument: [UInt8]?
    private let isSecret: Bool
    private let isSplitAtSpaces: Bool

    /// Takes bytes that are known to be safe.
    private init(
        _ verb: String, trusted argument: [UInt8]?, isSecret: Bool = false, isSplitAtSpaces: Bool = false
    ) {
        self.verb = verb
        self.argument = argument
        self.isSecret = isSecret
        self.isSplitAtSpaces = isSplitAtSpaces
    }

    /// A command without an argument.
    ///
    /// The verb is a literal of this module.
    init(_ verb: StaticString) {
        self.init(verb.description, trusted: nil)
    }

    /// A command with a number or a keyword of this module as its argument.
    init(_ verb: StaticString, _ argument: StaticString) {
        self.init(verb.description, trusted: Array(argument.description.utf8))
    }

    /// A command with a number as its argument.
    init(_ verb: StaticString, number: UInt64) {
        self.init(verb.description, trusted: Array(String(number).utf8))
    }

    /// A command with a path as its argument; `prefix` comes before it and a space.
    init(_ verb: StaticString, prefix: StaticString? = nil, _ path: RemotePath) {
        let prefix = prefix.map { Array($0.description.utf8) + [UInt8(ascii: " ")] } ?? []
        self.init(verb.description, trusted: prefix + path.bytes)
    }

    /// A command with numbers as its argument, and signs between them that are safe.
    init(_ verb: StaticString, numbers: String) {
        self.init(verb.description, trusted: Array(numbers.utf8))
    }

    /// A checksum command with a path as its argument, perhaps between quotation marks.
    init(_ checksum: Checksum, _ path: [UInt8]) {
        self.init(checksum.rawValue, trusted: path)
    }

    /// A command with any bytes as its argument; throws `.forbiddenByte` for CR, LF and NUL.
    init(
        _ verb: StaticString, checking argument: [UInt8], isSecret: Bool = false,
        isSplitAtSpaces: Bool = false
    ) throws(CommandError) {
        guard !argument.contains(where: Self.isForbidden) else {
            throw .forbiddenByte(verb: verb.description)
        }
        self.init(
            verb.description, trusted: argument, isSecret: isSecret, isSplitAtSpaces: isSplitAtSpaces)
    }

    /// A command as a user has written it: a verb of ASCII letters, then perhaps a space and any text.
    ///
    /// Throws `.forbiddenByte` for CR, LF and NUL, `.notExpressible` when it does not begin with a verb. The text after PASS
    /// and ACCT is a secret.
    package static func raw(_ line: some Collection<UInt8>) throws(CommandError) -> Command {
        let line = Array(line)
        guard !line.contains(where: isForbidden) else { throw .forbiddenByte(verb: "raw command") }
        let word = line.prefix { $0 != UInt8(ascii: " ") }
        let isVerb = word.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= lowercased($0) }
        guard !word.isEmpty, isVerb else {
            throw .notExpressible(verb: "raw command", reason: "it does not begin with a command's name")
        }
        let verb = String(decoding: word, as: UTF8.self).uppercased()
        let argument = word.count < line.count ? Array(line[(word.count + 1)...]) : nil
        let secretWords = ["PSWD", "PASSWD", "PASS"]
        let firstWord = argument.map {
            String(decoding: $0.prefix { $0 != 0x20 }, as: UTF8.self).uppercased()
        }
        let isSecret =
            ["PASS", "ACCT"].contains(verb) || verb == "SITE" && secretWords.contains(firstWord ?? "")
        return Command(verb, trusted: argument, isSecret: isSecret)
    }

    /// The number of bytes of verb and argument, before the server's dialect is applied.
    package var length: Int { verb.utf8.count + (argument.map { $0.count + 1 } ?? 0) }

    /// The command as bytes with CRLF at the end.
    ///
    /// Throws `.tooLong` beyond the dialect's limit, `.notExpressible` for SITE arguments whose spaces the server would change.
    package func encoded(_ dialect: WireDialect) throws(CommandError) -> [UInt8] {
        var bytes = Array(verb.utf8)
        if let argument {
            if isSplitAtSpaces, dialect.splitsSiteArguments, Self.losesSpaces(argument) {
                throw .notExpressible(verb: verb, reason: "the server may change the spaces of the path")
            }
            bytes.append(UInt8(ascii: " "))
            for byte in argument {
                bytes.append(byte)
                if byte == 0xff, dialect.doubleIAC { bytes.append(byte) }
            }
        }
        bytes += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
        guard bytes.count <= dialect.maxLength else {
            throw .tooLong(verb: verb, length: bytes.count, limit: dialect.maxLength)
        }
        return bytes
    }

    /// The command for logs: printable, secrets masked.
    package var logText: String {
        guard let argument else { return verb }
        return isSecret ? "\(verb) ****" : "\(verb) \(excerpt(argument, limit: Self.logLimit))"
    }

    private static let logLimit = 1024

    private static func isForbidden(_ byte: UInt8) -> Bool {
        byte == 0 || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n")
    }

    private static func losesSpaces(_ argument: [UInt8]) -> Bool {
        guard let last = argument.last else { return false }
        return isBlank(last) || zip(argument, argument.dropFirst()).contains { isBlank($0) && isBlank($1) }
            || argument.contains(UInt8(ascii: "\t"))
    }
}

extension Command: CustomStringConvertible {
    /// The command for logs: printable, secrets masked.
    package var description: String { logText }
}
