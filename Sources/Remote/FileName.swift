/// The name of one directory entry: bytes, never text.
///
/// A value of this type can be put on an FTP control connection and handed to the kernel without further checks.
package struct FileName: Hashable, Sendable {
    /// The name's bytes: at least one, none of them NUL, `/`, CR or LF.
    package let bytes: [UInt8]

    /// The most bytes of a name that a local directory can show (NAME_MAX, limits.h); the kernel takes longer ones for an error.
    package static let longest = 255

    /// Accepts a name that both a local directory and an FTP command line can carry.
    ///
    /// Refuses the empty name, `.`, `..`, and names with NUL, `/`, CR or LF: a line end inside a command would start
    /// another command (RFC 959 section 5.3), and a slash would leave the directory.
    package init?(_ bytes: some Collection<UInt8>) {
        // In one copy: what follows looks at every byte, and this package's other modules have no code of their own for it.
        self.init(checking: Array(bytes))
    }

    private init?(checking bytes: [UInt8]) {
        guard let first = bytes.first, let last = bytes.last else { return nil }
        for byte in bytes where Self.isForbidden(byte) { return nil }
        let dot = UInt8(ascii: ".")
        guard bytes.count > 2 || first != dot || last != dot else { return nil }
        self.bytes = bytes
    }

    /// Accepts the bytes of a span, under the rules of `init(_:)`; the way for rows of long listings.
    package init?(_ span: Span<UInt8>) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(span.count)
        for offset in span.indices { bytes.append(span[offset]) }
        self.init(checking: bytes)
    }

    /// Takes bytes that were accepted as a name before.
    init(accepted bytes: ArraySlice<UInt8>) {
        self.bytes = Array(bytes)
    }

    /// Accepts the UTF-8 bytes of a text, under the rules of `init(_:)`.
    package init?(_ text: String) {
        self.init(Array(text.utf8))
    }

    /// Whether a byte can never be part of a name.
    package static func isForbidden(_ byte: UInt8) -> Bool {
        byte == 0 || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n")
    }

    /// Hashes eight bytes at a time: names are the keys of the largest tables.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.count)
        var word: UInt64 = 0
        for (place, byte) in bytes.enumerated() {
            word = word << 8 | UInt64(byte)
            if place & 7 == 7 {
                hasher.combine(word)
                word = 0
            }
        }
        hasher.combine(word)
    }

    /// Whether the name begins with a dot.
    package var isHidden: Bool { bytes.first == UInt8(ascii: ".") }
}

extension FileName: Comparable {
    /// Orders names by their bytes.
    package static func < (left: FileName, right: FileName) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension FileName: CustomStringConvertible {
    /// The name for messages, with everything escaped that could disturb a terminal or a log.
    package var description: String { printable(bytes) }
}

/// Renders bytes for a message: printable ASCII as it is, well-formed UTF-8 letters kept, all else as `\xHH`.
///
/// Control, bidirectional and other format characters are escaped, for names come from the network.
package func printable(_ bytes: some Sequence<UInt8>) -> String {
    let bytes = Array(bytes)
    guard let text = String(validating: bytes, as: UTF8.self) else {
        return bytes.reduce(into: "") { result, byte in
            let isPlain = byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\\")
            result += isPlain ? String(UnicodeScalar(byte)) : hexEscape(byte)
        }
    }
    return text.unicodeScalars.reduce(into: "") { result, scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
            result += String(scalar).utf8.map(hexEscape).joined()
        default:
            result += scalar == "\\" ? "\\\\" : String(scalar)
        }
    }
}

private func hexEscape(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return "\\x" + (digits.count == 1 ? "0" : "") + digits
}
