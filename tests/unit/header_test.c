/* SPDX-License-Identifier: ISC */
/*
 * Tests of header: what is a field and what is none, fed in any cut; nothing lost; bounds; and that
 * what is large or many costs no more than its octets.
 */
#include "lib/header.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a)   (sizeof(a) / sizeof(a)[0])
#define PLENTY     ((size_t)1 << 24)
#define MANY_LINES 10000

struct header_case {
    const char *what, *message;
    const char *shown; /* fields as "name|value;"; controls as \r \n */
    size_t taken;      /* octets of the message; 0: all */
};

static const struct header_case cases[] = {
    {"two fields", "A: 1\r\nB: 2\r\n\r\nbody\r\n", "A| 1;B| 2;", 14},
    {"no field at all", "\r\nbody", "", 2},
    {"an empty message", "", "", 0},
    {"no empty line", "A: 1\r\nB: 2\r\n", "A| 1;B| 2;", 0},
    {"no last CRLF", "A: 1\r\nB: 2", "A| 1;B| 2;", 0},
    {"ends within CRLF", "A: 1\r", "A| 1\\r;", 0},
    {"folded", "A: 1\r\n\t2\r\n 3\r\nB:\r\n\r\n", "A| 1\\r\\n\t2\\r\\n 3;B|;", 0},
    {"a line of blanks goes on", "A: 1\r\n \r\nB: 2\r\n\r\n", "A| 1\\r\\n ;B| 2;", 0},
    {"a first line that is blank", " x: 1\r\nA: 1\r\n\r\n", "| x: 1;A| 1;", 0},
    {"a line without a colon", "A: 1\r\nnonsense\r\nB: 2\r\n\r\n", "A| 1;|nonsense;B| 2;", 0},
    {"and what goes on with it", "nonsense\r\n more: 1\r\nB: 2\r\n\r\n",
     "|nonsense\\r\\n more: 1;B| 2;", 0},
    {"a colon in the next line only", "A\r\n : 1\r\n\r\n", "|A\\r\\n : 1;", 0},
    {"mbox's From", "From a Mon: 1\r\nB: 2\r\n\r\n", "|From a Mon: 1;B| 2;", 0},
    {"blanks before the colon", "A \t: 1\r\n\r\n", "A| 1;", 0},
    {"no name", ": 1\r\n : 2\r\n\r\n", "|: 1\\r\\n : 2;", 0},
    {"a control in the name", "A\x01: 1\r\n\r\n", "|A\x01: 1;", 0},
    {"DEL in the name", "A\x7f: 1\r\n\r\n", "|A\x7f: 1;", 0},
    {"8 bits in the name", "\xc3\xa4: 1\r\n\r\n", "|\xc3\xa4: 1;", 0},
    {"strange characters of a name", "!#\"/{~: 1\r\n\r\n", "!#\"/{~| 1;", 0},
    {"two colons", "A:B: 1\r\n\r\n", "A|B: 1;", 0},
    {"a bare LF ends nothing", "A: 1\nB: 2\r\n\r\n", "A| 1\\nB: 2;", 0},
    {"two of them neither", "A: 1\n\nB: 2\n\r\n\r\n", "A| 1\\n\\nB: 2\\n;", 0},
    {"a bare CR ends nothing", "A: 1\rB: 2\r\r\n\r\n", "A| 1\\rB: 2\\r;", 0},
    {"CR CR LF is no empty line", "A: 1\r\n\r\r\nB: 2\r\n\r\n", "A| 1;|\\r;B| 2;", 0},
    {"LF CR LF is no empty line", "A: 1\r\n\n\r\nB: 2\r\n\r\n", "A| 1;|\\n;B| 2;", 0},
    {"begins with a bare LF", "\n\r\nA: 1\r\n\r\n", "|\\n;A| 1;", 0},
};

static void show(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\r' || text[i] == '\n')
            buf_add_str(out, text[i] == '\r' ? "\\r" : "\\n");
        else
            buf_add(out, text + i, 1);
}

static void check_fields(const struct header_case *c, const struct header *header)
{
    struct buf shown = {0};
    size_t at = 0;
    for (size_t i = 0; i < header_count(header); i++) {
        const struct header_field *field = header_field(header, i);
        show(&shown, field->raw, field->name_len);
        buf_add_str(&shown, "|");
        show(&shown, field->value, field->value_len);
        buf_add_str(&shown, ";");
        if (field->offset != at || memcmp(field->raw, c->message + at, field->len) != 0)
            fail_msg("%s: field %zu is not where it was", c->what, i);
        at += field->len;
    }
    buf_add(&shown, "", 1);
    if (strcmp(buf_data(&shown), c->shown) != 0)
        fail_msg("%s: %s", c->what, buf_data(&shown));
    buf_free(&shown);
}

/* In two pieces, the first of `cut` octets, or octet by octet. */
static void feed(const struct header_case *c, size_t cut)
{
    size_t len = strlen(c->message);
    size_t want = c->taken > 0 ? c->taken : len;
    size_t taken = 0;
    struct header *header = header_new(PLENTY, PLENTY);
    if (cut <= len) {
        taken = header_add(header, c->message, cut);
        taken += header_add(header, c->message + cut, len - cut);
    } else {
        while (taken < len && header_add(header, c->message + taken, 1) == 1)
            taken++;
    }
    header_end(header);
    if (taken != want || header_size(header) != want || !header_complete(header) ||
        header_cut(header))
        fail_msg("%s, cut at %zu: %zu taken", c->what, cut, taken);
    check_fields(c, header);
    header_free(header);
}

