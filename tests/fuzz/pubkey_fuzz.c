/* SPDX-License-Identifier: ISC */
/*
 * pubkey_fuzz: any text as the base64 of a key: decoding and encoding agree; what is taken as an
 * RSA key is one of bounded size, verifies no rubbish, and is none with an octet more or less.
 */
#include "lib/pubkey.h"

#include "lib/base64.h"
#include "lib/buf.h"
#include "tests/unit/support/base64_encode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

static void check_base64(const struct buf *octets)
{
    struct buf text = {0};
    struct buf again = {0};
    base64_encode(buf_data(octets), buf_len(octets), &text);
    expect(base64_decode(buf_data(&text), buf_len(&text), &again));
    expect(buf_len(&again) == buf_len(octets));
    expect(memcmp(buf_data(&again), buf_data(octets), buf_len(octets)) == 0);
    buf_free(&text);
    buf_free(&again);
}

static void check_none(enum pubkey_kind kind, const void *data, size_t len)
{
    const char *why = NULL;
    expect(pubkey_new(kind, data, len, &why) == NULL && why != NULL);
}

static void check_key(enum pubkey_kind kind, struct buf *octets)
{
    static const unsigned char digest[DIGEST_SIZE] = {1};
    static const char rubbish[1024] = {2};
    const char *why = NULL;
    size_t len = buf_len(octets);
    struct pubkey *key = pubkey_new(kind, buf_data(octets), len, &why);
    expect((key == NULL) == (why != NULL));
    if (key == NULL)
        return;
    unsigned bits = pubkey_bits(key);
    expect(bits > 0 && bits <= 8192);
    if (kind == PUBKEY_ED25519 || bits >= 512)
        expect(!pubkey_verify(key, digest, rubbish, kind == PUBKEY_RSA ? (bits + 7) / 8 : 64));
    expect(!pubkey_verify(key, digest, rubbish, 0));
    pubkey_free(key);
    check_none(kind, buf_data(octets), len - 1);
    buf_add(octets, "", 1);
    check_none(kind, buf_data(octets), len + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf octets = {0};
    unsigned char digest[DIGEST_SIZE];
    const char *why;
    if (base64_decode((const char *)data, size, &octets)) {
        check_base64(&octets);
        check_key(PUBKEY_ED25519, &octets);
        check_key(PUBKEY_RSA, &octets);
    }
    pubkey_of_certificate((const char *)data, size, digest, &why);
    buf_free(&octets);
    return 0;
}
