import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// The dialogue on the control connection, passive ports and listings, played by a script.
@Suite struct DialogueTests {
    @Test(
        "EPSV that is refused is replaced by PASV, and not tried again",
        arguments: ["500 what", "502 no", "522 (1)"])
    func fallsBackToPASV(_ answer: String) throws {
        try play { script in
            try script.logIn()
            try script.answer("EPSV", answer)
            for _ in 0..<2 {
                let listener = try TestListener()
                // The address is nobody's: only the port counts.
                try script.answer("PASV", "227 here (192,0,2,1,\(listener.port >> 8),\(listener.port & 255))")
                try script.answer("RETR", "150 here")
                try script.send(noise(10), on: try script.data(listener))
                try script.reply("226 done")
            }
            script.waitForEnd()
        } client: { configuration, record in
            let profile = ServerProfile()
            let session = try open(configuration, profile)
            for _ in 0..<2 { #expect(try session.content(path("/f")) == noise(10)) }
            session.close()
            #expect(!profile.facts.extendedPassiveWorks)
            #expect(record.all.filter { $0 == "EPSV" }.count == 1)
        }
    }

    @Test("an EPSV port that nobody listens on is replaced by PASV")
    func unreachableEPSV() throws {
        try play { script in
            try script.logIn()
            let dead = try TestListener()
            try script.expect("EPSV")
            dead.stop()
            try script.reply("229 here (|||\(dead.port)|)")
            let listener = try TestListener()
            try script.answer("PASV", "227 here (127,0,0,1,\(listener.port >> 8),\(listener.port & 255))")
            try script.answer("RETR", "150 here")
            try script.send(noise(10), on: try script.data(listener))
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
        }
    }

    @Test(
        "ports that are none, or the system's, are not dialled",
        arguments: [
            "229 here (|||22|)", "229 here (|||0|)", "229 here (|||99999|)", "229 here", "229 (|||x|)",
        ])
    func forbiddenPorts(_ answer: String) throws {
        try play { script in
            try script.logIn()
            try script.answer("EPSV", answer)
            try script.answer("NOOP", "200 ok")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            #expect(failure { _ = try session.content(path("/f")) }?.name == "protocolViolation")
            #expect(try session.run(.noop).isSuccess)
            session.close()
            #expect(!record.contains("RETR"))
        }
    }

    @Test("a 421 that nobody has asked for is the end of the session")
    func unasked421() throws {
        let sent = TestResult<Bool>()
        try play { script in
            try script.logIn()
            try script.reply("421 Timeout.")
            sent.set(true)
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            _ = try sent.wait()
            waitUntil(within: .seconds(30)) { !session.looksAlive() }
            #expect(!session.isUsable)
        }
    }

    @Test("a reply that nobody has asked for is not taken for the next one")
    func strayReply() throws {
        let sent = TestResult<Bool>()
        try play { script in
            try script.logIn()
            try script.answer("NOOP", "200 ok\r\n226 late")
            try script.answer("SIZE", "213 5")
            sent.set(true)
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.run(.noop).code == 200)
            #expect(try session.size(path("/f")) == 5)
        }
    }

