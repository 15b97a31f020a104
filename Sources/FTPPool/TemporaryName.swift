import Remote

/// The names under which uploads grow until they are complete.
enum TemporaryName {
    private static let prefix = Array(".ftpsfs-".utf8)
    private static let suffix = Array(".part".utf8)

    /// Makes a name that nobody else uses: 64 random bits between a fixed beginning and end.
    static func make() -> FileName {
        var generator = SystemRandomNumberGenerator()
        let digits = String(generator.next() as UInt64, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        guard let name = FileName(prefix + Array(padded.utf8) + suffix) else {
            preconditionFailure("a name of hexadecimal digits is refused")
        }
        return name
    }

    /// Whether a name has the form that `make` gives.
    static func matches(_ name: FileName) -> Bool {
        name.bytes.count == prefix.count + 16 + suffix.count && name.bytes.starts(with: prefix)
            && name.bytes.suffix(suffix.count).elementsEqual(suffix)
    }
}
