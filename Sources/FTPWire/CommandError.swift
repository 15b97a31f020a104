/// Why a command cannot be put on a control connection.
///
/// Nothing was sent.
package enum CommandError: Error, Hashable, Sendable {
    /// A value has a CR, LF or NUL in it, which would end the command and begin another (RFC 959 section 5.3).
    case forbiddenByte(verb: String)
    /// The encoded command has more bytes than the server takes.
    case tooLong(verb: String, length: Int, limit: Int)
    /// The command has no way to state this value, or this server would read it as another one.
    case notExpressible(verb: String, reason: String)
}

extension CommandError: CustomStringConvertible {
    /// One line for messages.
    package var description: String {
        switch self {
        case .forbiddenByte(let verb): "\(verb): a value has a line end or NUL in it"
        case .tooLong(let verb, let length, let limit): "\(verb): \(length) bytes, the server takes \(limit)"
        case .notExpressible(let verb, let reason): "\(verb): \(reason)"
        }
    }
}
