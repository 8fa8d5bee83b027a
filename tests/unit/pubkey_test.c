/* SPDX-License-Identifier: ISC */
/*
 * Tests of pubkey: RFC 8463's samples, both forms of RSA keys, and every key and signature that is
 * none: cut, with something behind, of another kind, too large, with a bit turned.
 */
#include "lib/pubkey.h"

#include "lib/base64.h"
#include "lib/buf.h"
#include "lib/str.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char pkcs1[] =
    "MIGJAoGBANch5cYG420dKWLEahwVIUGtvFooc7S8JlTPWzIWIxXdCyWpNX+8gYbcFbJCy1CNAAS0a67zgCqvozVA"
    "AIn2BENqfcibdqDrwLMAC4pb6zpKkeQEQ/l8zFWYY+LWi6pQE61boUOM6hw8lWRkremTCtWsvxz0ZOPQ0utqM86h"
    "5BGFAgMBAAE=";
static const char spki[] =
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDXIeXGBuNtHSlixGocFSFBrbxaKHO0vCZUz1syFiMV3QslqTV/"
    "vIGG3BWyQstQjQAEtGuu84Aqr6M1QACJ9gRDan3Im3ag68CzAAuKW+s6SpHkBEP5fMxVmGPi1ouqUBOtW6FDjOoc"
    "PJVkZK3pkwrVrL8c9GTj0NLrajPOoeQRhQIDAQAB";
static const char elliptic[] =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEFgsqT5QL21RV6fevfOpEdWSc8l2ydOIGpimYNAgfAV0O48ogr8Ft"
    "f5SMDUxMjghl/v6CPa4NkulwJTdxWhHpZQ==";
static const char pss[] =
    "MIGdMAsGCSqGSIb3DQEBCgOBjQAwgYkCgYEA2u/r/IbF7dNMYNIN+/GzFMRIw2sI2DGZutvJYHzLYI+8uZYjpWzH"
    "/EVS8431NuAqbbj0je9PtpF9oeN1Am9GAqubU8ufoQqU6dbeEeWa+EadkJuCWYcNLSQpKiSdw4ltlpH8f6ivW3CC"
    "8n/6B4WOTE8nd+/WqxLF2tC/Yk634d8CAwEAAQ==";
static const char rsa512[] =
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAPLMavBvUtlHvPyRxsjn/KpbYmh0GyY76w3H1cioUbZ8GNDZMZslPiX+"
    "4uRK8GHmcSoSB6p3QfHBaFZD8QbYiMsCAwEAAQ==";
/* Of "abc", by the keys above. */
static const char signature[] =
    "HvXTwOHzy5POWDkBpIco8Zf/2GLVGznV+W6fENqyoUrO3cBk9Zhz8mMVhQnNXvD+94eh4RHsWKGFhs1uGN+i5I9R"
    "thNx+vnAWDGFoXaMu0hHETeMbHOuEdawgSi6Cctqq5BduoflM0bU6frOJIzHOA+s0JrpgQVeUZiBhDmWog4=";
static const char signature_sha1[] =
    "z40+hjDIhyclftj4BRJ0NGjZWwqHqWco54Bd0XUnId0P+SJZlxWfDqKOECilVQIRdJEUE2EpeHjBACqh7qOeGh4X"
    "Wa0sEubQtA6Q0Gg+Vltgzm7zrhYbOrkot2E3J1njrmeODQ8PeCMJZxW5bYqvGeT5dgDVEEXKiCr8pg58f7w=";
static const char signature_pss[] =
    "vgIMfuDvTgtCXP91MLjmN6Bmk7TO23Nq9kmVeMe0v5g5RIhWPDBevEOWnMDfofmyJoGO4aSUH2ZxnB8Pb8/xG+uw"
    "l+uyakYhUpvzV3fMURhEyn47emeVPGtkZNZBSOghptgIHFKqN9nLkQ8khxaTd7rd/2Dhc92yMy2gvmKFnxI=";
