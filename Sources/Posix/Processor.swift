import Glibc

/// Facts about the machine's processor.
package enum Processor {
    /// Whether it has instructions for AES, by proc_cpuinfo(5); false where the system does not say.
    ///
    /// Reads a file at the first use.
    package static let acceleratesAES = says("aes")

    private static func says(_ feature: String) -> Bool {
        guard let file = try? FileDescriptor.open("/proc/cpuinfo", O_RDONLY) else { return false }
        // The lines of the first processor, which the others are like, come with the first read.
        var text = [UInt8](repeating: 0, count: 4096)
        guard let count = text.withMutableRawSpan({ try? file.read(into: &$0) }) else { return false }
        return String(decoding: text[..<count], as: UTF8.self).split(separator: "\n").contains { line in
            let isList = line.hasPrefix("flags") || line.hasPrefix("Features")
            return isList && line.split(separator: " ").contains { $0 == feature }
        }
    }
}
