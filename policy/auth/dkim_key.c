/* SPDX-License-Identifier: ISC */
/*
 * dkim_key: a key record.
 *
 * Promises: a record that is taken has a key, or is revoked. What is unknown in it (tags, flags,
 * hashes, services) is passed over. How long a key has to be is not decided here.
 * Limits: records of 8 KiB.
 * RFC 6376 3.6.1, RFC 8463 4; g= of RFC 4871 is passed over as RFC 6376 has it.
 */
#include "policy/auth/dkim_key.h"

#include "lib/base64.h"
#include "lib/buf.h"
#include "policy/auth/tag_list.h"

#include <string.h>

#define RECORD_MOST 8192

/* v= is in front if it is there, and its case counts. */
static bool version_ok(const struct tag_list *tags)
{
    const struct tag *tag = tag_list_find(tags, "v");
    return tag == NULL ||
           (tag == &tags->tag[0] && tag->value_len == 5 && memcmp(tag->value, "DKIM1", 5) == 0);
}

static bool kind_of(const struct tag *tag, enum pubkey_kind *out)
{
    *out = tag != NULL && tag_is(tag, "ed25519") ? PUBKEY_ED25519 : PUBKEY_RSA;
    return tag == NULL || *out == PUBKEY_ED25519 || tag_is(tag, "rsa");
}

static const char *read_key(const struct tag *tag, struct dkim_key *out)
{
    struct buf data = {0};
    const char *why = "p= of the key is no base64";
    if (tag->value_len == 0) {
        out->revoked = true;
        return NULL;
    }
    if (base64_decode(tag->value, tag->value_len, &data)) {
        out->key = pubkey_new(out->kind, buf_data(&data), buf_len(&data), &why);
        if (out->key != NULL)
            why = NULL;
    }
    buf_free(&data);
    return why;
}

static const char *read_tags(const struct tag_list *tags, struct dkim_key *out)
{
    const struct tag *hashes = tag_list_find(tags, "h"), *services = tag_list_find(tags, "s");
    const struct tag *flags = tag_list_find(tags, "t"), *key = tag_list_find(tags, "p");
    if (!version_ok(tags))
        return "the key is of another version";
    if (!kind_of(tag_list_find(tags, "k"), &out->kind))
        return "the key is of an unknown kind";
    out->sha256 = hashes == NULL || tag_has_item(hashes, "sha256");
    out->email = services == NULL || tag_has_item(services, "*") || tag_has_item(services, "email");
    out->testing = flags != NULL && tag_has_item(flags, "y");
    out->strict = flags != NULL && tag_has_item(flags, "s");
    return key != NULL ? read_key(key, out) : "the key record has no p=";
}

bool dkim_key_parse(const char *text, size_t len, struct dkim_key *out, const char **why)
{
    struct tag_list tags;
    *out = (struct dkim_key){0};
    *why = "the key record is too long";
    if (len > RECORD_MOST || !tag_list_parse(text, len, &tags, why))
        return false;
    *why = read_tags(&tags, out);
    return *why == NULL;
}

void dkim_key_free(struct dkim_key *key)
{
    pubkey_free(key->key);
    key->key = NULL;
}
