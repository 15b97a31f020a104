import Posix
import TLS
import TestSupport
import Testing

@Suite("Verification of the server's certificate")
struct VerificationTests {
    @Test("a name that the certificate does not hold is refused, and the refusal says all a user needs")
    func wrongHost() throws {
        let certificate = TestCertificate("localhost", names: "DNS:other.example", issuer: .authority)
        let problem = try problem(verdict(on: certificate, of: Client()))
        #expect(problem.reason == "it is not made out to localhost but to DNS:other.example")
        #expect(problem.subject == "CN=localhost")
        #expect(problem.issuer == "CN=ftpsfs test authority")
        #expect(problem.identity.names == "DNS:other.example")
        #expect(problem.sha256.count == 64)
        #expect(problem.hint == "tls_pin=sha256:\(problem.sha256)")
        let text = problem.description
        for part in [problem.subject, problem.issuer, problem.sha256, problem.hint, problem.reason, "UTC"] {
            #expect(text.contains(part))
        }
    }

    @Test(
        "a server that shows no certificate at all is refused, whatever ciphers the user allows",
        arguments: ["ALL:@SECLEVEL=0", "aNULL:AES128-SHA:@SECLEVEL=0"], [true, false])
    func anonymous(ciphers: String, isPinned: Bool) throws {
        var settings = TestServerTLS(only: .v1_2)
        settings.ciphers = "AECDH-AES256-SHA:@SECLEVEL=0"
        let context = TestServerContext(settings)
        let client = try Client {
            $0.ciphers = ciphers
            if isPinned { $0.pins = [TestCertificate.server.sha256] }
        }
        try withServer { connection, _ in
            try? connection.secure(context)
        } _: { server in
            #expect(throws: TLSError.self) { try client.connect(server) }
        }
    }

    @Test("the common name does not stand in for a missing subjectAltName")
    func commonName() throws {
        let certificate = TestCertificate("localhost", names: nil, issuer: .authority)
        let reason = try problem(verdict(on: certificate, of: Client())).reason
        #expect(reason.hasPrefix("it is not made out to localhost: it has no subjectAltName"))
        #expect(reason.contains("cn_fallback"))
    }

    @Test("with cn_fallback the common name counts where there is no DNS name, and only then")
    func commonNameFallback() throws {
        func isAccepted(_ name: String, _ names: String?, host: String = "ftp.example.org") throws -> Bool {
            let certificate = TestCertificate(name, names: names, issuer: .authority)
            return try verdict(on: certificate, of: Client(host: host) { $0.acceptsCommonName = true }) == nil
        }
        #expect(try isAccepted("ftp.example.org", nil))
        #expect(try isAccepted("FTP.example.ORG", "email:me@example.org"))
        #expect(try isAccepted("*.example.org", nil))
        #expect(try isAccepted("x", "DNS:ftp.example.org"))
        #expect(try !isAccepted("ftp.example.org", "DNS:other.example.org"))
        #expect(try !isAccepted("other.example.org", nil))
        #expect(try !isAccepted("f*.example.org", nil))
        #expect(try !isAccepted("127.0.0.1", nil, host: "127.0.0.1"))
    }

    @Test(
        "wildcards stand for a whole label",
        arguments: [
            ("DNS:*.example.org", "a.example.org", true), ("DNS:*.example.org", "a.b.example.org", false),
            ("DNS:*.example.org", "example.org", false), ("DNS:f*.example.org", "ftp.example.org", false),
            ("DNS:f*o.example.org", "foo.example.org", false),
            ("DNS:*p.example.org", "ftp.example.org", false),
            ("DNS:*", "localhost", false), ("DNS:*", "ftp.example.org", false),
            ("DNS:*.org", "example.org", false),
            ("DNS:ftp.*.org", "ftp.example.org", false), ("DNS:*.*.org", "ftp.example.org", false),
            ("DNS:**.example.org", "ftp.example.org", false),
            ("DNS:EXAMPLE.org", "example.ORG", true),
            ("DNS:*.example.org", "xn--bcher-kva.example.org", true),
            ("DNS:a.example.org,DNS:b.example.org", "b.example.org", true),
            ("URI:ftp://ftp.example.org", "ftp.example.org", false),
            ("email:me@ftp.example.org", "ftp.example.org", false),
        ])
    func wildcards(names: String, host: String, isAccepted: Bool) throws {
        let certificate = TestCertificate("x", names: names, issuer: .authority)
        #expect(try (verdict(on: certificate, of: Client(host: host)) == nil) == isAccepted)
    }

