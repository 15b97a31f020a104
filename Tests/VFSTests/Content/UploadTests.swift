import Foundation
import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite("Uploading contents")
struct UploadTests {
    private func count(_ fixture: ContentFixture, _ operation: StoreOperation) -> Int {
        fixture.store.calls.count { $0.operation == operation }
    }

    func failure(_ content: FileContent, _ path: String, for request: Request = Request())
        -> VolumeError?
    {
        do throws(VolumeError) {
            _ = try content.upload(to: path.remote, for: request)
            return nil
        } catch {
            return error
        }
    }

    @Test("a new file is stored with its mode and time, once")
    func new() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        #expect(content.isDirty)
        try content.put(pattern(1000), at: 0)
        let terms = UploadTerms(mode: 0o600, modified: Timestamp(seconds: 1_600_000_000), isExclusive: true)
        let attributes = try #require(try content.upload(to: "/f".remote, terms: terms, for: Request()))
        #expect(attributes.mode == 0o600)
        #expect(attributes.modified == Timestamp(seconds: 1_600_000_000))
        #expect(content.base == attributes.version)
        #expect(try content.upload(to: "/f".remote, for: Request()) == nil)
        #expect(count(fixture, .replace) == 1)
        #expect(try content.bytes(0, 2000, path: "/f") == pattern(1000))
        #expect(count(fixture, .openReader) == 0)
    }

    @Test("an empty new file is stored")
    func empty() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        #expect(try content.upload(to: "/f".remote, for: Request())?.size == 0)
        #expect(!content.isDirty)
        #expect(fixture.server.content("/f") == [])
    }

    @Test("a new file does not take the place of another one when that is forbidden")
    func exclusive() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        fixture.server.put("/f", [7])
        #expect(throws: VolumeError.self) {
            try content.upload(to: "/f".remote, terms: UploadTerms(isExclusive: true), for: Request())
        }
        #expect(fixture.server.content("/f") == [7])
    }

    @Test("a file truncated at open is replaced without a download")
    func truncated() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", pattern(100_000))
        let content = try fixture.open("/f")
        try content.truncate(to: 0, for: Request())
        try content.put([1, 2, 3], at: 0)
        _ = try content.upload(to: "/f".remote, for: Request())
        #expect(fixture.server.content("/f") == [1, 2, 3])
        #expect(count(fixture, .openReader) == 0)
    }

    @Test("lines added at the end are appended, without a download and without sending the rest")
    func appended() throws {
        let fixture = try ContentFixture()
        let old = pattern(500_000)
        fixture.server.put("/log", old)
        let content = try fixture.open("/log")
        for line in 1...3 as ClosedRange<UInt8> {
            try content.put([line, line], at: 0, appends: true)
            fixture.server.advance(seconds: 3)
            _ = try content.upload(to: "/log".remote, for: Request())
        }
        #expect(fixture.server.content("/log") == old + [1, 1, 2, 2, 3, 3])
        #expect(count(fixture, .append) == 3)
        #expect(count(fixture, .replace) == 0)
        #expect(fixture.server.traffic.received == 0)
        #expect(fixture.server.traffic.sent == 6)
        #expect(try content.bytes(499_999, 100, path: "/log") == [old[499_999], 1, 1, 2, 2, 3, 3])
    }

    @Test("a server that cannot append gets the file whole")
    func cannotAppend() throws {
        let fixture = try ContentFixture()
        fixture.server.configure { $0.appends = false }
        fixture.server.put("/log", pattern(5000))
        let content = try fixture.open("/log")
        try content.put([1], at: 0, appends: true)
        _ = try content.upload(to: "/log".remote, for: Request())
        #expect(fixture.server.content("/log") == pattern(5000) + [1])
    }

    @Test("a change in the middle fetches the rest and replaces the file")
    func changed() throws {
        let fixture = try ContentFixture()
        var model = pattern(2_500_000)
        fixture.server.put("/f", model)
        let content = try fixture.open("/f")
        try content.put([1, 2, 3], at: 1_200_000)
        model.replaceSubrange(1_200_000..<1_200_003, with: [1, 2, 3])
        try content.truncate(to: 2_400_000, for: Request())
        model.removeLast(100_000)
        _ = try content.upload(to: "/f".remote, for: Request())
        #expect(fixture.server.content("/f") == model)
    }

    @Test(
        "a file that another client has changed is not overwritten, and the loser is rescued",
        arguments: [false, true])
    func lostUpdate(appending: Bool) throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", pattern(1000))
        let content = try fixture.open("/f")
        if appending {
            try content.put([5], at: 0, appends: true)
        } else {
            try content.truncate(to: 0, for: Request())
            try content.put([5], at: 0)
        }
        fixture.server.advance(seconds: 10)
        fixture.server.put("/f", [7, 7])
        for _ in 0..<2 {
            guard case .remote(let error)? = failure(content, "/f") else {
                Issue.record("no error")
                return
            }
            #expect(error.kind == .changed)
        }
        #expect(fixture.server.content("/f") == [7, 7])
        content.close(path: "/f".remote)
        #expect(fixture.rescued.count == 1)
        #expect(fixture.server.content("/f") == [7, 7])
    }

    @Test("an upload whose answer was lost is not taken for somebody else's", arguments: 0..<4)
    func lostAnswer(variant: Int) throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", pattern(1000))
        let content = try fixture.open("/f")
        var model = pattern(1000)
        if variant % 2 == 0 {
            try content.put([5], at: 0, appends: true)
            model.append(5)
        } else {
            try content.put([5], at: 10)
            model[10] = 5
        }
        fixture.server.advance(seconds: 10)
        fixture.store.fail(variant % 2 == 0 ? .append : .replace, with: .unreachable, .after)
        #expect(failure(content, "/f") != nil)
        #expect(content.isDirty)
        if variant >= 2 {
            // The bytes sent are overwritten before the next try.
            try content.put([8, 8], at: model.count - 1)
            model[model.count - 1] = 8
            model.append(8)
        }
        fixture.server.advance(seconds: 10)
        #expect(failure(content, "/f") == nil)
        #expect(fixture.server.content("/f") == model)
        content.close(path: "/f".remote)
        #expect(fixture.rescued == [])
    }

    @Test("an append that broke in the middle is finished by the next try")
    func partOfAppend() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/log", pattern(1000))
        let content = try fixture.open("/log")
        try content.put([1, 2, 3, 4, 5, 6], at: 0, appends: true)
        fixture.store.fail(.append, with: .unreachable)
        #expect(failure(content, "/log") != nil)
        fixture.server.advance(seconds: 4)
        fixture.server.put("/log", pattern(1000) + [1, 2, 3])
        try content.put([7], at: 0, appends: true)
        #expect(failure(content, "/log") == nil)
        #expect(fixture.server.content("/log") == pattern(1000) + [1, 2, 3, 4, 5, 6, 7])
        #expect(count(fixture, .replace) == 0)
    }

    @Test("what looks like half of an append but is not stays as it is")
    func foreignAppend() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/log", pattern(1000))
        let content = try fixture.open("/log")
        try content.put([1, 2, 3, 4, 5, 6], at: 0, appends: true)
        fixture.store.fail(.append, with: .unreachable)
        #expect(failure(content, "/log") != nil)
        fixture.server.advance(seconds: 4)
        fixture.server.put("/log", pattern(1000) + [9, 9, 9])
        guard case .remote(let error)? = failure(content, "/log") else {
            Issue.record("no error")
            return
        }
        #expect(error.kind == .changed)
        #expect(fixture.server.content("/log") == pattern(1000) + [9, 9, 9])
        content.close(path: "/log".remote)
        #expect(fixture.rescued.count == 1)
    }

    @Test("a size that is not the one sent is a failure")
    func otherSize() throws {
        let fixture = try ContentFixture()
        let liar = LyingStore(fixture.server)
        let environment = ContentEnvironment(
            store: liar, spool: fixture.environment.spool, logger: fixture.log.logger)
        let content = FileContent(environment: environment, base: nil, size: 0)
        try content.put([1, 2, 3], at: 0)
        #expect(failure(content, "/f") != nil)
        #expect(content.isDirty)
        content.close(path: "/f".remote)
        #expect(fixture.rescued.count == 1)
    }

    @Test("writers wait while an upload runs, and can be interrupted; readers do not wait")
    func writersWait() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        try content.put([1, 1, 1], at: 0)
        let gate = Gate()
        fixture.store.hold(.replace, at: gate)
        let uploader = try Posix.Thread(named: "uploader") {
            _ = try? content.upload(to: "/f".remote, for: Request())
        }
        gate.awaitArrivals()
        #expect(try content.bytes(0, 10, path: "/f") == [1, 1, 1])
        let request = Request()
        let canceller = try Posix.Thread(named: "canceller") { request.cancel() }
        #expect(throws: VolumeError.self) { try content.put([2], at: 0, for: request) }
        canceller.join()
        let writer = try Posix.Thread(named: "writer") { try? content.put([3], at: 0) }
        gate.open()
        uploader.join()
        writer.join()
        #expect(fixture.server.content("/f") == [1, 1, 1])
        #expect(try content.bytes(0, 10, path: "/f") == [3, 1, 1])
        #expect(content.isDirty)
        content.close(path: nil)
    }

    @Test("an interrupted upload leaves the content dirty, and the next one stores it")
    func interrupted() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        try content.put([1], at: 0)
        let gate = Gate()
        fixture.store.hold(.replace, at: gate)
        let request = Request()
        let canceller = try Posix.Thread(named: "canceller") {
            gate.awaitArrivals()
            request.cancel()
        }
        guard case .interrupted? = failure(content, "/f", for: request) else {
            Issue.record("not interrupted")
            return
        }
        canceller.join()
        #expect(content.isDirty)
        #expect(failure(content, "/f") == nil)
        #expect(fixture.server.content("/f") == [1])
    }

    @Test("two uploads at a time send the content once")
    func twice() throws {
        let fixture = try ContentFixture()
        let content = fixture.create("/f")
        try content.put([1], at: 0)
        let gate = Gate()
        fixture.store.hold(.replace, at: gate)
        let threads = try (0..<2).map { _ in
            try Posix.Thread(named: "uploader") { _ = try? content.upload(to: "/f".remote, for: Request()) }
        }
        gate.awaitArrivals()
        gate.open()
        for thread in threads { thread.join() }
        #expect(count(fixture, .replace) == 1)
    }

    @Test("an independent content needs no server, and its name's end nothing stored")
    func independent() throws {
        let fixture = try ContentFixture()
        let model = pattern(2_000_000)
        fixture.server.put("/f", model)
        let content = try fixture.open("/f")
        try content.put([1], at: 5)
        try content.makeIndependent(path: "/f".remote, for: Request())
        fixture.server.remove("/f")
        content.detach()
        var expected = model
        expected[5] = 1
        #expect(try content.bytes(0, 3_000_000, path: nil) == expected)
        try content.put([2], at: 2_000_000)
        #expect(try content.bytes(1_999_999, 10, path: nil) == [expected[1_999_999], 2])
        #expect(!content.isDirty)
        #expect(try content.upload(to: "/f".remote, for: Request()) == nil)
        #expect(fixture.spooled.count == 1)
        content.close(path: nil)
        #expect(fixture.rescued == [])
        #expect(fixture.spooled == [])
    }

    @Test("a name that vanished before its bytes were here is stale, not empty")
    func vanished() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", pattern(1000))
        let content = try fixture.open("/f")
        content.detach()
        #expect(throws: VolumeError.self) { try content.bytes(0, 10, path: nil) }
    }

    @Test("data and holes are found as written, what is on the server counts as data")
    func seek() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/f", pattern(1000))
        let content = try fixture.open("/f")
        try content.put([1], at: 5000)
        #expect(try content.seek(from: 0, toHole: false) == 0)
        #expect(try content.seek(from: 0, toHole: true) == 1000)
        #expect(try content.seek(from: 1000, toHole: false) == 5000)
        #expect(try content.seek(from: 5000, toHole: true) == 5001)
        #expect(throws: VolumeError.self) { try content.seek(from: 5001, toHole: true) }
        content.close(path: nil)
    }
}

