/// Arrays of bytes as the raw spans that reading and writing take.
extension [UInt8] {
    /// Lends the bytes to whoever writes them.
    package func withRawSpan<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: bytes have no padding, so that all of the memory is initialised.
        try body(unsafe span.bytes)
    }

    /// Lends the bytes to whoever fills them.
    package mutating func withMutableRawSpan<Result, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var elements = mutableSpan
        // SAFETY: any bits make a byte.
        var bytes = unsafe elements.mutableBytes
        return try body(&bytes)
    }
}
