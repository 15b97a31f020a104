import Glibc

/// The built program under test.
package enum Program {
    /// Its path: FTPSFS_PROGRAM, or `ftpsfs` beside the test bundle.
    package static let path: String = {
        if let chosen = getenv("FTPSFS_PROGRAM") { return String(cString: chosen) }
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
        let bundle = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let directory = bundle.split(separator: "/").dropLast().joined(separator: "/")
        let beside = "/\(directory)/ftpsfs"
        return access(beside, X_OK) == 0 ? beside : packageRoot + "/.build/debug/ftpsfs"
    }()

    /// Whether it was built with a sanitizer, whose shadow memory makes figures of memory meaningless.
    package static let isSanitized = getenv("FTPSFS_SANITIZER") != nil

    /// Whether mounting can be tried: the program runs, and this machine lets root mount FUSE filesystems.
    ///
    /// With FTPSFS_REQUIRE_SERVERS set it is always true, so that what is missing is a failure.
    package static let canMount: Bool = {
        if getenv("FTPSFS_REQUIRE_SERVERS") != nil { return true }
        guard geteuid() == 0, access("/dev/fuse", R_OK | W_OK) == 0, access(path, X_OK) == 0,
            let answer = try? Shell.attempt("\"$1\" -V", [path], timeout: .seconds(30))
        else { return false }
        return answer.status == 0 && answer.output.contains("ftpsfs")
    }()

    /// The servers to mount in tests: none where mounting is impossible.
    package static var servers: [ServerKind] { canMount ? ServerKind.available : [] }

    /// The servers to mount, without those that have a named gap.
    package static func servers(except gaps: ServerKind...) -> [ServerKind] {
        servers.filter { !gaps.contains($0) }
    }
}
