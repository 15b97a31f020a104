/// Where a server waits for a data connection.
package struct PassiveAddress: Hashable, Sendable {
    /// The four bytes of the IPv4 address PASV names; nil for EPSV.
    ///
    /// Not to be dialled by default: the control connection's peer is the address that was verified.
    package let address: [UInt8]?
    /// The port, 1 up to 65535.
    package let port: UInt16

    /// Reads a 229 reply to EPSV: `(<d><d><d><port><d>)` with any delimiter (RFC 2428 section 3).
    ///
    /// Nil for another code and for anything that states no port.
    package init?(extended reply: Reply) {
        guard reply.code == 229, let port = reply.lines.lazy.compactMap(Self.extendedPort).first else {
            return nil
        }
        self.address = nil
        self.port = port
    }

    /// Reads a 227 reply to PASV: the first six numbers with commas between, each 0 up to 255, brackets or not (RFC 959 section 4.1.2).
    ///
    /// Nil for another code, for anything else, and for port 0.
    package init?(passive reply: Reply) {
        guard reply.code == 227, let numbers = reply.lines.lazy.compactMap(Self.sixNumbers).first else {
            return nil
        }
        let port = UInt16(numbers[4]) << 8 | UInt16(numbers[5])
        guard port != 0 else { return nil }
        self.address = Array(numbers[..<4])
        self.port = port
    }

    /// Whether the address PASV names is none that a server on another machine can mean: unspecified, of the loopback or the local link,
    /// multicast or reserved.
    ///
    /// False for EPSV, which names none.
    package var isUnroutable: Bool {
        guard let address else { return false }
        switch (address[0], address[1]) {
        case (0, _), (127, _), (169, 254), (224..., _): return true
        default: return false
        }
    }

    private static func extendedPort(_ line: [UInt8]) -> UInt16? {
        var rest = line[...]
        while let open = rest.firstIndex(of: UInt8(ascii: "(")) {
            rest = rest[(open + 1)...]
            if let port = portBetweenDelimiters(rest) { return port }
        }
        return nil
    }

    private static func portBetweenDelimiters(_ bytes: ArraySlice<UInt8>) -> UInt16? {
        guard let delimiter = bytes.first, 33...126 ~= delimiter, !isDigit(delimiter),
            bytes.prefix(3).elementsEqual(repeatElement(delimiter, count: 3))
        else { return nil }
        let digits = bytes.dropFirst(3).prefix(while: isDigit)
        guard 1...5 ~= digits.count, bytes.dropFirst(3 + digits.count).first == delimiter,
            let port = UInt16(String(decoding: digits, as: UTF8.self)), port != 0
        else { return nil }
        return port
    }

    private static func sixNumbers(_ line: [UInt8]) -> [UInt8]? {
        var place = line.startIndex
        while let first = line[place...].firstIndex(where: isDigit) {
            let run = line[first...].prefix {
                isDigit($0) || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ")
            }
            let parts = run.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            let numbers = parts.map { number($0) }
            for start in numbers.indices where start + 6 <= numbers.count {
                let six = numbers[start..<(start + 6)].compactMap { $0 }
                if six.count == 6 { return six }
            }
            place = run.endIndex
        }
        return nil
    }

    /// A number up to 255 with perhaps spaces around it, as some servers write.
    private static func number(_ part: ArraySlice<UInt8>) -> UInt8? {
        let digits = part.drop(while: isBlank)
        let number = digits.prefix(while: isDigit)
        guard 1...3 ~= number.count, digits.dropFirst(number.count).allSatisfy(isBlank) else { return nil }
        return UInt8(String(decoding: number, as: UTF8.self))
    }
}
