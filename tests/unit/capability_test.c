/* SPDX-License-Identifier: ISC */
/*
 * Tests of capability: which keywords of an EHLO reply count, what several backends have in common,
 * and what is advertised.
 */
#include "proxy/capability.h"

#include "proxy/param.h"
#include "proxy/xclient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct parse_case {
    const char *name;
    const char *line;
    struct capability want;
};

static const struct parse_case parse_cases[] = {
    {"a keyword", "PIPELINING", {.bits = CAP_PIPELINING}},
    {"in any case", "8bitMime", {.bits = CAP_8BITMIME}},
    {"an unknown keyword", "X-EXPS GSSAPI NTLM", {0}},
    {"a longer keyword", "PIPELININGX", {0}},
    {"keywords never passed on", "BINARYMIME", {0}},
    {"an empty line", "", {0}},
    {"blanks", "   ", {0}},
    {"SIZE alone", "SIZE", {.bits = CAP_SIZE}},
    {"SIZE 0 is no limit", "SIZE 0", {.bits = CAP_SIZE}},
    {"SIZE", "size 52428800", {.bits = CAP_SIZE, .size = 52428800}},
    {"SIZE beyond all", "SIZE 99999999999999999999", {.bits = CAP_SIZE, .size = UINT64_MAX}},
    {"the largest SIZE", "SIZE 18446744073709551615", {.bits = CAP_SIZE, .size = UINT64_MAX}},
    {"SIZE with no number", "SIZE many", {.bits = CAP_SIZE}},
    {"AUTH", "AUTH PLAIN LOGIN", {.bits = CAP_AUTH, .auth = AUTH_PLAIN | AUTH_LOGIN}},
    {"AUTH in any case", "auth plain", {.bits = CAP_AUTH, .auth = AUTH_PLAIN}},
    {"AUTH of old servers",
     "AUTH=LOGIN PLAIN",
     {.bits = CAP_AUTH, .auth = AUTH_PLAIN | AUTH_LOGIN}},
    {"AUTH with nothing that may pass",
     "AUTH GSSAPI NTLM DIGEST-MD5 EXTERNAL ANONYMOUS SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS",
     {0}},
    {"AUTH, the modern ones",
     "AUTH CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER XOAUTH2",
     {.bits = CAP_AUTH,
      .auth = AUTH_CRAM_MD5 | AUTH_SCRAM_SHA_1 | AUTH_SCRAM_SHA_256 | AUTH_SCRAM_SHA_512 |
              AUTH_OAUTHBEARER | AUTH_XOAUTH2}},
    {"AUTH alone", "AUTH", {0}},
    {"LIMITS",
     "LIMITS RCPTMAX=100 MAILMAX=20 RCPTDOMAINMAX=3",
     {.bits = CAP_LIMITS, .rcpt_max = 100, .mail_max = 20, .rcpt_domain_max = 3}},
    {"LIMITS, odd ones",
     "LIMITS RCPTMAX=0 MAILMAX=x OTHER=5 RCPTDOMAINMAX RCPTMAX=99999999999",
     {.bits = CAP_LIMITS, .rcpt_max = 999999}},
    {"DELIVERBY with a number", "DELIVERBY 240", {.bits = CAP_DELIVERBY}},
    {"XCLIENT",
     "XCLIENT NAME ADDR PORT",
     {.bits = CAP_XCLIENT, .xclient = XCLIENT_NAME | XCLIENT_ADDR | XCLIENT_PORT}},
    {"XFORWARD",
     "XFORWARD ADDR IDENT",
     {.bits = CAP_XFORWARD, .xforward = XCLIENT_ADDR | XCLIENT_IDENT}},
};

static void assert_same(const char *name, const struct capability *a, const struct capability *b)
{
    if (a->bits != b->bits || a->auth != b->auth || a->size != b->size ||
        a->rcpt_max != b->rcpt_max || a->mail_max != b->mail_max ||
        a->rcpt_domain_max != b->rcpt_domain_max || a->xclient != b->xclient ||
        a->xforward != b->xforward)
        fail_msg("%s: bits %#x, auth %#x, size %llu, limits %u %u %u, xclient %#x, xforward %#x",
                 name, a->bits, a->auth, (unsigned long long)a->size, a->rcpt_max, a->mail_max,
                 a->rcpt_domain_max, a->xclient, a->xforward);
}

static void lines_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parse_cases / sizeof parse_cases[0]; i++) {
        const struct parse_case *c = &parse_cases[i];
        struct capability cap = {0};
        capability_parse_line(&cap, c->line, strlen(c->line));
        assert_same(c->name, &cap, &c->want);
    }
}

static void the_greeting_is_skipped(void **state)
{
    (void)state;
    struct capability cap = {.bits = ~0U, .size = 5};
    capability_parse(&cap, "PIPELINING greets you");
    assert_same("greeting only", &cap, &(struct capability){0});
    capability_parse(&cap, "mx.example.org\nPIPELINING\n\nSIZE 100\nAUTH NTLM\nAUTH PLAIN\nDSN");
    struct capability want = {
        .bits = CAP_PIPELINING | CAP_SIZE | CAP_AUTH | CAP_DSN, .size = 100, .auth = AUTH_PLAIN};
    assert_same("whole reply", &cap, &want);
}

struct pair_case {
    const char *name;
    struct capability a, b, want;
};