static const char signature_512[] =
    "ifuaLD7viaHvnFpf/KAThxjvvxF6ntYrMkxmX/l2pPOi0j9uV3MKWLa0qWzpcL3bFS4sagWSpTY6DFApxQTdew==";
static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICEDCCAXmgAwIBAgIUOuh1+cT+G0Nd3l0kuIImfkk5mbswDQYJKoZIhvcNAQEL\n"
    "BQAwGTEXMBUGA1UEAwwObXguZXhhbXBsZS5vcmcwIBcNMjYxMTIyMjAzMTQ2WhgP\n"
    "MjEyNjEwMjkyMDMxNDZaMBkxFzAVBgNVBAMMDm14LmV4YW1wbGUub3JnMIGfMA0G\n"
    "CSqGSIb3DQEBAQUAA4GNADCBiQKBgQDXIeXGBuNtHSlixGocFSFBrbxaKHO0vCZU\n"
    "z1syFiMV3QslqTV/vIGG3BWyQstQjQAEtGuu84Aqr6M1QACJ9gRDan3Im3ag68Cz\n"
    "AAuKW+s6SpHkBEP5fMxVmGPi1ouqUBOtW6FDjOocPJVkZK3pkwrVrL8c9GTj0NLr\n"
    "ajPOoeQRhQIDAQABo1MwUTAdBgNVHQ4EFgQUJMOhFk4JskVFSirKFgb9fQJVYGUw\n"
    "HwYDVR0jBBgwFoAUJMOhFk4JskVFSirKFgb9fQJVYGUwDwYDVR0TAQH/BAUwAwEB\n"
    "/zANBgkqhkiG9w0BAQsFAAOBgQBLr2k7CWqCcTGZSwisW0g78R6enUq0RRz5GPlk\n"
    "ZszmbGRbuRtOVgO9XmiEOggsCL8vUoAIvLaIY6WWakJjTlvroC7dmDbRAewyvjyT\n"
    "9JTG0j8lylJTQMU79W2dLSRnRhZcN2k9Khcn2+JNmOjizbmcok8Uzv7se48H/77i\n"
    "HHVE5g==\n"
    "-----END CERTIFICATE-----\n";

