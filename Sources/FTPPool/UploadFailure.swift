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

    /// How often an upload is tried in all when it fails like this.
    var attempts: Int {
        if case .broken(let error) = self { error.attempts } else { 1 }
    }

    /// Whether another attempt may succeed.
    var isBroken: Bool {
        if case .broken = self { true } else { false }
    }

    /// Whether the commands sent last may have had their effect although no answer came.
    var leavesOutcomeOpen: Bool {
        guard case .broken(let error) = self else { return false }
        return error.reply == nil
    }

    /// The error for the caller once no more attempts are made.
    func remote(_ operation: String, _ path: RemotePath) -> RemoteError {
        switch self {
        case .refused(let error), .broken(let error), .final(let error):
            RemoteError(error, operation: operation, path: path)
        case .other(let error): error
        }
    }
}
