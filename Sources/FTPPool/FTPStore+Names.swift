import FTPClient
import FTPWire
package import Remote

/// Changing names. What a lost connection leaves open is found out by doing it again and reading the refusal.
extension FTPStore {
    /// Makes a directory (MKD), as `RemoteStore` says.
    package func makeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try refuseAlteredName(path, "MKD")
        try change("MKD", path, doneWhen: .exists, for: request) { session throws(FTPError) in
            guard session.software.refusesToMake(path) else { return try session.makeDirectory(path) }
            try makeDirectoryElsewhere(path, session)
        }
    }

    /// Makes a directory under another name and renames it, for names that MKD refuses.
    private func makeDirectoryElsewhere(_ path: RemotePath, _ session: Session) throws(FTPError) {
        // A rename onto an empty directory would replace it.
        guard try !session.run(.mlst(path)).isSuccess else {
            throw .refused("MKD", Reply(550, "File exists"))
        }
        var parent = path.parent
        while session.software.refusesToMake(parent) { parent = parent.parent }
        let temporary = parent.appending(TemporaryName.make())
        try session.makeDirectory(temporary)
        do throws(FTPError) {
            try session.rename(temporary, to: path)
        } catch {
            if session.isUsable { try session.removeDirectory(temporary) }
            throw error
        }
    }

    /// Refuses a new name that the server would store as another one.
    func refuseAlteredName(_ path: RemotePath, _ operation: String) throws(RemoteError) {
        guard profile.facts.software.altersName(of: path) else { return }
        throw RemoteError(
            .invalidName, operation: operation, path: path,
            words:
                "Pure-FTPd cannot keep a name that ends in a space, or has a backslash or control characters")
    }

    /// Removes a file or link (DELE), as `RemoteStore` says.
    package func removeFile(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try change("DELE", path, doneWhen: .notFound, for: request) { session throws(FTPError) in
            try session.delete(path)
        }
    }

    /// Removes an empty directory (RMD), as `RemoteStore` says.
    package func removeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try change("RMD", path, doneWhen: .notFound, for: request) { session throws(FTPError) in
            try session.removeDirectory(path)
        }
    }

    /// Renames (RNFR and RNTO), as `RemoteStore` says.
    package func rename(
        _ old: RemotePath, to new: RemotePath, replacing: Bool, for request: Request
    ) throws(RemoteError) {
        try refuseAlteredName(new, "RNTO")
        let target = try existing(new, for: request)
        if let target, !replacing {
            throw RemoteError(
                .exists, operation: "RNTO", path: new, words: "there is a \(target.kind) already")
        }
        defer { releaseAsides(of: new) }
        do throws(RemoteError) {
            try change("RNFR", old, doneWhen: .notFound, for: request) { session throws(FTPError) in
                try restoreAsides(of: new, over: session)
                try rename(old, over: new, isThere: target?.kind == .file, session, for: request)
            }
        } catch {
            guard error.kind == .denied, let target else { throw error }
            throw try refusedRename(error, old, onto: target, new, for: request)
        }
    }

    /// Sets a time of modification (MFMT and its like), as `RemoteStore` says.
    package func setModified(
        _ path: RemotePath, kind: FileKind, to time: Timestamp, for request: Request
    ) throws(RemoteError) {
        try withSession(.metadata, "MFMT", path, for: request) { lease throws(FTPError) in
            try lease.session.setModified(path, kind: kind, to: time)
        }
    }

    /// Sets permission bits (SITE CHMOD or MFF), as `RemoteStore` says.
    package func setMode(_ path: RemotePath, to mode: UInt16, for request: Request) throws(RemoteError) {
        try withSession(.metadata, "SITE CHMOD", path, for: request) { lease throws(FTPError) in
            try lease.session.setMode(path, to: mode)
        }
    }

    /// Makes a symbolic link (SITE SYMLINK), as `RemoteStore` says.
    package func makeSymlink(_ path: RemotePath, target: [UInt8], for request: Request) throws(RemoteError) {
        try change("SITE SYMLINK", path, doneWhen: .exists, for: request) { session throws(FTPError) in
            try session.makeSymlink(path, target: target)
        }
    }

    /// Runs a change whose repetition is refused with `done` once it has had its effect.
    private func change(
        _ operation: String, _ path: RemotePath, doneWhen done: RemoteError.Kind, for request: Request,
        _ body: (Session) throws(FTPError) -> Void
    ) throws(RemoteError) {
        var mayHaveHappened = false
        do throws(RemoteError) {
            try withSession(
                .metadata, operation, path, for: request,
                beforeRepeating: { () throws(RemoteError) -> Void? in
                    mayHaveHappened = true
                    return nil
                },
                { lease throws(FTPError) in try body(lease.session) })
        } catch {
            guard mayHaveHappened, error.kind == done else { throw error }
        }
    }

    /// What stands under a name; nil when the server says that nothing does.
    private func existing(_ path: RemotePath, for request: Request) throws(RemoteError) -> Attributes? {
        do throws(RemoteError) {
            return try attributes(of: path, for: request)
        } catch {
            guard error.kind == .notFound else { throw error }
            return nil
        }
    }

    /// Finds the reason of a refused rename onto something that exists.
    private func refusedRename(
        _ error: RemoteError, _ old: RemotePath, onto target: Attributes, _ new: RemotePath,
        for request: Request
    ) throws(RemoteError) -> RemoteError {
        var error = error
        let source = try attributes(of: old, for: request)
        switch (source.kind, target.kind) {
        case (.directory, .directory):
            error.kind = try list(new, for: request).entries.isEmpty ? .denied : .notEmpty
        case (.directory, _): error.kind = .notDirectory
        case (_, .directory): error.kind = .isDirectory
        default: break
        }
        return error
    }
}
