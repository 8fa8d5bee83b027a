/* SPDX-License-Identifier: ISC */
/*
 * Tests of answer and wire: packets written as text, what is read from them, and every way a packet
 * can be wrong.
 */
#include "dns/answer.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/*
 * A packet as words: two hex digits an octet; 'text a label with its length (the root is 00); "text
 * a character string with its length; =N two octets of N; !N four octets of N; @N a pointer to N;
 * [ and ] stand around a record's data, whose length goes in two octets before it. Spaces and '|'
 * part them.
 */
struct packet {
    unsigned char octet[4096];
    size_t len;
    size_t open; /* where the length of the data that is open goes; 0: none */
};

static void put(struct packet *p, unsigned octet)
{
    assert_true(p->len < sizeof p->octet);
    p->octet[p->len++] = (unsigned char)octet;
}

static void put_number(struct packet *p, unsigned long value, unsigned octets)
{
    while (octets-- > 0)
        put(p, (unsigned)(value >> 8 * octets) & 0xff);
}

static void put_word(struct packet *p, const char *word)
{
    switch (word[0]) {
    case '\'':
    case '"':
        put(p, (unsigned)strlen(word + 1));
        for (const char *at = word + 1; *at != '\0'; at++)
            put(p, (unsigned char)*at);
        break;
    case '=':
        put_number(p, strtoul(word + 1, NULL, 10), 2);
        break;
    case '!':
        put_number(p, strtoul(word + 1, NULL, 10), 4);
        break;
    case '@':
        put_number(p, 0xc000 | strtoul(word + 1, NULL, 10), 2);
        break;
    case '[':
        p->open = p->len;
        put_number(p, 0, 2);
        break;
    case ']':
        p->octet[p->open] = (unsigned char)((p->len - p->open - 2) >> 8);
        p->octet[p->open + 1] = (unsigned char)(p->len - p->open - 2);
        break;
    case '|':
        break;
    default:
        put(p, (unsigned)strtoul(word, NULL, 16));
    }
}

static void packet_of(const char *text, struct packet *p)
{
    char *copy = mem_strdup(text), *rest = copy, *word;
    p->len = p->open = 0;
    while ((word = strsep(&rest, " ")) != NULL) {
        if (*word != '\0')
            put_word(p, word);
    }
    free(copy);
}

/* Exactly as long as the packet, so that a sanitizer sees a step too far. */
static struct answer *read_packet(const struct packet *p, const struct answer_asked *asked,
                                  struct answer_alias *alias)
{
    unsigned char *exact = mem_alloc(p->len > 0 ? p->len : 1);
    memcpy(exact, p->octet, p->len);
    struct answer *answer = answer_read(exact, p->len, asked, alias);
    free(exact);
    return answer;
}

static void show_record(const struct dns_answer *a, size_t i, char *out, size_t size)
{
    char text[ADDR_TEXT_MAX];
    switch (a->type) {
    case DNS_A:
    case DNS_AAAA:
        assert_int_equal(a->addr[i].port, 0);
        snprintf(out, size, "%s", addr_ip_text(&a->addr[i], text));
        break;
    case DNS_PTR:
        snprintf(out, size, "%s", a->name[i]);
        break;
    case DNS_MX:
        snprintf(out, size, "%u/%s", a->mx[i].preference, a->mx[i].host);
        break;
    case DNS_TXT:
        assert_int_equal(a->txt[i].text[a->txt[i].len], '\0');
        snprintf(out, size, "%zu/%s", a->txt[i].len, a->txt[i].text);
        break;
    case DNS_TLSA:
        snprintf(out, size, "%u %u %u %zu/%02x%02x", a->tlsa[i].usage, a->tlsa[i].selector,
                 a->tlsa[i].matching, a->tlsa[i].len, a->tlsa[i].data[0],
                 a->tlsa[i].data[a->tlsa[i].len - 1]);
        break;
    }
}

