import Posix

/// The value an option was given, with the ways to understand it; each throws an error that names the option.
package struct OptionValue: Sendable {
    /// The option's name as the user wrote it.
    let option: String
    /// The text behind the `=`.
    let text: String
    /// The user, the environment, the user database.
    let surroundings: Surroundings

    /// An error about this value.
    func error(_ what: String) -> SettingsError {
        SettingsError("\(option)=\(ArgumentText.printable(text)): \(what)")
    }

    /// The text itself, which must not be empty and must be UTF-8.
    func plain() throws(SettingsError) -> String {
        guard !text.isEmpty else { throw error("the value is empty") }
        guard ArgumentText.isPlain(text), !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw error("the value must be UTF-8 without control characters")
        }
        return text
    }

    /// Text that a command of FTP can carry, any bytes but line ends and NUL; not shown when it is refused.
    func line() throws(SettingsError) -> String {
        guard !text.isEmpty else { throw error("the value is empty") }
        guard !ArgumentText.bytes(text).contains(where: { [0, 10, 13].contains($0) }) else {
            throw SettingsError("\(option): the value holds a line end or NUL, which FTP cannot carry")
        }
        return text
    }

    /// A local path, made absolute.
    func path() throws(SettingsError) -> String {
        let path = try plain()
        if path.hasPrefix("/") { return path }
        if path == "~" || path.hasPrefix("~/") {
            guard let home = surroundings.home else {
                throw error("there is no home directory to replace '~'")
            }
            return home + path.dropFirst()
        }
        guard let directory = surroundings.workingDirectory else {
            throw error("the working directory is unknown: use an absolute path")
        }
        return directory == "/" ? "/" + path : directory + "/" + path
    }

    /// A local file that can be read now, as an absolute path.
    func readableFile() throws(SettingsError) -> String {
        let path = try path()
        if let refusal = surroundings.refusalToRead(path) { throw error("cannot be read: \(refusal)") }
        return path
    }

    /// A whole number of a range.
    func number(_ range: ClosedRange<Int>) throws(SettingsError) -> Int {
        guard let number = Int(text), text.allSatisfy(MountSource.isDigit), range.contains(number) else {
            throw error("use a number, \(range.lowerBound) up to \(range.upperBound)")
        }
        return number
    }

    /// A time in seconds, with fractions, or with one of the units ms, s, m, h, d behind the number.
    func seconds(_ range: ClosedRange<Int>) throws(SettingsError) -> Duration {
        let units: [(String, Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("", 1000),
        ]
        for (unit, milliseconds) in units where text.hasSuffix(unit) {
            let parts = text.dropLast(unit.count).split(separator: ".", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), parts.allSatisfy({ $0.allSatisfy(MountSource.isDigit) }),
                let whole = Int64(parts[0]), whole <= 1_000_000_000,
                parts.count == 1 || (1...9).contains(parts[1].count)
            else { continue }
            var duration = Duration.milliseconds(whole * milliseconds)
            if parts.count == 2, let fraction = Int64(parts[1]) {
                let scale = parts[1].reduce(Int64(1)) { scale, _ in scale * 10 }
                duration += .milliseconds(milliseconds) * fraction / scale
            }
            if duration >= .seconds(range.lowerBound), duration <= .seconds(range.upperBound) {
                return duration
            }
        }
        throw error("use seconds, \(range.lowerBound) up to \(range.upperBound), or 500ms, 5m, 1h")
    }

    /// A size in bytes, with one of the units K, M, G, T, P (powers of 1024) behind the number.
    func size(minimum: UInt64) throws(SettingsError) -> UInt64 {
        var digits = Substring(text.uppercased())
        if digits.hasSuffix("IB") {
            digits = digits.dropLast(2)
        } else if digits.hasSuffix("B") {
            digits = digits.dropLast()
        }
        var shift = 0
        if let last = digits.last, let place = Array("KMGTP").firstIndex(of: last) {
            shift = 10 * (place + 1)
            digits = digits.dropLast()
        }
        guard !digits.isEmpty, digits.allSatisfy(MountSource.isDigit), let number = UInt64(digits) else {
            throw error("use a size such as 512M or 2G")
        }
        let (size, overflow) = number.multipliedReportingOverflow(by: 1 << UInt64(shift))
        guard !overflow, size <= UInt64(Int64.max) else { throw error("the size is too large") }
        guard size >= minimum else { throw error("use at least \(minimum) bytes") }
        return size
    }

    /// Permission bits in octal.
    func mode() throws(SettingsError) -> UInt16 {
        guard (1...5).contains(text.count), let mode = UInt16(text, radix: 8), mode <= 0o7777 else {
            throw error("use permission bits in octal, such as 022 or 0755")
        }
        return mode
    }

    /// One of some words.
    func choice<Choice>(_ choices: [(String, Choice)]) throws(SettingsError) -> Choice {
        guard let found = choices.first(where: { $0.0 == text }) else {
            throw error("use one of \(choices.map(\.0).joined(separator: ", "))")
        }
        return found.1
    }

    /// The parts between colons, each as a value of its own.
    func words() throws(SettingsError) -> [OptionValue] {
        try plain().split(separator: ":", omittingEmptySubsequences: false).map { part in
            OptionValue(option: option, text: String(part), surroundings: surroundings)
        }
    }

    /// A user's number, from a name or a number.
    func userID() throws(SettingsError) -> UInt32 {
        if let number = try identifier() { return number }
        guard let account = surroundings.account(try plain()) else {
            throw error("this machine has no such user")
        }
        return account.userID
    }

    /// A group's number, from a name or a number.
    func groupID() throws(SettingsError) -> UInt32 {
        if let number = try identifier() { return number }
        guard let number = surroundings.groupNamed(try plain()) else {
            throw error("this machine has no such group")
        }
        return number
    }

    private func identifier() throws(SettingsError) -> UInt32? {
        guard let first = text.first, MountSource.isDigit(first) else { return nil }
        // The highest number means "no user" to chown(2).
        guard let number = UInt32(text), number < UInt32.max, text.allSatisfy(MountSource.isDigit) else {
            throw error("use a name, or a number below 4294967295")
        }
        return number
    }

    /// A range of ports, `LOW-HIGH`, or one port; none of those that belong to well-known services.
    func ports() throws(SettingsError) -> ClosedRange<UInt16> {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = ends.compactMap { $0.allSatisfy(MountSource.isDigit) ? UInt16($0) : nil }
        guard (1...2).contains(ends.count), numbers.count == ends.count, let low = numbers.first,
            let high = numbers.last, low >= 1024, low <= high
        else { throw error("use ports, LOW-HIGH, 1024 up to 65535") }
        return low...high
    }

    /// A numeric address that another machine can be told to connect to.
    func ownAddress() throws(SettingsError) -> SocketAddress {
        guard let address = SocketAddress(numeric: try plain(), port: 0), let first = address.hostBytes.first,
            address.hostBytes.contains(where: { $0 != 0 }), first < (address.isIPv4 ? 224 : 255)
        else { throw error("use the numeric address of one machine") }
        return address
    }

    /// A list of ciphers, taken apart: OpenSSL has one list for TLS 1.2 and another for 1.3, whose names all begin with `TLS_`.
    ///
    /// A part of which nothing was given is nil: what the library offers there stays.
    func ciphers() throws(SettingsError) -> (older: String?, suites: String?) {
        let names = try plain().split(separator: ":")
        let suites = names.filter { $0.hasPrefix("TLS_") }
        let older = names.filter { !$0.hasPrefix("TLS_") }
        return (
            older.isEmpty ? nil : older.joined(separator: ":"),
            suites.isEmpty ? nil : suites.joined(separator: ":")
        )
    }

    /// The SHA-256 of a certificate, `sha256:` and 64 hexadecimal digits; colons between pairs are passed over.
    func pin() throws(SettingsError) -> [UInt8] {
        let lower = text.lowercased()
        let hint = "use sha256: and the 64 hexadecimal digits of the certificate's SHA-256"
        guard lower.hasPrefix("sha256:") else { throw error(hint) }
        let digits = lower.dropFirst("sha256:".count).utf8.filter { $0 != UInt8(ascii: ":") }
        var pin: [UInt8] = []
        var index = 0
        while index + 1 < digits.count {
            guard let high = MountSource.hexadecimal(digits[index]),
                let low = MountSource.hexadecimal(digits[index + 1])
            else { throw error(hint) }
            pin.append(high << 4 | low)
            index += 2
        }
        guard digits.count == 64 else { throw error(hint) }
        return pin
    }
}
