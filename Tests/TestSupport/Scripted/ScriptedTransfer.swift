import Posix

/// One transfer of a scripted server, with its data connection; runs on a thread of its own.
final class ScriptedTransfer: @unchecked Sendable {
    // Unchecked: what is not behind `state` belongs to the transfer's thread once it runs.

    /// What is moved.
    enum Job: Sendable {
        /// Bytes to the client; a listing's final reply may come at another time than a file's.
        case send([UInt8], isListing: Bool)
        /// Bytes from the client into a file, from an offset on.
        case receive([UInt8], at: Int)
    }

    /// What the script wants for this transfer.
    private struct Limits {
        var cut: (after: Int, ending: Ending)?
        var freeze: (after: Int, gate: Gate)?
        var endEarly: Int?
        var fail: (after: Int, reply: String)?

        /// How many bytes may go before something happens.
        func room(after done: Int) -> Int {
            let points = [cut?.after, freeze?.after, endEarly, fail?.after].compactMap { $0 }
            return points.filter { $0 >= done }.map { $0 - done }.min() ?? .max
        }
    }

    private struct State {
        var connection: TestConnection?
        var isAborted = false
        var hasSentAll = false
    }

    /// Ends the transfer with a reply.
    private struct Outcome: Error {
        let reply: String?
        var closesControl = false
    }

    let verb: String
    private let session: ScriptedSession
    private let server: ScriptedServer
    private let listener: TestListener
    private let job: Job
    private let state = Monitor(State())
    private var hasPosted = false
    private var moved = 0

    init(_ verb: String, _ session: ScriptedSession, _ listener: TestListener, _ job: Job) {
        self.verb = verb
        self.session = session
        self.listener = listener
        self.job = job
        server = session.server
    }

    /// Whether the server's part of a download is done: it reads no command then before its client has done his.
    var hasSentAll: Bool { state.withLock { $0.hasSentAll } }

    private var isAborted: Bool { state.withLock { $0.isAborted } }

    private var like: ServerLikeness { session.like }

    /// Starts the thread.
    func start() throws {
        let thread = try Thread(named: "script-data") { self.run() }
        server.adopt(thread)
    }

    /// Ends the transfer as ABOR does: the final reply is 426.
    func abort() {
        state.withLock { state in
            state.isAborted = true
            state.connection?.interrupt()
        }
        listener.stop()
    }

    /// Ends the transfer since the control connection has gone.
    func drop() { abort() }

    private func run() {
        do {
            try carryOut()
        } catch let outcome as Outcome {
            post(outcome.reply, closesControl: outcome.closesControl)
        } catch {
            post("426 Connection closed; transfer aborted.")
        }
        listener.stop()
        let connection = state.withLock { state in
            defer { state.connection = nil }
            return state.connection
        }
        guard let connection else { return }
        connection.close()
        server.record(.dataClosed(bytes: moved), connection: session.number)
        server.count { $0.openData -= 1 }
    }

    private func post(_ reply: String?, closesControl: Bool = false) {
        guard !hasPosted else { return }
        hasPosted = true
        session.post(
            ScriptedSession.Result(
                transfer: self, reply: isAborted ? "426 Transfer aborted. Data connection closed." : reply,
                closesControl: closesControl))
    }

    private func carryOut() throws {
        let connection = try open()
        let limits = try limits(connection)
        switch job {
        case .send(let bytes, let isListing):
            try send(bytes, on: connection, limits)
            finishSending(on: connection, isListing ? like.listEnd : like.retrieveEnd)
        case .receive(let path, let offset):
            try receive(path, at: offset, on: connection, limits)
            connection.sendClose()
            connection.endSending()
            post("226 Transfer complete.")
            connection.waitForFIN()
        }
    }

    private func open() throws -> TestConnection {
        var ending: Ending?
        var isMute = false
        for reaction in server.reactions(at: [.data(verb), .data("*")], connection: session.number) {
            switch reaction {
            case .reply(let text): throw Outcome(reply: text)
            case .wait(let gate): try server.pass(gate) { isAborted }
            case .close(let end): ending = end
            case .silence: isMute = true
            case .closeControl(let end): session.drop(end)
            case .run(let body): body()
            case .send, .sendBehind, .sendRaw, .pieces, .cut, .freeze, .endEarly, .fail: break
            }
        }
        let limit = CInt(session.settings.dataTimeout / .milliseconds(1))
        guard let connection = listener.accept(within: limit) else {
            throw Outcome(reply: "425 Failed to establish connection.")
        }
        state.withLock { $0.connection = connection }
        server.count { counts in
            counts.data += 1
            counts.openData += 1
        }
        if isAborted { throw Outcome(reply: nil) }
        if isMute { connection.waitForFIN() }
        if let ending {
            self.end(connection, ending)
            throw Outcome(reply: like.handshakeFailure, closesControl: like.handshakeFailure == nil)
        }
        try secure(connection)
        return connection
    }

