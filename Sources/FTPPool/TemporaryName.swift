package import Remote

/// The names under which uploads grow until they are complete.
package enum TemporaryName {
    private static let stem = "ftpsfs-"
    private static let suffix = ".part"

    /// Makes a name that nobody else uses: 64 random bits between a fixed beginning and end.
    ///
    /// Unless it `isHidden` it has no dot in front: some servers take no names of hidden files.
    package static func make(isHidden: Bool = true) -> FileName {
        var generator = SystemRandomNumberGenerator()
        let digits = String(generator.next() as UInt64, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        guard let name = FileName((isHidden ? "." : "") + stem + padded + suffix) else {
            preconditionFailure("a name of hexadecimal digits is refused")
        }
        return name
    }
}
