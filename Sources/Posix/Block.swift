/// A piece of memory of fixed size that is filled once from the front and then only read.
///
/// One thread fills it; others may read the part that the filler has announced to them (under a lock of theirs) while the rest is
/// still being filled. The memory is not zeroed.
@safe
package final class Block: @unchecked Sendable {
    // Unchecked: the filled part never changes again, and readers learn of its length through a lock of their owner's.
    private let memory: UnsafeMutableRawBufferPointer

    /// Allocates room for a number of bytes.
    package init(capacity: Int) {
        unsafe memory = .allocate(byteCount: max(1, capacity), alignment: 64)
    }

    deinit {
        unsafe memory.deallocate()
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
}
