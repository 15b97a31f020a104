import FTPClient
import FTPWire
import Posix
package import Remote

/// Adding bytes at the end of a file.
extension FTPStore {
    /// Adds bytes at the end of a file with APPE (RFC 959 section 4.1.3), as `RemoteStore` says.
    package func append(
        to path: RemotePath, at offset: UInt64, from source: any UploadSource, _ order: UploadOrder,
        for request: Request
    ) throws(RemoteError) -> Attributes {
        // Where nothing can be seen of a file, it is sent whole.
        guard !believesUploads, learned.withLock({ $0.appends }) else {
            throw RemoteError(.unsupported, operation: "APPE", path: path)
        }
        var work = Appending(path: path, source: source, order: order, start: offset)
        var attempt = 0
        while true {
            let failure: UploadFailure
            do throws(UploadFailure) {
                return try appendOnce(&work, for: request)
            } catch {
                failure = error
            }
            attempt += 1
            if case .refused(let error) = failure, !work.hasBegun { try considerRefusal(error, path) }
            try giveUp(failure, path, after: attempt, for: request)
        }
    }

    /// How far an append has come over its attempts.
    private struct Appending {
        let path: RemotePath
        let source: any UploadSource
        let order: UploadOrder
        /// The size the file must have at the beginning.
        let start: UInt64
        /// Whether a transfer has begun, so that bytes of ours may have reached the file.
        var hasBegun = false
        /// Whether the file may have been given its time, though not all bytes: some servers acknowledge a transfer that broke.
        var mayBeTimed = false
    }

    /// Sends what is missing: all at first, after a break what lies beyond the bytes that have arrived.
    private func appendOnce(
        _ work: inout Appending, for request: Request
    ) throws(UploadFailure) -> Attributes {
        let lease = try leaseForUpload(
            "APPE", work.path, size: work.source.size - min(work.start, work.source.size), for: request)
        defer { lease.release() }
        let session = lease.session
        // Not in one flight with APPE, which would make a file that is gone anew.
        let size = try settled(work, over: lease, for: request)
        if size < work.source.size {
            do throws(UploadFailure) {
                try send(work.source, from: size, to: work.path, .append, over: lease)
            } catch {
                if case .refused = error { throw error }
                work.hasBegun = true
                throw error
            }
            work.hasBegun = true
        }
        work.mayBeTimed = true
        let work = work
        return try UploadFailure.sorting { () throws(FTPError) in
            let modified = work.order.modified
            if let dressing = dressing(work.path, mode: nil, modified, over: session) {
                let replies = try session.run(dressing + session.questions(ofFile: work.path))
                return try checked(
                    session.attributesOfFile(answers: replies[dressing.count...]), work.source.size)
            }
            try dress(work.path, mode: nil, modified, over: session)
            return try check(work.path, holds: work.source.size, session)
        }
    }

    /// The same as `arrived`, once that stands still: the session that broke may not have written all of what it had received.
    ///
    /// What it would add later would come behind the bytes that are sent again. Nothing tells when it has ended, so that this makes that
    /// unlikely and no more; then the size is not as it should be in the end, and the append fails.
    private func settled(
        _ work: Appending, over lease: Lease, for request: Request
    ) throws(UploadFailure) -> UInt64 {
        var size = try arrived(work, over: lease)
        while work.hasBegun, size < work.source.size {
            try rest(Self.settlingTime, for: request)
            let next = try arrived(work, over: lease)
            guard next != size else { break }
            size = next
        }
        return size
    }

    private static let settlingTime = Duration.milliseconds(250)

    private func rest(_ time: Duration, for request: Request) throws(UploadFailure) {
        let isCancelled = Monitor(false)
        let token = request.onCancel { isCancelled.update { $0 = true } }
        defer { request.remove(token) }
        guard isCancelled.wait(until: .after(time), { $0 ? true : nil }) == nil else {
            throw .other(RemoteError(.interrupted, operation: "APPE"))
        }
    }

    /// The size of the file, of which everything from the start on is known to be ours.
    private func arrived(_ work: Appending, over lease: Lease) throws(UploadFailure) -> UInt64 {
        let found = try target(work.path, over: lease.session)
        guard let size = found?.size else { throw changed(work, "the file is gone") }
        if size == work.start {
            if work.mayBeTimed, let found, found.hasTime(of: work.order) { return size }
            try compare(found, with: work.order, work.path)
            return size
        }
        // Somebody else may have added to the file in the meantime: only the bytes themselves tell.
        guard work.hasBegun, (work.start...work.source.size).contains(size),
            try endsLike(work.source, work.path, work.start..<size, over: lease)
        else { throw changed(work, "the file has another size") }
        return size
    }

    private func changed(_ work: Appending, _ words: String) -> UploadFailure {
        .other(RemoteError(.changed, operation: "APPE", path: work.path, words: words))
    }

    /// Sorts a refusal before anything was added: a server that cannot append at all is remembered; rights may be those of APPE alone.
    ///
    /// Throws `.unsupported` where replacing the file may do. Not for a full disk or a quota, which replacing would meet as well.
    private func considerRefusal(_ refusal: FTPError, _ path: RemotePath) throws(RemoteError) {
        guard let reply = refusal.reply else { return }
        let isUnknown = reply.refusesRestart || [500, 502, 504].contains(reply.code)
        guard isUnknown || refusal.mayConcernTheName else { return }
        if isUnknown { learned.withLock { $0.appends = false } }
        throw RemoteError(.unsupported, operation: "APPE", path: path, words: "\(refusal)")
    }
}

extension Attributes {
    /// Whether the file differs from the version that an order expects by the order's own time alone.
    fileprivate func hasTime(of order: UploadOrder) -> Bool {
        guard case .version(var version) = order.expectation, let modified = order.modified else {
            return false
        }
        version.modified = modified
        return self.version.matches(version)
    }
}
