import FTPClient
import FTPWire
import Posix
import Remote

/// Links that lead nowhere, on servers whose MLST and SIZE look behind them and say that nothing is there (ProFTPD 1.3.8).
///
/// To ask for a listing whenever a name is said to be absent would make each new file wait for one. So that answer is doubted only of names
/// that a listing has shown.
extension FTPStore {
    /// The most directories, and links in each, that are remembered.
    private static let danglingLimit = 1000

    /// Remembers what a listing has shown in place of what the one before had.
    func noteDanglingLinks(_ links: [FileName], in directory: RemotePath) {
        guard profile.facts.software.hidesDanglingLinks else { return }
        learned.withLock { learned in
            learned.danglingLinks[directory] = nil
            guard !links.isEmpty else { return }
            if learned.danglingLinks.count >= Self.danglingLimit { learned.danglingLinks = [:] }
            learned.danglingLinks[directory] = Set(links.prefix(Self.danglingLimit))
        }
    }

    /// Whether the last listing has shown such a link under a name.
    func mayLeadNowhere(_ path: RemotePath) -> Bool {
        guard let name = path.name else { return false }
        return learned.withLock { $0.danglingLinks[path.parent]?.contains(name) == true }
    }

    /// Whether a server that hides such links says that nothing is under a name, not even one of them; false where others are to be asked.
    ///
    /// RNFR alone tells of it. To rename it to itself changes nothing, and ends what RNFR has begun. Throws `.exists` where there is something.
    func isFree(_ path: RemotePath, for request: Request) throws(RemoteError) -> Bool {
        let reply = try withSession(.metadata, "RNFR", path, for: request) {
            lease throws(FTPError) -> Reply? in
            // With a session it is known what program this is.
            guard profile.facts.software.hidesDanglingLinks else { return nil }
            return try lease.session.run([.rnfr(path), .rnto(path)])[0]
        }
        guard let reply else { return false }
        guard reply.isIntermediate else { return ReplyMeaning(reply, to: "RNFR").kind == .notFound }
        throw RemoteError(.exists, operation: "RNTO", path: path, words: "there is something already")
    }
}
