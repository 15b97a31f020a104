import Foundation
package import Glibc
import Posix

/// A new directory below /tmp that is removed with everything in it when this object goes, or else when the process ends.
package final class TemporaryDirectory: Sendable {
    /// Absolute, without a trailing slash.
    package let path: String

    /// Creates the directory, with mode 0700.
    package init(_ purpose: String = "test") throws {
        var template = Array("/tmp/ftpsfs-\(purpose)-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw SupportFailure("mkdtemp: errno \(errno)") }
        path = String(cString: made)
        _ = Self.removal
        _ = Self.standing.withLock { $0.insert(path) }
    }

    deinit {
        Self.standing.withLock { _ = $0.remove(path) }
        try? FileManager.default.removeItem(atPath: path)
    }

    // What static variables hold is never released.
    private static let standing = Monitor<Set<String>>([])
    private static let removal: Void = {
        atexit {
            for path in TemporaryDirectory.standing.withLock({ $0 }) {
                try? FileManager.default.removeItem(atPath: path)
            }
        }
    }()
}

/// Files as bytes, for tests.
package enum TestFile {
    /// The whole content, or nil when it cannot be read.
    package static func read(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    }

    /// The whole content as text, empty when it cannot be read; invalid UTF-8 is replaced.
    package static func text(_ path: String) -> String { String(decoding: read(path) ?? [], as: UTF8.self) }

    /// Creates or replaces a file in place.
    package static func write(_ path: String, _ bytes: some Sequence<UInt8>, mode: mode_t = 0o644) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw SupportFailure("cannot create \(path): errno \(errno)") }
        defer { close(descriptor) }
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { throw SupportFailure("cannot write \(path): errno \(errno)") }
            rest = rest.dropFirst(written)
        }
    }
}

/// The package's directory, where Package.swift is.
package let packageRoot = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
