/* SPDX-License-Identifier: ISC */
/*
 * pubkey: public keys as DNS holds them, and what they say of a signature (RFC 6376 3.6.1, 8463).
 *
 * The DER of an RSA key is read here, not by OpenSSL's decoders, which try formats one after the
 * other and cost several times the verification itself; what is read is two numbers.
 *
 * Promises: nothing is left in OpenSSL's queue of errors, where TLS would take it for its own.
 * Limits: moduli of up to 8192 bits, exponents of up to 32: what a signature costs is up to who
 * writes the key.
 */
#include "lib/pubkey.h"

#include "lib/mem.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define MODULUS_OCTETS  1024
#define EXPONENT_OCTETS 4
#define ED25519_SIZE    32
#define ED25519_BITS    256

enum der_tag {
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_SEQUENCE = 0x30
};

struct pubkey {
    enum pubkey_kind kind;
    EVP_PKEY *key;
    unsigned bits;
};

struct span {
    const unsigned char *at;
    size_t len;
};

/* ---- DER */

/* Takes the element at the front of `in`, if it is of that tag. */
static bool take(struct span *in, enum der_tag tag, struct span *out)
{
    size_t at = 2;
    if (in->len < 2 || in->at[0] != tag)
        return false;
    size_t len = in->at[1];
    if (len >= 0x80) {
        size_t octets = len & 0x7f;
        if (octets == 0 || octets > 3 || in->len < 2 + octets)
            return false;
        for (len = 0; at < 2 + octets; at++)
            len = len << 8 | in->at[at];
    }
    if (len > in->len - at)
        return false;
    *out = (struct span){in->at + at, len};
    in->at += at + len;
    in->len -= at + len;
    return true;
}

/* A positive number without its leading zeros. */
static bool take_number(struct span *in, struct span *out)
{
    if (!take(in, DER_INTEGER, out) || out->len == 0 || out->at[0] >= 0x80)
        return false;
    while (out->len > 0 && out->at[0] == 0) {
        out->at++;
        out->len--;
    }
    return out->len > 0;
}

static bool is_rsa(struct span algorithm)
{
    static const unsigned char oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    struct span id;
    struct span none;
    return take(&algorithm, DER_OID, &id) && id.len == sizeof oid &&
           memcmp(id.at, oid, sizeof oid) == 0 &&
           (algorithm.len == 0 ||
            (take(&algorithm, DER_NULL, &none) && none.len == 0 && algorithm.len == 0));
}

/* The RSAPublicKey within a SubjectPublicKeyInfo (RFC 5280 4.1). */
static bool unwrap(struct span in, struct span *out, const char **why)
{
    struct span algorithm;
    *why = "it is no public key";
    if (!take(&in, DER_SEQUENCE, &algorithm) || !take(&in, DER_BITS, out) || in.len > 0 ||
        out->len == 0 || out->at[0] != 0)
        return false;
    out->at++;
    out->len--;
    *why = "it is no RSA key";
    return is_rsa(algorithm);
}

static bool rsa_numbers(struct span in, struct span *modulus, struct span *exponent,
                        const char **why)
{
    struct span body;
    struct span inner;
    *why = "it is no public key";
    if (!take(&in, DER_SEQUENCE, &body) || in.len > 0)
        return false;
    if (body.len > 0 && body.at[0] == DER_SEQUENCE) {
        if (!unwrap(body, &inner, why))
            return false;
        *why = "it is no public key";
        if (!take(&inner, DER_SEQUENCE, &body) || inner.len > 0)
            return false;
    }
    return take_number(&body, modulus) && take_number(&body, exponent) && body.len == 0;
}

/* ---- keys */

static EVP_PKEY *key_of(OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *rsa_of(struct span modulus, struct span exponent)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus.at, (int)modulus.len, NULL);
    BIGNUM *e = BN_bin2bn(exponent.at, (int)exponent.len, NULL);
    if (build != NULL && n != NULL && e != NULL &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(build)) != NULL)
        key = key_of(params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

static EVP_PKEY *read_rsa(struct span in, const char **why)
{
    struct span n;
    struct span e;
    if (!rsa_numbers(in, &n, &e, why))
        return NULL;
    if (n.len > MODULUS_OCTETS || e.len > EXPONENT_OCTETS) {
        *why = "it is too large";
        return NULL;
    }
    if (e.at[e.len - 1] % 2 == 0 || n.at[n.len - 1] % 2 == 0 || (e.len == 1 && e.at[0] == 1)) {
        *why = "its numbers are those of no RSA key";
        return NULL;
    }
    *why = "OpenSSL does not take it";
    return rsa_of(n, e);
}

static EVP_PKEY *read_ed25519(struct span in, const char **why)
{
    *why = "it does not have the 32 octets of an Ed25519 key";
    return in.len == ED25519_SIZE
               ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, in.at, in.len)
               : NULL;
}

struct pubkey *pubkey_new(enum pubkey_kind kind, const void *data, size_t len, const char **why)
{
    struct span in = {data, len};
    ERR_set_mark();
    EVP_PKEY *read = kind == PUBKEY_RSA ? read_rsa(in, why) : read_ed25519(in, why);
    int bits = read == NULL ? 0 : kind == PUBKEY_RSA ? EVP_PKEY_get_bits(read) : ED25519_BITS;
    ERR_pop_to_mark();
    if (bits <= 0) {
        EVP_PKEY_free(read);
        return NULL;
    }
    *why = NULL;
    struct pubkey *key = mem_alloc(sizeof *key);
    key->kind = kind;
    key->key = read;
    key->bits = (unsigned)bits;
    return key;
}

void pubkey_free(struct pubkey *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

unsigned pubkey_bits(const struct pubkey *key)
{
    return key->bits;
}

/* ---- signatures */

static bool verify_rsa(EVP_PKEY *key, const unsigned char *digest, const unsigned char *signature,
                       size_t len)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool ok = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
              EVP_PKEY_verify(context, signature, len, digest, DIGEST_SIZE) == 1;
    EVP_PKEY_CTX_free(context);
    return ok;
}

static bool verify_ed25519(EVP_PKEY *key, const unsigned char *digest,
                           const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(context, signature, len, digest, DIGEST_SIZE) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

bool pubkey_verify(const struct pubkey *key, const unsigned char digest[static DIGEST_SIZE],
                   const void *signature, size_t len)
{
    ERR_set_mark();
    bool ok = key->kind == PUBKEY_RSA ? verify_rsa(key->key, digest, signature, len)
                                      : verify_ed25519(key->key, digest, signature, len);
    ERR_pop_to_mark();
    return ok;
}

/* ---- certificates */

static int no_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static bool digest_of_key(const X509 *certificate, unsigned char *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (len > 0)
        digest_of(der, (size_t)len, out);
    OPENSSL_free(der);
    return len > 0;
}

bool pubkey_of_certificate(const char *text, size_t len, unsigned char out[static DIGEST_SIZE],
                           const char **why)
{
    *why = "it holds no certificate in PEM";
    if (len > INT_MAX)
        return false;
    ERR_set_mark();
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    bool ok = certificate != NULL && digest_of_key(certificate, out);
    X509_free(certificate);
    BIO_free(bio);
    ERR_pop_to_mark();
    return ok;
}
