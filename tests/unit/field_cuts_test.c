/* SPDX-License-Identifier: ISC */
/* field_cuts_test: what is left out of a message, and that nothing else is. */
#include "lib/buf.h"
#include "lib/mem.h"
#include "policy/field_cuts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AR "Authentication-Results"

static const struct field_cuts_rules rules = {.authserv_id = "mx.example.org",
                                              .name = {"X-Gatepost-Verdict", "X-Gatepost-Score"}};

struct rest {
    const char *message;
    struct buf out;
    uint64_t at;
};

static void on_piece(uint64_t offset, uint64_t len, void *arg)
{
    struct rest *rest = arg;
    assert_true(offset >= rest->at);
    assert_true(offset > rest->at || offset == 0); /* none touch */
    assert_true(len > 0);
    buf_add(&rest->out, rest->message + rest->at, offset - rest->at);
    rest->at = offset + len;
}

/* The message without its pieces, fed `step` octets at a time. */
static struct buf without(const char *message, size_t len, size_t step)
{
    struct field_cuts *cuts = field_cuts_new(&rules);
    struct rest rest = {.message = message};
    for (size_t at = 0; at < len; at += step)
        field_cuts_add(cuts, message + at, len - at < step ? len - at : step);
    field_cuts_end(cuts);
    field_cuts_each(cuts, on_piece, &rest);
    buf_add(&rest.out, message + rest.at, len - rest.at);
    field_cuts_free(cuts);
    return rest.out;
}

static const struct {
    const char *title, *message, *rest;
} cases[] = {
    {"nothing of ours", "From: a@b.test\r\nSubject: x\r\n\r\nbody\r\n",
     "From: a@b.test\r\nSubject: x\r\n\r\nbody\r\n"},
    {"results in our name", "From: a@b.test\r\n" AR ": mx.example.org; none\r\nTo: c\r\n\r\nx\r\n",
     "From: a@b.test\r\nTo: c\r\n\r\nx\r\n"},
    {"results of another stay", AR ": mx.example.net; spf=pass\r\n\r\n",
     AR ": mx.example.net; spf=pass\r\n\r\n"},
    {"in any case, folded, with comments",
     "A: 1\r\nauthentication-RESULTS:\r\n\t(hello)\r\n MX.example.ORG (x) 1; none\r\nB: 2\r\n\r\n",
     "A: 1\r\nB: 2\r\n\r\n"},
    {"with blanks before the colon", AR " \t: mx.example.org; none\r\nB: 2\r\n\r\n",
     "B: 2\r\n\r\n"},
    {"the first and the last field",
     "X-Gatepost-Score: 1\r\nA: 1\r\nx-gatepost-VERDICT: no\r\n\r\nbody", "A: 1\r\n\r\nbody"},
    {"all fields", "X-Gatepost-Score: 1\r\nX-Gatepost-Verdict: a\r\n b\r\n\r\nbody", "\r\nbody"},
    {"a name that only begins like ours", "X-Gatepost-Scores: 1\r\nX-Gatepost: 2\r\n\r\n",
     "X-Gatepost-Scores: 1\r\nX-Gatepost: 2\r\n\r\n"},
    {"ours without a value", "X-Gatepost-Score:\r\nA: 1\r\n\r\n", "A: 1\r\n\r\n"},
    {"in the body nothing", "A: 1\r\n\r\n" AR ": mx.example.org; none\r\nX-Gatepost-Score: 9\r\n",
     "A: 1\r\n\r\n" AR ": mx.example.org; none\r\nX-Gatepost-Score: 9\r\n"},
    {"no empty line at all", "A: 1\r\nX-Gatepost-Score: 9\r\n", "A: 1\r\n"},
    {"no line end at all", "A: 1\r\nX-Gatepost-Score: 9", "A: 1\r\n"},
    {"a message of nothing", "", ""},
    {"a body at once", "\r\nX-Gatepost-Score: 9\r\n", "\r\nX-Gatepost-Score: 9\r\n"},
    {"behind a line that is no field", "hello\r\nX-Gatepost-Score: 9\r\nA: 1\r\n\r\n",
     "hello\r\nA: 1\r\n\r\n"},
    {"a line that goes on before any field", " x\r\nX-Gatepost-Score: 9\r\n\r\n", " x\r\n\r\n"},
    {"a bare newline ends no field", "A: 1\nX-Gatepost-Score: 9\r\n\r\n",
     "A: 1\nX-Gatepost-Score: 9\r\n\r\n"},
};

