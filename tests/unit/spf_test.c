/* SPDX-License-Identifier: ISC */
/*
 * spf_test: evaluations against a table of DNS: results and what decided, the limits to the last
 * look-up, names of the client, explanations, identities, time, and the end at every moment. The
 * official suite is run by tests/system/test_conformance_auth_spf.py.
 */
#include "policy/auth/spf.h"

#include "lib/buf.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "tests/unit/support/fake_dns.h"
#include "tests/unit/support/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct spf_case {
    const char *name;
    const char *client; /* NULL: 192.0.2.3 */
    const char *sender; /* NULL: u@d.example */
    const char *helo;   /* NULL: mx.d.example */
    bool helo_identity;
    /* A line each: "A name addresses", "TXT name text" (a second line: a second record), or "!" in
     * front of a status: "A name !TEMPFAIL", "!NODATA". */
    const char *dns;
    const char *said; /* "RESULT TERMS/VOIDS/QUERIES DOMAIN|MECHANISM|WHY|EXPLANATION" */
};

struct rig {
    struct loop *loop;
    struct dns *dns;
    struct buf trace;
    char *said; /* NULL: nothing yet */
    unsigned times;
};

/* ---- the rig -----------------------------------------------------------------------------------
 */

static void set_line(struct dns *dns, const char *word, const char *name, const char *records)
{
    static const char *const types[] = {[DNS_A] = "A",   [DNS_AAAA] = "AAAA", [DNS_PTR] = "PTR",
                                        [DNS_MX] = "MX", [DNS_TXT] = "TXT",   [DNS_TLSA] = "TLSA"};
    size_t type = 0;
    while (strcmp(types[type], word) != 0)
        type++;
    if (strcmp(records, "!TEMPFAIL") == 0)
        fake_dns_status(dns, (enum dns_type)type, name, DNS_TEMPFAIL, "SERVFAIL");
    else if (strcmp(records, "!NODATA") == 0)
        fake_dns_status(dns, (enum dns_type)type, name, DNS_NODATA, NULL);
    else if (strcmp(records, "!HOLD") == 0)
        fake_dns_hold(dns, (enum dns_type)type, name);
    else
        fake_dns_set(dns, (enum dns_type)type, name, records);
}

static void set_table(struct dns *dns, const char *table)
{
    char word[8], name[300], last[300] = "", *both = NULL;
    while (table != NULL && *table != '\0') {
        int used = 0;
        if (sscanf(table, "%7s %299s %n", word, name, &used) < 2)
            fail_msg("no line of a table: %s", table);
        size_t len = strcspn(table, "\n");
        char *records = mem_strndup(table + used, len - (size_t)used);
        if (strcmp(word, "TXT") == 0 && strcmp(name, last) == 0) {
            char *more = mem_printf("%s\n%s", both, records);
            free(records);
            records = more;
        }
        set_line(dns, word, name, records);
        free(both);
        both = records;
        snprintf(last, sizeof last, "%s", name);
        table += len + (table[len] == '\n');
    }
    free(both);
}

static struct rig *rig_new(const char *table)
{
    struct rig *rig = mem_alloc(sizeof *rig);
    rig->loop = loop_new();
    rig->dns = fake_dns_new();
    set_table(rig->dns, table);
    return rig;
}

static void rig_free(struct rig *rig)
{
    fake_dns_free(rig->dns);
    loop_free(rig->loop);
    buf_free(&rig->trace);
    free(rig->said);
    free(rig);
}

static void hear(const struct spf_answer *a, void *arg)
{
    struct rig *rig = arg;
    rig->times++;
    free(rig->said);
    rig->said = mem_printf("%s %u/%u/%u %s|%s|%s|%s", spf_result_name(a->result), a->terms,
                           a->voids, a->queries, a->domain, a->mechanism, a->why, a->explanation);
    assert_int_equal(a->queries, fake_dns_asked(rig->dns));
}

static void trace(const char *line, void *arg)
{
    struct rig *rig = arg;
    buf_printf(&rig->trace, "%s\n", line);
}

