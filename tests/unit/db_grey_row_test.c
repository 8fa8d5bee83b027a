/* SPDX-License-Identifier: ISC */
/* db_grey_row_test: rows of triplets there and back, and damaged ones. */
#include "db/grey_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define T            ((int64_t)1800000000)

static const struct hash_key hash = {{1, 2}};

static struct grey_row row_of(bool white, int64_t first, int64_t last, uint32_t count, size_t links)
{
    struct grey_row row = {
        .key = 7,
        .record = {.first = first, .last = last, .count = count, .white = white},
        .detail = true,
        .links = links,
    };
    for (size_t i = 0; i < links; i++)
        row.link[i] = (uint32_t)i * 0x1000001 + 5;
    grey_texts_set(&row.texts, "example.org", "a@example.org", "b@example.net");
    return row;
}

static void test_there_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool white;
        int64_t first, last;
        uint32_t count;
        size_t links;
    } cases[] = {
        {"new", false, T, T, 1, 0},
        {"waiting", false, T, T + 299, 5, 2},
        {"white", true, T, T + 300, 2, 1},
        {"white for years", true, T, T + 100000000, UINT32_MAX, GREY_LINKS_MOST},
        {"before 2020", false, 5, 9, 1, 0},
        {"after 2054", true, (int64_t)3000000000, (int64_t)3000000007, 2, 3},
        {"after 2106", false, (int64_t)5000000000, (int64_t)5000000007, 2, 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct grey_row row =
            row_of(cases[i].white, cases[i].first, cases[i].last, cases[i].count, cases[i].links);
        unsigned char detail[GREY_DETAIL_MOST];
        size_t len = grey_row_detail(&row, detail);
        struct grey_row back = {.key = 7};
        if (!grey_row_decode(&back, grey_row_at(&row), detail, len) || !back.detail ||
            back.record.first != row.record.first || back.record.last != row.record.last ||
            back.record.count != row.record.count || back.record.white != row.record.white ||
            back.links != row.links ||
            memcmp(back.link, row.link, row.links * sizeof row.link[0]) != 0)
            fail_msg("%s", cases[i].name);
        assert_string_equal(back.texts.identity, "example.org");
        assert_string_equal(back.texts.sender, "a@example.org");
        assert_string_equal(back.texts.recipient, "b@example.net");
    }
}

static void test_a_row_without_texts_keeps_what_the_rule_needs(void **state)
{
    (void)state;
    const struct grey_row waiting = row_of(false, T, T + 50, 3, 0);
    const struct grey_row white = row_of(true, T, T + 500, 3, 0);
    struct grey_row back = {0};
    assert_true(grey_row_decode(&back, grey_row_at(&waiting), NULL, 0));
    assert_false(back.detail);
    assert_false(back.record.white);
    assert_int_equal(back.record.first, T);
    assert_int_equal(back.record.count, 1);
    assert_true(grey_row_decode(&back, grey_row_at(&white), NULL, 0));
    assert_true(back.record.white);
    assert_int_equal(back.record.last, T + 500);
}

static void
test_an_item_that_was_last_seen_before_it_was_first_seen_is_stored_as_one_moment(void **state)
{
    (void)state;
    const struct grey_row row = row_of(true, T + 10, T, 3, 0);
    unsigned char detail[GREY_DETAIL_MOST];
    size_t len = grey_row_detail(&row, detail);
    struct grey_row back = {0};
    assert_true(grey_row_decode(&back, grey_row_at(&row), detail, len));
    assert_int_equal(back.record.last, T);
    assert_int_equal(back.record.first, T);
}

/* In memory of just that size, so that a sanitizer sees an octet read beyond. */
static bool decodes(const unsigned char *detail, size_t len, struct grey_row *row)
{
    unsigned char *copy = test_malloc(len > 0 ? len : 1);
    memcpy(copy, detail, len);
    bool is = grey_row_decode(row, 1, copy, len);
    if (is)
        assert_true(strlen(row->texts.recipient) <= len);
    test_free(copy);
    return is;
}

static void test_no_beginning_of_a_row_is_a_row(void **state)
{
    (void)state;
    const struct grey_row row = row_of(true, T, T + 70000, 300, 3);
    unsigned char detail[GREY_DETAIL_MOST];
    size_t len = grey_row_detail(&row, detail);
    struct grey_row back = {0};
    assert_true(decodes(detail, len, &back));
    for (size_t cut = 0; cut < len; cut++) {
        if (decodes(detail, cut, &back) || back.detail || back.links != 0)
            fail_msg("%zu octets", cut);
    }
}

