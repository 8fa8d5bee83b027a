/* SPDX-License-Identifier: ISC */
/*
 * message_auth_test: DKIM, ARC and DMARC of one message together, on a message that another
 * program has signed: what comes out, in which order, and what hostile messages cost.
 */
#include "policy/auth/message_auth.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "tests/unit/support/asked_dns.h"
#include "tests/unit/support/signed_mail.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define SIGNATURES  10 /* that are tried */
#define HEADER_MOST (2 << 20)
#define DMARC_DNS   "TXT _dmarc.example.com v=DMARC1; p=reject\n"

struct rig {
    struct asked_dns dns;
    struct loop *loop;
    struct message_auth_env env;
    struct message_auth *auth;
    unsigned changed;
    bool frees; /* in `changed` */
    struct spf_known spf, spf_helo;
    struct buf said;
};

static void on_changed(void *arg)
{
    struct rig *r = arg;
    assert_true(message_auth_settled(r->auth));
    r->changed++;
    if (r->frees) {
        message_auth_free(r->auth);
        r->auth = NULL;
    }
}

static void open_rig(struct rig *r, const char *dns)
{
    *r = (struct rig){0};
    char *lines = mem_printf("%s%s", signed_mail_dns, dns);
    asked_dns_open(&r->dns, lines);
    free(lines);
    r->loop = loop_new();
    r->env = (struct message_auth_env){
        .loop = r->loop,
        .dns = &r->dns.dns,
        .header_size = HEADER_MOST,
        .dkim = true,
        .arc = true,
        .dmarc = true,
        .dkim_rules = {.signatures = SIGNATURES, .least_bits = 1024, .now = SIGNED_MAIL_TIME + 60},
        .arc_rules = {.sets = ARC_SETS_MOST, .least_bits = 1024, .now = SIGNED_MAIL_TIME + 60},
    };
}

static void begin(struct rig *r)
{
    r->auth = message_auth_new(&r->env, on_changed, r);
}

/* A rig without special rules, whose message begins. */
static void open_message(struct rig *r, const char *dns)
{
    open_rig(r, dns);
    begin(r);
}

static void close_rig(struct rig *r)
{
    message_auth_free(r->auth);
    loop_poll(r->loop);
    assert_int_equal(fake_dns_open(r->dns.fake), 0);
    asked_dns_close(&r->dns);
    loop_free(r->loop);
    buf_free(&r->said);
}

static void text(struct rig *r, const char *text)
{
    message_auth_text(r->auth, text, strlen(text));
}

/* DNS answers, the loop turns, until nothing more comes. */
static void turn(struct rig *r)
{
    for (unsigned i = 0; i < 50; i++) {
        asked_dns_run(&r->dns);
        loop_poll(r->loop);
    }
}

static void end(struct rig *r)
{
    message_auth_end(r->auth, &r->spf, &r->spf_helo);
}

/* It ends, and all is answered. */
static void finish(struct rig *r)
{
    end(r);
    turn(r);
}

/* The results in words. */
static const char *said(struct rig *r)
{
    assert_true(message_auth_settled(r->auth));
    const struct message_auth_results *results = message_auth_results(r->auth);
    buf_free(&r->said);
    for (size_t i = 0; i < results->signatures; i++)
        buf_printf(&r->said, "dkim=%s %s\n", dkim_result_name(results->signature[i]->result),
                   results->signature[i]->selector);
    buf_printf(&r->said, "arc=%s %s\n", arc_result_name(results->arc->result),
               results->arc->sealer);
    buf_printf(&r->said, "dmarc=%s %s%s%s\n", dmarc_result_name(results->dmarc->result),
               results->dmarc->domain, results->dmarc->dkim_aligned ? " dkim" : "",
               results->dmarc->spf_aligned ? " spf" : "");
    buf_add(&r->said, "", 1);
    return buf_data(&r->said);
}

static void signed_header(struct rig *r)
{
    text(r, signed_mail_arc);
    text(r, signed_mail_dkim);
    text(r, signed_mail_fields);
}

