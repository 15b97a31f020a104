import FTPClient
import FTPWire
import Logging
import Posix
import Remote

/// Directories that take files and tell nothing of them: no listing, no SIZE, no rename, no removal.
///
/// An upload that cannot be checked is none. Only where the user says so (`no_check_upload`) is the server's word for it, 226, believed. Files
/// are written under their own names then, since a temporary one could be neither renamed nor removed.
extension FTPStore {
    /// How long nothing is sent again to where it could not be checked: what was sent may have to stay there, under a temporary name.
    private static let uncheckablePause = Duration.seconds(300)

    /// Throws where the server did not say a while ago what had arrived in the directory.
    func refuseUncheckable(_ path: RemotePath) throws(RemoteError) {
        let moment = learned.withLock { $0.uncheckable[path.parent] }
        guard let moment, moment.duration(to: .now) < Self.uncheckablePause else { return }
        throw uncheckable(path, "as it did not the last time")
    }

    /// Whether a name of which the server tells nothing counts as free.
    ///
    /// It does where the user says that uploads are to be believed, and its directory cannot be listed. What may be there cannot be seen, and does not keep anybody from putting a file there.
    func countsAsFree(
        _ path: RemotePath, after refusal: RemoteError, for request: Request
    ) throws(RemoteError) -> Bool {
        let refusals: [RemoteError.Kind] = [.denied, .unsupported]
        guard believesUploads, !path.isRoot, refusals.contains(refusal.kind) else { return false }
        do throws(RemoteError) {
            _ = try list(path.parent, for: request)
            return false
        } catch {
            guard refusals.contains(error.kind) else { throw error }
            return true
        }
    }

    /// The error of an upload of which the server does not say what has arrived.
    func uncheckable(_ path: RemotePath, _ words: String) -> RemoteError {
        RemoteError(
            .denied, operation: "SIZE", path: path,
            words:
                "the server does not say what has arrived (\(words)); no_check_upload believes it all the same"
        )
    }

    /// Remembers a directory in which an upload could not be checked, says so, and gives the error.
    func noteUncheckable(_ path: RemotePath, _ reply: Reply) -> RemoteError {
        learned.withLock { $0.uncheckable[path.parent] = .now }
        let error = uncheckable(path, "\(reply)")
        logger.error("an upload cannot be checked, and counts as failed", metadata: ["reason": "\(error)"])
        return error
    }

    /// What is known of a file after an upload whose check was refused; throws the refusal where the server is not to be believed.
    func believed(_ refusal: FTPError, _ path: RemotePath, size: UInt64) throws(FTPError) -> Attributes {
        guard believesUploads, case .refused("SIZE", let reply) = refusal else { throw refusal }
        logger.info("an upload is believed", metadata: ["path": "\(path)", "reply": "\(reply)"])
        return Attributes(kind: .file, size: size)
    }
}