    @Test("an address must stand in the certificate as an address")
    func wrongAddress() throws {
        let other = TestCertificate("x", names: "IP:192.0.2.1", issuer: .authority)
        let reason = try problem(verdict(on: other, of: Client(host: "127.0.0.1"))).reason
        #expect(reason == "it is not made out to 127.0.0.1 but to IP Address:192.0.2.1")
        let none = TestCertificate("127.0.0.1", names: nil, issuer: .authority)
        let words = try problem(verdict(on: none, of: Client(host: "127.0.0.1"))).reason
        #expect(words == "it is not made out to 127.0.0.1: it has no subjectAltName")
        let name = TestCertificate("x", names: "DNS:127.0.0.1", issuer: .authority)
        #expect(try verdict(on: name, of: Client(host: "127.0.0.1")) != nil)
        let right = TestCertificate("x", names: "IP:::1", issuer: .authority)
        #expect(try verdict(on: right, of: Client(host: "0:0:0:0:0:0:0:1")) == nil)
    }

    @Test("expired and not yet valid certificates are refused")
    func dates() throws {
        let expired = TestCertificate(
            "x", names: TestCertificate.loopbackNames, issuer: .authority, validFor: -3600)
        let problem = try problem(verdict(on: expired, of: Client()))
        #expect(problem.reason.hasPrefix("it has expired, on "))
        let until = try #require(problem.identity.validUntil)
        let from = try #require(problem.identity.validFrom)
        #expect(from < until)
        let early = TestCertificate(
            "x", names: TestCertificate.loopbackNames, issuer: .authority, validFrom: 3600)
        let reason = try TLSTests.problem(verdict(on: early, of: Client())).reason
        #expect(reason.hasPrefix("it is not yet valid, but from ") && reason.contains("UTC on"))
    }

    @Test("self-signed certificates and unknown authorities are refused")
    func unknownAuthority() throws {
        let lonely = TestCertificate("x", names: TestCertificate.loopbackNames, issuer: nil)
        #expect(try problem(verdict(on: lonely, of: Client())).reason.contains("self-signed"))
        let stranger = TestCertificate.authority(named: "stranger")
        let strange = TestCertificate("x", names: TestCertificate.loopbackNames, issuer: stranger)
        #expect(
            try problem(verdict(on: strange, of: Client())).reason.contains("authority is not a known one"))
        // The system's store knows nothing of the tests' authority.
        #expect(try problem(verdict(on: .server, of: Client { $0.caFile = nil })).sha256.count == 64)
    }

    @Test("a server's own certificate can be the authority")
    func ownAnchor() throws {
        let directory = try TemporaryDirectory("anchor")
        let leaf = TestCertificate("x", names: TestCertificate.loopbackNames, issuer: .authority)
        try TestFile.write(directory.path + "/leaf.pem", leaf.pem.utf8)
        let client = try Client { $0.caFile = directory.path + "/leaf.pem" }
        #expect(try verdict(on: leaf, of: client) == nil)
        #expect(try verdict(on: .server, of: client) != nil)
    }

    @Test("a pinned certificate is accepted whatever else is wrong with it; any other is refused")
    func pins() throws {
        let lonely = TestCertificate("x", names: "DNS:other", issuer: nil, validFor: -60)
        let client = try Client { $0.pins = [Array(repeating: 0, count: 32), lonely.sha256] }
        #expect(try verdict(on: lonely, of: client) == nil)
        let problem = try problem(verdict(on: .server, of: client))
        #expect(problem.reason.contains("tls_pin"))
        let lax = try Client {
            $0.pins = [lonely.sha256]
            $0.verifiesPeer = false
        }
        #expect(try verdict(on: .server, of: lax) != nil)
    }

    @Test("verification can be switched off as a whole, or for the name alone")
    func exceptions() throws {
        let lonely = TestCertificate("x", names: "DNS:other", issuer: nil, validFor: -60)
        #expect(try verdict(on: lonely, of: Client { $0.verifiesPeer = false }) == nil)
        let misnamed = TestCertificate("x", names: "DNS:other", issuer: .authority)
        #expect(try verdict(on: misnamed, of: Client { $0.verifiesHostName = false }) == nil)
        #expect(try verdict(on: lonely, of: Client { $0.verifiesHostName = false }) != nil)
    }

    @Test("nothing in a certificate reaches the terminal as a control character")
    func hostileNames() throws {
        let certificate = TestCertificate("evil\u{1b}[31m\n\u{202e}", names: nil, issuer: nil)
        let text = try problem(verdict(on: certificate, of: Client())).description
        #expect(text.utf8.allSatisfy { $0 == 0x0a || (0x20...0x7e).contains($0) })
        #expect(text.split(separator: "\n").count == 7)
    }
}
