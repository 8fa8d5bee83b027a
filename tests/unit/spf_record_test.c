/* SPDX-License-Identifier: ISC */
/* spf_record_test: what is a record, what is wrong with one, and what its terms are. */
#include "policy/auth/spf_record.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void only_v_spf1_and_a_blank_or_the_end_begins_a_record(void **state)
{
    (void)state;
    static const char *const yes[] = {"v=spf1", "v=spf1 ", "v=spf1 -all", "V=SPF1 a", "v=SpF1  "};
    static const char *const no[] = {"",          "v=spf",          "v=spf10",     "v=spf1-all",
                                     " v=spf1 a", "v=spf1\t-all",   "v=spf2 a",    "spf1 a",
                                     "v=spf1.",   "spf2.0/mfrom a", "v= spf1 -all"};
    for (size_t i = 0; i < COUNT(yes); i++)
        if (!spf_record_is(yes[i], strlen(yes[i])))
            fail_msg("not taken: %s", yes[i]);
    for (size_t i = 0; i < COUNT(no); i++)
        if (spf_record_is(no[i], strlen(no[i])))
            fail_msg("taken: %s", no[i]);
}

/* ---- terms -------------------------------------------------------------------------------------
 */

static void show_term(struct buf *out, const struct spf_term *term)
{
    static const char *const kind[] = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"};
    char ip[ADDR_TEXT_MAX];
    buf_printf(out, "%s %s", spf_result_name(term->result), kind[term->kind]);
    if (term->domain.len > 0)
        buf_printf(out, " %.*s", (int)term->domain.len, term->domain.text);
    if (term->network.family != 0)
        buf_printf(out, " %s", addr_ip_text(&term->network, ip));
    if (term->bits4 != 32 || term->bits6 != 128)
        buf_printf(out, " %u/%u", term->bits4, term->bits6);
    buf_add_str(out, ";");
}

/* A copy that ends where the text ends, so that a sanitizer sees a step too far. */
static bool read_exact(struct spf_record *record, const char *text, size_t len, char *why)
{
    char *exact = mem_alloc(len > 0 ? len : 1);
    memcpy(exact, text, len);
    bool good = spf_record_read(record, exact, len, why);
    free(exact);
    return good;
}

static char *shown(const char *text)
{
    struct buf out = {0};
    struct spf_record record;
    struct spf_term term;
    char why[SPF_WHY_MAX];
    if (!read_exact(&record, text, strlen(text), why))
        return mem_strdup(why);
    for (size_t at = 0; spf_record_next(&record, &at, &term);)
        show_term(&out, &term);
    if (record.redirect.len > 0)
        buf_printf(&out, "redirect %.*s;", (int)record.redirect.len, record.redirect.text);
    if (record.exp.len > 0)
        buf_printf(&out, "exp %.*s;", (int)record.exp.len, record.exp.text);
    buf_add(&out, "", 1);
    char *said = mem_strdup(buf_data(&out));
    buf_free(&out);
    spf_record_clear(&record);
    return said;
}

