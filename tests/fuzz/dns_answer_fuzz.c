/* SPDX-License-Identifier: ISC */
/* dns_answer_fuzz: the first octet is the type, the rest a packet, asked for under the name of its
 * own question: whatever it holds, an answer comes out whose every octet can be read, or the name
 * to be asked next; and reading it again gives the same. */
#include "dns/answer.h"
#include "dns/name.h"
#include "dns/wire.h"
#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

static void check_shown(const char *name)
{
    expect(strlen(name) < WIRE_NAME_TEXT);
    for (; *name != '\0'; name++)
        expect(*name > ' ' && *name < 0x7f && !(*name >= 'A' && *name <= 'Z'));
}

static unsigned sum_of(const void *data, size_t len)
{
    unsigned sum = 0;
    for (const unsigned char *at = data; len-- > 0;)
        sum += *at++;
    return sum;
}

/* Looks at every octet, for the sanitizers. */
static unsigned check_record(const struct dns_answer *a, size_t i)
{
    switch (a->type) {
    case DNS_A:
        expect(a->addr[i].family == AF_INET && a->addr[i].port == 0);
        return sum_of(&a->addr[i], sizeof a->addr[i]);
    case DNS_AAAA:
        expect(a->addr[i].family == AF_INET6 || a->addr[i].family == AF_INET);
        return sum_of(&a->addr[i], sizeof a->addr[i]);
    case DNS_PTR:
        check_shown(a->name[i]);
        return 0;
    case DNS_MX:
        check_shown(a->mx[i].host);
        expect(i == 0 || a->mx[i - 1].preference <= a->mx[i].preference);
        return 0;
    case DNS_TXT:
        expect(a->txt[i].text[a->txt[i].len] == '\0');
        return sum_of(a->txt[i].text, a->txt[i].len);
    case DNS_TLSA:
        expect(a->tlsa[i].len > 0);
        return sum_of(a->tlsa[i].data, a->tlsa[i].len);
    }
    abort();
}

static unsigned check_answer(const struct answer *answer, enum dns_type type)
{
    const struct dns_answer *a = &answer->said;
    unsigned sum = a->ttl + (unsigned)a->status;
    expect(a->type == type && a->ttl <= ANSWER_TTL_MAX && answer->octets <= 300000);
    expect((a->count > 0) == (a->status == DNS_FOUND) && a->count <= ANSWER_RECORDS_MAX);
    expect((a->why != NULL) == (a->status == DNS_TEMPFAIL));
    for (size_t i = 0; i < a->count; i++)
        sum += check_record(a, i);
    return sum;
}

static unsigned check_alias(const struct answer_alias *alias)
{
    char normal[DNS_NAME_MAX + 1];
    expect(dns_name_normal(alias->name, normal) && strcmp(normal, alias->name) == 0);
    expect(alias->aliases > 0 && alias->aliases <= ANSWER_ALIASES_MAX);
    return sum_of(alias->name, strlen(alias->name)) + alias->ttl;
}

static unsigned read_once(const uint8_t *packet, size_t size, const struct answer_asked *asked)
{
    struct answer_alias alias;
    struct answer *answer = answer_read(packet, size, asked, &alias);
    if (answer == NULL)
        return check_alias(&alias);
    unsigned sum = check_answer(answer, asked->type);
    answer_drop(answer);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 65536)
        return 0;
    struct answer_asked asked = {.type = (enum dns_type)(data[0] % 6), .ttl = UINT32_MAX};
    struct wire wire = {data + 1, size - 1};
    char name[WIRE_NAME_TEXT];
    size_t at = WIRE_HEADER;
    asked.name = wire_name(&wire, &at, WIRE_ASKED, name) ? name : "a.test";
    expect(read_once(wire.octet, wire.len, &asked) == read_once(wire.octet, wire.len, &asked));
    return 0;
}
