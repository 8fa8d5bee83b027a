/* SPDX-License-Identifier: ISC */
/* explain_test: what single change had come to something else, and a record in words. */
#include "policy/explain.h"

#include "lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ZEN(points)                                                                                \
    {                                                                                              \
        .check = "dnsbl", .zone = "zen.example", .label = "zen.example", .answer = "127.0.0.4",    \
        .code = "", .score = (points), .mode = CHECK_SCORE, .ms = 12                               \
    }
#define GOOD(points)                                                                               \
    {                                                                                              \
        .check = "dnsbl", .zone = "wl.example", .label = "wl.example", .answer = "127.0.5.2",      \
        .code = "", .score = (points), .mode = CHECK_SCORE                                         \
    }
#define HELO(points, how)                                                                          \
    {                                                                                              \
        .check = "helo", .zone = "", .label = "helo.syntax", .answer = "x", .code = "5.5.2",       \
        .stage = CHECK_AT_HELO, .score = (points), .mode = (how)                                   \
    }
#define DBL(points, is_once)                                                                       \
    {                                                                                              \
        .check = "rhsbl", .zone = "dbl.example", .label = "dbl.example", .answer = "127.0.1.2",    \
        .code = "", .score = (points), .mode = CHECK_SCORE, .once = (is_once)                      \
    }

struct flip_case {
    const char *name;
    struct record_finding finding[4];
    struct trial_thresholds thresholds; /* all 0: 2, 6, 10 */
    struct record_list list;
    struct record_greylist greylist;
    bool trusted, exempt;
    const char *refused;
    enum verdict_action would; /* for who was deferred for his connections */
    const char *flips;         /* a line each */
};

static const struct flip_case flip_cases[] = {
    {.name = "one finding alone refuses",
     .finding = {ZEN(600), HELO(150, CHECK_SCORE)},
     .flips = "with reject = 7.51 instead of 6: suspicious\n"
              "without zen.example (+6) the score were 1.5: pass\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "either of two is enough",
     .finding = {ZEN(400), HELO(200, CHECK_SCORE)},
     .flips = "with reject = 6.01 instead of 6: suspicious\n"
              "without helo.syntax (+2) the score were 4: suspicious\n"
              "without zen.example (+4) the score were 2: suspicious\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "for the tarpit no threshold is enough, since it were refused still",
     .finding = {ZEN(1100)},
     .flips = "without zen.example (+11) the score were 0: pass\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "two strong ones: no single finding, and reject cannot pass tarpit",
     .finding = {ZEN(900), HELO(900, CHECK_SCORE)},
     .flips = "with the allow entry 192.0.2.1: pass\n"},
    {.name = "what one list says of two names goes together",
     .finding = {DBL(600, false), DBL(600, true)},
     .flips = "with reject = 6.01 instead of 6: suspicious\n"
              "without dbl.example (+6) the score were 0: pass\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "a rule: its mode",
     .finding = {HELO(200, CHECK_REJECT)},
     .flips = "without helo.syntax (+2) the score were 0: pass\n"
              "with mode = score for helo.syntax (+2) the score were 2: suspicious\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "a rule whose score refuses as well",
     .finding = {HELO(700, CHECK_REJECT)},
     .flips = "without helo.syntax (+7) the score were 0: pass\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "greylisted: waiting is the least",
     .finding = {ZEN(250)},
     .greylist = {.asked = RECORD_GREY_ASKED, .state = GREY_EARLY, .wait = 212},
     .flips = "212 seconds later: suspicious\n"
              "with greylist = 2.51 instead of 2: pass\n"
              "without zen.example (+2.5) the score were 0: pass\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "deferred for its many connections",
     .finding = {ZEN(250)},
     .would = VERDICT_DEFER,
     .flips = "with greylist = 2.51 instead of 2: pass\n"
              "without zen.example (+2.5) the score were 0: pass\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "greylisted and white: it passes",
     .finding = {ZEN(250)},
     .greylist = {.asked = RECORD_GREY_ASKED, .state = GREY_WHITE},
     .flips = "with reject = 2.5 instead of 6: reject\n"
              "with mode = reject for zen.example (+2.5) the score were 2.5: reject\n"
              "with 3.5 points more: reject\n"
              "with the deny entry 192.0.2.1: reject\n"},
    {.name = "nothing found: points, or an entry",
     .flips = "with 6 points more: reject\n"
              "with the deny entry 192.0.2.1: reject\n"},
    {.name = "what is only observed had refused",
     .finding = {HELO(600, CHECK_OBSERVE)},
     .flips = "with mode = score for helo.syntax (+6) the score were 6: reject\n"
              "with 6 points more: reject\n"
              "with the deny entry 192.0.2.1: reject\n"},
    {.name = "an allow zone saved it",
     .finding = {ZEN(600), GOOD(-100)},
     .flips = "without wl.example (-1) the score were 6: reject\n"
              "with reject = 5 instead of 6: reject\n"
              "with mode = reject for zen.example (+6) the score were 5: reject\n"
              "with 1 points more: reject\n"
              "with the deny entry 192.0.2.1: reject\n"},
    {.name = "reject is never set below greylist",
     .finding = {ZEN(150)},
     .flips = "with mode = reject for zen.example (+1.5) the score were 1.5: reject\n"
              "with 4.5 points more: reject\n"
              "with the deny entry 192.0.2.1: reject\n"},
    {.name = "denied by an entry, nothing asked",
     .list = {.ruling = RECORD_LIST_DENY, .kind = ENTRY_CLIENT, .key = "192.0.2.0/24"},
     .flips = "without the deny entry 192.0.2.0/24 it had been judged by its checks, which were "
              "not asked\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "denied by its HELO after checks, which had passed it",
     .finding = {ZEN(100)},
     .list = {.ruling = RECORD_LIST_DENY, .kind = ENTRY_HELO, .key = "bad.example"},
     .flips = "without the deny entry helo:bad.example the score were 1: pass\n"
              "with the allow entry 192.0.2.1: pass\n"},
    {.name = "denied by an entry, and refused without it: two changes were needed",
     .finding = {ZEN(700)},
     .list = {.ruling = RECORD_LIST_DENY, .kind = ENTRY_HELO, .key = "bad.example"},
     .flips = "with the allow entry 192.0.2.1: pass\n"},
    {.name = "allowed by an entry against its score",
     .finding = {ZEN(700)},
     .list = {.ruling = RECORD_LIST_ALLOW, .kind = ENTRY_SENDER, .key = "example.net"},
     .flips = "without the allow entry sender:example.net the score were 7: reject\n"},
    {.name = "trusted: only an entry refuses",
     .finding = {ZEN(700)},
     .trusted = true,
     .flips = "with the deny entry 192.0.2.1: reject\n"},
    {.name = "the postmaster: only an entry refuses",
     .finding = {ZEN(700)},
     .exempt = true,
     .flips = "with the deny entry 192.0.2.1: reject\n"},
    {.name = "refused by the relay rule: no verdict helps",
     .finding = {ZEN(100)},
     .refused = "relay",
     .flips = ""},
};

