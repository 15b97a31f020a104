import FTPClient
import FTPWire
package import Remote

/// Changing names.
///
/// None of these commands is repeated blindly: after a lost connection the names tell whether it was carried out.
extension FTPStore {
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
        try change("DELE", path, for: request) { () throws(RemoteError) in
            // What is there may be somebody's new file.
            try existing(path, for: request) == nil ? .done : .unclear
        } _: { session throws(FTPError) in
            try session.delete(path)
        }
    }

    /// Removes an empty directory (RMD), as `RemoteStore` says.
    ///
    /// What broken uploads have left in it is not to be in the way: nobody sees it.
    package func removeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        do throws(RemoteError) {
            try removeEmpty(path, for: request)
        } catch {
            guard [.notEmpty, .denied].contains(error.kind), try removeLeftovers(in: path, for: request)
            else { throw error }
            try removeEmpty(path, for: request)
        }
    }

    private func removeEmpty(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try change("RMD", path, for: request) { () throws(RemoteError) in
            // Done again it removes nothing but an empty directory.
            try existing(path, for: request) == nil ? .done : .undone
        } _: { session throws(FTPError) in
            try session.removeDirectory(path)
        }
    }

    /// Renames (RNFR and RNTO), as `RemoteStore` says.
    ///
    /// What is to be replaced is asked for in the same flight, to know it should the answer be lost. Where nothing may be replaced it is asked
    /// before: servers that rename files onto files take no condition.
    package func rename(
        _ old: RemotePath, to new: RemotePath, replacing: Bool, for request: Request
    ) throws(RemoteError) {
        try refuseAlteredName(new, "RNTO")
        if !replacing, try !isFree(new, for: request), let target = try existing(new, for: request) {
            throw RemoteError(
                .exists, operation: "RNTO", path: new, words: "there is a \(target.kind) already")
        }
        defer { releaseAsides(of: new) }
        var target = replacing ? Former.unknown : .nothing
        var refusal: FTPError?
        try change("RNFR", old, isOneCommand: false, for: request) { () throws(RemoteError) in
            try renamed(old, to: new, over: target, for: request)
        } _: { session throws(FTPError) in
            refusal = nil
            let questions = replacing ? session.questions(ofFile: new) : []
            var replies: [Reply] = []
            defer {
                if replacing, replies.count >= questions.count {
                    target = Former(replies[..<questions.count], session)
                }
            }
            try session.run(questions + [.rnfr(old), .rnto(new)], into: &replies)
            let (rnfr, rnto) = (replies[questions.count], replies[questions.count + 1])
            guard rnfr.isIntermediate else { throw .refused("RNFR", rnfr) }
            if rnto.isSuccess { return }
            do throws(FTPError) {
                let isFile = replacing && replies[0].sizeValue != nil
                try self.rename(
                    old, over: new, isThere: isFile, after: .refused("RNTO", rnto), session, for: request)
            } catch {
                // Its reason lies with either name, not with the source alone.
                guard case .refused("RNTO", _) = error, !error.isWorthRetrying else { throw error }
                refusal = error
            }
        }
        if let refusal { throw try settleRename(refusal, old, new, for: request) }
        moveLeftovers(from: old, to: new)
    }

    /// What was under a name before something was renamed to it.
    private enum Former {
        case unknown
        case nothing
        case something(Attributes)

        /// Takes the answers to the questions about a file, for a name of any kind.
        init(_ answers: ArraySlice<Reply>, _ session: Session) {
            if let file = try? session.attributesOfFile(answers: answers) {
                self = .something(file)
            } else if let answer = answers.first(where: \.isSuccess) {
                let stated = try? MachineListing.attributes(in: answer)
                self = .something(stated ?? Attributes(kind: .other))
            } else {
                // A directory looks like this too, where there is no MLST.
                let isRefused = answers.first.map { [450, 550].contains($0.code) } ?? false
                self = isRefused ? .nothing : .unknown
            }
        }

        var isThere: Bool { if case .something = self { true } else { false } }
    }

    /// Sets a time of modification (MFMT and its like), as `RemoteStore` says.
    ///
    /// The questions about a file go out in the same flight, or ahead of the first attempts, which have to find out what the server takes.
    @discardableResult
    package func setModified(
        _ path: RemotePath, kind: FileKind, to time: Timestamp, for request: Request
    ) throws(RemoteError) -> Attributes? {
        var attempts = 0
        return try withSession(.metadata, "MFMT", path, for: request) { lease throws(FTPError) in
            attempts += 1
            let session = lease.session
            guard kind == .file, traits.setsFileTimes != false else {
                try session.setModified(path, kind: kind, to: time)
                return nil
            }
            let questions = session.questions(ofFile: path)
            guard case .known(let method) = profile.facts.fileTimes,
                let command = session.knownCommand(toSetModified: time, of: path)
            else {
                let answers = try session.run(questions)
                try session.setModified(path, kind: kind, to: time)
                return session.plainFile(answers: answers)
            }
            var replies = try session.run(questions + [command])
            let reply = replies.removeLast()
            guard reply.isSuccess else { throw .refused(method.verb, reply) }
            if let stated = StatedTime(reply), stated.time.seconds != time.seconds {
                throw .unsupported("setting times: \(method.verb) has set another one")
            }
            // An attempt whose answer was lost may have set the time already.
            return attempts == 1 ? session.plainFile(answers: replies) : nil
        }
    }

    /// Sets permission bits (SITE CHMOD or MFF), as `RemoteStore` says.
    package func setMode(_ path: RemotePath, to mode: UInt16, for request: Request) throws(RemoteError) {
        try withSession(.metadata, "SITE CHMOD", path, for: request) { lease throws(FTPError) in
            try lease.session.setMode(path, to: mode)
        }
    }
}

