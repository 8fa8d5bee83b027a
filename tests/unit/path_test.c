/* SPDX-License-Identifier: ISC */
/* Unit tests of proxy/path. Length limits are built in code, everything else is a row. */
#include "proxy/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum kind { SENDER = 1, RCPT = 2, BOTH = 3 };

enum flag { BARE = 1, NULL_PATH = 2, QUOTED = 4, LITERAL = 8, UTF8 = 16 };

struct good {
    const char *name;
    int kind;
    const char *in;
    const char *text;
    const char *domain;
    int flags;
};

static const struct good goods[] = {
    {"plain", BOTH, "<a@b.example>", "a@b.example", "b.example", 0},
    {"case is kept", BOTH, "<A.b@B.Example>", "A.b@B.Example", "B.Example", 0},
    {"leading spaces", BOTH, "   <a@b>", "a@b", "b", 0},
    {"null sender", SENDER, "<>", "", "", NULL_PATH},
    {"bare postmaster", RCPT, "<postmaster>", "postmaster", "", BARE},
    {"bare postmaster in any case", RCPT, "<PostMaster>", "PostMaster", "", BARE},
    {"postmaster with a domain", BOTH, "<postmaster@b>", "postmaster@b", "b", 0},
    {"every atext", BOTH, "<!#$%&'*+-/=?^_`{|}~aZ09@b>", "!#$%&'*+-/=?^_`{|}~aZ09@b", "b", 0},
    {"route of one", BOTH, "<@r.example:a@b>", "a@b", "b", 0},
    {"route of two", BOTH, "<@r.example,@s:a@b>", "a@b", "b", 0},
    {"quoted", BOTH, "<\"a b\"@c>", "\"a b\"@c", "c", QUOTED},
    {"quoted empty", BOTH, "<\"\"@c>", "\"\"@c", "c", QUOTED},
    {"quoted brackets and at", BOTH, "<\"a>@<b\"@c>", "\"a>@<b\"@c", "c", QUOTED},
    {"quoted pair of a quote", BOTH, "<\"a\\\"b\"@c>", "\"a\\\"b\"@c", "c", QUOTED},
    {"quoted pair of a backslash", BOTH, "<\"\\\\\"@c>", "\"\\\\\"@c", "c", QUOTED},
    {"quoted pair of a space", BOTH, "<\"\\ \"@c>", "\"\\ \"@c", "c", QUOTED},
    {"digits and inner hyphens", BOTH, "<a@1-2--3.4>", "a@1-2--3.4", "1-2--3.4", 0},
    {"underscore in the domain", BOTH, "<a@_b_c.d>", "a@_b_c.d", "_b_c.d", 0},
    {"IPv4 literal", BOTH, "<a@[192.0.2.1]>", "a@[192.0.2.1]", "[192.0.2.1]", LITERAL},
    {"IPv6 literal", BOTH, "<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]",
     LITERAL},
    {"IPv6 literal, tag in any case", BOTH, "<a@[ipv6:::]>", "a@[ipv6:::]", "[ipv6:::]", LITERAL},
    {"IPv6 literal of a mapped IPv4", BOTH, "<a@[IPv6:::ffff:192.0.2.1]>",
     "a@[IPv6:::ffff:192.0.2.1]", "[IPv6:::ffff:192.0.2.1]", LITERAL},
    {"tagged literal", BOTH, "<a@[x-1:y@z>!]>", "a@[x-1:y@z>!]", "[x-1:y@z>!]", LITERAL},
    {"UTF-8 local part", BOTH, "<\xc3\xa9@b>", "\xc3\xa9@b", "b", UTF8},
    {"UTF-8 in a quoted local part", BOTH, "<\"\xc3\xa9 \"@b>", "\"\xc3\xa9 \"@b", "b",
     UTF8 | QUOTED},
    {"UTF-8 domain", BOTH, "<a@b\xe2\x82\xac.\xf0\x9f\x98\x80>", "a@b\xe2\x82\xac.\xf0\x9f\x98\x80",
     "b\xe2\x82\xac.\xf0\x9f\x98\x80", UTF8},
};

struct bad {
    const char *name;
    int kind;
    const char *in;
};

