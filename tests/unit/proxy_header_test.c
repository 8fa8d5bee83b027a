/* SPDX-License-Identifier: ISC */
/* Unit tests of proxy/proxy_header: tables of v1 lines and v2 blocks, each at every cut. */
#include "proxy/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) text, sizeof(text) - 1
#define SIG         "\r\n\r\n\0\r\nQUIT\n"
#define MORE        PROXY_HEADER_MORE
#define OK          PROXY_HEADER_OK
#define LOCAL       PROXY_HEADER_LOCAL
#define INVALID     PROXY_HEADER_INVALID

/* clang-format off: adjacent literals keep hex escapes and digits apart */
#define IP4_BLOCK                                                                                  \
    "\xc0\x00\x02\x01"                                                                             \
    "\xc6\x33\x64\x02"                                                                             \
    "\x30\x39"                                                                                     \
    "\x00\x19"
#define IP6_1    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define IP6_2    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
#define MAPPED_1 "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"
/* clang-format on */

struct header_case {
    const char *name;
    const char *data;
    size_t len;
    enum proxy_header_result result;
    size_t used;
    const char *src; /* for OK */
    const char *dst;
};

static const struct header_case v1_cases[] = {
    {"nothing", BYTES(""), MORE, 0, NULL, NULL},
    {"a beginning", BYTES("PRO"), MORE, 0, NULL, NULL},
    {"a beginning up to the family", BYTES("PROXY TCP"), MORE, 0, NULL, NULL},
    {"TCP4", BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\n"), OK, 44, "192.0.2.1:12345",
     "198.51.100.2:25"},
    {"TCP4 with data behind", BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\nEHLO a\r\n"), OK,
     44, "192.0.2.1:12345", "198.51.100.2:25"},
    {"TCP4 at its longest", BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), OK,
     56, "255.255.255.255:65535", "255.255.255.255:65535"},
    {"port zero", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 0 25\r\n"), OK, 37, "192.0.2.1:0",
     "192.0.2.2:25"},
    {"TCP6", BYTES("PROXY TCP6 2001:db8::1 2001:DB8::2 1 25\r\n"), OK, 41, "[2001:db8::1]:1",
     "[2001:db8::2]:25"},
    {"TCP6 at its longest",
     BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     OK, 104, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {"TCP6 of mapped IPv4 is IPv4", BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 25\r\n"),
     OK, 51, "192.0.2.1:1", "192.0.2.2:25"},
    {"UNKNOWN", BYTES("PROXY UNKNOWN\r\n"), LOCAL, 15, NULL, NULL},
    {"UNKNOWN with anything", BYTES("PROXY UNKNOWN \0what ever\xff 99999\r\nx"), LOCAL, 33, NULL,
     NULL},
    {"UNKNOWN of 107 octets",
     BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     LOCAL, 107, NULL, NULL},
    {"UNKNOWN of 108 octets",
     BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff  "
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     INVALID, 0, NULL, NULL},
    {"107 octets and no CR",
     BYTES("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789"
           "01234567890123456789012"),
     INVALID, 0, NULL, NULL},
    {"no header", BYTES("EHLO a\r\n"), INVALID, 0, NULL, NULL},
    {"one wrong octet", BYTES("PROXI"), INVALID, 0, NULL, NULL},
    {"lower case", BYTES("proxy "), INVALID, 0, NULL, NULL},
    {"no family", BYTES("PROXY \r\n"), INVALID, 0, NULL, NULL},
    {"unknown family", BYTES("PROXY TCP5"), INVALID, 0, NULL, NULL},
    {"UNKNOWNS", BYTES("PROXY UNKNOWNS\r\n"), INVALID, 0, NULL, NULL},
    {"two spaces first", BYTES("PROXY  TCP4 "), INVALID, 0, NULL, NULL},
    {"two spaces inside", BYTES("PROXY TCP4 192.0.2.1  192.0.2.2 1 25\r\n"), INVALID, 0, NULL,
     NULL},
    {"a space at the end", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 25 \r\n"), INVALID, 0, NULL,
     NULL},
    {"a field too many", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 25 1 1\r\n"), INVALID, 0, NULL,
     NULL},
    {"a field too few", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), INVALID, 0, NULL, NULL},
    {"nothing behind the family", BYTES("PROXY TCP4 \r\n"), INVALID, 0, NULL, NULL},
    {"no space behind the family", BYTES("PROXY TCP4\r\n"), INVALID, 0, NULL, NULL},
    {"leading zero in the address", BYTES("PROXY TCP4 192.0.02.1 192.0.2.2 1 25\r\n"), INVALID, 0,
     NULL, NULL},
    {"IPv6 in TCP4", BYTES("PROXY TCP4 ::1 ::1 1 25\r\n"), INVALID, 0, NULL, NULL},
    {"IPv4 in TCP6", BYTES("PROXY TCP6 192.0.2.1 192.0.2.1 1 25\r\n"), INVALID, 0, NULL, NULL},
    {"mapped in TCP4", BYTES("PROXY TCP4 ::ffff:192.0.2.1 192.0.2.1 1 25\r\n"), INVALID, 0, NULL,
     NULL},
    {"bad source", BYTES("PROXY TCP4 192.0.2 192.0.2.2 1 25\r\n"), INVALID, 0, NULL, NULL},
    {"bad destination", BYTES("PROXY TCP4 192.0.2.1 192.0.2.256 1 25\r\n"), INVALID, 0, NULL, NULL},
    {"bad source port", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 : 25\r\n"), INVALID, 0, NULL, NULL},
    {"port with a leading zero", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 025\r\n"), INVALID, 0,
     NULL, NULL},
    {"port of 65536", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"), INVALID, 0, NULL, NULL},
    {"port of six digits", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 100000 25\r\n"), INVALID, 0, NULL,
     NULL},
    {"a letter in time", BYTES("PROXY TCP4 192.0.2.1x"), INVALID, 0, NULL, NULL},
    {"a NUL in time", BYTES("PROXY TCP4 192.0.2.1\0"), INVALID, 0, NULL, NULL},
    {"a NUL in a whole line", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 25\0\r\n"), INVALID, 0, NULL,
     NULL},
    {"bare LF", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 25\n"), INVALID, 0, NULL, NULL},
    {"bare LF behind UNKNOWN", BYTES("PROXY UNKNOWN \n\r\n"), INVALID, 0, NULL, NULL},
    {"bare CR", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 25\rE"), INVALID, 0, NULL, NULL},
    {"CR CR LF", BYTES("PROXY UNKNOWN\r\r\n"), INVALID, 0, NULL, NULL},
};

/* clang-format off: adjacent literals keep hex escapes and digits apart */
static const struct header_case v2_cases[] = {
    {"a beginning", BYTES("\r\n\r\n\0"), MORE, 0, NULL, NULL},
    {"the signature", BYTES(SIG), MORE, 0, NULL, NULL},
    {"not the signature", BYTES("\r\n\r\nQUIT"), INVALID, 0, NULL, NULL},
    {"CRLF first", BYTES("\r\nEHLO"), INVALID, 0, NULL, NULL},
    {"version 1", BYTES(SIG "\x11"), INVALID, 0, NULL, NULL},
    {"command 2", BYTES(SIG "\x22"), INVALID, 0, NULL, NULL},
    {"family 4", BYTES(SIG "\x21\x41"), INVALID, 0, NULL, NULL},
    {"transport 3", BYTES(SIG "\x21\x13"), INVALID, 0, NULL, NULL},
    {"half a length", BYTES(SIG "\x21\x11\x00"), MORE, 0, NULL, NULL},
    {"no addresses yet", BYTES(SIG "\x21\x11\x00\x0c"), MORE, 0, NULL, NULL},
    {"TCP4", BYTES(SIG "\x21\x11\x00\x0c" IP4_BLOCK), OK, 28, "192.0.2.1:12345", "198.51.100.2:25"},
    {"TCP4 with data behind", BYTES(SIG "\x21\x11\x00\x0c" IP4_BLOCK "EHLO"), OK, 28,
     "192.0.2.1:12345", "198.51.100.2:25"},
    {"TCP4 with TLVs",
     BYTES(SIG "\x21\x11\x00\x10" IP4_BLOCK "\x04\x00\x01\x00"
               "EHLO"),
     OK, 32, "192.0.2.1:12345", "198.51.100.2:25"},
    {"TCP4 one short", BYTES(SIG "\x21\x11\x00\x0b" IP4_BLOCK), INVALID, 0, NULL, NULL},
    {"TCP4 of length zero", BYTES(SIG "\x21\x11\x00\x00"), INVALID, 0, NULL, NULL},
    {"TCP6", BYTES(SIG "\x21\x21\x00\x24" IP6_1 IP6_2 "\x30\x39\x00\x19"), OK, 52,
     "[2001:db8::1]:12345", "[2001:db8::2]:25"},
    {"TCP6 of mapped IPv4 is IPv4", BYTES(SIG "\x21\x21\x00\x24" MAPPED_1 IP6_2 "\x30\x39\x00\x19"),
     OK, 52, "192.0.2.1:12345", "[2001:db8::2]:25"},
    {"TCP6 one short", BYTES(SIG "\x21\x21\x00\x23" IP6_1 IP6_2 "\x30\x39\x00"), INVALID, 0, NULL,
     NULL},
    {"TCP6 with length zero", BYTES(SIG "\x21\x21\x00\x00"), INVALID, 0, NULL, NULL},
    {"UDP4 names no client", BYTES(SIG "\x21\x12\x00\x0c" IP4_BLOCK), LOCAL, 28, NULL, NULL},
    {"UDP4 too short",
     BYTES(SIG "\x21\x12\x00\x04"
               "aaaa"),
     INVALID, 0, NULL, NULL},
    {"UNIX too short", BYTES(SIG "\x21\x31\x00\xd7"), INVALID, 0, NULL, NULL},
    {"IPv4 over no transport", BYTES(SIG "\x21\x10\x00\x00"), LOCAL, 16, NULL, NULL},
    {"no family over TCP", BYTES(SIG "\x21\x01\x00\x00"), LOCAL, 16, NULL, NULL},
    {"UNSPEC",
     BYTES(SIG "\x21\x00\x00\x00"
               "EHLO"),
     LOCAL, 16, NULL, NULL},
    {"UNSPEC with a block to skip",
     BYTES(SIG "\x21\x00\x00\x02"
               "abEHLO"),
     LOCAL, 18, NULL, NULL},
    {"LOCAL", BYTES(SIG "\x20\x00\x00\x00"), LOCAL, 16, NULL, NULL},
    {"LOCAL with addresses", BYTES(SIG "\x20\x11\x00\x0c" IP4_BLOCK), LOCAL, 28, NULL, NULL},
    {"LOCAL ignores its family",
     BYTES(SIG "\x20\xff\x00\x01"
               "a"),
     LOCAL, 17, NULL, NULL},
    {"LOCAL whose block has not come",
     BYTES(SIG "\x20\x00\x00\x02"
               "a"),
     MORE, 0, NULL, NULL},
    {"length of 520", BYTES(SIG "\x20\x00\x02\x08"), MORE, 0, NULL, NULL},
    {"length of 521", BYTES(SIG "\x20\x00\x02\x09"), INVALID, 0, NULL, NULL},
    {"length of 65535", BYTES(SIG "\x21\x11\xff\xff"), INVALID, 0, NULL, NULL},
};
/* clang-format on */

static void check_case(const struct header_case *c)
{
    struct addr src;
    struct addr dst;
    struct addr zero = {0};
    size_t used = 99;
    const char *why = NULL;
    char text[ADDR_TEXT_MAX];

    assert_int_equal(proxy_header_parse(c->data, c->len, &src, &dst, &used, &why), c->result);
    assert_int_equal(used, c->used);
    assert_int_equal(why != NULL, c->result == INVALID);
    if (c->result == OK) {
        assert_string_equal(addr_text(&src, text), c->src);
        assert_string_equal(addr_text(&dst, text), c->dst);
    } else {
        assert_memory_equal(&src, &zero, sizeof(zero));
        assert_memory_equal(&dst, &zero, sizeof(zero));
    }
}

static void check_cuts(const struct header_case *c)
{
    struct addr src;
    struct addr dst;
    size_t used;
    const char *why;

    for (size_t cut = 0; cut < c->len; cut++) {
        enum proxy_header_result r = proxy_header_parse(c->data, cut, &src, &dst, &used, &why);
        if (c->used > 0)
            assert_int_equal(r, cut < c->used ? MORE : c->result);
        else if (r != MORE)
            assert_int_equal(r, c->result);
    }
}

static void check_table(const struct header_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("  %s\n", cases[i].name);
        check_case(&cases[i]);
        check_cuts(&cases[i]);
    }
}

static void test_v1(void **state)
{
    (void)state;
    check_table(v1_cases, sizeof(v1_cases) / sizeof(v1_cases[0]));
}

static void test_v2(void **state)
{
    (void)state;
    check_table(v2_cases, sizeof(v2_cases) / sizeof(v2_cases[0]));
}

static void test_longest_v2(void **state)
{
    char data[PROXY_HEADER_MAX] = SIG "\x21\x31\x02\x08";
    const struct header_case c = {"UNIX of 520", data, sizeof(data), LOCAL, sizeof(data), 0, 0};
    (void)state;

    check_case(&c);
    check_cuts(&c);
}

struct build_case {
    const char *name;
    const char *src; /* NULL: AF_UNSPEC */
    const char *dst;
    const char *v1;
    const char *v2;
    size_t v2_len;
};

/* clang-format off: adjacent literals keep hex escapes and digits apart */
static const struct build_case builds[] = {
    {"IPv4", "192.0.2.1:12345", "198.51.100.2:25", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\n",
     BYTES(SIG "\x21\x11\x00\x0c" IP4_BLOCK)},
    {"IPv6", "[2001:db8::1]:12345", "[2001:db8::2]:25",
     "PROXY TCP6 2001:db8::1 2001:db8::2 12345 25\r\n",
     BYTES(SIG "\x21\x21\x00\x24" IP6_1 IP6_2 "\x30\x39\x00\x19")},
    {"from IPv4 to IPv6", "192.0.2.1:12345", "[2001:db8::2]:25",
     "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 12345 25\r\n",
     BYTES(SIG "\x21\x21\x00\x24" MAPPED_1 IP6_2 "\x30\x39\x00\x19")},
    {"from IPv6 to IPv4", "[2001:db8::1]:12345", "192.0.2.1:25",
     "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 12345 25\r\n",
     BYTES(SIG "\x21\x21\x00\x24" IP6_1 MAPPED_1 "\x30\x39\x00\x19")},
    {"no client", NULL, "192.0.2.1:25", "PROXY UNKNOWN\r\n", BYTES(SIG "\x20\x00\x00\x00")},
    {"no destination", "192.0.2.1:25", NULL, "PROXY UNKNOWN\r\n", BYTES(SIG "\x20\x00\x00\x00")},
};
/* clang-format on */

static void parse_back(const struct build_case *c, const char *data, size_t len)
{
    struct addr src;
    struct addr dst;
    size_t used;
    const char *why;
    char text[ADDR_TEXT_MAX];
    enum proxy_header_result r = proxy_header_parse(data, len, &src, &dst, &used, &why);

    assert_int_equal(used, len);
    assert_int_equal(r, c->src != NULL && c->dst != NULL ? OK : LOCAL);
    if (r == OK) {
        assert_string_equal(addr_text(&src, text), c->src);
        assert_string_equal(addr_text(&dst, text), c->dst);
    }
}

static void test_build(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
        const struct build_case *c = &builds[i];
        struct addr src = {0};
        struct addr dst = {0};
        char out[PROXY_HEADER_MAX];

        print_message("  %s\n", c->name);
        assert_true(c->src == NULL || addr_parse_port(c->src, &src));
        assert_true(c->dst == NULL || addr_parse_port(c->dst, &dst));
        size_t len = proxy_header_build(1, &src, &dst, out);
        assert_int_equal(len, strlen(c->v1));
        assert_memory_equal(out, c->v1, len);
        parse_back(c, out, len);
        len = proxy_header_build(2, &src, &dst, out);
        assert_int_equal(len, c->v2_len);
        assert_memory_equal(out, c->v2, len);
        parse_back(c, out, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1),
        cmocka_unit_test(test_v2),
        cmocka_unit_test(test_longest_v2),
        cmocka_unit_test(test_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
