import FTPClient
import FTPWire
package import Remote

/// Making directories and links.
///
/// Programs take both for locks: whoever makes the name has the lock. Where the answer is lost, a name that is there counts as ours only if the
/// server has said right before, in the same flight, that it was not.
extension FTPStore {
    /// Makes a directory (MKD), as `RemoteStore` says.
    package func makeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try refuseAlteredName(path, "MKD")
        let isOneCommand = !profile.facts.software.refusesToMake(path)
        var wasFree = false
        try change("MKD", path, isOneCommand: isOneCommand, for: request) { () throws(RemoteError) in
            guard let found = try existing(path, for: request) else { return .undone }
            return wasFree && found.kind == .directory ? .done : .unclear
        } _: { session throws(FTPError) in
            guard session.software.refusesToMake(path) else {
                let reply = try make(path, by: .mkd(path), session, &wasFree)
                guard reply.isSuccess else { throw .refused("MKD", reply) }
                return
            }
            try makeDirectoryElsewhere(path, session, &wasFree)
        }
    }

    /// Makes a directory under another name and renames it, for names that MKD refuses.
    private func makeDirectoryElsewhere(
        _ path: RemotePath, _ session: Session, _ wasFree: inout Bool
    ) throws(FTPError) {
        wasFree = false
        // A rename onto an empty directory would replace it.
        guard try !session.run(.mlst(path)).isSuccess else {
            throw .refused("MKD", Reply(550, "File exists"))
        }
        var parent = path.parent
        while session.software.refusesToMake(parent) { parent = parent.parent }
        let temporary = parent.appending(TemporaryName.make())
        try session.makeDirectory(temporary)
        wasFree = true
        do throws(FTPError) {
            try session.rename(temporary, to: path)
        } catch {
            if session.isUsable {
                wasFree = false
                try session.removeDirectory(temporary)
            }
            throw error
        }
    }

    /// Makes a symbolic link (SITE SYMLINK), as `RemoteStore` says.
    package func makeSymlink(_ path: RemotePath, target: [UInt8], for request: Request) throws(RemoteError) {
        var wasFree = false
        try change("SITE SYMLINK", path, for: request) { () throws(RemoteError) in
            guard let found = try existing(path, for: request) else { return .undone }
            // Where the server looks behind links, one that leads nowhere looks like a free name.
            guard wasFree, let stored = found.linkTarget else { return .unclear }
            let isOurs =
                RemotePath(stored, relativeTo: path.parent) == RemotePath(target, relativeTo: path.parent)
            return isOurs ? .done : .unclear
        } _: { session throws(FTPError) in
            try session.makeSymlink(path, target: target) { command throws(FTPError) in
                try make(path, by: command, session, &wasFree)
            }
        }
    }

    /// Sends a command that makes a name, behind the question whether it is there already.
    ///
    /// `wasFree` tells afterwards whether it was not, and the command may have been carried out without an answer.
    private func make(
        _ path: RemotePath, by command: Command, _ session: Session, _ wasFree: inout Bool
    ) throws(FTPError) -> Reply {
        wasFree = false
        let questions = session.questions(ofNew: path)
        var replies: [Reply] = []
        do throws(FTPError) {
            try session.run(questions + [command], into: &replies)
        } catch {
            let isAnswered = !questions.isEmpty && replies.count == questions.count
            wasFree = isAnswered && replies.allSatisfy { [450, 550].contains($0.code) }
            throw error
        }
        return replies[questions.count]
    }
}

extension Session {
    /// The questions whether anything is under a name that is to be made; none where nothing would tell.
    ///
    /// To SIZE and MDTM a directory looks like nothing (vsftpd 3.0.3), so that CWD has to tell there.
    fileprivate func questions(ofNew path: RemotePath) -> [Command] {
        if usesMachineListing { return [.mlst(path)] }
        return software.punishesFailedCWD ? [] : [.size(path), .cwd(path)]
    }
}
