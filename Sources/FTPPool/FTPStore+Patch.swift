import FTPClient
import FTPWire
import Logging
import Posix
package import Remote

/// Changing bytes inside a file, by REST and STOR (RFC 3659 section 5).
///
/// Some servers cut the file where such a transfer begins or ends. Only those programs are trusted of which it is known that they do not, and
/// of them only those that were seen to behave so, on a file of our own.
extension FTPStore {
    /// Overwrites ranges inside a file, as `RemoteStore` says.
    package func patch(
        _ path: RemotePath, _ ranges: [Range<UInt64>], from source: any UploadSource, _ order: UploadOrder,
        began: () -> Void, for request: Request
    ) throws(RemoteError) -> Attributes {
        var work = Patching(path: path, ranges: ranges, source: source, order: order)
        var attempt = 0
        while true {
            // REST 0 is no REST: the STOR behind it would empty the file.
            guard !believesUploads, profile.facts.software.keepsTailBehindRestart,
                learned.withLock({ $0.patches != false }),
                ranges.allSatisfy({ $0.lowerBound > 0 })
            else {
                throw RemoteError(.unsupported, operation: "REST", path: path)
            }
            let failure: UploadFailure
            do throws(UploadFailure) {
                return try patchOnce(&work, began, for: request)
            } catch {
                failure = error
            }
            // A whole file may go where a part of one may not.
            if case .refused(let error) = failure, !work.hasBegun {
                logger.info(
                    "the server takes no part of a file",
                    metadata: ["path": "\(path)", "reason": "\(error)"])
                if error.forbidsRestart { learned.withLock { $0.patches = false } }
                throw RemoteError(.unsupported, operation: "REST", path: path, words: "\(error)")
            }
            attempt += 1
            try giveUp(failure, path, after: attempt, for: request)
        }
    }

    /// How far a patch has come over its attempts.
    private struct Patching {
        let path: RemotePath
        let ranges: [Range<UInt64>]
        let source: any UploadSource
        let order: UploadOrder
        /// Whether bytes of ours may be in the file.
        var hasBegun = false
    }

    private func patchOnce(
        _ work: inout Patching, _ began: () -> Void, for request: Request
    ) throws(UploadFailure) -> Attributes {
        let length = work.ranges.reduce(0) { $0 + UInt64($1.count) }
        let lease = try leaseForUpload("STOR", work.path, size: length, for: request)
        defer { lease.release() }
        let session = lease.session
        let (path, size) = (work.path, work.source.size)
        if learned.withLock({ $0.patches }) == nil { try prove(beside: path, over: lease, for: request) }
        guard learned.withLock({ $0.patches }) == true else {
            throw .other(RemoteError(.unsupported, operation: "REST", path: path))
        }
        let found = try target(path, over: session)
        if !work.hasBegun { try compare(found, with: work.order, path) }
        guard found?.size == size else {
            throw .other(
                RemoteError(.changed, operation: "STOR", path: path, words: "the file has another size"))
        }
        for range in work.ranges {
            do throws(UploadFailure) {
                try send(
                    work.source, from: range.lowerBound, upTo: range.upperBound, to: path,
                    .restart(range.lowerBound), over: lease
                ) { _ throws(UploadFailure) in
                    note(&work, began)
                }
            } catch {
                // What was refused has changed nothing; of anything else that is not known.
                if case .refused = error { throw error }
                note(&work, began)
                throw error
            }
        }
        // The next transfer begins at once over a connection that is prepared for it.
        let other = pool.leasePrepared(for: request)
        defer { other?.release() }
        other?.begins("RETR", path, size: nil)
        return try conclude(work, over: other ?? lease)
    }

