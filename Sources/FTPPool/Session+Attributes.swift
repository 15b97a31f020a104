import FTPClient
import FTPWire
import Remote

/// Questions about one name, each in one flight.
extension Session {
    /// Asks for a regular file's size and time: MLST with SIZE, or SIZE with MDTM.
    ///
    /// The size is SIZE's, which follows links and counts bytes in TYPE I on every server; an upload is judged by it. Throws `.refused`
    /// where the server states no size, unless `orLink` is set and the name is taken by something else.
    func attributesOfFile(_ path: RemotePath, orLink: Bool = false) throws(FTPError) -> Attributes {
        let questions: [Command] =
            usesMachineListing ? [.size(path), .mlst(path)] : [.size(path), .mdtm(path)]
        let replies = try run(questions + (orLink ? Self.takenQuestion(path) : []))
        guard let size = replies[0].sizeValue else {
            if orLink, replies[2].isIntermediate { return Attributes(kind: .symlink) }
            throw .refused("SIZE", replies[0])
        }
        guard usesMachineListing else {
            let time = StatedTime(replies[1])
            return Attributes(
                kind: .file, size: size, modified: time?.time, granularity: time?.granularity ?? .second)
        }
        var attributes = Attributes(kind: .file)
        if let stated = try? MachineListing.attributes(in: replies[1]), stated.kind == .file {
            attributes = stated
        }
        attributes.size = size
        return attributes
    }

    /// Whether a name that SIZE and MLST call missing is taken all the same, by a link that leads nowhere.
    ///
    /// They look behind links, and MLSD of ProFTPD 1.3.8 leaves such links out. RNFR looks at the name itself on ProFTPD, Pure-FTPd
    /// and pyftpdlib.
    func isTaken(_ path: RemotePath) throws(FTPError) -> Bool {
        try run(Self.takenQuestion(path))[0].isIntermediate
    }

    /// RNFR, and an RNTO without a name to end the rename: ProFTPD 1.3.8 refuses all other commands until then.
    private static func takenQuestion(_ path: RemotePath) -> [Command] {
        [.rnfr(path), try? .raw("RNTO".utf8)].compactMap(\.self)
    }

    /// Whether MLST answers for single names.
    var usesMachineListing: Bool { features.hasMachineListing && !profile.facts.machineListingFails }
}