/* RFC 8463 A: two keys, two signatures of the same header. */
static const char rfc_ed25519[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
static const char rfc_rsa[] =
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi"
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy"
    "VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";
static const char rfc_signature_ed25519[] =
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";
static const char rfc_signature_rsa[] =
    "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tF"
    "OeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=";
#define RFC_FIELDS                                                                                 \
    "from:Joe SixPack <joe@football.example.com>\r\n"                                              \
    "to:Suzie Q <suzie@shopping.example.net>\r\n"                                                  \
    "subject:Is dinner ready?\r\n"                                                                 \
    "date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                                               \
    "message-id:<20030712040037.46341.5F8J@football.example.com>\r\n"
#define RFC_TAGS " c=relaxed/relaxed; d=football.example.com; i=@football.example.com; q=dns/txt; "
#define RFC_END                                                                                    \
    " t=1528637909; h=from : to : subject : date : message-id : from : subject : date; "           \
    "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b="

static struct buf octets_of(const char *text)
{
    struct buf out = {0};
    if (!base64_decode(text, strlen(text), &out))
        fail_msg("no base64: %s", text);
    return out;
}

static struct pubkey *key_of(enum pubkey_kind kind, const char *text)
{
    const char *why = NULL;
    struct buf octets = octets_of(text);
    struct pubkey *key = pubkey_new(kind, buf_data(&octets), buf_len(&octets), &why);
    buf_free(&octets);
    if (key == NULL)
        fail_msg("%s: %s", text, why);
    return key;
}

static bool verifies(enum pubkey_kind kind, const char *key_text, const char *signed_text,
                     const char *signature_text)
{
    unsigned char digest[DIGEST_SIZE];
    struct pubkey *key = key_of(kind, key_text);
    struct buf octets = octets_of(signature_text);
    digest_of(signed_text, strlen(signed_text), digest);
    bool ok = pubkey_verify(key, digest, buf_data(&octets), buf_len(&octets));
    buf_free(&octets);
    pubkey_free(key);
    assert_int_equal(ERR_peek_error(), 0);
    return ok;
}

static void samples_of_rfc_8463_verify(void **state)
{
    (void)state;
    static const char edwards[] =
        RFC_FIELDS "dkim-signature:v=1; a=ed25519-sha256;" RFC_TAGS "s=brisbane;" RFC_END;
    static const char rsa[] =
        RFC_FIELDS "dkim-signature:v=1; a=rsa-sha256;" RFC_TAGS "s=test;" RFC_END;
    assert_true(verifies(PUBKEY_ED25519, rfc_ed25519, edwards, rfc_signature_ed25519));
    assert_true(verifies(PUBKEY_RSA, rfc_rsa, rsa, rfc_signature_rsa));
    assert_false(verifies(PUBKEY_ED25519, rfc_ed25519, rsa, rfc_signature_ed25519));
    assert_false(verifies(PUBKEY_RSA, rfc_rsa, edwards, rfc_signature_rsa));
    assert_false(verifies(PUBKEY_ED25519, rfc_ed25519, edwards, rfc_signature_rsa));
    assert_false(verifies(PUBKEY_RSA, rfc_rsa, rsa, rfc_signature_ed25519));
}

static void both_forms_of_an_rsa_key_verify(void **state)
{
    (void)state;
    assert_true(verifies(PUBKEY_RSA, pkcs1, "abc", signature));
    assert_true(verifies(PUBKEY_RSA, spki, "abc", signature));
    assert_true(verifies(PUBKEY_RSA, rsa512, "abc", signature_512));
    assert_false(verifies(PUBKEY_RSA, spki, "abd", signature));
    assert_false(verifies(PUBKEY_RSA, rfc_rsa, "abc", signature));
    assert_false(verifies(PUBKEY_RSA, rsa512, "abc", signature));
    assert_false(verifies(PUBKEY_RSA, spki, "abc", signature_sha1));
    assert_false(verifies(PUBKEY_RSA, spki, "abc", signature_pss));
    assert_false(verifies(PUBKEY_RSA, spki, "abc", ""));
    assert_false(verifies(PUBKEY_RSA, spki, "abc", "AA=="));
}

static void bits_are_told(void **state)
{
    (void)state;
    static const struct {
        enum pubkey_kind kind;
        const char *text;
        unsigned bits;
    } keys[] = {{PUBKEY_RSA, pkcs1, 1024},
                {PUBKEY_RSA, spki, 1024},
                {PUBKEY_RSA, rsa512, 512},
                {PUBKEY_ED25519, rfc_ed25519, 256}};
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct pubkey *key = key_of(keys[i].kind, keys[i].text);
        assert_int_equal(pubkey_bits(key), keys[i].bits);
        pubkey_free(key);
    }
    pubkey_free(NULL);
}

