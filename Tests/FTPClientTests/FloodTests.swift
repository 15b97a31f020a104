import FTPClient
import FTPWire
import Glibc
import Posix
import Remote
import TestSupport
import Testing

/// Servers that send without end on the control connection what is no answer.
@Suite struct FloodTests {
    @Test("empty lines without end in place of an answer that nobody waits for end the session")
    func emptyLines() throws {
        try play { script in
            try script.logIn(banner: "220 ProFTPD Server ready")
            try script.expect("EPSV")
            let part = Array(repeating: Array("\r\n".utf8), count: 8000).flatMap { $0 }
            for _ in 0..<100 {
                guard (try? script.control.write(part)) != nil else { return }
            }
            script.waitForEnd()
        } client: { configuration, _ in
            let session = try open(configuration)
            defer { session.close() }
            session.arm()
            let hasEnded = waitUntil(within: .seconds(20)) {
                session.attend()
                return !session.isUsable
            }
            #expect(hasEnded)
        }
    }

    @Test("an answer that drips in during a transfer does not prolong the time that this may stand still")
    func drippingAnswer() throws {
        try play { script in
            try script.logIn()
            let data = try script.begin("RETR")
            for _ in 0..<200 where !script.control.hasHungUp {
                try? script.control.write("226-and so on\r\n")
                usleep(20_000)
            }
            try? script.reply("226 done")
            data.close()
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.stallTimeout = .milliseconds(300)
            let session = try open(configuration)
            defer { session.close() }
            #expect(failure { _ = try session.content(path("/f")) }?.name == "timedOut")
        }
    }
}