static void test_only_what_claims_to_be_ours_is_left_out_however_it_comes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].message);
        for (size_t step = 1; step <= len + 1; step++) {
            struct buf rest = without(cases[i].message, len, step);
            if (buf_len(&rest) != strlen(cases[i].rest) ||
                (buf_len(&rest) > 0 && memcmp(buf_data(&rest), cases[i].rest, buf_len(&rest)) != 0))
                fail_msg("%s, by %zu: %.*s", cases[i].title, step, (int)buf_len(&rest),
                         buf_data(&rest));
            buf_free(&rest);
        }
    }
}

static void test_a_field_behind_a_very_long_one_is_found(void **state)
{
    (void)state;
    struct buf message = {0};
    buf_add_str(&message, "A: ");
    for (int i = 0; i < 100000; i++)
        buf_add_str(&message, "0123456789");
    buf_add_str(&message, "\r\n");
    size_t kept = buf_len(&message);
    buf_add_str(&message, AR ": mx.example.org; dmarc=pass\r\n\r\n");
    struct buf rest = without(buf_data(&message), buf_len(&message), 4096);
    assert_int_equal(buf_len(&rest), kept + 2);
    buf_free(&rest);
    buf_free(&message);
}

static void test_results_longer_than_anybody_needs_are_left_out(void **state)
{
    (void)state;
    struct buf message = {0};
    buf_add_str(&message, AR ": (");
    for (int i = 0; i < FIELD_CUTS_FIELD; i++)
        buf_add_str(&message, "x");
    buf_add_str(&message, ") mx.example.org; dmarc=pass\r\n\r\n");
    struct buf rest = without(buf_data(&message), buf_len(&message), 1000);
    assert_int_equal(buf_len(&rest), 2);
    buf_free(&rest);
    buf_free(&message);
}

static void test_blanks_behind_a_name_hide_no_field_of_ours(void **state)
{
    (void)state;
    const char *const names[] = {AR, "X-Gatepost-Verdict", "x-gatepost-score"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct buf message = {0};
        buf_add_str(&message, names[i]);
        for (int blanks = 0; blanks < FIELD_CUTS_FIELD; blanks++)
            buf_add_str(&message, " ");
        buf_add_str(&message, ": mx.example.org; dmarc=pass\r\n\r\n");
        for (size_t step = 1; step < 20000; step += 6000) {
            struct buf rest = without(buf_data(&message), buf_len(&message), step);
            assert_int_equal(buf_len(&rest), 2);
            buf_free(&rest);
        }
        buf_free(&message);
    }
}

/* Each costs an IDNA conversion or several. */
static void test_results_in_utf8_are_looked_at_a_hundred_times(void **state)
{
    (void)state;
    struct buf message = {0};
    struct buf want = {0};
    for (int i = 0; i < 300; i++) {
        const char *field =
            i % 2 ? AR ": m\xc3\xbc.example; none\r\n" : AR ": =?utf-8?q?=C3=BC?=; none\r\n";
        buf_add_str(&message, field);
        buf_add_str(&want, i < 100 ? field : "");
    }
    buf_add_str(&message, AR ": mx.example.net; none\r\n\r\n");
    buf_add_str(&want, AR ": mx.example.net; none\r\n\r\n");
    struct buf rest = without(buf_data(&message), buf_len(&message), 1000);
    assert_int_equal(buf_len(&rest), buf_len(&want));
    assert_memory_equal(buf_data(&rest), buf_data(&want), buf_len(&want));
    buf_free(&rest);
    buf_free(&want);
    buf_free(&message);
}

/* One more than 1000: the rest of the section goes, its end and the body stay. */
static void test_a_flood_of_forged_fields_takes_bounded_memory(void **state)
{
    (void)state;
    struct buf message = {0};
    struct buf want = {0};
    for (int i = 0; i < 5000; i++) {
        buf_add_str(&message, "A: 1\r\nX-Gatepost-Score: 1\r\n");
        buf_add_str(&want, i <= FIELD_CUTS_MOST ? "A: 1\r\n" : "");
    }
    buf_add_str(&message, "\r\nbody");
    buf_add_str(&want, "\r\nbody");
    struct buf rest = without(buf_data(&message), buf_len(&message), 777);
    assert_int_equal(buf_len(&rest), buf_len(&want));
    assert_memory_equal(buf_data(&rest), buf_data(&want), buf_len(&want));
    buf_free(&rest);
    buf_free(&want);
    buf_free(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_claims_to_be_ours_is_left_out_however_it_comes),
        cmocka_unit_test(test_a_field_behind_a_very_long_one_is_found),
        cmocka_unit_test(test_results_longer_than_anybody_needs_are_left_out),
        cmocka_unit_test(test_blanks_behind_a_name_hide_no_field_of_ours),
        cmocka_unit_test(test_results_in_utf8_are_looked_at_a_hundred_times),
        cmocka_unit_test(test_a_flood_of_forged_fields_takes_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
