/* SPDX-License-Identifier: ISC */
/* Unit tests of proxy/param: tables of parameter lists of MAIL and RCPT, and of what is copied. */
#include "proxy/param.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL        0x1ffU
#define OK         PARAM_OK
#define SYNTAX     PARAM_SYNTAX
#define UNKNOWN    PARAM_UNKNOWN
#define IMPOSSIBLE PARAM_NOT_POSSIBLE

struct param_case {
    const char *name;
    const char *text;
    unsigned allowed;
    enum param_result result;
    unsigned seen;
    uint64_t size;
    bool eight_bit;
};

static const struct param_case mail_cases[] = {
    {"nothing", "", ALL, OK, 0, 0, false},
    {"spaces at the end", "  ", ALL, OK, 0, 0, false},
    {"no space before", "SIZE=1", ALL, SYNTAX, 0, 0, false},
    {"a tab before", "\tSIZE=1", ALL, SYNTAX, 0, 0, false},
    {"one", " SIZE=1000", ALL, OK, PARAM_SIZE, 1000, false},
    {"in any case", " size=1 bOdY=8bitmime", ALL, OK, PARAM_SIZE | PARAM_BODY, 1, true},
    {"several spaces", "  SIZE=1   SMTPUTF8  ", ALL, OK, PARAM_SIZE | PARAM_SMTPUTF8, 1, false},
    {"all at once",
     " SIZE=9 BODY=7BIT SMTPUTF8 RET=HDRS ENVID=x AUTH=<> BY=60;R MT-PRIORITY=3 SOLICIT=a:B", ALL,
     OK, ALL & ~(unsigned)PARAM_RRVS, 9, false},
    {"SIZE of 2^64 - 1", " SIZE=18446744073709551615", ALL, OK, PARAM_SIZE, UINT64_MAX, false},
    {"SIZE of 2^64 - 2", " SIZE=18446744073709551614", ALL, OK, PARAM_SIZE, UINT64_MAX - 1, false},
    {"SIZE of 2^64", " SIZE=18446744073709551616", ALL, OK, PARAM_SIZE, UINT64_MAX, false},
    {"SIZE of 20 nines", " SIZE=99999999999999999999", ALL, OK, PARAM_SIZE, UINT64_MAX, false},
    {"SIZE of 21 digits", " SIZE=000000000000000000001", ALL, SYNTAX, 0, 0, false},
    {"SIZE of zero", " SIZE=0", ALL, OK, PARAM_SIZE, 0, false},
    {"SIZE empty", " SIZE=", ALL, SYNTAX, 0, 0, false},
    {"SIZE bare", " SIZE", ALL, SYNTAX, 0, 0, false},
    {"SIZE negative", " SIZE=-1", ALL, SYNTAX, 0, 0, false},
    {"SIZE with a letter", " SIZE=1k", ALL, SYNTAX, 0, 0, false},
    {"twice", " SIZE=1 SIZE=1", ALL, SYNTAX, 0, 0, false},
    {"twice in another case", " SMTPUTF8 smtputf8", ALL, SYNTAX, 0, 0, false},
    {"not offered", " SIZE=1", ALL & ~(unsigned)PARAM_SIZE, UNKNOWN, 0, 0, false},
    {"in a HELO session", " RET=FULL", 0, UNKNOWN, 0, 0, false},
    {"unknown", " XYZ=1", ALL, UNKNOWN, 0, 0, false},
    {"unknown without value", " OPT", ALL, UNKNOWN, 0, 0, false},
    {"unknown behind a known one", " SIZE=1 HOLDFOR=1", ALL, UNKNOWN, 0, 0, false},
    {"one of RCPT's", " NOTIFY=NEVER", ALL, UNKNOWN, 0, 0, false},
    {"beginning of a known one", " SIZ=1", ALL, UNKNOWN, 0, 0, false},
    {"longer than a known one", " SIZES=1", ALL, UNKNOWN, 0, 0, false},
    {"no keyword", " =1", ALL, SYNTAX, 0, 0, false},
    {"keyword begins with a hyphen", " -A=1", ALL, SYNTAX, 0, 0, false},
    {"keyword with a dot", " A.B=1", ALL, SYNTAX, 0, 0, false},
    {"keyword not ASCII", " \xc3\xa9=1", ALL, SYNTAX, 0, 0, false},
    {"value with an equals sign", " ENVID=a=b", ALL, SYNTAX, 0, 0, false},
    {"value with a control", " ENVID=a\001", ALL, SYNTAX, 0, 0, false},
    {"value not UTF-8", " XYZ=\xff", ALL, SYNTAX, 0, 0, false},
    {"unknown with UTF-8", " XYZ=\xc3\xa9", ALL, UNKNOWN, 0, 0, false},
    {"BODY=7BIT", " BODY=7BIT", ALL, OK, PARAM_BODY, 0, false},
    {"BODY=8BITMIME", " BODY=8BITMIME", ALL, OK, PARAM_BODY, 0, true},
    {"BODY=BINARYMIME", " BODY=BINARYMIME", ALL, IMPOSSIBLE, 0, 0, false},
    {"BODY of something", " BODY=X", ALL, IMPOSSIBLE, 0, 0, false},
    {"BODY bare", " BODY", ALL, SYNTAX, 0, 0, false},
    {"BODY empty", " BODY=", ALL, SYNTAX, 0, 0, false},
    {"BODY not offered", " BODY=8BITMIME", ALL & ~(unsigned)PARAM_BODY, IMPOSSIBLE, 0, 0, false},
    {"SMTPUTF8 with a value", " SMTPUTF8=1", ALL, SYNTAX, 0, 0, false},
    {"RET=FULL", " RET=full", ALL, OK, PARAM_DSN, 0, false},
    {"RET of something", " RET=HEADERS", ALL, SYNTAX, 0, 0, false},
    {"RET bare", " RET", ALL, SYNTAX, 0, 0, false},
    {"RET and ENVID share a bit", " RET=FULL ENVID=QQ314159", ALL, OK, PARAM_DSN, 0, false},
    {"ENVID xtext", " ENVID=a+2Bb+3D", ALL, OK, PARAM_DSN, 0, false},
    {"ENVID lower-case hex", " ENVID=a+2b", ALL, OK, PARAM_DSN, 0, false},
    {"ENVID cut xtext", " ENVID=a+2", ALL, SYNTAX, 0, 0, false},
    {"ENVID bad xtext", " ENVID=a+G0", ALL, SYNTAX, 0, 0, false},
    {"ENVID bad second digit", " ENVID=a+0g", ALL, SYNTAX, 0, 0, false},
    {"ENVID UTF-8", " ENVID=\xc3\xa9", ALL, SYNTAX, 0, 0, false},
    {"ENVID bare", " ENVID", ALL, SYNTAX, 0, 0, false},
    {"AUTH of nobody", " AUTH=<>", ALL, OK, PARAM_AUTH, 0, false},
    {"AUTH of somebody", " AUTH=e+3Dmc2@example.com", ALL, OK, PARAM_AUTH, 0, false},
    {"AUTH bare", " AUTH", ALL, SYNTAX, 0, 0, false},
    {"AUTH not offered", " AUTH=<>", ALL & ~(unsigned)PARAM_AUTH, UNKNOWN, 0, 0, false},
    {"BY notifying", " BY=+120;N", ALL, OK, PARAM_DELIVERBY, 0, false},
    {"BY in the past, notifying", " BY=-120;nt", ALL, OK, PARAM_DELIVERBY, 0, false},
    {"BY returning with a trace", " BY=999999999;RT", ALL, OK, PARAM_DELIVERBY, 0, false},
    {"BY of zero, notifying", " BY=0;N", ALL, OK, PARAM_DELIVERBY, 0, false},
    {"BY of zero, returning", " BY=00;R", ALL, SYNTAX, 0, 0, false},
    {"BY in the past, returning", " BY=-1;R", ALL, SYNTAX, 0, 0, false},
    {"BY of ten digits", " BY=1234567890;R", ALL, SYNTAX, 0, 0, false},
    {"BY without mode", " BY=1", ALL, SYNTAX, 0, 0, false},
    {"BY of another mode", " BY=1;X", ALL, SYNTAX, 0, 0, false},
    {"BY without time", " BY=;R", ALL, SYNTAX, 0, 0, false},
    {"BY of a sign", " BY=+;R", ALL, SYNTAX, 0, 0, false},
    {"BY bare", " BY", ALL, SYNTAX, 0, 0, false},
    {"MT-PRIORITY lowest", " MT-PRIORITY=-9", ALL, OK, PARAM_MT_PRIORITY, 0, false},
    {"MT-PRIORITY of zero", " mt-priority=0", ALL, OK, PARAM_MT_PRIORITY, 0, false},
    {"MT-PRIORITY of minus zero", " MT-PRIORITY=-0", ALL, SYNTAX, 0, 0, false},
    {"MT-PRIORITY with a plus", " MT-PRIORITY=+1", ALL, SYNTAX, 0, 0, false},
    {"MT-PRIORITY of ten", " MT-PRIORITY=10", ALL, SYNTAX, 0, 0, false},
    {"MT-PRIORITY of a minus", " MT-PRIORITY=-", ALL, SYNTAX, 0, 0, false},
    {"MT-PRIORITY of a letter", " MT-PRIORITY=-a", ALL, SYNTAX, 0, 0, false},
    {"MT-PRIORITY bare", " MT-PRIORITY", ALL, SYNTAX, 0, 0, false},
    {"SOLICIT of two", " SOLICIT=net.example:ADV,org.x_1-y:A", ALL, OK, PARAM_NO_SOLICITING, 0,
     false},
    {"SOLICIT begins with a digit", " SOLICIT=1a", ALL, SYNTAX, 0, 0, false},
    {"SOLICIT with an empty word", " SOLICIT=a,,b", ALL, SYNTAX, 0, 0, false},
    {"SOLICIT ends with a comma", " SOLICIT=a,", ALL, SYNTAX, 0, 0, false},
    {"SOLICIT with a slash", " SOLICIT=a/b", ALL, SYNTAX, 0, 0, false},
    {"SOLICIT bare", " SOLICIT", ALL, SYNTAX, 0, 0, false},
};