/* "300: one; two", "60: NODATA", "TEMPFAIL why", "-> alias 1 200". */
static const char *show(const struct answer *answer, const struct answer_alias *alias,
                        char out[static 8192])
{
    static const char *const none[] = {"FOUND", "NODATA", "NXDOMAIN", "TEMPFAIL"};
    if (answer == NULL) {
        snprintf(out, 8192, "-> %s %u %u", alias->name, alias->aliases, alias->ttl);
        return out;
    }
    const struct dns_answer *a = &answer->said;
    if (a->status != DNS_FOUND) {
        assert_int_equal(a->count, 0);
        assert_int_equal(a->why != NULL, a->status == DNS_TEMPFAIL);
        if (a->why != NULL)
            snprintf(out, 8192, "TEMPFAIL %s", a->why);
        else
            snprintf(out, 8192, "%u: %s", a->ttl, none[a->status]);
        return out;
    }
    int len = snprintf(out, 8192, "%u:", a->ttl);
    for (size_t i = 0; i < a->count; i++) {
        char one[2048];
        show_record(a, i, one, sizeof one);
        len += snprintf(out + len, 8192 - (size_t)len, "%s %s", i > 0 ? ";" : "", one);
    }
    return out;
}

/* Headers: id, flags, counts of question, answers, authorities, additionals. */
#define HEAD(an, ns)  "12 34 81 80 =1 =" #an " =" #ns " =0 "
#define NXDOMAIN      "12 34 81 83 =1 =0 =1 =0 "
#define QUESTION      "'a 'test 00 "
#define ASK(type)     QUESTION "=" #type " =1 "
#define IN(type, ttl) "=" #type " =1 !" #ttl " "
#define A_RR          "@12 " IN(1, 300) "[ 7f 00 00 02 ] "
#define SOA_RR        "@14 " IN(6, 900) "[ @14 'h @14 !1 !2 !3 !4 !60 ] "
#define CNAME(target) "@12 " IN(5, 200) "[ " target " ] "

struct packet_case {
    const char *name;
    enum dns_type type;
    const char *packet;
    const char *want;
};

static const struct packet_case found_cases[] = {
    {"one address", DNS_A, HEAD(1, 0) ASK(1) A_RR, "300: 127.0.0.2"},
    {"the least TTL counts", DNS_A, HEAD(2, 0) ASK(1) A_RR "@12 " IN(1, 20) "[ 7f 00 00 03 ]",
     "20: 127.0.0.2; 127.0.0.3"},
    {"a long TTL is a day", DNS_A, HEAD(1, 0) ASK(1) "@12 " IN(1, 2147483647) "[ 01 02 03 04 ]",
     "86400: 1.2.3.4"},
    {"a TTL with the highest bit is 0", DNS_A,
     HEAD(1, 0) ASK(1) "@12 " IN(1, 2147483648) "[ 01 02 03 04 ]", "0: 1.2.3.4"},
    {"the question in capitals", DNS_A, HEAD(1, 0) "'A 'TEST 00 =1 =1 " A_RR, "300: 127.0.0.2"},
    {"the owner in full", DNS_A, HEAD(1, 0) ASK(1) "'a 'Test 00 " IN(1, 300) "[ 01 02 03 04 ]",
     "300: 1.2.3.4"},
    {"records of others are not looked at", DNS_A,
     HEAD(3, 0) ASK(1) "'b @14 " IN(1, 9) "[ 01 01 01 01 ] " A_RR "@12 " IN(46, 9) "[ 00 ]",
     "300: 127.0.0.2"},
    {"nor of another class", DNS_A, HEAD(2, 0) ASK(1) "@12 =1 =3 !9 [ 01 01 01 01 ] " A_RR,
     "300: 127.0.0.2"},
    {"what follows is not looked at", DNS_A, HEAD(1, 0) ASK(1) A_RR "ff ff ff", "300: 127.0.0.2"},
    {"AAAA", DNS_AAAA, HEAD(1, 0) ASK(28) "@12 " IN(28, 300) "[ 20 01 0d b8 !0 !0 00 00 00 01 ]",
     "300: 2001:db8::1"},
    {"a mapped AAAA is IPv4", DNS_AAAA,
     HEAD(1, 0) ASK(28) "@12 " IN(28, 300) "[ !0 !0 00 00 ff ff 01 02 03 04 ]", "300: 1.2.3.4"},
    {"PTR", DNS_PTR,
     HEAD(2, 0) ASK(12) "@12 " IN(12, 300) "[ 'Mail 'Example 00 ] @12 " IN(12, 300) "[ 'x @12 ]",
     "300: mail.example; x.a.test"},
    {"a PTR with odd octets", DNS_PTR,
     HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "[ 06 61 20 2e 5c 00 ff 'b/c 00 ]",
     "300: a\\032\\046\\092\\000\\255.b\\047c"},
    {"a PTR to the root", DNS_PTR, HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "[ 00 ]", "300: "},
    {"MX by preference, equal ones in their order", DNS_MX,
     HEAD(4, 0)
         ASK(15) "@12 " IN(15, 300) "[ =20 'c @14 ] @12 " IN(15, 300) "[ =10 'b @14 ] @12 " IN(
             15, 300) "[ =20 'd @14 ] @12 " IN(15, 300) "[ =5 'E 00 ]",
     "300: 5/e; 10/b.test; 20/c.test; 20/d.test"},
    {"null MX", DNS_MX, HEAD(1, 0) ASK(15) "@12 " IN(15, 300) "[ =0 00 ]", "300: 0/"},
    {"TXT: strings joined, records apart", DNS_TXT,
     HEAD(2, 0) ASK(16) "@12 " IN(16, 300) "[ \"v=spf1 \"-all ] @12 " IN(16, 300) "[ \"two ]",
     "300: 10/v=spf1-all; 3/two"},
    {"an empty TXT", DNS_TXT, HEAD(1, 0) ASK(16) "@12 " IN(16, 300) "[ 00 ]", "300: 0/"},
    {"TXT without a string", DNS_TXT, HEAD(1, 0) ASK(16) "@12 " IN(16, 300) "[ ]", "300: 0/"},
    {"TLSA", DNS_TLSA, HEAD(1, 0) ASK(52) "@12 " IN(52, 300) "[ 03 01 01 ab 00 cd ]",
     "300: 3 1 1 3/abcd"},
    {"an alias", DNS_A, HEAD(2, 0) ASK(1) CNAME("'b 00") "'B 00 " IN(1, 300) "[ 01 02 03 04 ]",
     "200: 1.2.3.4"},
    {"aliases in any order", DNS_A,
     HEAD(3, 0)
         ASK(1) "'c 00 " IN(1, 300) "[ 01 02 03 04 ] 'b 00 " IN(5, 100) "[ 'c 00 ] " CNAME("'b 00"),
     "100: 1.2.3.4"},
    {"an alias of classless delegation", DNS_PTR,
     HEAD(2, 0) ASK(12) CNAME("'0/25 'z 00") "'0/25 'z 00 " IN(12, 300) "[ 'h 00 ]", "200: h"},
    {"the records of the name itself before its alias", DNS_A,
     HEAD(2, 0) ASK(1) CNAME("'b 00") A_RR, "300: 127.0.0.2"},
};

