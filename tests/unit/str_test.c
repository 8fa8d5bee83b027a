/* SPDX-License-Identifier: ISC */
/* str_test: comparing, showing, xtext, hex and UTF-8 of counted strings, as lib/str.h promises. */
#include "lib/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void case_is_ascii_only(void **state)
{
    (void)state;
    assert_true(str_case_eq("eHlO", 4, "EHLO"));
    assert_true(str_case_eq("", 0, ""));
    assert_false(str_case_eq("EHL", 3, "EHLO"));
    assert_false(str_case_eq("EHLOX", 5, "EHLO"));
    assert_false(str_case_eq("EHLO\0", 5, "EHLO"));
    assert_false(str_case_eq("@", 1, "`"));
    assert_false(str_case_eq("[", 1, "{"));
    assert_false(str_case_eq("\304", 1, "\344")); /* Latin-1 A and a with diaeresis */
    assert_true(str_case_starts("from:<>", 7, "FROM:"));
    assert_false(str_case_starts("from", 4, "FROM:"));
    assert_true(str_case_starts("x", 1, ""));
}

static const struct utf8_case {
    const char *name, *text;
    size_t octets, shown;
} utf8_cases[] = {
    {"ASCII", "a", 1, 1},
    {"nothing", "", 0, 0},
    {"a control", "\001", 1, 0},
    {"DEL", "\177", 1, 0},
    {"two octets", "\302\240", 2, 2},
    {"a C1 control", "\302\237", 2, 0},
    {"three octets", "\342\202\254", 3, 3},
    {"four octets", "\360\237\230\200", 4, 4},
    {"the last character", "\364\217\277\277", 4, 4},
    {"beyond the last", "\364\220\200\200", 0, 0},
    {"overlong of two", "\301\277", 0, 0},
    {"overlong of three", "\340\237\277", 0, 0},
    {"overlong of four", "\360\217\277\277", 0, 0},
    {"a surrogate", "\355\240\200", 0, 0},
    {"before the surrogates", "\355\237\277", 3, 3},
    {"a lone continuation", "\200", 0, 0},
    {"cut after one", "\342", 0, 0},
    {"cut after two", "\342\202", 0, 0},
    {"cut after three", "\360\237\230", 0, 0},
    {"a wrong third octet", "\342\202a", 0, 0},
    {"a wrong fourth octet", "\360\237\230a", 0, 0},
    {"five octets", "\370\210\200\200\200", 0, 0},
    {"left-to-right mark", "\342\200\216", 3, 0},
    {"line separator", "\342\200\250", 3, 0},
    {"right-to-left override", "\342\200\256", 3, 0},
    {"narrow no-break space", "\342\200\257", 3, 3},
    {"isolate", "\342\201\247", 3, 0},
    {"byte order mark", "\357\273\277", 3, 0},
};

static void utf8_is_rfc_3629(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(utf8_cases); i++) {
        const struct utf8_case *c = &utf8_cases[i];
        size_t len = strlen(c->text);
        if (str_utf8(c->text, len) != c->octets || str_utf8_shown(c->text, len) != c->shown)
            fail_msg("%s", c->name);
    }
}

static const struct show_case {
    const char *name, *text, *want;
    size_t size;
} show_cases[] = {
    {"plain text as it is", "hello world", "hello world", 64},
    {"a control and a backslash", "a\tb\\c", "a\\x09b\\\\c", 64},
    {"UTF-8 beside a bad byte", "\303\274\377", "\303\274\\xff", 64},
    {"exactly as much as fits", "1234567", "1234567", 8},
    {"one too many is cut", "12345678", "1234...", 8},
    {"an escape is not cut in two", "12345\001", "1234...", 8},
    {"a character is not cut in two", "123\303\274\303\274\303\274", "123...", 8},
    {"the smallest room", "abcd", "...", 4},
    {"the smallest room, filled", "abc", "abc", 4},
    {"nothing", "", "", 4},
};

static void shown_text_fits_and_is_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(show_cases); i++) {
        const struct show_case *c = &show_cases[i];
        char out[64];
        size_t len = str_printable(out, c->size, c->text, strlen(c->text));
        if (strcmp(out, c->want) != 0 || len != strlen(c->want))
            fail_msg("%s: %s", c->name, out);
    }
}

