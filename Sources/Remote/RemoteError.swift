/// Why an operation on the remote store failed.
///
/// `kind` decides the errno a program sees; the rest is for the person who reads the log.
package struct RemoteError: Error, Hashable, Sendable {
    /// The cases a caller tells apart.
    package enum Kind: Hashable, Sendable {
        /// The server says that the name does not exist.
        case notFound
        /// The server refuses for lack of rights.
        case denied
        /// The name exists already.
        case exists
        /// The directory is not empty.
        case notEmpty
        /// A part of the path is not a directory.
        case notDirectory
        /// The name is a directory.
        case isDirectory
        /// The server's disk is full (452, 552).
        case noSpace
        /// The user's quota is used up (552).
        case quotaExceeded
        /// The name or command line is too long for the server.
        case nameTooLong
        /// The name cannot be carried by FTP or is refused by the server (553).
        case invalidName
        /// The two names of a rename lie on different file systems of the server; copying does what renaming cannot.
        case crossDevice
        /// The server is busy with the file, or all connections are in use; trying later may help.
        case busy
        /// The remote file is another one than the caller expects (lost-update check, changed while reading).
        case changed
        /// The server cannot be reached, or the connection was lost and could not be had back in time.
        case unreachable
        /// A deadline passed.
        case timedOut
        /// The program that asked was interrupted.
        case interrupted
        /// The server has no way to do this.
        case unsupported
        /// The server refuses the log-in.
        case authentication
        /// The server's certificate or the connection's protection is not good enough.
        case untrusted
        /// The server broke the protocol, lied or stopped in the middle.
        case protocolBroken
        /// Something failed on this machine.
        case local
    }

    /// The case.
    package var kind: Kind
    /// What was being done, in the words of the protocol ("RETR", "list", "connect").
    package var operation: String
    /// The remote path it was done to.
    package var path: RemotePath?
    /// The server's own words, or ours where it said nothing; printable, never a secret.
    package var words: String

    /// Puts an error together.
    package init(_ kind: Kind, operation: String, path: RemotePath? = nil, words: String = "") {
        self.kind = kind
        self.operation = operation
        self.path = path
        self.words = words
    }

    /// Whether the same operation may succeed when it is tried again a little later.
    package var isTransient: Bool {
        switch kind {
        case .unreachable, .timedOut, .busy, .protocolBroken: true
        case .notFound, .denied, .exists, .notEmpty, .notDirectory, .isDirectory, .noSpace, .quotaExceeded,
            .nameTooLong, .invalidName, .crossDevice, .changed, .interrupted, .unsupported, .authentication,
            .untrusted, .local:
            false
        }
    }
}

extension RemoteError: CustomStringConvertible {
    /// One line: operation, path, kind, and the server's words.
    package var description: String {
        let place = path.map { " \($0)" } ?? ""
        let reason = words.isEmpty ? "" : " (\(words))"
        return "\(operation)\(place): \(kind)\(reason)"
    }
}
