/* SPDX-License-Identifier: ISC */
/*
 * dkim_field: one signature as it stands in a header field (DKIM-Signature, ARC-Message-Signature,
 * ARC-Seal).
 *
 * Promises: of a field that is taken, every tag it must have is there and can be read; d= and s=
 * make a name that can be asked for; i= of a DKIM-Signature is in or below d=; h= of it has From.
 * Of one that is not taken, d= and s= are there all the same where they can be read. Does not judge
 * times, algorithms or keys.
 * Limits: DKIM_SIGNED_MOST names in h=, 16 KiB in b= and bh=.
 * RFC 6376 3.5, 6.1.1; RFC 8617 4.1.2, 4.1.3; RFC 8616 4 (U-labels).
 */
#include "policy/auth/dkim_int.h"

#include "dns/name.h"
#include "lib/base64.h"
#include "policy/domain_form.h"
#include "policy/relay.h"

#include <string.h>

#define DECODED_MOST 16384
#define U_NAME_MOST  1024 /* octets of a name in UTF-8 */

void dkim_field_free(struct dkim_field *field)
{
    buf_free(&field->body_digest);
    buf_free(&field->signature);
}

/* Lower-case A-labels. False: no domain name. */
static bool name_normal(const char *text, size_t len, char out[static DNS_NAME_MAX + 1])
{
    char name[U_NAME_MOST];
    bool ascii = true;
    if (len == 0 || len >= sizeof name || text[0] == '[')
        return false;
    for (size_t i = 0; i < len; i++)
        ascii = ascii && (unsigned char)text[i] < 0x80;
    memcpy(name, text, len);
    name[len] = '\0';
    if (ascii ? !dns_name_normal(name, out) : !relay_domain_normal(name, out, DNS_NAME_MAX + 1))
        return false;
    return domain_form_host(out);
}

static const char *read_names(struct dkim_field *out)
{
    const struct tag *domain = tag_list_find(&out->tags, "d");
    const struct tag *selector = tag_list_find(&out->tags, "s");
    char key[DNS_NAME_MAX + 1], name[DNS_NAME_MAX + 1];
    if (domain == NULL || !name_normal(domain->value, domain->value_len, out->domain)) {
        out->domain[0] = '\0';
        return domain == NULL ? "d= is missing" : "d= is no domain";
    }
    if (selector == NULL || !name_normal(selector->value, selector->value_len, out->selector)) {
        out->selector[0] = '\0';
        return selector == NULL ? "s= is missing" : "s= is no selector";
    }
    if (!dns_name_join(out->selector, "_domainkey", key) || !dns_name_join(key, out->domain, name))
        return "s= and d= are too long for a name";
    return NULL;
}

static enum dkim_algorithm algorithm_of(const struct tag *tag)
{
    if (tag_is(tag, "rsa-sha256"))
        return DKIM_RSA_SHA256;
    if (tag_is(tag, "ed25519-sha256"))
        return DKIM_ED25519_SHA256;
    return tag_is(tag, "rsa-sha1") ? DKIM_RSA_SHA1 : DKIM_ALGORITHM_UNKNOWN;
}

static const char *read_algorithm(struct dkim_field *out)
{
    const struct tag *tag = tag_list_find(&out->tags, "a");
    if (tag == NULL)
        return "a= is missing";
    out->algorithm = algorithm_of(tag);
    return tag->value_len == 0 ? "a= is empty" : NULL;
}

static bool canon_of(const char *word, size_t len, enum canon *out)
{
    struct tag tag = {.value = word, .value_len = len};
    *out = tag_is(&tag, "relaxed") ? CANON_RELAXED : CANON_SIMPLE;
    return *out == CANON_RELAXED || tag_is(&tag, "simple");
}

static const char *read_canon(struct dkim_field *out)
{
    const struct tag *tag = tag_list_find(&out->tags, "c");
    if (tag == NULL)
        return NULL;
    const char *slash = memchr(tag->value, '/', tag->value_len);
    size_t first = slash != NULL ? (size_t)(slash - tag->value) : tag->value_len;
    if (!canon_of(tag->value, first, &out->header_canon) ||
        (slash != NULL && !canon_of(slash + 1, tag->value_len - first - 1, &out->body_canon)))
        return "c= is no canonicalisation";
    return NULL;
}

static bool decode(const struct tag *tag, struct buf *out)
{
    return tag->value_len <= DECODED_MOST && base64_decode(tag->value, tag->value_len, out) &&
           buf_len(out) > 0;
}

static const char *read_signature(struct dkim_field *out)
{
    const struct tag *tag = tag_list_find(&out->tags, "b");
    if (tag == NULL)
        return "b= is missing";
    return decode(tag, &out->signature) ? NULL : "b= is no base64";
}