static struct spf *rig_ask(struct rig *rig, const struct spf_case *c, spf_trace_fn fn)
{
    struct spf_query query = {
        .helo = c->helo != NULL ? c->helo : "mx.d.example",
        .sender = c->sender != NULL ? c->sender : "u@d.example",
        .helo_identity = c->helo_identity,
        .hostname = "here.example",
        .now = 1700000000,
        .time_ms = 20000,
    };
    assert_true(addr_parse_ip(c->client != NULL ? c->client : "192.0.2.3", &query.client));
    struct spf *spf = spf_ask(rig->loop, rig->dns, &query, fn, hear, rig);
    assert_null(rig->said); /* never from inside */
    return spf;
}

/* The answer of the next question, if there is one. */
static bool rig_step(struct rig *rig)
{
    loop_poll(rig->loop);
    return fake_dns_run(rig->dns) > 0;
}

/* Cancelled after so many steps; false: it was done before. */
static bool cancelled(const struct spf_case *c, size_t steps)
{
    struct rig *rig = rig_new(c->dns);
    struct spf *spf = rig_ask(rig, c, NULL);
    while (steps-- > 0 && rig->said == NULL)
        (void)rig_step(rig);
    bool open = rig->said == NULL;
    if (open)
        spf_cancel(spf);
    loop_poll(rig->loop);
    assert_int_equal(fake_dns_open(rig->dns), 0);
    assert_int_equal(rig->times, !open);
    rig_free(rig);
    return open;
}

static void run_case(const struct spf_case *c)
{
    struct rig *rig = rig_new(c->dns);
    (void)!rig_ask(rig, c, NULL);
    while (rig_step(rig))
        ;
    if (rig->times != 1 || strcmp(rig->said, c->said) != 0)
        fail_msg("%s: %s\ninstead of %s", c->name, rig->said, c->said);
    rig_free(rig);
    for (size_t steps = 0; cancelled(c, steps); steps++)
        ;
}

static void run_cases(const struct spf_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_case(&cases[i]);
}

#define RUN(cases) run_cases(cases, COUNT(cases))

/* ---- identities --------------------------------------------------------------------------------
 */

static void the_domain_is_that_of_the_identity(void **state)
{
    (void)state;
    static const struct spf_case cases[] = {
        {.name = "MAIL FROM",
         .dns = "TXT d.example v=spf1 -all",
         .said = "fail 0/0/1 d.example|-all||"},
        {.name = "in capitals, with a dot",
         .sender = "u@D.Example.",
         .dns = "TXT d.example v=spf1 -all",
         .said = "fail 0/0/1 d.example|-all||"},
        {.name = "behind the last @",
         .sender = "\"a@b.example\"@d.example",
         .dns = "TXT d.example v=spf1 -all",
         .said = "fail 0/0/1 d.example|-all||"},
        {.name = "an U-label",
         .sender = "u@b\xc3\xbc"
                   "cher.example",
         .dns = "TXT xn--bcher-kva.example v=spf1 -all",
         .said = "fail 0/0/1 xn--bcher-kva.example|-all||"},
        {.name = "HELO",
         .helo_identity = true,
         .dns = "TXT mx.d.example v=spf1 -all",
         .said = "fail 0/0/1 mx.d.example|-all||"},
        {.name = "the null sender",
         .sender = "",
         .dns =
             "TXT mx.d.example v=spf1 ~exists:%{s}.x.example\nA postmaster@mx.d.example.x.example "
             "127.0.0.1",
         .said = "softfail 1/0/2 mx.d.example|~exists:%{s}.x.example||"},
        {.name = "no local part",
         .sender = "@d.example",
         .dns = "TXT d.example v=spf1 ?exists:%{l}.x.example\nA postmaster.x.example 127.0.0.1",
         .said = "neutral 1/0/2 d.example|?exists:%{l}.x.example||"},
        {.name = "nothing at all",
         .sender = "",
         .helo = "",
         .said = "none 0/0/0 ||there is no domain|"},
        {.name = "one label",
         .sender = "u@example",
         .said = "none 0/0/0 example||example is no full domain name|"},
        {.name = "a literal",
         .sender = "",
         .helo = "[192.0.2.3]",
         .said = "none 0/0/0 [192.0.2.3]||[192.0.2.3] is no full domain name|"},
        {.name = "an address",
         .sender = "",
         .helo = "192.0.2.3",
         .said = "none 0/0/0 192.0.2.3||192.0.2.3 is no full domain name|"},
        {.name = "an empty label",
         .sender = "u@a..example",
         .said = "none 0/0/0 a..example||a..example is no full domain name|"},
        {.name = "odd octets",
         .sender = "",
         .helo = "a\x01.\xff",
         .said = "none 0/0/0 a\\x01.\\xff||a\\x01.\\xff is no full domain name|"},
        {.name = "no record",
         .dns = "TXT d.example something else",
         .said = "none 0/0/1 d.example||d.example has no SPF record|"},
        {.name = "no name", .said = "none 0/0/1 d.example||d.example does not exist|"},
        {.name = "no text",
         .dns = "A d.example 192.0.2.3",
         .said = "none 0/0/1 d.example||d.example has no SPF record|"},
        {.name = "a fault",
         .dns = "TXT d.example !TEMPFAIL",
         .said = "temperror 0/0/1 d.example||TXT d.example: SERVFAIL|"},
        {.name = "one record among others",
         .dns = "TXT d.example a\nTXT d.example v=spf1 -all\nTXT d.example b",
         .said = "fail 0/0/1 d.example|-all||"},
        {.name = "two records",
         .dns = "TXT d.example v=spf1 -all\nTXT d.example v=spf1 -all",
         .said = "permerror 0/0/1 d.example||d.example has 2 SPF records|"},
        {.name = "a bad record",
         .dns = "TXT d.example v=spf1 +all moo",
         .said = "permerror 0/0/1 d.example||d.example has no such mechanism: \"moo\"|"},
    };
    RUN(cases);
}