static const struct bad bads[] = {
    {"nothing", BOTH, ""},
    {"spaces only", BOTH, "  "},
    {"a tab before the bracket", BOTH, "\t<a@b>"},
    {"no brackets", BOTH, "a@b"},
    {"no closing bracket", BOTH, "<a@b"},
    {"no opening bracket", BOTH, "a@b>"},
    {"only the opening bracket", BOTH, "<"},
    {"null recipient", RCPT, "<>"},
    {"a space for null", BOTH, "< >"},
    {"sender postmaster without domain", SENDER, "<postmaster>"},
    {"postmaster behind a route", RCPT, "<@r:postmaster>"},
    {"postmaster quoted", RCPT, "<\"postmaster\">"},
    {"another name without domain", BOTH, "<root>"},
    {"longer than postmaster", RCPT, "<postmasters>"},
    {"at alone", BOTH, "<@>"},
    {"no local part", BOTH, "<@b>"},
    {"no domain", BOTH, "<a@>"},
    {"two ats", BOTH, "<a@b@c>"},
    {"space before", BOTH, "< a@b>"},
    {"space behind", BOTH, "<a@b >"},
    {"space inside the local part", BOTH, "<a b@c>"},
    {"space inside the domain", BOTH, "<a@b c>"},
    {"dot first", BOTH, "<.a@b>"},
    {"dot last", BOTH, "<a.@b>"},
    {"two dots", BOTH, "<a..b@c>"},
    {"dot alone", BOTH, "<.@c>"},
    {"specials", BOTH, "<a(b)@c>"},
    {"comma", BOTH, "<a,b@c>"},
    {"backslash outside quotes", BOTH, "<a\\b@c>"},
    {"route without colon", BOTH, "<@r a@b>"},
    {"route without address", BOTH, "<@r:>"},
    {"route with an empty domain", BOTH, "<@:a@b>"},
    {"route with a comma behind", BOTH, "<@r,:a@b>"},
    {"route without its second at", BOTH, "<@r,s:a@b>"},
    {"route with a literal", BOTH, "<@[192.0.2.1]:a@b>"},
    {"not a route", BOTH, "<r:a@b>"},
    {"unclosed quotes", BOTH, "<\"a@b>"},
    {"unclosed quotes at the very end", BOTH, "<\"a"},
    {"quote closed by a pair only", BOTH, "<\"a\\\"@b>"},
    {"backslash at the very end", BOTH, "<\"\\"},
    {"text behind the quotes", BOTH, "<\"a\"b@c>"},
    {"quotes in the middle", BOTH, "<a\"b\"@c>"},
    {"quoted words with a dot", BOTH, "<\"a\".b@c>"},
    {"quoted pair of UTF-8", BOTH, "<\"\\\xc3\xa9\"@b>"},
    {"quoted control", BOTH, "<\"a\tb\"@c>"},
    {"quoted pair of a control", BOTH, "<\"\\\t\"@c>"},
    {"quoted DEL", BOTH, "<\"\x7f\"@c>"},
    {"quoted LF", BOTH, "<\"a\nb\"@c>"},
    {"control in the local part", BOTH, "<a\x01@b>"},
    {"DEL in the domain", BOTH, "<a@b\x7f>"},
    {"CR in the domain", BOTH, "<a@b\r>"},
    {"dot at the end of the domain", BOTH, "<a@b.>"},
    {"dot at the start of the domain", BOTH, "<a@.b>"},
    {"empty label", BOTH, "<a@b..c>"},
    {"label begins with a hyphen", BOTH, "<a@b.-c>"},
    {"label ends with a hyphen", BOTH, "<a@b-.c>"},
    {"hyphen alone", BOTH, "<a@->"},
    {"atext in the domain", BOTH, "<a@b/c>"},
    {"literal unclosed", BOTH, "<a@[192.0.2.1>"},
    {"literal empty", BOTH, "<a@[]>"},
    {"literal of three numbers", BOTH, "<a@[192.0.2]>"},
    {"literal of a number too large", BOTH, "<a@[192.0.2.256]>"},
    {"literal with a leading zero", BOTH, "<a@[192.0.2.01]>"},
    {"text behind the literal", BOTH, "<a@[192.0.2.1]b>"},
    {"IPv6 tag without address", BOTH, "<a@[IPv6:]>"},
    {"IPv6 tag with IPv4", BOTH, "<a@[IPv6:192.0.2.1]>"},
    {"IPv6 literal with two gaps", BOTH, "<a@[IPv6:1::2::3]>"},
    {"IPv6 literal with a scope", BOTH, "<a@[IPv6:fe80::1%eth0]>"},
    {"IPv6 literal, far too long", BOTH,
     "<a@[IPv6:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]>"},
    {"tag empty", BOTH, "<a@[:x]>"},
    {"tag without content", BOTH, "<a@[x:]>"},
    {"tag ends with a hyphen", BOTH, "<a@[x-:y]>"},
    {"tag with an underscore", BOTH, "<a@[x_y:z]>"},
    {"tagged content with a space", BOTH, "<a@[x:y z]>"},
    {"tagged content with a backslash", BOTH, "<a@[x:y\\z]>"},
    {"tagged content with a bracket", BOTH, "<a@[x:y[z]>"},
    {"tagged content with UTF-8", BOTH, "<a@[x:\xc3\xa9]>"},
    {"a stray UTF-8 continuation", BOTH, "<\xa9@b>"},
    {"UTF-8 cut short", BOTH, "<\xc3@b>"},
    {"UTF-8 cut short at the very end", BOTH, "<a@\xe2\x82"},
    {"UTF-8 overlong", BOTH, "<\xc0\xaf@b>"},
    {"UTF-8 surrogate", BOTH, "<a@\xed\xa0\x80>"},
    {"UTF-8 beyond Unicode", BOTH, "<a@\xf4\x90\x80\x80>"},
    {"UTF-8 C1 control", BOTH, "<a\xc2\x85@b>"},
    {"UTF-8 line separator", BOTH, "<\"\xe2\x80\xa8\"@b>"},
    {"UTF-8 direction override", BOTH, "<a@\xe2\x80\xae>"},
};