static const struct {
    const char *record, *said;
} good[] = {
    {"v=spf1", ""},
    {"v=spf1   ", ""},
    {"v=spf1 all", "pass all;"},
    {"v=spf1 +all -ALL ~all ?all", "pass all;fail all;softfail all;neutral all;"},
    {"v=spf1   a    -mx  ", "pass a;fail mx;"},
    {"v=spf1 a:x.example mx:y.example", "pass a x.example;pass mx y.example;"},
    {"v=spf1 a/24 mx//64 a/24//64", "pass a 24/128;pass mx 32/64;pass a 24/64;"},
    {"v=spf1 a/0 a//0", "pass a 0/128;pass a 32/0;"},
    {"v=spf1 a:x.example/24//64", "pass a x.example 24/64;"},
    {"v=spf1 a:foo:bar/baz.example", "pass a foo:bar/baz.example;"},
    {"v=spf1 a:x/1.example/2", "pass a x/1.example 2/128;"},
    {"v=spf1 a:%{d}/24", "pass a %{d} 24/128;"},
    {"v=spf1 a:%{d2/}//64", "pass a %{d2/} 32/64;"},
    {"v=spf1 a:x.example.", "pass a x.example.;"},
    {"v=spf1 a:x.xn--zckzah a:a.b-c a:a.1a", "pass a x.xn--zckzah;pass a a.b-c;pass a a.1a;"},
    {"v=spf1 a:.example", "pass a .example;"},
    {"v=spf1 a:a..example", "pass a a..example;"},
    {"v=spf1 a:%%", "pass a %%;"},
    {"v=spf1 ptr ptr:x.example", "pass ptr;pass ptr x.example;"},
    {"v=spf1 Include:x.example exists:%{ir}.x.example",
     "pass include x.example;pass exists %{ir}.x.example;"},
    {"v=spf1 ip4:192.0.2.1 ip4:192.0.2.1/24 ip4:0.0.0.0/0",
     "pass ip4 192.0.2.1;pass ip4 192.0.2.1 24/128;pass ip4 0.0.0.0 0/128;"},
    {"v=spf1 ip6:2001:db8::1 ip6:2001:db8::/32 ip6:::1.1.1.1/0",
     "pass ip6 2001:db8::1;pass ip6 2001:db8:: 32/32;pass ip6 ::1.1.1.1 32/0;"},
    {"v=spf1 redirect=x.example", "redirect x.example;"},
    {"v=spf1 Exp=x.example -all", "fail all;exp x.example;"},
    {"v=spf1 moo.cow-far_out=man:dog/cat a", "pass a;"},
    {"v=spf1 moo= moo=%{c}%{t}%_ a", "pass a;"},
    {"v=spf1 all=x", ""}, /* a modifier by that name */
};

static void a_good_record_is_read_term_by_term(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        char *said = shown(good[i].record);
        if (strcmp(said, good[i].said) != 0)
            fail_msg("%s: %s", good[i].record, said);
        free(said);
    }
}

#define LABEL  "a domain that does not end in a label"
#define PREFIX "a prefix length that is none"
#define IP     "an address that is none"

static const struct {
    const char *term, *why;
} bad[] = {
    {"moo", "no such mechanism"},
    {"-", "no such mechanism"},
    {"--all", "no such mechanism"},
    {"all.", "no such mechanism"},
    {"ipv4:192.0.2.1", "no such mechanism"},
    {"redirect:x.example", "no such mechanism"},
    {"=x", "no such mechanism"},
    {"1up=x", "no such mechanism"},
    {"-moo=x", "no such mechanism"},
    {"moo/cow=x", "no such mechanism"},
    {"moo:cow=x", "no such mechanism"},
    {"all:x", "an argument where none may be"},
    {"all/8", "an argument where none may be"},
    {"include", "no domain"},
    {"include:", "no domain"},
    {"include/24", "no domain"},
    {"include:x.example/24", LABEL},
    {"exists", "no domain"},
    {"exists:x.example/24", LABEL},
    {"ptr:", "no domain"},
    {"ptr/24", "an argument where none may be"},
    {"a:", "no domain"},
    {"a:/24", "no domain"},
    {"a/", PREFIX},
    {"a//", PREFIX},
    {"a/33", PREFIX},
    {"a/024", PREFIX},
    {"a/00", PREFIX},
    {"a//129", PREFIX},
    {"a/99999999999999999999", PREFIX},
    {"a/24/64", PREFIX},
    {"a/24//64/", PREFIX},
    {"a:x.example/24/64", PREFIX},
    {"a:x.example/24/16", LABEL},
    {"a:museum", "a domain of one label"},
    {"a:museum.", "a domain of one label"},
    {"a:%{d}x", "a domain of one label"},
    {"a:%{d}.", "a domain of one label"},
    {"a:x.", "a domain of one label"},
    {"a:x..", LABEL},
    {"a:x.-com", LABEL},
    {"a:x.com-", LABEL},
    {"a:x.c_m", LABEL},
    {"a:x.example:8080", LABEL},
    {"a:192.0.2.1", "a domain that ends in a number; of an address, ip4: is wanted"},
    {"a:x.%{c}", "a macro that only explanations may have"},
    {"a:%{r}.example", "a macro that only explanations may have"},
    {"a:%{T}.example", "a macro that only explanations may have"},
    {"a:%{x}.example", "a '%' that begins no macro"},
    {"a:%{d0}.example", "a '%' that begins no macro"},
    {"a:%{d00}.example", "a '%' that begins no macro"},
    {"a:%{}.example", "a '%' that begins no macro"},
    {"a:%{d", "a '%' that begins no macro"},
    {"a:%{dr2}.example", "a '%' that begins no macro"},
    {"a:%{d:}.example", "a '%' that begins no macro"},
    {"a:%(d).example", "a '%' that begins no macro"},
    {"a:x.example%", "a '%' that begins no macro"},
    {"a:x\ty.example", "an octet that is no visible US-ASCII"},
    {"a:\xc3\xa4.example", "an octet that is no visible US-ASCII"},
    {"\xef\xbb\xbf"
     "a",
     "no such mechanism"},
    {"a\r", "no such mechanism"},
    {"ip4", "no address"},
    {"ip4:", IP},
    {"ip4:192.0.2", IP},
    {"ip4:192.0.2.01", IP},
    {"ip4:192.0.2.256", IP},
    {"ip4:192.0.2.1:25", IP},
    {"ip4:192.0.2.1//32", IP},
    {"ip4:192.0.2.1/33", PREFIX},
    {"ip4:192.0.2.1/024", PREFIX},
    {"ip4:2001:db8::1", IP},
    {"ip4:192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1", IP},
    {"ip6", "no address"},
    {"ip6:192.0.2.1", IP},
    {"ip6::cafe::babe", IP},
    {"ip6:2001:db8::1%eth0", IP},
    {"ip6:2001:db8::/129", PREFIX},
    {"ip6:::1//33", IP},
    {"redirect=", "no domain"},
    {"redirect=x", "a domain of one label"},
    {"redirect=-all", "a domain of one label"},
    {"exp=", "no domain"},
    {"exp=-all", "a domain of one label"},
    {"moo=%x", "a '%' that begins no macro"},
    {"moo=\x01", "an octet that is no visible US-ASCII"},
    {"redirect=a.example redirect=b.example", "it is there twice"},
    {"exp=a.example exp=a.example", "it is there twice"},
};