/// Shows another size after an upload than the one sent.
private final class LyingStore: RemoteStore {
    let base: any RemoteStore
    init(_ base: any RemoteStore) { self.base = base }
    var traits: StoreTraits { base.traits }
    func replace(
        _ path: RemotePath, with source: any UploadSource, _ order: UploadOrder, for request: Request
    ) throws(RemoteError) -> Attributes {
        var attributes = try base.replace(path, with: source, order, for: request)
        attributes.size = 2
        return attributes
    }
    func append(
        to path: RemotePath, at offset: UInt64, from source: any UploadSource, _ order: UploadOrder,
        for request: Request
    ) throws(RemoteError) -> Attributes {
        try base.append(to: path, at: offset, from: source, order, for: request)
    }
    func list(_ directory: RemotePath, for request: Request) throws(RemoteError) -> Listing {
        try base.list(directory, for: request)
    }
    func attributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes {
        try base.attributes(of: path, for: request)
    }
    func exactTimes(of paths: [RemotePath], for request: Request) throws(RemoteError) -> [Timestamp?] {
        try base.exactTimes(of: paths, for: request)
    }
    func resolvedAttributes(of path: RemotePath, for request: Request) throws(RemoteError) -> Attributes {
        try base.resolvedAttributes(of: path, for: request)
    }
    func openReader(_ path: RemotePath, at offset: UInt64, length: UInt64?, for request: Request)
        throws(RemoteError) -> any RemoteReader
    { try base.openReader(path, at: offset, length: length, for: request) }
    func makeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try base.makeDirectory(path, for: request)
    }
    func removeFile(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try base.removeFile(path, for: request)
    }
    func removeDirectory(_ path: RemotePath, for request: Request) throws(RemoteError) {
        try base.removeDirectory(path, for: request)
    }
    func rename(_ old: RemotePath, to new: RemotePath, replacing: Bool, for request: Request)
        throws(RemoteError)
    { try base.rename(old, to: new, replacing: replacing, for: request) }
    func setModified(_ path: RemotePath, kind: FileKind, to time: Timestamp, for request: Request)
        throws(RemoteError) -> Attributes?
    { try base.setModified(path, kind: kind, to: time, for: request) }
    func setMode(_ path: RemotePath, to mode: UInt16, for request: Request) throws(RemoteError) {
        try base.setMode(path, to: mode, for: request)
    }
    func makeSymlink(_ path: RemotePath, target: [UInt8], for request: Request) throws(RemoteError) {
        try base.makeSymlink(path, target: target, for: request)
    }
}
