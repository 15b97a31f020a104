import FTPWire

/// One transfer to be begun.
struct TransferPlan {
    /// Commands that go out with the one for the port and must succeed, such as CWD.
    var preparations: [Command]
    /// RETR, STOR or the like, perhaps with REST before it.
    var commands: [Command]
    /// Whether REST must be granted before the other is sent.
    var oneByOne: Bool
    /// How the data connection is protected.
    var level: Command.Protection
}

/// The replies to a flight that starts a transfer.
struct TransferOpening {
    /// The verb of the command that transfers.
    let verb: String
    /// How the data connection is protected.
    let level: Command.Protection
    /// Commands before it that have no reply yet: REST or none.
    private var leading: Int
    /// What the server said to REST when it was not 350.
    private(set) var restRefusal: Reply?
    /// Whether 150 or 125 was seen, or a success without either.
    private(set) var hasBegun = false
    /// The final reply, when it has come already.
    private(set) var final: Reply?

    /// Expects the replies to these commands.
    init(_ commands: [Command], level: Command.Protection) {
        verb = commands.last?.verb ?? ""
        self.level = level
        leading = commands.count - 1
    }

    /// Whether the final reply was seen, so that the dialogue is in step again.
    var isOver: Bool { final != nil }

    /// The error to throw when the server has refused the transfer.
    var refusal: FTPError? {
        guard let final, !final.isSuccess else { return nil }
        let isNotResumed =
            level == .private
            && (hasBegun ? DataChannel.saysNotResumed(final) : final.isSessionReuseDemanded)
        return isNotResumed ? .resumptionRefused(final) : .refused(verb, final)
    }

    /// Takes the replies that are there.
    mutating func takeReplies(_ control: ControlChannel) throws(FTPError) {
        while final == nil, let reply = try control.expectAvailable() { take(reply) }
    }

    /// Takes the next reply.
    mutating func take(_ reply: Reply) {
        if leading > 0 {
            leading -= 1
            if !reply.isIntermediate { restRefusal = reply }
        } else if reply.isPreliminary {
            hasBegun = true
        } else {
            final = reply
            if reply.isSuccess { hasBegun = true }
        }
    }
}
