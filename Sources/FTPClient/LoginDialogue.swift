package import FTPWire
package import Posix

/// What a log-in says beyond or apart from the usual, by the user's wish.
///
/// RFC 4217 sections 4.2, 10.3 and 12 leave the order of AUTH, PBSZ, PROT, USER and PASS to server and client.
package struct LoginDialogue: Sendable {
    /// A command of the user's.
    package struct Extra: Sendable {
        /// What is sent.
        package var command: Command
        /// Whether the log-in goes on when the server refuses it.
        package var mayFail: Bool

        /// Puts one together.
        package init(_ command: Command, mayFail: Bool = false) {
            self.command = command
            self.mayFail = mayFail
        }
    }

    /// Whether PBSZ and PROT are sent behind the log-in or ahead of it.
    ///
    /// A server that refuses the first way with 503, 530 or 536 is asked in the other one.
    package enum Order: Sendable {
        /// USER and PASS, then PBSZ and PROT, which most servers take.
        case userFirst
        /// PBSZ and PROT, then USER and PASS.
        case protectionFirst
    }

    /// Whether the control connection goes on in clear text once the session is set up (RFC 4217 sections 5 and 15.3).
    package enum Clearing: Sendable {
        /// It stays protected.
        case never
        /// It does where the server agrees.
        case tried
        /// It does, or there is no session.
        case required
    }

    /// The argument of AUTH.
    package var mechanism = Command.Authentication.tls
    /// Commands between greeting and AUTH, in plain text: anybody on the way can read and change them.
    package var beforeAuth: [Extra] = []
    /// Commands between the TLS handshake and USER.
    package var beforeLogin: [Extra] = []
    /// Commands behind the log-in, ahead of everything the client itself has to set.
    package var afterLogin: [Extra] = []
    /// Whether PBSZ and PROT come first.
    package var order = Order.userFirst
    /// Whether CCC is sent.
    package var clearing = Clearing.never
    /// The argument of ACCT, for servers that ask for it with 332 (RFC 959 section 4.1.1).
    package var account: SecretBytes?

    /// The usual.
    package init() {}
}