/* ---- mechanisms --------------------------------------------------------------------------------
 */

#define V6 .client = "2001:db8::3"

static void mechanisms_compare_the_address(void **state)
{
    (void)state;
    static const struct spf_case cases[] = {
        {.name = "the first that matches decides",
         .dns = "TXT d.example v=spf1 ip4:192.0.2.4 ?ip4:192.0.2.0/24 -all",
         .said = "neutral 0/0/1 d.example|?ip4:192.0.2.0/24||"},
        {.name = "none does",
         .dns = "TXT d.example v=spf1 ip4:192.0.2.4",
         .said = "neutral 0/0/1 d.example|||"},
        {.name = "bits within an octet",
         .dns = "TXT d.example v=spf1 ip4:192.0.2.1/31 ip4:192.0.2.2/31 -all",
         .said = "pass 0/0/1 d.example|ip4:192.0.2.2/31||"},
        {.name = "ip6",
         V6,
         .dns = "TXT d.example v=spf1 ip4:0.0.0.0/0 ip6:2001:db8::4/127 ip6:2001:db8::2/127 -all",
         .said = "pass 0/0/1 d.example|ip6:2001:db8::2/127||"},
        {.name = "a mapped client is IPv4",
         .client = "::ffff:192.0.2.3",
         .dns = "TXT d.example v=spf1 ip6:::/0 ip6:::ffff:192.0.2.3 ip4:192.0.2.3 -all",
         .said = "pass 0/0/1 d.example|ip4:192.0.2.3||"},
        {.name = "a mapped network is IPv6",
         V6,
         .dns = "TXT d.example v=spf1 ip6:::ffff:192.0.2.3 ip6:::ffff:192.0.2.3/0 -all",
         .said = "pass 0/0/1 d.example|ip6:::ffff:192.0.2.3/0||"},
        {.name = "a",
         .dns = "TXT d.example v=spf1 a -all\nA d.example 192.0.2.9 192.0.2.3",
         .said = "pass 1/0/2 d.example|a||"},
        {.name = "a of another",
         .dns = "TXT d.example v=spf1 a:x.example/24 -all\nA x.example 192.0.2.9",
         .said = "pass 1/0/2 d.example|a:x.example/24||"},
        {.name = "a, IPv6",
         V6,
         .dns = "TXT d.example v=spf1 a/0//126 -all\nA d.example 192.0.2.1\nAAAA d.example "
                "2001:db8::1",
         .said = "pass 1/0/2 d.example|a/0//126||"},
        {.name = "a mapped AAAA is no IPv6",
         V6,
         .dns = "TXT d.example v=spf1 a//0 -all\nAAAA d.example ::ffff:192.0.2.3",
         .said = "fail 1/0/2 d.example|-all||"},
        {.name = "a, a fault",
         .dns = "TXT d.example v=spf1 a -all\nA d.example !TEMPFAIL",
         .said = "temperror 1/0/2 d.example||A d.example: SERVFAIL|"},
        {.name = "mx, the second host",
         .dns = "TXT d.example v=spf1 mx -all\nMX d.example 1 a.example 2 b.example 3 c.example\nA "
                "a.example 192.0.2.1\nA b.example 192.0.2.3",
         .said = "pass 1/0/4 d.example|mx||"},
        {.name = "mx does not fall back to A",
         .dns = "TXT d.example v=spf1 mx -all\nA d.example 192.0.2.3",
         .said = "fail 1/1/2 d.example|-all||"},
        {.name = "a null MX",
         .dns = "TXT d.example v=spf1 mx/0 -all\nMX d.example 0 .",
         .said = "fail 1/0/2 d.example|-all||"},
        {.name = "mx, a fault of a host",
         .dns = "TXT d.example v=spf1 mx -all\nMX d.example 1 a.example\nA a.example !TEMPFAIL",
         .said = "temperror 1/0/3 d.example||A a.example: SERVFAIL|"},
        {.name = "an MX of odd octets",
         .dns = "TXT d.example v=spf1 mx -all\nMX d.example 1 a\\058b.example\nA a:b.example "
                "192.0.2.3",
         .said = "pass 1/0/3 d.example|mx||"},
        {.name = "exists asks for A, of IPv6, too",
         V6,
         .dns = "TXT d.example v=spf1 exists:%{ir}.x.example -all\nA "
                "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.x.example "
                "127.0.0.2",
         .said = "pass 1/0/2 d.example|exists:%{ir}.x.example||"},
        {.name = "exists, AAAA only",
         V6,
         .dns = "TXT d.example v=spf1 exists:x.example -all\nAAAA x.example 2001:db8::3",
         .said = "fail 1/1/2 d.example|-all||"},
        {.name = "what cannot be asked for does not match",
         .dns = "TXT d.example v=spf1 a:a..example exists:\\.example -all",
         .said = "fail 2/2/3 d.example|-all||"},
    };
    RUN(cases);
}

