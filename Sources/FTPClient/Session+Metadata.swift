package import FTPWire
package import Remote

/// Questions about names.
extension Session {
    /// Whether MLST can be asked.
    package var hasMachineListing: Bool { features.hasMachineListing }

    /// Asks for one name by MLST (RFC 3659 section 7).
    ///
    /// Costs one round trip.
    ///
    /// ProFTPD 1.3.8 states the size of a link together with the kind of its target: SIZE, sent in the same
    /// write, tells the size of the content then. Throws `.unsupported` where the server has no MLST.
    package func machineAttributes(_ path: RemotePath) throws(FTPError) -> Attributes {
        guard hasMachineListing else { throw .unsupported("MLST") }
        let asksForSize = statesLinkSizes && features.hasSize
        let replies = try run(asksForSize ? [.mlst(path), .size(path)] : [.mlst(path)])
        guard replies[0].isSuccess else { throw .refused("MLST", replies[0]) }
        var attributes: Attributes
        do throws(ListingError) {
            attributes = try MachineListing.attributes(in: replies[0])
        } catch {
            throw .listing(error.description)
        }
        if asksForSize, attributes.kind == .file, let size = Self.number(in: replies[1]) {
            attributes.size = size
        }
        return attributes
    }

    /// Asks for the size of a file's content in bytes (SIZE, RFC 3659 section 4).
    package func size(_ path: RemotePath) throws(FTPError) -> UInt64 {
        let reply = try perform(.size(path))
        guard let size = Self.number(in: reply) else { throw .protocolViolation("SIZE: \(reply)") }
        return size
    }

    /// Asks for a file's time of modification (MDTM, RFC 3659 section 3).
    package func modified(_ path: RemotePath) throws(FTPError) -> StatedTime {
        let reply = try perform(.mdtm(path))
        guard let time = StatedTime(reply) else { throw .protocolViolation("MDTM: \(reply)") }
        return time
    }

    /// Asks for both in one round trip; nil for what was refused.
    ///
    /// Throws the refusal of SIZE when both were refused.
    package func sizeAndModified(
        _ path: RemotePath
    ) throws(FTPError) -> (size: UInt64?, modified: StatedTime?) {
        let replies = try run([.size(path), .mdtm(path)])
        let (size, time) = (Self.number(in: replies[0]), StatedTime(replies[1]))
        guard size != nil || time != nil else { throw .refused("SIZE", replies[0]) }
        return (size, time)
    }

    /// Whether a path is a directory that can be entered, found out by entering it; false when the server refuses.
    ///
    /// Throws `.unsupported` where failing CWDs are punished (Pure-FTPd 1.0.50 disconnects after 50 of them).
    package func isDirectory(_ path: RemotePath) throws(FTPError) -> Bool {
        guard !software.punishesFailedCWD else { throw .unsupported("CWD as a question") }
        let reply = try run(.cwd(path))
        guard reply.isSuccess || reply.isFailure else { throw .protocolViolation("CWD: \(reply)") }
        if reply.isTransientFailure { throw .refused("CWD", reply) }
        return reply.isSuccess
    }

    private var statesLinkSizes: Bool { software.statesLinkSizes || software.program == .unknown }

    /// The number a 213 reply begins with.
    static func number(in reply: Reply) -> UInt64? {
        guard reply.code == 213, let line = reply.lines.last else { return nil }
        let word = line.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != UInt8(ascii: " ") }
        guard word.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return UInt64(String(decoding: word, as: UTF8.self))
    }
}

/// Changes to names.
extension Session {
    /// Removes a file or link (DELE).
    package func delete(_ path: RemotePath) throws(FTPError) {
        try perform(.dele(path))
    }

    /// Makes a directory (MKD).
    package func makeDirectory(_ path: RemotePath) throws(FTPError) {
        try perform(.mkd(path))
    }

    /// Removes an empty directory (RMD).
    package func removeDirectory(_ path: RemotePath) throws(FTPError) {
        try perform(.rmd(path))
    }

    /// Renames (RNFR and RNTO in one write).
    ///
    /// What happens to an existing target is up to the server: most replace files.
    package func rename(_ old: RemotePath, to new: RemotePath) throws(FTPError) {
        let replies = try run([.rnfr(old), .rnto(new)])
        guard replies[0].isIntermediate else { throw .refused("RNFR", replies[0]) }
        guard replies[1].isSuccess else { throw .refused("RNTO", replies[1]) }
    }

    /// Makes a symbolic link (SITE SYMLINK of ProFTPD's mod_site_misc and of SFTPGo).
    ///
    /// A relative target is sent as the absolute path it means from the link's directory, which is what ProFTPD 1.3.8 stores of it anyway.
    /// Throws `.unsupported` where the server has no way, and for spaces in either path. `send` sends the command and gives its final
    /// reply.
    package func makeSymlink(
        _ path: RemotePath, target: [UInt8], sending send: (Command) throws(FTPError) -> Reply
    ) throws(FTPError) {
        let isListed = features.siteCommands.contains("SYMLINK")
        guard isListed || [.proftpd, .sftpgo].contains(software.program) else {
            throw .unsupported("symbolic links")
        }
        guard !target.isEmpty, let goal = RemotePath(target, relativeTo: path.parent) else {
            throw .invalidName("the target of a link")
        }
        let command: Command
        do throws(CommandError) {
            command = try .siteSymlink(target: goal.bytes, path)
        } catch {
            throw FTPError(error)
        }
        let reply = try send(command)
        if reply.meansNotImplemented { throw .unsupported("symbolic links: \(reply)") }
        guard reply.isSuccess else { throw .refused("SITE", reply) }
    }
}

extension Reply {
    /// Whether the server does not know the command, or not with this parameter.
    var meansNotImplemented: Bool { [202, 500, 502, 504].contains(code) }
}
