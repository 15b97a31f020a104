import FTPWire
import Logging
import Posix
import TLS

/// The log-in in one flight: everything from USER on, and the command for the first port, without waiting for an answer between.
///
/// Costs one round trip, where the careful way costs four. Only with servers that are known to take it (interop facts: vsftpd 3.0.3,
/// ProFTPD 1.3.8, Pure-FTPd 1.0.50, pyftpdlib 2.2.0), and where neither the user nor the server has asked for another order.
extension Session {
    /// Whether the log-in can be sent in one flight.
    var canLogInAtOnce: Bool {
        let dialogue = configuration.dialogue
        return configuration.shortcuts.contains(.pipelining) && control.tls != nil
            && ServerSoftware(greeting: greeting).takesFlights
            && dialogue.order == .userFirst && !profile.facts.wantsProtectionFirst
            && dialogue.account == nil && dialogue.afterLogin.isEmpty
    }

    /// Logs in and sets the session up; where the server wants PROT ahead of USER, the careful way is taken instead.
    func logInAtOnce() throws(FTPError) {
        try Self.say(configuration.dialogue.beforeLogin, over: control)
        let level = wantedProtection(isListing: false)
        try sendLogin(level)
        let answer: (verb: String, reply: Reply)
        do throws(FTPError) {
            answer = try answerToLogin()
        } catch .unavailable(let reply) {
            throw Self.refusal(of: reply, to: control.answeredVerb)
        }
        var replies: [Reply] = []
        for _ in 0..<(2 + Self.questions.count + 1) { replies.append(try finalReply()) }
        guard [230, 232, 202].contains(answer.reply.code) else {
            // Nobody is logged in, so that none of the other commands has had an effect that lasts.
            if replies[1].code == 200 { protection = level }
            return try logIn()
        }
        let protected = try settleProtection(level, replies[1])
        guard protection != nil else { throw .protectionRefused("PROT", protected) }
        if protection != level { try dropArmedPort() }
        try takeAnswers(Array(replies[2...]))
    }

    /// Sends the flight: USER, PASS and the rest in TLS records of their own, but together.
    ///
    /// pyftpdlib 2.2.0 answers what has come in PASS's record ahead of a PASS that it refuses. And a server that refuses USER and hangs up at once
    /// (ProFTPD 1.3.8 with its `MaxClients` reached) meets what goes out behind that with a reset, so that its words would not be read.
    private func sendLogin(_ level: Command.Protection) throws(FTPError) {
        let user: Command
        do throws(CommandError) { user = try .user(configuration.user) } catch { throw FTPError(error) }
        try sendingTogether(on: control.descriptor) { () throws(FTPError) in
            try control.send([user])
            try control.send("PASS", secret: configuration.password ?? SecretBytes(text: ""))
            try control.send([.pbsz, .prot(level)] + Self.questions + [.optsMLST])
            try armInFlight()
        }
    }

    /// The answer that decides on the log-in: to USER where no password is wanted, else to PASS; with the verb.
    ///
    /// Throws for all refusals but those that ask for PROT first.
    private func answerToLogin() throws(FTPError) -> (verb: String, reply: Reply) {
        let first = try finalReply()
        let second = try finalReply()
        let last = first.code == 331 ? ("PASS", second) : ("USER", first)
        guard ![230, 232, 202].contains(last.1.code) else { return last }
        guard Self.wantsProtectionFirst(last.0, last.1) else {
            throw Self.refusal(of: last.1, to: last.0)
        }
        return last
    }
}
