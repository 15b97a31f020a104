import Testing

@testable import VFS

/// The window of a stream, moved by small reads.
@Suite struct ReadStreamTests {
    /// A thread that stops at the limit, but fills at least one TLS record at a time.
    private func fill(_ stream: inout ReadStream, upTo most: UInt64, of size: UInt64) {
        while stream.position < stream.limit, stream.position < most {
            stream.position = min(size, stream.position + max(ReadStream.strayLead, 1))
        }
        if stream.position >= stream.limit { stream.isPaused = true }
    }

    @Test(
        "small reads keep the window moving, however far the thread went beyond its limit",
        arguments: [1, 3, 40] as [UInt64])
    func smallReads(recordsAhead: UInt64) {
        let size: UInt64 = 64 << 20
        var stream = ReadStream(
            id: 1, start: 0, end: 4096, fileSize: size, whole: false, lead: nil, use: 1)
        var offset: UInt64 = 0
        while offset < size {
            fill(&stream, upTo: offset + recordsAhead * ReadStream.strayLead, of: size)
            if stream.position < offset + 4096 { _ = stream.demand(upTo: offset + 4096) }
            fill(&stream, upTo: offset + recordsAhead * ReadStream.strayLead, of: size)
            #expect(stream.position >= min(size, offset + 4096))
            if stream.position < offset + 4096 { return }
            _ = stream.advance(over: offset..<(offset + 4096), mostLead: 4 << 20, gapLimit: 256 << 10)
            offset += 4096
        }
        #expect(stream.position == size)
    }
}
