/* SPDX-License-Identifier: ISC */
/*
 * Tests of policy/auth/body_hash: the canonical form of a body in both ways, prefixes of it, and
 * that no cut of what comes in changes anything.
 */
#include "policy/auth/body_hash.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
    const char *name, *body, *simple, *relaxed;
} bodies[] = {
    {"nothing", "", "\r\n", ""},
    {"an empty line", "\r\n", "\r\n", ""},
    {"empty lines", "\r\n\r\n\r\n", "\r\n", ""},
    {"a blank line", " \t \r\n", " \t \r\n", ""},
    {"blank lines", " \r\n\t\r\n \r\n\r\n", " \r\n\t\r\n \r\n", ""},
    {"RFC 6376 3.4.6", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
    {"no CRLF at the end", "a", "a\r\n", "a\r\n"},
    {"blanks and no CRLF at the end", "a \t", "a \t\r\n", "a\r\n"},
    {"empty lines in the middle", "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n"},
    {"blank lines in the middle", "a\r\n \r\n\t\r\nb\r\n", "a\r\n \r\n\t\r\nb\r\n",
     "a\r\n\r\n\r\nb\r\n"},
    {"blank lines at the end", "a\r\n \r\n\t\r\n", "a\r\n \r\n\t\r\n", "a\r\n"},
    {"empty lines in front", "\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
    {"a tab", "a\tb\r\n", "a\tb\r\n", "a b\r\n"},
    {"a run of blanks", "a \t  \tb\r\n", "a \t  \tb\r\n", "a b\r\n"},
    {"blanks at both ends of lines", "  a  \r\n\tb\t\r\n", "  a  \r\n\tb\t\r\n", " a\r\n b\r\n"},
    {"a bare CR", "a\rb\r\n", "a\rb\r\n", "a\rb\r\n"},
    {"a bare LF", "a\nb\r\n", "a\nb\r\n", "a\nb\r\n"},
    {"a bare LF at the end", "a\n", "a\n\r\n", "a\n\r\n"},
    {"a bare CR at the end", "a\r", "a\r\r\n", "a\r\r\n"},
    {"CR CR LF", "a\r\r\n", "a\r\r\n", "a\r\r\n"},
    {"CR CR LF alone", "\r\r\n", "\r\r\n", "\r\r\n"},
    {"a CR alone", "\r", "\r\r\n", "\r\r\n"},
    {"an LF alone", "\n", "\n\r\n", "\n\r\n"},
    {"LF CR", "a\n\rb", "a\n\rb\r\n", "a\n\rb\r\n"},
    {"blanks before a bare CR", "a \t\rb\r\n", "a \t\rb\r\n", "a \rb\r\n"},
    {"blanks before a bare LF", "a \t\nb\r\n", "a \t\nb\r\n", "a \nb\r\n"},
    {"blanks, CR, blanks, CRLF", "a \r \r\n", "a \r \r\n", "a \r\r\n"},
    {"blanks, CR CRLF", "a \r\r\n", "a \r\r\n", "a \r\r\n"},
    {"blanks and a CR at the end", "a \r", "a \r\r\n", "a \r\r\n"},
    {"a CR behind ends of lines", "a\r\n\r\n\r", "a\r\n\r\n\r\r\n", "a\r\n\r\n\r\r\n"},
    {"eight bits", "\xc3\xbc\xa0\x80\x89\r\n", "\xc3\xbc\xa0\x80\x89\r\n",
     "\xc3\xbc\xa0\x80\x89\r\n"},
    {"long words and single blanks", "The quick brown fox jumps over the lazy dog once  more\r\n",
     "The quick brown fox jumps over the lazy dog once  more\r\n",
     "The quick brown fox jumps over the lazy dog once more\r\n"},
};

static void is_digest_of(const char *name, const struct body_hash *hash, int wish, const char *want,
                         size_t want_len, size_t octets)
{
    unsigned char digest[DIGEST_SIZE];
    uint64_t got;
    digest_of(want, want_len, digest);
    if (memcmp(body_hash_digest(hash, wish, &got), digest, sizeof digest) != 0)
        fail_msg("%s: wish %d: another digest than that of '%.*s'", name, wish, (int)want_len,
                 want);
    if (got != octets)
        fail_msg("%s: wish %d: %d octets, not %d", name, wish, (int)got, (int)octets);
}

/* The body in pieces of `piece` octets (0: at once), with every prefix wanted, longest first. */
static void check_body(size_t number, size_t piece)
{
    const char *wants[] = {bodies[number].simple, bodies[number].relaxed};
    const char *body = bodies[number].body, *name = bodies[number].name;
    size_t len = strlen(body);
    struct body_hash *hash = body_hash_new();
    int all[2], part[2][80];
    for (int canon = 0; canon < 2; canon++) {
        size_t most = strlen(wants[canon]);
        assert_in_range(most, 0, BODY_HASH_MOST - 3);
        for (size_t i = most + 2; i-- > 0;)
            part[canon][i] = body_hash_want(hash, canon == 0 ? CANON_SIMPLE : CANON_RELAXED, i);
        all[canon] = body_hash_want(hash, canon == 0 ? CANON_SIMPLE : CANON_RELAXED, BODY_HASH_ALL);
    }
    for (size_t at = 0, some; at < len; at += some) {
        some = piece == 0 || piece > len - at ? len - at : piece;
        body_hash_add(hash, body + at, some);
        body_hash_add(hash, "", 0);
    }
    body_hash_end(hash);
    for (int canon = 0; canon < 2; canon++) {
        size_t most = strlen(wants[canon]);
        is_digest_of(name, hash, all[canon], wants[canon], most, most);
        for (size_t i = 0; i < most + 2; i++)
            is_digest_of(name, hash, part[canon][i], wants[canon], i < most ? i : most, most);
    }
    body_hash_free(hash);
}

static void bodies_have_one_canonical_form_in_any_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++)
        for (size_t piece = 0; piece <= strlen(bodies[i].body); piece++)
            check_body(i, piece);
}