static void include_and_redirect_go_to_other_records(void **state)
{
    (void)state;
    static const struct spf_case cases[] = {
        {.name = "include passes",
         .dns = "TXT d.example v=spf1 ?include:i.example -all\nTXT i.example v=spf1 "
                "+ip4:192.0.2.3 -all",
         .said = "neutral 1/0/2 d.example|?include:i.example||"},
        {.name = "include fails, softfails, is neutral",
         .dns = "TXT d.example v=spf1 include:f.example include:s.example include:n.example ~all\n"
                "TXT f.example v=spf1 -all\nTXT s.example v=spf1 ~all\nTXT n.example v=spf1",
         .said = "softfail 3/0/4 d.example|~all||"},
        {.name = "include within include",
         .dns = "TXT d.example v=spf1 include:i.example -all\nTXT i.example v=spf1 "
                "include:j.example -all\nTXT j.example v=spf1 ip4:192.0.2.3",
         .said = "pass 2/0/3 d.example|include:i.example||"},
        {.name = "include of nothing",
         .dns = "TXT d.example v=spf1 include:i.example -all",
         .said = "permerror 1/0/2 d.example||i.example does not exist|"},
        {.name = "include of a fault",
         .dns = "TXT d.example v=spf1 include:i.example +all\nTXT i.example !TEMPFAIL",
         .said = "temperror 1/0/2 d.example||TXT i.example: SERVFAIL|"},
        {.name = "include of what is bad",
         .dns = "TXT d.example v=spf1 include:i.example +all\nTXT i.example v=spf1 moo",
         .said = "permerror 1/0/2 d.example||i.example has no such mechanism: \"moo\"|"},
        {.name = "%{d} is the included domain, %{o} the sender's",
         .dns = "TXT d.example v=spf1 include:i.example -all\nTXT i.example v=spf1 "
                "exists:%{d}.%{o}.x.example\nA i.example.d.example.x.example 127.0.0.1",
         .said = "pass 2/0/3 d.example|include:i.example||"},
        {.name = "redirect",
         .dns = "TXT d.example v=spf1 ip4:192.0.2.4 redirect=r.example\nTXT r.example v=spf1 a "
                "-all\nA r.example 192.0.2.3",
         .said = "pass 2/0/3 d.example|a||"},
        {.name = "redirect in front has no effect before its turn",
         .dns = "TXT d.example v=spf1 redirect=r.example ~all",
         .said = "softfail 0/0/1 d.example|~all||"},
        {.name = "redirect to nothing",
         .dns = "TXT d.example v=spf1 redirect=r.example",
         .said = "permerror 1/0/2 d.example||r.example does not exist|"},
        {.name = "redirect within include",
         .dns = "TXT d.example v=spf1 include:i.example -all\nTXT i.example v=spf1 "
                "redirect=r.example\nTXT r.example v=spf1 ip4:192.0.2.3",
         .said = "pass 2/0/3 d.example|include:i.example||"},
    };
    RUN(cases);
}

