/* SPDX-License-Identifier: ISC */
/* Tests of policy/auth/dkim_key: which key records are read, what their flags say, and what is
 * wrong with the others. */
#include "policy/auth/dkim_key.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define RSA_SPKI                                                                                   \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDccyvT8IkZAcG/"                                         \
    "Rj0DtcKfL0DTHVbHFXflhI7crmoTHhNRrb49YZmiSNwz/NLh8PM60529QrbrXrKYkMS0PWUB0/uWI0BjFfG8E1UQ/"    \
    "N6TTel5YULXyzUwPOvJ6kL0fDqigVc0boPeTVlY0Vv/LInq4muHIRxuCxZoErgb3ZU8/wIDAQAB"
#define RSA_PKCS1                                                                                  \
    "MIGJAoGBANxzK9PwiRkBwb9GPQO1wp8vQNMdVscVd+"                                                   \
    "WEjtyuahMeE1Gtvj1hmaJI3DP80uHw8zrTnb1CtutespiQxLQ9ZQHT+"                                      \
    "5YjQGMV8bwTVRD83pNN6XlhQtfLNTA868nqQvR8OqKBVzRug95NWVjRW/8sieria4chHG4LFmgSuBvdlTz/AgMBAAE="
#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" /* RFC 8463 A.2 */

/* As a word for each: kind and bits, or "revoked", then what is not as usual. */
static char *shown(const char *text, size_t len)
{
    struct dkim_key key;
    const char *why;
    char *out;
    if (!dkim_key_parse(text, len, &key, &why))
        return mem_printf("!%s", why);
    assert_null(why);
    assert_int_equal(key.revoked, key.key == NULL);
    const char *kind = key.kind == PUBKEY_RSA ? "rsa" : "ed25519";
    out = mem_printf("%s %u%s%s%s%s%s", kind, key.key != NULL ? pubkey_bits(key.key) : 0,
                     key.revoked ? " revoked" : "", key.testing ? " testing" : "",
                     key.strict ? " strict" : "", key.sha256 ? "" : " not-sha256",
                     key.email ? "" : " not-email");
    dkim_key_free(&key);
    return out;
}

static const struct {
    const char *record, *want;
} records[] = {
    {"v=DKIM1; k=rsa; p=" RSA_SPKI, "rsa 1024"},
    {"v=DKIM1; p=" RSA_PKCS1, "rsa 1024"},
    {"p=" RSA_SPKI, "rsa 1024"},
    {"p=" RSA_SPKI ";", "rsa 1024"},
    {"v=DKIM1; k=ed25519; p=" ED25519, "ed25519 256"},
    {"v=DKIM1; k=ED25519; p= 11qYAYKxCrfVS/7TyWQHOg7h\r\n cvPapiMlrwIaaPcHURo= ", "ed25519 256"},
    {"v=DKIM1; g=*; n=a note; k=rsa; unknown=1; p=" RSA_SPKI, "rsa 1024"},
    {"v=DKIM1; t=y; p=" RSA_SPKI, "rsa 1024 testing"},
    {"v=DKIM1; t= s : y : future; p=" RSA_SPKI, "rsa 1024 testing strict"},
    {"v=DKIM1; t=; p=" RSA_SPKI, "rsa 1024"},
    {"v=DKIM1; h=sha256; p=" RSA_SPKI, "rsa 1024"},
    {"v=DKIM1; h=sha1:sha256; p=" RSA_SPKI, "rsa 1024"},
    {"v=DKIM1; h=sha1; p=" RSA_SPKI, "rsa 1024 not-sha256"},
    {"v=DKIM1; h=; p=" RSA_SPKI, "rsa 1024 not-sha256"},
    {"v=DKIM1; s=*; p=" RSA_SPKI, "rsa 1024"},
    {"v=DKIM1; s=tlsrpt:email; p=" RSA_SPKI, "rsa 1024"},
    {"v=DKIM1; s=tlsrpt; p=" RSA_SPKI, "rsa 1024 not-email"},
    {"v=DKIM1; p=", "rsa 0 revoked"},
    {"p= ;t=y", "rsa 0 revoked testing"},
    {"v=DKIM1; k=rsa", "!the key record has no p="},
    {"v=dkim1; p=" RSA_SPKI, "!the key is of another version"},
    {"v=DKIM2; p=" RSA_SPKI, "!the key is of another version"},
    {"v=DKIM1: g=*; p=" RSA_SPKI, "!the key is of another version"},
    {"p=" RSA_SPKI "; v=DKIM1", "!the key is of another version"},
    {"v=DKIM1; k=ed25519-sha256; p=" RSA_SPKI, "!the key is of an unknown kind"},
    {"v=DKIM1; k=dsa; p=" RSA_SPKI, "!the key is of an unknown kind"},
    {"v=DKIM1; p=*", "!p= of the key is no base64"},
    {"v=DKIM1; p=" ED25519 ED25519, "!p= of the key is no base64"},
    {"v=DKIM1; p=" RSA_SPKI "; p=" RSA_SPKI, "!a tag stands twice"},
    {"v=spf1 -all", "!the key is of another version"},
    {"nonsense", "!a tag has no \"=\""},
    {"", "!there is no tag"},
};

static void records_are_read_or_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(records); i++) {
        char *got = shown(records[i].record, strlen(records[i].record));
        if (strcmp(got, records[i].want) != 0)
            fail_msg("'%s': '%s', not '%s'", records[i].record, got, records[i].want);
        free(got);
    }
}

/* Any cut through a key is none, and of the reason nothing is promised. */
static void a_key_is_whole(void **state)
{
    (void)state;
    static const char *const whole[] = {("p=" RSA_SPKI), ("p=" RSA_PKCS1),
                                        ("k=ed25519; p=" ED25519)};
    for (size_t i = 0; i < COUNT(whole); i++) {
        size_t begin = (size_t)(strstr(whole[i], "p=") - whole[i]) + 3;
        for (size_t len = begin; len < strlen(whole[i]); len++) {
            char *got = shown(whole[i], len);
            if (got[0] != '!')
                fail_msg("%zu octets of '%s': '%s'", len, whole[i], got);
            free(got);
        }
    }
}

static void a_record_has_its_limit(void **state)
{
    (void)state;
    enum { MOST = 8192 };
    char *text = mem_alloc(MOST + 2);
    memset(text, 'x', MOST + 1);
    memcpy(text, "p=;n=", 5);
    char *got = shown(text, MOST);
    assert_string_equal(got, "rsa 0 revoked");
    free(got);
    got = shown(text, MOST + 1);
    assert_string_equal(got, "!the key record is too long");
    free(got);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_or_refused_with_a_reason),
        cmocka_unit_test(a_key_is_whole),
        cmocka_unit_test(a_record_has_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