static void a_turned_bit_of_a_signature_does_not_verify(void **state)
{
    (void)state;
    static const struct {
        enum pubkey_kind kind;
        const char *key, *signature;
    } pairs[] = {{PUBKEY_RSA, spki, signature},
                 {PUBKEY_ED25519, rfc_ed25519, rfc_signature_ed25519}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct pubkey *key = key_of(pairs[i].kind, pairs[i].key);
        struct buf octets = octets_of(pairs[i].signature);
        unsigned char digest[DIGEST_SIZE];
        digest_of("abc", 3, digest);
        for (size_t bit = 0; bit < buf_len(&octets) * 8; bit++) {
            octets.data[octets.start + bit / 8] ^= (char)(1 << bit % 8);
            assert_false(pubkey_verify(key, digest, buf_data(&octets), buf_len(&octets)));
            octets.data[octets.start + bit / 8] ^= (char)(1 << bit % 8);
        }
        assert_true(i > 0 || pubkey_verify(key, digest, buf_data(&octets), buf_len(&octets)));
        assert_false(pubkey_verify(key, digest, buf_data(&octets), buf_len(&octets) - 1));
        buf_free(&octets);
        pubkey_free(key);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void refused(enum pubkey_kind kind, const char *what, const void *data, size_t len)
{
    const char *why = NULL;
    struct pubkey *key = pubkey_new(kind, data, len, &why);
    if (key != NULL || why == NULL)
        fail_msg("%s is taken", what);
    assert_int_equal(ERR_peek_error(), 0);
}

static void a_cut_key_or_one_with_more_behind_is_none(void **state)
{
    (void)state;
    static const char *const keys[] = {pkcs1, spki, rsa512};
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct buf octets = octets_of(keys[i]);
        for (size_t len = 0; len < buf_len(&octets); len++)
            refused(PUBKEY_RSA, keys[i], buf_data(&octets), len);
        buf_add(&octets, "", 1);
        refused(PUBKEY_RSA, keys[i], buf_data(&octets), buf_len(&octets));
        buf_free(&octets);
    }
    struct buf edwards = octets_of(rfc_ed25519);
    for (size_t len = 0; len < 32; len++)
        refused(PUBKEY_ED25519, "cut", buf_data(&edwards), len);
    buf_add(&edwards, "", 1);
    refused(PUBKEY_ED25519, "long", buf_data(&edwards), buf_len(&edwards));
    buf_free(&edwards);
}

static void keys_of_other_kinds_are_none(void **state)
{
    (void)state;
    static const char *const keys[] = {elliptic, pss, rfc_ed25519, signature};
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct buf octets = octets_of(keys[i]);
        refused(PUBKEY_RSA, keys[i], buf_data(&octets), buf_len(&octets));
        buf_free(&octets);
    }
}

/* In hexadecimal digits. */
static const struct {
    const char *what, *der;
} faulty[] = {
    {"nothing", ""},
    {"an empty sequence", "3000"},
    {"a number only", "3003020107"},
    {"no exponent's octets", "3005020107"
                             "0200"},
    {"three numbers", "3009020107020103020105"},
    {"something behind the numbers", "300a02010702010304020000"},
    {"a negative modulus", "3006020187020103"},
    {"a negative exponent", "3006020107020183"},
    {"a modulus of zero", "3006020100020103"},
    {"an exponent of zero", "3006020107020100"},
    {"an exponent of one", "3006020107020101"},
    {"an even exponent", "3006020107020104"},
    {"an even modulus", "3006020106020103"},
    {"an exponent of 33 bits", "300a02010702050100000001"},
    {"an exponent of 72 bits", "300e02010702097f0000000000000001"},
    {"an indefinite length", "30800201070201030000"},
    {"a length of four octets", "30840000000602010702 0103"},
    {"a length beyond the end", "3007020107020103"},
    {"a huge length", "3083ffffff020107020103"},
    {"a set", "3106020107020103"},
    {"SPKI with nothing in it", "30023000"},
    {"SPKI without the bits", "300f300d06092a864886f70d0101010500"},
    {"SPKI with unused bits", "301a300d06092a864886f70d010101050003 09013006020107020103"},
    {"SPKI with an empty key", "3011300d06092a864886f70d01010105000300"},
    {"SPKI within SPKI", "302d300d06092a864886f70d0101010500031c00301a300d06092a864886f70d010101050"
                         "00309003006020107020103"},
    {"SPKI with parameters", "301b300e06092a864886f70d010101020107030900 3006020107020103"},
};

/* What the faulty ones are made of. */
static const char *const sound[] = {
    "3006020107020103",
    "300602010702010b",
    "300a020107020500ffffffff",
    "30080203000007020103",
    "308106020107020103",
    "301a300d06092a864886f70d01010105000309003006020107020103",
    "3018300b06092a864886f70d0101010309003006020107020103",
};

static size_t hex_octets(const char *text, unsigned char der[static 128])
{
    char hex[256];
    size_t len = 0;
    for (; *text != '\0'; text++)
        if (*text != ' ')
            hex[len++] = *text;
    if (!str_hex_decode(der, len / 2, hex, len))
        fail_msg("%s is not hexadecimal", hex);
    return len / 2;
}