    /// Sets the time, asks for what is there now, and reads the changed bytes back.
    ///
    /// Elsewhere the size tells whether all has arrived; here it is the same before and after. An acknowledgement proves nothing: ProFTPD 1.3.8
    /// and pyftpdlib 2.2.0 take a connection that breaks off for the end of the bytes, and answer 226.
    private func conclude(_ work: Patching, over lease: Lease) throws(UploadFailure) -> Attributes {
        let (path, size, session) = (work.path, work.source.size, lease.session)
        let modified = work.order.modified
        let known = dressing(path, mode: nil, modified, over: session)
        if known == nil {
            try UploadFailure.sorting { () throws(FTPError) in
                try dress(path, mode: nil, modified, over: session)
            }
        }
        let dressing = known ?? []
        let questions = session.questions(ofFile: path)
        var answers: [Reply] = []
        for group in work.ranges.grouped(readingThrough: Self.gapReadThrough) {
            let start = group.first?.lowerBound ?? 0
            let download = try UploadFailure.sorting { () throws(FTPError) in
                try session.download(
                    path, from: start, asking: answers.isEmpty ? dressing + questions : [],
                    expecting: { _ in size - min(size, start) })
            }
            defer { download.abort() }
            if answers.isEmpty { answers = download.answers }
            var comparison = Comparison(download, with: work.source, path, noting: lease)
            var place = start
            for range in group {
                guard try comparison.skip(range.lowerBound - place), try comparison.holds(range) else {
                    throw .broken(
                        .dataConnection("bytes were acknowledged, but the server does not have them"))
                }
                place = range.upperBound
            }
        }
        return try UploadFailure.sorting { () throws(FTPError) in
            try checked(session.attributesOfFile(answers: answers.dropFirst(dressing.count)), size)
        }
    }

    /// The most bytes between two changed ranges that are read rather than gone around, which costs some round trips.
    private static let gapReadThrough: UInt64 = 256 << 10

    private func note(_ work: inout Patching, _ began: () -> Void) {
        if !work.hasBegun { began() }
        work.hasBegun = true
    }

    /// Finds out on a file of our own whether the server keeps what lies around such a transfer's bytes, once for a mount.
    ///
    /// Without a clear outcome nothing is learned, and this change goes another way.
    private func prove(
        beside path: RemotePath, over lease: Lease, for request: Request
    ) throws(UploadFailure) {
        let session = lease.session
        let trial = path.parent.appending(TemporaryName.make())
        noteName(trial)
        defer {
            discard(trial, over: session, for: request)
            forgetName(trial)
        }
        let outcome = try UploadFailure.sorting { () throws(FTPError) -> Bool? in
            do throws(FTPError) { try session.put([1, 2, 3, 4], to: trial, .store) } catch {
                guard case .refused = error else { throw error }
                return nil
            }
            do throws(FTPError) {
                try session.put([9], to: trial, .restart(1))
                let download = try session.download(trial, expecting: 4)
                defer { download.abort() }
                var room = [UInt8](repeating: 0, count: 16)
                var bytes: [UInt8] = []
                while true {
                    let count = try room.withMutableRawSpan { (span) throws(FTPError) in
                        try download.read(into: &span)
                    }
                    guard count > 0 else { return bytes == [1, 9, 3, 4] }
                    bytes += room[..<count]
                }
            } catch .refused(_, let reply) {
                logger.info("parts of files cannot be changed: \(reply)")
                return false
            }
        }
        learned.withLock { $0.patches = outcome }
    }
}

extension [Range<UInt64>] {
    /// The ranges, in their order, in groups without a gap of more than so many bytes.
    fileprivate func grouped(readingThrough limit: UInt64) -> [[Range<UInt64>]] {
        reduce(into: []) { groups, range in
            if let end = groups.last?.last?.upperBound, end <= range.lowerBound,
                range.lowerBound - end <= limit
            {
                groups[groups.count - 1].append(range)
            } else {
                groups.append([range])
            }
        }
    }
}

extension FTPError {
    /// Whether a part of a file was refused in words that are about all files (ProFTPD 1.3.8 with `AllowStoreRestart off`: 451).
    fileprivate var forbidsRestart: Bool {
        guard case .refused(let verb, let reply) = self else { return false }
        return verb == "REST" || [451, 500, 501, 502, 504].contains(reply.code)
    }
}