static const struct packet_case none_cases[] = {
    {"nodata", DNS_A, HEAD(0, 1) ASK(1) SOA_RR, "60: NODATA"},
    {"the SOA's own TTL if less", DNS_A,
     HEAD(0, 1) ASK(1) "@14 " IN(6, 7) "[ @14 00 !1 !2 !3 !4 !60 ]", "7: NODATA"},
    {"an hour at most", DNS_A,
     HEAD(0, 1) ASK(1) "@14 " IN(6, 90000) "[ @14 00 !1 !2 !3 !4 !90000 ]", "3600: NODATA"},
    {"nothing says how long", DNS_A, HEAD(0, 0) ASK(1), "30: NODATA"},
    {"a SOA behind others", DNS_A, HEAD(0, 2) ASK(1) "@14 " IN(2, 5) "[ 'ns 00 ] " SOA_RR,
     "60: NODATA"},
    {"servers beside nothing, by one of them", DNS_A,
     "12 34 85 80 =1 =0 =1 =0 " ASK(1) "@14 " IN(2, 5) "[ 'ns 00 ]", "30: NODATA"},
    {"an alias and the servers to be asked of it", DNS_A,
     HEAD(1, 1) ASK(1) CNAME("'b 00") "'b 00 " IN(2, 5) "[ 'ns 00 ]", "-> b 1 200"},
    {"another type is there", DNS_AAAA, HEAD(1, 1) ASK(28) A_RR SOA_RR, "60: NODATA"},
    {"nxdomain", DNS_A, NXDOMAIN ASK(1) SOA_RR, "60: NXDOMAIN"},
    {"an alias to what does not exist", DNS_A,
     "12 34 81 83 =1 =1 =1 =0 " ASK(1) "@12 " IN(5, 20) "[ 'b 00 ] " SOA_RR, "20: NXDOMAIN"},
    {"an alias to a name without it", DNS_A, HEAD(1, 1) ASK(1) CNAME("'b 00") SOA_RR, "60: NODATA"},
    {"an alias that leaves the packet", DNS_A, HEAD(1, 0) ASK(1) CNAME("'B 'Two 00"),
     "-> b.two 1 200"},
    {"and the last of two", DNS_A, HEAD(2, 0) ASK(1) CNAME("'b 00") "'b 00 " IN(5, 20) "[ 'c @14 ]",
     "-> c.test 2 20"},
};

