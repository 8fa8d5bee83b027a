/* SPDX-License-Identifier: ISC */
/* Tests of policy/auth/tag_list: what is a list of tags, what is not and why. */
#include "policy/auth/tag_list.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* The list as "name=value|name=value", or "!" and what is wrong; the caller frees it. */
static char *shown(const char *text, size_t len)
{
    struct tag_list list;
    const char *why = NULL;
    char *copy = mem_strndup(text, len), *out;
    if (!tag_list_parse(copy, len, &list, &why)) {
        out = mem_printf("!%s", why);
    } else {
        assert_null(why);
        out = mem_strdup("");
        for (size_t i = 0; i < list.count; i++) {
            const struct tag *tag = &list.tag[i];
            char *more = mem_printf("%s%s%.*s=%.*s", out, i > 0 ? "|" : "", (int)tag->name_len,
                                    tag->name, (int)tag->value_len, tag->value);
            free(out);
            out = more;
        }
    }
    free(copy);
    return out;
}

static const struct {
    const char *text, *want;
} lists[] = {
    {"v=1; a=rsa-sha256", "v=1|a=rsa-sha256"},
    {"v=1;a=b;", "v=1|a=b"},
    {" v = 1 ; \r\n\ta\t=\r\n b \r\n", "v=1|a=b"},
    {"b=a\r\n b\r\n c", "b=a\r\n b\r\n c"},
    {"p=", "p="},
    {"p= ;v=1", "p=|v=1"},
    {"a=b=c==", "a=b=c=="},
    {"a_1=x", "a_1=x"},
    {"a=1; A=2", "a=1|A=2"},
    {"a=1;; b=2; ;", "a=1|b=2"},
    {"; a=1", "a=1"},
    {"i=\xc3\xbc@x", "i=\xc3\xbc@x"},
    {"", "!there is no tag"},
    {" ; ;\r\n ", "!there is no tag"},
    {"v", "!a tag has no \"=\""},
    {"v=1; foo", "!a tag has no \"=\""},
    {"=1", "!a tag has no proper name"},
    {"1a=1", "!a tag has no proper name"},
    {"_a=1", "!a tag has no proper name"},
    {"a b=1", "!a tag has no proper name"},
    {"a-b=1", "!a tag has no proper name"},
    {"\xc3\xbc=1", "!a tag has no proper name"},
    {"a=1\x01", "!a tag holds a control character"},
    {"a=\x7f", "!a tag holds a control character"},
    {"a=1; b=2; a=1", "!a tag stands twice"},
};

static void lists_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++) {
        char *got = shown(lists[i].text, strlen(lists[i].text));
        if (strcmp(got, lists[i].want) != 0)
            fail_msg("'%s': '%s', not '%s'", lists[i].text, got, lists[i].want);
        free(got);
    }
    char *got = shown("a=1\0;b=2", 8);
    assert_string_equal(got, "!a tag holds a control character");
    free(got);
}

static void tags_are_counted(void **state)
{
    (void)state;
    char text[TAG_LIST_MOST * 8 + 8] = "";
    size_t len = 0;
    struct tag_list list;
    const char *why;
    for (int i = 0; i < TAG_LIST_MOST; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "t%d=%d;", i, i);
    assert_true(tag_list_parse(text, len, &list, &why));
    assert_int_equal(list.count, TAG_LIST_MOST);
    len += (size_t)snprintf(text + len, sizeof text - len, "z=");
    assert_false(tag_list_parse(text, len, &list, &why));
    assert_string_equal(why, "too many tags");
}

static void a_tag_is_found_by_its_exact_name(void **state)
{
    (void)state;
    const char text[] = "a=1; bh=xyz; b=RSA-Sha256";
    struct tag_list list;
    const char *why;
    assert_true(tag_list_parse(text, strlen(text), &list, &why));
    assert_ptr_equal(tag_list_find(&list, "b"), &list.tag[2]);
    assert_ptr_equal(tag_list_find(&list, "bh"), &list.tag[1]);
    assert_null(tag_list_find(&list, "B"));
    assert_null(tag_list_find(&list, ""));
    assert_true(tag_is(&list.tag[2], "rsa-sha256"));
    assert_false(tag_is(&list.tag[2], "rsa-sha25"));
    assert_false(tag_is(&list.tag[2], "rsa-sha2567"));
}

static const struct {
    const char *text;
    bool ok;
    unsigned long long number;
} numbers[] = {
    {"n=0", true, 0},      {"n=1528637909", true, 1528637909},
    {"n=00012", true, 12}, {"n=999999999999", true, 999999999999ULL},
    {"n=", false, 0},      {"n=1000000000000", false, 0},
    {"n=-1", false, 0},    {"n=+1", false, 0},
    {"n=1 2", false, 0},   {"n=0x10", false, 0},
};

static void numbers_are_digits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct tag_list list;
        const char *why;
        unsigned long long number = 0;
        assert_true(tag_list_parse(numbers[i].text, strlen(numbers[i].text), &list, &why));
        if (tag_number(&list.tag[0], &number) != numbers[i].ok || number != numbers[i].number)
            fail_msg("%s: %llu", numbers[i].text, number);
    }
}

static const struct {
    const char *text, *want;
} item_lists[] = {
    {"h=from:to", "from|to"},
    {"h= From :\r\n\tTo : cc ", "From|To|cc"},
    {"h=a", "a"},
    {"h=", ""},
    {"h=a::b:", "a||b|"},
    {"h=:", "|"},
    {"h=a b:c", "a b|c"},
};

static void items_are_cut_at_colons(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(item_lists); i++) {
        struct tag_list list;
        const char *why, *item;
        char got[64] = "";
        assert_true(tag_list_parse(item_lists[i].text, strlen(item_lists[i].text), &list, &why));
        size_t at = 0, len, out = 0;
        for (const char *bar = ""; tag_item(&list.tag[0], &at, &item, &len); bar = "|")
            out += (size_t)snprintf(got + out, sizeof got - out, "%s%.*s", bar, (int)len, item);
        if (strcmp(got, item_lists[i].want) != 0)
            fail_msg("'%s': '%s'", item_lists[i].text, got);
    }
}

static void an_item_is_found_in_any_case(void **state)
{
    (void)state;
    const char text[] = "h= sha1 : SHA256 ;n=";
    struct tag_list list;
    const char *why;
    assert_true(tag_list_parse(text, strlen(text), &list, &why));
    assert_true(tag_has_item(&list.tag[0], "sha256"));
    assert_true(tag_has_item(&list.tag[0], "sha1"));
    assert_false(tag_has_item(&list.tag[0], "sha"));
    assert_false(tag_has_item(&list.tag[1], "sha256"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read_whole_or_not_at_all),
        cmocka_unit_test(tags_are_counted),
        cmocka_unit_test(a_tag_is_found_by_its_exact_name),
        cmocka_unit_test(numbers_are_digits),
        cmocka_unit_test(items_are_cut_at_colons),
        cmocka_unit_test(an_item_is_found_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