/* ---- limits ------------------------------------------------------------------------------------
 */

#define IPS "A a.example 192.0.2.1\n"
#define A5  "a:a.example a:a.example a:a.example a:a.example a:a.example "

static void the_limits_are_exact(void **state)
{
    (void)state;
    static const struct spf_case cases[] = {
        {.name = "ten terms",
         .dns = "TXT d.example v=spf1 " A5 A5 "+all\n" IPS,
         .said = "pass 10/0/11 d.example|+all||"},
        {.name = "eleven terms",
         .dns = "TXT d.example v=spf1 " A5 A5 "a:a.example +all\n" IPS,
         .said = "permerror 11/0/11 d.example||more than 10 terms that ask DNS|"},
        {.name = "eleven terms, but the first matches",
         .dns = "TXT d.example v=spf1 a:m.example " A5 A5 "\nA m.example 192.0.2.3\n",
         .said = "pass 1/0/2 d.example|a:m.example||"},
        {.name = "the include counts, and what is within",
         .dns =
             "TXT d.example v=spf1 " A5 "include:i.example +all\nTXT i.example v=spf1 " A5 "\n" IPS,
         .said = "permerror 11/0/11 d.example||more than 10 terms that ask DNS|"},
        {.name = "the redirect counts",
         .dns =
             "TXT d.example v=spf1 " A5 A5 "redirect=r.example\n" IPS "TXT r.example v=spf1 +all",
         .said = "permerror 11/0/11 d.example||more than 10 terms that ask DNS|"},
        {.name = "ten with a redirect",
         .dns = "TXT d.example v=spf1 " A5 "a:a.example a:a.example a:a.example a:a.example "
                "redirect=r.example\n" IPS "TXT r.example v=spf1 +all",
         .said = "pass 10/0/11 d.example|+all||"},
        {.name = "include of itself",
         .dns = "TXT d.example v=spf1 include:d.example -all",
         .said = "permerror 11/0/11 d.example||more than 10 terms that ask DNS|"},
        {.name = "redirect to itself",
         .dns = "TXT d.example v=spf1 redirect=d.example",
         .said = "permerror 11/0/11 d.example||more than 10 terms that ask DNS|"},
        {.name = "two look-ups without an answer",
         .dns = "TXT d.example v=spf1 a:x.example exists:y.example +all",
         .said = "pass 2/2/3 d.example|+all||"},
        {.name = "three, the last term",
         .dns = "TXT d.example v=spf1 a:x.example exists:y.example mx:z.example",
         .said = "permerror 3/3/4 d.example||more than 2 look-ups without an answer|"},
        {.name = "ptr without a name is one",
         .dns = "TXT d.example v=spf1 a:x.example ptr mx:z.example",
         .said = "permerror 3/3/4 d.example||more than 2 look-ups without an answer|"},
        {.name = "MX hosts without an address are one together",
         .dns = "TXT d.example v=spf1 mx mx mx -all\nMX d.example 1 a.example 2 b.example 3 "
                "c.example",
         .said = "permerror 3/3/13 d.example||more than 2 look-ups without an answer|"},
        {.name = "ten MX",
         .dns = "TXT d.example v=spf1 mx -all\nMX d.example 1 a.example 1 a.example 1 a.example 1 "
                "a.example 1 a.example 1 a.example 1 a.example 1 a.example 1 a.example 2 "
                "m.example\n" IPS "A m.example 192.0.2.3",
         .said = "pass 1/0/12 d.example|mx||"},
        {.name = "eleven MX",
         .dns = "TXT d.example v=spf1 mx -all\nMX d.example 0 m.example 1 a.example 1 a.example 1 "
                "a.example 1 a.example 1 a.example 1 a.example 1 a.example 1 a.example 1 a.example "
                "2 a.example\n" IPS "A m.example 192.0.2.3",
         .said = "permerror 1/0/2 d.example||more than 10 MX records at d.example|"},
    };
    RUN(cases);
}

