import COpenSSL
import Glibc
import Posix

/// A throw-away certificate with its private key, made in memory.
package final class TestCertificate: @unchecked Sendable {
    // Unchecked: nothing changes after `init`, and OpenSSL counts references atomically.
    let certificate: OpaquePointer
    let key: OpaquePointer

    /// The names of a server on loopback, and of a relay before it.
    package static let loopbackNames = "DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:::1"

    /// A self-signed authority.
    package static func authority(named name: String = "ftpsfs test authority") -> TestCertificate {
        TestCertificate(name, names: nil, issuer: nil, isAuthority: true)
    }

    /// The authority that most tests share.
    package static let authority = authority()

    /// A server's certificate of the shared authority, for loopback.
    package static let server = TestCertificate("localhost", names: loopbackNames, issuer: authority)

    /// What else sets a certificate apart.
    package struct Traits: Sendable {
        /// The extended key usage, such as `clientAuth`; nil for none.
        package var usage: String?
        /// The size of an RSA key in bits; nil means an elliptic curve.
        package var bits: CInt?
        /// Whether it is signed with SHA-1.
        package var hasOldDigest = false

        /// Nothing out of the ordinary.
        package init() {}

        /// Changes that read well in a test.
        package init(_ change: (inout Traits) -> Void) { change(&self) }
    }

    /// Makes a key pair and a certificate.
    ///
    /// `names` is a list such as `DNS:localhost,IP:127.0.0.1`; nil means no subjectAltName. Without an issuer it signs itself. The
    /// validity is given in seconds from now.
    package init(
        _ commonName: String, names: String?, issuer: TestCertificate?, isAuthority: Bool = false,
        validFrom: Int = -86_400, validFor: Int = 86_400, _ traits: Traits = Traits()
    ) {
        key = makeKey(traits.bits)
        certificate = X509_new()
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), nextSerial())
        X509_gmtime_adj(X509_getm_notBefore(certificate), validFrom)
        X509_gmtime_adj(X509_getm_notAfter(certificate), validFor)
        X509_set_pubkey(certificate, key)
        let subject = X509_get_subject_name(certificate)
        let bytes = Array(commonName.utf8)
        X509_NAME_add_entry_by_txt(subject, "CN", 0x1000, bytes, CInt(bytes.count), -1, 0)
        let signer = issuer?.certificate ?? certificate
        X509_set_issuer_name(certificate, X509_get_subject_name(signer))
        add(NID_basic_constraints, isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE", signer)
        if isAuthority { add(NID_key_usage, "critical,keyCertSign,cRLSign", signer) }
        if let names { add(NID_subject_alt_name, names, signer) }
        if let usage = traits.usage { add(NID_ext_key_usage, usage, signer) }
        let digest = traits.hasOldDigest ? EVP_sha1() : EVP_sha256()
        precondition(X509_sign(certificate, issuer?.key ?? key, digest) > 0, "X509_sign failed")
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    private func add(_ kind: CInt, _ value: String, _ signer: OpaquePointer) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, signer, certificate, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &context, kind, value) else {
            preconditionFailure("no such extension: \(value)")
        }
        X509_add_ext(certificate, made, -1)
        X509_EXTENSION_free(made)
    }

    /// The digest of the DER form, 32 bytes.
    package var sha256: [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        X509_digest(certificate, EVP_sha256(), &digest, &length)
        return digest
    }

    /// The certificate in PEM form.
    package var pem: String {
        text { PEM_write_bio_X509($0, certificate) }
    }

    /// The private key in PEM form, encrypted if a passphrase is given.
    package func keyPEM(passphrase: String? = nil) -> String {
        text { bio in
            guard let passphrase else { return PEM_write_bio_PrivateKey(bio, key, nil, nil, 0, nil, nil) }
            let bytes = Array(passphrase.utf8)
            return PEM_write_bio_PrivateKey(
                bio, key, EVP_aes_256_cbc(), bytes, CInt(bytes.count), nil, nil)
        }
    }

    /// Certificate, key and the issuer's certificate in PKCS#12 form; encrypted, and under a MAC, if a passphrase is given.
    package func pkcs12(passphrase: String?, issuer: TestCertificate? = nil) -> [UInt8] {
        let chain = issuer.map { issuer in
            X509_up_ref(issuer.certificate)
            return ftpsfs_certificates_new(issuer.certificate)
        }
        defer { ftpsfs_certificates_free(chain ?? nil) }
        // -1: no encryption of the key or of the certificates, no MAC.
        let method = passphrase == nil ? CInt(-1) : 0
        let made = PKCS12_create(
            passphrase, "mine", key, certificate, chain ?? nil, method, method, 0, passphrase == nil ? -1 : 0,
            0)
        defer { PKCS12_free(made) }
        return bytes { i2d_PKCS12_bio($0, made) }
    }

    /// A revocation list of this authority in PEM form; the validity is given in seconds from now.
    package func revocationList(
        of revoked: [TestCertificate], validFrom: Int = -86_400, validFor: Int = 86_400
    ) -> String {
        let list = X509_CRL_new()
        defer { X509_CRL_free(list) }
        X509_CRL_set_version(list, 1)
        X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate))
        let (start, end) = (X509_gmtime_adj(nil, validFrom), X509_gmtime_adj(nil, validFor))
        defer {
            ASN1_STRING_free(start)
            ASN1_STRING_free(end)
        }
        X509_CRL_set1_lastUpdate(list, start)
        X509_CRL_set1_nextUpdate(list, end)
        for other in revoked {
            let entry = X509_REVOKED_new()
            X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(other.certificate))
            X509_REVOKED_set_revocationDate(entry, start)
            X509_CRL_add0_revoked(list, entry)
        }
        X509_CRL_sort(list)
        precondition(X509_CRL_sign(list, key, EVP_sha256()) > 0, "X509_CRL_sign failed")
        return text { PEM_write_bio_X509_CRL($0, list) }
    }

    private func text(_ write: (OpaquePointer?) -> CInt) -> String {
        String(decoding: bytes(write), as: UTF8.self)
    }

    private func bytes(_ write: (OpaquePointer?) -> CInt) -> [UInt8] {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        precondition(write(bio) == 1, "it cannot be written")
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = BIO_read(bio, &buffer, CInt(buffer.count))
        return Array(buffer.prefix(Int(max(0, count))))
    }
}

private let serial = Monitor(1)

private func nextSerial() -> Int {
    serial.withLock { serial in
        serial += 1
        return serial
    }
}

private func makeKey(_ bits: CInt?) -> OpaquePointer {
    let context = EVP_PKEY_CTX_new_from_name(nil, bits == nil ? "EC" : "RSA", nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1,
        (bits.map { EVP_PKEY_CTX_set_rsa_keygen_bits(context, $0) }
            ?? EVP_PKEY_CTX_set_group_name(context, "P-256")) == 1,
        EVP_PKEY_generate(context, &key) == 1, let key
    else { preconditionFailure("no key could be made") }
    return key
}