static void make(const struct flip_case *c, struct record *r)
{
    *r = (struct record){.id = "7Q2M",
                         .stage = RECORD_RCPT,
                         .thresholds = c->thresholds,
                         .list = c->list,
                         .greylist = c->greylist,
                         .trusted = c->trusted,
                         .exempt = c->exempt,
                         .refused = c->refused,
                         .listener = "",
                         .reply = "",
                         .judged = true};
    if (c->thresholds.reject == 0)
        r->thresholds = (struct trial_thresholds){200, 600, 1000};
    assert_true(addr_parse_ip("192.0.2.1", &r->client));
    for (size_t i = 0; i < COUNT(c->finding) && c->finding[i].check != NULL; i++)
        r->finding[r->findings++] = c->finding[i];
    struct record_outcome outcome;
    r->would = c->would;
    r->cause = VERDICT_BY_SCORE;
    record_judge(r, &outcome);
    r->action = r->would = outcome.action;
    r->cause = outcome.cause;
    r->score = outcome.score;
}

static void the_changes_are_those_that_flip_it(void **state)
{
    (void)state;
    static struct flip flips[FLIPS_MOST];
    for (size_t i = 0; i < COUNT(flip_cases); i++) {
        struct record record;
        struct buf out = {0};
        make(&flip_cases[i], &record);
        size_t count = explain_flips(&record, flips);
        for (size_t j = 0; j < count; j++) {
            explain_flip_text(&flips[j], &out);
            buf_add_str(&out, "\n");
        }
        buf_add(&out, "", 1);
        if (strcmp(buf_data(&out), flip_cases[i].flips) != 0)
            fail_msg("%s:\n%s", flip_cases[i].name, buf_data(&out));
        buf_free(&out);
    }
}

