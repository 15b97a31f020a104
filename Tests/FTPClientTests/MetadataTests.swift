import FTPClient
import FTPWire
import Glibc
import Remote
import TestSupport
import Testing

/// Questions about names and changes to them, on real servers.
@Suite struct MetadataTests {
    @Test("size and time of a file", arguments: ServerCase.all)
    func sizeAndTime(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/facts", noise(4321))
        setTime(server.onDisk("/facts"), 1_600_000_000)
        let session = try server.session()
        defer { session.close() }
        #expect(try session.size(path("/facts")) == 4321)
        #expect(try session.modified(path("/facts")).time == Timestamp(seconds: 1_600_000_000))
        let both = try session.sizeAndModified(path("/facts"))
        #expect(both.size == 4321 && both.modified?.time.seconds == 1_600_000_000)
        #expect(failure { _ = try session.sizeAndModified(path("/facts-missing")) }?.verb == "SIZE")
    }

    @Test("one name is asked for in one round trip", arguments: ServerCase.withMachineListing)
    func machineAttributes(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/mlst file", noise(99), mode: 0o640)
        setTime(server.onDisk("/mlst file"), 1_500_000_000)
        try server.makeDirectory("/mlst dir")
        let session = try server.session()
        defer { session.close() }
        let file = try session.machineAttributes(path("/mlst file"))
        #expect(file.kind == .file && file.size == 99 && file.modified?.seconds == 1_500_000_000)
        #expect(file.mode == 0o640)
        #expect(try session.machineAttributes(path("/mlst dir")).kind == .directory)
        #expect(try session.machineAttributes(.root).kind == .directory)
        let missing = failure { _ = try session.machineAttributes(path("/mlst missing")) }
        #expect(missing?.verb == "MLST" && missing?.code == 550)
    }

    @Test("the size of a link's target is told, not of the link", arguments: ServerCase.withMachineListing)
    func sizeBehindLink(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/behind", noise(5555))
        #expect(symlink("behind", server.onDisk("/the-link")) == 0 || errno == EEXIST)
        let session = try server.session()
        defer { session.close() }
        let attributes = try session.machineAttributes(path("/the-link"))
        if attributes.kind == .file { #expect(attributes.size == 5555) }
        #expect(try session.size(path("/the-link")) == 5555)
    }

    @Test("CWD tells directories", arguments: ServerCase.all)
    func directories(_ test: ServerCase) throws {
        let server = try test.server
        try server.makeDirectory("/enter me")
        try server.put("/enter not", [1])
        let session = try server.session()
        defer { session.close() }
        guard test.kind != .pureftpd else {
            #expect(throws: FTPError.self) { try session.isDirectory(path("/enter me")) }
            return
        }
        #expect(try session.isDirectory(path("/enter me")))
        #expect(try !session.isDirectory(path("/enter not")))
        #expect(try !session.isDirectory(path("/enter missing")))
    }

    @Test("names are made, renamed and removed", arguments: ServerCase.all)
    func changes(_ test: ServerCase) throws {
        let server = try test.server
        let session = try server.session()
        defer { session.close() }
        try server.put("/change a", [1])
        try server.put("/change b", [2])
        try session.rename(path("/change a"), to: path("/change b"))
        #expect(server.content("/change a") == nil && server.content("/change b") == [1])
        try session.makeDirectory(path("/change dir"))
        try session.rename(path("/change b"), to: path("/change dir/c"))
        #expect(server.content("/change dir/c") == [1])
        #expect(throws: FTPError.self) { try session.removeDirectory(path("/change dir")) }
        try session.delete(path("/change dir/c"))
        try session.removeDirectory(path("/change dir"))
        #expect(access(server.onDisk("/change dir"), F_OK) != 0)
        #expect(
            failure { try session.rename(path("/change missing"), to: path("/change b")) }?.verb == "RNFR")
        #expect(throws: FTPError.self) { try session.delete(path("/change missing")) }
        #expect(try session.run(.pwd).code == 257)
    }

    @Test("times of files are set, and learned how", arguments: ServerCase.all)
    func setsTimes(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/touch  me", [1])
        let profile = ServerProfile()
        let session = try server.session(profile)
        defer { session.close() }
        for seconds in [1_000_000_000, 1_234_567_890] as [Int64] {
            try session.setModified(path("/touch  me"), kind: .file, to: Timestamp(seconds: seconds))
            #expect(status(server.onDisk("/touch  me")).st_mtim.tv_sec == Int(seconds))
        }
        #expect(profile.facts.fileTimes == .known(test.kind == .vsftpd ? .mdtm : .mfmt))
        let missing = failure {
            try session.setModified(path("/touch missing"), kind: .file, to: Timestamp(seconds: 1))
        }
        #expect(missing?.name == "refused")
    }