/* ---- the client's names ------------------------------------------------------------------------
 */

#define PTR "PTR 3.2.0.192.in-addr.arpa "

static void names_are_validated_and_asked_for_once(void **state)
{
    (void)state;
    static const struct spf_case cases[] = {
        {.name = "the domain itself",
         .dns = "TXT d.example v=spf1 ptr -all\n" PTR "d.example\nA d.example 192.0.2.3",
         .said = "pass 1/0/3 d.example|ptr||"},
        {.name = "below it, and names elsewhere are not asked for",
         .dns = "TXT d.example v=spf1 ptr -all\n" PTR
                "x.example xd.example mx.D.example\nA mx.d.example 192.0.2.3",
         .said = "pass 1/0/3 d.example|ptr||"},
        {.name = "not validated",
         .dns = "TXT d.example v=spf1 ptr -all\n" PTR "mx.d.example\nA mx.d.example 192.0.2.4",
         .said = "fail 1/0/3 d.example|-all||"},
        {.name = "a fault of one name is skipped",
         .dns = "TXT d.example v=spf1 ptr -all\n" PTR
                "a.d.example b.d.example\nA a.d.example !TEMPFAIL\nA b.d.example 192.0.2.3",
         .said = "pass 1/0/4 d.example|ptr||"},
        {.name = "a fault of PTR is no match",
         .dns = "TXT d.example v=spf1 ptr -all\n" PTR "!TEMPFAIL",
         .said = "fail 1/0/2 d.example|-all||"},
        {.name = "the eleventh name is ignored",
         .dns = "TXT d.example v=spf1 ptr -all\n" PTR
                "a.x.example b.x.example c.x.example d.x.example e.x.example f.x.example "
                "g.x.example h.x.example i.x.example j.x.example d.example\nA d.example 192.0.2.3",
         .said = "fail 1/0/2 d.example|-all||"},
        {.name = "IPv6",
         V6,
         .dns = "TXT d.example v=spf1 ptr -all\nPTR "
                "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa "
                "mx.d.example\nAAAA mx.d.example 2001:db8::3",
         .said = "pass 1/0/3 d.example|ptr||"},
        {.name = "p and ptr share what was asked",
         .dns =
             "TXT d.example v=spf1 exists:%{p}.x.example ptr:y.example exists:%{p}.z.example "
             "ptr -all\n" PTR "mx.d.example a.y.example\nA mx.d.example 192.0.2.3\nA a.y.example "
             "192.0.2.4",
         .said = "pass 4/2/6 d.example|ptr||"},
        {.name = "p prefers the domain, then what is below it",
         .dns = "TXT d.example v=spf1 exists:%{p}.x.example -all\n" PTR
                "a.example mx.d.example d.example\nA a.example 192.0.2.3\nA mx.d.example "
                "192.0.2.3\nA d.example 192.0.2.3\nA d.example.x.example 127.0.0.2",
         .said = "pass 1/0/4 d.example|exists:%{p}.x.example||"},
        {.name = "p of another domain",
         .dns = "TXT d.example v=spf1 exists:%{p}.x.example -all\n" PTR
                "a.example mx.d.example\nA a.example 192.0.2.3\nA a.example.x.example 127.0.0.2",
         .said = "pass 1/0/5 d.example|exists:%{p}.x.example||"},
        {.name = "p unknown, and it counts nowhere",
         .dns = "TXT d.example v=spf1 exists:%{p}.x.example -all\nA unknown.x.example 127.0.0.2",
         .said = "pass 1/0/3 d.example|exists:%{p}.x.example||"},
    };
    RUN(cases);
}