static void there_is_room_for_all_changes(void **state)
{
    (void)state;
    static struct flip flips[FLIPS_MOST];
    struct record record;
    const struct record_finding rule = HELO(100, CHECK_REJECT);
    make(&flip_cases[7], &record);
    record.findings = RECORD_FINDINGS;
    for (size_t i = 0; i < RECORD_FINDINGS; i++)
        record.finding[i] = rule;
    assert_true(explain_flips(&record, flips) <= FLIPS_MOST);
}

static void a_record_is_told_in_words(void **state)
{
    (void)state;
    struct record r;
    struct buf out = {0};
    make(&flip_cases[0], &r);
    r.helo = "evil\x1b[31m";
    r.reverse = "mx.example.net";
    r.confirmed = true;
    r.sender = "";
    r.recipients = 1;
    r.recipient[0] = "a@example.org";
    r.others = 2;
    r.listener = "mx";
    r.reply = "550 5.7.1 Refused";
    r.time_ms = INT64_C(1795366800123);
    r.finding[2] = (struct record_finding){.check = "helo",
                                           .zone = "",
                                           .label = "helo",
                                           .answer = "no answer in time",
                                           .code = "",
                                           .ms = 5000,
                                           .abstained = true};
    r.findings = 3;
    r.clean[0] = (struct record_clean){.check = "dnsbl", .zone = "other.example", .ms = 7};
    r.cleans = 1;
    explain_text(&r, &out);
    buf_add(&out, "", 1);
    assert_string_equal(buf_data(&out),
                        "7Q2M  2026-11-22T17:00:00.123Z  at rcpt: reject by score\n"
                        "client      192.0.2.1, reverse name mx.example.net (confirmed)\n"
                        "helo        evil\\x1b[31m\n"
                        "sender      <>\n"
                        "recipient   a@example.org\n"
                        "            2 more\n"
                        "listener    mx\n"
                        "  CHECK                            SCORE      MS  ANSWER\n"
                        "  zen.example                         +6      12  127.0.0.4\n"
                        "  helo.syntax                       +1.5       0  x\n"
                        "  helo                                 ?    5000  no answer in time\n"
                        "  other.example                        -       7  nothing found\n"
                        "score       7.5 (greylist 2, reject 6, tarpit 10)\n"
                        "reply       550 5.7.1 Refused\n"
                        "otherwise   with reject = 7.51 instead of 6: suspicious\n"
                        "            without zen.example (+6) the score were 1.5: pass\n"
                        "            with the allow entry 192.0.2.1: pass\n");
    buf_free(&out);
}

static void a_refusal_that_no_verdict_made_says_what_helps(void **state)
{
    (void)state;
    static const struct {
        const char *refused, *text;
    } cases[] = {
        {"relay", "otherwise   only relay { domains"},
        {"backend", "otherwise   the server behind"},
        {"of a later version", "otherwise   what refused it is not"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct record r;
        struct buf out = {0};
        make(&flip_cases[0], &r);
        r.refused = cases[i].refused;
        explain_text(&r, &out);
        buf_add(&out, "", 1);
        assert_non_null(strstr(buf_data(&out), cases[i].text));
        buf_free(&out);
    }
}

static void a_record_is_told_to_programs(void **state)
{
    (void)state;
    struct record r;
    make(&flip_cases[0], &r);
    json_t *object = explain_json(&r);
    const json_t *flips = json_object_get(object, "flips");
    assert_int_equal(json_array_size(flips), 3);
    char *text = json_dumps(json_array_get(flips, 0), JSON_COMPACT | JSON_REAL_PRECISION(6));
    assert_string_equal(text, "{\"kind\":\"threshold\",\"text\":\"with reject = 7.51 instead of 6: "
                              "suspicious\",\"verdict\":\"suspicious\",\"score\":7.5,"
                              "\"threshold\":\"reject\",\"from\":6,\"to\":7.51}");
    free(text);
    assert_string_equal(json_string_value(json_object_get(json_object_get(object, "record"), "id")),
                        "7Q2M");
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_changes_are_those_that_flip_it),
        cmocka_unit_test(there_is_room_for_all_changes),
        cmocka_unit_test(a_record_is_told_in_words),
        cmocka_unit_test(a_refusal_that_no_verdict_made_says_what_helps),
        cmocka_unit_test(a_record_is_told_to_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
