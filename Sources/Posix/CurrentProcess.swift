import CLinux
import Glibc

/// Facts about the process the program runs in.
package enum CurrentProcess {
    /// The real user id: who started the program.
    package static var userID: UInt32 { getuid() }

    /// The real group id.
    package static var groupID: UInt32 { getgid() }

    /// The effective user id: with whose rights the program runs.
    package static var effectiveUserID: UInt32 { geteuid() }

    /// The number of this process.
    package static var identifier: Int32 { getpid() }

    /// The arguments as the system handed them over, the program's name first: bytes, not necessarily UTF-8.
    package static var arguments: [[UInt8]] {
        // SAFETY: the vector and its strings live as long as the process.
        var arguments: [[UInt8]] = []
        for index in 0..<Int(CommandLine.argc) {
            guard let text = unsafe CommandLine.unsafeArgv[index] else { break }
            arguments.append(unsafe bytes(of: text))
        }
        return arguments
    }

    /// The environment; of a name set twice the first value, and values that are not UTF-8 are repaired.
    ///
    /// To be called before other threads exist.
    package static var environment: [String: String] {
        var environment: [String: String] = [:]
        guard var entry = unsafe ftpsfs_environment() else { return [:] }
        while let text = unsafe entry.pointee {
            let bytes = unsafe bytes(of: text)
            if let sign = bytes.firstIndex(of: UInt8(ascii: "=")) {
                let name = String(decoding: bytes[..<sign], as: UTF8.self)
                let value = String(decoding: bytes[(sign + 1)...], as: UTF8.self)
                if environment[name] == nil { environment[name] = value }
            }
            unsafe entry += 1
        }
        return environment
    }

    /// The working directory, nil when it is gone or not UTF-8.
    package static var workingDirectory: String? {
        guard let text = unsafe getcwd(nil, 0) else { return nil }
        defer { unsafe free(text) }
        return unsafe String(validatingCString: text)
    }

    /// Why the calling user cannot read a file, nil when nothing speaks against it.
    package static func refusalToRead(_ path: String) -> Errno? {
        unsafe access(path, R_OK) == 0 ? nil : Errno.current
    }

    /// Has freed memory go back to the system in pieces of 128 KiB and more, whatever was freed before.
    ///
    /// Memory of reads is made and freed by many threads; left to itself, the allocator keeps it in an arena for each (mallopt(3)).
    /// To be called before other threads exist.
    package static func returnFreedMemory() {
        ftpsfs_return_memory_from(128 << 10)
    }

    private static func bytes(of text: UnsafePointer<CChar>) -> [UInt8] {
        let raw = unsafe UnsafeRawBufferPointer(start: text, count: strlen(text))
        return unsafe [UInt8](raw)
    }
}
