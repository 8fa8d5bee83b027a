/* SPDX-License-Identifier: ISC */
/* Tests of mail_date: RFC 5322's examples, the obsolete forms, and what is no date. */
#include "lib/mail_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
    const char *text;
    int64_t seconds;
} dates[] = {
    {"Fri, 21 Nov 1997 09:55:06 -0600", 880127706},
    {" Tue, 1 Jul 2003 10:52:37 +0200", 1057049557},
    {"Thu, 13 Feb 1969 23:32:54 -0330", -27723426},
    {"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n"
     "               -0330 (Newfoundland Time)",
     -27723480},
    {"21 Nov 97 09:55:06 GMT", 880106106},
    {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706},
    {"Thu, 1 Jan 1970 00:00:00 +0000", 0},
    {"1 Jan 1970 00:00 +0000", 0},
    {"31 Dec 1969 23:59:59 +0000", -1},
    {"29 Feb 2000 00:00:00 +0000", 951782400},
    {"29 Feb 2024 23:59:60 +0000", 1709251200},
    {"31 Dec 9999 23:59:59 +0000", 253402300799},
    {"1 Jan 1900 00:00:00 +0000", -2208988800},
    {"1 jAn 1970 0:00:00 +0000", 0},
    {"01 JAN 70 00:00:00 UT", 0},
    {"1 Jan 00 00:00:00 Z", 946684800},
    {"1 Jan 49 00:00:00 Z", 2493072000},
    {"1 Jan 50 00:00:00 Z", -631152000},
    {"1 Jan 100 00:00:00 Z", 946684800}, /* three digits: 1900 and so many */
    {"1 Jan 1970 00:00:00 EST", 18000},
    {"1 Jan 1970 00:00:00 edt", 14400},
    {"1 Jan 1970 00:00:00 CST", 21600},
    {"1 Jan 1970 00:00:00 CDT", 18000},
    {"1 Jan 1970 00:00:00 MST", 25200},
    {"1 Jan 1970 00:00:00 MDT", 21600},
    {"1 Jan 1970 00:00:00 PST", 28800},
    {"1 Jan 1970 00:00:00 PDT", 25200},
    {"1 Jan 1970 00:00:00 EST5EDT", 18000},
    {"1 Jan 1970 00:00:00 A", 0},
    {"1 Jan 1970 00:00:00 CEST", 0},
    {"1 Jan 1970 00:00:00 -0000", 0},
    {"1 Jan 1970 00:00:00 +1345", -49500},
    {"1 Jan 1970 00:00:00 +9959", -359940},
    {"((a) (b\\)) ) Thu (x), (y) 1 (z)Jan 1970 00:00:00 (\\() +0000 (\\)(q)) ", 0},
    {"1Jan1970 00:00:00+0000", 0},
};

static const char *const none[] = {
    "",
    " ",
    "()",
    "yesterday",
    "Thu, 1 Jan 1970 00:00:00",
    "Thu, 1 Jan 1970",
    "Thu 1 Jan 1970 00:00:00 +0000",
    "Thursday, 1 Jan 1970 00:00:00 +0000",
    "Foo, 1 Jan 1970 00:00:00 +0000",
    ", 1 Jan 1970 00:00:00 +0000",
    "1 Foo 1970 00:00:00 +0000",
    "1 January 1970 00:00:00 +0000",
    "1 1 1970 00:00:00 +0000",
    "0 Jan 1970 00:00:00 +0000",
    "32 Jan 1970 00:00:00 +0000",
    "001 Jan 1970 00:00:00 +0000",
    "29 Feb 1900 00:00:00 +0000",
    "29 Feb 2023 00:00:00 +0000",
    "31 Apr 2023 00:00:00 +0000",
    "1 Jan 1 00:00:00 +0000",
    "1 Jan 0100 00:00:00 +0000",
    "1 Jan 1899 00:00:00 +0000",
    "1 Jan 10000 00:00:00 +0000",
    "1 Jan -1970 00:00:00 +0000",
    "1 Jan 1970 24:00:00 +0000",
    "1 Jan 1970 00:60:00 +0000",
    "1 Jan 1970 00:00:61 +0000",
    "1 Jan 1970 00:0:00 +0000",
    "1 Jan 1970 00:00: +0000",
    "1 Jan 1970 00-00-00 +0000",
    "1 Jan 1970 00:00:00 +000",
    "1 Jan 1970 00:00:00 +00000",
    "1 Jan 1970 00:00:00 + 0000",
    "1 Jan 1970 00:00:00 +0060",
    "1 Jan 1970 00:00:00 +-0000",
    "1 Jan 1970 00:00:00 0000",
    "1 Jan 1970 00:00:00 +0000 x",
    "1 Jan 1970 00:00:00 GMT+1",
    "1 Jan 1970 00:00:00 +0000 (",
    "1 Jan 1970 00:00:00 +0000 (()",
    "1 Jan 1970 00:00:00 +0000 (\\)",
    "1 Jan 1970 00:00:00 +0000 (\\",
    "1 Jan 1970 00:00:00 +0000 )",
    "(1 Jan 1970 00:00:00 +0000",
    "2021-01-01T00:00:00Z",
    "1 Jan 1970 00:00:00 \xc3\xa4",
};

static void dates_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        int64_t out = 12345;
        if (!mail_date_parse(dates[i].text, strlen(dates[i].text), &out) || out != dates[i].seconds)
            fail_msg("%s: %lld", dates[i].text, (long long)out);
    }
}

static void all_else_is_no_date(void **state)
{
    (void)state;
    int64_t out;
    for (size_t i = 0; i < COUNT(none); i++)
        if (mail_date_parse(none[i], strlen(none[i]), &out))
            fail_msg("'%s' is taken", none[i]);
    assert_false(mail_date_parse("1 Jan 1970 00:00:00 +0000\0", 26, &out));
}

static void every_day_is_the_c_librarys(void **state)
{
    (void)state;
    for (int64_t day = -25567; day < 400 * 366; day += 13) {
        char text[64];
        time_t at = (time_t)day * 86400 + 3723;
        struct tm tm;
        int64_t out = 0;
        gmtime_r(&at, &tm);
        size_t len = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm);
        if (!mail_date_parse(text, len, &out) || out != at)
            fail_msg("%s: %lld", text, (long long)out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_read),
        cmocka_unit_test(all_else_is_no_date),
        cmocka_unit_test(every_day_is_the_c_librarys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
