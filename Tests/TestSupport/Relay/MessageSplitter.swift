/// Cuts what one side of an FTPS connection sends into messages: TLS records (RFC 8446, section 5.1), and lines where it is in the clear.
struct MessageSplitter {
    private var pending: [UInt8] = []

    /// More than any record or line has; what is neither goes through in pieces of this size.
    private static let longest = 5 + (1 << 14) + 256

    /// Takes bytes in and returns the messages that are complete now.
    mutating func split(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
        pending += bytes
        var messages: [[UInt8]] = []
        var start = 0
        while let length = Self.length(of: pending[start...]) {
            messages.append(Array(pending[start..<start + length]))
            start += length
        }
        pending.removeFirst(start)
        return messages
    }

    /// The beginning of a message whose end will not come, which is forgotten.
    mutating func takeRest() -> [UInt8] {
        defer { pending = [] }
        return pending
    }

    /// Nil when the message is not complete.
    private static func length(of bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = bytes.first else { return nil }
        let start = bytes.startIndex
        if 20...24 ~= first {
            guard bytes.count >= 5 else { return nil }
            let length = 5 + Int(bytes[start + 3]) << 8 + Int(bytes[start + 4])
            return bytes.count >= length ? length : nil
        }
        if let end = bytes.firstIndex(of: 0x0A) { return end + 1 - start }
        return bytes.count >= longest ? longest : nil
    }
}
