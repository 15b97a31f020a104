import Foundation
import Posix
import Settings
import Testing

/// Surroundings that do not depend on the machine the tests run on.
func surroundings(
    _ environment: [String: String] = ["HOME": "/home/me", "USER": "me"], user: UInt32 = 1000
) -> Surroundings {
    Surroundings(
        environment: environment, userID: user, groupID: user + 1, workingDirectory: "/work/dir",
        account: { name in
            name == "alice" ? Account(name: "alice", userID: 501, groupID: 502, home: "/home/alice") : nil
        },
        accountOfUser: { number in
            number == 1000 ? Account(name: "me", userID: 1000, groupID: 1001, home: "/home/me") : nil
        },
        groupNamed: { $0 == "staff" ? 50 : nil },
        refusalToRead: { $0.contains("missing") ? Errno(ENOENT) : nil })
}

/// The settings of a mount with options, other arguments being harmless.
func settings(
    _ options: String..., source: String = "me@host:", point: String = "/mnt"
) throws(SettingsError) -> MountSettings {
    try MountSettings(
        MountRequest(source: source, mountPoint: point, optionLists: options), surroundings())
}

/// What is wrong with a mount with options, or nil when nothing is.
func complaint(_ options: String..., source: String = "me@host:") -> String? {
    do {
        _ = try MountSettings(
            MountRequest(source: source, mountPoint: "/mnt", optionLists: options), surroundings())
        return nil
    } catch {
        return error.message
    }
}

/// A file that goes with this object, in a directory of its own.
final class TemporaryFile {
    let path: String
    private let directory: URL

    init(_ content: some Sequence<UInt8>, mode: mode_t = 0o600) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "ftpsfs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let file = directory.appending(path: ".netrc")
        try Data(content).write(to: file)
        path = file.path
        chmod(path, mode)
    }

    convenience init(_ text: String, mode: mode_t = 0o600) throws {
        try self.init(Array(text.utf8), mode: mode)
    }

    /// The directory the file lies in, under the name `.netrc`.
    var home: String { directory.path }

    deinit {
        try? FileManager.default.removeItem(at: directory)
    }
}

extension SecretBytes {
    /// The secret as text, for tests.
    var revealed: String {
        withBytes { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
    }
}
