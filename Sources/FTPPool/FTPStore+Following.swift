import FTPClient
import FTPWire
import Posix
package import Remote

/// A transfer to a temporary name that was begun before its content was complete.
struct BegunUpload: Sendable {
    let upload: Confined<Upload>
    let lease: Lease
    /// The name that grows.
    let temporary: RemotePath
    /// What was under the target's name when the transfer began, where that was asked.
    let known: FTPStore.Looked?
}

/// Uploads that begin while their content is still being written.
extension FTPStore {
    /// Begins to send a new content under a temporary name, as `RemoteStore` says.
    ///
    /// One attempt: whoever follows a writer can do without.
    package func openWriter(
        _ path: RemotePath, isNew: Bool, for request: Request
    ) throws(RemoteError) -> any RemoteWriter {
        try refuseAlteredName(path, "STOR")
        try refuseUncheckable(path)
        guard !believesUploads else {
            throw RemoteError(
                .unsupported, operation: "STOR", path: path, words: "files are written under their own names")
        }
        let lease = try pool.lease(.transfer, for: request)
        lease.begins("STOR", path, size: nil)
        let session = lease.session
        let isHidden = learned.withLock { $0.takesHiddenNames }
        let temporary = path.parent.appending(TemporaryName.make(isHidden: isHidden))
        noteName(temporary)
        do throws(FTPError) {
            let questions = isNew ? session.questions(ofFile: path) : []
            let upload = try session.upload(temporary, .store, asking: questions)
            let known = isNew ? look(at: upload.answers, over: session) : nil
            session.unbind()
            return FTPWriter(
                store: self, path: path, isHidden: isHidden,
                BegunUpload(
                    upload: Confined(upload), lease: lease, temporary: temporary, known: known))
        } catch {
            // A refusal behind 150 may have left something, and an interruption most likely has.
            remove(temporary, andRelease: lease)
            suspectIdleSessions(after: error)
            throw RemoteError(error, operation: "STOR", path: path)
        }
    }

    /// What the answers that came ahead of the transfer say; nil where they leave that open, which is no concern of the transfer's.
    private func look(at answers: [Reply], over session: Session) -> Looked? {
        do throws(FTPError) {
            return Looked(target: try session.attributesOfTarget(answers: answers[...]), moment: .now)
        } catch {
            return nil
        }
    }

    /// Sends the rest of a transfer that was begun before, and puts the file in its place.
    func complete(
        _ begun: BegunUpload, _ work: inout Replacement, for request: Request
    ) throws(UploadFailure) -> Attributes {
        defer { begun.lease.release() }
        let session = begun.lease.session
        session.bind(to: request)
        if work.verifier == nil { work.verifier = makeVerifier() }
        return try fill(begun.temporary, &work, from: 0, over: session, for: request) {
            work, part throws(UploadFailure) -> Looked? in
            let upload = begun.upload.value
            defer { part.sent = max(part.sent, upload.count) }
            do throws(UploadFailure) {
                try pour(
                    work.source, upload.count..<work.source.size, into: upload, work.path, noting: begun.lease
                ) { _, _ in }
            } catch {
                upload.abort()
                throw error
            }
            try UploadFailure.sorting { () throws(FTPError) in
                try restoreAsides(of: work.path, over: session)
            }
            return work.order.expectsNothing ? begun.known : nil
        }
    }

    /// Ends a transfer that was begun before, and removes what it has brought.
    func giveUp(_ begun: BegunUpload) {
        // Nobody waits for this who could be interrupted.
        begun.lease.session.bind(to: Request())
        begun.upload.value.abort()
        remove(begun.temporary, andRelease: begun.lease)
    }

    /// Removes a temporary name at once, over another session where its own is of no use any more: its directory may be about to be renamed.
    ///
    /// What cannot be removed is left to the keeper.
    private func remove(_ temporary: RemotePath, andRelease lease: Lease) {
        defer { forgetName(temporary) }
        lease.session.bind(to: Request())
        discard(temporary, over: lease.session, for: Request())
        lease.release()
        let request = Request(.spare)
        guard leftovers.withLock({ $0.hidden(in: temporary.parent).contains(temporary) }),
            let other = try? pool.lease(.metadata, for: request)
        else { return }
        defer { other.release() }
        discard(temporary, over: other.session, for: request)
    }
}
