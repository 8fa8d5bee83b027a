/* SPDX-License-Identifier: ISC */
/* buf_test: what is added comes out again, in order, however it is cut. */
#include "lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void an_empty_buffer_is_usable(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_len(&b), 0);
    assert_string_equal(buf_data(&b), "");
    buf_consume(&b, 10);
    buf_add(&b, "", 0);
    buf_printf(&b, "%s", "");
    assert_int_equal(buf_len(&b), 0);
    buf_free(&b);
    buf_free(&b);
}

static void bytes_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct buf b = {0};
    unsigned in = 0, out = 0;
    for (unsigned round = 0; round < 3000; round++) {
        unsigned char some[97];
        unsigned add = round * 7 % sizeof some;
        for (unsigned i = 0; i < add; i++)
            some[i] = (unsigned char)(in++ * 31);
        buf_add(&b, some, add);
        unsigned take = round * 5 % 89;
        const unsigned char *data = (const unsigned char *)buf_data(&b);
        for (unsigned i = 0; i < take && i < buf_len(&b); i++)
            assert_int_equal(data[i], (unsigned char)(out++ * 31));
        buf_consume(&b, take);
        assert_int_equal(buf_len(&b), in - out);
    }
    buf_free(&b);
    assert_null(b.data);
}

static void printf_and_text_are_appended(void **state)
{
    (void)state;
    struct buf b = {0};
    char text[300];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    buf_add_str(&b, "250-");
    buf_printf(&b, "%s %d\r\n", text, 42);
    buf_printf(&b, "%c", 0);
    assert_int_equal(buf_len(&b), 4 + 299 + 5 + 1);
    assert_memory_equal(buf_data(&b) + 303, " 42\r\n\0", 6);
    buf_consume(&b, SIZE_MAX);
    assert_int_equal(buf_len(&b), 0);
    buf_add_str(&b, "again");
    assert_memory_equal(buf_data(&b), "again", 5);
    buf_free(&b);
}

static void an_emptied_buffer_keeps_its_memory(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add(&b, (char[1000]){0}, 1000);
    size_t cap = b.cap;
    for (int i = 0; i < 100; i++) {
        buf_consume(&b, 1000);
        buf_add(&b, (char[1000]){0}, 1000);
    }
    assert_int_equal(b.cap, cap);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_usable),
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(printf_and_text_are_appended),
        cmocka_unit_test(an_emptied_buffer_keeps_its_memory),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
