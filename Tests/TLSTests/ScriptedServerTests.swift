import Glibc
import Posix
import TLS
import TestSupport
import Testing

/// A bare FTPS client, to try the scripted server with.
private final class Talker {
    private let client: Client
    private let server: ScriptedServer
    private let control: TLSStream
    private var input: [UInt8] = []

    /// Connects and does what explicit TLS needs.
    init(_ server: ScriptedServer) throws {
        self.server = server
        client = try Client()
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: server.port))
        let socket = try Socket.connect(to: address, until: soon)
        try Talker.exchange("", "220", socket)
        try Talker.exchange("AUTH TLS\r\n", "234", socket)
        control = try TLSStream(
            control: socket, context: client.context, host: "localhost", tickets: client.tickets)
        try control.handshake(until: soon)
    }

    private static func exchange(_ command: String, _ code: String, _ socket: borrowing Socket) throws {
        if !command.isEmpty { _ = try socket.send(Array(command.utf8).span.bytes) }
        var reply: [UInt8] = []
        while reply.last != 0x0a {
            _ = try wait(for: .readable, on: socket.raw, until: soon)
            var buffer: [UInt8] = [0]
            var span = buffer.mutableSpan
            var bytes = span.mutableBytes
            guard try socket.receive(into: &bytes) == 1 else { break }
            reply += buffer
        }
        let text = String(decoding: reply, as: UTF8.self)
        #expect(text.hasPrefix(code), "\(text)")
    }

    func send(_ lines: String...) throws {
        try control.send(lines.map { $0 + "\r\n" }.joined())
    }

    /// The next reply, all of its lines.
    func reply() throws -> String {
        var lines: [String] = []
        while true {
            guard let end = input.firstIndex(of: 0x0a) else {
                let part = try control.next()
                if part.isEmpty { return "closed" }
                input += part
                continue
            }
            let line = String(decoding: input[..<end], as: UTF8.self).split(separator: "\r").joined()
            input.removeFirst(end + 1)
            lines.append(line)
            let first = lines[0]
            if line.prefix(3) == first.prefix(3), line.dropFirst(3).first != "-" {
                return lines.joined(separator: "\n")
            }
        }
    }

    func ask(_ line: String) throws -> String {
        try send(line)
        return try reply()
    }

    func logIn() throws {
        try send("USER user", "PASS secret", "PBSZ 0", "PROT P", "TYPE I")
        for code in ["331", "230", "200", "200", "200"] { #expect(try reply().hasPrefix(code)) }
    }

    /// EPSV, the command, the data connection with its handshake; the reply to the command comes first.
    func open(_ command: String) throws -> (reply: String, data: TLSStream?) {
        let passive = try ask("EPSV")
        let port = try #require(UInt16(passive.split(separator: "|").dropFirst().first ?? ""))
        let reply = try ask(command)
        guard reply.hasPrefix("1") else { return (reply, nil) }
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: port))
        let data = try TLSStream(
            data: Socket.connect(to: address, until: soon), context: client.context, host: "localhost",
            tickets: client.tickets, peer: #require(control.peer))
        try data.handshake(until: soon)
        return (reply, data)
    }

    func download(_ command: String) throws -> (bytes: [UInt8], final: String) {
        let (reply, data) = try open(command)
        guard let data else { return ([], reply) }
        let bytes = try data.everything()
        data.closeOrderly()
        return (bytes, try self.reply())
    }

    func upload(_ command: String, _ bytes: [UInt8]) throws -> String {
        let (reply, data) = try open(command)
        guard let data else { return reply }
        try data.send(bytes)
        try data.finishSending(until: soon)
        try data.drain(until: soon)
        let final = try self.reply()
        data.closeOrderly()
        return final
    }

    func quit() throws {
        #expect(try ask("QUIT").hasPrefix("221"))
        control.closeOrderly()
    }

    func close() { control.closeAbruptly() }
}

