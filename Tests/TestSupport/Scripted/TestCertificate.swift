import COpenSSL
import Glibc
import Posix

/// A throw-away certificate with its private key, made in memory.
package final class TestCertificate: @unchecked Sendable {
    // Unchecked: nothing changes after `init`, and OpenSSL counts references atomically.
    let certificate: OpaquePointer
    let key: OpaquePointer

    /// The names of a server on loopback.
    package static let loopbackNames = "DNS:localhost,IP:127.0.0.1,IP:::1"

    /// A self-signed authority.
    package static func authority(named name: String = "ftpsfs test authority") -> TestCertificate {
        TestCertificate(name, names: nil, issuer: nil, isAuthority: true)
    }

    /// The authority that most tests share.
    package static let authority = authority()

    /// A server's certificate of the shared authority, for loopback.
    package static let server = TestCertificate("localhost", names: loopbackNames, issuer: authority)

    /// Makes a key pair and a certificate.
    ///
    /// `names` is a list such as `DNS:localhost,IP:127.0.0.1`; nil means no subjectAltName. Without an issuer it signs itself. The
    /// validity is given in seconds from now.
    package init(
        _ commonName: String, names: String?, issuer: TestCertificate?, isAuthority: Bool = false,
        validFrom: Int = -86_400, validFor: Int = 86_400
    ) {
        key = makeKey()
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
        precondition(X509_sign(certificate, issuer?.key ?? key, EVP_sha256()) > 0, "X509_sign failed")
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

    private func text(_ print: (OpaquePointer?) -> CInt) -> String {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        precondition(print(bio) == 1, "PEM cannot be written")
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = BIO_read(bio, &buffer, CInt(buffer.count))
        return String(decoding: buffer.prefix(Int(max(0, count))), as: UTF8.self)
    }
}

private let serial = Monitor(1)

private func nextSerial() -> Int {
    serial.withLock { serial in
        serial += 1
        return serial
    }
}

private func makeKey() -> OpaquePointer {
    let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
        EVP_PKEY_generate(context, &key) == 1, let key
    else { preconditionFailure("no key could be made") }
    return key
}
