import Glibc
import Posix

/// The commands that look at or change names.
extension ScriptedSession {
    /// Makes a path absolute.
    func absolute(_ path: [UInt8]) -> [UInt8] {
        if path.first == 0x2f { return path }
        return path.isEmpty ? directory : directory + [0x2f] + path
    }

    /// Answers with the errno in the words of the likeness.
    func refuse(_ error: Errno, _ path: [UInt8], _ verb: String) throws {
        let name = String(decoding: path, as: UTF8.self)
        var code = 550
        if verb == "STOR" || verb == "APPE" { code = like.tellsErrno ? 550 : 553 }
        if verb == "RNTO" { code = like.renameFailure }
        if verb == "MLSD", like.name == "pyftpdlib" { code = 501 }
        if verb == "MFMT" || verb == "MFF", like.name == "ProFTPD" { code = 501 }
        guard like.tellsErrno else { return try send("\(code) \(vagueWords(verb))", for: verb) }
        let vague = ["SIZE": "not a regular file", "MLST": "cannot be listed", "MDTM": "not a regular file"]
        if let words = vague[verb] { return try send("550 '\(name)' \(words)", for: verb) }
        try send("\(code) \(name): \(error)", for: verb)
    }

    private func vagueWords(_ verb: String) -> String {
        switch verb {
        case "RETR": "Failed to open file."
        case "CWD": "Failed to change directory."
        case "DELE": "Delete operation failed."
        case "MKD": "Create directory operation failed."
        case "RMD": "Remove directory operation failed."
        case "RNFR": "RNFR command failed."
        case "RNTO": "Rename failed."
        case "SIZE": "Could not get file size."
        case "MDTM": "Could not get file modification time."
        case "STOR", "APPE": "Could not create file."
        case "SITE": "SITE CHMOD command failed."
        default: "Operation failed."
        }
    }

    /// Runs a change of the tree and answers with its outcome.
    private func attempt(
        _ verb: String, _ path: [UInt8], success: String, _ body: () throws(Errno) -> Void
    ) throws {
        do throws(Errno) { try body() } catch { return try refuse(error, path, verb) }
        try send(success, for: verb)
    }

    private func quoted(_ path: [UInt8]) -> [UInt8] {
        let quote: UInt8 = 0x22
        return [quote] + path.flatMap { $0 == quote && like.doublesQuotes ? [quote, quote] : [$0] } + [quote]
    }

    /// Carries out the command if it is one of these.
    func files(_ verb: String, _ argument: [UInt8]) throws -> Bool {
        let path = absolute(argument)
        switch verb {
        case "PWD":
            try send(
                Array("257 ".utf8) + quoted(directory) + Array(" is the current directory".utf8), for: verb)
        case "CWD", "CDUP":
            let target = verb == "CDUP" ? directory + Array("/..".utf8) : path
            try attempt(verb, target, success: "250 Directory successfully changed.") { () throws(Errno) in
                guard try tree.node(target).kind == .directory else { throw Errno(ENOTDIR) }
                directory = target
            }
        case "SIZE":
            if isASCII, like.refusesSizeInASCII { return try say("550 SIZE not allowed in ASCII mode", verb) }
            guard let node = try? tree.node(path), node.kind == .file else {
                try refuse(Errno(ENOENT), path, verb)
                return true
            }
            try send("213 \(node.size)", for: verb)
        case "MDTM": try modificationTime(argument)
        case "MFMT":
            guard like.timeCommands.contains(verb) else { return false }
            try setTime(verb, argument)
        case "MFF":
            guard like.timeCommands.contains(verb) else { return false }
            try setFacts(argument)
        case "DELE":
            try attempt(verb, path, success: "250 Delete operation successful.") { () throws(Errno) in
                try tree.delete(path)
            }
        case "MKD":
            do throws(Errno) { try tree.makeDirectory(path) } catch {
                try refuse(error, path, verb)
                return true
            }
            try send(Array("257 ".utf8) + quoted(path) + Array(" created".utf8), for: verb)
        case "RMD":
            try attempt(verb, path, success: "250 Remove directory operation successful.") {
                () throws(Errno) in
                try tree.removeDirectory(path)
            }
        case "RNFR":
            try attempt(verb, path, success: "350 Ready for RNTO.") { () throws(Errno) in
                _ = try tree.node(path, followsLast: false)
                renameSource = path
            }
        case "RNTO":
            guard let source = renameSource else { return try say("503 RNFR required first.", verb) }
            renameSource = nil
            if argument.isEmpty { return try say("501 Invalid number of parameters", verb) }
            try attempt(verb, path, success: "250 Rename successful.") { () throws(Errno) in
                try tree.rename(source, to: path)
            }
        case "SITE": try site(argument)
        case "AVBL", "HASH", "XCRC", "XMD5", "XSHA256": return false
        default: return false
        }
        return true
    }