static int flags_of(const struct path *p)
{
    return (p->bare ? BARE : 0) | (p->null ? NULL_PATH : 0) | (p->quoted ? QUOTED : 0) |
           (p->literal ? LITERAL : 0) | (p->utf8 ? UTF8 : 0);
}

static void check_good(const struct good *g, bool sender)
{
    struct path p;
    size_t used;
    char more[512];
    size_t len = strlen(g->in);

    assert_int_equal(path_parse(g->in, len, sender, &p, &used), PATH_OK);
    assert_int_equal(used, len);
    assert_string_equal(p.text, g->text);
    assert_string_equal(path_domain(&p), g->domain);
    assert_int_equal(flags_of(&p), g->flags);
    if (!p.null && !p.bare)
        assert_int_equal(p.text[p.local_len], '@');

    (void)snprintf(more, sizeof(more), "%s SIZE=1>@", g->in);
    assert_int_equal(path_parse(more, strlen(more), sender, &p, &used), PATH_OK);
    assert_int_equal(used, len);
    assert_string_equal(p.text, g->text);

    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(path_parse(g->in, cut, sender, &p, &used), PATH_SYNTAX);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        print_message("  %s\n", goods[i].name);
        if (goods[i].kind & SENDER)
            check_good(&goods[i], true);
        if (goods[i].kind & RCPT)
            check_good(&goods[i], false);
    }
}

static void check_bad(const char *text, size_t len, bool sender, enum path_result want)
{
    struct path p;
    struct path zero;
    size_t used = 99;

    memset(&p, 'x', sizeof(p));
    memset(&zero, 0, sizeof(zero));
    assert_int_equal(path_parse(text, len, sender, &p, &used), want);
    assert_int_equal(used, 0);
    assert_memory_equal(&p, &zero, sizeof(p));
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        print_message("  %s\n", bads[i].name);
        if (bads[i].kind & SENDER)
            check_bad(bads[i].in, strlen(bads[i].in), true, PATH_SYNTAX);
        if (bads[i].kind & RCPT)
            check_bad(bads[i].in, strlen(bads[i].in), false, PATH_SYNTAX);
    }
}

static void test_nul_is_refused_everywhere(void **state)
{
    static const char *const in[] = {"<?a@b>",  "<a?@b>",           "<a@?b>",
                                     "<a@b?>",  "<\"?\"@b>",        "<\"\\?\"@b>",
                                     "<a@[?]>", "<a@[192.0.2.1?]>", "<a@[x:?]>"};
    (void)state;
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
        char text[32];
        size_t len = strlen(in[i]);

        memcpy(text, in[i], len);
        *(char *)memchr(text, '?', len) = '\0';
        check_bad(text, len, true, PATH_SYNTAX);
        check_bad(text, len, false, PATH_SYNTAX);
    }
}

