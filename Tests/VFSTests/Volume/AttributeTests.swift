import Remote
import TestSupport
import Testing

@testable import VFS

@Suite struct AttributeTests {
    @Test("what is shown: owner, modes, masks, links")
    func shown() throws {
        let fixture = try VolumeFixture(configuration: { ($0.fileMask, $0.directoryMask) = (0o077, 0o077) })
        fixture.server.put("/f", [1, 2], mode: 0o755)
        fixture.server.makeDirectories("/d")
        let file = try fixture.stat("/f")
        #expect(file.owner == 1000)
        #expect(file.group == 1000)
        #expect(file.mode == 0o700)
        #expect(file.size == 2)
        #expect(file.links == 1)
        #expect(file.modified == fixture.server.now)
        #expect(try fixture.stat("/d").mode == 0o700)
        let fixed = try VolumeFixture(configuration: {
            $0.fileMode = 0o640
            $0.directoryMode = 0o750
        })
        fixed.server.put("/f", [1], mode: 0o755)
        fixed.server.makeDirectories("/d")
        #expect(try fixed.stat("/f").mode == 0o640)
        #expect(try fixed.stat("/d").mode == 0o750)
        #expect(try fixed.stat("/").mode == 0o750)
        let plain = try VolumeFixture(server: { $0.showsModes = false })
        plain.server.put("/f", [1])
        #expect(try plain.stat("/f").mode == 0o644)
    }

