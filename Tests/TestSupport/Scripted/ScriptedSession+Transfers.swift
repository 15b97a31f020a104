import Posix

/// Passive ports and the transfers of files.
extension ScriptedSession {
    /// Carries out the command if it is one of these.
    func transfers(_ verb: String, _ argument: [UInt8]) throws -> Bool {
        switch verb {
        case "EPSV", "PASV": try openPort(verb, String(decoding: argument, as: UTF8.self))
        case "PORT", "EPRT": try send("500 Only passive transfers here.", for: verb)
        case "RETR": try retrieve(absolute(argument))
        case "STOR", "APPE": try store(verb, absolute(argument))
        default: return false
        }
        return true
    }

    private func openPort(_ verb: String, _ argument: String) throws {
        if argument.uppercased() == "ALL" { return try send("200 EPSV ALL ok.", for: verb) }
        if argument == "2" { return try send("522 Network protocol not supported, use (1)", for: verb) }
        listener?.stop()
        let opened = try TestListener()
        listener = opened
        if like.sendsTicketPerPassive { connection.addTicket() }
        let port = opened.port
        try settings.announcePort?(port)
        let reply =
            verb == "EPSV"
            ? "229 Entering Extended Passive Mode (|||\(port)|)"
            : "227 Entering Passive Mode (127,0,0,1,\(port >> 8),\(port & 255))."
        try send(reply, for: verb)
    }

    /// Begins a transfer: says 150 and starts its thread.
    func begin(_ verb: String, _ job: ScriptedTransfer.Job) throws {
        guard let port = listener else { return try send("425 Use EPSV or PASV first.", for: verb) }
        listener = nil
        let transfer = ScriptedTransfer(verb, self, port, job)
        self.transfer = transfer
        try send("150 Opening BINARY mode data connection.", for: verb)
        try transfer.start()
    }

    /// Whether a transfer may begin at all; says why not.
    func checkTransfer(_ verb: String) throws -> Bool {
        guard protectsData else {
            try send("522 Data connections must be encrypted.", for: verb)
            return false
        }
        guard listener != nil else {
            try send("425 Use EPSV or PASV first.", for: verb)
            return false
        }
        return true
    }

    /// Refuses a transfer before it has begun.
    func refuseTransfer(_ error: Errno, _ path: [UInt8], _ verb: String) throws {
        restart = 0
        if !like.keepsPortAfterRefusal {
            listener?.stop()
            listener = nil
        }
        try refuse(error, path, verb)
    }

    private func retrieve(_ path: [UInt8]) throws {
        guard try checkTransfer("RETR") else { return }
        let content: [UInt8]
        do throws(Errno) { content = try tree.read(path) } catch {
            return try refuseTransfer(error, path, "RETR")
        }
        let offset = restart
        restart = 0
        guard offset <= content.count || like.name == "vsftpd" else {
            return try send("554 Invalid REST parameter", for: "RETR")
        }
        try begin("RETR", .send(Array(content.dropFirst(offset)), isListing: false))
    }

    private func store(_ verb: String, _ path: [UInt8]) throws {
        guard try checkTransfer(verb) else { return }
        var offset = restart
        restart = 0
        let size = Int((try? tree.node(path))?.content.count ?? 0)
        // Past the end: vsftpd fills with zeros, Pure-FTPd takes the size, the others refuse and leave a new file behind.
        if verb == "STOR", offset > size, like.tellsErrno {
            if like.restartKeepsTail {
                _ = try? tree.open(path, cutTo: nil)
                return try send("554 Invalid REST parameter", for: verb)
            }
            offset = size
        }
        if verb == "APPE" { offset = size }
        do throws(Errno) {
            let keepsTail = verb == "APPE" || (offset > 0 && like.restartKeepsTail)
            try tree.open(path, cutTo: keepsTail ? nil : offset)
        } catch {
            return try refuseTransfer(error, path, verb)
        }
        try begin(verb, .receive(path, at: offset))
    }
}
