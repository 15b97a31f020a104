import FTPWire
import Logging
import Posix

/// Giving up the protection of the control connection (CCC, RFC 2228 section 3, RFC 4217 sections 5 and 12.3).
extension Session {
    /// Takes TLS off the control connection where the user wants that; to be called once the session is set up, since neither a
    /// password nor PBSZ and PROT may follow.
    ///
    /// Data connections stay at their level and resume the same TLS session as before. Blocks for two replies at the most. Where it
    /// is only to be tried, a refusal leaves everything as it is.
    func clearControlConnection() throws(FTPError) {
        let policy = configuration.dialogue.clearing
        guard policy == .required || policy == .tried && !profile.facts.clearingFails else { return }
        let reply = try run(.ccc)
        guard reply.code == 200 else {
            guard policy == .tried else { throw .refused(Command.ccc.verb, reply) }
            logger.notice("the control connection stays protected: CCC refused: \(reply)")
            profile.update { $0.clearingFails = true }
            return
        }
        do throws(FTPError) {
            try control.unprotect()
        } catch {
            // Said before the error is known to be final: the next session does without.
            if case .interrupted = error { throw error }
            profile.update { $0.clearingFails = true }
            throw .connectionLost("CCC accepted, but TLS cannot be taken off: \(error)")
        }
        profile.update { $0.hasCleared = true }
        logger.debug("the control connection goes on in clear text")
    }
}
