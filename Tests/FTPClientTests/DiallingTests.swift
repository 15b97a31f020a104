import FTPClient
import FTPWire
import Posix
import Remote
import TestSupport
import Testing

/// Data connections that do not come about while the server says why.
@Suite struct DiallingTests {
    @Test("a refusal that comes while a port does not answer is told at once", arguments: [true, false])
    func refusedWhileDialling(_ isInOneFlight: Bool) throws {
        try play { script in
            try script.logIn(banner: isInOneFlight ? "220 ProFTPD Server ready" : "220 ready")
            let data = try script.begin("RETR")
            try script.send(noise(10), on: data)
            try script.reply("226 done")
            // Whatever asks for a connection here is dropped, as by a firewall behind which the port is closed already.
            let listener = try TestListener(backlog: 0)
            let first = try TestConnection.dial(listener.port)
            try script.answer("EPSV", "229 here (|||\(listener.port)|)")
            try script.expect("RETR")
            // The refusal follows when the client is dialling.
            #expect(!script.control.isReadable(within: 100))
            try script.reply("550 /f: No such file or directory")
            try withExtendedLifetime((listener, first)) { try script.answer("NOOP", "200 ok") }
            script.waitForEnd()
        } client: { configuration, _ in
            var configuration = configuration
            configuration.connectTimeout = .seconds(10)
            configuration.shortcuts = .pipelining
            let session = try open(configuration)
            defer { session.close() }
            #expect(try session.content(path("/f")) == noise(10))
            let error = failure { _ = try session.content(path("/f")) }
            #expect(error?.verb == "RETR" && error?.code == 550)
            #expect(session.isUsable)
            try session.perform(.noop)
        }
    }
}