    @Test("times of directories are set where the server can", arguments: ServerCase.all)
    func setsDirectoryTimes(_ test: ServerCase) throws {
        let server = try test.server
        try server.makeDirectory("/touch dir")
        let session = try server.session()
        defer { session.close() }
        let time = Timestamp(seconds: 1_111_111_111)
        if test.kind == .vsftpd || test.kind == .pyftpdlib {
            let refused = failure { try session.setModified(path("/touch dir"), kind: .directory, to: time) }
            #expect(refused?.name == "unsupported")
        } else {
            try session.setModified(path("/touch dir"), kind: .directory, to: time)
            #expect(status(server.onDisk("/touch dir")).st_mtim.tv_sec == 1_111_111_111)
        }
    }

    @Test("permission bits are set", arguments: ServerCase.all)
    func setsModes(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/mode me", [1])
        let session = try server.session()
        defer { session.close() }
        for mode in [0o600, 0o755, 0o444] as [UInt16] {
            try session.setMode(path("/mode me"), to: mode)
            #expect(status(server.onDisk("/mode me")).st_mode & 0o7777 == mode_t(mode))
        }
        #expect(failure { try session.setMode(path("/mode missing"), to: 0o600) }?.name == "refused")
    }

    @Test(
        "links with relative targets lead to their files, where the server makes links",
        arguments: ServerCase.all)
    func makesLinks(_ test: ServerCase) throws {
        let server = try test.server
        for name in ["/sym", "/sym/deep"] { try server.makeDirectory(name) }
        try server.put("/sym/goal", noise(333))
        let session = try server.session()
        defer { session.close() }
        guard test.kind == .proftpd else {
            let refused = failure {
                try session.makeSymlink(path("/sym/deep/link"), target: Array("../goal".utf8))
            }
            #expect(refused?.name == "unsupported")
            return
        }
        for (name, target) in [
            ("/sym/deep/up", "../goal"), ("/sym/beside", "goal"), ("/sym/full", "/sym/goal"),
        ] {
            unlink(server.onDisk(name))
            try session.makeSymlink(path(name), target: Array(target.utf8))
            #expect(try session.content(path(name)) == noise(333), "\(name)")
            #expect(status(server.onDisk(name)).st_mode & S_IFMT == S_IFLNK)
        }
        for (name, target) in [("/sym/a link", "goal"), ("/sym/link", "a goal")] {
            let refused = failure { try session.makeSymlink(path(name), target: Array(target.utf8)) }
            #expect(refused?.name == "unsupported")
        }
    }

    @Test("a name with the byte 0xFF is found again as it is", arguments: ServerCase.all)
    func byteFF(_ test: ServerCase) throws {
        guard test.kind != .pyftpdlib else { return }  // It speaks UTF-8 alone.
        let server = try test.server
        let session = try server.session()
        defer { session.close() }
        let name = try #require(FileName([0x61, 0xff, 0xf4, 0x62, 0xff]))
        let target = RemotePath.root.appending(name)
        try session.put(target, [1, 2])
        #expect(try session.size(target) == 2)
        #expect(try session.list(.root).entries.contains { $0.name == name })
        try session.delete(target)
    }

    @Test("a command that is too long is not sent", arguments: ServerCase.all)
    func tooLong(_ test: ServerCase) throws {
        let session = try test.server.session()
        defer { session.close() }
        let long = path(String(repeating: "/" + String(repeating: "x", count: 200), count: 20))
        #expect(failure { _ = try session.size(long) }?.name == "tooLong")
        #expect(try session.run(.pwd).code == 257)
    }

    @Test(
        "a thousand questions go out in flights, and a thousand answers come back in order",
        arguments: ServerCase.all)
    func pipelines(_ test: ServerCase) throws {
        let server = try test.server
        // Long names fill a flight by their bytes, short ones by their number.
        let long = String(repeating: "n", count: 200)
        for index in 0..<60 {
            try server.put("/flight.\(index)", noise(index))
            try server.put("/\(long).\(index)", noise(index))
        }
        let session = try server.session()
        defer { session.close() }
        for name in ["flight", long] {
            let replies = try session.run((0..<1000).map { .size(path("/\(name).\($0 % 60)")) })
            #expect(replies.map(\.text) == (0..<1000).map { String($0 % 60) })
        }
    }
}

private func setTime(_ path: String, _ seconds: Int) {
    var times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    utimensat(AT_FDCWD, path, &times, 0)
}

private func status(_ path: String) -> stat {
    var result = stat()
    lstat(path, &result)
    return result
}