static const struct xtext_case {
    const char *name, *plain, *xtext; /* plain NULL: not xtext */
} xtext_cases[] = {
    {"nothing", "", ""},
    {"an address", "a@b.org", "a@b.org"},
    {"plus and equals", "a+b=c", "a+2Bb+3Dc"},
    {"a space and 8-bit", " \303\274", "+20+C3+BC"},
    {"a plus at the end", NULL, "a+"},
    {"one digit", NULL, "a+2"},
    {"no digit", NULL, "+G0"},
    {"an octet 0", NULL, "a+00"},
    {"a bare equals", NULL, "a=b"},
    {"a bare space", NULL, "a b"},
    {"bare 8-bit", NULL, "\303\274"},
};

static void xtext_goes_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(xtext_cases); i++) {
        const struct xtext_case *c = &xtext_cases[i];
        char out[64];
        bool ok = str_xtext_decode(out, sizeof out, c->xtext, strlen(c->xtext));
        if (ok != (c->plain != NULL) || (ok && strcmp(out, c->plain) != 0))
            fail_msg("decode: %s", c->name);
        if (c->plain == NULL)
            continue;
        size_t need = strlen(c->xtext) + 1;
        if (!str_xtext_encode(out, need, c->plain, strlen(c->plain)) || strcmp(out, c->xtext) != 0)
            fail_msg("encode: %s", c->name);
        if (str_xtext_encode(out, need - 1, c->plain, strlen(c->plain)))
            fail_msg("encode beyond its room: %s", c->name);
        if (str_xtext_decode(out, strlen(c->plain), c->xtext, strlen(c->xtext)))
            fail_msg("decode beyond its room: %s", c->name);
    }
    char lower[4];
    assert_true(str_xtext_decode(lower, sizeof lower, "+2b", 3));
    assert_string_equal(lower, "+");
}

static const struct hex_case {
    const char *name, *text;
    bool ok;
} hex_cases[] = {
    {"plain", "00ffA5", true},
    {"with colons", "00:ff:a5", true},
    {"colons in part", "00ff:a5", true},
    {"too short", "00ff", false},
    {"too long", "00ffa500", false},
    {"odd", "00ffa", false},
    {"a colon at the end", "00ffa5:", false},
    {"a colon in front", ":00ffa5", false},
    {"two colons", "00::ffa5", false},
    {"a colon inside an octet", "0:0ffa5", false},
    {"not hex", "00ffg5", false},
    {"nothing", "", false},
};

static void hex_is_exactly_so_many_octets(void **state)
{
    (void)state;
    static const unsigned char want[3] = {0, 0xff, 0xa5};
    for (size_t i = 0; i < COUNT(hex_cases); i++) {
        const struct hex_case *c = &hex_cases[i];
        unsigned char out[3];
        bool ok = str_hex_decode(out, sizeof out, c->text, strlen(c->text));
        if (ok != c->ok || (ok && memcmp(out, want, sizeof want) != 0))
            fail_msg("%s", c->name);
    }
}

static const struct decimal_case {
    const char *text;
    bool ok;
    int32_t value;
} decimal_cases[] = {
    {"6", true, 600},         {"-2", true, -200},    {"0.5", true, 50},  {"1.25", true, 125},
    {"-0.05", true, -5},      {"0", true, 0},        {"007", true, 700}, {"1000", true, 100000},
    {"-1000", true, -100000}, {"1000.01", false, 0}, {"1001", false, 0}, {"99999999999", false, 0},
    {"", false, 0},           {"-", false, 0},       {".5", false, 0},   {"1.", false, 0},
    {"1.234", false, 0},      {"+1", false, 0},      {" 1", false, 0},   {"1 ", false, 0},
    {"1e2", false, 0},        {"--1", false, 0},     {"0x1", false, 0},
};

static void a_decimal_is_hundredths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(decimal_cases); i++) {
        const struct decimal_case *c = &decimal_cases[i];
        int32_t value = 0;
        bool ok = str_decimal(c->text, &value);
        if (ok != c->ok || (ok && value != c->value))
            fail_msg("%s", c->text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_is_ascii_only),
        cmocka_unit_test(utf8_is_rfc_3629),
        cmocka_unit_test(shown_text_fits_and_is_harmless),
        cmocka_unit_test(xtext_goes_both_ways),
        cmocka_unit_test(hex_is_exactly_so_many_octets),
        cmocka_unit_test(a_decimal_is_hundredths),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