/* Pseudo-random text that is rich in what matters. */
static char *rich_text(size_t len)
{
    static const char *const word[] = {
        "\r\n", " ",  "\t",    "word",     "\r",
        "\n",   "  ", " \r\n", "\r\n\r\n", "aVeryLongWordWithoutAnyBlanksInIt",
        "=",    "."};
    char *text = mem_alloc(len + 64);
    uint32_t random = 12345;
    for (size_t at = 0; at < len;) {
        random = random * 1664525 + 1013904223;
        const char *next = word[(random >> 16) % COUNT(word)];
        memcpy(text + at, next, strlen(next));
        at += strlen(next);
    }
    text[len] = '\0';
    return text;
}

static void any_cut_gives_the_same(void **state)
{
    (void)state;
    enum { LEN = 40000 };
    static const size_t pieces[] = {1, 2, 3, 7, 8, 9, 64, 1023, 1024, 1025, 4095, 4096, 4097, LEN};
    char *text = rich_text(LEN);
    unsigned char first[4][DIGEST_SIZE];
    uint64_t octets, first_octets[4];
    for (size_t p = 0; p < COUNT(pieces); p++) {
        struct body_hash *hash = body_hash_new();
        int wish[] = {body_hash_want(hash, CANON_SIMPLE, BODY_HASH_ALL),
                      body_hash_want(hash, CANON_SIMPLE, 17000),
                      body_hash_want(hash, CANON_RELAXED, BODY_HASH_ALL),
                      body_hash_want(hash, CANON_RELAXED, 4097)};
        for (size_t at = 0; at < LEN; at += pieces[p])
            body_hash_add(hash, text + at, pieces[p] < LEN - at ? pieces[p] : LEN - at);
        body_hash_end(hash);
        for (int i = 0; i < 4; i++) {
            const unsigned char *digest = body_hash_digest(hash, wish[i], &octets);
            if (p == 0) {
                memcpy(first[i], digest, DIGEST_SIZE);
                first_octets[i] = octets;
            }
            assert_memory_equal(first[i], digest, DIGEST_SIZE);
            assert_int_equal(octets, first_octets[i]);
        }
        body_hash_free(hash);
    }
    free(text);
}

static void wishes_are_shared_and_counted(void **state)
{
    (void)state;
    struct body_hash *hash = body_hash_new();
    int first = body_hash_want(hash, CANON_RELAXED, 10);
    assert_int_equal(body_hash_want(hash, CANON_RELAXED, 10), first);
    assert_int_not_equal(body_hash_want(hash, CANON_SIMPLE, 10), first);
    for (uint64_t i = 1; i < BODY_HASH_MOST; i++)
        assert_true(body_hash_want(hash, CANON_RELAXED, 1000 - i) >= 0);
    assert_int_equal(body_hash_want(hash, CANON_RELAXED, BODY_HASH_ALL), -1);
    assert_int_equal(body_hash_want(hash, CANON_RELAXED, 10), first);
    assert_true(body_hash_want(hash, CANON_SIMPLE, BODY_HASH_ALL) >= 0);
    body_hash_free(hash);
    body_hash_free(NULL);
}

/* What is not wanted costs nothing and is not missed. */
static void nothing_needs_to_be_wanted(void **state)
{
    (void)state;
    struct body_hash *hash = body_hash_new();
    body_hash_add(hash, "text\r\n", 6);
    body_hash_end(hash);
    body_hash_free(hash);
}

/* Empty lines are kept back in no memory, and come back where they were not the last. */
static void empty_lines_are_only_counted(void **state)
{
    (void)state;
    enum { LINES = 1000 };
    char *lines = mem_alloc((size_t)LINES * 2 + 4);
    for (size_t i = 0; i < LINES; i++)
        memcpy(lines + 2 * i, "\r\n", 2);
    struct body_hash *hash = body_hash_new();
    int simple = body_hash_want(hash, CANON_SIMPLE, BODY_HASH_ALL);
    int relaxed = body_hash_want(hash, CANON_RELAXED, BODY_HASH_ALL);
    body_hash_add(hash, lines, (size_t)LINES * 2);
    body_hash_add(hash, "x", 1);
    body_hash_end(hash);
    memcpy(lines + (size_t)LINES * 2, "x\r\n", 4);
    is_digest_of("lines", hash, simple, lines, (size_t)LINES * 2 + 3, (size_t)LINES * 2 + 3);
    is_digest_of("lines", hash, relaxed, lines, (size_t)LINES * 2 + 3, (size_t)LINES * 2 + 3);
    body_hash_free(hash);
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_have_one_canonical_form_in_any_cut),
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(wishes_are_shared_and_counted),
        cmocka_unit_test(nothing_needs_to_be_wanted),
        cmocka_unit_test(empty_lines_are_only_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