@Suite("The scripted server")
struct ScriptedServerTests {
    @Test("each likeness serves files, listings and changes", arguments: ServerLikeness.all)
    func serves(likeness: ServerLikeness) throws {
        try ScriptedServer.run(ScriptedServerSettings(likeness)) { server in
            server.tree.addFile("/dir/a", Array("hello".utf8), modified: 1_600_000_000)
            server.tree.addFile("/dir/.hidden")
            let talker = try Talker(server)
            try talker.logIn()
            #expect(try talker.ask("PWD") == "257 \"/\" is the current directory")
            #expect(try talker.download("RETR /dir/a").bytes == Array("hello".utf8))
            #expect(try talker.ask("REST 2").hasPrefix("350"))
            if !likeness.forgetsRestart {
                #expect(try talker.download("RETR /dir/a").bytes == Array("llo".utf8))
            }
            #expect(try talker.upload("STOR /dir/b", pattern(100_000)) == "226 Transfer complete.")
            #expect(server.tree.content("/dir/b") == pattern(100_000))
            #expect(try talker.upload("APPE /dir/b", [1, 2]) == "226 Transfer complete.")
            #expect(server.tree.content("/dir/b") == pattern(100_000) + [1, 2])
            #expect(try talker.upload("STOR /empty", []) == "226 Transfer complete.")
            #expect(server.tree.content("/empty") == [])
            let rows = String(decoding: try talker.download("LIST /dir").bytes, as: UTF8.self)
            #expect(rows.contains("-rw-r--r--   1 user     group    5 Sep 13  2020 a\r\n"))
            #expect(rows.contains(".hidden") == likeness.listsHidden)
            let listing = try talker.download("MLSD /dir")
            if likeness.facts == nil {
                #expect(listing.final.hasPrefix("500"))
            } else {
                #expect(String(decoding: listing.bytes, as: UTF8.self).contains("modify=20200913122640;"))
                #expect(try talker.ask("MLST /dir/a").contains("size=5;"))
            }
            #expect(try talker.ask("SIZE /dir/b") == "213 100002")
            #expect(try talker.ask("MDTM /dir/a") == "213 20200913122640")
            #expect(try talker.ask("MKD /new").hasPrefix("257"))
            #expect(try talker.ask("RNFR /dir/b").hasPrefix("350"))
            #expect(try talker.ask("RNTO /new/b").hasPrefix("250"))
            #expect(try talker.ask("DELE /dir/none").hasPrefix("550"))
            #expect(try talker.ask("RMD /new").hasPrefix("550"))
            #expect(try talker.ask("DELE /new/b").hasPrefix("250"))
            #expect(try talker.ask("RMD /new").hasPrefix("250"))
            #expect(try talker.download("RETR /none").final.hasPrefix("550"))
            try talker.quit()
            #expect(server.waitUntilIdle())
            #expect(server.counts.logins == 1)
            #expect(server.counts.fullData == 0 || !likeness.requiresResumption)
        }
    }

