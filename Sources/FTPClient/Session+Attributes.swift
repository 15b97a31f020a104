package import FTPWire
import Logging
package import Remote

/// Setting times and modes, by whichever way the server has; what works is remembered in the server's profile.
extension Session {
    /// Sets the time of modification in whole seconds.
    ///
    /// The first success on a server is verified, by the reply or by reading back. Throws `.unsupported` where no way is known to
    /// work for this kind of file, `.refused` where one exists and the server refuses this name.
    package func setModified(
        _ path: RemotePath, kind: FileKind, to time: Timestamp
    ) throws(FTPError) {
        let facts = profile.facts
        let way = kind == .directory ? facts.directoryTimes : facts.fileTimes
        switch way {
        case .none: throw .unsupported("setting times")
        case .known(let method):
            let reply = try run(Self.command(method, path, time))
            guard reply.isSuccess else { throw .refused(method.verb, reply) }
            if let stated = StatedTime(reply), stated.time.seconds != time.seconds {
                throw .unsupported("setting times: \(method.verb) has set another one")
            }
        case .untried:
            if kind == .directory, software.setsDirectoryTimes == false { return try learnNoTimes(kind) }
            var isUnknown = true
            for method in timeMethods(kind) {
                switch try attempt(method, path, kind, time) {
                case .set: return
                case .unknown: break
                case .unfit: isUnknown = false
                }
            }
            if isUnknown { try learnNoTimes(kind) }
            throw .unsupported("setting this time of this file")
        }
    }

    /// The command by which a time of modification is set, for a flight whose other commands do not depend on its success; nil where it is not
    /// known yet which one works, or whether any does, and where it cannot carry this name.
    package func knownCommand(toSetModified time: Timestamp, of path: RemotePath) -> Command? {
        guard case .known(let method) = profile.facts.fileTimes else { return nil }
        return sendable(try? Self.command(method, path, time))
    }

    private func sendable(_ command: Command?) -> Command? {
        guard let command, (try? command.encoded(control.dialect)) != nil else { return nil }
        return command
    }

    /// The same for permission bits.
    package func knownCommand(toSetMode mode: UInt16, of path: RemotePath) -> Command? {
        guard case .known(let method) = profile.facts.modes else { return nil }
        return sendable(try? Self.command(method, path, mode))
    }

    /// What a try of a way to set times has shown.
    private enum Trial {
        /// The time is set.
        case set
        /// The server does not know the way.
        case unknown
        /// It does something else with this file or this time, which says nothing about others (a file system may keep whole minutes).
        case unfit
    }

    /// Tries a way to set times that is not known to work.
    private func attempt(
        _ method: ServerProfile.TimeMethod, _ path: RemotePath, _ kind: FileKind, _ time: Timestamp
    ) throws(FTPError) -> Trial {
        let reply: Reply
        do throws(FTPError) {
            reply = try run(Self.command(method, path, time))
        } catch .unsupported {
            return .unfit
        }
        if reply.meansNotImplemented { return .unknown }
        guard reply.isSuccess else {
            if method == .mdtm { return try judgeRefusedMDTM(reply, path, kind) }
            throw .refused(method.verb, reply)
        }
        guard try isSet(path, kind, time, reply) else {
            logger.notice("\(method.verb) has not set the time of \(path) truly")
            return .unfit
        }
        profile.update { facts in
            if kind == .directory {
                facts.directoryTimes = .known(method)
            } else {
                facts.fileTimes = .known(method)
            }
        }
        return .set
    }

    /// Where MDTM cannot set times it takes the time for a part of the name (vsftpd 3.0.3 without `mdtm_write` too): then it answers for the
    /// name alone.
    private func judgeRefusedMDTM(
        _ refusal: Reply, _ path: RemotePath, _ kind: FileKind
    ) throws(FTPError) -> Trial {
        // MDTM answers for no directory.
        if kind == .directory { return .unknown }
        if StatedTime(try run(.mdtm(path))) != nil { return .unknown }
        guard software.mdtmSetsTime || features.setsTimesByMDTM else { return .unfit }
        throw .refused("MDTM", refusal)
    }

