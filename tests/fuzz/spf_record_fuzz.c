/* SPDX-License-Identifier: ISC */
/* spf_record_fuzz: any text as an SPF record, with "v=spf1 " in front where it has none: it is
 * refused with a clause that can be shown, or each of its terms lies within it, keeps its bounds
 * and has a domain that expands to what fits. */
#include "lib/mem.h"
#include "policy/auth/spf_macro.h"
#include "policy/auth/spf_record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

static void check_domain(const struct spf_record *record, struct spf_text domain)
{
    const struct spf_macro_facts facts = {
        .client = {.family = AF_INET6, .ip = {0x20, 0x01, 0x0d, 0xb8}},
        .local = "a-b+c",
        .origin = "d.example",
        .domain = "d.example",
        .helo = "",
        .name = "unknown",
        .hostname = "here.example",
    };
    bool wants_name;
    char name[DNS_NAME_MAX + 1];
    expect(domain.text > record->text && domain.text + domain.len <= record->text + record->len);
    expect(spf_macro_fault(domain.text, domain.len, SPF_MACRO_NAME, &wants_name) == NULL);
    spf_macro_name(domain.text, domain.len, &facts, name);
    expect(strlen(name) <= DNS_NAME_MAX);
}

static void check_term(const struct spf_record *record, const struct spf_term *term)
{
    expect(term->kind < SPF_REDIRECT && term->bits4 <= 32 && term->bits6 <= 128);
    expect(term->result == SPF_PASS || term->result == SPF_FAIL || term->result == SPF_SOFTFAIL ||
           term->result == SPF_NEUTRAL);
    expect(term->whole.len > 0 && memchr(term->whole.text, ' ', term->whole.len) == NULL);
    for (size_t i = 0; i < term->whole.len; i++)
        expect(term->whole.text[i] > ' ' && term->whole.text[i] <= '~');
    if (term->domain.len > 0)
        check_domain(record, term->domain);
    expect((term->network.family != 0) == (term->kind == SPF_IP4 || term->kind == SPF_IP6));
    expect(term->domain.len > 0 || (term->kind != SPF_INCLUDE && term->kind != SPF_EXISTS));
}

static void check_record(const struct spf_record *record)
{
    struct spf_term term;
    size_t at = 0, end = 0;
    while (spf_record_next(record, &at, &term)) {
        expect(at > end && at <= record->len);
        end = at;
        check_term(record, &term);
    }
    expect(!spf_record_next(record, &at, &term));
    if (record->redirect.len > 0)
        check_domain(record, record->redirect);
    if (record->exp.len > 0)
        check_domain(record, record->exp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char version[] = "v=spf1 ";
    size_t front = spf_record_is((const char *)data, size) ? 0 : sizeof version - 1;
    char *text = mem_alloc(front + size); /* no NUL behind */
    struct spf_record record;
    char why[SPF_WHY_MAX];
    memcpy(text, version, front);
    memcpy(text + front, data, size);
    if (spf_record_read(&record, text, front + size, why)) {
        check_record(&record);
        spf_record_clear(&record);
    } else {
        expect(record.text == NULL && strlen(why) > 0);
        for (const char *c = why; *c != '\0'; c++)
            expect((unsigned char)*c >= ' ' && *c != 0x7f);
    }
    free(text);
    return 0;
}
