import Remote

/// A number made of a path below the mount: the same at every mount, with no need to remember any.
struct PathHash {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    private init() {}

    /// The hash of a directory's path.
    init(of directory: Node) {
        var names: [FileName] = []
        var here = directory
        while let parent = here.parent, let name = here.name {
            names.append(name)
            here = parent
        }
        for name in names.reversed() { add(name) }
    }

    /// The hash of an entry's path.
    func appending(_ name: FileName) -> PathHash {
        var longer = self
        longer.add(name)
        return longer
    }

    // FNV-1a, byte by byte, so that a directory's hash is the start of its entries'.
    private mutating func add(_ name: FileName) {
        state = (state ^ UInt64(UInt8(ascii: "/"))) &* 0x100_0000_01b3
        for byte in name.bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }

    /// The inode number for the path: spread over 63 bits, for some programs read it as signed; never one of the few that have a meaning.
    var inode: UInt64 { Self.spread(state) }

    /// The number to try when one is taken.
    static func next(after inode: UInt64) -> UInt64 { spread(inode &+ 0x9e37_79b9_7f4a_7c15) }

    private static func spread(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        mixed &= .max >> 1
        return mixed < 16 ? mixed + 16 : mixed
    }
}
