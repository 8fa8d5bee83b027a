/* SPDX-License-Identifier: ISC */
/* digest: SHA-256 (FIPS 180-4), as OpenSSL has it. Without it the process ends: nothing could be
 * told true from false then. */
#include "lib/digest.h"

#include "lib/mem.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
    EVP_MD_CTX *context;
};

static void need(int done)
{
    if (done != 1)
        abort();
}

struct digest *digest_new(void)
{
    struct digest *digest = mem_alloc(sizeof *digest);
    digest->context = EVP_MD_CTX_new();
    need(digest->context != NULL);
    need(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL));
    return digest;
}

void digest_free(struct digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

struct digest *digest_copy(const struct digest *digest)
{
    struct digest *copy = mem_alloc(sizeof *copy);
    copy->context = EVP_MD_CTX_new();
    need(copy->context != NULL);
    need(EVP_MD_CTX_copy_ex(copy->context, digest->context));
    return copy;
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
    if (len > 0)
        need(EVP_DigestUpdate(digest->context, data, len));
}

void digest_peek(const struct digest *digest, unsigned char out[static DIGEST_SIZE])
{
    struct digest *copy = digest_copy(digest);
    digest_end(copy, out);
    digest_free(copy);
}

void digest_end(struct digest *digest, unsigned char out[static DIGEST_SIZE])
{
    need(EVP_DigestFinal_ex(digest->context, out, NULL));
}

void digest_of(const void *data, size_t len, unsigned char out[static DIGEST_SIZE])
{
    need(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL));
}
