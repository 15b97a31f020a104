package import Remote

/// Commands that ask for, change and remove names.
extension Command {
    /// `MLST path`, or of the current directory (RFC 3659 section 7).
    package static func mlst(_ path: RemotePath? = nil) -> Command {
        path.map { Command("MLST", $0) } ?? Command("MLST")
    }
    /// `STAT path`, a listing over the control connection; of the server itself without a path.
    package static func stat(_ path: RemotePath? = nil) -> Command {
        path.map { Command("STAT", $0) } ?? Command("STAT")
    }
    /// `SIZE path` (RFC 3659 section 4), in bytes as long as the type is image.
    package static func size(_ path: RemotePath) -> Command { Command("SIZE", path) }
    /// `MDTM path` (RFC 3659 section 3).
    package static func mdtm(_ path: RemotePath) -> Command { Command("MDTM", path) }
    /// `DELE path`.
    package static func dele(_ path: RemotePath) -> Command { Command("DELE", path) }
    /// `RMD path`.
    package static func rmd(_ path: RemotePath) -> Command { Command("RMD", path) }
    /// `MKD path`.
    package static func mkd(_ path: RemotePath) -> Command { Command("MKD", path) }
    /// `RNFR path`, to be followed by RNTO.
    package static func rnfr(_ path: RemotePath) -> Command { Command("RNFR", path) }
    /// `RNTO path`.
    package static func rnto(_ path: RemotePath) -> Command { Command("RNTO", path) }
    /// `AVBL path`: free bytes (draft-peterson-streamlined-ftp-command-extensions).
    package static func avbl(_ path: RemotePath) -> Command { Command("AVBL", path) }

    /// `MFMT time path`: sets the time of modification, in whole seconds (draft-somers-ftp-mfxx section 3).
    ///
    /// Fractions are cut: pyftpdlib 2.2.0 refuses them. Throws `.notExpressible` outside the years 0 to 9999.
    package static func mfmt(_ time: Timestamp, _ path: RemotePath) throws(CommandError) -> Command {
        try Command("MFMT", checking: stamp(time, for: "MFMT") + space + path.bytes)
    }
    /// `MDTM time path`: the same on servers that have no MFMT (vsftpd 3.0.3 with `mdtm_write`, Serv-U).
    package static func mdtmSet(_ time: Timestamp, _ path: RemotePath) throws(CommandError) -> Command {
        try Command("MDTM", checking: stamp(time, for: "MDTM") + space + path.bytes)
    }
    /// `MFF modify=time; path` (draft-somers-ftp-mfxx section 5).
    package static func mff(modified time: Timestamp, _ path: RemotePath) throws(CommandError) -> Command {
        let fact = try Array("modify=".utf8) + stamp(time, for: "MFF") + Array("; ".utf8)
        return try Command("MFF", checking: fact + path.bytes)
    }
    /// `MFF UNIX.mode=mode; path`, mode 0 up to 0o7777.
    package static func mff(mode: UInt16, _ path: RemotePath) throws(CommandError) -> Command {
        let fact = Array("UNIX.mode=\(octal(mode)); ".utf8)
        return try Command("MFF", checking: fact + path.bytes)
    }

    /// `HASH path` with the algorithm chosen by OPTS HASH (draft-bryan-ftpext-hash).
    package static func hash(_ path: RemotePath) -> Command { Command("HASH", path) }
    /// `OPTS HASH algorithm`.
    package static func optsHash(_ algorithm: String) throws(CommandError) -> Command {
        try opts("HASH \(algorithm)")
    }
    /// `RANG first last`: the part of a file the next command is about, in bytes, the last one included (draft-bryan-ftp-range).
    package static func rang(first: UInt64, last: UInt64) -> Command {
        Command("RANG", numbers: "\(first) \(last)")
    }

    /// The commands that give a checksum of a whole file.
    package enum Checksum: String, CaseIterable, Sendable {
        /// CRC-32.
        case crc = "XCRC"
        /// MD5.
        case md5 = "XMD5"
        /// MD5, by draft-twine-ftpmd5.
        case plainMD5 = "MD5"
        /// SHA-1.
        case sha = "XSHA"
        /// SHA-1.
        case sha1 = "XSHA1"
        /// SHA-256.
        case sha256 = "XSHA256"
        /// SHA-512.
        case sha512 = "XSHA512"
    }
    /// A checksum command; `quoted` puts the path between quotation marks, which Serv-U and GlobalSCAPE need for spaces.
    ///
    /// Throws `.notExpressible` for a path to be quoted that has a quotation mark in it.
    package static func checksum(
        _ checksum: Checksum, _ path: RemotePath, quoted: Bool = false
    ) throws(CommandError) -> Command {
        let quote = UInt8(ascii: "\"")
        guard !quoted || !path.bytes.contains(quote) else {
            throw .notExpressible(verb: checksum.rawValue, reason: "a quotation mark cannot be quoted")
        }
        return Command(checksum, quoted ? [quote] + path.bytes + [quote] : path.bytes)
    }

    /// One space.
    static let space = [UInt8(ascii: " ")]

    /// A time as `YYYYMMDDhhmmss`; throws `.notExpressible` outside the years 0 to 9999.
    static func stamp(_ time: Timestamp, for verb: String) throws(CommandError) -> [UInt8] {
        guard let bytes = time.compact() else {
            throw .notExpressible(verb: verb, reason: "the time's year has not four digits")
        }
        return bytes
    }

    /// A mode as at least three octal digits.
    static func octal(_ mode: UInt16) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    }
}
