/// Whose certificate a server has shown; all text is printable ASCII, whatever the certificate holds.
package struct PeerIdentity: Hashable, Sendable {
    /// The SHA-256 digest of the certificate's DER form, 32 bytes.
    package let sha256: [UInt8]
    /// The subject, in the one-line form of RFC 2253.
    package let subject: String
    /// The issuer, in the same form.
    package let issuer: String
    /// The names it is made out to, such as `DNS:ftp.example.org, IP Address:192.0.2.1`; empty if there are none.
    package let names: String
    /// The first moment of its validity, in seconds since 1970; nil if it cannot be read.
    package let validFrom: Int64?
    /// The last moment of its validity, in seconds since 1970; nil if it cannot be read.
    package let validUntil: Int64?

    /// The digest in lower-case hexadecimal.
    package var sha256Hex: String { hexadecimal(sha256) }

    /// The mount option that accepts exactly this certificate.
    package var pinOption: String { "tls_pin=sha256:\(sha256Hex)" }

    /// The first moment of its validity as `2026-01-31 23:59:59 UTC`, or `unknown`.
    package var validFromText: String { dateText(validFrom) }

    /// The last moment of its validity, in the same form.
    package var validUntilText: String { dateText(validUntil) }

    /// Which connections have the same identity is a matter of the certificate alone.
    package func isSameCertificate(as other: PeerIdentity) -> Bool { sha256 == other.sha256 }
}

/// Why a certificate is not trusted, with all that a user needs to decide.
package struct CertificateProblem: Hashable, Sendable {
    /// What the server showed.
    package let identity: PeerIdentity
    /// The reason in plain words.
    package let reason: String
    /// The host that was asked for.
    package let host: String

    /// The subject of the server's certificate.
    package var subject: String { identity.subject }
    /// Its issuer.
    package var issuer: String { identity.issuer }
    /// The SHA-256 digest of the server's certificate, lower-case hexadecimal.
    package var sha256: String { identity.sha256Hex }
    /// The mount option that would accept exactly this certificate.
    package var hint: String { identity.pinOption }
}

extension CertificateProblem: CustomStringConvertible {
    /// Several lines: reason, subject, issuer, names, validity, digest, and the option that would accept the certificate.
    package var description: String {
        """
        the certificate of \(host) is not trusted: \(reason)
          subject: \(subject)
          issuer:  \(issuer)
          names:   \(identity.names.isEmpty ? "none" : identity.names)
          valid:   \(identity.validFromText) to \(identity.validUntilText)
          SHA-256: \(sha256)
          to accept exactly this certificate use the option \(hint)
        """
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
