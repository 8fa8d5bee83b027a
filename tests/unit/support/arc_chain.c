/* SPDX-License-Identifier: ISC */
/* arc_chain: seals messages (RFC 8617 5.1) with keys that everybody may know. */
#include "tests/unit/support/arc_chain.h"

#include "lib/header.h"
#include "lib/mem.h"
#include "policy/auth/arc_set.h"
#include "policy/auth/dkim_int.h"
#include "tests/unit/support/base64_encode.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLENTY  ((size_t)1 << 24)
#define NO_SIGN "AAAA" /* in place of a signature to come */

const char arc_chain_rsa1024[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBANch5cYG420dKWLE\n"
    "ahwVIUGtvFooc7S8JlTPWzIWIxXdCyWpNX+8gYbcFbJCy1CNAAS0a67zgCqvozVA\n"
    "AIn2BENqfcibdqDrwLMAC4pb6zpKkeQEQ/l8zFWYY+LWi6pQE61boUOM6hw8lWRk\n"
    "remTCtWsvxz0ZOPQ0utqM86h5BGFAgMBAAECgYAcD0vM/HEFdlxDiaLdbtQboPGE\n"
    "QOp2lGPbhAA9FC4XV/FwRBW6R3gNgv9BdPzX0MxD0NSKyS/aYXZEJ8jqNbBwbUvX\n"
    "eOcW7kBr0u7CoJpGRskcIc1JKQLL3t3xYeYZeovZ8Ws6MkERkVCulE06rmHzgCmQ\n"
    "M0NH+qiP4UWIUl3bsQJBAPj7JsOm0/yWas9w4V1quPFdRxAjT+fPCR7opsec4i8F\n"
    "rquoFbyGwdc2UYnzXF1nmVhczNRymFTBAO/20AZZki8CQQDdMneIjRSH7Avz6TLG\n"
    "xUz3eM7wuxutTxd5yVU4RvgHBP7jkc7kiRf1apO5MS2gHZvcrYhnPU8FN9CMC5d3\n"
    "xu6LAkEAmLRZAxiX3cxXeCEwZ74j7g0an6A4yuDlJCrm13i2FMb0aV2u7zDrRFaR\n"
    "Tf2Pgc4fc91+1zHtkdXKAGMtFSfsiwJAdSegpeNLJ35/Ci3OJfcj/8KtoFUJoK5O\n"
    "WcOn7kmwXk9oDPISKXrvBJ3xJdoFN1PXVHdY0o1nR/U68KHHFLp5ZwJBALUQbks8\n"
    "NAvvPfjybjrK1RwGa5JiqRymNaPlz58Wo/Zb7IWoqqqHtBaWDVZL3rVJGb3FRTIc\n"
    "goXpfPHL4pkmr/0=\n"
    "-----END PRIVATE KEY-----\n";
const char arc_chain_rsa512[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA8sxq8G9S2Ue8/JHG\n"
                                "yOf8qltiaHQbJjvrDcfVyKhRtnwY0NkxmyU+Jf7i5ErwYeZxKhIHqndB8cFoVkPx\n"
                                "BtiIywIDAQABAkEA1Xi/SVhHmnxFgDdXdIrrjoi8dCQpPquN1dbucvbyqSKqWQmp\n"
                                "fLGR1Jr5ssapQG09JWyaS42mz/YV/fgFQVhoSQIhAP7NpSRDLyctH/Z8OlcXfj52\n"
                                "eJKklkrORDPE3pQ+CvFHAiEA8/BWzBBHzwh8+cD8gz2S73utwNEds50lvDdN5h1r\n"
                                "Dl0CIFj6q168b2z43x6ORzk+pQFfEb/z5d/9o+eIKkoOWHflAiEA3CDR8qvuYQGD\n"
                                "5c0lETmLUtkE3q7WYrM4zjQJ89IwPXECIGKa2cdEew2BcK6EjD8uln85CQIOhYq/\n"
                                "yq/t16/wBfNy\n"
                                "-----END PRIVATE KEY-----\n";
const char arc_chain_ed25519[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

static void need(bool truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "arc_chain: %s\n", what);
    abort();
}

/* ---- keys */

static EVP_PKEY *key_of(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    need(key != NULL, "no private key");
    return key;
}

void arc_chain_key(struct buf *out, const char *pem)
{
    EVP_PKEY *key = key_of(pem);
    bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    unsigned char raw[32];
    unsigned char *der = NULL;
    size_t len = sizeof raw;
    int der_len = i2d_PUBKEY(key, &der);
    need(der_len > 0 && (rsa || EVP_PKEY_get_raw_public_key(key, raw, &len) == 1), "no key");
    buf_printf(out, "v=DKIM1; k=%s; p=", rsa ? "rsa" : "ed25519");
    base64_encode(rsa ? der : raw, rsa ? (size_t)der_len : len, out);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

static size_t sign_rsa(EVP_PKEY *key, const unsigned char *digest, unsigned char *out, size_t size)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    need(EVP_PKEY_sign_init(context) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
             EVP_PKEY_sign(context, out, &size, digest, DIGEST_SIZE) == 1,
         "cannot sign");
    EVP_PKEY_CTX_free(context);
    return size;
}

static size_t sign_ed25519(EVP_PKEY *key, const unsigned char *digest, unsigned char *out,
                           size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    need(EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestSign(context, out, &size, digest, DIGEST_SIZE) == 1,
         "cannot sign");
    EVP_MD_CTX_free(context);
    return size;
}

/* ---- fields */

/* Puts `front` before what is in `text`. */
static void prepend(struct buf *text, const char *front, size_t len)
{
    struct buf all = {0};
    buf_add(&all, front, len);
    buf_add(&all, buf_data(text), buf_len(text));
    buf_free(text);
    *text = all;
}

static struct header *header_of(const struct buf *message)
{
    struct header *header = header_new(PLENTY, PLENTY);
    header_add(header, buf_data(message), buf_len(message));
    header_end(header);
    return header;
}

/* The signature of the digest in place of NO_SIGN in the first line of the message. */
static void put_signature(struct buf *message, const char *pem, const unsigned char *digest)
{
    unsigned char octets[1024];
    struct buf text = {0};
    EVP_PKEY *key = key_of(pem);
    size_t len = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA
                     ? sign_rsa(key, digest, octets, sizeof octets)
                     : sign_ed25519(key, digest, octets, sizeof octets);
    const char *mark = memmem(buf_data(message), buf_len(message), "b=" NO_SIGN, 6);
    need(mark != NULL, "nothing to sign");
    size_t before = (size_t)(mark - buf_data(message)) + 2;
    buf_add(&text, buf_data(message), before);
    base64_encode(octets, len, &text);
    buf_consume(message, before + strlen(NO_SIGN));
    prepend(message, buf_data(&text), buf_len(&text));
    buf_free(&text);
    EVP_PKEY_free(key);
}

static void add_body_digest(struct buf *out, const struct buf *message, const char *canon)
{
    struct header *header = header_of(message);
    struct body_hash *hash = body_hash_new();
    const char *slash = strchr(canon, '/');
    bool relaxed = slash != NULL && strcmp(slash, "/relaxed") == 0;
    size_t used = (size_t)header_size(header);
    uint64_t octets;
    int wish = body_hash_want(hash, relaxed ? CANON_RELAXED : CANON_SIMPLE, BODY_HASH_ALL);
    body_hash_add(hash, buf_data(message) + used, buf_len(message) - used);
    body_hash_end(hash);
    base64_encode(body_hash_digest(hash, wish, &octets), DIGEST_SIZE, out);
    body_hash_free(hash);
    header_free(header);
}

static const char * or (const char *word, const char *otherwise)
{
    return word != NULL ? word : otherwise;
}

static void add_message_signature(struct buf *message, const struct arc_chain_set *set,
                                  const char *algorithm)
{
    const char *why;
    unsigned char digest[DIGEST_SIZE];
    struct dkim_field field;
    struct buf text = {0};
    const char *canon = or (set->canon, "relaxed/relaxed");
    buf_printf(&text,
               "ARC-Message-Signature: i=%u; a=%s; d=%s; s=%s; c=%s; %sh=%s;\r\n\tb=" NO_SIGN
               "; bh=",
               set->instance, algorithm, or (set->domain, "example.org"),
               or (set->message_selector, or (set->selector, "s")), canon,
               or (set->message_tags, ""), or (set->fields, "from:subject"));
    add_body_digest(&text, message, canon);
    buf_add_str(&text, "\r\n");
    prepend(message, buf_data(&text), buf_len(&text));
    buf_free(&text);
    struct header *header = header_of(message);
    const struct header_field *own = header_field(header, 0);
    if (dkim_field_parse(own, DKIM_FORM_ARC_MESSAGE, &field, &why) &&
        dkim_header_digest(header, own, &field, digest))
        put_signature(message, or (set->key, arc_chain_rsa1024), digest);
    dkim_field_free(&field);
    header_free(header);
}

static void canonical(struct buf *out, const struct header_field *field, bool last)
{
    dkim_canon_field(field, CANON_RELAXED, last, out);
    buf_add_str(out, last ? "" : "\r\n");
}

static void add_seal(struct buf *message, const struct arc_chain_set *set, const char *algorithm)
{
    const char *why;
    unsigned char digest[DIGEST_SIZE];
    struct arc_chain chain;
    struct buf text = {0};
    buf_printf(&text, "ARC-Seal: i=%u; a=%s; cv=%s; d=%s; s=%s;\r\n\tb=" NO_SIGN "\r\n",
               set->instance, algorithm, or (set->cv, set->instance == 1 ? "none" : "pass"),
               or (set->domain, "example.org"), or (set->selector, "s"));
    prepend(message, buf_data(&text), buf_len(&text));
    buf_free(&text);
    struct header *header = header_of(message);
    if (arc_set_collect(header, ARC_SETS_MOST, &chain, &why) == ARC_PASS) {
        for (unsigned i = 0; i < chain.count; i++) {
            canonical(&text, chain.set[i].results, false);
            canonical(&text, chain.set[i].message, false);
            canonical(&text, chain.set[i].seal, i + 1 == chain.count);
        }
        digest_of(buf_data(&text), buf_len(&text), digest);
        put_signature(message, or (set->key, arc_chain_rsa1024), digest);
        buf_free(&text);
    }
    header_free(header);
}

void arc_chain_seal(struct buf *message, const struct arc_chain_set *set)
{
    struct buf results = {0};
    bool edwards = set->key == arc_chain_ed25519;
    const char *algorithm = or (set->algorithm, edwards ? "ed25519-sha256" : "rsa-sha256");
    buf_printf(&results, "ARC-Authentication-Results: i=%u; %s\r\n", set->instance,
               or (set->results, "mx.example.org; none"));
    prepend(message, buf_data(&results), buf_len(&results));
    add_message_signature(message, set, algorithm);
    add_seal(message, set, algorithm);
    buf_free(&results);
}
