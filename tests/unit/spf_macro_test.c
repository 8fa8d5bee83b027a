/* SPDX-License-Identifier: ISC */
/* spf_macro_test: each letter, transformer and delimiter (the examples of RFC 7208 7.4 among them),
 * and what becomes of expansions that are too long or not fit to be shown. */
#include "policy/auth/spf_macro.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define L63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"

/* Those of 7.4. */
static struct spf_macro_facts facts_of(const char *client)
{
    struct spf_macro_facts facts = {
        .local = "strong-bad",
        .origin = "email.example.com",
        .domain = "email.example.com",
        .helo = "mx.example.org",
        .name = "mx.example.org",
        .hostname = "mx.here.example",
        .now = 1700000000,
    };
    assert_true(addr_parse_ip(client, &facts.client));
    return facts;
}

/* Both ways of expanding, from a copy without a byte behind. */
static void expand(const char *text, const struct spf_macro_facts *facts,
                   char name[DNS_NAME_MAX + 1], char words[256])
{
    size_t len = strlen(text);
    char *exact = mem_alloc(len > 0 ? len : 1);
    memcpy(exact, text, len);
    spf_macro_name(exact, len, facts, name);
    spf_macro_text(exact, len, facts, words, 256);
    free(exact);
}

static const struct {
    const char *text, *name;
} of_four[] = {
    {"%{s}", "strong-bad@email.example.com"},
    {"%{o}", "email.example.com"},
    {"%{d}", "email.example.com"},
    {"%{d4}", "email.example.com"},
    {"%{d3}", "email.example.com"},
    {"%{d2}", "example.com"},
    {"%{d1}", "com"},
    {"%{d128}", "email.example.com"},
    {"%{d99999999999}", "email.example.com"},
    {"%{dr}", "com.example.email"},
    {"%{d2r}", "example.email"},
    {"%{d1r}", "email"},
    {"%{d3R}", "com.example.email"},
    {"%{d9r}", "com.example.email"},
    {"%{l}", "strong-bad"},
    {"%{l-}", "strong.bad"},
    {"%{lr}", "strong-bad"},
    {"%{lr-}", "bad.strong"},
    {"%{l1r-}", "strong"},
    {"%{l1-}", "bad"},
    {"%{s-@}", NULL}, /* '@' is no delimiter */
    {"%{i}", "192.0.2.3"},
    {"%{ir}", "3.2.0.192"},
    {"%{i2r}", "0.192"},
    {"%{v}", "in-addr"},
    {"%{h}", "mx.example.org"},
    {"%{p}", "mx.example.org"},
    {"%{c}", "192.0.2.3"},
    {"%{r}", "mx.here.example"},
    {"%{t}", "1700000000"},
    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
    {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
    {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
    {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
    {"%%%_%-x", "% %20x"},
    {"%{S}", "strong-bad%40email.example.com"},
    {"%{L}", "strong-bad"},
    {"%{D2R}", "example.email"},
    {"", ""},
    {"x.example", "x.example"},
};

static void every_letter_and_transformer_expands(void **state)
{
    (void)state;
    struct spf_macro_facts facts = facts_of("192.0.2.3");
    char name[DNS_NAME_MAX + 1], words[256];
    for (size_t i = 0; i < COUNT(of_four); i++) {
        bool wants;
        const char *why =
            spf_macro_fault(of_four[i].text, strlen(of_four[i].text), SPF_MACRO_TEXT, &wants);
        if ((why == NULL) != (of_four[i].name != NULL))
            fail_msg("%s: %s", of_four[i].text, why != NULL ? why : "taken");
        if (why != NULL)
            continue;
        expand(of_four[i].text, &facts, name, words);
        if (strcmp(name, of_four[i].name) != 0 || strcmp(words, of_four[i].name) != 0)
            fail_msg("%s: %s, %s", of_four[i].text, name, words);
        assert_int_equal(wants, strstr(of_four[i].text, "%{p") != NULL);
    }
}

/* Each macro costs what its fact is long, and there is room for 16,000 of them in a record. */
static void a_domain_of_more_macros_than_anybody_needs_is_a_fault(void **state)
{
    (void)state;
    struct buf spec = {0};
    bool wants;
    while (buf_len(&spec) < 1024)
        buf_add_str(&spec, "%{s}");
    assert_null(spf_macro_fault(buf_data(&spec), 1024, SPF_MACRO_NAME, &wants));
    buf_add_str(&spec, "%{s}");
    assert_string_equal(spf_macro_fault(buf_data(&spec), buf_len(&spec), SPF_MACRO_NAME, &wants),
                        "a domain that is too long");
    assert_null(spf_macro_fault(buf_data(&spec), buf_len(&spec), SPF_MACRO_TEXT, &wants));
    buf_free(&spec);
}

static void an_ipv6_address_is_nibbles_in_i_and_short_in_c(void **state)
{
    (void)state;
    struct spf_macro_facts facts = facts_of("2001:DB8::CB01");
    char name[DNS_NAME_MAX + 1], words[256];
    expand("%{ir}.%{v}._spf.%{d2}", &facts, name, words);
    assert_string_equal(name, "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6."
                              "_spf.example.com");
    expand("%{c} %{i4}", &facts, name, words);
    assert_string_equal(words, "2001:db8::cb01 C.B.0.1");
}

static void facts_of_odd_forms_are_taken_as_they_are(void **state)
{
    (void)state;
    char name[DNS_NAME_MAX + 1], words[256];
    static const struct {
        const char *local, *text, *name;
    } cases[] = {
        {"philip-gladstone-test", "%{l2r-}", "gladstone.philip"},
        {"foo-bar+zip+quux", "%{l2r+-}", "bar.foo"},
        {"foo-bar+zip+quux", "%{l+-}", "foo.bar.zip.quux"},
        {"a=b_c/d,e.f", "%{l=_/,.}", "a.b.c.d.e.f"},
        {"--a-", "%{l-}", "..a"}, /* the last part is empty: a trailing dot is none of a name */
        {"-a", "%{lr-}", "a"},
        {"", "%{l}x", "x"},
        {"~jack&jill=up-a_b3.c", "%{L}", "~jack%26jill%3Dup-a_b3.c"},
        {"a b", "%{L}", "a%20b"},
        {"%{d}", "%{l}", "%{d}"}, /* once only */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spf_macro_facts facts = facts_of("192.0.2.3");
        facts.local = cases[i].local;
        expand(cases[i].text, &facts, name, words);
        if (strcmp(name, cases[i].name) != 0)
            fail_msg("%s of %s: %s", cases[i].text, cases[i].local, name);
    }
}

static void a_name_that_is_too_long_loses_labels_on_the_left(void **state)
{
    (void)state;
    struct spf_macro_facts facts = facts_of("192.0.2.3");
    char name[DNS_NAME_MAX + 1], words[256];
    facts.domain = L63 "." L63 "." L63 "." L63; /* 255 */
    expand("%{d}", &facts, name, words);
    assert_string_equal(name, L63 "." L63 "." L63);
    expand("x.%{d3}.y.example", &facts, name, words);
    assert_string_equal(name, "x." L63 "." L63 "." L63 ".y.example");
    facts.domain = L63 "." L63 "." L63 "."
                       "a23456789b123456789c123456789d123456789e123456789f123456789g1";
    expand("%{d}", &facts, name, words);
    assert_int_equal(strlen(name), DNS_NAME_MAX); /* fits exactly */
    expand("%{d}.", &facts, name, words);
    assert_int_equal(strlen(name), DNS_NAME_MAX); /* and a dot behind is none of it */
    expand("a%{d}", &facts, name, words);
    assert_int_equal(strlen(name), DNS_NAME_MAX - 64);
}

static void what_is_longer_than_memory_keeps_a_names_end_and_a_texts_beginning(void **state)
{
    (void)state;
    struct spf_macro_facts facts = facts_of("192.0.2.3");
    char name[DNS_NAME_MAX + 1], words[256];
    char *text = mem_alloc(60000), *end = text;
    memcpy(text, "begin.", 6);
    for (end = text + 6; end < text + 59000; end += 4)
        memcpy(end, "%{d}", 4);
    strcpy(end, ".the.end");
    expand(text, &facts, name, words);
    assert_true(strlen(name) <= DNS_NAME_MAX);
    assert_string_equal(name + strlen(name) - 12, ".com.the.end");
    assert_int_equal(strlen(words), 255);
    assert_memory_equal(words, "begin.email.example.com", 23);
    memset(text, 'x', 59999); /* one label */
    expand(text, &facts, name, words);
    assert_string_equal(name, "");
    free(text);
}

static void an_explanation_is_printable_whatever_the_facts_are(void **state)
{
    (void)state;
    struct spf_macro_facts facts = facts_of("192.0.2.3");
    char words[64], small[8];
    facts.helo = "a\r\nb\x1b\xc3\xa4\x7f";
    spf_macro_text("<%{h}>", 6, &facts, words, sizeof words);
    assert_string_equal(words, "<a??b???"
                               "?>");
    spf_macro_text("%{H}", 4, &facts, words, sizeof words);
    assert_string_equal(words, "a%0D%0Ab%1B%C3%A4%7F");
    spf_macro_text("%{h}%{d}", 8, &facts, small, sizeof small);
    assert_string_equal(small, "a??b???");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_letter_and_transformer_expands),
        cmocka_unit_test(a_domain_of_more_macros_than_anybody_needs_is_a_fault),
        cmocka_unit_test(an_ipv6_address_is_nibbles_in_i_and_short_in_c),
        cmocka_unit_test(facts_of_odd_forms_are_taken_as_they_are),
        cmocka_unit_test(a_name_that_is_too_long_loses_labels_on_the_left),
        cmocka_unit_test(what_is_longer_than_memory_keeps_a_names_end_and_a_texts_beginning),
        cmocka_unit_test(an_explanation_is_printable_whatever_the_facts_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