/* ---- explanations ------------------------------------------------------------------------------
 */

static void a_fail_has_the_words_of_who_decided(void **state)
{
    (void)state;
    static const struct spf_case cases[] = {
        {.name = "words",
         .dns = "TXT d.example v=spf1 -all exp=e.example\nTXT e.example %{c} (%{h}) is none of "
                "%{d}'s; %{r} %{t}",
         .said = "fail 0/0/2 d.example|-all||192.0.2.3 (mx.d.example) is none of d.example's; "
                 "here.example 1700000000"},
        {.name = "only of a fail",
         .dns = "TXT d.example v=spf1 ~all exp=e.example\nTXT e.example no",
         .said = "softfail 0/0/1 d.example|~all||"},
        {.name = "not of what is included",
         .dns = "TXT d.example v=spf1 -include:i.example exp=e.example\nTXT i.example v=spf1 +all "
                "exp=f.example\nTXT e.example yes\nTXT f.example no",
         .said = "fail 1/0/3 d.example|-include:i.example||yes"},
        {.name = "of where it was redirected to",
         .dns = "TXT d.example v=spf1 exp=e.example redirect=r.example\nTXT r.example v=spf1 -all "
                "exp=f.example\nTXT e.example no\nTXT f.example %{d}",
         .said = "fail 1/0/3 d.example|-all||r.example"},
        {.name = "a name in the words is asked for",
         .dns = "TXT d.example v=spf1 -all exp=e.example\nTXT e.example %{p}\n" PTR
                "mx.d.example\nA mx.d.example 192.0.2.3",
         .said = "fail 0/0/4 d.example|-all||mx.d.example"},
        {.name = "two texts",
         .dns = "TXT d.example v=spf1 -all exp=e.example\nTXT e.example one\nTXT e.example two",
         .said = "fail 0/0/2 d.example|-all||"},
        {.name = "a fault",
         .dns = "TXT d.example v=spf1 -all exp=e.example\nTXT e.example !TEMPFAIL",
         .said = "fail 0/0/2 d.example|-all||"},
        {.name = "no text, after two voids",
         .dns = "TXT d.example v=spf1 a:x.example a:y.example -all exp=e.example",
         .said = "fail 2/2/4 d.example|-all||"},
        {.name = "bad macros",
         .dns = "TXT d.example v=spf1 -all exp=e.example\nTXT e.example 100% sure",
         .said = "fail 0/0/2 d.example|-all||"},
        {.name = "octets that are no US-ASCII",
         .dns = "TXT d.example v=spf1 -all exp=e.example\nTXT e.example n\xc3\xb6",
         .said = "fail 0/0/2 d.example|-all||"},
        {.name = "a line break in the sender",
         .sender = "a\r\nb@d.example",
         .dns = "TXT d.example v=spf1 -all exp=e.example\nTXT e.example <%{l}>",
         .said = "fail 0/0/2 d.example|-all||<a?"
                 "?b>"},
    };
    RUN(cases);
}

/* ---- time, trace -------------------------------------------------------------------------------
 */

