import Posix
import TLS
import TestSupport
import Testing

/// A certificate that is refused, and what is said of it.
private struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let certificate: TestCertificate
    /// Revocation lists, as the content of the option's file.
    var lists: String?
    /// What the reason begins with.
    let start: String
    /// What it contains besides.
    var words: [String] = []

    init(
        _ name: String, _ start: String, _ words: String..., lists: String? = nil,
        certificate: TestCertificate
    ) {
        testDescription = name
        self.start = start
        self.words = words
        self.certificate = certificate
        self.lists = lists
    }

    /// A certificate for loopback that would be accepted but for what the arguments change.
    static func certificate(
        _ issuer: TestCertificate? = .authority, names: String? = TestCertificate.loopbackNames,
        from: Int = -86_400, for validity: Int = 86_400,
        _ change: (inout TestCertificate.Traits) -> Void = { _ in }
    ) -> TestCertificate {
        TestCertificate(
            "x", names: names, issuer: issuer, validFrom: from, validFor: validity,
            TestCertificate.Traits(change))
    }

    static let stranger = TestCertificate.authority(named: "stranger")
    static let leaf = certificate()

    static let all: [Refusal] = [
        Refusal("expired", "it has expired, on 20", "UTC", certificate: certificate(for: -3600)),
        Refusal("early", "it is not yet valid, but from 20", "UTC", certificate: certificate(from: 3600)),
        Refusal("self-signed", "it is signed by itself", certificate: certificate(nil)),
        Refusal(
            "unknown authority", "its authority is not a known one", certificate: certificate(stranger)),
        Refusal(
            "wrong host", "it is not made out to localhost but to DNS:a.example, DNS:b.example",
            certificate: certificate(names: "DNS:a.example,DNS:b.example")),
        Refusal(
            "for clients", "it is not made for servers", "TLS Web Client Authentication",
            certificate: certificate { $0.usage = "clientAuth" }),
        Refusal(
            "short key", "its key is too short (RSA, 1024 bits)", certificate: certificate { $0.bits = 1024 }),
        Refusal(
            "old digest", "it is signed in a way that is too weak", "SHA1",
            certificate: certificate { $0.hasOldDigest = true }),
        Refusal(
            "revoked", "it has been revoked by its authority, on 20", "UTC",
            lists: TestCertificate.authority.revocationList(of: [leaf]), certificate: leaf),
        Refusal(
            "revoked in the second list", "it has been revoked by its authority",
            lists: stranger.revocationList(of: []) + TestCertificate.authority.revocationList(of: [leaf]),
            certificate: leaf),
        Refusal(
            "old list",
            "the revocation list of CN=ftpsfs test authority in the file of crl has expired, on 20",
            lists: TestCertificate.authority.revocationList(of: [], validFor: -3600), certificate: leaf),
        Refusal(
            "early list",
            "the revocation list of CN=ftpsfs test authority in the file of crl is not yet valid",
            lists: TestCertificate.authority.revocationList(of: [], validFrom: 3600), certificate: leaf),
        Refusal(
            "no list", "the file of crl has no revocation list of its authority, CN=ftpsfs test authority",
            lists: stranger.revocationList(of: []), certificate: leaf),
        Refusal(
            "forged list",
            "the revocation list of CN=ftpsfs test authority in the file of crl cannot be used",
            "signature",
            lists: TestCertificate.authority(named: "ftpsfs test authority").revocationList(of: []),
            certificate: leaf),
    ]
}

