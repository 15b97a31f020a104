/// How a test mounts a server.
package struct MountOptions: Sendable {
    /// The remote directory, the part of the source after the colon.
    package var path = "/"
    /// Further -o options: "ro", "max_conns=1".
    package var options: [String] = []
    /// Further command-line arguments.
    package var arguments: [String] = []
    /// What starts the program, with its arguments behind: `["prlimit", "--nofile=64"]`.
    package var launcher: [String] = []
    /// Variables to set for the program.
    package var environment: [String: String] = [:]
    /// Whether `cacert=` is given, and `credentials=`.
    package var trustAuthority = true
    package var giveCredentials = true
    /// The host name in the source.
    package var host = "localhost"
    /// Whether the listing that the mount begins with counts; otherwise it is dropped before the test begins.
    package var keepsFirstListing = false
    /// A cache directory to use again; a new one otherwise.
    package var cache: String?

    package init() {}

    /// The usual mount with these -o options.
    package init(_ options: String...) { self.options = options }

    /// Changes that read well in a test: `MountOptions { $0.path = "/sub" }`.
    package init(_ change: (inout MountOptions) -> Void) { change(&self) }
}
