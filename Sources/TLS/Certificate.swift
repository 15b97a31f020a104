import COpenSSL
import Glibc

/// Reads the facts of OpenSSL's `X509` objects.
enum Certificate {
    /// No text of a certificate is taken beyond this many bytes.
    private static let maximumTextLength = 1000

    /// The SHA-256 digest of the DER form, 32 bytes; empty if OpenSSL cannot make it.
    static func sha256(of certificate: OpaquePointer) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        // SAFETY: X509_digest writes at most EVP_MAX_MD_SIZE bytes.
        let result = unsafe X509_digest(certificate, EVP_sha256(), &digest, &length)
        return result == 1 && length == 32 ? Array(digest.prefix(32)) : []
    }

    /// All that is said to users about a certificate.
    static func identity(of certificate: OpaquePointer) -> PeerIdentity {
        PeerIdentity(
            sha256: unsafe sha256(of: certificate),
            subject: unsafe name(X509_get_subject_name(certificate)),
            issuer: unsafe name(X509_get_issuer_name(certificate)),
            names: unsafe extensionText(NID_subject_alt_name, of: certificate),
            validFrom: unsafe seconds(X509_get0_notBefore(certificate)),
            validUntil: unsafe seconds(X509_get0_notAfter(certificate)))
    }

    /// A subject or issuer in the one-line form of RFC 2253.
    static func name(_ name: OpaquePointer?) -> String {
        unsafe text { bio in unsafe X509_NAME_print_ex(bio, name, 0, ftpsfs_xn_flags) }
    }

    /// An extension in OpenSSL's words; empty where the certificate has none of this kind.
    static func extensionText(_ kind: CInt, of certificate: OpaquePointer) -> String {
        let place = unsafe X509_get_ext_by_NID(certificate, kind, -1)
        guard place >= 0, let found = unsafe X509_get_ext(certificate, place) else { return "" }
        return unsafe text { bio in unsafe X509V3_EXT_print(bio, found, 0, 0) }
    }

    /// The kind and size of the key, as `RSA, 1024 bits`.
    static func keyText(of certificate: OpaquePointer) -> String {
        guard let key = unsafe X509_get0_pubkey(certificate) else { return "unknown" }
        let name = unsafe EVP_PKEY_get0_type_name(key).map { unsafe String(cString: $0) } ?? "unknown"
        return "\(name), \(unsafe EVP_PKEY_get_bits(key)) bits"
    }

    /// The way it is signed, as `sha1WithRSAEncryption`.
    static func signatureText(of certificate: OpaquePointer) -> String {
        guard let name = unsafe OBJ_nid2ln(X509_get_signature_nid(certificate)) else { return "unknown" }
        return unsafe String(cString: name)
    }

    /// What a function of OpenSSL prints, cut to a bearable length, with everything but printable ASCII replaced.
    private static func text(_ write: (OpaquePointer) -> CInt) -> String {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(bio) }
        guard unsafe write(bio) >= 0 else { return "" }
        var buffer = [UInt8](repeating: 0, count: maximumTextLength)
        // SAFETY: BIO_read writes at most the given count.
        let count = unsafe BIO_read(bio, &buffer, CInt(buffer.count))
        guard count > 0 else { return "" }
        return printable(buffer.prefix(Int(count)))
    }

    /// Seconds since 1970; nil where the time cannot be read.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        guard let time = unsafe time else { return nil }
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return unsafe Int64(timegm(&parts))
    }
}

/// Text from bytes nobody vouches for: everything but printable ASCII becomes a question mark.
func printable(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.map { (0x20...0x7e).contains($0) ? $0 : 0x3f }, as: UTF8.self)
}

/// `2026-01-31 23:59:59 UTC` from seconds since 1970.
func dateText(_ seconds: Int64?) -> String {
    guard let seconds, var time = time_t(exactly: seconds) else { return "unknown" }
    var parts = unsafe tm()
    guard unsafe gmtime_r(&time, &parts) != nil else { return "unknown" }
    func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let year = unsafe Int(parts.tm_year) + 1900
    let date = unsafe "\(year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return unsafe "\(date) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) UTC"
}
