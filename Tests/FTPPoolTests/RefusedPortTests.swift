import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

@testable import FTPPool

/// Servers that stop to take EPSV while a mount stands.
@Suite struct RefusedPortTests {
    @Test(
        "where EPSV is refused after it has worked, PASV is asked for, and nothing fails",
        arguments: [ServerLikeness.proftpd, .vsftpd, .pureftpd, .pyftpdlib], [500, 502])
    func fallsBack(_ likeness: ServerLikeness, _ code: Int) throws {
        try ScriptedStore.run(likeness) { fixture in
            try fixture.replace("/before", [1, 2, 3])
            #expect(try fixture.store.list(.root, for: Request()).entries.count == 1)
            fixture.server.at(.command("EPSV"), .reply("\(code) EPSV is not taken any more."))
            #expect(try fixture.store.list(.root, for: Request()).entries.count == 1)
            try fixture.replace("/after", [4, 5, 6])
            #expect(fixture.tree.content("/after") == [4, 5, 6])
            #expect(try fixture.store.list(.root, for: Request()).entries.count == 2)
            #expect(fixture.server.dialogue.verbs().contains("PASV"))
        }
    }
}
