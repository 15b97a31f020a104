package import Posix

/// What the settings depend on beside the command line: the user, the environment, the user database.
///
/// A value, so that tests can put other surroundings in place of the real ones.
package struct Surroundings: Sendable {
    /// The environment's variables.
    package var environment: [String: String]
    /// The user who mounts.
    package var userID: UInt32
    /// That user's group.
    package var groupID: UInt32
    /// The directory relative paths start at, nil when it is unknown.
    package var workingDirectory: String?
    /// Finds a user by name.
    package var account: @Sendable (String) -> Account?
    /// Finds a user by number.
    package var accountOfUser: @Sendable (UInt32) -> Account?
    /// Finds a group's number by name.
    package var groupNamed: @Sendable (String) -> UInt32?
    /// Why a local file cannot be read, nil when it can.
    package var refusalToRead: @Sendable (String) -> Errno?

    /// Puts surroundings together; what is not given is empty.
    package init(
        environment: [String: String] = [:], userID: UInt32, groupID: UInt32, workingDirectory: String? = "/",
        account: @escaping @Sendable (String) -> Account? = { _ in nil },
        accountOfUser: @escaping @Sendable (UInt32) -> Account? = { _ in nil },
        groupNamed: @escaping @Sendable (String) -> UInt32? = { _ in nil },
        refusalToRead: @escaping @Sendable (String) -> Errno? = { _ in nil }
    ) {
        self.environment = environment
        self.userID = userID
        self.groupID = groupID
        self.workingDirectory = workingDirectory
        self.account = account
        self.accountOfUser = accountOfUser
        self.groupNamed = groupNamed
        self.refusalToRead = refusalToRead
    }

    /// The real surroundings of this process; to be called before other threads exist.
    package static var system: Surroundings {
        Surroundings(
            environment: CurrentProcess.environment, userID: CurrentProcess.userID,
            groupID: CurrentProcess.groupID, workingDirectory: CurrentProcess.workingDirectory,
            account: { Account.named($0) }, accountOfUser: { Account.with(userID: $0) },
            groupNamed: { Account.groupID(named: $0) },
            refusalToRead: { CurrentProcess.refusalToRead($0) })
    }

    /// The value of an environment variable, nil when it is unset or empty.
    package func variable(_ name: String) -> String? {
        guard let value = environment[name], !value.isEmpty else { return nil }
        return value
    }

    /// The user's home directory: HOME, else what the user database has; nil when neither is an absolute path.
    package var home: String? {
        if let home = variable("HOME"), home.hasPrefix("/") { return home }
        guard let home = accountOfUser(userID)?.home, home.hasPrefix("/") else { return nil }
        return home
    }

    /// The name of the user on this machine: USER, else what the user database has.
    package var userName: String? {
        variable("USER") ?? accountOfUser(userID)?.name
    }

    /// Where files are kept that may be rebuilt, before a mount's own folder is added.
    ///
    /// The service's directory as systemd names it, else the user's cache directory. Root has /var/cache/ftpsfs even where HOME is set:
    /// what a mount at boot left unsent must be found again by a mount from a shell.
    package var cacheDirectory: String {
        if let list = variable("CACHE_DIRECTORY"), let first = list.split(separator: ":").first,
            first.hasPrefix("/")
        {
            return String(first)
        }
        if let base = variable("XDG_CACHE_HOME"), base.hasPrefix("/") { return base + "/ftpsfs" }
        if userID != 0, let home { return home + "/.cache/ftpsfs" }
        return "/var/cache/ftpsfs"
    }
}