#define L63 "'a23456789b123456789c123456789d123456789e123456789f123456789g123 "

static const struct packet_case wrong_cases[] = {
    {"empty", DNS_A, "", "TEMPFAIL malformed answer"},
    {"half a header", DNS_A, "12 34 81 80 =1", "TEMPFAIL malformed answer"},
    {"no question", DNS_A, "12 34 81 80 =0 =0 =0 =0", "TEMPFAIL malformed answer"},
    {"two questions", DNS_A, "12 34 81 80 =2 =0 =0 =0 " ASK(1) ASK(1), "TEMPFAIL malformed answer"},
    {"a query", DNS_A, "12 34 01 00 =1 =1 =0 =0 " ASK(1) A_RR, "TEMPFAIL malformed answer"},
    {"another opcode", DNS_A, "12 34 a1 80 =1 =1 =0 =0 " ASK(1) A_RR, "TEMPFAIL malformed answer"},
    {"truncated", DNS_A, "12 34 83 80 =1 =1 =0 =0 " ASK(1) A_RR, "TEMPFAIL truncated answer"},
    {"SERVFAIL", DNS_A, "12 34 81 82 =1 =0 =0 =0 " ASK(1), "TEMPFAIL SERVFAIL"},
    {"SERVFAIL without a question", DNS_A, "12 34 81 82 =0 =0 =0 =0", "TEMPFAIL SERVFAIL"},
    {"REFUSED with an address", DNS_A, "12 34 81 85 =1 =1 =0 =0 " ASK(1) A_RR, "TEMPFAIL REFUSED"},
    {"rcode 9", DNS_A, "12 34 81 89 =1 =0 =0 =0 " ASK(1), "TEMPFAIL NOTAUTH"},
    {"rcode 15", DNS_A, "12 34 81 8f =1 =0 =0 =0 " ASK(1), "TEMPFAIL rcode 15"},
    {"another name", DNS_A, HEAD(1, 0) "'b 'test 00 =1 =1 " A_RR, "TEMPFAIL malformed answer"},
    {"another name that looks the same", DNS_A, HEAD(1, 0) "06 61 2e 74 65 73 74 00 =1 =1 " A_RR,
     "TEMPFAIL malformed answer"},
    {"another type", DNS_A, HEAD(1, 0) ASK(28) A_RR, "TEMPFAIL malformed answer"},
    {"another class", DNS_A, HEAD(1, 0) QUESTION "=1 =3 " A_RR, "TEMPFAIL malformed answer"},
    {"the question cut", DNS_A, HEAD(0, 0) QUESTION "=1 00", "TEMPFAIL malformed answer"},
    {"the question's name cut", DNS_A, HEAD(0, 0) "'a 04 74", "TEMPFAIL malformed answer"},
    {"fewer records than said", DNS_A, HEAD(2, 0) ASK(1) A_RR, "TEMPFAIL malformed answer"},
    {"a record cut in its header", DNS_A, HEAD(1, 0) ASK(1) "@12 =1 =1 !300 00",
     "TEMPFAIL malformed answer"},
    {"a record cut in its data", DNS_A, HEAD(1, 0) ASK(1) "@12 " IN(1, 300) "=4 7f 00 00",
     "TEMPFAIL malformed answer"},
    {"an owner cut in its pointer", DNS_A, HEAD(1, 0) ASK(1) "c0", "TEMPFAIL malformed answer"},
    {"an owner with a bad label", DNS_A, HEAD(1, 0) ASK(1) "40 00 " IN(1, 300) "[ !1 ]",
     "TEMPFAIL malformed answer"},
    {"an address of 3 octets", DNS_A, HEAD(1, 0) ASK(1) "@12 " IN(1, 300) "[ 7f 00 00 ]",
     "TEMPFAIL malformed answer"},
    {"and of 5, beside a good one", DNS_A,
     HEAD(2, 0) ASK(1) A_RR "@12 " IN(1, 300) "[ 7f 00 00 02 00 ]", "TEMPFAIL malformed answer"},
    {"AAAA of 4", DNS_AAAA, HEAD(1, 0) ASK(28) "@12 " IN(28, 300) "[ !1 ]",
     "TEMPFAIL malformed answer"},
    {"PTR without a name", DNS_PTR, HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "[ ]",
     "TEMPFAIL malformed answer"},
    {"PTR with octets behind its name", DNS_PTR,
     HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "[ 'h 00 00 ]", "TEMPFAIL malformed answer"},
    {"a name beyond its record", DNS_PTR, HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "=2 'hh 00 ",
     "TEMPFAIL malformed answer"},
    {"a pointer to itself", DNS_PTR, HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "[ @36 ]",
     "TEMPFAIL malformed answer"},
    {"a pointer forward", DNS_PTR, HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "[ @38 'x 00 ]",
     "TEMPFAIL malformed answer"},
    {"a pointer beyond the packet", DNS_PTR, HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "[ @9999 ]",
     "TEMPFAIL malformed answer"},
    {"a name of 256 octets", DNS_PTR,
     HEAD(1, 0) ASK(12) "@12 " IN(12, 300) "[ " L63 L63 L63 L63 "00 ]",
     "TEMPFAIL malformed answer"},
    {"the same by a pointer", DNS_PTR,
     HEAD(2, 0) ASK(12) "'x 00 " IN(16, 300) "[ " L63 L63 "00 ] @12 " IN(12, 300) "[ " L63 L63
                                                                                  "@37 ]",
     "TEMPFAIL malformed answer"},
    {"MX without a host", DNS_MX, HEAD(1, 0) ASK(15) "@12 " IN(15, 300) "[ =10 ]",
     "TEMPFAIL malformed answer"},
    {"MX of one octet", DNS_MX, HEAD(1, 0) ASK(15) "@12 " IN(15, 300) "[ 00 ]",
     "TEMPFAIL malformed answer"},
    {"TXT beyond its record", DNS_TXT, HEAD(1, 0) ASK(16) "@12 " IN(16, 300) "[ 03 61 62 ] 63",
     "TEMPFAIL malformed answer"},
    {"TLSA without data", DNS_TLSA, HEAD(1, 0) ASK(52) "@12 " IN(52, 300) "[ 03 01 01 ]",
     "TEMPFAIL malformed answer"},
    {"an alias to nothing", DNS_A, HEAD(1, 0) ASK(1) CNAME(""), "TEMPFAIL malformed answer"},
    {"an alias with octets behind", DNS_A, HEAD(1, 0) ASK(1) CNAME("'b 00 00"),
     "TEMPFAIL malformed answer"},
    {"an alias to itself", DNS_A, HEAD(1, 0) ASK(1) CNAME("@12"), "TEMPFAIL CNAME loop"},
    {"an alias and back", DNS_A, HEAD(2, 0) ASK(1) CNAME("'b 00") "'b 00 " IN(5, 9) "[ @12 ]",
     "TEMPFAIL CNAME loop"},
    {"an alias to what cannot be asked for", DNS_A, HEAD(1, 0) ASK(1) CNAME("03 61 07 62 00"),
     "TEMPFAIL CNAME to what cannot be asked for"},
    {"an alias to the root", DNS_A, HEAD(1, 0) ASK(1) CNAME("00"),
     "TEMPFAIL CNAME to what cannot be asked for"},
    {"a SOA cut", DNS_A, HEAD(0, 1) ASK(1) "@14 " IN(6, 900) "[ @14 00 !1 !2 !3 !4 ]",
     "TEMPFAIL malformed answer"},
    {"no SOA where one is said to be", DNS_A, HEAD(0, 1) ASK(1), "TEMPFAIL malformed answer"},
    {"a referral", DNS_A, HEAD(0, 2) ASK(1) "00 " IN(2, 5) "[ 'ns 00 ] 00 " IN(2, 5) "[ 'n2 00 ]",
     "TEMPFAIL referral"},
    {"more records than are looked at", DNS_A, HEAD(257, 0) ASK(1), "TEMPFAIL too many records"},
};

