import Posix
import TLS
import TestSupport
import Testing

@Suite("What a TLS configuration offers and accepts")
struct ConfigurationTests {
    /// The cipher that a server and a client with these settings agree on.
    private func cipher(
        _ version: TestServerTLS.Version, _ change: (inout TLSConfiguration) -> Void
    ) throws -> String? {
        let context = TestServerContext(TestServerTLS(only: version))
        var name: String?
        try withServer { connection, _ in
            try connection.secure(context)
            connection.sendClose()
        } _: { server in
            let client = try Client { change(&$0) }
            name = try client.connect(server).negotiated?.cipher
        }
        return name
    }

    @Test("ciphers of TLS 1.2 and suites of TLS 1.3 are chosen each by itself")
    func ciphers() throws {
        // Without a wish, what the processor is fast with.
        let usual = Processor.acceleratesAES ? "TLS_AES_128_GCM_SHA256" : "TLS_CHACHA20_POLY1305_SHA256"
        #expect(try cipher(.v1_3) { _ in } == usual)
        for suite in ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"] {
            #expect(try cipher(.v1_3) { $0.cipherSuites = suite } == suite)
        }
        for name in ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"] {
            let list = "\(name):\(name.replacing("ECDSA", with: "RSA"))"
            #expect(try cipher(.v1_2) { $0.ciphers = list }.map(list.contains) == true)
            #expect(try cipher(.v1_3) { $0.ciphers = list }?.hasPrefix("TLS_") == true)
        }
        #expect(try cipher(.v1_2) { $0.cipherSuites = "TLS_AES_256_GCM_SHA384" }?.hasPrefix("ECDHE-") == true)
    }

    @Test("the certificate in a file is pinned by its digest; a file without one is an error")
    func pinnedFile() throws {
        let directory = try TemporaryDirectory("pin")
        let path = directory.path + "/cert.pem"
        let certificate = TestCertificate("x", names: nil, issuer: nil)
        try TestFile.write(path, ("a comment\n" + certificate.pem).utf8)
        var configuration = TLSConfiguration()
        try configuration.pin(certificateIn: path)
        #expect(configuration.pins == [certificate.sha256])
        try TestFile.write(path, "no certificate\n".utf8)
        for path in [path, "/nowhere/cert.pem"] {
            let error = try #require(throws: TLSError.self) { try configuration.pin(certificateIn: path) }
            #expect(error.description.contains(path))
        }
    }
}
