import FTPClient
import FTPPool
import FTPWire
import Posix
import Remote

/// What a small file of a temporary name is tried with, which is removed again whatever comes of it.
extension Probe {
    /// The first content; not so long that a server could keep a part.
    private static let content = Array("0123456789abcdef".utf8)
    /// A moment that no file has by chance, 2001-09-09 01:46:40 UTC.
    private static let moment = Timestamp(seconds: 1_000_000_000)

    /// Tries to write in a directory.
    func askWriting(_ directory: RemotePath) {
        let file = directory.appending(TemporaryName.make(isHidden: false))
        let other = directory.appending(TemporaryName.make(isHidden: false))
        var made: [RemotePath] = [file]
        var writing = ProbeReport.Writing()
        writing.upload = ask { session throws(FTPError) in
            try session.put(Self.content, to: file, .store)
            let isSame = try Self.content(of: file, session) == Self.content
            return .init(isSame, isSame ? nil : "other bytes came back")
        }
        if writing.upload?.works == true {
            writing.size = ask { session throws(FTPError) in
                let size = try session.size(file)
                return .init(size == UInt64(Self.content.count), "\(size) of \(Self.content.count) bytes")
            }
            report.abilities?.patching = askPatching(file)
            writing.append = ask { session throws(FTPError) in
                let before = try Self.content(of: file, session)
                try session.put([0x2B], to: file, .append)
                return .init(try Self.content(of: file, session) == before + [0x2B])
            }
            made.append(other)
            report.abilities?.replacing = askReplacing(file, by: other)
            askDress(file)
        }
        writing.removal = remove(made)
        report.writing = writing
    }

    private func askPatching(_ file: RemotePath) -> ProbeReport.Finding {
        ask { session throws(FTPError) in
            let change = Array("WXYZ".utf8)
            try session.put(change, to: file, .restart(4))
            let changed = try Self.content(of: file, session)
            if changed == Self.content[..<4] + change + Self.content[8...] { return .init(true, "tried") }
            let isCut = changed == Self.content[..<4] + change
            return .init(false, isCut ? "the file ends with what is written" : "other bytes came back")
        }
    }

    private func askReplacing(_ file: RemotePath, by other: RemotePath) -> ProbeReport.Finding {
        ask { session throws(FTPError) in
            let change = Array("other".utf8)
            try session.put(change, to: other, .store)
            try session.rename(other, to: file)
            return .init(try Self.content(of: file, session) == change, "tried")
        }
    }

    private func askDress(_ file: RemotePath) {
        report.abilities?.times = ask { session throws(FTPError) in
            try session.setModified(file, kind: .file, to: Self.moment)
            guard case .known(let method) = session.profile.facts.fileTimes else { return .init(true) }
            return .init(true, "\(method.verb), tried")
        }
        report.abilities?.modes = ask { session throws(FTPError) in
            try session.setMode(file, to: 0o640)
            let shown = session.hasMachineListing ? try session.machineAttributes(file).mode : nil
            if let shown, shown & 0o777 != 0o640 { return .init(false, "another mode is shown afterwards") }
            guard case .known(let method) = session.profile.facts.modes else { return .init(true) }
            return .init(true, "\(method.verb), tried")
        }
    }

    /// Removes what may have been made, also after a signal, and over a new connection where the old one has broken.
    private func remove(_ made: [RemotePath]) -> ProbeReport.Finding {
        var remarks: [String] = []
        for path in made {
            do throws(FTPError) {
                do throws(FTPError) {
                    try remove(path)
                } catch  where !error.isRefusal {
                    try remove(path)
                }
            } catch {
                remarks.append("\(path) may be there still, remove it by hand: \(error)")
            }
        }
        return .init(remarks.isEmpty, remarks.isEmpty ? nil : remarks.joined(separator: "; "))
    }

    private func remove(_ path: RemotePath) throws(FTPError) {
        let session = try lastingSession()
        let reply = try session.run(.dele(path))
        // A name that has gone, or was never made, is refused too.
        guard !reply.isSuccess, try session.run(.size(path)).isSuccess else { return }
        throw .refused("DELE", reply)
    }

    /// Reads a file that is expected to be small, at most 1 KiB of it.
    private static func content(of file: RemotePath, _ session: Session) throws(FTPError) -> [UInt8] {
        let download = try session.download(file)
        defer { download.abort() }
        var content: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1024)
        while content.count < room.count {
            let count = try room.withMutableRawSpan { (span) throws(FTPError) in
                try download.read(into: &span)
            }
            if count == 0 { break }
            content += room[..<count]
        }
        return content
    }
}

extension FTPError {
    /// Whether the server has said no, and will again.
    fileprivate var isRefusal: Bool {
        if case .refused = self { true } else { false }
    }
}
