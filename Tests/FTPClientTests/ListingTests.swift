import FTPClient
import FTPWire
import Glibc
import Remote
import TestSupport
import Testing

/// Listings of real servers.
@Suite struct ListingTests {
    @Test("names of all sorts are listed, hidden ones too", arguments: ServerCase.all)
    func oddNames(_ test: ServerCase) throws {
        let server = try test.server
        try server.makeDirectory("/odd [1] \\{names}")
        let names = [
            "plain", ".hidden", "...", " lead", "trail ", "in  ner", "-la", "[a]*?", "{x,y}", "it's \"q\"",
            "a -> b", "total 5", "caf\u{e9}", "cafe\u{301}", "~tilde", String(repeating: "n", count: 255),
            ";semi; colon",
        ]
        for name in names { try server.put("/odd [1] \\{names}/\(name)", noise(17)) }
        try server.makeDirectory("/odd [1] \\{names}/dir ")
        let session = try server.session()
        defer { session.close() }
        guard test.kind != .pureftpd else {
            // Pure-FTPd refuses backslashes in names.
            return
        }
        let listing = try session.list(path("/odd [1] \\{names}"))
        #expect(
            Set(listing.entries.map(\.name.description))
                == Set((names + ["dir "]).map { FileName($0)!.description }))
        #expect(listing.isComplete && listing.droppedCount == 0)
        for entry in listing.entries {
            let isDirectory = entry.name == FileName("dir ")
            #expect(entry.attributes.kind == (isDirectory ? .directory : .file))
            if !isDirectory { #expect(entry.attributes.size == 17) }
        }
    }

    @Test("directories with spaces and brackets list their own content", arguments: ServerCase.all)
    func oddDirectories(_ test: ServerCase) throws {
        let server = try test.server
        let session = try server.session()
        defer { session.close() }
        for name in ["with space", " lead", "trail ", "br[a]cket", "-la", "st*r", "{x,y}", "#x"] {
            try server.makeDirectory("/\(name)")
            try server.put("/\(name)/in \(name)", [1])
            let listing = try session.list(path("/\(name)"))
            #expect(listing.entries.map(\.name) == [FileName("in \(name)")], "\(name)")
        }
    }

    @Test("an empty directory is empty, a missing one and a file are refusals", arguments: ServerCase.all)
    func emptyAndMissing(_ test: ServerCase) throws {
        let server = try test.server
        try server.makeDirectory("/hollow")
        try server.put("/no-directory", [1])
        let session = try server.session()
        defer { session.close() }
        #expect(try session.list(path("/hollow")).entries.isEmpty)
        for name in ["/missing", "/missing/below", "/no-directory"] {
            #expect(failure { _ = try session.list(path(name)) }?.name == "refused", "\(name)")
            #expect(session.isUsable)
        }
        #expect(try session.list(path("/hollow")).entries.isEmpty)
    }

    @Test("a directory without the right to read is an error, never empty", arguments: ServerCase.all)
    func unreadable(_ test: ServerCase) throws {
        let server = try test.server
        let session = try server.session()
        defer { session.close() }
        for (directory, mode) in [("/locked", mode_t(0o000)), ("/no-list", 0o300)] {
            try server.makeDirectory(directory)
            try server.put("\(directory)/secret", [1])
            #expect(chmod(server.onDisk(directory), mode) == 0)
            let name = failure { _ = try session.list(path(directory)) }?.name
            #expect(name == "refused" || name == "unreadable")
            #expect(session.isUsable)
            #expect(chmod(server.onDisk(directory), 0o755) == 0)
        }
    }

    @Test("links are links, with their targets", arguments: ServerCase.all)
    func links(_ test: ServerCase) throws {
        let server = try test.server
        try server.makeDirectory("/links")
        try server.put("/links/file", noise(1234))
        try server.makeDirectory("/links/dir")
        for (name, target) in [("to-file", "file"), ("to-dir", "dir"), ("dangling", "nowhere")] {
            #expect(symlink(target, server.onDisk("/links/\(name)")) == 0 || errno == EEXIST)
            #expect(
                lchown(
                    server.onDisk("/links/\(name)"), ServerFixture.unprivileged, ServerFixture.unprivileged)
                    == 0)
        }
        let session = try server.session()
        defer { session.close() }
        let entries = try session.list(path("/links")).entries
        let kinds = Dictionary(uniqueKeysWithValues: entries.map { ($0.name.description, $0.attributes) })
        guard test.kind != .pyftpdlib else {
            // pyftpdlib follows links, and leaves out those that lead nowhere.
            #expect(kinds["to-file"]?.kind == .file && kinds["to-file"]?.size == 1234)
            #expect(kinds["to-dir"]?.kind == .directory)
            return
        }
        for (name, target) in [("to-file", "file"), ("to-dir", "dir"), ("dangling", "nowhere")] {
            #expect(kinds[name]?.kind == .symlink, "\(name)")
            #expect(kinds[name]?.linkTarget == Array(target.utf8), "\(name)")
        }
        #expect(kinds["file"]?.kind == .file && kinds["file"]?.size == 1234)
    }

    @Test("links that lead nowhere are listed where there is nothing else", arguments: ServerCase.all)
    func danglingLinksAlone(_ test: ServerCase) throws {
        // It leaves them out whatever it is asked.
        guard test.kind != .pyftpdlib else { return }
        let server = try test.server
        try server.makeDirectory("/dangling")
        #expect(symlink("nowhere", server.onDisk("/dangling/link")) == 0 || errno == EEXIST)
        let session = try server.session()
        defer { session.close() }
        let entries = try session.list(path("/dangling")).entries
        #expect(entries.map(\.name) == [FileName("link")])
        #expect(entries.first?.attributes.kind == .symlink)
    }

    @Test("a directory of 10,050 files is complete, or known to be cut", arguments: ServerCase.all)
    func large(_ test: ServerCase) throws {
        let server = try test.server
        if server.content("/many/f10049") == nil {
            try server.makeDirectory("/many")
            try Shell.run("cd \"$1\" && seq -f 'f%05g' 0 10049 | xargs touch", [server.onDisk("/many")])
        }
        let session = try server.session()
        defer { session.close() }
        let listing = try session.list(path("/many"))
        if test.kind == .pureftpd {
            #expect(!listing.isComplete)
        } else {
            #expect(listing.isComplete)
            #expect(listing.entries.count == 10_050)
        }
    }

    @Test("times are UTC whatever the server's zone", arguments: ServerCase.all)
    func times(_ test: ServerCase) throws {
        try withServer(
            test.kind,
            ServerOptions {
                $0.tls = test.tls; $0.timezone = "America/New_York"
            }
        ) { server in
            try server.put("/timed", [1])
            let before = Int64(time(nil)) - 7200
            var times = [
                timespec(tv_sec: Int(before), tv_nsec: 0), timespec(tv_sec: Int(before), tv_nsec: 0),
            ]
            #expect(utimensat(AT_FDCWD, server.onDisk("/timed"), &times, 0) == 0)
            let session = try server.session()
            defer { session.close() }
            for policy in [ListingPolicy.automatic, .listAll] {
                let session = try server.session { $0.listing = policy }
                defer { session.close() }
                let entry = try #require(
                    try session.list(.root).entries.first { $0.name == FileName("timed") })
                let stated = try #require(entry.attributes.modified)
                #expect(abs(stated.seconds - before) < 60, "\(policy)")
            }
        }
    }
}
