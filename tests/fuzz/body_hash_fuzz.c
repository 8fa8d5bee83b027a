/* SPDX-License-Identifier: ISC */
/* Fuzzes policy/auth/body_hash: the body in cuts of any size has the digest, the length and the
 * prefix of its canonical form, which is made here slowly, an octet at a time. */
#include "policy/auth/body_hash.h"

#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ends_in(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

/* RFC 6376 3.4.4 (a): returns the new length. */
static size_t without_blanks(char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != ' ' && text[i] != '\t') {
            text[out++] = text[i];
            continue;
        }
        while (i + 1 < len && (text[i + 1] == ' ' || text[i + 1] == '\t'))
            i++;
        bool last = i + 1 == len || (i + 2 < len && text[i + 1] == '\r' && text[i + 2] == '\n');
        if (!last)
            text[out++] = ' ';
    }
    return out;
}

/* 3.4.3 and 3.4.4 (b); `text` has room for two more. */
static size_t one_end(char *text, size_t len, enum canon canon)
{
    while (ends_in(text, len, "\r\n"))
        len -= 2;
    if (len == 0 && canon == CANON_RELAXED)
        return 0;
    memcpy(text + len, "\r\n", 2);
    return len + 2;
}

static void check(const struct body_hash *hash, int wish, const char *text, size_t len, size_t most)
{
    unsigned char digest[DIGEST_SIZE];
    uint64_t octets;
    digest_of(text, len < most ? len : most, digest);
    if (memcmp(digest, body_hash_digest(hash, wish, &octets), sizeof digest) != 0 || octets != len)
        abort();
}

/* Octets of the input: the size of a cut (0: none), two for a prefix, the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    size_t cut = data[0] == 0 ? size : data[0], most = (size_t)data[1] << 4 | data[2] >> 4;
    const char *body = (const char *)data + 3;
    size_t len = size - 3;
    struct body_hash *hash = body_hash_new();
    int all[2], part[2];
    for (int canon = 0; canon < 2; canon++) {
        all[canon] = body_hash_want(hash, (enum canon)canon, BODY_HASH_ALL);
        part[canon] = body_hash_want(hash, (enum canon)canon, most);
    }
    for (size_t at = 0; at < len; at += cut)
        body_hash_add(hash, body + at, cut < len - at ? cut : len - at);
    body_hash_end(hash);

    char *text = mem_alloc(len + 2);
    for (int canon = 0; canon < 2; canon++) {
        memcpy(text, body, len);
        size_t form = canon == CANON_RELAXED ? without_blanks(text, len) : len;
        form = one_end(text, form, (enum canon)canon);
        check(hash, all[canon], text, form, SIZE_MAX);
        check(hash, part[canon], text, form, most);
    }
    free(text);
    body_hash_free(hash);
    return 0;
}
