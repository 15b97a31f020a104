import FTPClient
import FTPWire
import Logging
package import Remote
import Synchronization

/// Putting a whole content in place of a file.
///
/// The bytes go to a temporary name beside the target. Only when the server has acknowledged them and states their size is that
/// name renamed over the target: a STOR onto the target itself destroys the old copy before the new one is there.
extension FTPStore {
    /// Puts a whole new content in place of a file, as `RemoteStore` says.
    package func replace(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes {
        try refuseAlteredName(path, "STOR")
        if order.writesThrough { return try overwrite(path, with: source, order, for: request) }
        clearDebris()
        let temporary = path.parent.appending(TemporaryName.make())
        activeNames.withLock { _ = $0.insert(temporary) }
        defer { activeNames.withLock { _ = $0.remove(temporary) } }
        var failure: UploadFailure
        var attempt = 0
        repeat {
            attempt += 1
            do throws(UploadFailure) {
                return try replaceOnce(path, temporary, with: source, order, for: request)
            } catch {
                failure = error
            }
            if case .refused(let error) = failure {
                logger.debug(
                    "no temporary name, writing the file itself",
                    metadata: ["path": "\(path)", "reason": "\(error)"])
                return try overwrite(path, with: source, order, for: request)
            }
            note(failure, path)
        } while failure.isBroken && attempt < failure.attempts
        debris.withLock { _ = $0.insert(temporary) }
        clearDebris()
        if case .final(let error) = failure { throw try settle(error, "STOR", path, for: request) }
        throw failure.remote("STOR", path)
    }

    private func replaceOnce(
        _ path: RemotePath, _ temporary: RemotePath, with source: any UploadSource, _ order: UploadOrder,
        for request: Request
    ) throws(UploadFailure) -> Attributes {
        let lease = try leaseForUpload(for: request)
        defer { lease.release() }
        try send(source, from: 0, to: temporary, .store, over: lease.session)
        do throws(UploadFailure) {
            return try finish(temporary, path, size: source.size, order, over: lease.session)
        } catch {
            guard error.leavesOutcomeOpen else { throw error }
            lease.release()
            return try findOut(temporary, path, size: source.size, order, after: error, for: request)
        }
    }

    /// Finds out on a new connection what became of a file whose last commands were not answered, and completes them.
    private func findOut(
        _ temporary: RemotePath, _ path: RemotePath, size: UInt64, _ order: UploadOrder,
        after failure: UploadFailure, for request: Request
    ) throws(UploadFailure) -> Attributes {
        let lease = try leaseForUpload(for: request)
        defer { lease.release() }
        let session = lease.session
        let replies = try UploadFailure.sorting { () throws(FTPError) in
            try session.run([.size(temporary), .size(path)])
        }
        if replies[0].sizeValue == size {
            return try finish(temporary, path, size: size, order, over: session)
        }
        // Only the rename can have taken the complete temporary file away.
        guard replies[0].code == 550, replies[1].sizeValue == size else { throw failure }
        return try UploadFailure.sorting { () throws(FTPError) in try session.attributesOfFile(path) }
    }

    /// Checks what has arrived and what is to be replaced, sets mode and time, and renames.
    private func finish(
        _ temporary: RemotePath, _ path: RemotePath, size: UInt64, _ order: UploadOrder, over session: Session
    ) throws(UploadFailure) -> Attributes {
        _ = try UploadFailure.sorting { () throws(FTPError) in try check(temporary, holds: size, session) }
        let old = try currentTarget(path, order, over: session)
        return try UploadFailure.sorting { () throws(FTPError) in
            try dress(temporary, mode: order.mode ?? old?.mode, order.modified, over: session)
            try rename(temporary, over: path, isThere: old != nil, session)
            return try check(path, holds: size, session)
        }
    }

    /// Writes onto the name itself: for links to be followed, and directories that take no other names.
    private func overwrite(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes {
        var failure: UploadFailure
        var attempt = 0
        var order = order
        repeat {
            attempt += 1
            do throws(UploadFailure) {
                return try overwriteOnce(path, with: source, &order, for: request)
            } catch {
                failure = error
            }
            if case .refused(let error) = failure { throw try settle(error, "STOR", path, for: request) }
            note(failure, path)
        } while failure.isBroken && attempt < failure.attempts
        throw failure.remote("STOR", path)
    }

    private func overwriteOnce(
        _ path: RemotePath, with source: any UploadSource, _ order: inout UploadOrder, for request: Request
    ) throws(UploadFailure) -> Attributes {
        let lease = try leaseForUpload(for: request)
        defer { lease.release() }
        _ = try currentTarget(path, order, over: lease.session)
        // From here on the old content is gone, so that a further attempt must not look for it.
        let begun = order
        order.expectation = .anything
        do throws(UploadFailure) {
            try send(source, from: 0, to: path, .store, over: lease.session)
        } catch {
            if case .refused = error { order = begun }
            throw error
        }
        return try UploadFailure.sorting { () throws(FTPError) in
            try dress(path, mode: order.mode, order.modified, over: lease.session)
            return try check(path, holds: source.size, lease.session)
        }
    }
}