static void faulty_der_is_none(void **state)
{
    (void)state;
    const char *why = NULL;
    unsigned char der[128];
    for (size_t i = 0; i < COUNT(faulty); i++)
        refused(PUBKEY_RSA, faulty[i].what, der, hex_octets(faulty[i].der, der));
    for (size_t i = 0; i < COUNT(sound); i++) {
        struct pubkey *key = pubkey_new(PUBKEY_RSA, der, hex_octets(sound[i], der), &why);
        if (key == NULL || pubkey_bits(key) != 3)
            fail_msg("%s: %s", sound[i], why);
        pubkey_free(key);
    }
}

/* RSAPublicKey with so many octets in its modulus. */
static struct buf large_key(size_t modulus)
{
    struct buf out = {0};
    size_t len = modulus + 9;
    const unsigned char head[] = {
        0x30, 0x82, (unsigned char)(len >> 8),     (unsigned char)len,
        0x02, 0x82, (unsigned char)(modulus >> 8), (unsigned char)modulus};
    buf_add(&out, head, sizeof head);
    for (size_t i = 0; i < modulus; i++)
        buf_add(&out, "\x7f", 1);
    buf_add(&out, "\x02\x03\x01\x00\x01", 5);
    return out;
}

static void the_size_of_a_key_is_bounded(void **state)
{
    (void)state;
    const char *why = NULL;
    unsigned char digest[DIGEST_SIZE] = {0};
    struct buf der = large_key(1024);
    struct pubkey *key = pubkey_new(PUBKEY_RSA, buf_data(&der), buf_len(&der), &why);
    assert_non_null(key);
    assert_int_equal(pubkey_bits(key), 8191);
    assert_false(pubkey_verify(key, digest, buf_data(&der), 1024));
    pubkey_free(key);
    buf_free(&der);
    for (size_t octets = 1025; octets < 40000; octets = octets * 3) {
        der = large_key(octets);
        assert_null(pubkey_new(PUBKEY_RSA, buf_data(&der), buf_len(&der), &why));
        assert_non_null(strstr(why, "large"));
        buf_free(&der);
    }
}

static void a_certificate_tells_the_digest_of_its_key(void **state)
{
    (void)state;
    static const char want[] = "33d45ce1033eb407b597ca99b13b6ff6567e06ad92019f9c87fd95d30ed98cb0";
    unsigned char digest[DIGEST_SIZE];
    unsigned char expected[DIGEST_SIZE];
    const char *why = NULL;
    struct buf chain = {0};
    assert_true(str_hex_decode(expected, sizeof expected, want, strlen(want)));
    buf_add_str(&chain, "what openssl x509 -text says\n");
    buf_add_str(&chain, certificate);
    buf_add_str(&chain, "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
    assert_true(pubkey_of_certificate(buf_data(&chain), buf_len(&chain), digest, &why));
    assert_memory_equal(digest, expected, sizeof digest);
    buf_free(&chain);
    static const char *const texts[] = {
        "", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
         "00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END CERTIFICATE-----\n")};
    for (size_t i = 0; i < COUNT(texts); i++) {
        why = NULL;
        assert_false(pubkey_of_certificate(texts[i], strlen(texts[i]), digest, &why));
        assert_non_null(why);
    }
    assert_false(pubkey_of_certificate(certificate, strlen(certificate) / 2, digest, &why));
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_rfc_8463_verify),
        cmocka_unit_test(both_forms_of_an_rsa_key_verify),
        cmocka_unit_test(bits_are_told),
        cmocka_unit_test(a_turned_bit_of_a_signature_does_not_verify),
        cmocka_unit_test(a_cut_key_or_one_with_more_behind_is_none),
        cmocka_unit_test(keys_of_other_kinds_are_none),
        cmocka_unit_test(faulty_der_is_none),
        cmocka_unit_test(the_size_of_a_key_is_bounded),
        cmocka_unit_test(a_certificate_tells_the_digest_of_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