static void check(const struct packet_case *c)
{
    struct packet packet;
    struct answer_alias alias;
    struct answer_asked asked = {.type = c->type, .name = "a.test", .ttl = UINT32_MAX};
    char text[8192];
    packet_of(c->packet, &packet);
    struct answer *answer = read_packet(&packet, &asked, &alias);
    if (strcmp(show(answer, &alias, text), c->want) != 0)
        fail_msg("%s: %s", c->name, text);
    if (answer != NULL)
        answer_drop(answer);
}

static void records_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(found_cases); i++)
        check(&found_cases[i]);
}

static void nothing_found_is_nodata_or_nxdomain_for_as_long_as_the_soa_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(none_cases); i++)
        check(&none_cases[i]);
}

static void what_is_no_answer_is_a_temporary_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong_cases); i++)
        check(&wrong_cases[i]);
}

/* Cut behind its last record it is the same answer. */
static void check_cut(const struct packet_case *c, const struct packet *packet)
{
    struct answer_alias alias;
    struct answer_asked asked = {.type = c->type, .name = "a.test", .ttl = UINT32_MAX};
    struct answer *answer = read_packet(packet, &asked, &alias);
    char text[8192];
    assert_non_null(answer);
    if (answer->said.status != DNS_TEMPFAIL && strcmp(show(answer, &alias, text), c->want) != 0)
        fail_msg("%s, %zu octets: %s", c->name, packet->len, text);
    answer_drop(answer);
}

