import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("Changing parts of files")
struct PatchTests {
    private func count(_ fixture: ContentFixture, _ operation: StoreOperation) -> Int {
        fixture.store.calls.count { $0.operation == operation }
    }

    private func failure(_ content: FileContent, _ path: String) -> VolumeError? {
        do throws(VolumeError) {
            _ = try content.upload(to: path.remote, for: Request())
            return nil
        } catch {
            return error
        }
    }

    @Test("a small change in a large file is made in place, without a download and without sending the rest")
    func patched() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.patches = true }
        var whole = pattern(2 << 20)
        fixture.server.put("/book", whole)
        let content = try fixture.open("/book")
        for place in [5000, 1_500_000] {
            let bytes = pattern(4096, seed: UInt8(place % 250))
            try content.put(bytes, at: place)
            whole.replaceSubrange(place..<(place + bytes.count), with: bytes)
        }
        _ = try content.upload(to: "/book".remote, for: Request())
        #expect(fixture.server.content("/book") == whole)
        #expect(
            count(fixture, .patch) == 1 && count(fixture, .replace) == 0 && count(fixture, .openReader) == 0)
        #expect(!content.isDirty)
        #expect(try content.bytes(4990, 5000, path: "/book") == Array(whole[4990..<9990]))
    }

    @Test("a change in place whose answer was lost is made once more, though it has changed the version")
    func patchedTwice() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.patches = true }
        var whole = pattern(2 << 20)
        fixture.server.put("/book", whole)
        let content = try fixture.open("/book")
        try content.put([1, 2, 3], at: 70_000)
        whole.replaceSubrange(70_000..<70_003, with: [1, 2, 3])
        fixture.store.fail(.patch, with: .unreachable, .after)
        #expect(failure(content, "/book") != nil)
        #expect(content.isDirty)
        _ = try content.upload(to: "/book".remote, for: Request())
        #expect(fixture.server.content("/book") == whole)
        #expect(count(fixture, .replace) == 0 && !content.isDirty)
    }

    @Test("a file that somebody else has changed is not changed in place")
    func patchedElsewhere() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.patches = true }
        fixture.server.put("/book", pattern(2 << 20))
        let content = try fixture.open("/book")
        try content.put([1, 2, 3], at: 70_000)
        let theirs = pattern(2 << 20, seed: 2)
        fixture.server.put("/book", theirs, modified: Timestamp(seconds: 1_800_000_000))
        #expect(failure(content, "/book") != nil)
        #expect(fixture.server.content("/book") == theirs)
    }

    @Test("what FTP cannot change in place is sent whole", arguments: [(0, 3), (500_000, 400_000)])
    func whole(place: Int, length: Int) throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.patches = true }
        var whole = pattern(2 << 20)
        fixture.server.put("/book", whole)
        let content = try fixture.open("/book")
        let bytes = pattern(length, seed: 9)
        try content.put(bytes, at: place)
        whole.replaceSubrange(place..<(place + length), with: bytes)
        _ = try content.upload(to: "/book".remote, for: Request())
        #expect(fixture.server.content("/book") == whole)
        #expect(count(fixture, .patch) == 0 && count(fixture, .replace) == 1)
    }

    @Test("after a change in place that broke off, the file is completed in whatever way is left")
    func completedOtherwise() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.patches = true }
        var whole = pattern(2 << 20)
        fixture.server.put("/book", whole)
        let content = try fixture.open("/book")
        try content.put([1, 2, 3], at: 70_000)
        whole.replaceSubrange(70_000..<70_003, with: [1, 2, 3])
        fixture.store.fail(.patch, with: .unreachable, .after)
        #expect(failure(content, "/book") != nil)
        // The beginning of a file cannot be changed in place.
        try content.put([9], at: 0)
        whole[0] = 9
        _ = try content.upload(to: "/book".remote, for: Request())
        #expect(fixture.server.content("/book") == whole)
        #expect(!content.isDirty)
    }

    @Test("a change in place that has not begun leaves the expectation as it was")
    func notBegun() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.patches = true }
        fixture.server.put("/book", pattern(2 << 20))
        let content = try fixture.open("/book")
        try content.put([1, 2, 3], at: 70_000)
        fixture.store.fail(.patch, with: .unreachable, .before)
        #expect(failure(content, "/book") != nil)
        let theirs = pattern(2 << 20, seed: 2)
        fixture.server.put("/book", theirs, modified: Timestamp(seconds: 1_800_000_000))
        #expect(failure(content, "/book") != nil)
        #expect(fixture.server.content("/book") == theirs)
    }

    @Test(
        "a file that another client has put in the place of a half changed one, as long as that, is left alone"
    )
    func replacedElsewhere() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.patches = true }
        fixture.server.put("/book", pattern(2 << 20))
        let content = try fixture.open("/book")
        try content.put(pattern(100, seed: 5), at: 70_000)
        fixture.store.fail(.patch, with: .unreachable, .after)
        #expect(failure(content, "/book") != nil)
        let theirs = pattern(2 << 20, seed: 2)
        fixture.server.put("/book", theirs, modified: Timestamp(seconds: 1_800_000_000))
        #expect(failure(content, "/book")?.isLostUpdate == true)
        #expect(failure(content, "/book")?.isLostUpdate == true)
        #expect(fixture.server.content("/book") == theirs)
    }

    @Test("a change in place that broke off is known again after others, before it and over it")
    func changedSince() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.patches = true }
        var whole = pattern(2 << 20)
        fixture.server.put("/book", whole)
        let content = try fixture.open("/book")
        try content.put(pattern(100, seed: 5), at: 70_000)
        fixture.store.fail(.patch, with: .unreachable, .after)
        #expect(failure(content, "/book") != nil)
        for place in [50_000, 70_000] {
            let bytes = pattern(300, seed: 6)
            try content.put(bytes, at: place)
            whole.replaceSubrange(place..<(place + 300), with: bytes)
        }
        #expect(failure(content, "/book") == nil)
        #expect(fixture.server.content("/book") == whole)
    }
}
