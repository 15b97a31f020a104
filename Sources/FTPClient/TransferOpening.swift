import FTPWire

/// One transfer to be begun.
struct TransferPlan {
    /// Commands that must succeed before the transfer, such as CWD.
    var preparations: [Command] = []
    /// Questions whose answers come ahead of the transfer, whatever they are.
    var questions: [Command] = []
    /// RETR, STOR or the like, perhaps with REST before it.
    var commands: [Command]
    /// Whether all before the transfer's own command must be granted before that is sent.
    var oneByOne = false
    /// How the data connection is protected.
    var level: Command.Protection

    /// All that is sent besides the command for a port.
    var flight: [Command] { preparations + questions + commands }
}

/// The replies to a flight that starts a transfer.
struct TransferOpening {
    /// The verb of the command that transfers.
    let verb: String
    /// How the data connection is protected.
    let level: Command.Protection
    /// Commands before it that have no reply yet.
    private(set) var leading: ArraySlice<Command>
    /// How many of these are preparations.
    private var preparations: Int
    /// The replies to the questions.
    private(set) var answers: [Reply] = []
    /// The first refusal of a command that had to be granted, with its verb.
    private(set) var leadingRefusal: FTPError?
    /// Whether REST was granted.
    private var hasOffset = false
    /// Whether 150 or 125 was seen, or a success without either.
    private(set) var hasBegun = false
    /// The final reply, when it has come already.
    private(set) var final: Reply?

    /// Expects the replies to a plan's commands.
    init(_ plan: TransferPlan) {
        verb = plan.commands.last?.verb ?? ""
        level = plan.level
        leading = plan.flight.dropLast()
        preparations = plan.preparations.count
    }

    /// Whether the final reply was seen, so that the dialogue is in step again.
    var isOver: Bool { final != nil }

    /// Whether REST was granted for a transfer that was then refused: the server may apply it to the next one.
    var leavesOffset: Bool { hasOffset && isOver && !hasBegun }

    /// The error to throw when the server has refused the transfer.
    var refusal: FTPError? {
        guard let final, !final.isSuccess else { return nil }
        if let leadingRefusal { return leadingRefusal }
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
        guard let command = leading.first else { return takeOwn(reply) }
        guard !reply.isPreliminary else { return }
        leading = leading.dropFirst()
        if command.verb == "REST" {
            if reply.isIntermediate { hasOffset = true } else { note(command, reply) }
        } else if preparations > 0 {
            preparations -= 1
            if !reply.isSuccess { note(command, reply) }
        } else {
            answers.append(reply)
        }
    }

    private mutating func note(_ command: Command, _ refusal: Reply) {
        if leadingRefusal == nil { leadingRefusal = .refused(command.verb, refusal) }
    }

    private mutating func takeOwn(_ reply: Reply) {
        if reply.isPreliminary {
            hasBegun = true
        } else {
            final = reply
            if reply.isSuccess { hasBegun = true }
        }
    }
}
