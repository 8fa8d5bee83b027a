/* SPDX-License-Identifier: ISC */
/* Fuzzes policy/auth/dkim_key: a record has a key, is revoked, or is refused with a reason; what a
 * key says of any signature is safe to ask. */
#include "policy/auth/dkim_key.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dkim_key key;
    const char *why;
    unsigned char digest[DIGEST_SIZE] = {1}, signature[64] = {1};
    bool ok = dkim_key_parse((const char *)data, size, &key, &why);
    if (ok != (why == NULL) || (ok && key.revoked != (key.key == NULL)))
        abort();
    if (ok && !key.revoked) {
        if (pubkey_bits(key.key) == 0 || pubkey_bits(key.key) > 16384)
            abort();
        if (pubkey_verify(key.key, digest, signature, sizeof signature))
            abort();
    }
    if (ok)
        dkim_key_free(&key);
    return 0;
}
