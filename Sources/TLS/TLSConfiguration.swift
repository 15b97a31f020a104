package import Posix

/// The protocol versions that are worth offering.
package enum TLSVersion: Int, Sendable, Comparable, CaseIterable {
    /// TLS 1.2 (RFC 5246).
    case v1_2 = 0x0303
    /// TLS 1.3 (RFC 8446).
    case v1_3 = 0x0304

    /// Older is less.
    package static func < (left: TLSVersion, right: TLSVersion) -> Bool { left.rawValue < right.rawValue }
}

extension TLSVersion: CustomStringConvertible {
    /// `TLS 1.2` or `TLS 1.3`.
    package var description: String {
        switch self {
        case .v1_2: "TLS 1.2"
        case .v1_3: "TLS 1.3"
        }
    }
}

/// What is demanded of a TLS connection, and what is shown to the server; the default demands everything.
package struct TLSConfiguration: Sendable {
    /// The lowest version accepted; nil means TLS 1.2.
    package var minimumVersion: TLSVersion?
    /// The highest version offered; nil means the highest there is.
    package var maximumVersion: TLSVersion?
    /// Whether the certificate's chain must lead to a trusted authority; if not, nothing about the certificate is checked but the pins.
    package var verifiesPeer = true
    /// Whether the certificate must be made out to the host, on top of the chain.
    package var verifiesHostName = true
    /// Whether the subject's common name stands in for DNS names where a certificate has none (RFC 2818 section 3.1, given up in RFC 9525).
    package var acceptsCommonName = false
    /// A PEM file of revocation lists: the server's certificate needs one of its authority, those above may go without.
    ///
    /// Read again when it has changed; of no effect on pinned certificates.
    package var revocationFile: String?
    /// A PEM file of trusted certificates; takes the place of the system's store.
    package var caFile: String?
    /// A directory of trusted certificates under their hash names (openssl-rehash(1)); takes the place of the system's store.
    package var caDirectory: String?
    /// A PEM file with our certificate and its chain, or a PKCS#12 file with the key too, shown to a server that asks.
    package var certificateFile: String?
    /// A PEM file with the certificate's private key; nil means that the certificate's file holds it.
    package var keyFile: String?
    /// What decrypts the private key or PKCS#12 file; without it an encrypted key is an error, never a prompt.
    package var keyPassphrase: SecretBytes?
    /// Ciphers up to TLS 1.2 in the notation of openssl-ciphers(1), of which those without authentication or encryption are never used; nil
    /// means the library's default.
    package var ciphers: String?
    /// Cipher suites of TLS 1.3, separated by colons; nil means the library's default, that which the processor does fastest first.
    package var cipherSuites: String?
    /// Key exchange groups in order of preference, separated by colons; nil means P-256 first.
    package var groups: String?
    /// Whether control connections say that they are for FTP (ALPN, RFC 7301); a server may do as if nothing was said.
    package var namesProtocol = true
    /// SHA-256 digests (32 bytes each) of the DER form of certificates; if there are any, the server must show one of them, and
    /// neither chain nor host name matter.
    package var pins: [[UInt8]] = []

    /// A configuration that verifies chain and host name with the system's store.
    package init() {}

    /// P-256 comes first since vsftpd and Pure-FTPd 1.0.50 take nothing else: any other first key share costs a round trip on every
    /// connection there (HelloRetryRequest), and no server is known to refuse it.
    static let defaultGroups = "P-256:X25519:P-384:P-521"

    var groupList: String { groups ?? TLSConfiguration.defaultGroups }
}
