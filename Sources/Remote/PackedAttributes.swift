/// What is kept of each name: `Attributes` but for the target of a link, without padding and optionals.
package struct PackedAttributes: Sendable {
    private var statedSize: UInt64
    private var seconds: Int64
    private var nanoseconds: UInt32
    private var mode: UInt16
    private var rights: UInt16
    /// What the name stands for.
    package let kind: FileKind
    private var granularity: TimeGranularity
    private var flags: UInt8

    private static let hasSize: UInt8 = 1
    private static let hasTime: UInt8 = 2
    private static let hasMode: UInt8 = 4
    private static let hasRights: UInt8 = 8

    /// Packs.
    package init(_ attributes: Attributes) {
        kind = attributes.kind
        (statedSize, seconds, nanoseconds, mode, rights, flags) = (0, 0, 0, 0, 0, 0)
        granularity = attributes.granularity
        take(attributes)
    }

    /// Takes over all but the kind, which may be read meanwhile.
    package mutating func take(_ attributes: Attributes) {
        granularity = attributes.granularity
        statedSize = attributes.size ?? 0
        seconds = attributes.modified?.seconds ?? 0
        nanoseconds = attributes.modified?.nanoseconds ?? 0
        mode = attributes.mode ?? 0
        rights = attributes.rights?.rawValue ?? 0
        flags =
            (attributes.size == nil ? 0 : Self.hasSize)
            | (attributes.modified == nil ? 0 : Self.hasTime)
            | (attributes.mode == nil ? 0 : Self.hasMode)
            | (attributes.rights == nil ? 0 : Self.hasRights)
    }

    /// The size in bytes, nil where none is stated.
    package var size: UInt64? { has(Self.hasSize) ? statedSize : nil }

    /// Takes a time stated to the second in place of a coarser one.
    package mutating func state(_ time: Timestamp) {
        seconds = time.seconds
        nanoseconds = 0
        granularity = .second
    }

    /// Unpacks.
    package func unpacked(linkTarget: [UInt8]?) -> Attributes {
        Attributes(
            kind: kind, size: size,
            modified: has(Self.hasTime) ? Timestamp(seconds: seconds, nanoseconds: nanoseconds) : nil,
            granularity: granularity, mode: has(Self.hasMode) ? mode : nil,
            rights: has(Self.hasRights) ? Rights(rawValue: rights) : nil, linkTarget: linkTarget)
    }

    private func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}
