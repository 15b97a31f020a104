import Glibc
import TestSupport

/// What a program does on a mount while something goes wrong; each in a directory of its own.
enum FaultOperation: String, CaseIterable, Sendable {
    case stat, list
    case readSmall = "read a small file"
    case readLarge = "read a large file"
    case readAnywhere = "read inside a large file"
    case create, replace, append
    case change = "change in place"
    case makeDirectory = "mkdir"
    case removeFile = "unlink"
    case removeDirectory = "rmdir"
    case rename
    case setMode = "chmod"

    /// What stands in the directory at the moment: the content of files, nil for directories.
    typealias State = [String: [UInt8]?]

    private static let small = content(seed: 1, count: 1000)
    private static let large = content(seed: 2, count: 300_000)
    private static let book = content(seed: 3, count: 1_200_000)
    private static let written = content(seed: 4, count: 40_000)
    private static let line = content(seed: 5, count: 60)
    private static let page = content(seed: 6, count: 4096)

    /// Bytes that the operator makes too.
    private static func content(seed: Int, count: Int) -> [UInt8] {
        (0..<count).map { UInt8(($0 * 7 + seed) % 251) }
    }

    /// What the directory holds before.
    var before: State {
        switch self {
        case .stat, .list, .readSmall, .replace, .append, .setMode, .removeFile: ["file": Self.small]
        case .readLarge: ["large": Self.large]
        case .readAnywhere, .change: ["book": Self.book]
        case .create, .makeDirectory: [:]
        case .removeDirectory: ["empty": nil]
        case .rename: ["file": Self.small, "other": Self.line]
        }
    }

    /// What it holds when the operation has succeeded.
    var after: State {
        switch self {
        case .stat, .list, .readSmall, .readLarge, .readAnywhere, .setMode: before
        case .create: ["new": Self.written]
        case .replace: ["file": Self.written]
        case .append: ["file": Self.small + Self.line]
        case .change: ["book": Self.book[..<700_000] + Self.page + Self.book[704_096...]]
        case .makeDirectory: ["made": nil]
        case .removeFile, .removeDirectory: [:]
        case .rename: ["other": Self.small]
        }
    }

    /// The order to the operator.
    func words(in directory: String) -> [String] {
        let d = "/" + directory
        switch self {
        case .stat: return ["stat", d + "/file"]
        case .list: return ["list", d]
        case .readSmall: return ["load", d + "/file", "0", "1", "1000"]
        case .readLarge: return ["load", d + "/large", "0", "2", "300000"]
        case .readAnywhere: return ["load", d + "/book", "654321", "3", "4096"]
        case .create: return ["store", d + "/new", "new", "0", "4", "40000"]
        case .replace: return ["store", d + "/file", "cut", "0", "4", "40000", "fsync"]
        case .append: return ["store", d + "/file", "append", "0", "5", "60"]
        case .change: return ["store", d + "/book", "within", "700000", "6", "4096"]
        case .makeDirectory: return ["mkdir", d + "/made"]
        case .removeFile: return ["unlink", d + "/file"]
        case .removeDirectory: return ["rmdir", d + "/empty"]
        case .rename: return ["rename", d + "/file", d + "/other"]
        case .setMode: return ["chmod", d + "/file", "600"]
        }
    }

    /// The operator's answer when it succeeds; what is read is compared there.
    var answer: String {
        switch self {
        case .stat: "ok 1000"
        case .list: "ok file"
        default: "ok"
        }
    }

    /// Makes the directory's content on the server's disk.
    func prepare(_ directory: String, on server: ServerFixture) throws {
        for (name, content) in before {
            if let content {
                try server.put("\(directory)/\(name)", content)
            } else {
                try server.makeDirectory("\(directory)/\(name)")
            }
        }
    }
}