/* "<" + `local` octets of a + "@" + labels of `label` octets until `domain` octets + ">" */
static size_t build(char *out, size_t local, size_t domain, size_t label)
{
    size_t at = 0;

    out[at++] = '<';
    memset(out + at, 'a', local);
    at += local;
    out[at++] = '@';
    for (size_t i = 0; i < domain; i++)
        out[at++] = i % (label + 1) == label ? '.' : 'b';
    out[at++] = '>';
    return at;
}

static void test_limits(void **state)
{
    char text[2048];
    struct path p;
    size_t used;
    (void)state;

    size_t len = build(text, 64, 255, 63);
    assert_int_equal(path_parse(text, len, true, &p, &used), PATH_OK);
    assert_int_equal(strlen(p.text), PATH_MAX_TEXT);
    assert_int_equal(strlen(path_domain(&p)), 255);
    check_bad(text, build(text, 65, 10, 63), false, PATH_TOO_LONG);
    check_bad(text, build(text, 64, 257, 63), false, PATH_TOO_LONG);
    check_bad(text, build(text, 64, 64, 64), false, PATH_TOO_LONG);
    check_bad(text, build(text, 1000, 1000, 63), true, PATH_TOO_LONG);
    len = build(text, 65, 10, 63);
    text[len - 1] = ' ';
    check_bad(text, len, false, PATH_SYNTAX);
}

static void test_limits_of_quoted_routed_and_utf8(void **state)
{
    char text[512];
    struct path p;
    size_t used;
    (void)state;

    /* the quotes count */
    (void)snprintf(text, sizeof(text), "<\"%062d\"@b>", 0);
    assert_int_equal(path_parse(text, strlen(text), true, &p, &used), PATH_OK);
    assert_int_equal(p.local_len, 64);
    (void)snprintf(text, sizeof(text), "<\"%063d\"@b>", 0);
    check_bad(text, strlen(text), true, PATH_TOO_LONG);
    /* a route is thrown away, but its labels have to be labels */
    (void)snprintf(text, sizeof(text), "<@%063d:a@b>", 0);
    assert_int_equal(path_parse(text, strlen(text), true, &p, &used), PATH_OK);
    (void)snprintf(text, sizeof(text), "<@%064d:a@b>", 0);
    check_bad(text, strlen(text), true, PATH_TOO_LONG);
    /* a U-label's limit is that of its A-label */
    (void)snprintf(text, sizeof(text), "<a@%062d\xc3\xa9>", 0);
    assert_int_equal(path_parse(text, strlen(text), true, &p, &used), PATH_OK);
    /* literals are limited like domains */
    (void)snprintf(text, sizeof(text), "<a@[x:%0251d]>", 0);
    assert_int_equal(path_parse(text, strlen(text), true, &p, &used), PATH_OK);
    (void)snprintf(text, sizeof(text), "<a@[x:%0252d]>", 0);
    check_bad(text, strlen(text), true, PATH_TOO_LONG);
}

struct helo_case {
    const char *text;
    bool ok;
};

static void test_helo(void **state)
{
    static const struct helo_case helos[] = {
        {"mx.example.org", true},
        {"localhost", true},
        {"[192.0.2.1]", true},
        {"[IPv6:::1]", true},
        {"my_pc-1.local", true},
        {"mx.example.org.", true},
        {"::1", true},
        {"", false},
        {"a b", false},
        {" a", false},
        {"a(b)", false},
        {"a<b>", false},
        {"a\tb", false},
        {"a\x7f", false},
        {"\xc3\xa9.example", false},
        {"a@b", false},
        {"a\\b", false},
        {"\"a\"", false},
    };
    char text[300];
    (void)state;

    for (size_t i = 0; i < sizeof(helos) / sizeof(helos[0]); i++) {
        print_message("  \"%s\"\n", helos[i].text);
        assert_int_equal(path_helo_ok(helos[i].text, strlen(helos[i].text)), helos[i].ok);
    }
    assert_false(path_helo_ok("a\0b", 3));
    memset(text, 'a', sizeof(text));
    assert_true(path_helo_ok(text, 255));
    assert_false(path_helo_ok(text, 256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_nul_is_refused_everywhere),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limits_of_quoted_routed_and_utf8),
        cmocka_unit_test(test_helo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
