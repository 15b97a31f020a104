import Posix

/// A place in the dialogue where a script can interfere; verbs are in capitals, `*` stands for all.
package enum Moment: Sendable, Hashable {
    /// A connection has been accepted; 220 (or, for implicit TLS, the handshake) is due.
    case accept
    /// The TLS handshake of the control connection is due: after 234 has been sent.
    case handshake
    /// A command has been read and not yet executed.
    case command(String)
    /// A reply is due, preliminary and final ones of a transfer included; code nil stands for all.
    ///
    /// The greeting belongs to the verb `CONNECT`.
    case reply(String, Int?)
    /// A transfer's data connection is due: the command has been answered with 150, and nothing has been accepted.
    case data(String)
    /// A transfer's bytes are due: the data connection stands.
    case transfer(String)
}

/// How a connection ends.
package enum Ending: Sendable, Hashable {
    /// close_notify, then FIN.
    case orderly
    /// FIN alone: a truncation.
    case silent
    /// RST.
    case reset
}

/// What a script does at a moment; several are done in their order.
package enum Reaction: Sendable {
    /// Sends this line instead of what was due; a command is not executed then. More lines are separated by CRLF.
    case reply(String)
    /// Sends this as it is, in front of what is due; through TLS if it is on. No line end is added.
    case send(String)
    /// Sends this as it is right behind what is due, in the same write; at replies only.
    case sendBehind(String)
    /// Sends bytes below TLS.
    case sendRaw([UInt8])
    /// Sends what is due in pieces of so many bytes, each in a write and a TLS record of its own; at replies only.
    case pieces(Int)
    /// Waits until the gate opens, or the server is stopped, and goes on.
    case wait(Gate)
    /// Does and sends nothing of what is due; goes on to listen. At `accept` and `handshake` the connection stays mute for good.
    case silence
    /// Ends the connection: the control connection, or at `data` and `transfer` the data connection.
    case close(Ending)
    /// Ends the control connection, at any moment.
    case closeControl(Ending)
    /// Ends the data connection in this way after so many bytes of it; at transfers.
    case cut(after: Int, Ending)
    /// Stops moving bytes after so many until the gate opens; at transfers.
    case freeze(after: Int, Gate)
    /// Ends the data connection in an orderly way after so many bytes and claims success: a lie; at transfers.
    case endEarly(after: Int)
    /// Stops after so many bytes, closes the data connection and sends this reply; at transfers.
    case fail(after: Int, String)
    /// Runs a closure, to change the tree or to note something.
    case run(@Sendable () -> Void)
}

/// Reactions at a moment, for some of its occurrences.
package struct Rule: Sendable {
    let moment: Moment
    let connection: Int?
    let skip: Int
    let times: Int
    let reactions: [Reaction]
}

/// The rules of a server and how often each has met its moment.
struct Script: Sendable {
    private var rules: [(rule: Rule, met: Int)] = []

    mutating func add(_ rule: Rule) { rules.append((rule, 0)) }

    mutating func removeAll() { rules = [] }

    /// The reactions of all rules that apply now, in the order in which the rules were added.
    mutating func reactions(at moments: [Moment], connection: Int) -> [Reaction] {
        var result: [Reaction] = []
        for index in rules.indices {
            let rule = rules[index].rule
            guard moments.contains(rule.moment), rule.connection == nil || rule.connection == connection
            else {
                continue
            }
            defer { rules[index].met += 1 }
            let turn = rules[index].met - rule.skip
            if turn >= 0, turn < rule.times { result += rule.reactions }
        }
        return result
    }

    /// Every gate that some thread may wait at.
    var gates: [Gate] {
        rules.flatMap { entry in
            entry.rule.reactions.compactMap { reaction in
                switch reaction {
                case .wait(let gate), .freeze(_, let gate): gate
                default: nil
                }
            }
        }
    }
}