    @Test("replies without end are given up")
    func endlessReply() throws {
        try play { script in
            try script.logIn()
            try script.expect("SIZE")
            while (try? script.control.write([UInt8](repeating: 0x78, count: 16 << 10))) != nil {}
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.size(path("/f")) }?.name == "protocolViolation")
            #expect(!session.isUsable)
        }
    }

    @Test(
        "0xFF is doubled for ProFTPD alone, which a greeting before TLS does not prove",
        arguments: [true, false])
    func telnet(_ isProFTPD: Bool) throws {
        let name = TestResult<Int>()
        try play { script in
            try script.logIn(
                banner: "220 ProFTPD Server",
                features: isProFTPD ? ["SIZE", "MFF modify;UNIX.group;UNIX.mode;"] : ["SIZE", "MDTM"])
            _ = try script.passive()
            try script.expect("SIZE")
            try script.reply("213 1")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            defer { session.close() }
            guard let odd = RemotePath([0x2f, 0x61, 0xff, 0x62] as [UInt8]) else { return }
            #expect(try session.size(odd) == 1)
            name.set(record.all.last?.unicodeScalars.filter { $0 == "\u{fffd}" }.count ?? 0)
        }
        #expect(name.current == (isProFTPD ? 2 : 1))
    }

    // MARK: - Listings

    @Test(
        "a listing that ends without close_notify is cut, whatever the final reply says",
        arguments: [true, false])
    func cutListing(_ isReset: Bool) throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("MLSD")
            try data.write("type=file;size=1; one\r\ntype=file;size=2; two\r\n")
            if isReset { data.reset() } else { data.endSending() }
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.list(.root) }?.name == "dataConnection")
            #expect(session.isUsable)
        }
    }

    @Test(
        "where an unannounced end is accepted, the listing is not complete, and a cut row and a reset are errors",
        arguments: [("\r\n", false, nil), ("", false, "listing"), ("\r\n", true, "dataConnection")])
    func acceptedEnd(_ end: String, _ isReset: Bool, _ error: String?) throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("MLSD")
            try data.write("type=file;size=1; one\r\ntype=file;size=2; two" + end)
            if isReset { data.reset() } else { data.endSending() }
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.acceptsUnannouncedEnd = true
            let session = try open(configuration)
            defer { session.close() }
            if let error {
                #expect(failure { _ = try session.list(.root) }?.name == error)
            } else {
                let listing = try session.list(.root)
                #expect(listing.entries.count == 2 && !listing.isComplete)
            }
            #expect(session.isUsable)
        }
    }

    @Test("a row that makes no sense fails the listing; names that no directory can hold make it incomplete")
    func oddRows() throws {
        try play { script in
            try script.logIn()
            try script.send(
                Array("type=file;size=1; a/b\r\ntype=file;size=2; b\r\n".utf8), on: try script.begin("MLSD"))
            try script.reply("226 done")
            try script.send(
                Array("type=file;size=1; a\r\nls: short read\r\n".utf8),
                on: try script.begin("MLSD"))
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            let listing = try session.list(.root)
            #expect(listing.entries.map(\.name) == [FileName("b")] && listing.droppedCount == 1)
            #expect(!listing.isComplete)
            #expect(failure { _ = try session.list(.root) }?.name == "listing")
        }
    }

    @Test("a listing that the server has cut is known to be incomplete")
    func truncated() throws {
        try play { script in
            try script.logIn()
            try script.send(Array("type=file; a\r\n".utf8), on: try script.begin("MLSD"))
            try script.reply("226 Output truncated to 10000 matches")
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try !session.list(.root).isComplete)
        }
    }

    @Test("without MLST the directory is entered and listed with hidden names")
    func listsByRows() throws {
        try play { script in
            try script.logIn(features: ["SIZE"])
            for _ in 0..<2 {
                try script.answer("CWD /d", "250 there")
                let listener = try script.passive()
                try script.answer("LIST -a", "150 here")
                let rows = "drwxr-xr-x 2 0 0 4096 Jan 01 2020 .\r\n-rw-r--r-- 1 0 0 7 Jan 01 2020 .hidden\r\n"
                try script.send(Array(rows.utf8), on: try script.data(listener))
                try script.reply("226 done")
            }
            try script.answer("CWD /e", "550 no such directory")
            _ = try script.passive()
            // A server that has shown `.` before hides a refusal when it shows nothing.
            try script.answer("CWD /locked", "250 there")
            let listener = try script.passive()
            try script.answer("LIST -a", "150 here")
            try script.send([], on: try script.data(listener))
            try script.reply("226 done")
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            defer { session.close() }
            for _ in 0..<2 {
                #expect(try session.list(path("/d")).entries.map(\.name) == [FileName(".hidden")])
            }
            #expect(failure { _ = try session.list(path("/e")) }?.verb == "CWD")
            #expect(failure { _ = try session.list(path("/locked")) }?.name == "unreadable")
            #expect(record.all.filter { $0 == "LIST -a" }.count == 3)
        }
    }

    @Test("LIST -a that is refused or taken for a mask is given up for LIST", arguments: [true, false])
    func harmfulOption(_ isRefused: Bool) throws {
        try play { script in
            try script.logIn(features: ["SIZE"])
            try script.answer("CWD /d", "250 there")
            var listener = try script.passive()
            if isRefused {
                try script.answer("LIST -a", "550 no such file")
            } else {
                try script.answer("LIST -a", "150 here")
                try script.send([], on: try script.data(listener))
                try script.reply("226 done")
            }
            for _ in 0..<2 {
                try script.answer("CWD /d", "250 there")
                listener = try script.passive()
                try script.answer("LIST", "150 here")
                try script.send(
                    Array("-rw-r--r-- 1 0 0 7 Jan 01 2020 seen\r\n".utf8), on: try script.data(listener))
                try script.reply("226 done")
            }
            script.waitForEnd()
        } client: { configuration, record in
            let session = try open(configuration)
            defer { session.close() }
            for _ in 0..<2 {
                #expect(try session.list(path("/d")).entries.map(\.name) == [FileName("seen")])
            }
            #expect(record.all.filter { $0 == "LIST -a" }.count == 1)
        }
    }

    @Test("an empty directory may be told by 450 or 550")
    func emptyByRefusal() throws {
        try play { script in
            try script.logIn(features: ["SIZE"])
            for _ in 0..<2 {
                try script.answer("CWD /d", "250 there")
                let listener = try script.passive()
                try script.answer("LIST", "450 No files found")
                withExtendedLifetime(listener) {}
            }
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.list(path("/d")).entries.isEmpty)
        }
    }
}