static void fields_are_split_whatever_the_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t cut = 0; cut <= strlen(cases[i].message) + 1; cut++)
            feed(&cases[i], cut);
}

static struct header *header_of(const char *message, size_t len, size_t octets, size_t fields)
{
    struct header *header = header_new(octets, fields);
    header_add(header, message, len);
    header_end(header);
    return header;
}

static void names_are_found_in_any_case(void **state)
{
    (void)state;
    static const char text[] = "From: a\r\nfrom : b\r\nFROMX: c\r\nnonsense\r\nFRO: d\r\n\r\n";
    struct header *header = header_of(text, sizeof text - 1, PLENTY, PLENTY);
    assert_int_equal(header_occurs(header, "From"), 2);
    assert_int_equal(header_occurs(header, "fRoM"), 2);
    assert_int_equal(header_occurs(header, "To"), 0);
    assert_int_equal(header_occurs(header, ""), 0);
    assert_ptr_equal(header_first(header, "from"), header_field(header, 0));
    assert_ptr_equal(header_first(header, "fro"), header_field(header, 4));
    assert_null(header_first(header, "to"));
    assert_false(header_named(header_field(header, 3), ""));
    header_free(header);
    header_free(NULL);
}

static void nothing_is_taken_after_the_end(void **state)
{
    (void)state;
    struct header *header = header_new(PLENTY, PLENTY);
    assert_false(header_complete(header));
    assert_int_equal(header_add(header, "A: 1\r\n\r", 7), 7);
    assert_false(header_complete(header));
    assert_int_equal(header_add(header, "\nbody", 5), 1);
    assert_true(header_complete(header));
    assert_int_equal(header_add(header, "B: 2\r\n", 6), 0);
    header_end(header);
    assert_int_equal(header_count(header), 1);
    assert_int_equal(header_size(header), 8);
    header_free(header);
}

static void what_is_beyond_the_bounds_is_not_kept(void **state)
{
    (void)state;
    static const char text[] = "A: 1\r\nB: 2\r\n 3\r\nC: 4\r\n\r\nbody";
    static const struct {
        size_t octets, fields, count;
        bool cut;
    } bounds[] = {
        {0, 9, 0, true},  {5, 9, 0, true},  {6, 9, 0, true},   {7, 9, 1, true},   {16, 9, 1, true},
        {17, 9, 2, true}, {22, 9, 2, true}, {24, 9, 3, false}, {25, 9, 3, false}, {99, 0, 0, true},
        {99, 1, 1, true}, {99, 2, 2, true}, {99, 3, 3, false},
    };
    for (size_t i = 0; i < COUNT(bounds); i++) {
        struct header *header = header_new(bounds[i].octets, bounds[i].fields);
        size_t taken = header_add(header, text, sizeof text - 1);
        if (taken != 24 || header_size(header) != 24 || header_count(header) != bounds[i].count ||
            header_cut(header) != bounds[i].cut)
            fail_msg("bounds %zu: %zu taken, %zu fields", i, taken, header_count(header));
        header_free(header);
    }
}

static uint64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void check_large(const struct buf *text, size_t piece, size_t count)
{
    uint64_t start = cpu_ms();
    struct header *header = header_new(PLENTY, PLENTY);
    size_t len = buf_len(text);
    for (size_t at = 0; at < len; at += piece)
        header_add(header, buf_data(text) + at, len - at < piece ? len - at : piece);
    assert_true(header_complete(header));
    assert_int_equal(header_count(header), count);
    assert_int_equal(header_occurs(header, "X"), count);
    header_free(header);
    /* It takes some, under a sanitizer a thousand; a square would take many minutes. */
    assert_true(cpu_ms() - start < 30000);
}

static void much_costs_its_octets_only(void **state)
{
    (void)state;
    struct buf lines = {0};
    struct buf line = {0};
    struct buf folded = {0};
    struct buf bare = {0};
    for (int i = 0; i < MANY_LINES; i++)
        buf_printf(&lines, "X: %0100d\r\n", i);
    buf_add_str(&line, "X: ");
    buf_add_str(&folded, "X:\r\n");
    buf_add_str(&bare, "X:");
    for (int i = 0; i < 1 << 20; i++) {
        buf_add(&line, "y", 1);
        buf_add(&folded, " \r\n", 3);
        buf_add(&bare, "\n", 1);
    }
    buf_add_str(&lines, "\r\n");
    buf_add_str(&line, "\r\n\r\n");
    buf_add_str(&folded, "\r\n");
    buf_add_str(&bare, "\r\n\r\n");
    for (size_t piece = 1; piece <= PLENTY; piece *= 16) {
        check_large(&lines, piece, MANY_LINES);
        check_large(&line, piece, 1);
        check_large(&folded, piece, 1);
        check_large(&bare, piece, 1);
    }
    buf_free(&lines);
    buf_free(&line);
    buf_free(&folded);
    buf_free(&bare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_split_whatever_the_cut),
        cmocka_unit_test(names_are_found_in_any_case),
        cmocka_unit_test(nothing_is_taken_after_the_end),
        cmocka_unit_test(what_is_beyond_the_bounds_is_not_kept),
        cmocka_unit_test(much_costs_its_octets_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
