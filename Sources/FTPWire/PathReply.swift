package import Remote

/// The path in a 257 reply to PWD or MKD (RFC 959 section 5.4, appendix II).
package struct PathReply: Hashable, Sendable {
    /// The path's bytes as the server has them, at least one.
    package let bytes: [UInt8]

    /// Reads a 257 reply: what stands between the first and the last quotation mark; without marks, the first word.
    ///
    /// Marks inside are doubled by vsftpd, ProFTPD and pyftpdlib but not by Pure-FTPd 1.0.50: they are halved only when every
    /// run of them is of an even length. Nil for another code and for an empty path.
    package init?(_ reply: Reply) {
        guard reply.code == 257, let line = reply.lines.first else { return nil }
        let quote = UInt8(ascii: "\"")
        let path: [UInt8]
        if let first = line.firstIndex(of: quote), let last = line.lastIndex(of: quote), first < last {
            path = Self.unquoted(line[(first + 1)..<last])
        } else {
            path = Array(line.drop(while: isBlank).prefix { !isBlank($0) })
        }
        guard !path.isEmpty else { return nil }
        bytes = path
    }

    /// The path as an absolute one; nil when it holds NUL, CR or LF.
    ///
    /// Backslashes of Windows servers stay: such servers take slashes as well.
    package var path: RemotePath? { RemotePath(bytes) }

    private static func unquoted(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let quote = UInt8(ascii: "\"")
        var halved: [UInt8] = []
        var isOdd = false
        for byte in text {
            if byte == quote {
                if !isOdd { halved.append(byte) }
                isOdd.toggle()
            } else {
                if isOdd { return Array(text) }
                halved.append(byte)
            }
        }
        return isOdd ? Array(text) : halved
    }
}
