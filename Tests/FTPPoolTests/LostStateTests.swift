import FTPClient
import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

/// Servers that forget what a session has been set up with (RFC 4217 section 13): it is rebuilt, never gone on with.
@Suite struct LostStateTests {
    private let request = Request()

    @Test(
        "a session whose log-in the server has forgotten is replaced, and what was asked for is done",
        arguments: ["530 Please login with USER and PASS.", "503 Login with USER first."])
    func forgotten(_ reply: String) throws {
        // A port that is asked for ahead would meet one of the refusals, with nobody there who has asked for anything.
        try ScriptedStore.run(shortcuts: .pipelining) { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.tree.addFile("/other")
            try fixture.warmUp(3)
            for verb in ["DELE", "MLST", "EPSV"] {
                fixture.server.at(.command(verb), times: 1, .reply(reply))
            }
            try fixture.store.removeFile(path("/other"), for: request)
            #expect(try fixture.store.attributes(of: path("/file"), for: request).size == 3)
            let reader = try fixture.store.openReader(path("/file"), at: 0, length: 3, for: request)
            reader.close()
            #expect(fixture.tree.content("/other") == nil)
            #expect(fixture.arguments("DELE").count == 2)
            // Each new session has logged in and protected its data connections.
            let protections = fixture.arguments("PROT")
            #expect(fixture.server.counts.logins == 6 && protections == Array(repeating: "P", count: 6))
        }
    }

    @Test("a server that greets anew has begun anew; what became of a change is found out")
    func greeting() throws {
        try ScriptedStore.run(shortcuts: .pipelining) { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            fixture.tree.addFile("/other")
            for moment in [Moment.command("MLST"), .command("EPSV"), .reply("DELE", nil)] {
                fixture.server.at(moment, times: 1, .reply("220 Service ready."))
            }
            #expect(try fixture.store.attributes(of: path("/file"), for: request).size == 3)
            try fixture.store.openReader(path("/file"), at: 0, length: 3, for: request).close()
            #expect(fixture.server.counts.logins == 3)
            try fixture.store.removeFile(path("/other"), for: request)
            // Carried out before the greeting, and so not sent again.
            #expect(fixture.arguments("DELE").count == 1 && fixture.tree.content("/other") == nil)
        }
    }

    @Test("replies that come byte by byte are the same replies")
    func pieces() throws {
        try ScriptedStore.run { fixture in
            for verb in ["EPSV", "STOR", "SIZE", "MLST", "RNFR", "RNTO", "RETR", "MLSD"] {
                fixture.server.at(.reply(verb, nil), .pieces(1))
            }
            try fixture.replace("/file", [1, 2, 3])
            #expect(fixture.tree.content("/file") == [1, 2, 3])
            #expect(try fixture.store.list(.root, for: request).entries.count == 1)
            try fixture.store.openReader(path("/file"), at: 0, length: 3, for: request).close()
            #expect(fixture.server.counts.logins == 1)
        }
    }

    @Test("a server that answers one command alone like that gets no endless log-ins")
    func refusal() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file")
            fixture.server.at(.command("DELE"), .reply("530 Please login with USER and PASS."))
            #expect(kind { try fixture.store.removeFile(path("/file"), for: request) } == .authentication)
            #expect(fixture.server.counts.logins == 2)
        }
    }

    @Test("a demand for resumption leads to one fresh log-in, and no more", arguments: [true, false])
    func resumption(_ isOnce: Bool) throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file", [1, 2, 3])
            try fixture.warmUp(3)
            fixture.server.at(
                .command("RETR"), times: isOnce ? 1 : .max,
                .reply("150 Here it comes.\r\n522 SSL connection failed: session reuse required"))
            let failure = kind {
                try fixture.store.openReader(path("/file"), at: 0, length: 3, for: request).close()
            }
            #expect(failure == (isOnce ? nil : .unreachable))
            // Idle sessions of the same age are not asked one after the other.
            #expect(fixture.arguments("RETR").count == 2 && fixture.server.counts.logins == 4)
        }
    }

    @Test("530 for a lack of rights is a refusal, and the session stays")
    func rights() throws {
        try ScriptedStore.run { fixture in
            fixture.tree.addFile("/file")
            fixture.server.at(.command("DELE"), .reply("530 Permission denied."))
            #expect(kind { try fixture.store.removeFile(path("/file"), for: request) } == .denied)
            #expect(fixture.server.counts.logins == 1)
        }
    }
}
