import TLS
import TestSupport
import Testing

@Suite("The protocol's name in TLS (ALPN)")
struct ProtocolNameTests {
    /// What a server has chosen on a control and a data connection.
    private func chosen(
        _ version: TestServerTLS.Version, _ alpn: String?, forced: Bool = false,
        _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> [String?] {
        var settings = TestServerTLS(only: version)
        settings.alpn = alpn
        settings.forcesALPN = forced
        let context = TestServerContext(settings)
        let seen = (TestResult<String?>(), TestResult<String?>())
        try withServer { connection, number in
            try connection.secure(context)
            (number == 0 ? seen.0 : seen.1).set(connection.chosenProtocol)
            try connection.write("in")
            if number > 0 { connection.sendClose() } else { _ = try? connection.read() }
        } _: { server in
            let client = try Client { change(&$0) }
            let control = try client.connect(server)
            #expect(try control.next() == Array("in".utf8))
            let data = try client.connectData(server, like: control)
            #expect(data.isResumed)
            #expect(try data.everything() == Array("in".utf8))
        }
        return [try seen.0.wait(), try seen.1.wait()]
    }

    @Test("control connections name FTP and nothing else, data connections name nothing", arguments: versions)
    func named(version: TestServerTLS.Version) throws {
        #expect(try chosen(version, "ftp") == ["ftp", nil])
        #expect(try chosen(version, nil) == [nil, nil])
        #expect(try chosen(version, "ftp") { $0.namesProtocol = false } == [nil, nil])
    }

    @Test("a server for another protocol is no FTP server", arguments: versions)
    func others(version: TestServerTLS.Version) throws {
        let refused = try #require(throws: TLSError.self) { try chosen(version, "h2") }
        #expect(refused.description.contains("no application protocol"), "\(refused)")
        #expect(refused.description.contains("no_alpn"), "\(refused)")
        #expect(throws: TLSError.self) { try chosen(version, "h2", forced: true) }
        #expect(try chosen(version, "h2") { $0.namesProtocol = false } == [nil, nil])
    }
}
