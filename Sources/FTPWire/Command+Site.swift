package import Remote

/// SITE commands: what servers can do beyond the RFCs.
///
/// Where such a command has a path, encoding refuses spaces that the dialect says would be changed.
extension Command {
    /// `SITE text`.
    package static func site(_ text: some Collection<UInt8>) throws(CommandError) -> Command {
        try Command("SITE", checking: Array(text))
    }
    /// `SITE CHMOD mode path`, mode 0 up to 0o7777.
    package static func siteChmod(_ mode: UInt16, _ path: RemotePath) throws(CommandError) -> Command {
        try site("CHMOD \(octal(mode)) ", path)
    }
    /// `SITE UTIME time path` with `YYYYMMDDhhmmss` (ProFTPD 1.3.8, Pure-FTPd 1.0.50).
    package static func siteUtime(_ time: Timestamp, _ path: RemotePath) throws(CommandError) -> Command {
        try site("UTIME \(String(decoding: stamp(time, for: "SITE"), as: UTF8.self)) ", path)
    }
    /// `SITE UTIME path atime mtime ctime UTC`, the older form, all three times the same.
    package static func siteUtimeThreefold(_ time: Timestamp, _ path: RemotePath) throws(CommandError)
        -> Command
    {
        let stamp = " " + String(decoding: try stamp(time, for: "SITE"), as: UTF8.self)
        return try site("UTIME ", path, after: stamp + stamp + stamp + " UTC")
    }
    /// `SITE SYMLINK target path` (ProFTPD's mod_site_misc, SFTPGo).
    ///
    /// Both are words that spaces end, and there is no quoting: throws `.notExpressible` for a space in either, and for an
    /// empty target.
    package static func siteSymlink(target: [UInt8], _ path: RemotePath) throws(CommandError) -> Command {
        guard !target.isEmpty, !(target + path.bytes).contains(where: isBlank) else {
            throw .notExpressible(verb: "SITE", reason: "SYMLINK has no way to quote spaces")
        }
        return try Command("SITE", checking: Array("SYMLINK ".utf8) + target + space + path.bytes)
    }
    /// `SITE CPFR path`: what to copy on the server (ProFTPD's mod_copy), to be followed by CPTO.
    package static func siteCopyFrom(_ path: RemotePath) throws(CommandError) -> Command {
        try site("CPFR ", path)
    }
    /// `SITE CPTO path`: where to copy to.
    package static func siteCopyTo(_ path: RemotePath) throws(CommandError) -> Command {
        try site("CPTO ", path)
    }

    private static func site(
        _ before: String, _ path: RemotePath, after: String = ""
    ) throws(CommandError) -> Command {
        let argument = Array(before.utf8) + path.bytes + Array(after.utf8)
        return try Command("SITE", checking: argument, isSplitAtSpaces: true)
    }
}
