import COpenSSL

/// Why OpenSSL refuses a certificate, in plain words: to be read from the `X509_STORE_CTX` in the callback of the verification, since
/// afterwards it has forgotten the revocation list.
enum ChainRefusal {
    /// The reason, with the certificate it is about where that is not the server's own.
    ///
    /// `commonNameCounts` says whether a common name was looked at, which is worth a word where the certificate has nothing else.
    static func words(_ store: OpaquePointer, host: String, commonNameCounts: Bool) -> String {
        let code = unsafe X509_STORE_CTX_get_error(store)
        let depth = unsafe X509_STORE_CTX_get_error_depth(store)
        guard let culprit = unsafe X509_STORE_CTX_get_current_cert(store) else {
            return openSSLWords(code)
        }
        let words: String
        if let text = unsafe listWords(code, X509_STORE_CTX_get0_current_crl(store), culprit) {
            words = text
        } else if [X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH].contains(code) {
            let isAddress = code == X509_V_ERR_IP_ADDRESS_MISMATCH
            words = unsafe hostWords(host, culprit, fallbackHelps: !isAddress && !commonNameCounts)
        } else {
            words = unsafe certificateWords(code, culprit)
        }
        guard depth > 0, code != X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN else { return words }
        return "\(words) (in the chain: \(unsafe Certificate.identity(of: culprit).subject))"
    }

    private static func hostWords(
        _ host: String, _ certificate: OpaquePointer, fallbackHelps: Bool
    ) -> String {
        let names = unsafe Certificate.identity(of: certificate).names
        guard names.isEmpty else { return "it is not made out to \(host) but to \(names)" }
        let hint = fallbackHelps ? ", and its common name counts with cn_fallback alone" : ""
        return "it is not made out to \(host): it has no subjectAltName\(hint)"
    }

    /// What is wrong with a certificate by itself, or with who has signed it.
    private static func certificateWords(_ code: CInt, _ certificate: OpaquePointer) -> String {
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            let end = unsafe dateText(Certificate.seconds(X509_get0_notAfter(certificate)))
            return "it has expired, on \(end)"
        case X509_V_ERR_CERT_NOT_YET_VALID:
            let start = unsafe dateText(Certificate.seconds(X509_get0_notBefore(certificate)))
            return "it is not yet valid, but from \(start) on (or the clock of this machine is wrong)"
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "it is signed by itself, not by a known authority (self-signed certificate)"
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "its authority is not a known one (self-signed certificate in certificate chain)"
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "its authority is not a known one (unable to get issuer certificate)"
        case X509_V_ERR_INVALID_PURPOSE:
            return "it is not made for servers (\(unsafe purposes(of: certificate)))"
        case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL:
            return "its key is too short (\(unsafe Certificate.keyText(of: certificate)))"
        case X509_V_ERR_CA_MD_TOO_WEAK:
            let way = unsafe Certificate.signatureText(of: certificate)
            return "it is signed in a way that is too weak (\(way))"
        default:
            return openSSLWords(code)
        }
    }

    private static func purposes(of certificate: OpaquePointer) -> String {
        let kinds = [
            ("extended key usage", NID_ext_key_usage), ("key usage", NID_key_usage),
            ("certificate type", NID_netscape_cert_type),
        ]
        let texts = kinds.compactMap { name, kind in
            let text = unsafe Certificate.extensionText(kind, of: certificate)
            return text.isEmpty ? nil : "\(name): \(text)"
        }
        return texts.isEmpty ? "unsuitable certificate purpose" : texts.joined(separator: "; ")
    }

    /// What the revocation lists say; nil where the reason is another.
    private static func listWords(
        _ code: CInt, _ list: OpaquePointer?, _ certificate: OpaquePointer
    ) -> String? {
        let issuer = unsafe list.map { unsafe Certificate.name(X509_CRL_get_issuer($0)) } ?? "an authority"
        let what = "the revocation list of \(issuer) in the file of crl"
        switch code {
        case X509_V_ERR_CERT_REVOKED:
            guard let date = unsafe revocation(of: certificate, in: list) else {
                return "it has been revoked by its authority"
            }
            return "it has been revoked by its authority, on \(dateText(date))"
        case X509_V_ERR_UNABLE_TO_GET_CRL:
            let issuer = unsafe Certificate.name(X509_get_issuer_name(certificate))
            return "the file of crl has no revocation list of its authority, \(issuer)"
        case X509_V_ERR_CRL_HAS_EXPIRED:
            let end = unsafe list.flatMap { unsafe Certificate.seconds(X509_CRL_get0_nextUpdate($0)) }
            return "\(what) has expired, on \(dateText(end))"
        case X509_V_ERR_CRL_NOT_YET_VALID:
            let start = unsafe list.flatMap { unsafe Certificate.seconds(X509_CRL_get0_lastUpdate($0)) }
            return "\(what) is not yet valid, but from \(dateText(start)) on"
        case X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
            X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
            X509_V_ERR_DIFFERENT_CRL_SCOPE, X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
            X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
            X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
            return "\(what) cannot be used (\(openSSLWords(code)))"
        default:
            return nil
        }
    }

    private static func revocation(of certificate: OpaquePointer, in list: OpaquePointer?) -> Int64? {
        guard let list = unsafe list else { return nil }
        var entry: OpaquePointer?
        guard unsafe X509_CRL_get0_by_cert(list, &entry, certificate) > 0, let entry = unsafe entry else {
            return nil
        }
        return unsafe Certificate.seconds(X509_REVOKED_get0_revocationDate(entry))
    }

    private static func openSSLWords(_ code: CInt) -> String {
        guard let words = unsafe X509_verify_cert_error_string(Int(code)) else {
            return "verification error \(code)"
        }
        return unsafe String(cString: words)
    }
}
