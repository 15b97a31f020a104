import COpenSSL
import Posix

/// Loads what the client shows to servers that ask: a certificate with its chain and key, in PEM or PKCS#12 form.
enum ClientIdentity {
    /// Loads the files of a configuration into an `SSL_CTX`; throws `.configuration` with the file and what is wrong with it.
    ///
    /// Reads the disk.
    static func load(_ configuration: TLSConfiguration, into context: OpaquePointer) throws(TLSError) {
        guard let certificate = configuration.certificateFile else {
            guard configuration.keyFile == nil else {
                throw .configuration("a private key is of no use without a certificate")
            }
            return
        }
        let passphrase = Passphrase(configuration.keyPassphrase)
        if let bundle = try unsafe bundle(certificate) {
            defer { unsafe PKCS12_free(bundle) }
            guard (configuration.keyFile ?? certificate) == certificate else {
                throw .configuration(
                    "'\(certificate)' is PKCS#12, which holds the key itself: leave key= out")
            }
            try unsafe load(bundle, certificate, passphrase, into: context)
        } else {
            try unsafe loadPEM(certificate, configuration.keyFile ?? certificate, passphrase, into: context)
        }
        try unsafe check(
            SSL_CTX_check_private_key(context),
            "the private key '\(configuration.keyFile ?? certificate)' for this certificate")
    }

    private static func loadPEM(
        _ certificate: String, _ key: String, _ passphrase: Passphrase, into context: OpaquePointer
    ) throws(TLSError) {
        unsafe SSL_CTX_set_default_passwd_cb_userdata(
            context, Unmanaged.passUnretained(passphrase).toOpaque())
        // SAFETY: OpenSSL calls this back only while it loads the files, when `passphrase` is alive.
        unsafe SSL_CTX_set_default_passwd_cb(context) { buffer, size, _, context in
            guard let buffer = unsafe buffer, let context = unsafe context, size > 0 else { return 0 }
            let passphrase = unsafe Unmanaged<Passphrase>.fromOpaque(context).takeUnretainedValue()
            return unsafe passphrase.copy(
                into: UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)))
        }
        defer {
            unsafe SSL_CTX_set_default_passwd_cb_userdata(context, nil)
            withExtendedLifetime(passphrase) {}
        }
        try check(
            unsafe SSL_CTX_use_certificate_chain_file(context, certificate),
            "the certificate '\(certificate)'")
        let loaded = unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)
        if loaded != 1, passphrase.wasAsked {
            let words = ErrorQueue.drain().text
            throw passphrase.refusal("the private key '\(key)'", words)
        }
        try check(loaded, "the private key '\(key)'")
    }

    /// Reads a file as PKCS#12 (RFC 7292); nil where it is none by its first bytes.
    private static func bundle(_ file: String) throws(TLSError) -> OpaquePointer? {
        ErrorQueue.clear()
        guard let source = unsafe BIO_new_file(file, "rb") else {
            throw .configuration("the certificate '\(file)' cannot be read: \(ErrorQueue.drain().text)")
        }
        defer { unsafe BIO_free(source) }
        // The tag of a sequence, which is an ASCII zero too, and a length of several bytes, which is no text.
        var start: [UInt8] = [0, 0]
        guard unsafe BIO_read(source, &start, 2) == 2, start[0] == 0x30, (0x80...0x84).contains(start[1])
        else { return nil }
        _ = unsafe ftpsfs_bio_rewind(source)
        guard let bundle = unsafe d2i_PKCS12_bio(source, nil) else {
            throw .configuration("'\(file)' is neither PEM nor PKCS#12: \(ErrorQueue.drain().text)")
        }
        return unsafe bundle
    }

    private static func load(
        _ bundle: OpaquePointer, _ file: String, _ passphrase: Passphrase, into context: OpaquePointer
    ) throws(TLSError) {
        let what = "the PKCS#12 file '\(file)'"
        let secret = passphrase.terminated
        var key: OpaquePointer?
        var certificate: OpaquePointer?
        var chain: OpaquePointer?
        let (opens, parsed) = secret.withBytes { bytes in
            unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                    let opens =
                        unsafe PKCS12_mac_present(bundle) == 0
                        || PKCS12_verify_mac(bundle, text.baseAddress, CInt(text.count - 1)) == 1
                    guard opens else { return (false, CInt(0)) }
                    return (true, unsafe PKCS12_parse(bundle, text.baseAddress, &key, &certificate, &chain))
                }
            }
        }
        defer {
            unsafe EVP_PKEY_free(key)
            unsafe X509_free(certificate)
            unsafe ftpsfs_certificates_free(chain)
        }
        guard opens else {
            ErrorQueue.clear()
            throw passphrase.refusal(what, nil)
        }
        guard parsed == 1 else {
            let words = ErrorQueue.drain().text
            let hint =
                words.contains("unsupported")
                ? "; it is encrypted as in former times: make it anew with openssl pkcs12 -legacy and then -export"
                : ""
            throw .configuration("\(what) cannot be used: \(words)\(hint)")
        }
        guard unsafe certificate != nil, unsafe key != nil else {
            throw .configuration("\(what) has no certificate with its private key in it")
        }
        try check(unsafe SSL_CTX_use_cert_and_key(context, certificate, key, chain, 1), what)
    }

    private static func check(_ result: CInt, _ what: String) throws(TLSError) {
        guard result != 1 else { return }
        throw .configuration("\(what) cannot be used: \(ErrorQueue.drain().explanation)")
    }
}

/// What OpenSSL is told when it wants to decrypt a key.
private final class Passphrase {
    private let bytes: SecretBytes?
    private(set) var wasAsked = false

    init(_ bytes: SecretBytes?) {
        self.bytes = bytes
    }

    /// The bytes with the NUL that C functions want behind them.
    var terminated: SecretBytes {
        SecretBytes(length: (bytes?.count ?? 0) + 1) { add in
            bytes?.withBytes { bytes in for index in bytes.indices { add(bytes[index]) } }
            add(0)
        }
    }

    func copy(into room: UnsafeMutableRawBufferPointer) -> CInt {
        wasAsked = true
        guard let bytes, bytes.count <= room.count else { return 0 }
        bytes.withBytes { bytes in
            for index in bytes.indices { unsafe room[index] = bytes[index] }
        }
        return CInt(bytes.count)
    }

    /// What is to be said where the key did not open.
    func refusal(_ what: String, _ words: String?) -> TLSError {
        guard bytes != nil else {
            return .configuration("\(what) is encrypted, and no passphrase was given")
        }
        let reason = words.map { " (\($0))" } ?? ""
        return .configuration("the passphrase that was given does not open \(what)\(reason)")
    }
}
