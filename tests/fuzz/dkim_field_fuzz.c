/* SPDX-License-Identifier: ISC */
/* Fuzzes policy/auth/dkim_field and dkim_canon: a header section whose first field is read as a
 * signature in each form; what is read keeps its promises, and its digest is bounded. */
#include "policy/auth/dkim_int.h"

#include "dns/name.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool promise)
{
    if (!promise)
        abort();
}

static bool is_lower_name(const char *name)
{
    char normal[DNS_NAME_MAX + 1];
    return dns_name_normal(name, normal) && strcmp(name, normal) == 0;
}

static void check_read(const struct dkim_field *field, enum dkim_form form)
{
    size_t own = strlen(field->domain), all = strlen(field->identity_domain);
    need(is_lower_name(field->domain) && is_lower_name(field->selector));
    need(buf_len(&field->signature) > 0);
    need(form == DKIM_FORM_ARC_SEAL ||
         (field->signed_fields != NULL && buf_len(&field->body_digest) > 0));
    need(form != DKIM_FORM_SIGNATURE ||
         (all >= own && strcmp(field->identity_domain + all - own, field->domain) == 0));
}

/* A field's canonical form is no longer than it, and relaxed twice is relaxed once. */
static void check_canon(const struct header_field *field)
{
    struct buf simple = {0}, relaxed = {0}, blank = {0};
    dkim_canon_field(field, CANON_SIMPLE, false, &simple);
    dkim_canon_field(field, CANON_RELAXED, false, &relaxed);
    dkim_canon_field(field, CANON_RELAXED, true, &blank);
    need(buf_len(&relaxed) <= buf_len(&simple) && buf_len(&blank) <= buf_len(&relaxed));
    need(buf_len(&simple) <= field->len);
    if (field->name_len > 0) {
        const char *text = buf_data(&relaxed);
        struct header_field again = {.raw = text,
                                     .len = buf_len(&relaxed),
                                     .name_len = field->name_len,
                                     .value = text + field->name_len + 1,
                                     .value_len = buf_len(&relaxed) - field->name_len - 1};
        struct buf twice = {0};
        dkim_canon_field(&again, CANON_RELAXED, false, &twice);
        need(buf_len(&twice) == buf_len(&relaxed) &&
             memcmp(buf_data(&twice), text, buf_len(&twice)) == 0);
        buf_free(&twice);
    }
    buf_free(&simple);
    buf_free(&relaxed);
    buf_free(&blank);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dkim_form forms[] = {DKIM_FORM_SIGNATURE, DKIM_FORM_ARC_MESSAGE,
                                           DKIM_FORM_ARC_SEAL};
    struct header *header = header_new(1 << 16, 1000);
    unsigned char digest[DIGEST_SIZE];
    header_add(header, (const char *)data, size);
    header_end(header);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && header_count(header) > 0; i++) {
        const struct header_field *own = header_field(header, 0);
        struct dkim_field field;
        const char *why;
        bool ok = dkim_field_parse(own, forms[i], &field, &why);
        need(ok == (why == NULL));
        if (ok) {
            check_read(&field, forms[i]);
            need(dkim_header_digest(header, own, &field, digest) == (field.signed_fields != NULL));
        }
        dkim_field_free(&field);
    }
    for (size_t i = 0; i < header_count(header); i++)
        check_canon(header_field(header, i));
    header_free(header);
    return 0;
}
