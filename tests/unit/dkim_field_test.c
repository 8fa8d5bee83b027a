/* SPDX-License-Identifier: ISC */
/* Tests of policy/auth/dkim_field: which signatures are read, and what is wrong with the others. */
#include "policy/auth/dkim_int.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define BASE     "v=1; a=rsa-sha256; d=example.org; s=sel; h=from:to; bh=AAAA; b=AAAA"
#define NO_I     "v=1; a=rsa-sha256; s=sel; h=from; bh=AAAA; b=AAAA; "

static bool parse(const char *value, enum dkim_form form, struct dkim_field *out, const char **why)
{
    struct header_field field = {.value = value, .value_len = strlen(value)};
    return dkim_field_parse(&field, form, out, why);
}

static const struct {
    const char *value, *why; /* NULL: it is read */
} signatures[] = {
    {BASE, NULL},
    {BASE ";", NULL},
    {BASE "; unknown=1; z=From:x|To:y", NULL},
    {BASE "; c=relaxed/relaxed; q=dns/txt; i=@example.org; t=1; x=2; l=0", NULL},
    {BASE "; q=dns", NULL},
    {BASE "; q=http : dns/txt", NULL},
    {BASE "; c=RELAXED", NULL},
    {BASE "; i=joe@sub.example.org", NULL},
    {BASE "; i=\"a@b\"@Example.ORG", NULL},
    {"", "there is no tag"},
    {"nonsense", "a tag has no \"=\""},
    {BASE "; b=AAAA", "a tag stands twice"},
    {"a=rsa-sha256; d=example.org; s=sel; h=from; bh=AAAA; b=AAAA", "v= is missing"},
    {"v=2; a=rsa-sha256; d=example.org; s=sel; h=from; bh=AAAA; b=AAAA", "v= is another version"},
    {"v=1; d=example.org; s=sel; h=from; bh=AAAA; b=AAAA", "a= is missing"},
    {"v=1; a=; d=example.org; s=sel; h=from; bh=AAAA; b=AAAA", "a= is empty"},
    {"v=1; a=rsa-sha256; s=sel; h=from; bh=AAAA; b=AAAA", "d= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; h=from; bh=AAAA; b=AAAA", "s= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; bh=AAAA; b=AAAA", "h= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; b=AAAA", "bh= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=AAAA", "b= is missing"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=; b=AAAA", "bh= is no base64"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=AAAA; b=", "b= is no base64"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=AAAA; b=A*A", "b= is no base64"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=; bh=AAAA; b=AAAA", "h= is empty"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=to:subject; bh=AAAA; b=AAAA",
     "From is not signed"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=to:fromx; bh=AAAA; b=AAAA", "From is not signed"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h= to :\r\n\tFROM ; bh=AAAA; b=AAAA", NULL},
    {NO_I "d=", "d= is no domain"},
    {NO_I "d=exa mple.org", "d= is no domain"},
    {NO_I "d=a..b", "d= is no domain"},
    {NO_I "d=[192.0.2.1]", "d= is no domain"},
    {NO_I "d=legitimate.com(.attacker.com", "d= is no domain"},
    {NO_I "d=EXAMPLE.org", NULL},
    {NO_I "d=b\xc3\xbc"
          "cher.example",
     NULL},
    {"v=1; a=rsa-sha256; s=a*b; d=example.org; h=from; bh=AAAA; b=AAAA", "s= is no selector"},
    {"v=1; a=rsa-sha256; s=a.b_c; d=example.org; h=from; bh=AAAA; b=AAAA", NULL},
    {BASE "; c=nonsense", "c= is no canonicalisation"},
    {BASE "; c=simple/", "c= is no canonicalisation"},
    {BASE "; c=simple/relaxed/simple", "c= is no canonicalisation"},
    {BASE "; q=http", "q= has no way to ask for the key"},
    {BASE "; l=x", "l= is no number"},
    {BASE "; l=-1", "l= is no number"},
    {BASE "; t=x", "t= is no time"},
    {BASE "; x=", "x= is no time"},
    {BASE "; t=5; x=5", "x= is not behind t="},
    {BASE "; i=joe", "i= has no domain"},
    {BASE "; i=@", "i= has no domain"},
    {BASE "; i=@example.net", "i= is not in the domain of d="},
    {BASE "; i=@badexample.org", "i= is not in the domain of d="},
    {BASE "; i=@org", "i= is not in the domain of d="},
};