static void when_time_is_up_it_is_a_temporary_fault(void **state)
{
    (void)state;
    static const struct {
        const char *dns, *said;
    } cases[] = {
        {"TXT d.example !HOLD", "temperror 0/0/1 d.example||no answer in time|"},
        {"TXT d.example v=spf1 a -all\nA d.example !HOLD",
         "temperror 1/0/2 d.example||no answer in time|"},
        {"TXT d.example v=spf1 include:i.example -all\nTXT i.example !HOLD",
         "temperror 1/0/2 d.example||no answer in time|"},
        {"TXT d.example v=spf1 -all exp=e.example\nTXT e.example !HOLD", /* decided already */
         "fail 0/0/2 d.example|-all||"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig *rig = rig_new(cases[i].dns);
        struct spf_case c = {.name = "time"};
        (void)!rig_ask(rig, &c, NULL);
        while (rig_step(rig))
            ;
        clock_ms += 19990;
        loop_poll(rig->loop);
        assert_null(rig->said);
        clock_ms += 20;
        loop_poll(rig->loop);
        assert_string_equal(rig->said, cases[i].said);
        assert_int_equal(fake_dns_open(rig->dns), 0);
        rig_free(rig);
    }
}

/* They are asked of the client's own name servers. */
static void names_that_do_not_come_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *dns, *said;
    } cases[] = {
        {"TXT d.example v=spf1 ptr -all\n" PTR "!HOLD", "fail 1/0/2 d.example|-all||"},
        {"TXT d.example v=spf1 ptr ptr:x.example -all\n" PTR "mx.d.example a.d.example\n"
         "A mx.d.example !HOLD\nA a.d.example 192.0.2.3",
         "fail 2/0/3 d.example|-all||"},
        {"TXT d.example v=spf1 exists:%{p}.x.example -all\n" PTR "!HOLD\n"
         "A unknown.x.example 127.0.0.2",
         "pass 1/0/3 d.example|exists:%{p}.x.example||"},
        {"TXT d.example v=spf1 -all exp=e.example\nTXT e.example %{p}\n" PTR "!HOLD",
         "fail 0/0/3 d.example|-all||unknown"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig *rig = rig_new(cases[i].dns);
        struct spf_case c = {.name = "names"};
        (void)!rig_ask(rig, &c, NULL);
        while (rig_step(rig))
            ;
        clock_ms += 9990;
        loop_poll(rig->loop);
        assert_null(rig->said);
        clock_ms += 20;
        while (rig_step(rig))
            ;
        assert_non_null(rig->said);
        assert_string_equal(rig->said, cases[i].said);
        assert_int_equal(fake_dns_open(rig->dns), 0);
        rig_free(rig);
    }
}

static void a_trace_tells_every_step(void **state)
{
    (void)state;
    struct rig *rig =
        rig_new("TXT d.example v=spf1 mx include:i.example -all exp=e.example\nTXT d.example "
                "other\nMX d.example 10 a.example 20 b.example\nA a.example 192.0.2.1 "
                "192.0.2.2\nTXT i.example v=spf1 ip4:192.0.2.9 a -all\nTXT e.example no\x1b");
    struct spf_case c = {.name = "trace"};
    (void)!rig_ask(rig, &c, trace);
    while (rig_step(rig))
        ;
    buf_add(&rig->trace, "", 1);
    assert_string_equal(buf_data(&rig->trace), "TXT d.example: v=spf1 mx include:i.example -all "
                                               "exp=e.example\n"
                                               "MX d.example: 10 a.example., 20 b.example.\n"
                                               "A a.example: 192.0.2.1, 192.0.2.2\n"
                                               "A b.example: no such name\n"
                                               "mx: no match\n"
                                               "  TXT i.example: v=spf1 ip4:192.0.2.9 a -all\n"
                                               "  ip4:192.0.2.9: no match\n"
                                               "  A i.example: no such record\n"
                                               "  a: no match\n"
                                               "  -all: matches\n"
                                               "  fail\n"
                                               "include:i.example: no match\n"
                                               "-all: matches\n"
                                               "fail\n"
                                               "TXT e.example: no\\x1b\n"
                                               "the explanation is malformed\n");
    rig_free(rig);
}

static void nothing_is_told_to_who_has_cancelled(void **state)
{
    (void)state;
    spf_cancel(NULL);
    struct rig *rig = rig_new("TXT d.example v=spf1 -all");
    struct spf_case c = {.name = "cancel"};
    spf_cancel(rig_ask(rig, &c, NULL));
    struct spf_case none = {.name = "cancel", .sender = "u@example"};
    spf_cancel(rig_ask(rig, &none, NULL));
    loop_poll(rig->loop);
    assert_int_equal(rig->times, 0);
    assert_int_equal(fake_dns_asked(rig->dns), 0);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_domain_is_that_of_the_identity),
        cmocka_unit_test(mechanisms_compare_the_address),
        cmocka_unit_test(include_and_redirect_go_to_other_records),
        cmocka_unit_test(the_limits_are_exact),
        cmocka_unit_test(names_are_validated_and_asked_for_once),
        cmocka_unit_test(a_fail_has_the_words_of_who_decided),
        cmocka_unit_test(when_time_is_up_it_is_a_temporary_fault),
        cmocka_unit_test(names_that_do_not_come_are_none),
        cmocka_unit_test(a_trace_tells_every_step),
        cmocka_unit_test(nothing_is_told_to_who_has_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
