import FTPClient
import FTPWire
import Remote

/// Why one attempt to bring bytes to the server failed.
enum UploadFailure: Error {
    /// The server refused to begin the transfer; nothing was changed by it.
    case refused(FTPError)
    /// The connection or the server failed in a way that another attempt may not meet.
    case broken(FTPError)
    /// Another attempt would fail as well.
    case final(FTPError)
    /// The source could not be read, no session could be had, or the file on the server is not the expected one.
    case other(RemoteError)

    /// Sorts an error of the session; `hasBegun` when the server had accepted the transfer.
    init(_ error: FTPError, hasBegun: Bool) {
        if error.isWorthRetrying {
            self = .broken(error)
        } else if case .refused = error, !hasBegun {
            self = .refused(error)
        } else {
            self = .final(error)
        }
    }

    /// Runs steps of which the transfer has begun, and sorts their error.
    static func sorting<Result>(
        _ body: () throws(FTPError) -> Result
    ) throws(UploadFailure) -> Result {
        do throws(FTPError) { return try body() } catch { throw UploadFailure(error, hasBegun: true) }
    }

    /// Whether another attempt may succeed.
    var isBroken: Bool {
        if case .broken = self { true } else { false }
    }
}

extension FTPError {
    /// Whether a transfer was refused in words that another name may not meet: a rule for names, or rights in a directory.
    ///
    /// Not a full disk, a quota or a moment's trouble: there the next try would only destroy what stands under the other name.
    var mayConcernTheName: Bool {
        guard case .refused(let verb, let reply) = self, [550, 553].contains(reply.code) else { return false }
        switch ReplyMeaning(reply, to: verb).kind {
        case nil, .denied?, .invalidName?: return true
        default: return false
        }
    }
}