static const char *read_body(struct dkim_field *out)
{
    const struct tag *digest = tag_list_find(&out->tags, "bh");
    const struct tag *length = tag_list_find(&out->tags, "l");
    unsigned long long octets;
    if (digest == NULL)
        return "bh= is missing";
    if (!decode(digest, &out->body_digest))
        return "bh= is no base64";
    if (length == NULL)
        return NULL;
    if (!tag_number(length, &octets))
        return "l= is no number";
    out->body_octets = octets;
    return NULL;
}

static bool read_time(const struct tag_list *tags, const char *name, int64_t *out)
{
    const struct tag *tag = tag_list_find(tags, name);
    unsigned long long number;
    if (tag == NULL)
        return true;
    if (!tag_number(tag, &number))
        return false;
    *out = (int64_t)number;
    return true;
}

static const char *read_times(struct dkim_field *out)
{
    if (!read_time(&out->tags, "t", &out->signed_at))
        return "t= is no time";
    if (!read_time(&out->tags, "x", &out->expires))
        return "x= is no time";
    if (out->signed_at >= 0 && out->expires >= 0 && out->expires <= out->signed_at)
        return "x= is not behind t=";
    return NULL;
}

static const char *read_signed_fields(struct dkim_field *out)
{
    const struct tag *tag = tag_list_find(&out->tags, "h");
    const char *name;
    size_t names = 0;
    if (tag == NULL)
        return "h= is missing";
    for (size_t at = 0, len; tag_item(tag, &at, &name, &len);)
        if (++names > DKIM_SIGNED_MOST)
            return "h= names too many fields";
    if (tag->value_len == 0)
        return "h= is empty";
    out->signed_fields = tag;
    return NULL;
}

/* The domain of i=, which is that of d= where there is none. */
static const char *read_identity(struct dkim_field *out)
{
    const struct tag *tag = out->identity;
    size_t len = strlen(out->domain);
    memcpy(out->identity_domain, out->domain, len + 1);
    if (tag == NULL)
        return NULL;
    const char *at = memrchr(tag->value, '@', tag->value_len);
    if (at == NULL ||
        !name_normal(at + 1, tag->value_len - (size_t)(at + 1 - tag->value), out->identity_domain))
        return "i= has no domain";
    size_t own = strlen(out->identity_domain);
    if (own < len || strcmp(out->identity_domain + own - len, out->domain) != 0 ||
        (own > len && out->identity_domain[own - len - 1] != '.'))
        return "i= is not in the domain of d=";
    return NULL;
}

static const char *read_version(const struct dkim_field *out)
{
    const struct tag *tag = tag_list_find(&out->tags, "v");
    if (tag == NULL)
        return "v= is missing";
    return tag_is(tag, "1") ? NULL : "v= is another version";
}

/* What only a DKIM-Signature has. */
static const char *read_own(struct dkim_field *out)
{
    const char *why = read_version(out);
    if (why == NULL && !tag_has_item(out->signed_fields, "from"))
        why = "From is not signed";
    return why != NULL ? why : read_identity(out);
}

static const char *read_query(const struct dkim_field *out)
{
    const struct tag *tag = tag_list_find(&out->tags, "q");
    if (tag == NULL || tag_has_item(tag, "dns/txt") || tag_has_item(tag, "dns"))
        return NULL;
    return "q= has no way to ask for the key";
}

static const char *read_tags(struct dkim_field *out, enum dkim_form form)
{
    const char *why;
    if ((why = read_names(out)) != NULL || (why = read_algorithm(out)) != NULL ||
        (why = read_signature(out)) != NULL || (why = read_times(out)) != NULL)
        return why;
    if (form == DKIM_FORM_ARC_SEAL)
        return NULL;
    if ((why = read_canon(out)) != NULL || (why = read_body(out)) != NULL ||
        (why = read_signed_fields(out)) != NULL || (why = read_query(out)) != NULL)
        return why;
    return form == DKIM_FORM_SIGNATURE ? read_own(out) : NULL;
}

bool dkim_field_parse(const struct header_field *field, enum dkim_form form, struct dkim_field *out,
                      const char **why)
{
    enum canon canon = form == DKIM_FORM_ARC_SEAL ? CANON_RELAXED : CANON_SIMPLE;
    *out = (struct dkim_field){.algorithm = DKIM_ALGORITHM_UNKNOWN,
                               .header_canon = canon,
                               .body_canon = canon,
                               .body_octets = BODY_HASH_ALL,
                               .signed_at = -1,
                               .expires = -1};
    if (!tag_list_parse(field->value, field->value_len, &out->tags, why))
        return false;
    out->identity = tag_list_find(&out->tags, "i");
    *why = read_tags(out, form);
    return *why == NULL;
}
