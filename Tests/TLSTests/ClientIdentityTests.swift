import Posix
import TLS
import TestSupport
import Testing

/// What the client shows to a server that asks who it is, and what is said where it cannot.
@Suite("The client's certificate")
struct ClientIdentityTests {
    private let place: TemporaryDirectory
    private let mine = TestCertificate("me", names: nil, issuer: .authority)

    init() throws {
        place = try TemporaryDirectory("client")
    }

    private func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try TestFile.write(place.path + "/" + name, bytes)
        return place.path + "/" + name
    }

    /// The certificate that a server gets to see on a control and a data connection.
    private func shown(
        resumes: Bool, _ version: TestServerTLS.Version, _ change: (inout TLSConfiguration) -> Void
    ) throws -> [[UInt8]?] {
        var settings = TestServerTLS(only: version)
        settings.clientAuthority = .authority
        settings.resumes = resumes
        let context = TestServerContext(settings)
        let seen = (TestResult<[UInt8]?>(), TestResult<[UInt8]?>())
        try withServer { connection, number in
            try connection.secure(context)
            (number == 0 ? seen.0 : seen.1).set(connection.peerSHA256)
            try connection.write("in")
            if number > 0 { connection.sendClose() } else { _ = try? connection.read() }
        } _: { server in
            let client = try Client { change(&$0) }
            let control = try client.connect(server)
            #expect(try control.next() == Array("in".utf8))
            let data = try client.connectData(server, like: control)
            #expect(data.isResumed == resumes)
            #expect(try data.everything() == Array("in".utf8))
        }
        return [try seen.0.wait(), try seen.1.wait()]
    }

    @Test(
        "control and data connections show the same certificate, of PEM and of PKCS#12 files",
        arguments: versions, [true, false])
    func bothConnections(version: TestServerTLS.Version, resumes: Bool) throws {
        let pem = try file("me.pem", (mine.pem + mine.keyPEM()).utf8)
        #expect(
            try shown(resumes: resumes, version) { $0.certificateFile = pem } == [mine.sha256, mine.sha256])
        let noted = try file("noted.pem", ("0 s:CN=me\n" + mine.pem + mine.keyPEM()).utf8)
        #expect(
            try shown(resumes: resumes, version) { $0.certificateFile = noted } == [mine.sha256, mine.sha256])
        let bundle = try file("me.p12", mine.pkcs12(passphrase: "open sesame", issuer: .authority))
        let both = try shown(resumes: resumes, version) {
            $0.certificateFile = bundle
            $0.keyFile = bundle
            $0.keyPassphrase = SecretBytes(text: "open sesame")
        }
        #expect(both == [mine.sha256, mine.sha256])
    }

    @Test("a PKCS#12 file without encryption needs no passphrase, whatever its name")
    func openBundle() throws {
        let bundle = try file("certificate.pem", mine.pkcs12(passphrase: nil))
        #expect(
            try shown(resumes: true, .v1_3) { $0.certificateFile = bundle } == [mine.sha256, mine.sha256])
    }

    @Test("what is wrong with a file is said, each thing in its own words")
    func messages() throws {
        func message(_ file: String, key: String? = nil, _ passphrase: String? = nil) throws -> String {
            let error = try #require(throws: TLSError.self) {
                try Client {
                    $0.certificateFile = file
                    $0.keyFile = key
                    $0.keyPassphrase = passphrase.map { SecretBytes(text: $0) }
                }
            }
            guard case .configuration(let text) = error else { return "\(error)" }
            #expect(text.contains(key ?? file))
            #expect(!text.contains("open sesame") && !text.contains("guess"))
            return text
        }
        let bundle = try file("me.p12", mine.pkcs12(passphrase: "open sesame"))
        let key = try file("me.key", mine.keyPEM(passphrase: "open sesame").utf8)
        let pem = try file("me.pem", mine.pem.utf8)
        #expect(try message(bundle).contains("is encrypted, and no passphrase was given"))
        #expect(try message(bundle, "guess").contains("does not open the PKCS#12 file"))
        #expect(try message(pem, key: key).contains("is encrypted, and no passphrase was given"))
        #expect(try message(pem, key: key, "guess").contains("does not open the private key"))
        let noise = try file("noise", [0x30, 0x82, 1, 2, 3, 4, 5])
        #expect(try message(noise, "guess").contains("neither PEM nor PKCS#12"))
        #expect(try message(try file("text", "hello".utf8)).contains("cannot be used"))
        #expect(try message(place.path + "/nothing").contains("cannot be read"))
        let other = try #require(throws: TLSError.self) {
            try Client {
                $0.certificateFile = bundle
                $0.keyFile = key
                $0.keyPassphrase = SecretBytes(text: "open sesame")
            }
        }
        #expect(other.description.contains("leave key= out"))
    }

    @Test("a server that demands a certificate is met with the option that shows one")
    func demanded() throws {
        var settings = TestServerTLS(only: .v1_3)
        settings.clientAuthority = .authority
        let context = TestServerContext(settings)
        try withServer { connection, _ in
            try? connection.secure(context)
        } _: { server in
            let error = try #require(throws: TLSError.self) { try Client().connect(server).everything() }
            #expect(error.description.contains("certificate required") && error.description.contains("cert="))
        }
    }
}
