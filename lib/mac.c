/* SPDX-License-Identifier: ISC */
/* mac: HMAC-SHA-256 (RFC 2104), as OpenSSL has it. Without SHA-256 the process ends: there is no
 * other way to keep a secret then. */
#include "lib/mac.h"

#include "lib/random.h"

#include <endian.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

void mac_key_new(struct mac_key *key)
{
    random_bytes(key, sizeof *key);
}

uint64_t mac_bytes(const struct mac_key *key, const void *data, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    uint64_t word;
    if (HMAC(EVP_sha256(), key->octet, MAC_KEY_SIZE, data, len, digest, &size) == NULL ||
        size < sizeof word)
        abort();
    memcpy(&word, digest, sizeof word);
    return be64toh(word);
}