static void test_damaged_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name, *detail;
        size_t len;
    } cases[] = {
        {"nothing but links", "\x07", 1},
        {"too many links", "\x08\x01\x00 123456789012345678901234567890123\0a\0b\0c", 42},
        {"links that are not there", "\x07\x01\x00i\0s\0r", 9},
        {"a number without end", "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13},
        {"a count of none", "\x00\x00\x00i\0s\0r", 9},
        {"a count too large", "\x00\xff\xff\xff\xff\x7f\x00i\0s\0r", 13},
        {"too far apart", "\x00\x01\xff\xff\xff\xff\x7fi\0s\0r", 13},
        {"two texts", "\x00\x01\x00i\0s", 7},
        {"four texts", "\x00\x01\x00i\0s\0r\0x", 11},
        {"no NUL at the end", "\x00\x01\x00i\0s\0rrr", 10},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct grey_row row = {0};
        if (decodes((const unsigned char *)cases[i].detail, cases[i].len, &row) || row.detail)
            fail_msg("%s", cases[i].name);
    }
}

static void test_any_octet_changed_is_a_row_or_none_but_never_beyond(void **state)
{
    (void)state;
    const struct grey_row row = row_of(false, T, T + 70000, 300, 2);
    unsigned char detail[GREY_DETAIL_MOST];
    size_t len = grey_row_detail(&row, detail);
    size_t rows = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char was = detail[i];
        for (int octet = 0; octet < 256; octet++) {
            detail[i] = (unsigned char)octet;
            struct grey_row back = {0};
            rows += decodes(detail, len, &back);
        }
        detail[i] = was;
    }
    assert_true(rows >= len);
}

static sqlite3_int64 key(const char *identity, const char *sender, const char *recipient)
{
    struct grey_texts texts;
    grey_texts_set(&texts, identity, sender, recipient);
    return grey_row_key(&hash, &texts);
}

static void test_keys_lie_side_by_side_for_one_sender_and_recipient(void **state)
{
    (void)state;
    sqlite3_int64 a = key("example.org", "s", "r"), b = key("192.0.2.0/24", "s", "r");
    assert_true(a > 0 && b > 0 && a != b);
    assert_int_equal(a >> 32, b >> 32);
    assert_int_equal(grey_row_linked(a, (uint32_t)b), b);
    assert_int_equal(grey_row_linked(b, (uint32_t)a), a);
}

static void test_no_text_runs_into_the_next_in_a_key(void **state)
{
    (void)state;
    const sqlite3_int64 keys[] = {
        key("i", "ab", "c"), key("i", "a", "bc"), key("i", "", "abc"), key("i", "abc", ""),
        key("", "abc", ""),  key("", "", ""),     key("x", "", ""),    key("", "c", "ab"),
    };
    for (size_t i = 0; i < COUNT(keys); i++) {
        for (size_t k = 0; k < i; k++)
            assert_true(keys[i] != keys[k]);
    }
    const struct hash_key other = {{1, 3}};
    struct grey_texts texts;
    grey_texts_set(&texts, "i", "ab", "c");
    assert_true(grey_row_key(&other, &texts) != keys[0]); /* nobody foresees them */
}

static void test_the_longest_texts_fit_and_longer_ones_are_cut(void **state)
{
    (void)state;
    char *longest = test_malloc(2 * STORE_TEXT_MOST + 1);
    memset(longest, 'x', 2 * STORE_TEXT_MOST);
    longest[2 * STORE_TEXT_MOST] = '\0';
    struct grey_row row = row_of(true, 0, (int64_t)UINT32_MAX, UINT32_MAX, GREY_LINKS_MOST);
    grey_texts_set(&row.texts, longest, longest, longest);
    assert_int_equal(row.texts.sender_len, STORE_TEXT_MOST);
    unsigned char detail[GREY_DETAIL_MOST];
    size_t len = grey_row_detail(&row, detail);
    assert_true(len <= sizeof detail);
    struct grey_row back = {0};
    assert_true(decodes(detail, len, &back));
    assert_int_equal(back.texts.recipient_len, STORE_TEXT_MOST);
    assert_true(key(longest, longest, longest) == key(longest + 1, longest, longest));
    test_free(longest);
}

static void test_links_have_a_bound_and_none_comes_twice(void **state)
{
    (void)state;
    struct grey_row row = {0};
    for (uint32_t i = 0; i < GREY_LINKS_MOST; i++) {
        assert_true(grey_row_add_link(&row, i));
        assert_true(grey_row_add_link(&row, i));
    }
    assert_int_equal(row.links, GREY_LINKS_MOST);
    assert_false(grey_row_add_link(&row, 99));
    assert_true(grey_row_add_link(&row, 0));
    assert_false(grey_row_has_link(&row, 99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_a_row_without_texts_keeps_what_the_rule_needs),
        cmocka_unit_test(
            test_an_item_that_was_last_seen_before_it_was_first_seen_is_stored_as_one_moment),
        cmocka_unit_test(test_no_beginning_of_a_row_is_a_row),
        cmocka_unit_test(test_damaged_rows),
        cmocka_unit_test(test_any_octet_changed_is_a_row_or_none_but_never_beyond),
        cmocka_unit_test(test_keys_lie_side_by_side_for_one_sender_and_recipient),
        cmocka_unit_test(test_no_text_runs_into_the_next_in_a_key),
        cmocka_unit_test(test_the_longest_texts_fit_and_longer_ones_are_cut),
        cmocka_unit_test(test_links_have_a_bound_and_none_comes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