static void whole_message(struct rig *r)
{
    signed_header(r);
    text(r, signed_mail_body);
}

static void set_spf(struct rig *r, enum spf_result result, const char *domain)
{
    r->spf.checked = true;
    r->spf.result = result;
    snprintf(r->spf.domain, sizeof r->spf.domain, "%s", domain);
}

#define ALL_PASS "dkim=pass rsa\ndkim=pass ed\narc=pass l.example\ndmarc=pass example.com dkim\n"

/* ---- results -----------------------------------------------------------------------------------
 */

static void a_signed_message_passes(void **state)
{
    (void)state;
    struct rig r;
    open_message(&r, DMARC_DNS);
    whole_message(&r);
    finish(&r);
    assert_string_equal(said(&r), ALL_PASS);
    const struct message_auth_results *results = message_auth_results(r.auth);
    assert_int_equal(results->author.status, AUTHOR_ONE);
    assert_string_equal(results->author.domain, "example.com");
    assert_true(header_complete(results->header));
    assert_int_equal(r.changed, 1);
    close_rig(&r);
}

static void any_cut_of_the_stream_gives_the_same(void **state)
{
    (void)state;
    char *all = mem_printf("%s%s%s%s", signed_mail_arc, signed_mail_dkim, signed_mail_fields,
                           signed_mail_body);
    size_t len = strlen(all);
    for (size_t step = 1; step < len; step += step < 9 ? 1 : 61) {
        struct rig r;
        open_message(&r, DMARC_DNS);
        for (size_t at = 0; at < len; at += step)
            message_auth_text(r.auth, all + at, len - at < step ? len - at : step);
        finish(&r);
        assert_string_equal(said(&r), ALL_PASS);
        close_rig(&r);
    }
    for (size_t at = 0; at <= len; at++) {
        struct rig r;
        open_message(&r, DMARC_DNS);
        message_auth_text(r.auth, all, at);
        message_auth_text(r.auth, all + at, len - at);
        finish(&r);
        assert_string_equal(said(&r), ALL_PASS);
        close_rig(&r);
    }
    free(all);
}

