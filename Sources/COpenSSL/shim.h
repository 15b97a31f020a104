#ifndef FTPSFS_COPENSSL_SHIM_H
#define FTPSFS_COPENSSL_SHIM_H

// Macros of libssl and libcrypto that Swift cannot import, as static inline functions and constants.
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>
#include <openssl/pem.h>

#endif