    private func modificationTime(_ argument: [UInt8]) throws {
        let parts = argument.split(separator: 0x20, maxSplits: 1)
        if like.timeCommands.contains("MDTM"), parts.count == 2, Timecode.seconds(Array(parts[0])) != nil {
            return try setTime("MDTM", argument)
        }
        let path = absolute(argument)
        guard let node = try? tree.node(path), node.kind == .file else {
            return try refuse(Errno(ENOENT), path, "MDTM")
        }
        try send("213 \(Timecode.text(node.modified))", for: "MDTM")
    }

    private func setTime(_ verb: String, _ argument: [UInt8]) throws {
        let parts = argument.split(separator: 0x20, maxSplits: 1)
        guard parts.count == 2, let seconds = Timecode.seconds(Array(parts[0])) else {
            return try send("501 Invalid time.", for: verb)
        }
        let path = absolute(Array(parts[1]))
        let text = String(decoding: argument, as: UTF8.self)
        let success = verb == "MDTM" ? "213 File modification time set." : "213 Modify=\(text)"
        try attempt(verb, path, success: success) { () throws(Errno) in
            try tree.set(path, modified: seconds)
        }
    }

    private func setFacts(_ argument: [UInt8]) throws {
        let parts = argument.split(separator: 0x20, maxSplits: 1)
        guard parts.count == 2 else { return try send("501 Missing name.", for: "MFF") }
        let path = absolute(Array(parts[1]))
        try attempt("MFF", path, success: "213 \(String(decoding: argument, as: UTF8.self))") {
            () throws(Errno) in
            for fact in String(decoding: parts[0], as: UTF8.self).split(separator: ";") {
                let pair = fact.split(separator: "=", maxSplits: 1)
                guard pair.count == 2 else { throw Errno(EINVAL) }
                switch pair[0].lowercased() {
                case "modify": try tree.set(path, modified: Timecode.seconds(Array(pair[1].utf8)))
                case "unix.mode": try tree.set(path, mode: UInt16(pair[1], radix: 8))
                default: throw Errno(EINVAL)
                }
            }
        }
    }

    private func site(_ argument: [UInt8]) throws {
        let parts = argument.split(separator: 0x20, maxSplits: 2)
        let verb = "SITE"
        guard let word = parts.first, parts.count > 1 else { return try send("501 Syntax error.", for: verb) }
        switch String(decoding: word, as: UTF8.self).uppercased() {
        case "CHMOD" where parts.count == 3 && !like.forgetsRestart:
            let path = absolute(Array(parts[2]))
            guard let mode = UInt16(String(decoding: parts[1], as: UTF8.self), radix: 8) else {
                return try send("501 Invalid mode.", for: verb)
            }
            try attempt(verb, path, success: "200 SITE CHMOD command ok.") { () throws(Errno) in
                try tree.set(path, mode: mode)
            }
        case "UTIME" where parts.count == 3 && like.timeCommands.contains("UTIME"):
            try setTime(verb, Array(argument.drop { $0 != 0x20 }.dropFirst()))
        case "SYMLINK" where parts.count == 3 && like.name == "ProFTPD":
            let path = absolute(Array(parts[2]))
            try attempt(verb, path, success: "200 SITE SYMLINK command successful") { () throws(Errno) in
                try tree.makeLink(path, to: Array(parts[1]))
            }
        case "CPFR" where like.name == "ProFTPD":
            copySource = absolute(Array(argument.drop { $0 != 0x20 }.dropFirst()))
            try send("350 File or directory exists, ready for destination name", for: verb)
        case "CPTO" where like.name == "ProFTPD":
            guard let source = copySource else { return try send("503 Bad sequence of commands", for: verb) }
            let path = absolute(Array(argument.drop { $0 != 0x20 }.dropFirst()))
            try attempt(verb, path, success: "250 Copy successful") { () throws(Errno) in
                let bytes = try tree.read(source)
                try tree.open(path, cutTo: 0)
                try tree.write(path, bytes, at: 0)
            }
        default: try send("500 Unknown SITE command.", for: verb)
        }
    }
}

/// The time form of MDTM, MFMT and MLSD: `YYYYMMDDhhmmss`, UTC.
enum Timecode {
    static func text(_ seconds: Int64) -> String { format(seconds, "%Y%m%d%H%M%S") }

    /// strftime(3) in UTC.
    static func format(_ seconds: Int64, _ pattern: String) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, pattern, &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func seconds(_ text: [UInt8]) -> Int64? {
        guard text.count >= 14, text.prefix(14).allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        func number(_ from: Int, _ count: Int) -> CInt {
            text[from..<(from + count)].reduce(0) { $0 * 10 + CInt($1 - 0x30) }
        }
        var parts = tm()
        parts.tm_year = number(0, 4) - 1900
        parts.tm_mon = number(4, 2) - 1
        parts.tm_mday = number(6, 2)
        parts.tm_hour = number(8, 2)
        parts.tm_min = number(10, 2)
        parts.tm_sec = number(12, 2)
        return Int64(timegm(&parts))
    }
}
