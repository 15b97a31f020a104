/// How commands have to be written for a server.
package struct WireDialect: Hashable, Sendable {
    /// The longest command every server looked at takes, in bytes with CRLF (pyftpdlib 2.2.0 stops at 2048).
    package static let commonMaxLength = 2040

    /// Whether the byte 0xFF is sent twice.
    ///
    /// ProFTPD 1.3.8 reads a single one as the telnet command IAC; vsftpd 3.0.3, Pure-FTPd 1.0.50 and pyftpdlib 2.2.0 take
    /// bytes as they are, so that a doubled one is another name.
    package var doubleIAC: Bool
    /// The most bytes of a command, CRLF included.
    package var maxLength: Int
    /// Whether arguments of SITE commands may lose spaces.
    ///
    /// ProFTPD 1.3.8 drops those at the end, others split at spaces and join by single ones. True where the server is unknown: a path
    /// with two spaces in a row, or one at its end, could become another file's path, and such SITE commands are refused here.
    package var splitsSiteArguments: Bool

    /// Makes a dialect; the defaults are safe for unknown servers.
    package init(
        doubleIAC: Bool = false, maxLength: Int = Self.commonMaxLength, splitsSiteArguments: Bool = true
    ) {
        self.doubleIAC = doubleIAC
        self.maxLength = maxLength
        self.splitsSiteArguments = splitsSiteArguments
    }
}
