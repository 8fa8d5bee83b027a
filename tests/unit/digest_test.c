/* SPDX-License-Identifier: ISC */
/* Tests of digest: FIPS 180's vectors, in one piece and in any, and what a look costs: nothing. */
#include "lib/digest.h"

#include "lib/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
    const char *text, *hex;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void check(const unsigned char *digest, size_t i)
{
    unsigned char want[DIGEST_SIZE];
    assert_true(str_hex_decode(want, sizeof want, vectors[i].hex, strlen(vectors[i].hex)));
    assert_memory_equal(digest, want, sizeof want);
}

static void vectors_hold_in_one_piece(void **state)
{
    (void)state;
    unsigned char out[DIGEST_SIZE];
    for (size_t i = 0; i < COUNT(vectors); i++) {
        digest_of(vectors[i].text, strlen(vectors[i].text), out);
        check(out, i);
    }
}

static void any_cut_gives_the_same(void **state)
{
    (void)state;
    unsigned char out[DIGEST_SIZE];
    for (size_t i = 0; i < COUNT(vectors); i++)
        for (size_t cut = 0; cut <= strlen(vectors[i].text); cut++) {
            struct digest *digest = digest_new();
            digest_add(digest, vectors[i].text, cut);
            digest_add(digest, vectors[i].text + cut, strlen(vectors[i].text) - cut);
            digest_end(digest, out);
            check(out, i);
            digest_free(digest);
        }
}

static void a_look_changes_nothing(void **state)
{
    (void)state;
    unsigned char out[DIGEST_SIZE];
    struct digest *digest = digest_new();
    digest_peek(digest, out);
    check(out, 0);
    digest_add(digest, "abc", 3);
    digest_peek(digest, out);
    check(out, 1);
    digest_add(digest, vectors[2].text + 3, strlen(vectors[2].text) - 3);
    digest_peek(digest, out);
    check(out, 2);
    digest_end(digest, out);
    check(out, 2);
    digest_free(digest);
    digest_free(NULL);
}

static void a_copy_goes_its_own_way(void **state)
{
    (void)state;
    unsigned char out[DIGEST_SIZE];
    struct digest *digest = digest_new();
    digest_add(digest, "ab", 2);
    struct digest *copy = digest_copy(digest);
    digest_add(digest, "x", 1);
    digest_add(copy, "c", 1);
    digest_free(digest);
    digest_end(copy, out);
    check(out, 1);
    digest_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_hold_in_one_piece),
        cmocka_unit_test(any_cut_gives_the_same),
        cmocka_unit_test(a_look_changes_nothing),
        cmocka_unit_test(a_copy_goes_its_own_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