static const struct param_case rcpt_cases[] = {
    {"nothing", "", ALL, OK, 0, 0, false},
    {"no space before", "NOTIFY=NEVER", ALL, SYNTAX, 0, 0, false},
    {"all at once", " NOTIFY=SUCCESS ORCPT=rfc822;a@b RRVS=2014-04-03T23:01:00Z", ALL, OK,
     PARAM_DSN | PARAM_RRVS, 0, false},
    {"one of MAIL's", " SIZE=1", ALL, UNKNOWN, 0, 0, false},
    {"BODY is MAIL's", " BODY=7BIT", ALL, UNKNOWN, 0, 0, false},
    {"not offered", " NOTIFY=NEVER", 0, UNKNOWN, 0, 0, false},
    {"NOTIFY of a list", " NOTIFY=success,FAILURE,Delay", ALL, OK, PARAM_DSN, 0, false},
    {"NOTIFY=NEVER", " NOTIFY=never", ALL, OK, PARAM_DSN, 0, false},
    {"NOTIFY of NEVER and more", " NOTIFY=NEVER,DELAY", ALL, SYNTAX, 0, 0, false},
    {"NOTIFY with an empty element", " NOTIFY=DELAY,,SUCCESS", ALL, SYNTAX, 0, 0, false},
    {"NOTIFY ends with a comma", " NOTIFY=DELAY,", ALL, SYNTAX, 0, 0, false},
    {"NOTIFY of something", " NOTIFY=ALWAYS", ALL, SYNTAX, 0, 0, false},
    {"NOTIFY bare", " NOTIFY", ALL, SYNTAX, 0, 0, false},
    {"NOTIFY twice", " NOTIFY=DELAY NOTIFY=DELAY", ALL, SYNTAX, 0, 0, false},
    {"ORCPT", " ORCPT=x-1;a+2Bb@c", ALL, OK, PARAM_DSN, 0, false},
    {"ORCPT without type", " ORCPT=;a", ALL, SYNTAX, 0, 0, false},
    {"ORCPT without address", " ORCPT=rfc822;", ALL, SYNTAX, 0, 0, false},
    {"ORCPT without semicolon", " ORCPT=a@b", ALL, SYNTAX, 0, 0, false},
    {"ORCPT of a bad type", " ORCPT=rfc_822;a", ALL, SYNTAX, 0, 0, false},
    {"ORCPT of bad xtext", " ORCPT=rfc822;a+", ALL, SYNTAX, 0, 0, false},
    {"ORCPT bare", " ORCPT", ALL, SYNTAX, 0, 0, false},
    {"ORCPT of UTF-8", " ORCPT=utf-8;\xc3\xa9@b", ALL, OK, PARAM_DSN, 0, false},
    {"ORCPT of UTF-8 in ASCII", " ORCPT=UTF-8;\\x{E9}@b", PARAM_DSN, OK, PARAM_DSN, 0, false},
    {"ORCPT of UTF-8, not offered", " ORCPT=utf-8;\xc3\xa9@b", PARAM_DSN, SYNTAX, 0, 0, false},
    {"ORCPT of UTF-8 in another type", " ORCPT=rfc822;\xc3\xa9@b", ALL, SYNTAX, 0, 0, false},
    {"RRVS with an offset", " RRVS=2014-04-03T23:01:00+01:00", ALL, OK, PARAM_RRVS, 0, false},
    {"RRVS with a negative offset and action", " RRVS=2014-04-03T23:01:00.5-01:30;c", ALL, OK,
     PARAM_RRVS, 0, false},
    {"RRVS with an action", " RRVS=2014-04-03T23:01:00.123Z;R", ALL, OK, PARAM_RRVS, 0, false},
    {"RRVS with another action", " RRVS=2014-04-03T23:01:00Z;X", ALL, SYNTAX, 0, 0, false},
    {"RRVS without a fraction's digits", " RRVS=2014-04-03T23:01:00.Z", ALL, SYNTAX, 0, 0, false},
    {"RRVS ends in a fraction", " RRVS=2014-04-03T23:01:00.", ALL, SYNTAX, 0, 0, false},
    {"RRVS without zone", " RRVS=2014-04-03T23:01:00", ALL, SYNTAX, 0, 0, false},
    {"RRVS of a date", " RRVS=2014-04-03", ALL, SYNTAX, 0, 0, false},
    {"RRVS of a word as long as a date", " RRVS=2014-04-03t23:01:00Z", ALL, SYNTAX, 0, 0, false},
    {"RRVS bare", " RRVS", ALL, SYNTAX, 0, 0, false},
};