    @Test("chmod to the mode shown is free, another mode goes to the server")
    func chmod() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        try fixture.change("/f") { $0.mode = 0o644 }
        #expect(fixture.server.count() == 0)
        #expect(try fixture.change("/f") { $0.mode = 0o600 }.mode == 0o600)
        #expect(fixture.server.tree.record("/f".remote)?.mode == 0o600)
        #expect(fixture.server.count() == 1)
        fixture.server.configure { $0.traits.setsModes = false }
        #expect(failure { try fixture.change("/f") { $0.mode = 0o644 } } == "notPermitted")
        #expect(try fixture.stat("/f").mode == 0o600)
        let fixed = try VolumeFixture(configuration: { $0.fileMode = 0o600 })
        fixed.server.put("/f", [1])
        #expect(failure { try fixed.change("/f") { $0.mode = 0o644 } } == "notPermitted")
        #expect(failure { try fixed.change("/f") { $0.mode = 0o600 } } == nil)
    }

    @Test("a replaced file keeps its mode")
    func modeSurvivesReplacement() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1], mode: 0o755)
        try fixture.store("/f", "new")
        #expect(fixture.server.tree.record("/f".remote)?.mode == 0o755)
        #expect(try fixture.stat("/f").mode == 0o755)
    }

    @Test("where stored modes are not shown, every file is given its own")
    func modesNotShown() throws {
        let fixture = try VolumeFixture(server: {
            $0.showsModes = false
            $0.fileMode = 0o600
        })
        try fixture.store("/a", "x")
        try fixture.store("/b", "x")
        #expect(fixture.server.tree.record("/a".remote)?.mode == 0o644)
        #expect(fixture.server.tree.record("/b".remote)?.mode == 0o644)
        #expect(fixture.server.count(.setMode) == 1)
    }

    @Test("chown: only what changes nothing")
    func chown() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        #expect(failure { try fixture.change("/f") { $0.owner = 1000 } } == nil)
        #expect(failure { try fixture.change("/f") { $0.owner = 0 } } == "notPermitted")
        #expect(failure { try fixture.change("/f") { $0.group = 5 } } == "notPermitted")
    }

    @Test("times set on a closed file go to the server")
    func closedTimes() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        fixture.server.makeDirectories("/d")
        let time = Timestamp(seconds: 1_500_000_000, nanoseconds: 5)
        for path in ["/f", "/d"] {
            #expect(
                try fixture.change(path) { $0.modified = time }.modified == Timestamp(seconds: time.seconds))
            #expect(fixture.server.tree.record(path.remote)?.modified.seconds == time.seconds)
        }
        fixture.advance(.seconds(60))
        #expect(try fixture.stat("/f").modified.seconds == time.seconds)
    }

    @Test("times set while a file is dirty come with the upload, as cp -p and tar do it")
    func pendingTimes() throws {
        let fixture = try VolumeFixture()
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        let handle = try fixture.create("/f")
        try fixture.write(handle, "content")
        let time = Timestamp(seconds: 1_500_000_000)
        try fixture.change("/f", handle: handle) { $0.modified = time }
        #expect(try fixture.stat("/f").modified == time)
        try fixture.close(handle)
        #expect(fixture.server.count() == 1)
        #expect(fixture.server.tree.record("/f".remote)?.modified == time)
        #expect(try fixture.stat("/f").modified == time)
    }

    @Test("a write after utimes counts")
    func writeAfterTimes() throws {
        let fixture = try VolumeFixture()
        let handle = try fixture.create("/f")
        try fixture.write(handle, "a")
        try fixture.change("/f", handle: handle) { $0.modified = Timestamp(seconds: 1) }
        try fixture.write(handle, "b")
        let shown = try fixture.stat("/f").modified
        #expect(shown.seconds > 1)
        try fixture.close(handle)
        #expect(try fixture.stat("/f").modified == shown)
        #expect(fixture.server.tree.record("/f".remote)?.modified == shown)
    }

    @Test("where the server cannot set times they are kept here, until the file changes there")
    func localTimes() throws {
        let fixture = try VolumeFixture(server: {
            $0.traits.setsFileTimes = false
            $0.traits.setsDirectoryTimes = false
        })
        fixture.server.put("/f", [1])
        fixture.server.makeDirectories("/d")
        let time = Timestamp(seconds: 1_500_000_000)
        for path in ["/f", "/d"] {
            #expect(try fixture.change(path) { $0.modified = time }.modified == time)
        }
        let handle = try fixture.create("/g")
        try fixture.write(handle, "x")
        try fixture.change("/g", handle: handle) { $0.modified = time }
        try fixture.close(handle)
        fixture.advance(.seconds(100))
        _ = try fixture.names("/")
        for path in ["/f", "/d", "/g"] { #expect(try fixture.stat(path).modified == time) }
        fixture.server.put("/f", [1, 2])
        fixture.advance(.seconds(100))
        #expect(try fixture.stat("/f").modified == fixture.server.tree.record("/f".remote)?.modified)
        #expect(fixture.log.text.contains("cannot set times"))
    }

    @Test("exact times survive listings that state minutes only")
    func coarseListings() throws {
        let fixture = try VolumeFixture(server: { $0.traits.granularity = .minute })
        let time = Timestamp(seconds: 1_500_000_035)
        try fixture.store("/f", "x")
        try fixture.change("/f") { $0.modified = time }
        fixture.advance(.seconds(100))
        _ = try fixture.names("/")
        #expect(try fixture.stat("/f").modified == time)
    }

    @Test("access times live here alone, and links' times too")
    func accessTimes() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1])
        fixture.server.link("/link", to: "f")
        _ = try fixture.names("/")
        fixture.server.resetCalls()
        let time = Timestamp(seconds: 5)
        #expect(try fixture.change("/f") { $0.accessed = time }.accessed == time)
        #expect(try fixture.change("/link") { $0.modified = time }.modified == time)
        #expect(fixture.server.count() == 0)
    }

    @Test("a read-only mount changes nothing")
    func readOnly() throws {
        let fixture = try VolumeFixture(configuration: { $0.isReadOnly = true })
        fixture.server.put("/f", [1])
        fixture.server.makeDirectories("/d")
        let refusals = [
            failure { try fixture.store("/f", "x") }, failure { try fixture.store("/g", "x") },
            failure { try fixture.mkdir("/e") }, failure { try fixture.rmdir("/d") },
            failure { try fixture.unlink("/f") }, failure { try fixture.rename("/f", "/g") },
            failure { try fixture.change("/f") { $0.mode = 0o600 } },
            failure { _ = try fixture.open("/f", .both) },
            failure {
                _ = try fixture.volume.makeSymlink(
                    Array("l".utf8), in: .root, target: Array("f".utf8), for: Request())
            },
        ]
        #expect(refusals == Array(repeating: "readOnly", count: 9))
        #expect(try fixture.text("/f") == "\u{1}")
    }

    @Test("extended attributes tell facts")
    func extendedAttributes() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1, 2], modified: Timestamp(seconds: 1_709_210_096), mode: 0o640)
        let node = try fixture.node("/f").node
        func value(_ name: String) throws -> String {
            String(
                decoding: try fixture.volume.extendedAttribute(Array(name.utf8), of: node, for: Request()),
                as: UTF8.self)
        }
        #expect(try value("user.ftps.path") == "/f")
        #expect(try value("user.ftps.modified") == "20240229123456")
        #expect(try value("user.ftps.size") == "2")
        #expect(try value("user.ftps.mode") == "0640")
        #expect(try value("user.ftps.rights") == "adfrw")
        #expect(failure { _ = try value("user.other") } == "unsupported")
        #expect(failure { _ = try value("security.capability") } == "unsupported")
    }

    @Test("the root tells what the store reports of itself, without asking the server, and nothing else does")
    func report() throws {
        let fixture = try VolumeFixture()
        fixture.server.put("/f", [1, 2])
        fixture.server.configure { $0.report = ["tls": "TLS 1.3", "path": "not this"] }
        func value(_ name: String, of node: NodeID = .root) throws -> String {
            String(
                decoding: try fixture.volume.extendedAttribute(Array(name.utf8), of: node, for: Request()),
                as: UTF8.self)
        }
        let node = try fixture.node("/f").node
        let before = fixture.server.calls.count
        #expect(try value("user.ftps.tls") == "TLS 1.3")
        #expect(try value("user.ftps.path") == "/")
        #expect(failure { _ = try value("user.ftps.none") } == "unsupported")
        #expect(failure { _ = try value("user.ftps.tls", of: node) } == "unsupported")
        #expect(fixture.server.calls.count == before)
    }

    @Test("statfs answers from the configuration")
    func statistics() throws {
        let fixture = try VolumeFixture(configuration: { $0.diskSize = 1 << 40 })
        #expect(fixture.volume.statistics.totalBytes == 1 << 40)
        #expect(fixture.volume.statistics.freeBytes == 1 << 40)
        #expect(fixture.volume.statistics.longestName == 255)
    }
}
