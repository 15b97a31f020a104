package import Remote

/// The names under which uploads grow until they are complete, and those of old files that are moved aside.
package enum TemporaryName {
    private static let stem = "ftpsfs-"
    private static let suffix = ".part"
    // Not that of partial files, which somebody may clear away.
    private static let asideSuffix = ".old"

    /// Makes a name that nobody else uses: 64 random bits between a fixed beginning and end.
    ///
    /// Unless it `isHidden` it has no dot in front: some servers take no names of hidden files.
    package static func make(isHidden: Bool = true) -> FileName {
        make(isHidden: isHidden, suffix)
    }

    /// Makes one for an old file that has to be kept until a new one has its name.
    static func makeAside() -> FileName { make(isHidden: true, asideSuffix) }

    private static func make(isHidden: Bool, _ suffix: String) -> FileName {
        var generator = SystemRandomNumberGenerator()
        let digits = String(generator.next() as UInt64, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        guard let name = FileName((isHidden ? "." : "") + stem + padded + suffix) else {
            preconditionFailure("a name of hexadecimal digits is refused")
        }
        return name
    }
}