typedef enum param_result (*parse_fn)(const char *text, size_t len, unsigned allowed,
                                      struct param_set *out, const char **why);

static void check_table(const struct param_case *cases, size_t count, parse_fn parse)
{
    for (size_t i = 0; i < count; i++) {
        const struct param_case *c = &cases[i];
        struct param_set set;
        const char *why = NULL;

        print_message("  %s\n", c->name);
        memset(&set, 0xff, sizeof(set));
        assert_int_equal(parse(c->text, strlen(c->text), c->allowed, &set, &why), c->result);
        assert_int_equal(set.seen, c->seen);
        assert_true(set.size == c->size);
        assert_int_equal(set.eight_bit, c->eight_bit);
        assert_int_equal(why != NULL, c->result != OK);
    }
}

static void test_mail(void **state)
{
    (void)state;
    check_table(mail_cases, sizeof(mail_cases) / sizeof(mail_cases[0]), param_parse_mail);
}

static void test_rcpt(void **state)
{
    (void)state;
    check_table(rcpt_cases, sizeof(rcpt_cases) / sizeof(rcpt_cases[0]), param_parse_rcpt);
}

struct length_case {
    const char *head;
    size_t most; /* of the value's filler behind `head` */
    parse_fn parse;
};

static void test_lengths(void **state)
{
    static const struct length_case lengths[] = {
        {" ENVID=", 100, param_parse_mail},
        {" AUTH=", 500, param_parse_mail},
        {" SOLICIT=", 1000, param_parse_mail},
        {" ORCPT=rfc822;", 493, param_parse_rcpt},
    };
    char text[1100];
    (void)state;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const struct length_case *c = &lengths[i];
        struct param_set set;
        const char *why;
        size_t head = strlen(c->head);

        print_message("  %s\n", c->head);
        memcpy(text, c->head, head);
        memset(text + head, 'a', sizeof(text) - head);
        assert_int_equal(c->parse(text, head + c->most, ALL, &set, &why), OK);
        assert_int_equal(c->parse(text, head + c->most + 1, ALL, &set, &why), SYNTAX);
    }
}