    private func secure(_ connection: TestConnection) throws {
        guard let control = session.context else { throw Outcome(reply: "522 No TLS.") }
        do {
            try connection.secure(server.dataContext(control))
        } catch {
            throw Outcome(reply: like.handshakeFailure, closesControl: like.handshakeFailure == nil)
        }
        server.record(.dataOpened(isResumed: connection.isResumed), connection: session.number)
        server.count { counts in
            if connection.isResumed { counts.resumedData += 1 } else { counts.fullData += 1 }
        }
        let requiresResumption = server.settings.requiresResumption ?? like.requiresResumption
        if requiresResumption && !connection.isResumed {
            throw Outcome(reply: like.resumptionRefusal, closesControl: like.closesOnResumptionRefusal)
        }
    }

    private func limits(_ connection: TestConnection) throws -> Limits {
        var limits = Limits()
        for reaction in server.reactions(at: [.transfer(verb), .transfer("*")], connection: session.number) {
            switch reaction {
            case .reply(let text): limits.fail = (0, text)
            case .send(let text): try connection.write(text)
            case .sendRaw(let bytes): try connection.writeRaw(bytes)
            case .wait(let gate): try server.pass(gate) { isAborted || connection.hasHungUp }
            case .silence: limits.freeze = (0, Gate())
            case .close(let ending): limits.cut = (0, ending)
            case .closeControl(let ending): session.drop(ending)
            case .cut(let count, let ending): limits.cut = (count, ending)
            case .freeze(let count, let gate): limits.freeze = (count, gate)
            case .endEarly(let count): limits.endEarly = count
            case .fail(let count, let reply): limits.fail = (count, reply)
            case .run(let body): body()
            case .sendBehind, .pieces: break
            }
        }
        return limits
    }

    /// Does what is due after the bytes moved so far; false when the transfer is to end as if it were complete.
    private func act(_ limits: inout Limits, _ connection: TestConnection) throws -> Bool {
        if let freeze = limits.freeze, moved == freeze.after {
            limits.freeze = nil
            try server.pass(freeze.gate) { isAborted || connection.hasHungUp }
        }
        if let cut = limits.cut, moved == cut.after {
            end(connection, cut.ending)
            throw Outcome(reply: "426 Failure writing network stream.")
        }
        if let fail = limits.fail, moved == fail.after {
            end(connection, .orderly)
            throw Outcome(reply: fail.reply)
        }
        return limits.endEarly != moved
    }

    private func end(_ connection: TestConnection, _ ending: Ending) {
        switch ending {
        case .orderly:
            connection.sendClose()
            connection.endSending()
        case .silent: connection.endSending()
        case .reset: connection.reset()
        }
    }

    private func send(_ bytes: [UInt8], on connection: TestConnection, _ limits: Limits) throws {
        var limits = limits
        do {
            while try act(&limits, connection), moved < bytes.count {
                let count = min(bytes.count - moved, 16 << 10, limits.room(after: moved))
                try connection.write(Array(bytes[moved..<(moved + count)]))
                moved += count
            }
        } catch is TestConnectionError {
            throw Outcome(reply: like.earlyEndReply)
        }
    }

    private func finishSending(on connection: TestConnection, _ final: ServerLikeness.FinalReply) {
        let reply = "226 Transfer complete."
        state.withLock { $0.hasSentAll = true }
        connection.sendClose()
        switch final {
        case .atOnce:
            connection.endSending()
            post(reply)
            connection.waitForFIN()
        case .afterClientClose:
            _ = try? connection.readAll()
            post(reply)
        case .afterClientFIN:
            connection.endSending()
            connection.waitForFIN()
            post(reply)
        }
    }

    private func receive(_ path: [UInt8], at offset: Int, on connection: TestConnection, _ limits: Limits)
        throws
    {
        var limits = limits
        do {
            while try act(&limits, connection) {
                let part = try connection.read(atMost: min(64 << 10, limits.room(after: moved)))
                if part.isEmpty {
                    if !like.uploadEndsWithCloseNotify { connection.waitForFIN() }
                    return
                }
                try server.tree.write(path, part, at: offset + moved)
                moved += part.count
            }
        } catch let error as TestConnectionError {
            guard error.isTruncation else { throw Outcome(reply: like.uploadReset) }
            if like.insistsOnCloseNotify { throw Outcome(reply: "426 Failure reading network stream.") }
        } catch let error as Errno {
            throw Outcome(reply: "451 \(error)")
        }
    }
}
