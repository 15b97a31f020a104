import FTPClient
import FTPWire
import Remote

/// What a refusal meant: reply codes do not tell a missing file from a forbidden one (550 for both, RFC 959 section 4.2).
extension FTPStore {
    /// Translates the failure of an operation, asking the server once more where its words leave the reason open.
    func settle(
        _ failure: FTPError, _ operation: String, _ path: RemotePath?, for request: Request
    ) throws(RemoteError) -> RemoteError {
        var error = RemoteError(failure, operation: operation, path: path)
        guard case .refused(let verb, let reply) = failure, let path,
            ReplyMeaning(reply, to: verb).kind == nil
        else {
            return error
        }
        // Of a file to be stored, 450 is a moment's trouble.
        let isOpen =
            reply.code == 450 ? !["STOR", "APPE"].contains(verb) : [550, 553, 501].contains(reply.code)
        guard isOpen else { return error }
        error.kind = try kind(ofRefused: verb, path, for: request)
        return error
    }

    /// Translates a refused RNTO, whose reason may lie with the source, with the target, or with the target's directory.
    func settleRename(
        _ failure: FTPError, _ old: RemotePath, _ new: RemotePath, for request: Request
    ) throws(RemoteError) -> RemoteError {
        var error = RemoteError(failure, operation: "RNTO", path: new)
        guard case .refused(let verb, let reply) = failure else { return error }
        switch ReplyMeaning(reply, to: verb).kind {
        // Servers call much a lack of rights, and Pure-FTPd 1.0.50 gives all failures of RNTO the code of a local error.
        case nil where [450, 451, 501, 550, 553].contains(reply.code), .denied?: break
        default: return error
        }
        error.kind = try kind(ofRefusedRename: old, new, for: request)
        return error
    }

    private func kind(
        ofRefusedRename old: RemotePath, _ new: RemotePath, for request: Request
    ) throws(RemoteError) -> RemoteError.Kind {
        guard let source = try found(old, for: request) else { return .notFound }
        guard let target = try found(new, for: request) else {
            guard let parent = try found(new.parent, for: request) else { return .notFound }
            return parent.kind == .directory ? .denied : .notDirectory
        }
        switch (source.kind == .directory, target.kind == .directory) {
        case (true, true): return try list(new, for: request).entries.isEmpty ? .denied : .notEmpty
        case (true, false): return .notDirectory
        case (false, true): return .isDirectory
        case (false, false): return .denied
        }
    }

    private func found(_ path: RemotePath, for request: Request) throws(RemoteError) -> Attributes? {
        do throws(RemoteError) {
            return try attributes(of: path, for: request)
        } catch {
            guard error.kind == .notFound || error.kind == .notDirectory else { throw error }
            return nil
        }
    }

    private func kind(
        ofRefused verb: String, _ path: RemotePath, for request: Request
    ) throws(RemoteError) -> RemoteError.Kind {
        let there: Attributes
        do throws(RemoteError) {
            there = try attributes(of: path, for: request)
        } catch {
            guard error.kind == .notFound else {
                guard error.kind == .denied || error.kind == .notDirectory else { throw error }
                return error.kind
            }
            guard ["STOR", "APPE", "MKD", "RNTO"].contains(verb) else { return .notFound }
            // The name is free, so the fault lies with its directory: it is missing, or must not be written to.
            return try found(path.parent, for: request)?.kind == .directory ? .denied : .notFound
        }
        switch verb {
        case "MKD": return .exists
        case "RMD":
            guard there.kind == .directory else { return .notDirectory }
            let isEmpty = (try? list(path, for: request))?.entries.isEmpty ?? true
            return isEmpty ? .denied : .notEmpty
        case "RETR", "STOR", "APPE", "DELE", "RNTO":
            return there.kind == .directory ? .isDirectory : .denied
        case "MLSD", "LIST", "CWD":
            return there.kind == .directory ? .denied : .notDirectory
        default: return .denied
        }
    }
}
