/// The program's version.
enum Version {
    /// The number, as in CHANGELOG.md.
    static let number = "0.1.0"
    /// What -V shows.
    static let text = "ftpsfs \(number)"
}
