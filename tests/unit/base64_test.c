/* SPDX-License-Identifier: ISC */
/* Tests of base64: RFC 4648's vectors, blanks anywhere, and everything that is none. */
#include "lib/base64.h"

#include "lib/buf.h"
#include "tests/unit/support/base64_encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
    const char *octets, *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+"},
};

static bool decodes(const char *text, const char *octets)
{
    struct buf out = {0};
    bool ok = base64_decode(text, strlen(text), &out);
    bool same =
        ok && buf_len(&out) == strlen(octets) && memcmp(buf_data(&out), octets, buf_len(&out)) == 0;
    buf_free(&out);
    return same;
}

static void vectors_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct buf out = {0};
        base64_encode(vectors[i].octets, strlen(vectors[i].octets), &out);
        buf_add(&out, "", 1);
        assert_string_equal(buf_data(&out), vectors[i].text);
        buf_free(&out);
        assert_true(decodes(vectors[i].text, vectors[i].octets));
    }
}

static void blanks_are_passed_over(void **state)
{
    (void)state;
    static const char *const texts[] = {
        " Zm9vYg==",          "Z m\t9\r\n v Y g = =", "Zm9vYg== \r\n\t",
        "\r\n Zm9vYg\r\n ==", "Zm9vYg=\r\n =",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!decodes(texts[i], "foob"))
            fail_msg("'%s'", texts[i]);
    assert_true(decodes(" \t\r\n", ""));
}

static void bits_too_many_are_passed_over(void **state)
{
    (void)state;
    assert_true(decodes("Zh==", "f"));
    assert_true(decodes("Zm9=", "fo"));
}

static void all_else_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Zg",     "Zg=",     "Zg===",  "Z",     "Z===",     "=",     "====",  "Zm9v=",
        "Zm9v==", "Zm8=Zm8", "Zm8=Z",  "Zm8==", "Zm8",      "Zm8-",  "Zm_8",  "Zm9v!",
        "Zm9v.",  "Zg==;",   "Z\x01g", "Zg\v=", "\xc3\xa4", "Zg==x", "Zm9vY", "Zm\f9v",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buf out = {0};
        if (base64_decode(texts[i], strlen(texts[i]), &out))
            fail_msg("'%s' is taken", texts[i]);
        buf_free(&out);
    }
    struct buf out = {0};
    assert_false(base64_decode("Zm\0v", 4, &out));
    buf_free(&out);
}

static void every_octet_survives(void **state)
{
    (void)state;
    unsigned char octets[800];
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (unsigned char)(i + i / 256);
    for (size_t len = 0; len <= sizeof octets; len++) {
        struct buf text = {0};
        struct buf out = {0};
        base64_encode(octets, len, &text);
        assert_int_equal(buf_len(&text), (len + 2) / 3 * 4);
        assert_true(base64_decode(buf_data(&text), buf_len(&text), &out));
        assert_int_equal(buf_len(&out), len);
        assert_memory_equal(buf_data(&out), octets, len);
        buf_free(&text);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_go_both_ways),          cmocka_unit_test(blanks_are_passed_over),
        cmocka_unit_test(bits_too_many_are_passed_over), cmocka_unit_test(all_else_is_refused),
        cmocka_unit_test(every_octet_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
