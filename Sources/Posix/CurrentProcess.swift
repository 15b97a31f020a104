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

    /// Names this run of the machine, from its start to its stop (random(4)); empty where the kernel does not tell.
    package static let bootIdentifier: String = {
        do throws(Errno) {
            let file = try FileDescriptor.open("/proc/sys/kernel/random/boot_id", O_RDONLY)
            let bytes = try file.contents(limit: 64)
            return String(decoding: bytes.prefix { $0 > 0x20 && $0 < 0x7f }, as: UTF8.self)
        } catch {
            return ""
        }
    }()

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

    /// How many bytes of address space this process may use (getrlimit(2), RLIMIT_AS); nil for any number.
    package static var addressSpaceLimit: UInt64? {
        let limit = ftpsfs_address_space_limit()
        return limit == .max ? nil : limit
    }

    /// Where the address space is limited, has threads use little of it: stacks of 1 MiB in place of 8 MiB, and one arena of the allocator
    /// in place of 64 MiB for each of them (mallopt(3), M_ARENA_MAX).
    ///
    /// To be called before other threads exist.
    package static func spareAddressSpace() {
        if addressSpaceLimit != nil { ftpsfs_spare_address_space(1 << 20) }
    }

    /// How many files this process may have open (getrlimit(2)).
    package static var fileLimit: Int { Int(clamping: ftpsfs_file_limit()) }

    /// Allows as many open files as the system lets this process allow itself, up to more than it needs.
    package static func raiseFileLimit() {
        ftpsfs_raise_file_limit(65_536)
    }

    private static func bytes(of text: UnsafePointer<CChar>) -> [UInt8] {
        let raw = unsafe UnsafeRawBufferPointer(start: text, count: strlen(text))
        return unsafe [UInt8](raw)
    }
}
