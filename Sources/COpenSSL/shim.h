#ifndef FTPSFS_COPENSSL_SHIM_H
#define FTPSFS_COPENSSL_SHIM_H

// Macros of libssl and libcrypto that Swift cannot import, as static inline functions and constants.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static const uint64_t ftpsfs_ssl_op_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t ftpsfs_ssl_op_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t ftpsfs_ssl_op_no_ticket = SSL_OP_NO_TICKET;

/// How names of certificates are printed: in one line, with everything but ASCII escaped.
static const unsigned long ftpsfs_xn_flags = XN_FLAG_RFC2253;

/// Sets the lowest and the highest protocol version; 0 means no limit. 1 on success.
static inline int ftpsfs_ssl_ctx_set_versions(SSL_CTX *context, int lowest, int highest) {
    return (int)SSL_CTX_set_min_proto_version(context, lowest) &&
           (int)SSL_CTX_set_max_proto_version(context, highest);
}

/// Adds to the mode bits.
static inline void ftpsfs_ssl_ctx_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }

/// Says which sessions are cached and where.
static inline void ftpsfs_ssl_ctx_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

/// Sets the key exchange groups in order of preference; 1 on success.
static inline int ftpsfs_ssl_ctx_set_groups(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}

/// Sets one connection's key exchange groups in order of preference; 1 on success.
static inline int ftpsfs_ssl_set_groups(SSL *ssl, const char *list) { return (int)SSL_set1_groups_list(ssl, list); }

/// The group of the last key exchange, for SSL_group_to_name; 0 if there was none.
static inline int ftpsfs_ssl_get_negotiated_group(SSL *ssl) { return (int)SSL_get_negotiated_group(ssl); }

/// The number of certificates the peer has sent, its own the first.
static inline int ftpsfs_ssl_chain_length(SSL *ssl) {
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    return chain ? sk_X509_num(chain) : 0;
}

/// One of them, which belongs to the connection.
static inline X509 *ftpsfs_ssl_chain_certificate(SSL *ssl, int place) {
    return sk_X509_value(SSL_get_peer_cert_chain(ssl), place);
}

/// Sets the name to be sent as SNI; 1 on success.
static inline int ftpsfs_ssl_set_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

/// Makes an index for data attached to connections; -1 on failure.
static inline int ftpsfs_ssl_new_index(void) {
    return CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, NULL, NULL, NULL, NULL);
}

/// A stack of revocation lists, owned by the caller; NULL if there is no memory.
static inline STACK_OF(X509_CRL) *ftpsfs_crls_new(void) { return sk_X509_CRL_new_null(); }

/// Gives a list to the stack; positive on success.
static inline int ftpsfs_crls_push(STACK_OF(X509_CRL) *lists, X509_CRL *list) { return sk_X509_CRL_push(lists, list); }

/// Frees a stack with its lists.
static inline void ftpsfs_crls_free(STACK_OF(X509_CRL) *lists) { sk_X509_CRL_pop_free(lists, X509_CRL_free); }

/// A stack of one certificate, which it takes over; NULL if there is no memory.
static inline STACK_OF(X509) *ftpsfs_certificates_new(X509 *certificate) {
    STACK_OF(X509) *certificates = sk_X509_new_null();
    if (certificates != NULL) sk_X509_push(certificates, certificate);
    return certificates;
}

/// The number of certificates of a stack; -1 for NULL.
static inline int ftpsfs_certificates_count(const STACK_OF(X509) *certificates) { return sk_X509_num(certificates); }

/// Frees a stack with its certificates; NULL is none.
static inline void ftpsfs_certificates_free(STACK_OF(X509) *certificates) {
    sk_X509_pop_free(certificates, X509_free);
}

/// Goes back to the start of a file.
static inline int ftpsfs_bio_rewind(BIO *bio) { return (int)BIO_reset(bio); }

/// Whether an error of the queue says that a PEM file has no further part of the kind wanted.
static inline int ftpsfs_error_is_pem_end(unsigned long error) {
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/// Whether an error of the queue came from libssl, so that its reason is one of SSL_R_*.
static inline int ftpsfs_error_is_ssl(unsigned long error) { return ERR_GET_LIB(error) == ERR_LIB_SSL; }

/// The reason of an error of the queue.
static inline int ftpsfs_error_reason(unsigned long error) { return ERR_GET_REASON(error); }

#endif
