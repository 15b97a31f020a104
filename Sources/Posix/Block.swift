import Glibc

/// A piece of memory of fixed size that is filled once from the front and then only read.
///
/// One thread fills it; others may read the part that the filler has announced to them (under a lock of theirs) while the rest is
/// still being filled. The memory is not zeroed.
@safe
package final class Block: @unchecked Sendable {
    /// Blocks of this size are not given back to the system at once: the next one of the size takes the memory.
    package static let commonSize = 256 << 10
    // Enough for a stream in full flow; beyond it memory goes back to the system.
    private static let spareLimit = 16
    private static let spares = unsafe Monitor<[UnsafeMutableRawBufferPointer]>([])

    // Unchecked: the filled part never changes again, and readers learn of its length through a lock of their owner's.
    private let memory: UnsafeMutableRawBufferPointer

    /// Allocates room for a number of bytes.
    package init(capacity: Int) {
        let spare =
            unsafe capacity == Self.commonSize ? Self.spares.withLock { unsafe $0.popLast() } : nil
        unsafe memory = spare ?? .allocate(byteCount: max(1, capacity), alignment: 64)
    }

    deinit {
        let memory = unsafe self.memory
        let isKept =
            unsafe memory.count == Self.commonSize
            && Self.spares.withLock { spares in
                guard unsafe spares.count < Self.spareLimit else { return false }
                unsafe spares.append(memory)
                return true
            }
        if !isKept { unsafe memory.deallocate() }
    }

    /// The room in bytes.
    package var capacity: Int { unsafe memory.count }

    /// Lends the room from an offset to the end to whoever fills it.
    package func withRoom<Result, Failure: Error>(
        from offset: Int, _ body: (inout MutableRawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the slice is bounds-checked, the memory lives as long as this object, and one thread fills it.
        var span = unsafe MutableRawSpan(_unsafeBytes: memory[offset...])
        return try body(&span)
    }

    /// Lends a range that has been filled.
    package func withBytes<Result, Failure: Error>(
        _ range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the slice is bounds-checked and the memory lives as long as this object.
        let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory)[range])
        return try body(span)
    }

    /// The address of the filled memory, for scatter-gather output; valid as long as this object lives.
    package var baseAddress: UnsafeRawPointer? { unsafe UnsafeRawPointer(memory.baseAddress) }

    /// Copies a filled range of another block to an offset of this one, which this thread is filling.
    package func copy(_ range: Range<Int>, of other: Block, to offset: Int) {
        precondition(offset >= 0 && range.count <= capacity - offset, "no room in the block")
        // SAFETY: the target range was checked above, the source slice is bounds-checked.
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[offset..<(offset + range.count)])
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: other.memory[range]))
    }

    /// Whether a filled range has the same bytes as one of the same length in another block.
    package func holds(_ range: Range<Int>, equalTo otherRange: Range<Int>, of other: Block) -> Bool {
        guard range.count == otherRange.count else { return false }
        guard !range.isEmpty else { return true }
        let mine = unsafe UnsafeRawBufferPointer(rebasing: memory[range])
        let theirs = unsafe UnsafeRawBufferPointer(rebasing: other.memory[otherRange])
        guard let left = mine.baseAddress, let right = theirs.baseAddress else { return false }
        // SAFETY: both slices are bounds-checked and of the same length.
        return unsafe memcmp(left, right, range.count) == 0
    }

    /// Continues a digest (FNV-1a, 64 bits) over a filled range; it tells contents apart by chance, not against an adversary.
    package func digest(_ range: Range<Int>, continuing start: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
        var digest = start
        for index in range {
            let byte = unsafe memory[index]
            digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return digest
    }

    /// Makes the whole block zeros; for the thread that fills it.
    package func fillWithZeros() {
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
    }
}
