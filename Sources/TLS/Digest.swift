import COpenSSL

/// A checksum of bytes that come one after the other: a cryptographic one by OpenSSL (EVP_DigestInit(3)), or a CRC.
///
/// Used by one thread at a time.
@safe package final class Digest {
    /// The algorithms that FTP servers offer, the weakest first.
    package enum Algorithm: CaseIterable, Sendable {
        /// CRC-32 of IEEE 802.3, as in zip(1) and PNG: 4 bytes, the highest first.
        case crc32
        /// MD5, 16 bytes.
        case md5
        /// SHA-1, 20 bytes.
        case sha1
        /// SHA-256, 32 bytes.
        case sha256
        /// SHA-512, 64 bytes.
        case sha512
    }

    private let context: OpaquePointer?
    private var crc = UInt32.max
    private var isGood = true

    /// Begins with no bytes; nil where the library does not offer the algorithm (MD5 under FIPS) or has no memory.
    package init?(_ algorithm: Algorithm) {
        let method: OpaquePointer?
        switch algorithm {
        case .crc32:
            unsafe context = nil
            return
        case .md5: unsafe method = EVP_md5()
        case .sha1: unsafe method = EVP_sha1()
        case .sha256: unsafe method = EVP_sha256()
        case .sha512: unsafe method = EVP_sha512()
        }
        unsafe context = EVP_MD_CTX_new()
        guard let context = unsafe context, unsafe EVP_DigestInit_ex(context, method, nil) == 1 else {
            return nil
        }
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    /// Adds bytes.
    package func add(_ bytes: RawSpan) {
        // SAFETY: so many bytes are read, and no pointer is kept.
        unsafe bytes.withUnsafeBytes { bytes in
            guard let context = unsafe context else {
                for index in bytes.indices {
                    let byte = unsafe bytes[index]
                    crc = Self.table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8)
                }
                return
            }
            if unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) != 1 { isGood = false }
        }
    }

    /// The checksum of all bytes so far, after which nothing more may be added; empty where the library has failed.
    package func finish() -> [UInt8] {
        guard let context = unsafe context else {
            return (0..<4).map { UInt8(truncatingIfNeeded: ~crc >> (24 - 8 * $0)) }
        }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        // SAFETY: EVP_DigestFinal_ex writes at most EVP_MAX_MD_SIZE bytes.
        let result = unsafe EVP_DigestFinal_ex(context, &digest, &length)
        guard isGood, result == 1 else { return [] }
        isGood = false
        return Array(digest.prefix(Int(length)))
    }

    /// What each byte does to the CRC: the polynomial 0x04c11db7 with its bits the other way round.
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xedb8_8320 }
    }
}

extension Digest.Algorithm {
    /// The number of bytes of a checksum.
    package var byteCount: Int {
        switch self {
        case .crc32: 4
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha512: 64
        }
    }

    /// The usual name (IANA's hash function text names, to which CRC32 does not belong).
    package var name: String {
        switch self {
        case .crc32: "CRC32"
        case .md5: "MD5"
        case .sha1: "SHA-1"
        case .sha256: "SHA-256"
        case .sha512: "SHA-512"
        }
    }
}