static const struct pair_case pair_cases[] = {
    {"bits in common",
     {.bits = CAP_PIPELINING | CAP_DSN},
     {.bits = CAP_DSN | CAP_CHUNKING},
     {.bits = CAP_DSN}},
    {"the smaller size",
     {.bits = CAP_SIZE, .size = 100},
     {.bits = CAP_SIZE, .size = 50},
     {.bits = CAP_SIZE, .size = 50}},
    {"no limit yields",
     {.bits = CAP_SIZE},
     {.bits = CAP_SIZE, .size = 50},
     {.bits = CAP_SIZE, .size = 50}},
    {"a limit holds though the other side says nothing",
     {.bits = CAP_LIMITS, .rcpt_max = 5, .mail_max = 9, .rcpt_domain_max = 1},
     {.mail_max = 7},
     {.rcpt_max = 5, .mail_max = 7, .rcpt_domain_max = 1}},
    {"mechanisms in common",
     {.bits = CAP_AUTH, .auth = AUTH_PLAIN | AUTH_LOGIN},
     {.bits = CAP_AUTH, .auth = AUTH_PLAIN | AUTH_CRAM_MD5},
     {.bits = CAP_AUTH, .auth = AUTH_PLAIN}},
    {"no mechanism in common",
     {.bits = CAP_AUTH, .auth = AUTH_LOGIN},
     {.bits = CAP_AUTH, .auth = AUTH_PLAIN},
     {0}},
    {"XCLIENT attributes in common",
     {.bits = CAP_XCLIENT, .xclient = XCLIENT_ADDR | XCLIENT_NAME},
     {.bits = CAP_XCLIENT, .xclient = XCLIENT_ADDR},
     {.bits = CAP_XCLIENT, .xclient = XCLIENT_ADDR}},
};

static void several_backends_have_in_common(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pair_cases / sizeof pair_cases[0]; i++) {
        const struct pair_case *c = &pair_cases[i];
        struct capability one = c->a, other = c->b;
        capability_intersect(&one, &c->b);
        assert_same(c->name, &one, &c->want);
        capability_intersect(&other, &c->a);
        assert_same(c->name, &other, &c->want);
    }
}

struct print_case {
    const char *name;
    struct capability cap;
    const char *want;
    unsigned params;
};

static const struct print_case print_cases[] = {
    {"nothing", {0}, "", 0},
    {"everything, in order",
     {.bits = 0xffff,
      .auth = 0xff,
      .size = 1000,
      .rcpt_max = 100,
      .mail_max = 9999999,
      .rcpt_domain_max = 1},
     "PIPELINING\nSIZE 1000\nSTARTTLS\n"
     "AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER XOAUTH2\n"
     "ENHANCEDSTATUSCODES\n8BITMIME\nSMTPUTF8\nDSN\nCHUNKING\nDELIVERBY\nMT-PRIORITY\nRRVS\n"
     "NO-SOLICITING\nLIMITS RCPTMAX=100 MAILMAX=999999 RCPTDOMAINMAX=1\n"
     "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\n"
     "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\n",
     PARAM_SIZE | PARAM_BODY | PARAM_SMTPUTF8 | PARAM_DSN | PARAM_AUTH | PARAM_DELIVERBY |
         PARAM_MT_PRIORITY | PARAM_RRVS | PARAM_NO_SOLICITING},
    {"SIZE without a limit", {.bits = CAP_SIZE}, "SIZE\n", PARAM_SIZE},
    {"SMTPUTF8 needs 8BITMIME", {.bits = CAP_SMTPUTF8}, "", 0},
    {"SMTPUTF8 with it",
     {.bits = CAP_SMTPUTF8 | CAP_8BITMIME},
     "8BITMIME\nSMTPUTF8\n",
     PARAM_BODY | PARAM_SMTPUTF8},
    {"AUTH without mechanisms", {.bits = CAP_AUTH}, "", 0},
    {"mechanisms without AUTH", {.auth = AUTH_PLAIN}, "", 0},
    {"LIMITS without a limit", {.bits = CAP_LIMITS}, "", 0},
    {"one limit", {.bits = CAP_LIMITS, .mail_max = 5}, "LIMITS MAILMAX=5\n", 0},
    {"limits without LIMITS", {.mail_max = 5}, "", 0},
};

static void advertised_is_what_makes_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof print_cases / sizeof print_cases[0]; i++) {
        const struct print_case *c = &print_cases[i];
        struct buf out = {0};
        capability_print(&c->cap, &out);
        if (buf_len(&out) != strlen(c->want) || memcmp(buf_data(&out), c->want, buf_len(&out)) != 0)
            fail_msg("%s: %.*s", c->name, (int)buf_len(&out), buf_data(&out));
        if (capability_params(&c->cap) != c->params)
            fail_msg("%s: parameters %#x", c->name, capability_params(&c->cap));
        buf_free(&out);
    }
}

static void the_safe_subset_is_pipelining(void **state)
{
    (void)state;
    struct capability cap = capability_safe();
    assert_same("safe", &cap, &(struct capability){.bits = CAP_PIPELINING});
}

static void mechanisms_go_by_name(void **state)
{
    (void)state;
    assert_int_equal(capability_auth_bit("plain", 5), AUTH_PLAIN);
    assert_int_equal(capability_auth_bit("PLAINX", 5), AUTH_PLAIN);
    assert_int_equal(capability_auth_bit("PLAI", 4), 0);
    assert_int_equal(capability_auth_bit("", 0), 0);
    assert_int_equal(capability_auth_bit("SCRAM-SHA-256-PLUS", 18), 0);
    assert_int_equal(capability_auth_bit("EXTERNAL", 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(the_greeting_is_skipped),
        cmocka_unit_test(several_backends_have_in_common),
        cmocka_unit_test(advertised_is_what_makes_sense),
        cmocka_unit_test(the_safe_subset_is_pipelining),
        cmocka_unit_test(mechanisms_go_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