static void test_nul_is_refused(void **state)
{
    static const char *const in[] = {" ?", " SIZE=1?", " S?ZE=1", " ENVID=a?b", "?"};
    (void)state;
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
        char text[16];
        size_t len = strlen(in[i]);
        struct param_set set;
        const char *why;

        memcpy(text, in[i], len);
        *(char *)memchr(text, '?', len) = '\0';
        assert_int_equal(param_parse_mail(text, len, ALL, &set, &why), SYNTAX);
    }
}

struct copy_case {
    const char *name;
    const char *text;
    unsigned drop;
    const char *out;
};

static void test_copy(void **state)
{
    static const struct copy_case copies[] = {
        {"nothing", "", 0, ""},
        {"spaces", "   ", 0, ""},
        {"as given", " Size=1 bODY=8bitmime", 0, " Size=1 bODY=8bitmime"},
        {"spaces become one", "  SIZE=1   SMTPUTF8 ", 0, " SIZE=1 SMTPUTF8"},
        {"without the first", " size=1 BODY=7BIT RET=FULL", PARAM_SIZE, " BODY=7BIT RET=FULL"},
        {"without the last", " SIZE=1 BODY=7BIT", PARAM_BODY, " SIZE=1"},
        {"without all of DSN", " RET=FULL SIZE=1 ENVID=x", PARAM_DSN, " SIZE=1"},
        {"without all of DSN of RCPT", " NOTIFY=NEVER ORCPT=a;b", PARAM_DSN, ""},
        {"without anything", " SIZE=1 AUTH=<>", ALL, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        const struct copy_case *c = &copies[i];
        size_t len = strlen(c->text);
        char *out = malloc(len + 1); /* exact, so that ASan sees one byte too many */

        print_message("  %s\n", c->name);
        assert_non_null(out);
        assert_int_equal(param_copy(c->text, len, c->drop, out), strlen(c->out));
        assert_string_equal(out, c->out);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mail),    cmocka_unit_test(test_rcpt),
        cmocka_unit_test(test_lengths), cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
