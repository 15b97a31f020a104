import FTPClient
import FTPWire
import Logging
package import Remote
import Posix

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
        try refuseUncheckable(path)
        if order.writesThrough || believesUploads {
            return try overwrite(path, with: source, order, for: request)
        }
        return try replace(
            Replacement(
                path: path, source: source, order: order,
                isHidden: learned.withLock { $0.takesHiddenNames }),
            for: request)
    }

    /// Makes attempts at a replacement until one succeeds, one fails for good, or there have been enough.
    func replace(_ begun: consuming Replacement, for request: Request) throws(RemoteError) -> Attributes {
        var work = begun
        let (path, source, order) = (work.path, work.source, work.order)
        defer { conclude(work) }
        while true {
            let failure: UploadFailure
            do throws(UploadFailure) {
                return try replaceOnce(&work, for: request)
            } catch {
                failure = error
            }
            if case .refused(let error) = failure, error.mayConcernTheName {
                guard !work.isHidden else {
                    work.isHidden = false
                    continue
                }
                logger.debug(
                    "no temporary name, writing the file itself",
                    metadata: ["path": "\(path)", "reason": "\(error)"])
                return try overwrite(path, with: source, order, after: error, for: request)
            }
            work.attempt += 1
            try giveUp(failure, path, after: work.attempt, for: request)
        }
    }

    /// Throws what a failed attempt means for the caller, unless another one is to be made.
    func giveUp(
        _ failure: UploadFailure, _ path: RemotePath, after attempt: Int, for request: Request
    ) throws(RemoteError) {
        switch failure {
        case .broken(let error):
            logger.info("upload failed", metadata: ["path": "\(path)", "reason": "\(error)"])
            suspectIdleSessions(after: error)
            guard attempt < error.attempts else { throw RemoteError(error, operation: "STOR", path: path) }
        case .final(.refused("SIZE", let reply)): throw noteUncheckable(path, reply)
        case .refused(let error), .final(let error): throw try settle(error, "STOR", path, for: request)
        case .other(let error): throw error
        }
    }

    /// How far the replacement of a file has come over its attempts.
    struct Replacement {
        let path: RemotePath
        let source: any UploadSource
        let order: UploadOrder
        /// Whether temporary names begin with a dot.
        var isHidden: Bool
        /// The transfer that was begun before, for the first attempt.
        var begun: BegunUpload?
        /// How many attempts have failed since it last got on.
        var attempt = 0
        /// What computes the checksum of what is sent, where it is to be compared; used up once all was sent.
        var verifier: (method: ChecksumMethod, digest: SentDigest)?
        /// What has arrived by the last attempt, where that broke in the middle.
        var part: Part?
        /// Where the last one went on.
        var reached: UInt64 = 0
        /// The temporary names that may be on the server.
        var names: Set<RemotePath> = []
        /// The one under which all bytes have arrived, as the server has acknowledged.
        var complete: RemotePath?
        /// Whether `complete` may have been renamed over the target without an answer.
        var mayBeRenamed = false
    }

    /// Leaves to the keeper what is still to be done on the server.
    private func conclude(_ work: Replacement) {
        for name in work.names { addLeftover(name, .remove) }
        activeNames.withLock { $0.subtract(work.names) }
        releaseAsides(of: work.path)
    }

    private func replaceOnce(
        _ work: inout Replacement, for request: Request
    ) throws(UploadFailure) -> Attributes {
        if let begun = work.begun.take() { return try complete(begun, &work, for: request) }
        let lease = try leaseForUpload("STOR", work.path, size: work.source.size, for: request)
        defer { lease.release() }
        let session = lease.session
        try UploadFailure.sorting { () throws(FTPError) in
            try restoreAsides(of: work.path, over: session)
        }
        if let attributes = try findOut(&work, over: session, for: request) { return attributes }
        if let part = work.part {
            if let start = try restartOffset(part, of: work.source, over: lease) {
                // One that gets on may break as often as it likes.
                if start >= work.reached + Self.leastPart { (work.reached, work.attempt) = (start, 0) }
                do throws(UploadFailure) {
                    return try deliver(&work, to: part.name, from: start, over: lease, for: request)
                } catch {
                    guard case .refused(let reason) = error else { throw error }
                    logger.info("a broken upload must begin anew", metadata: ["reason": "\(reason)"])
                    learned.withLock { $0.restarts = false }
                    throw .broken(.dataConnection("going on was refused: \(reason)"))
                }
            }
            work.part = nil
            discard(part.name, over: session, for: request)
            forget(part.name, &work)
        }
        // A name of its own for each attempt: a server that overwrites nothing refuses the one of a broken attempt.
        let temporary = work.path.parent.appending(TemporaryName.make(isHidden: work.isHidden))
        work.names.insert(temporary)
        noteName(temporary)
        return try deliver(&work, to: temporary, from: 0, over: lease, for: request)
    }

    /// Sends the content under a temporary name, from an offset on, and finishes.
    private func deliver(
        _ work: inout Replacement, to temporary: RemotePath, from start: UInt64, over lease: Lease,
        for request: Request
    ) throws(UploadFailure) -> Attributes {
        let session = lease.session
        if work.verifier == nil { work.verifier = makeVerifier() }
        return try fill(temporary, &work, from: start, over: session, for: request) {
            work, part throws(UploadFailure) -> Looked? in
            let digest = work.verifier?.digest
            var known: Looked?
            try send(
                work.source, from: start, to: temporary, start == 0 ? .store : .restart(start),
                asking: work.order.expectsNothing ? session.questions(ofFile: work.path) : [], over: lease
            ) { answers throws(UploadFailure) in
                known = try look(at: answers, work, session)
            } watching: { bytes, place in
                part.sent = max(part.sent, place + UInt64(bytes.byteCount))
                digest?.add(bytes, at: place)
            }
            return known
        }
    }

    /// Has a temporary name filled by `send` from an offset on, and puts the file in its place; on failure the name is seen to.
    ///
    /// `send` notes in the part how much was sent.
    func fill(
        _ temporary: RemotePath, _ work: inout Replacement, from start: UInt64, over session: Session,
        for request: Request, _ send: (inout Replacement, inout Part) throws(UploadFailure) -> Looked?
    ) throws(UploadFailure) -> Attributes {
        var part = work.part ?? Part(name: temporary, sent: 0)
        work.part = nil
        do throws(UploadFailure) {
            let known = try send(&work, &part)
            if !work.isHidden { learned.withLock { $0.takesHiddenNames = false } }
            work.complete = temporary
            return try finish(
                &work, temporary, knowing: start == 0 ? known : nil, over: session, for: request)
        } catch {
            if error.isBroken, work.complete != nil { throw error }
            if error.isBroken, part.sent >= Self.leastPart {
                work.part = part
                throw error
            }
            if start > 0, case .refused = error { throw error }
            if start > 0, case .final(.refused("SIZE", let reply)) = error {
                // A session that has noticed the break by now may have removed it.
                work.complete = nil
                throw .broken(.dataConnection("what had arrived is gone: \(reply)"))
            }
            if try wasRefused(temporary, by: error, over: session) {
                forget(temporary, &work)
                throw error
            }
            discard(temporary, over: session, for: request)
            forget(temporary, &work)
            guard case .refused(let refusal) = error else { throw error }
            throw .final(refusal)
        }
    }

    private func forget(_ temporary: RemotePath, _ work: inout Replacement) {
        work.names.remove(temporary)
        forgetName(temporary)
    }

    /// Whether a temporary name was refused before anything of it was made; a refusal that came behind 150 is about something else.
    private func wasRefused(
        _ temporary: RemotePath, by failure: UploadFailure, over session: Session
    ) throws(UploadFailure) -> Bool {
        guard case .refused = failure, session.isUsable else { return false }
        return try UploadFailure.sorting { () throws(FTPError) in
            try !session.run(.size(temporary)).isSuccess
        }
    }

    /// Finds out what became of a complete file whose last commands were not answered, and completes them.
    ///
    /// Nil when the bytes have to be sent (again).
    private func findOut(
        _ work: inout Replacement, over session: Session, for request: Request
    ) throws(UploadFailure) -> Attributes? {
        guard let temporary = work.complete else { return nil }
        let (path, size) = (work.path, work.source.size)
        let replies = try UploadFailure.sorting { () throws(FTPError) in
            try session.run([.size(temporary), .size(path)])
        }
        if replies[0].sizeValue == size {
            return try finish(&work, temporary, knowing: nil, over: session, for: request)
        }
        guard work.mayBeRenamed, replies[0].code == 550 else {
            work.complete = nil
            return nil
        }
        // Only the rename can have taken the complete file away.
        forget(temporary, &work)
        guard replies[1].sizeValue == size else {
            throw .other(
                RemoteError(
                    .unreachable, operation: "RNTO", path: path,
                    words: "the answer was lost, and the file there has another size by now"))
        }
        return try UploadFailure.sorting { () throws(FTPError) in try session.attributesOfFile(path) }
    }

    /// What was seen under the target's name, and when.
    struct Looked {
        let target: Attributes?
        let moment: ContinuousClock.Instant

        /// How long it counts: FTP cannot compare and rename at once, so that there is a while in which the name may change in any case.
        static let validity = Duration.seconds(1)
    }

    /// Weighs the answers that came ahead of the transfer; nil when nothing was asked.
    private func look(
        at answers: [Reply], _ work: Replacement, _ session: Session
    ) throws(UploadFailure) -> Looked? {
        guard !answers.isEmpty else { return nil }
        let found = try UploadFailure.sorting { () throws(FTPError) in
            try session.attributesOfTarget(answers: answers[...])
        }
        try compare(found, with: work.order, work.path)
        return Looked(target: found, moment: .now)
    }

    /// Checks what has arrived and what is to be replaced, sets mode and time, and renames.
    ///
    /// Where nothing is to be replaced all of it is one flight, else the checks are one of their own: the old copy must not give way to a file
    /// that is short.
    private func finish(
        _ work: inout Replacement, _ temporary: RemotePath, knowing known: Looked?, over session: Session,
        for request: Request
    ) throws(UploadFailure) -> Attributes {
        let (path, size, order) = (work.path, work.source.size, work.order)
        let old: Attributes?
        var checksFirst = true
        if let verifier = work.verifier {
            _ = try UploadFailure.sorting { () throws(FTPError) in
                try check(temporary, holds: size, session)
            }
            try verify(temporary, holds: work.source, verifier, over: session)
        }
        if session.takesFlights, work.verifier == nil, let known, known.target == nil,
            known.moment.duration(to: .now) < Looked.validity
        {
            (old, checksFirst) = (nil, false)
        } else {
            let replies = try UploadFailure.sorting { () throws(FTPError) in
                let replies = try session.run(
                    session.questions(ofFile: temporary) + session.questions(ofFile: path))
                try checked(session.attributesOfFile(answers: replies[..<2]), size)
                return replies
            }
            old = try UploadFailure.sorting { () throws(FTPError) in
                try session.attributesOfTarget(answers: replies[2...])
            }
            try compare(old, with: order, path)
        }
        let mode = order.mode ?? old?.mode
        var dressing = dressing(temporary, mode: mode, order.modified, over: session)
        if dressing == nil {
            try UploadFailure.sorting { () throws(FTPError) in
                try dress(temporary, mode: mode, order.modified, over: session)
            }
            dressing = []
        }
        let lead = (checksFirst ? [] : [.size(temporary)]) + (dressing ?? [])
        work.mayBeRenamed = true
        let replies = try UploadFailure.sorting { () throws(FTPError) in
            try session.run(lead + [.rnfr(temporary), .rnto(path)] + session.questions(ofFile: path))
        }
        for (command, reply) in zip(lead, replies).dropFirst(checksFirst ? 0 : 1) where !reply.isSuccess {
            logger.debug("\(command.verb) refused", metadata: ["path": "\(path)", "reason": "\(reply)"])
        }
        let (rnfr, rnto) = (replies[lead.count], replies[lead.count + 1])
        let arrived = checksFirst ? size : replies[0].sizeValue
        do throws(FTPError) {
            if arrived != size {
                // Nothing was there, and nothing that is short shall be.
                if rnto.isSuccess {
                    // No program's signal may leave it there.
                    session.bind(to: Request())
                    defer { session.bind(to: request) }
                    try session.rename(path, to: temporary)
                }
                guard replies[0].isSuccess else { throw .refused("SIZE", replies[0]) }
                let stated = arrived.map(String.init) ?? "nothing"
                throw .dataConnection("\(size) bytes were acknowledged, but the server states \(stated)")
            }
            guard rnfr.isIntermediate else { throw .refused("RNFR", rnfr) }
            if !rnto.isSuccess {
                try rename(
                    temporary, over: path, isThere: old != nil, after: .refused("RNTO", rnto), session,
                    for: request)
            }
        } catch {
            if case .refused = error { work.mayBeRenamed = false }
            throw UploadFailure(error, hasBegun: true)
        }
        return try UploadFailure.sorting { () throws(FTPError) in
            let attributes =
                rnto.isSuccess
                ? try checked(session.attributesOfFile(answers: replies[(lead.count + 2)...]), size)
                : try check(path, holds: size, session)
            forget(temporary, &work)
            return attributes
        }
    }
}

extension UploadOrder {
    /// Whether the target is believed to be new, so that a look at its name ahead of the transfer is worth it.
    var expectsNothing: Bool {
        if case .nothing = expectation { true } else { false }
    }
}