static void one_fault_anywhere_spoils_the_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *text = mem_printf("v=spf1 +all %s -all", bad[i].term);
        char *said = shown(text);
        if (strncmp(said, bad[i].why, strlen(bad[i].why)) != 0 || said[strlen(bad[i].why)] != ':')
            fail_msg("%s: %s", bad[i].term, said);
        free(said);
        free(text);
    }
}

static void a_nul_is_no_end(void **state)
{
    (void)state;
    struct spf_record record;
    char why[SPF_WHY_MAX];
    static const char text[] = "v=spf1 a:foo.example.com\0";
    static const char address[] = "v=spf1 ip4:192.0.2.1\0";
    assert_false(read_exact(&record, text, sizeof text - 1, why));
    assert_null(record.text);
    assert_false(read_exact(&record, address, sizeof address - 1, why));
}

static void why_is_for_people_whatever_the_record_holds(void **state)
{
    (void)state;
    char *said = shown("v=spf1 m\x1b[31m\xff");
    assert_string_equal(said, "no such mechanism: \"m\\x1b[31m\\xff\"");
    free(said);
    char *text = mem_alloc(5000);
    memset(text, 'm', 4999);
    memcpy(text, "v=spf1 ", 7);
    said = shown(text);
    assert_true(strlen(said) < SPF_WHY_MAX);
    free(said);
    free(text);
}

static void a_record_of_any_length_is_read(void **state)
{
    (void)state;
    struct buf text = {0};
    struct spf_record record;
    struct spf_term term;
    char why[SPF_WHY_MAX];
    size_t terms = 0;
    buf_add_str(&text, "v=spf1");
    for (size_t i = 0; i < 30000; i++)
        buf_add_str(&text, " a");
    assert_true(spf_record_read(&record, buf_data(&text), buf_len(&text), why));
    for (size_t at = 0; spf_record_next(&record, &at, &term); terms++)
        ;
    assert_int_equal(terms, 30000);
    spf_record_clear(&record);
    spf_record_clear(&record);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_v_spf1_and_a_blank_or_the_end_begins_a_record),
        cmocka_unit_test(a_good_record_is_read_term_by_term),
        cmocka_unit_test(one_fault_anywhere_spoils_the_record),
        cmocka_unit_test(a_nul_is_no_end),
        cmocka_unit_test(why_is_for_people_whatever_the_record_holds),
        cmocka_unit_test(a_record_of_any_length_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
