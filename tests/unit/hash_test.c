/* SPDX-License-Identifier: ISC */
/* hash_test: the keyed hash of tables: the known vectors, every length, the key matters. */
#include "lib/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void it_is_siphash_1_3(void **state)
{
    (void)state;
    /* From a reference in another language that meets the published SipHash-2-4 vectors, key
     * 00..0f, input 00..(n-1). */
    static const struct {
        size_t len;
        uint64_t hash;
    } vectors[] = {{0, 0xabac0158050fc4dcu},  {1, 0xc9f49bf37d57ca93u}, {7, 0xd3927d989bb11140u},
                   {8, 0x369095118d299a8eu},  {9, 0x25a48eb36c063de4u}, {15, 0xd320d86d2a519956u},
                   {16, 0xcc4fdd1a7d908b66u}, {63, 0x9d199062b7bbb3a8u}};
    struct hash_key key = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u}};
    unsigned char input[64];
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_true(hash_bytes(&key, input, vectors[i].len) == vectors[i].hash);
}

static void lengths_and_keys_make_a_difference(void **state)
{
    (void)state;
    static const unsigned char zero[32];
    struct hash_key key, other;
    hash_key_new(&key);
    hash_key_new(&other);
    for (size_t len = 1; len <= sizeof zero; len++) {
        assert_true(hash_bytes(&key, zero, len) != hash_bytes(&key, zero, len - 1));
        assert_true(hash_bytes(&key, zero, len) != hash_bytes(&other, zero, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_siphash_1_3),
        cmocka_unit_test(lengths_and_keys_make_a_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
