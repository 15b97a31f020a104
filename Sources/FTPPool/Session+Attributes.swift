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
        try attributesOfFile(answers: run(questions(ofFile: path))[...])
    }

    /// The questions behind `attributesOfFile`: always two.
    func questions(ofFile path: RemotePath) -> [Command] {
        usesMachineListing ? [.size(path), .mlst(path)] : [.size(path), .mdtm(path)]
    }

    /// What the answers to these questions say, as `attributesOfFile` does.
    func attributesOfFile(answers: ArraySlice<Reply>) throws(FTPError) -> Attributes {
        guard answers.count == 2, let first = answers.first, let second = answers.last else {
            throw .protocolViolation("questions without answers")
        }
        guard let size = first.sizeValue else { throw .refused("SIZE", first) }
        guard usesMachineListing else {
            let time = StatedTime(second)
            return Attributes(
                kind: .file, size: size, modified: time?.time, granularity: time?.granularity ?? .second)
        }
        var attributes = Attributes(kind: .file)
        if let stated = try? MachineListing.attributes(in: second), stated.kind == .file {
            attributes = stated
        }
        attributes.size = size
        return attributes
    }

    /// What the answers say when they leave no doubt that the name itself is a regular file; nil otherwise.
    ///
    /// ProFTPD 1.3.8 states `type=file` and the length of the link for a symbolic link, of which SIZE states that of the file.
    func plainFile(answers: [Reply]) -> Attributes? {
        guard let attributes = try? attributesOfFile(answers: answers[...]) else { return nil }
        guard usesMachineListing else { return attributes.modified == nil ? nil : attributes }
        guard let stated = try? MachineListing.attributes(in: answers[1]), stated.kind == .file else {
            return nil
        }
        return stated.size == attributes.size ? attributes : nil
    }

    /// What the answers say of a name under which nothing may be; nil when nothing is, or no file.
    func attributesOfTarget(answers: ArraySlice<Reply>) throws(FTPError) -> Attributes? {
        do throws(FTPError) {
            return try attributesOfFile(answers: answers)
        } catch {
            guard let reply = error.reply, reply.code == 550 || reply.code == 450 else { throw error }
            switch ReplyMeaning(reply, to: "SIZE").kind {
            case nil, .notFound?: return nil
            default: throw error
            }
        }
    }

    /// Whether MLST answers for single names.
    var usesMachineListing: Bool { features.hasMachineListing && !profile.facts.machineListingFails }
}
