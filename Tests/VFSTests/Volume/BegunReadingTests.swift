import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

/// Files that are begun to be read, or only asked for, when they are opened.
@Suite struct BegunReadingTests {
    @Test(
        "the question for a large file's version begins to read it too, and no more is fetched than is read")
    func largeFile() throws {
        let fixture = try VolumeFixture()
        let content = [UInt8](repeating: 7, count: 8 << 20)
        fixture.server.put("/f", content)
        _ = try fixture.names("/")
        fixture.advance(.seconds(2))
        fixture.server.resetCalls()
        let received = fixture.server.traffic.received
        let handle = try fixture.open("/f", .reading)
        #expect(fixture.server.count(.openReader) == 1)
        #expect(try fixture.read(handle, at: 0, count: 4096) == Array(content.prefix(4096)))
        #expect(fixture.server.count(.attributes) == 1)
        #expect(fixture.server.count(.openReader) == 1)
        fixture.volume.release(handle)
        #expect(fixture.volume.environment.waitForStreams(until: .after(.seconds(30))))
        #expect(fixture.server.traffic.received - received < 1 << 20)
    }

    @Test(
        "a transfer of a large file is not begun by the open after a program has read another one elsewhere")
    func largeFileElsewhere() throws {
        let fixture = try VolumeFixture()
        let content = [UInt8](repeating: 7, count: 8 << 20)
        for name in ["/a", "/b", "/c"] { fixture.server.put(name, content) }
        _ = try fixture.names("/")
        func readers(_ name: String, at offset: UInt64) throws -> Int {
            fixture.advance(.seconds(2))
            fixture.server.resetCalls()
            let handle = try fixture.open(name, .reading)
            defer { fixture.volume.release(handle) }
            let opened = fixture.server.count(.openReader)
            #expect(try fixture.read(handle, at: offset, count: 4096) == Array(content.prefix(4096)))
            return opened
        }
        #expect(try readers("/a", at: 7 << 20) == 1)
        #expect(try readers("/b", at: 0) == 0)
        #expect(try readers("/c", at: 0) == 1)
    }

    @Test("without MLST the first files in a directory are revalidated one by one as well")
    func revalidationWithoutMLST() throws {
        let fixture = try VolumeFixture(server: {
            $0.traits.statsOneName = false
            $0.traits.statesExactTimes = true
        })
        for number in 0..<5 { fixture.server.put("/f\(number)", [UInt8(number)]) }
        _ = try fixture.names("/")
        fixture.advance(.seconds(5))
        fixture.server.put("/f0", Array("two!".utf8))
        fixture.server.resetCalls()
        #expect(try fixture.text("/f0") == "two!")
        for number in 1..<5 { #expect(Array(try fixture.text("/f\(number)").utf8) == [UInt8(number)]) }
        #expect(fixture.server.count(.attributes) == 2)
        #expect(fixture.server.count(.list) == 1)
    }
}