@Suite("Refusals of certificates")
struct RefusalTests {
    private func client(
        lists: String?, _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> (Client, TemporaryDirectory) {
        let directory = try TemporaryDirectory("crl")
        let file = directory.path + "/lists"
        if let lists { try TestFile.write(file, lists.utf8) }
        let client = try Client {
            if lists != nil { $0.revocationFile = file }
            change(&$0)
        }
        return (client, directory)
    }

    @Test("each failure has its own words, with all that is needed to decide", arguments: Refusal.all)
    private func words(_ refusal: Refusal) throws {
        let (client, place) = try client(lists: refusal.lists)
        defer { withExtendedLifetime(place) {} }
        let problem = try problem(verdict(on: refusal.certificate, of: client))
        #expect(problem.reason.hasPrefix(refusal.start), "\(problem.reason)")
        for word in refusal.words { #expect(problem.reason.contains(word), "\(problem.reason)") }
        #expect(problem.subject == "CN=x" && problem.sha256.count == 64)
        let text = problem.description
        for part in ["subject: CN=x", "issuer:  CN=", problem.sha256, "tls_pin=sha256:\(problem.sha256)"] {
            #expect(text.contains(part), "\(text)")
        }
        // What the message names as the way out is one.
        let pinned = try Client { $0.pins = [refusal.certificate.sha256] }
        #expect(try verdict(on: refusal.certificate, of: pinned) == nil)
    }

    @Test("what is too weak for OpenSSL's security level is accepted on a lower one")
    func lowerLevels() throws {
        let short = Refusal.certificate { $0.bits = 1024 }
        let old = Refusal.certificate { $0.hasOldDigest = true }
        #expect(try verdict(on: short, of: Client { $0.ciphers = "DEFAULT@SECLEVEL=1" }) == nil)
        #expect(try verdict(on: old, of: Client { $0.ciphers = "DEFAULT@SECLEVEL=1" }) != nil)
        #expect(try verdict(on: old, of: Client { $0.ciphers = "DEFAULT@SECLEVEL=0" }) == nil)
    }

    @Test("the words of all failures differ")
    private func different() {
        #expect(Set(Refusal.all.map(\.start)).count == Refusal.all.count)
    }

    @Test("a certificate that is in no list is accepted, and a new list in the same file counts at once")
    func renewedLists() throws {
        let leaf = Refusal.certificate()
        let (client, place) = try client(lists: TestCertificate.authority.revocationList(of: [.server]))
        #expect(try verdict(on: leaf, of: client) == nil)
        #expect(try verdict(on: .server, of: client) != nil)
        // A file half written takes nothing away.
        try TestFile.write(place.path + "/lists", "-----BEGIN X509 CRL-----\n".utf8)
        #expect(try verdict(on: .server, of: client) != nil)
        try TestFile.write(
            place.path + "/lists", TestCertificate.authority.revocationList(of: [leaf]).utf8)
        #expect(try problem(verdict(on: leaf, of: client)).reason.contains("revoked"))
        #expect(try verdict(on: .server, of: client) == nil)
    }

    @Test("authorities above the server's need no list, and one that is there counts")
    func listsOfTheChain() throws {
        let trusted = try TemporaryDirectory("trusted")
        let middle = TestCertificate("middle", names: nil, issuer: .authority, isAuthority: true)
        let leaf = Refusal.certificate(middle)
        func reason(_ lists: String) throws -> String? {
            let (client, place) = try self.client(lists: lists)
            defer { withExtendedLifetime(place) {} }
            return try verdict(on: leaf, sending: middle, of: client).map { try problem($0).reason }
        }
        let own = middle.revocationList(of: [])
        #expect(try reason(own) == nil)
        let clean = try reason(own + TestCertificate.authority.revocationList(of: []))
        #expect(clean == nil)
        let revoked = try reason(own + TestCertificate.authority.revocationList(of: [middle])) ?? "accepted"
        #expect(revoked.hasPrefix("it has been revoked"), "\(revoked)")
        #expect(revoked.hasSuffix("(in the chain: CN=middle)"), "\(revoked)")
        // An authority that is trusted by itself needs none either, though it is not the root.
        try TestFile.write(trusted.path + "/middle.pem", middle.pem.utf8)
        let (client, place) = try self.client(lists: own + TestCertificate.authority.revocationList(of: [])) {
            $0.caFile = trusted.path + "/middle.pem"
        }
        defer { withExtendedLifetime(place) {} }
        #expect(try verdict(on: leaf, of: client) == nil)
    }

    @Test("a file without a revocation list cannot be used, and is named")
    func noLists() throws {
        for content in ["", "nothing\n", TestCertificate.authority.pem] {
            let error = try #require(throws: TLSError.self) { _ = try client(lists: content) }
            #expect(error.description.contains("/lists") && error.description.contains("revocation list"))
        }
    }

    @Test("a certificate of ours that is too weak is refused with the way out")
    func weakOwnKey() throws {
        let directory = try TemporaryDirectory("weak")
        let weak = TestCertificate(
            "me", names: nil, issuer: .authority, TestCertificate.Traits { $0.bits = 1024 })
        let file = directory.path + "/me.pem"
        try TestFile.write(file, (weak.pem + weak.keyPEM()).utf8)
        let error = try #require(throws: TLSError.self) { try Client { $0.certificateFile = file } }
        #expect(error.description.contains("ee key too small") && error.description.contains("SECLEVEL=1"))
        _ = try Client {
            $0.certificateFile = file
            $0.ciphers = "DEFAULT@SECLEVEL=1"
        }
    }
}