/// What became of changes whose answer was lost.
extension FTPStore {
    /// What the names on the server tell of a change.
    enum Outcome {
        /// It was carried out.
        case done
        /// It was not; it may be tried again.
        case undone
        /// Neither can be said; to try again could change what is somebody else's.
        case unclear
    }

    /// Runs a change; once its command may have gone out, what the names tell comes before another attempt.
    ///
    /// `isOneCommand` says that the change is one command, perhaps behind questions, which is either carried out or not.
    func change(
        _ operation: String, _ path: RemotePath, isOneCommand: Bool = true, for request: Request,
        outcome: () throws(RemoteError) -> Outcome, _ body: (Session) throws(FTPError) -> Void
    ) throws(RemoteError) {
        var wasSent = false
        var isRepeated = false
        do throws(RemoteError) {
            try withSession(
                .metadata, operation, path, for: request,
                beforeRepeating: { () throws(RemoteError) -> Void? in
                    guard wasSent else { return nil }
                    isRepeated = true
                    switch try outcome() {
                    case .done: return ()
                    case .undone: return nil
                    case .unclear:
                        throw RemoteError(
                            .unreachable, operation: operation, path: path,
                            words: "the connection was lost, and whether this was done cannot be told")
                    }
                },
                { lease throws(FTPError) in
                    // What needs no doubt is to fail before the command is out: a connection that has gone silently is found by a question.
                    _ = try lease.session.run(lease.hasRested ? [.noop] : [])
                    wasSent = true
                    do throws(FTPError) {
                        try body(lease.session)
                    } catch {
                        // A command that is refused for lack of a log-in is not carried out; a new greeting says nothing of it.
                        if isOneCommand, case .loggedOut(let reply) = error, reply.code != 220 {
                            wasSent = false
                        }
                        throw error
                    }
                })
        } catch {
            // A repetition is refused when the server has carried out the first command in the meantime.
            guard isRepeated, [.exists, .notFound].contains(error.kind), case .done = try outcome() else {
                throw error
            }
        }
    }

    /// What became of a rename, over what was under the new name before.
    private func renamed(
        _ old: RemotePath, to new: RemotePath, over former: Former, for request: Request
    ) throws(RemoteError) -> Outcome {
        try withSession(.metadata, "RNFR", new, for: request) { lease throws(FTPError) in
            try restoreAsides(of: new, over: lease.session)
        }
        let source = try existing(old, for: request)
        let target = try existing(new, for: request)
        switch (source, target) {
        case (nil, _?): return .done
        case (nil, nil): return .unclear
        case (_?, nil): return former.isThere ? .unclear : .undone
        case (_?, let target?):
            guard case .something(let former) = former, former.kind == target.kind,
                former.version.matches(target.version)
            else { return .unclear }
            return .undone
        }
    }

    /// What stands under a name; nil when the server says that nothing does.
    ///
    /// A link that leads nowhere does not count on ProFTPD 1.3.8, whose MLST and SIZE look behind links. RNFR would show it, but that
    /// server takes nothing but RNTO then, and a session must not be left in such a state to answer a question.
    func existing(
        _ path: RemotePath, for request: Request
    ) throws(RemoteError) -> Attributes? {
        do throws(RemoteError) {
            return try attributes(of: path, for: request)
        } catch {
            guard error.kind == .notFound else { throw error }
            return nil
        }
    }
}
