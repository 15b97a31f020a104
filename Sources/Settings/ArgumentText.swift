/// Command line arguments as text that stands for any bytes.
///
/// Names on a server are bytes, while a `String` is Unicode. A byte that is not part of valid UTF-8 becomes one of 256 private
/// characters (U+10FF00 and up), and back; so do the bytes of these characters themselves, which makes the way back exact.
package enum ArgumentText {
    private static let firstEscape: UInt32 = 0x10FF00

    /// The text that stands for an argument.
    package static func text(_ bytes: some Collection<UInt8>) -> String {
        let bytes = Array(bytes)
        var text = String.UnicodeScalarView()
        var index = 0
        while index < bytes.count {
            let length = sequenceLength(bytes[index])
            if index + length <= bytes.count,
                let scalar = String(validating: bytes[index..<(index + length)], as: UTF8.self)?
                    .unicodeScalars.first,
                scalar.value < firstEscape
            {
                text.append(scalar)
                index += length
            } else {
                if let escape = Unicode.Scalar(firstEscape + UInt32(bytes[index])) { text.append(escape) }
                index += 1
            }
        }
        return String(text)
    }

    /// The bytes of the argument a text stands for.
    package static func bytes(_ text: some StringProtocol) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if let byte = UInt8(exactly: Int64(scalar.value) - Int64(firstEscape)) {
                bytes.append(byte)
            } else {
                bytes += Array(String(scalar).utf8)
            }
        }
        return bytes
    }

    /// Whether the text stands for valid UTF-8, so that it may be used as it is.
    package static func isPlain(_ text: some StringProtocol) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value < firstEscape }
    }

    /// The text for a message: what is not plain, and control characters, shown as hexadecimal numbers.
    package static func printable(_ text: some StringProtocol) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if let byte = UInt8(exactly: Int64(scalar.value) - Int64(firstEscape)) {
                result += escaped(byte)
            } else if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) {
                for byte in String(scalar).utf8 { result += escaped(byte) }
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func escaped(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return "\\x" + (byte < 16 ? "0" + digits : digits)
    }

    private static func sequenceLength(_ lead: UInt8) -> Int {
        switch lead {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }
}