static void signatures_are_read_or_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(signatures); i++) {
        struct dkim_field field;
        const char *why;
        bool ok = parse(signatures[i].value, DKIM_FORM_SIGNATURE, &field, &why);
        if (ok != (signatures[i].why == NULL) || (!ok && strcmp(why, signatures[i].why) != 0))
            fail_msg("'%s': %s", signatures[i].value, ok ? "was read" : why);
        dkim_field_free(&field);
    }
}

static void what_it_says_is_there(void **state)
{
    (void)state;
    struct dkim_field field;
    const char *why;
    assert_true(parse(" v=1; a=Ed25519-SHA256; c=relaxed; d=EXAMPLE.org; s=Sel;\r\n"
                      " h=From : To; bh=YWJj; b=ZGVm\r\n\tZ2hp; t=12; x=99; l=7;"
                      " i=joe@Sub.example.ORG",
                      DKIM_FORM_SIGNATURE, &field, &why));
    assert_int_equal(field.algorithm, DKIM_ED25519_SHA256);
    assert_int_equal(field.header_canon, CANON_RELAXED);
    assert_int_equal(field.body_canon, CANON_SIMPLE);
    assert_string_equal(field.domain, "example.org");
    assert_string_equal(field.selector, "sel");
    assert_string_equal(field.identity_domain, "sub.example.org");
    assert_int_equal(field.body_octets, 7);
    assert_int_equal(field.signed_at, 12);
    assert_int_equal(field.expires, 99);
    assert_int_equal(buf_len(&field.body_digest), 3);
    assert_memory_equal(buf_data(&field.body_digest), "abc", 3);
    assert_int_equal(buf_len(&field.signature), 6);
    assert_memory_equal(buf_data(&field.signature), "defghi", 6);
    dkim_field_free(&field);
}

static void what_it_does_not_say_has_its_default(void **state)
{
    (void)state;
    struct dkim_field field;
    const char *why;
    assert_true(parse(BASE, DKIM_FORM_SIGNATURE, &field, &why));
    assert_int_equal(field.header_canon, CANON_SIMPLE);
    assert_int_equal(field.body_canon, CANON_SIMPLE);
    assert_true(field.body_octets == BODY_HASH_ALL);
    assert_int_equal(field.signed_at, -1);
    assert_int_equal(field.expires, -1);
    assert_string_equal(field.identity_domain, "example.org");
    dkim_field_free(&field);
}

static void a_refused_one_still_has_its_names(void **state)
{
    (void)state;
    struct dkim_field field;
    const char *why;
    assert_false(parse("v=7; d=example.org; s=sel", DKIM_FORM_SIGNATURE, &field, &why));
    assert_string_equal(field.domain, "example.org");
    assert_string_equal(field.selector, "sel");
    dkim_field_free(&field);
}

static void arc_has_its_own_rules(void **state)
{
    (void)state;
    struct dkim_field field;
    const char *why;
    assert_true(parse("i=1; a=rsa-sha256; d=example.org; s=sel; h=to; bh=AAAA; b=AAAA",
                      DKIM_FORM_ARC_MESSAGE, &field, &why));
    assert_true(tag_is(field.identity, "1"));
    dkim_field_free(&field);
    assert_true(parse("i=1; a=rsa-sha256; cv=none; d=example.org; s=sel; b=AAAA",
                      DKIM_FORM_ARC_SEAL, &field, &why));
    assert_int_equal(field.header_canon, CANON_RELAXED);
    assert_null(field.signed_fields);
    dkim_field_free(&field);
    assert_false(parse("i=1; a=rsa-sha256; d=example.org; s=sel; b=AAAA", DKIM_FORM_ARC_MESSAGE,
                       &field, &why));
    assert_string_equal(why, "bh= is missing");
    dkim_field_free(&field);
}

static void names_of_h_are_counted(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct buf text = {0};
        struct dkim_field field;
        const char *why;
        buf_add_str(&text, "v=1; a=rsa-sha256; d=example.org; s=sel; bh=AAAA; b=AAAA; h=from");
        for (int i = 1; i < DKIM_SIGNED_MOST + more; i++)
            buf_add_str(&text, ":x");
        buf_add(&text, "", 1);
        assert_int_equal(parse(buf_data(&text), DKIM_FORM_SIGNATURE, &field, &why), more == 0);
        if (more == 1)
            assert_string_equal(why, "h= names too many fields");
        dkim_field_free(&field);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_read_or_refused_with_a_reason),
        cmocka_unit_test(what_it_says_is_there),
        cmocka_unit_test(what_it_does_not_say_has_its_default),
        cmocka_unit_test(a_refused_one_still_has_its_names),
        cmocka_unit_test(arc_has_its_own_rules),
        cmocka_unit_test(names_of_h_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