static void every_packet_cut_anywhere_is_read_the_same_or_a_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(found_cases) + COUNT(none_cases); i++) {
        const struct packet_case *c =
            i < COUNT(found_cases) ? &found_cases[i] : &none_cases[i - COUNT(found_cases)];
        struct packet packet;
        packet_of(c->packet, &packet);
        while (packet.len-- > 0)
            check_cut(c, &packet);
    }
}

static void aliases_are_counted_over_all_packets(void **state)
{
    (void)state;
    struct packet packet;
    struct answer_alias alias;
    packet_of(HEAD(1, 0) ASK(1) CNAME("'b 00"), &packet);
    struct answer_asked asked = {.type = DNS_A, .name = "a.test", .aliases = 7, .ttl = 50};
    assert_null(read_packet(&packet, &asked, &alias));
    assert_int_equal(alias.aliases, 8);
    assert_int_equal(alias.ttl, 50);
    asked.aliases = 8;
    struct answer *answer = read_packet(&packet, &asked, &alias);
    assert_string_equal(answer->said.why, "CNAME loop");
    answer_drop(answer);
    packet_of(HEAD(1, 0) ASK(1) A_RR, &packet);
    answer = read_packet(&packet, &asked, &alias);
    assert_int_equal(answer->said.ttl, 50);
    answer_drop(answer);
}

static void many_pointers_to_one_name_are_bounded(void **state)
{
    (void)state;
    struct packet packet;
    struct answer_alias alias;
    struct answer_asked asked = {.type = DNS_PTR, .name = "a.test", .ttl = UINT32_MAX};
    for (unsigned hops = 31; hops <= 32; hops++) {
        packet_of(HEAD(2, 0) ASK(12) "'x 00 " IN(16, 9) "[ ", &packet);
        size_t last = 12; /* the question's name */
        for (unsigned i = 0; i < hops; i++) {
            size_t at = packet.len;
            put_number(&packet, 0xc000 | last, 2);
            last = at;
        }
        put_word(&packet, "]");
        put_number(&packet, 0xc00c, 2);
        struct packet tail;
        packet_of(IN(12, 300) "[", &tail);
        for (size_t i = 0; i < tail.len; i++)
            put(&packet, tail.octet[i]);
        packet.open = packet.len - 2;
        put_number(&packet, 0xc000 | last, 2);
        put_word(&packet, "]");
        struct answer *answer = read_packet(&packet, &asked, &alias);
        assert_int_equal(answer->said.status, hops == 31 ? DNS_FOUND : DNS_TEMPFAIL);
        answer_drop(answer);
    }
}

static void an_answer_lives_until_its_last_holder_drops_it(void **state)
{
    (void)state;
    struct answer *answer = answer_none(DNS_A, DNS_TEMPFAIL, "timeout");
    assert_ptr_equal(answer_hold(answer), answer);
    answer_drop(answer);
    assert_string_equal(answer->said.why, "timeout");
    answer_drop(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read),
        cmocka_unit_test(nothing_found_is_nodata_or_nxdomain_for_as_long_as_the_soa_says),
        cmocka_unit_test(what_is_no_answer_is_a_temporary_failure),
        cmocka_unit_test(every_packet_cut_anywhere_is_read_the_same_or_a_failure),
        cmocka_unit_test(aliases_are_counted_over_all_packets),
        cmocka_unit_test(many_pointers_to_one_name_are_bounded),
        cmocka_unit_test(an_answer_lives_until_its_last_holder_drops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
