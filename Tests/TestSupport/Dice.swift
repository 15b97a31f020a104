/// Random numbers that a failing test can have again.
package struct Dice: RandomNumberGenerator {
    private var state: UInt64

    /// Begins the sequence of a seed.
    package init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    /// The next 64 bits (xorshift).
    package mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