    @Test("commands sent without waiting count as one flight")
    func flights() throws {
        var settings = ScriptedServerSettings(.vsftpd)
        settings.settling = .milliseconds(100)
        try ScriptedServer.run(settings) { server in
            let talker = try Talker(server)
            try talker.logIn()
            try talker.send("NOOP")
            try talker.send("PWD")
            _ = try talker.reply()
            _ = try talker.reply()
            _ = try talker.ask("SYST")
            try talker.quit()
            #expect(
                server.dialogue.flights() == [
                    ["AUTH TLS"], ["USER user", "PASS", "PBSZ 0", "PROT P", "TYPE I"], ["NOOP", "PWD"],
                    ["SYST"], ["QUIT"],
                ])
            #expect(server.dialogue.records()[1].count == 5)
            #expect(server.dialogue.records()[2] == ["NOOP"])
        }
    }

    @Test("replies can be replaced, doubled, delayed, kept back and cut up, some times or always")
    func replies() throws {
        try ScriptedServer.run { server in
            let talker = try Talker(server)
            try talker.logIn()
            server.at(.command("NOOP"), skip: 1, times: 1, .reply("421 Going away"))
            #expect(try talker.ask("NOOP") == "200 NOOP ok.")
            #expect(try talker.ask("NOOP") == "421 Going away")
            #expect(try talker.ask("NOOP") == "200 NOOP ok.")
            server.at(.reply("PWD", 257), times: 1, .send("200 Extra\r\n"), .pieces(1))
            #expect(try talker.ask("PWD") == "200 Extra")
            #expect(try talker.reply() == "257 \"/\" is the current directory")
            let gate = Gate()
            server.at(.command("SYST"), .wait(gate))
            try talker.send("SYST")
            gate.awaitArrivals()
            gate.open()
            #expect(try talker.reply().hasPrefix("215"))
            server.at(.reply("HELP", nil), .silence)
            try talker.send("HELP")
            #expect(try talker.ask("NOOP") == "200 NOOP ok.")
            server.at(.reply("FEAT", nil), .close(.silent))
            try talker.send("FEAT")
            #expect(throws: TLSError.truncated) { _ = try talker.reply() }
            talker.close()
            #expect(server.waitUntilIdle())
        }
    }

    @Test("data connections can be cut, frozen, ended early and failed at a byte")
    func transfers() throws {
        try ScriptedServer.run(ScriptedServerSettings(.vsftpd)) { server in
            server.tree.addFile("/f", pattern(100_000))
            let talker = try Talker(server)
            try talker.logIn()
            server.at(.transfer("RETR"), times: 1, .cut(after: 40_000, .silent))
            let cut = try #require(try talker.open("RETR /f").data)
            #expect(throws: TLSError.truncated) { _ = try cut.everything() }
            cut.closeAbruptly()
            #expect(try talker.reply().hasPrefix("426"))
            server.at(.transfer("RETR"), skip: 0, times: 1, .endEarly(after: 7))
            #expect(try talker.download("RETR /f").bytes == Array(pattern(100_000)[..<7]))
            let gate = Gate()
            server.at(.transfer("RETR"), times: 1, .freeze(after: 10, gate))
            let frozen = try #require(try talker.open("RETR /f").data)
            #expect(try frozen.next().count == 10)
            gate.open()
            #expect(try frozen.everything().count == 99_990)
            frozen.closeOrderly()
            #expect(try talker.reply().hasPrefix("226"))
            server.at(.transfer("STOR"), times: 1, .fail(after: 1000, "452 Disk full"))
            let upload = try #require(try talker.open("STOR /g").data)
            try? upload.send(pattern(50_000))
            upload.closeAbruptly()
            #expect(try talker.reply() == "452 Disk full")
            #expect(server.tree.content("/g") == Array(pattern(1000)))
            try talker.quit()
            #expect(server.waitUntilIdle())
        }
    }

    @Test("ABOR ends a transfer where the server listens to it")
    func abort() throws {
        try ScriptedServer.run(ScriptedServerSettings(.proftpd)) { server in
            server.tree.addFile("/f", pattern(100_000))
            let talker = try Talker(server)
            try talker.logIn()
            server.at(.transfer("RETR"), .freeze(after: 100, Gate()))
            let data = try #require(try talker.open("RETR /f").data)
            #expect(try talker.ask("NOOP").hasPrefix("200"))
            #expect(try talker.ask("EPSV").hasPrefix("450"))
            #expect(try talker.ask("ABOR").hasPrefix("426"))
            #expect(try talker.reply().hasPrefix("226"))
            data.closeAbruptly()
            try talker.quit()
            #expect(server.waitUntilIdle())
        }
    }

    @Test("resumption is demanded, and another certificate shows up, as set")
    func dataConnections() throws {
        try ScriptedServer.run(ScriptedServerSettings(.vsftpd)) { server in
            server.tree.addFile("/f", pattern(10))
            let talker = try Talker(server)
            try talker.logIn()
            #expect(try talker.download("RETR /f").bytes.count == 10)
            server.settings.resumesData = false
            _ = try talker.open("RETR /f")
            #expect(try talker.reply().hasPrefix("522"))
            #expect(try talker.reply() == "closed")
            talker.close()
            server.settings.resumesData = true
            server.settings.dataCertificate = TestCertificate(
                "localhost", names: TestCertificate.loopbackNames, issuer: .authority)
            let second = try Talker(server)
            try second.logIn()
            #expect(throws: TLSError.peerChanged) { _ = try second.open("RETR /f") }
            second.close()
            #expect(server.waitUntilIdle())
            #expect(server.counts.resumedData == 1)
        }
    }

    @Test("connections beyond the limit are refused, in the likeness's way")
    func limits() throws {
        var settings = ScriptedServerSettings(.proftpd)
        settings.maximumConnections = 1
        try ScriptedServer.run(settings) { server in
            let first = try Talker(server)
            try first.logIn()
            let second = try Talker(server)
            _ = try second.ask("USER user")
            #expect(try second.ask("PASS secret").hasPrefix("530 Sorry, the maximum number of clients"))
            second.close()
            try first.quit()
            #expect(server.waitUntilIdle())
            #expect(server.counts.peakControl == 2)
        }
    }

    @Test("an idle connection is told of its end, or cut without a word; sizes can be lies")
    func interjections() throws {
        try ScriptedServer.run { server in
            let talker = try Talker(server)
            try talker.logIn()
            server.tree.addFile("/f", pattern(10))
            server.tree.change("/f") { $0.claimedSize = 4_000_000_000_000 }
            #expect(try talker.ask("SIZE /f") == "213 4000000000000")
            server.interject("421 Timeout.", then: .orderly)
            #expect(try talker.reply() == "421 Timeout.")
            #expect(try talker.reply() == "closed")
            talker.close()
            let second = try Talker(server)
            server.dropConnections()
            #expect(throws: TLSError.self) { _ = try second.reply() }
            second.close()
            #expect(server.waitUntilIdle())
            #expect(server.counts.control == 2)
        }
    }

    @Test("a stopped server leaves nothing behind, whatever it was doing")
    func stops() throws {
        let server = try ScriptedServer()
        server.tree.addFile("/f", pattern(100_000))
        server.at(.transfer("RETR"), .freeze(after: 100, Gate()))
        server.at(.command("SYST"), .wait(Gate()))
        let talker = try Talker(server)
        try talker.logIn()
        let data = try #require(try talker.open("RETR /f").data)
        try talker.send("SYST")
        server.stop()
        #expect(server.counts.openControl == 0)
        #expect(server.counts.openData == 0)
        data.closeAbruptly()
        talker.close()
    }
}
