import Posix
import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct CreationTests {
    @Test("creating, writing and closing a file is one upload and nothing else")
    func plain() throws {
        let fixture = try VolumeFixture()
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        try fixture.store("/f", "hello")
        #expect(fixture.server.count() == 1)
        #expect(fixture.server.count(.replace) == 1)
        #expect(fixture.server.content("/f") == Array("hello".utf8))
        #expect(try fixture.stat("/f").size == 5)
        #expect(try fixture.names("/") == ["f"])
        #expect(fixture.server.count() == 1)
    }

    @Test("a new file is seen everywhere before the server knows it")
    func localOnly() throws {
        let fixture = try VolumeFixture()
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        let handle = try fixture.create("/f", mode: 0o600)
        try fixture.write(handle, "abc")
        #expect(try fixture.names("/") == ["f"])
        #expect(try fixture.stat("/f").size == 3)
        #expect(try fixture.stat("/f").mode == 0o600)
        #expect(failure { _ = try fixture.create("/f", exclusive: true) } == "exists")
        #expect(failure { try fixture.mkdir("/f") } == "exists")
        try fixture.rename("/f", "/g")
        #expect(try fixture.names("/") == ["g"])
        #expect(fixture.server.count() == 0)
        try fixture.close(handle)
        #expect(fixture.server.names(in: "/") == ["g"])
    }

    @Test("a new file that is removed before its upload never comes to the server")
    func unlinkedBefore() throws {
        let fixture = try VolumeFixture()
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        let handle = try fixture.create("/f")
        try fixture.write(handle, "abc")
        try fixture.unlink("/f")
        #expect(try !fixture.exists("/f"))
        #expect(try fixture.read(handle) == Array("abc".utf8))
        try fixture.close(handle)
        #expect(fixture.server.count() == 0)
        #expect(fixture.rescued.isEmpty)
    }

    @Test("echo x > f flushes twice and uploads once, for new files and for old ones")
    func shellRedirection() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/old", Array("something longer".utf8))
        _ = try fixture.names("/")
        for name in ["/new", "/old"] {
            fixture.server.resetCalls()
            let handle = try fixture.create(name)
            try fixture.volume.flush(handle, for: Request())
            try fixture.write(handle, "x\n")
            try fixture.close(handle)
            #expect(fixture.server.count(.replace) == 1)
            #expect(fixture.server.content(name) == Array("x\n".utf8))
        }
        // The root's rights had to be asked for, once.
        #expect(fixture.server.count() == 1)
    }

    @Test("touch makes an empty file with its last close")
    func touch() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f")
        let time = Timestamp(seconds: 1_600_000_000)
        try fixture.change("/f", handle: handle) { $0.modified = time }
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == [])
        #expect(fixture.server.count(.replace) == 1)
        #expect(fixture.server.tree.record("/f".remote)?.modified == time)
        #expect(try fixture.stat("/f").modified == time)
    }

    @Test("S234: what was left empty while the server was away is stored when it is back")
    func leftEmpty() throws {
        let fixture = try VolumeFixture(configuration: {
            $0.uploadPauses = .milliseconds(1) ... .milliseconds(5)
        })
        fixture.server.put("/old", Array("something longer".utf8))
        _ = try fixture.names("/")
        for name in ["/new", "/old"] {
            let handle = try fixture.create(name)
            try fixture.volume.flush(handle, for: Request())
            fixture.store.fail(.replace, with: .unreachable, times: 3)
            fixture.volume.release(handle)
            #expect(try fixture.stat(name).size == 0)
            #expect(fixture.volume.waitForPending(until: .after(.seconds(60))), "\(fixture.log.text)")
            #expect(fixture.server.content(name) == [])
        }
        fixture.volume.shutDown()
        #expect(fixture.spooled == [] && fixture.rescued == [])
    }

    @Test("where no rights are stated an untouched file is stored by its first flush")
    func withoutRights() throws {
        let fixture = try VolumeFixture(server: { $0.directoryRights = nil })
        let handle = try fixture.create("/f")
        try fixture.volume.flush(handle, for: Request())
        #expect(fixture.server.content("/f") == [])
        try fixture.close(handle)
        #expect(fixture.server.count(.replace) == 1)
    }

    @Test("known rights without the right to create refuse at once")
    func deniedByRights() throws {
        let fixture = try VolumeFixture(server: { $0.directoryRights = [.list, .enter] })
        fixture.server.makeDirectories("/d")
        _ = try fixture.names("/")
        _ = try fixture.names("/d")
        fixture.server.resetCalls()
        #expect(failure { _ = try fixture.create("/d/f") } == "denied")
        #expect(failure { try fixture.mkdir("/d/g") } == "denied")
        #expect(fixture.server.count() == 0)
    }

    @Test("O_EXCL: a listed name exists; in an unknown directory the server is asked")
    func exclusive() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/a", [1])
        #expect(failure { _ = try fixture.create("/a", exclusive: true) } == "exists")
        let handle = try fixture.create("/b", exclusive: true)
        try fixture.close(handle)
        #expect(fixture.server.content("/b") == [])
    }

    @Test("a new file does not overwrite one that another client has made meanwhile")
    func collision() throws {
        let fixture = try VolumeFixture()
        _ = try fixture.names("/")
        let handle = try fixture.create("/f")
        try fixture.write(handle, "mine")
        fixture.server.put("/f", Array("theirs".utf8))
        #expect(failure { try fixture.volume.flush(handle, for: Request()) } == "remote(changed)")
        fixture.volume.release(handle)
        #expect(fixture.server.content("/f") == Array("theirs".utf8))
        #expect(fixture.rescued.count == 1)
        #expect(try fixture.text("/f") == "theirs")
    }

    @Test("the mode asked for comes with the upload; the usual one costs nothing")
    func modes() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/script", mode: 0o755)
        try fixture.write(handle, "#!")
        try fixture.close(handle)
        #expect(fixture.server.tree.record("/script".remote)?.mode == 0o755)
        #expect(try fixture.stat("/script").mode == 0o755)
        fixture.server.resetCalls()
        try fixture.store("/plain", "x")
        #expect(fixture.server.count(.setMode) == 0)
        #expect(try fixture.stat("/plain").mode == 0o644)
    }

    @Test("a server with another usual mode is told once by SITE CHMOD, then with the uploads")
    func unusualMode() throws {
        let fixture = try VolumeFixture(server: { $0.fileMode = 0o600 })
        try fixture.store("/a", "x")
        try fixture.store("/b", "x")
        #expect(fixture.server.tree.record("/a".remote)?.mode == 0o644)
        #expect(fixture.server.tree.record("/b".remote)?.mode == 0o644)
        #expect(fixture.server.count(.setMode) == 1)
    }

    @Test("mknod makes the file at once")
    func makeFile() throws {
        let fixture = try VolumeFixture()
        let reply = try fixture.volume.makeFile(Array("f".utf8), in: .root, mode: 0o644, for: Request())
        #expect(fixture.server.content("/f") == [])
        #expect(reply.attributes.kind == .file)
        #expect(
            failure {
                _ = try fixture.volume.makeFile(Array("f".utf8), in: .root, mode: 0o644, for: Request())
            } == "exists")
    }

    @Test("a directory just made is known to be empty")
    func makeDirectory() throws {
        let fixture = try VolumeFixture()
        try fixture.mkdir("/d")
        fixture.server.resetCalls()
        #expect(try !fixture.exists("/d/x"))
        #expect(try fixture.names("/d") == [])
        try fixture.store("/d/f", "x")
        #expect(fixture.server.count() == 1)
        #expect(failure { try fixture.mkdir("/d") } == "exists")
        #expect(failure { try fixture.rmdir("/d") } == "notEmpty")
        try fixture.unlink("/d/f")
        try fixture.rmdir("/d")
        #expect(fixture.server.names(in: "/") == [])
    }

    @Test("a failed upload fails close, keeps the bytes for another try, and then in the rescue folder")
    func failedUpload() throws {
        let fixture = try VolumeFixture()
        _ = try fixture.names("/")
        let handle = try fixture.create("/f")
        try fixture.write(handle, "precious")
        fixture.store.fail(.replace, with: .noSpace, times: 2)
        #expect(failure { try fixture.volume.flush(handle, for: Request()) } == "remote(noSpace)")
        #expect(failure { try fixture.volume.synchronize(handle, for: Request()) } == "remote(noSpace)")
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("precious".utf8))
        #expect(fixture.rescued.isEmpty)

        let lost = try fixture.create("/g")
        try fixture.write(lost, "lost")
        fixture.store.fail(.replace, with: .noSpace, times: 100)
        #expect(failure { try fixture.close(lost) } == "remote(noSpace)")
        #expect(fixture.rescued.count == 1)
        #expect(try fixture.names("/") == ["f"])
        #expect(try !fixture.exists("/g"))
    }

    @Test("an upload whose answer was lost is settled by the next try")
    func lostAnswer() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f")
        try fixture.write(handle, "abc")
        fixture.store.fail(.replace, with: .unreachable, .after)
        #expect(failure { try fixture.volume.flush(handle, for: Request()) } == "remote(unreachable)")
        try fixture.close(handle)
        #expect(fixture.server.content("/f") == Array("abc".utf8))
        #expect(fixture.rescued.isEmpty)
        #expect(try fixture.text("/f") == "abc")
    }
}