    /// Whether the time was set, by what the reply says or by reading back.
    private func isSet(
        _ path: RemotePath, _ kind: FileKind, _ time: Timestamp, _ reply: Reply
    ) throws(FTPError) -> Bool {
        if let stated = StatedTime(reply) { return stated.time.seconds == time.seconds }
        if hasMachineListing { return try machineAttributes(path).modified?.seconds == time.seconds }
        guard kind != .directory else { return true }
        return try modified(path).time.seconds == time.seconds
    }

    private func learnNoTimes(_ kind: FileKind) throws(FTPError) {
        profile.update { facts in
            if kind == .directory { facts.directoryTimes = .none } else { facts.fileTimes = .none }
        }
        throw .unsupported("setting times")
    }

    private func timeMethods(_ kind: FileKind) -> [ServerProfile.TimeMethod] {
        var methods: [ServerProfile.TimeMethod] = []
        if features.hasMFMT { methods.append(.mfmt) }
        if features.setsTimesByMFF { methods.append(.mff) }
        let mayHaveMDTM = software.mdtmSetsTime || features.setsTimesByMDTM || !features.hasMFMT
        if mayHaveMDTM { methods.append(.mdtm) }
        if software.program != .vsftpd { methods += [.siteUtime, .siteUtimeThreefold] }
        return methods
    }

    private static func command(
        _ method: ServerProfile.TimeMethod, _ path: RemotePath, _ time: Timestamp
    ) throws(FTPError) -> Command {
        do throws(CommandError) {
            switch method {
            case .mfmt: return try .mfmt(time, path)
            case .mff: return try .mff(modified: time, path)
            case .mdtm: return try .mdtmSet(time, path)
            case .siteUtime: return try .siteUtime(time, path)
            case .siteUtimeThreefold: return try .siteUtimeThreefold(time, path)
            }
        } catch {
            throw FTPError(error)
        }
    }

    /// Sets permission bits, 0 up to 0o7777.
    ///
    /// Throws `.unsupported` where no way is known to work (also for names with spaces that SITE commands cannot carry), `.refused`
    /// where one exists and the server refuses this name.
    package func setMode(_ path: RemotePath, to mode: UInt16) throws(FTPError) {
        let known = profile.facts.modes
        guard known != .none else { throw .unsupported("setting permissions") }
        var methods: [ServerProfile.ModeMethod] = []
        if case .known(let method) = known { methods.append(method) }
        if known == .untried, software.hasSiteChmod != false { methods.append(.siteChmod) }
        if features.setsModesByMFF, !methods.contains(.mff) { methods.append(.mff) }
        var isCarried = true
        for method in methods {
            let reply: Reply
            do throws(FTPError) {
                reply = try run(Self.command(method, path, mode))
            } catch .unsupported {
                isCarried = false
                continue
            }
            if reply.meansNotImplemented { continue }
            guard reply.isSuccess else { throw .refused(method.verb, reply) }
            if known == .untried { profile.update { $0.modes = .known(method) } }
            return
        }
        if isCarried { profile.update { $0.modes = .none } }
        throw .unsupported("setting permissions")
    }

    private static func command(
        _ method: ServerProfile.ModeMethod, _ path: RemotePath, _ mode: UInt16
    ) throws(FTPError) -> Command {
        do throws(CommandError) {
            switch method {
            case .siteChmod: return try .siteChmod(mode, path)
            case .mff: return try .mff(mode: mode, path)
            }
        } catch {
            throw FTPError(error)
        }
    }
}

extension ServerProfile.TimeMethod {
    /// The command's verb.
    package var verb: String {
        switch self {
        case .mfmt: "MFMT"
        case .mff: "MFF"
        case .mdtm: "MDTM"
        case .siteUtime, .siteUtimeThreefold: "SITE UTIME"
        }
    }
}

extension ServerProfile.ModeMethod {
    /// The command's verb.
    package var verb: String {
        switch self {
        case .siteChmod: "SITE CHMOD"
        case .mff: "MFF"
        }
    }
}
