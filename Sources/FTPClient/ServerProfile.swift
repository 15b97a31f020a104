package import FTPWire
import Remote
import Posix

/// What was learned of a server: shared by all sessions of a mount, which all may add to it at any time.
///
/// Nothing in here is needed for correctness: a wrong fact costs a refusal and is learned anew.
package final class ServerProfile: Sendable {
    /// A way to set times of modification.
    package enum TimeMethod: CaseIterable, Sendable {
        /// `MFMT time path`.
        case mfmt
        /// `MFF modify=time; path`.
        case mff
        /// `MDTM time path`, as vsftpd and Serv-U take it.
        case mdtm
        /// `SITE UTIME time path`.
        case siteUtime
        /// `SITE UTIME path time time time UTC`.
        case siteUtimeThreefold
    }

    /// A way to set permission bits.
    package enum ModeMethod: CaseIterable, Sendable {
        /// `SITE CHMOD mode path`.
        case siteChmod
        /// `MFF UNIX.mode=mode; path`.
        case mff
    }

    /// What a server makes of `LIST -a`.
    package enum ListAll: Sendable {
        /// Not tried yet, or without a clear outcome.
        case untried
        /// Rows for `.` and `..` were seen: it lists everything, and their absence means that the directory cannot be read.
        case proven
        /// It lists as much as LIST alone.
        case harmless
        /// It is refused, or taken for a name or mask.
        case harmful
    }

    /// Whether the server has a way to do something, and which.
    package enum Way<Method: Hashable & Sendable>: Hashable, Sendable {
        /// Not tried yet.
        case untried
        /// This one was seen to work.
        case known(Method)
        /// None of those we know.
        case none
    }

    /// The facts.
    package struct Facts: Sendable {
        /// The server's program.
        package var software = ServerSoftware(.unknown)
        /// What FEAT said last, inside TLS and after log-in.
        package var features = Features()
        /// Whether USER was refused ahead of PROT and accepted behind it.
        package var wantsProtectionFirst = false
        /// Whether the server takes AUTH ahead of its greeting; nil before the first log-in.
        package var takesAuthAhead: Bool?
        /// Whether CCC was refused, or TLS could not be taken off the control connection.
        package var clearingFails = false
        /// Whether TLS was taken off the control connection of some session.
        package var hasCleared = false
        /// False once EPSV was refused or its ports could not be reached while those of PASV could.
        package var extendedPassiveWorks = true
        /// False once EPRT was refused while PORT was not.
        package var extendedActiveWorks = true
        /// Whether a data connection has been made by the way in use, passive or active.
        package var dataPortIsProven = false
        /// How many ports that were asked for ahead have failed in a row; from a few on, no other is asked for.
        package var armingFailures = 0
        /// How many transfers in a row were refused for being clear; from a few on, clear ones are not tried any more.
        package var clearRefusals = 0
        /// Whether MLSD has to be avoided although FEAT offers it.
        package var machineListingFails = false
        /// What `LIST -a` does.
        package var listAll = ListAll.untried
        /// How far the times in LIST rows are ahead of UTC, in seconds; nil while unknown.
        package var timeOffset: Int?
        /// How often that was asked for.
        package var timeOffsetTries = 0
        /// How times of files are set.
        package var fileTimes = Way<TimeMethod>.untried
        /// How times of directories are set.
        package var directoryTimes = Way<TimeMethod>.untried
        /// How permission bits are set.
        package var modes = Way<ModeMethod>.untried
        /// Whether LIST tells targets of links; false once it failed to.
        package var listTellsTargets = true

        /// The shortest time the server has taken to answer AUTH, or to be connected to where that was not waited for: about one round trip.
        package var roundTrip: Duration?
        /// What the newest log-in has come to.
        package var newestLogin: LoginReport?
        /// Whether the newest data connection has resumed the TLS session of its control connection; nil before the first.
        package var lastDataConnectionResumed: Bool?

        /// Makes facts of which none is known.
        package init() {}
    }

    private let state = Monitor(Facts())

    /// Makes a profile that knows nothing.
    package init() {}

    /// What is known at this moment.
    package var facts: Facts { state.withLock { $0 } }

    /// Adds to what is known.
    ///
    /// The body must not block.
    package func update(_ body: (inout Facts) -> Void) {
        state.withLock { body(&$0) }
    }
}

extension ServerProfile.Facts {
    /// How many transfers in a row may be refused for being clear before no other is tried.
    private static let clearRefusalLimit = 3

    /// Whether data connections without TLS are worth trying where they are wanted.
    package var takesClearData: Bool { clearRefusals < Self.clearRefusalLimit }

    /// Counts a refusal of a clear data connection; a final one settles the matter alone.
    mutating func noteClearRefusal(isFinal: Bool) {
        clearRefusals = isFinal ? Self.clearRefusalLimit : clearRefusals + 1
    }

    /// From this round trip on a link counts as long.
    private static let longRoundTrip = Duration.milliseconds(5)

    /// Whether round trips cost more than anything else.
    package var isLongLink: Bool { roundTrip.map { $0 >= Self.longRoundTrip } ?? false }

    /// How many ports in a row that were asked for ahead may fail.
    private static let armingFailureLimit = 2

    /// Whether it is worth asking for ports ahead.
    var bearsArming: Bool { armingFailures < Self.armingFailureLimit }

    /// Whether EPRT or PORT and the transfer's own command may go out in one write.
    ///
    /// pyftpdlib 2.2.0 answers these once it has connected, and the command behind them before that.
    var sendsActiveTransfersInOneFlight: Bool {
        guard dataPortIsProven else { return false }
        switch software.program {
        case .vsftpd, .proftpd, .pureFTPd: return true
        default: return false
        }
    }
}
