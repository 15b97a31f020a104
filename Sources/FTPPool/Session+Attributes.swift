import FTPClient
import FTPWire
import Remote

/// Questions about one name, each in one flight.
extension Session {
    /// Asks for a regular file's size and time: MLST with SIZE, or SIZE with MDTM.
    ///
    /// The size is SIZE's, which follows links and counts bytes in TYPE I on every server; an upload is judged by it. Throws `.refused`
    /// where the server states no size.
    func attributesOfFile(_ path: RemotePath) throws(FTPError) -> Attributes {
        let questions: [Command] =
            usesMachineListing ? [.size(path), .mlst(path)] : [.size(path), .mdtm(path)]
        let replies = try run(questions)
        guard let size = replies[0].sizeValue else { throw .refused("SIZE", replies[0]) }
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

    /// Whether MLST answers for single names.
    var usesMachineListing: Bool { features.hasMachineListing && !profile.facts.machineListingFails }
}
