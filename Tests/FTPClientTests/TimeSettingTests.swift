import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// What one file's time teaches of a server, and what it does not.
@Suite struct TimeSettingTests {
    private let time = Timestamp(seconds: 1_000_000_000)

    @Test("a time that the server changes is an error for this file alone")
    func clampedTime() throws {
        try play { script in
            try script.logIn(features: ["MFMT"])
            try script.answer("MFMT 20010909014640 /odd", "213 Modify=20010909014600; /odd")
            for _ in 0..<2 { try script.answer("SITE UTIME", "500 unknown") }
            try script.answer("MFMT 20010909014640 /f", "213 Modify=20010909014640; /f")
            script.waitForEnd()
        } client: { configuration, _ in
            let profile = ServerProfile()
            let session = try open(configuration, profile)
            defer { session.close() }
            let odd = failure { try session.setModified(path("/odd"), kind: .file, to: time) }
            #expect(odd?.name == "unsupported")
            #expect(profile.facts.fileTimes == .untried)
            try session.setModified(path("/f"), kind: .file, to: time)
            #expect(profile.facts.fileTimes == .known(.mfmt))
        }
    }

    @Test("a name that a command cannot carry teaches nothing")
    func unfitName() throws {
        try play { script in
            try script.logIn(features: [])
            try script.answer("MDTM 20010909014640 /a  b", "500 unknown")
            try script.answer("MDTM 20010909014640 /f", "500 unknown")
            try script.answer("SITE UTIME", "200 ok")
            try script.answer("MDTM /f", "213 20010909014640")
            script.waitForEnd()
        } client: { configuration, _ in
            let profile = ServerProfile()
            let session = try open(configuration, profile)
            defer { session.close() }
            let odd = failure { try session.setModified(path("/a  b"), kind: .file, to: time) }
            #expect(odd?.name == "unsupported")
            try session.setModified(path("/f"), kind: .file, to: time)
            #expect(profile.facts.fileTimes == .known(.siteUtime))
        }
    }

    @Test("a server that knows no way is asked once")
    func noWay() throws {
        try play { script in
            try script.logIn(features: ["MFMT", "MDTM"])
            try script.answer("MFMT", "502 no")
            for _ in 0..<2 { try script.answer("SITE UTIME", "500 unknown") }
            script.waitForEnd()
        } client: { configuration, _ in
            let profile = ServerProfile()
            let session = try open(configuration, profile)
            defer { session.close() }
            for _ in 0..<2 {
                let refused = failure { try session.setModified(path("/f"), kind: .file, to: time) }
                #expect(refused?.name == "unsupported")
            }
            #expect(profile.facts.fileTimes == .none)
        }
    }

    @Test("vsftpd that takes the time for a part of the name cannot set times, unless the file is missing")
    func withoutMDTMWrite() throws {
        try play { script in
            try script.logIn(banner: "220 (vsFTPd 3.0.3)", features: ["MDTM", "SIZE"])
            _ = try script.passive()
            try script.answer("MDTM 20010909014640 /missing", "550 Could not get file modification time.")
            try script.answer("MDTM /missing", "550 Could not get file modification time.")
            try script.answer("MDTM 20010909014640 /f", "550 Could not get file modification time.")
            try script.answer("MDTM /f", "213 20000101000000")
            script.waitForEnd()
        } client: { configuration, _ in
            let profile = ServerProfile()
            let session = try open(configuration, profile)
            defer { session.close() }
            let missing = failure { try session.setModified(path("/missing"), kind: .file, to: time) }
            #expect(missing?.verb == "MDTM")
            #expect(profile.facts.fileTimes == .untried)
            for _ in 0..<2 {
                let refused = failure { try session.setModified(path("/f"), kind: .file, to: time) }
                #expect(refused?.name == "unsupported")
            }
            #expect(profile.facts.fileTimes == .none)
        }
    }
}
