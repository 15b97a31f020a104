import COpenSSL

/// OpenSSL's list of errors, which belongs to the calling thread.
enum ErrorQueue {
    /// What the first error of the queue, the cause of the others, was about.
    struct Cause {
        /// One of `SSL_R_...`; 0 if the error came from another part of OpenSSL.
        let reason: CInt
        /// OpenSSL's words for the error, and what followed from it.
        let text: String

        /// The TLS alert that the peer sent, if that is the cause: OpenSSL counts alerts as reasons from 1000 on.
        var alert: CInt? { (1000...1255).contains(reason) ? reason - 1000 : nil }

        /// The text, and what can be done where OpenSSL's security level (SSL_CTX_set_security_level(3)) is what forbids a key or digest.
        var explanation: String {
            switch reason {
            case SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_DH_KEY_TOO_SMALL:
                "\(text): too weak for OpenSSL's security level, which ciphers=DEFAULT@SECLEVEL=1 lowers"
            case SSL_R_CA_MD_TOO_WEAK:
                "\(text): too weak for OpenSSL's security level, which ciphers=DEFAULT@SECLEVEL=0 lowers"
            default: text
            }
        }
    }

    /// Forgets old errors; before every call whose outcome is asked for afterwards.
    static func clear() {
        ERR_clear_error()
    }

    /// Takes all errors off the queue.
    static func drain() -> Cause {
        var reason: CInt?
        var texts: [String] = []
        while true {
            let error = ERR_get_error()
            guard error != 0 else { break }
            if reason == nil { reason = ftpsfs_error_is_ssl(error) == 1 ? ftpsfs_error_reason(error) : 0 }
            guard texts.count < 4 else { continue }
            let text =
                if let words = unsafe ERR_reason_error_string(error) {
                    unsafe String(cString: words)
                } else {
                    "error \(error)"
                }
            if !texts.contains(text) { texts.append(text) }
        }
        return Cause(
            reason: reason ?? 0, text: texts.isEmpty ? "no reason given" : texts.joined(separator: "; "))
    }
}
