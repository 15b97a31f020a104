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
            id: 1, start: 0, end: 4096, fileSize: size, whole: false, lead: nil,
            mostLead: 4 << 20, use: 1)
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

    private let mebibyte: UInt64 = 1 << 20

    /// A stream in full flow that has fetched a lot.
    private func sequential() -> ReadStream {
        var stream = ReadStream(
            id: 1, start: 0, end: mebibyte, fileSize: 1 << 30, whole: false, lead: nil,
            mostLead: 4 << 20, use: 1)
        stream.position = 1 << 30
        for number in 0..<4 { answer(number, &stream) }
        return stream
    }

    @discardableResult
    private func answer(_ number: Int, _ stream: inout ReadStream) -> Bool {
        let place = UInt64(number) * mebibyte
        return stream.advance(
            over: place..<(place + mebibyte), mostLead: 4 * mebibyte, gapLimit: 256 << 10)
    }

    @Test(
        "the kernel's requests are waited for even where other streams leave this one less room than they span"
    )
    func narrowed() {
        var stream = ReadStream(
            id: 1, start: 0, end: mebibyte, fileSize: 1 << 30, whole: false, lead: nil,
            mostLead: mebibyte, fullLead: 8 * mebibyte, use: 1)
        #expect(!stream.willReach(5 * mebibyte, gapLimit: 256 << 10))
        stream.position = 2 * mebibyte
        for number in 0..<2 as Range<UInt64> {
            _ = stream.advance(
                over: (number * mebibyte)..<((number + 1) * mebibyte), mostLead: mebibyte,
                gapLimit: 256 << 10)
        }
        #expect(stream.willReach(6 * mebibyte, gapLimit: 256 << 10))
        #expect(!stream.willReach(11 * mebibyte, gapLimit: 256 << 10))
    }

    @Test("reads that are answered in another order move the window on as soon as none is missing")
    func disorder() {
        var stream = sequential()
        for number in [5, 7, 6] {
            answer(number, &stream)
            #expect(stream.reach == 4 * mebibyte)
        }
        answer(4, &stream)
        #expect(stream.reach == 8 * mebibyte && stream.limit == 12 * mebibyte)
        answer(8, &stream)
        #expect(stream.reach == 9 * mebibyte)
    }

    @Test("a read that never comes does not hold the window back for ever")
    func jump() {
        var stream = sequential()
        for number in 5..<200 {
            answer(number, &stream)
            #expect(UInt64(number + 1) * mebibyte - stream.reach <= 8 * mebibyte)
        }
        #expect(stream.reach == 200 * mebibyte)
    }

    @Test("small reads beyond a gap are not collected for ever")
    func scattered() {
        var stream = sequential()
        for number in 0..<100 as Range<UInt64> {
            let place = 5 * mebibyte + number * 8192
            _ = stream.advance(over: place..<(place + 4096), mostLead: 4 * mebibyte, gapLimit: 4096)
        }
        #expect(stream.reach >= 5 * mebibyte)
    }
}
