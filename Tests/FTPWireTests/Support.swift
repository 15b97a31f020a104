import Remote

@testable import FTPWire

/// A generator of the same numbers in each run (SplitMix64), so that a failure can be had again.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

extension Array where Element == UInt8 {
    /// The bytes after a few random changes: bytes replaced, taken out, put in, doubled, or the end cut off.
    func mutated(using random: inout SeededRandom) -> [UInt8] {
        let telling: [UInt8] = Array(" \r\n;=-:/.(),\"0123456789<>\0\u{7f}".utf8) + [0xff]
        var bytes = self
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            guard !bytes.isEmpty else { return [UInt8.random(in: 0...255, using: &random)] }
            let place = bytes.indices.randomElement(using: &random) ?? 0
            let byte =
                Bool.random(using: &random)
                ? telling.randomElement(using: &random) ?? 0 : .random(in: 0...255, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] = byte
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(byte, at: place)
            case 3: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
            default:
                bytes.removeSubrange(
                    place..<Swift.min(bytes.count, place + Int.random(in: 1...40, using: &random)))
            }
        }
        return bytes
    }
}

/// Reads the body of an MLSD transfer.
func machineListing(_ body: [UInt8], isProvenWhole: Bool = false) throws(ListingError) -> ParsedListing {
    try MachineListing.parse(body.span, isProvenWhole: isProvenWhole)
}

/// Reads the body of a LIST transfer, at noon of 2026-11-24 UTC unless another time is given.
func list(
    _ body: [UInt8], now: Int64 = 1_795_521_600, offset: Int = 0, isProvenWhole: Bool = false
) throws(ListingError) -> ParsedListing {
    try ListingFormat.parseListing(
        body.span, now: Timestamp(seconds: now), offset: offset, isProvenWhole: isProvenWhole)
}

/// Reads one row of LIST.
func listRow(_ row: String, now: Int64 = 1_795_521_600, offset: Int = 0) throws(ListingError) -> Entry? {
    try list(Array((row + "\r\n").utf8), now: now, offset: offset).entries.first
}