static void who_has_passed_decides_dmarc(void **state)
{
    (void)state;
    static const struct {
        const char *name, *dns, *body;
        enum spf_result spf;
        const char *spf_domain;
        const char *said;
    } cases[] = {
        {"a changed body", DMARC_DNS, "Ho.\r\n", SPF_NONE, "",
         "dkim=fail rsa\ndkim=fail ed\narc=fail l.example\ndmarc=fail example.com\n"},
        {"a changed body, SPF", DMARC_DNS, "Ho.\r\n", SPF_PASS, "example.com",
         "dkim=fail rsa\ndkim=fail ed\narc=fail l.example\ndmarc=pass example.com spf\n"},
        {"SPF of a subdomain", DMARC_DNS, "Ho.\r\n", SPF_PASS, "b.example.com",
         "dkim=fail rsa\ndkim=fail ed\narc=fail l.example\ndmarc=pass example.com spf\n"},
        {"SPF of another", DMARC_DNS, "Ho.\r\n", SPF_PASS, "other.example",
         "dkim=fail rsa\ndkim=fail ed\narc=fail l.example\ndmarc=fail example.com\n"},
        {"SPF that failed", DMARC_DNS, "Ho.\r\n", SPF_SOFTFAIL, "example.com",
         "dkim=fail rsa\ndkim=fail ed\narc=fail l.example\ndmarc=fail example.com\n"},
        {"SPF not known", DMARC_DNS, "Ho.\r\n", SPF_TEMPERROR, "example.com",
         "dkim=fail rsa\ndkim=fail ed\narc=fail l.example\ndmarc=temperror example.com\n"},
        {"SPF of another not known", DMARC_DNS, "Ho.\r\n", SPF_TEMPERROR, "other.example",
         "dkim=fail rsa\ndkim=fail ed\narc=fail l.example\ndmarc=fail example.com\n"},
        {"a key not known", DMARC_DNS "TXT ed._domainkey.example.com !TEMPFAIL timeout\n",
         "Ho.\r\n", SPF_NONE, "",
         "dkim=fail rsa\ndkim=temperror ed\narc=fail l.example\ndmarc=temperror example.com\n"},
        {"one key not known", DMARC_DNS "TXT ed._domainkey.example.com !TEMPFAIL timeout\n", NULL,
         SPF_NONE, "",
         "dkim=pass rsa\ndkim=temperror ed\narc=pass l.example\ndmarc=pass example.com dkim\n"},
        {"both", DMARC_DNS, NULL, SPF_PASS, "example.com",
         "dkim=pass rsa\ndkim=pass ed\narc=pass l.example\ndmarc=pass example.com dkim spf\n"},
        {"no policy", "", NULL, SPF_PASS, "example.com",
         "dkim=pass rsa\ndkim=pass ed\narc=pass l.example\ndmarc=none example.com\n"},
        {"policy not known", "TXT _dmarc.example.com !TEMPFAIL timeout\n", NULL, SPF_NONE, "",
         "dkim=pass rsa\ndkim=pass ed\narc=pass l.example\ndmarc=temperror example.com\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig r;
        open_message(&r, cases[i].dns);
        set_spf(&r, cases[i].spf, cases[i].spf_domain);
        text(&r, signed_mail_arc);
        text(&r, signed_mail_dkim);
        text(&r, signed_mail_fields);
        text(&r, cases[i].body != NULL ? cases[i].body : signed_mail_body);
        finish(&r);
        if (strcmp(said(&r), cases[i].said) != 0)
            fail_msg("%s: said\n%sinstead of\n%s", cases[i].name, said(&r), cases[i].said);
        close_rig(&r);
    }
}

static void what_is_not_wanted_is_none_and_costs_no_question(void **state)
{
    (void)state;
    for (unsigned want = 0; want < 8; want++) {
        struct rig r;
        char expect[256];
        open_rig(&r, DMARC_DNS);
        r.env.dkim = (want & 1) != 0;
        r.env.arc = (want & 2) != 0;
        r.env.dmarc = (want & 4) != 0;
        begin(&r);
        whole_message(&r);
        finish(&r);
        snprintf(expect, sizeof expect, "%sarc=%s\ndmarc=%s\n",
                 r.env.dkim ? "dkim=pass rsa\ndkim=pass ed\n" : "",
                 r.env.arc ? "pass l.example" : "none ",
                 !r.env.dmarc ? "none "
                 : r.env.dkim ? "pass example.com dkim"
                              : "fail example.com");
        assert_string_equal(said(&r), expect);
        const char *asked = asked_dns_text(&r.dns);
        assert_int_equal(strstr(asked, "rsa._domainkey") != NULL, r.env.dkim);
        assert_int_equal(strstr(asked, "arc._domainkey") != NULL, r.env.arc);
        assert_int_equal(strstr(asked, "_dmarc.") != NULL, r.env.dmarc);
        close_rig(&r);
    }
}

static void messages_of_any_form_are_settled(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *said;
    } cases[] = {
        {"nothing", "", "arc=none \ndmarc=none \n"},
        {"only an empty line", "\r\n", "arc=none \ndmarc=none \n"},
        {"only a header", "From: a@example.com\r\n", "arc=none \ndmarc=fail example.com\n"},
        {"a header without a line end", "From: a@example.com",
         "arc=none \ndmarc=fail example.com\n"},
        {"no header", "\r\nFrom: a@example.com\r\n", "arc=none \ndmarc=none \n"},
        {"two authors", "From: a@example.com\r\nFrom: b@other.example\r\n\r\n",
         "arc=none \ndmarc=none \n"},
        {"a signature that is none", "DKIM-Signature: x\r\nFrom: a@example.com\r\n\r\n",
         "dkim=neutral \narc=none \ndmarc=fail example.com\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig r;
        open_message(&r, DMARC_DNS);
        text(&r, cases[i].text);
        finish(&r);
        if (strcmp(said(&r), cases[i].said) != 0)
            fail_msg("%s: said\n%sinstead of\n%s", cases[i].name, said(&r), cases[i].said);
        close_rig(&r);
    }
}

/* ---- order -------------------------------------------------------------------------------------
 */

static void keys_are_asked_for_while_the_body_still_comes(void **state)
{
    (void)state;
    struct rig r;
    open_message(&r, DMARC_DNS);
    text(&r, signed_mail_arc);
    text(&r, signed_mail_dkim);
    assert_int_equal(fake_dns_asked(r.dns.fake), 0);
    text(&r, signed_mail_fields);
    assert_int_equal(fake_dns_asked(r.dns.fake), 4);
    turn(&r);
    assert_int_equal(fake_dns_open(r.dns.fake), 0);
    assert_false(message_auth_settled(r.auth));
    text(&r, signed_mail_body);
    assert_int_equal(r.changed, 0);
    close_rig(&r);
}

static void changed_comes_once_from_the_loop_or_not_at_all(void **state)
{
    (void)state;
    struct rig r;
    open_message(&r, DMARC_DNS);
    whole_message(&r);
    end(&r);
    assert_false(message_auth_settled(r.auth));
    asked_dns_run(&r.dns);
    turn(&r);
    assert_int_equal(r.changed, 1);
    close_rig(&r);

    open_rig(&r, DMARC_DNS); /* all keys have come by the end */
    begin(&r);
    whole_message(&r);
    turn(&r);
    end(&r);
    bool settled = message_auth_settled(r.auth);
    turn(&r);
    assert_true(message_auth_settled(r.auth));
    assert_int_equal(r.changed, settled ? 0 : 1);
    assert_string_equal(said(&r), ALL_PASS);
    close_rig(&r);
}

static void who_is_told_may_free_it(void **state)
{
    (void)state;
    static const char *const last[] = {"rsa._domainkey.example.com", "ed._domainkey.example.com",
                                       "arc._domainkey.l.example", "_dmarc.example.com"};
    for (size_t i = 0; i < COUNT(last); i++) { /* whose answer settles it */
        struct rig r;
        open_rig(&r, DMARC_DNS);
        r.frees = true;
        begin(&r);
        whole_message(&r);
        end(&r);
        for (size_t k = 1; k <= COUNT(last); k++)
            assert_true(fake_dns_run_for(r.dns.fake, DNS_TXT, last[(i + k) % COUNT(last)]) > 0);
        turn(&r);
        assert_int_equal(r.changed, 1);
        assert_null(r.auth);
        close_rig(&r);
    }
}

static void it_may_be_freed_at_any_time(void **state)
{
    (void)state;
    static const char *const part[] = {signed_mail_arc, signed_mail_dkim, signed_mail_fields,
                                       signed_mail_body};
    for (size_t parts = 0; parts <= COUNT(part) + 1; parts++) {
        for (unsigned answers = 0; answers < 3; answers++) {
            struct rig r;
            open_message(&r, DMARC_DNS);
            for (size_t i = 0; i < parts && i < COUNT(part); i++)
                text(&r, part[i]);
            if (parts > COUNT(part))
                end(&r);
            for (unsigned i = 0; i < answers; i++)
                (void)fake_dns_run(r.dns.fake);
            close_rig(&r);
            assert_int_equal(r.changed, 0);
        }
    }
}

static void what_is_open_when_time_is_up_is_temperror(void **state)
{
    (void)state;
    struct rig r;
    open_message(&r,
                 DMARC_DNS "TXT rsa._domainkey.example.com !HOLD\nTXT ed._domainkey.example.com "
                           "!HOLD\nTXT arc._domainkey.l.example !HOLD\n");
    whole_message(&r);
    finish(&r);
    assert_false(message_auth_settled(r.auth));
    message_auth_give_up(r.auth);
    assert_string_equal(said(&r), "dkim=temperror rsa\ndkim=temperror ed\narc=temperror l.example\n"
                                  "dmarc=temperror example.com\n");
    turn(&r);
    assert_int_equal(r.changed, 0);
    close_rig(&r);

    open_message(&r, "TXT _dmarc.example.com !HOLD\n");
    whole_message(&r);
    finish(&r);
    message_auth_give_up(r.auth);
    message_auth_give_up(r.auth);
    assert_string_equal(said(&r), "dkim=pass rsa\ndkim=pass ed\narc=pass l.example\n"
                                  "dmarc=temperror example.com\n");
    close_rig(&r);

    open_rig(&r, DMARC_DNS); /* between the last answer and the loop */
    begin(&r);
    whole_message(&r);
    end(&r);
    asked_dns_run(&r.dns);
    message_auth_give_up(r.auth);
    turn(&r);
    assert_int_equal(r.changed, 0);
    close_rig(&r);
}

/* ---- limits ------------------------------------------------------------------------------------
 */

/* Of a header section that is longer than what is kept, nothing is believed. */
static void expect_cut(struct rig *r)
{
    set_spf(r, SPF_PASS, "example.com");
    end(r);
    turn(r);
    assert_string_equal(said(r), "dkim=neutral \narc=fail \ndmarc=fail example.com\n");
    const struct message_auth_results *results = message_auth_results(r->auth);
    assert_true(results->signature[0]->why[0] != '\0');
    assert_true(results->arc->why[0] != '\0');
    assert_true(header_cut(results->header));
    assert_null(strstr(asked_dns_text(&r->dns), "_domainkey"));
}

static void nothing_passes_of_a_header_that_is_too_long(void **state)
{
    (void)state;
    struct rig r;
    char line[] = "X-Filler: 0123456789012345678901234567890123456789\r\n";
    open_rig(&r, DMARC_DNS);
    r.env.header_size = strlen(signed_mail_arc) + strlen(signed_mail_dkim) +
                        strlen(signed_mail_fields) + 2 * sizeof line;
    begin(&r);
    text(&r, signed_mail_arc);
    text(&r, signed_mail_dkim);
    message_auth_text(r.auth, signed_mail_fields, strlen(signed_mail_fields) - 2);
    for (unsigned i = 0; i < 10; i++)
        text(&r, line);
    text(&r, "From: ceo@bank.example\r\n\r\n");
    text(&r, signed_mail_body);
    expect_cut(&r);
    close_rig(&r);

    open_rig(&r, DMARC_DNS); /* too many fields */
    begin(&r);
    text(&r, signed_mail_arc);
    text(&r, signed_mail_dkim);
    message_auth_text(r.auth, signed_mail_fields, strlen(signed_mail_fields) - 2);
    for (unsigned i = 0; i < MESSAGE_AUTH_FIELDS; i++)
        text(&r, "X: y\r\n");
    text(&r, "From: ceo@bank.example\r\n\r\n");
    expect_cut(&r);
    close_rig(&r);

    open_rig(&r, ""); /* one line of 1 MB and nothing behind it */
    r.env.header_size = 1000;
    begin(&r);
    for (unsigned i = 0; i < 1024; i++) {
        static const char piece[1024] = {'a'};
        message_auth_text(r.auth, piece, sizeof piece);
    }
    finish(&r);
    assert_string_equal(said(&r), "dkim=neutral \narc=none \ndmarc=none \n");
    close_rig(&r);
}

/* Octets in use on the heap. */
static size_t used(void)
{
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void a_long_body_costs_no_memory(void **state)
{
    (void)state;
    struct rig r;
    char piece[65536];
    open_message(&r, DMARC_DNS);
    signed_header(&r);
    for (size_t i = 0; i < sizeof piece; i++)
        piece[i] = "ab  c\r\n\r\n \r\n"[i % 13];
    size_t before = used();
    for (unsigned i = 0; i < 800; i++) /* 50 MB */
        message_auth_text(r.auth, piece, sizeof piece);
    assert_true(used() < before + 300000);
    finish(&r);
    assert_string_equal(said(&r), "dkim=fail rsa\ndkim=fail ed\narc=fail l.example\n"
                                  "dmarc=fail example.com\n");
    close_rig(&r);
}

static void many_fields_are_read_in_bounded_memory(void **state)
{
    (void)state;
    struct rig r;
    open_message(&r, DMARC_DNS);
    text(&r, signed_mail_arc);
    text(&r, signed_mail_dkim);
    message_auth_text(r.auth, signed_mail_fields, strlen(signed_mail_fields) - 2);
    size_t before = used();
    for (unsigned i = 0; i < 9900; i++)
        text(&r, "X-Field: some value of a field\r\n");
    text(&r, "\r\n");
    text(&r, signed_mail_body);
    finish(&r);
    assert_string_equal(said(&r), ALL_PASS);
    assert_true(used() < before + 4 * 9900 * sizeof(struct header_field));
    close_rig(&r);
}

static void many_signatures_cost_bounded_questions(void **state)
{
    (void)state;
    struct rig r;
    open_message(&r, DMARC_DNS);
    for (unsigned i = 0; i < 1000; i++) {
        char field[400];
        snprintf(field, sizeof field,
                 "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d%u.example; s=s%u; "
                 "h=from; l=%u; bh=y/lfCxqq7/FPOJznJ0nT5dosJacejM2G6x69l2IS3+w=; "
                 "b=AAAA\r\nARC-Seal: i=%u; cv=pass; a=rsa-sha256; d=e%u.example; s=s; b=AAAA\r\n",
                 i, i, i, i, i);
        text(&r, field);
    }
    text(&r, signed_mail_fields);
    text(&r, signed_mail_body);
    finish(&r);
    assert_true(message_auth_settled(r.auth));
    const struct message_auth_results *results = message_auth_results(r.auth);
    assert_int_equal(results->signatures, SIGNATURES + 1);
    assert_int_equal(results->arc->result, ARC_FAIL);
    assert_int_equal(results->dmarc->result, DMARC_FAIL);
    assert_true(fake_dns_asked(r.dns.fake) <= SIGNATURES + DMARC_QUERIES_MOST);
    close_rig(&r);
}

static void a_long_line_is_read_once(void **state)
{
    (void)state;
    static const char *const front[] = {
        "DKIM-Signature: v=1; a=", "From: ", "From: \"", "From: (((", "ARC-Seal: i=1; b=",
        "Authentication-Results:",
    };
    char *line = mem_alloc(1 << 20);
    memset(line, '(', 1 << 20);
    for (size_t i = 0; i < COUNT(front); i++) {
        struct rig r;
        open_message(&r, "");
        text(&r, front[i]);
        message_auth_text(r.auth, line, 1 << 20);
        text(&r, "\r\n\r\n");
        finish(&r);
        assert_true(message_auth_settled(r.auth));
        assert_false(header_cut(message_auth_results(r.auth)->header));
        assert_int_equal(fake_dns_asked(r.dns.fake), 0);
        close_rig(&r);
    }
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_message_passes),
        cmocka_unit_test(any_cut_of_the_stream_gives_the_same),
        cmocka_unit_test(who_has_passed_decides_dmarc),
        cmocka_unit_test(what_is_not_wanted_is_none_and_costs_no_question),
        cmocka_unit_test(messages_of_any_form_are_settled),
        cmocka_unit_test(keys_are_asked_for_while_the_body_still_comes),
        cmocka_unit_test(changed_comes_once_from_the_loop_or_not_at_all),
        cmocka_unit_test(who_is_told_may_free_it),
        cmocka_unit_test(it_may_be_freed_at_any_time),
        cmocka_unit_test(what_is_open_when_time_is_up_is_temperror),
        cmocka_unit_test(nothing_passes_of_a_header_that_is_too_long),
        cmocka_unit_test(a_long_body_costs_no_memory),
        cmocka_unit_test(many_fields_are_read_in_bounded_memory),
        cmocka_unit_test(many_signatures_cost_bounded_questions),
        cmocka_unit_test(a_long_line_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
