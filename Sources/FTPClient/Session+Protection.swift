import FTPWire
import Logging

/// The protection level of data connections (RFC 4217 sections 9 and 10).
///
/// It is private unless the configuration names the exception, and what a server refuses moves it in one direction alone: from clear to
/// private.
extension Session {
    /// The level a transfer is to have.
    func wantedProtection(isListing: Bool) -> Command.Protection {
        // No PROT may follow CCC, so that the level stays whatever others have learned.
        if control.tls == nil, let protection { return protection }
        let wishesClear =
            switch configuration.dataProtection {
            case .private: false
            case .clearListings: isListing
            case .clear: true
            }
        return wishesClear && profile.facts.takesClearData ? .clear : .private
    }

    /// What has to be sent ahead of a transfer at a level: nothing, in most cases.
    ///
    /// PBSZ leads where it is not known what the server makes of the session.
    func commands(toReach level: Command.Protection) -> [Command] {
        if protection == level { return [] }
        return protection == nil ? [.pbsz, .prot(level)] : [.prot(level)]
    }

    /// PBSZ and PROT at the log-in; gives the reply to PROT.
    ///
    /// Where the server does not take clear data connections, they are private.
    func protectData() throws(FTPError) -> Reply {
        let level = wantedProtection(isListing: false)
        let reply = try run([.pbsz, .prot(level)])[1]
        return try settleProtection(level, reply)
    }

    /// Takes the reply to the PROT of the log-in, and gives that to the last one sent.
    func settleProtection(_ level: Command.Protection, _ reply: Reply) throws(FTPError) -> Reply {
        if reply.code == 200 {
            protection = level
        } else if level == .clear, ![503, 530].contains(reply.code) {
            noteClearRefusal("PROT", reply)
            return try protectData()
        }
        return reply
    }

    /// Whether a refusal says that the level is not the one the server wants, so that the transfer may succeed at the private level.
    ///
    /// 534 is a matter of policy, which PROT P said again does not change. After CCC there is no PROT any more.
    func asksForProtection(_ verb: String, _ reply: Reply, _ plan: TransferPlan) -> Bool {
        guard isUsable, control.tls != nil else { return false }
        switch plan.level {
        case .clear: return verb == "PROT" || reply.isAboutProtection(of: verb)
        case .private: return reply.code != 534 && reply.isAboutProtection(of: verb)
        }
    }

    /// Prepares the second try of a transfer that was refused for its level: PROT P is said again.
    ///
    /// One transfer's refusal is no verdict on the others (RFC 4217 section 10.2): clear ones are given up after a few in a row, and
    /// at once where PROT itself is refused.
    func noteProtectionDemand(_ verb: String, _ reply: Reply, _ plan: TransferPlan) {
        switch plan.level {
        case .clear: noteClearRefusal(verb, reply)
        case .private:
            logger.notice("\(verb) refused for lack of protection, saying PROT P again: \(reply)")
            protection = nil
        }
    }

    private func noteClearRefusal(_ verb: String, _ reply: Reply) {
        let isFinal = verb == "PROT"
        profile.update { $0.noteClearRefusal(isFinal: isFinal) }
        logger.notice("\(verb) refused without TLS, going on with TLS: \(reply)")
    }
}
