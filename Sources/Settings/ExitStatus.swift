/// The numbers the program ends with, the same under all its names.
///
/// They are part of the program's interface (man page, EXIT STATUS). 1, 2 and 8 mean what mount(8) means by them; every other
/// failure has mount(8)'s bit 32, "mount failure", and says more in the lower bits.
package enum ExitStatus: Int32, Sendable, CaseIterable {
    /// The mount is there and usable, or what else was asked for is done.
    case success = 0
    /// The command line, an option, a credentials file or the lack of a password.
    case usage = 1
    /// The operating system or a defect of the program.
    case system = 2
    /// The user broke off, as with Ctrl-C at the password prompt.
    case interrupted = 8
    /// A failure to mount that none of the others names.
    case mountFailure = 32
    /// The host name has no address.
    case cannotResolve = 33
    /// No connection to the server, or no greeting from it.
    case cannotConnect = 34
    /// The server refuses TLS, or the two sides have no version or cipher in common.
    case tlsRefused = 35
    /// The server's certificate is not trusted.
    case certificateNotTrusted = 36
    /// The server refuses the user name or the password.
    case loginRefused = 37
    /// The directory to mount does not exist on the server, or cannot be entered.
    case pathMissing = 38
    /// The mount point is missing, no directory, in use, or may not be mounted on by this user.
    case mountPointUnusable = 39

    /// The meaning in a few words, for the manual and for messages.
    package var summary: String {
        switch self {
        case .success: "success"
        case .usage: "bad usage"
        case .system: "system error"
        case .interrupted: "interrupted"
        case .mountFailure: "mount failure"
        case .cannotResolve: "cannot resolve"
        case .cannotConnect: "cannot connect"
        case .tlsRefused: "TLS refused"
        case .certificateNotTrusted: "certificate not trusted"
        case .loginRefused: "log-in refused"
        case .pathMissing: "path missing"
        case .mountPointUnusable: "mount point unusable"
        }
    }
}
