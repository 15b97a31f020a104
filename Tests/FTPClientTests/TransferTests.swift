import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Transfers on real servers, with TLS 1.2 and 1.3, where data connections must resume the TLS session if the server can demand it.
@Suite struct TransferTests {
    @Test("a file is read whole and from any offset", arguments: ServerCase.all)
    func downloads(_ test: ServerCase) throws {
        let server = try test.server
        let bytes = noise(300_000)
        try server.put("/download", bytes)
        let session = try server.session()
        defer { session.close() }
        #expect(try session.content(path("/download")) == bytes)
        for offset in [0, 1, 65_536, 299_999] {
            #expect(try session.content(path("/download"), from: UInt64(offset)) == Array(bytes[offset...]))
        }
        #expect(try session.content(path("/download"), from: 300_000).isEmpty)
        #expect(session.isUsable)
    }

    @Test("an empty file reads as empty", arguments: ServerCase.all)
    func downloadsNothing(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/empty", [])
        let session = try server.session()
        defer { session.close() }
        for _ in 0..<3 { #expect(try session.content(path("/empty")).isEmpty) }
    }

    @Test(
        "many transfers follow each other on one session: each ticket serves once", arguments: ServerCase.all)
    func resumesAgainAndAgain(_ test: ServerCase) throws {
        let server = try test.server
        let bytes = noise(5000)
        try server.put("/ticket", bytes)
        let session = try server.session()
        defer { session.close() }
        for round in 0..<15 {
            if round % 3 == 1 {
                try session.put(path("/ticket.up"), bytes)
                continue
            }
            let download = try session.download(path("/ticket"))
            // Pure-FTPd gives no tickets with TLS 1.3.
            #expect(download.isResumed || test == ServerCase(kind: .pureftpd, tls: .only13))
            #expect(try download.rest() == bytes)
        }
    }

    @Test("uploads that never read anything can be repeated without end", arguments: ServerCase.all)
    func uploadsAgainAndAgain(_ test: ServerCase) throws {
        let server = try test.server
        let session = try server.session()
        defer { session.close() }
        for round in 0..<12 {
            let bytes = noise(round * 1000, seed: UInt64(round))
            try session.put(path("/upload.small"), bytes)
            #expect(server.content("/upload.small") == bytes)
        }
    }

    @Test("an upload arrives whole: the close never overtakes the bytes", arguments: ServerCase.all)
    func uploads(_ test: ServerCase) throws {
        let server = try test.server
        let session = try server.session()
        defer { session.close() }
        for round in 0..<6 {
            let bytes = noise(5_000_000, seed: UInt64(round + 1))
            let reply = try session.put(path("/upload.large"), bytes)
            #expect(reply.isSuccess)
            #expect(server.content("/upload.large") == bytes)
        }
        #expect(session.isUsable)
    }

    @Test("an upload of nothing makes an empty file", arguments: ServerCase.all)
    func uploadsNothing(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/nothing", noise(10))
        let session = try server.session()
        defer { session.close() }
        for _ in 0..<3 { try session.put(path("/nothing"), []) }
        #expect(server.content("/nothing") == [])
        #expect(session.isUsable)
    }

    @Test("bytes are added at the end, and written from an offset", arguments: ServerCase.all)
    func appendsAndRestarts(_ test: ServerCase) throws {
        let server = try test.server
        let session = try server.session()
        defer { session.close() }
        let bytes = noise(100_000)
        try session.put(path("/append"), Array(bytes[..<60_000]))
        try session.put(path("/append"), Array(bytes[60_000...]), .append)
        #expect(server.content("/append") == bytes)
        let other = noise(50_000, seed: 2)
        try session.put(path("/append"), other, .restart(50_000))
        #expect(server.content("/append") == Array(bytes[..<50_000]) + other)
        #expect(session.isUsable)
    }

    @Test("a missing file is a refusal, and the session goes on", arguments: ServerCase.all)
    func refusals(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/present", [1, 2, 3])
        let session = try server.session()
        defer { session.close() }
        for _ in 0..<4 {
            let missing = failure { _ = try session.download(path("/missing")) }
            #expect(missing?.verb == "RETR" && missing?.code == 550)
            #expect(session.isUsable)
            #expect(try session.content(path("/present")) == [1, 2, 3])
        }
        #expect(failure { _ = try session.upload(path("/missing/name"), .store) }?.verb == "STOR")
        #expect(try session.content(path("/present")) == [1, 2, 3])
    }

    @Test("a download can be broken off anywhere, and the session goes on", arguments: ServerCase.all)
    func aborts(_ test: ServerCase) throws {
        let server = try test.server
        let bytes = noise(20_000_000)
        try server.put("/abort", bytes)
        let session = try server.session()
        defer { session.close() }
        for round in 0..<12 {
            let offset = round * 1_000_003
            let download = try session.download(path("/abort"), from: UInt64(offset))
            var got: [UInt8] = []
            while got.count < round * 30_000 + 1 { got += try download.some(65_536) }
            #expect(got == Array(bytes[offset..<(offset + got.count)]))
            download.abort()
            #expect(session.isUsable)
        }
        #expect(try session.size(path("/abort")) == 20_000_000)
        #expect(try session.content(path("/abort"), from: 19_000_000) == Array(bytes[19_000_000...]))
    }

    @Test(
        "a download that has ended by itself can be broken off before its end is read",
        arguments: ServerCase.all)
    func abortsAtTheEnd(_ test: ServerCase) throws {
        let server = try test.server
        try server.put("/short", noise(100))
        let session = try server.session()
        defer { session.close() }
        for round in 0..<10 {
            let download = try session.download(path("/short"), expecting: 100)
            if round % 2 == 0 { try download.some() }
            download.abort()
            #expect(session.isUsable)
        }
        #expect(try session.content(path("/short")) == noise(100))
    }

    @Test(
        "an upload can be broken off, and the session goes on or says that it cannot",
        arguments: ServerCase.all)
    func abortsUploads(_ test: ServerCase) throws {
        let server = try test.server
        let session = try server.session()
        defer { session.close() }
        for _ in 0..<3 {
            let upload = try session.upload(path("/broken-off"), .store)
            try noise(1_000_000).withRawSpan { try upload.write($0) }
            upload.abort()
            #expect(session.isUsable)
            #expect(try session.run(.noop).isSuccess)
        }
        try session.put(path("/broken-off"), noise(1000))
        #expect(server.content("/broken-off") == noise(1000))
    }
}
