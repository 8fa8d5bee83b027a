/* SPDX-License-Identifier: ISC */
/*
 * Tests of policy/auth/dkim and dkim_canon: the canonical form of fields, which of them are signed,
 * and which signatures pass under which keys, times and rules. Messages are signed here.
 */
#include "policy/auth/dkim.h"

#include "lib/mem.h"
#include "policy/auth/dkim_int.h"
#include "tests/unit/support/base64_encode.h"
#include "tests/unit/support/fake_dns.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW      1700000000
#define KEY_NAME "sel._domainkey.example.org"

/* ---- keys and signing */

enum key_kind { ED25519, RSA_1024, RSA_2048, RSA_512, KEYS };

static EVP_PKEY *keys[KEYS];
static char *records[KEYS]; /* "k=...; p=..." */

static char *record_of(EVP_PKEY *key, bool ed25519)
{
    unsigned char raw[32], *der = NULL;
    size_t len = sizeof raw;
    struct buf text = {0};
    buf_add_str(&text, ed25519 ? "k=ed25519; p=" : "k=rsa; p=");
    if (ed25519) {
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
        base64_encode(raw, len, &text);
    } else {
        int size = i2d_PUBKEY(key, &der);
        assert_true(size > 0);
        base64_encode(der, (size_t)size, &text);
        OPENSSL_free(der);
    }
    char *out = mem_strndup(buf_data(&text), buf_len(&text));
    buf_free(&text);
    return out;
}

static int make_keys(void **state)
{
    (void)state;
    static const unsigned bits[] = {0, 1024, 2048, 512};
    for (int i = 0; i < KEYS; i++) {
        keys[i] = i == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_RSA_gen(bits[i]);
        assert_non_null(keys[i]);
        records[i] = record_of(keys[i], i == ED25519);
    }
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    for (int i = 0; i < KEYS; i++) {
        EVP_PKEY_free(keys[i]);
        free(records[i]);
    }
    return 0;
}

static void sign(EVP_PKEY *key, const unsigned char digest[static DIGEST_SIZE], struct buf *out)
{
    unsigned char signature[256];
    size_t len = sizeof signature;
    if (EVP_PKEY_is_a(key, "ED25519")) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
        assert_int_equal(EVP_DigestSign(context, signature, &len, digest, DIGEST_SIZE), 1);
        EVP_MD_CTX_free(context);
    } else {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
        assert_int_equal(EVP_PKEY_sign_init(context), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()), 1);
        assert_int_equal(EVP_PKEY_sign(context, signature, &len, digest, DIGEST_SIZE), 1);
        EVP_PKEY_CTX_free(context);
    }
    base64_encode(signature, len, out);
}

static struct header *header_of(const char *text, size_t len, size_t *used)
{
    struct header *header = header_new(1 << 20, 20000);
    *used = header_add(header, text, len);
    header_end(header);
    return header;
}

/* "DKIM-Signature: `tags` bh=...; b=..." above `rest` (fields, an empty line, a body). Whatever is
 * wrong with the tags, it is signed all the same where it can be read; the caller frees it. */
static char *signed_by(enum key_kind kind, const char *tags, const char *rest)
{
    struct buf message = {0}, text = {0};
    for (int round = 0; round < 2; round++) {
        struct dkim_field field;
        const char *why;
        size_t used;
        uint64_t octets;
        unsigned char digest[DIGEST_SIZE] = {0};
        const char *bh = round == 0 ? "AAAA" : buf_data(&text);
        char *draft = mem_printf("DKIM-Signature: %s bh=%s; b=AAAA\r\n%s", tags, bh, rest);
        struct header *header = header_of(draft, strlen(draft), &used);
        const struct header_field *own = header_first(header, "DKIM-Signature");
        bool ok = dkim_field_parse(own, DKIM_FORM_SIGNATURE, &field, &why);
        if (round == 0) {
            struct body_hash *hash = body_hash_new();
            int wish = body_hash_want(hash, field.body_canon, field.body_octets);
            body_hash_add(hash, draft + used, strlen(draft) - used);
            body_hash_end(hash);
            base64_encode(body_hash_digest(hash, wish, &octets), DIGEST_SIZE, &text);
            buf_add(&text, "", 1);
            body_hash_free(hash);
        } else {
            if (ok)
                assert_true(dkim_header_digest(header, own, &field, digest));
            buf_printf(&message, "DKIM-Signature: %s bh=%s; b=", tags, bh);
            sign(keys[kind], digest, &message);
            buf_printf(&message, "\r\n%s", rest);
        }
        dkim_field_free(&field);
        header_free(header);
        free(draft);
    }
    char *out = mem_strndup(buf_data(&message), buf_len(&message));
    buf_free(&message);
    buf_free(&text);
    return out;
}

/* ---- verifying */

struct rig {
    struct dns *dns;
    struct header *header;
    struct body_hash *hash;
    struct dkim *dkim;
    int changed;
};

static const struct dkim_rules usual = {.signatures = 8, .least_bits = 1024, .now = NOW};

static void on_change(void *arg)
{
    ((struct rig *)arg)->changed++;
}

/* Everything but the answers of DNS. */
static struct rig *rig_new(const char *message, size_t len, const struct dkim_rules *rules)
{
    struct rig *rig = mem_alloc(sizeof *rig);
    size_t used;
    rig->dns = fake_dns_new();
    rig->header = header_of(message, len, &used);
    rig->hash = body_hash_new();
    rig->dkim = dkim_new(rig->dns, rig->header, rules, rig->hash, on_change, rig);
    body_hash_add(rig->hash, message + used, len - used);
    body_hash_end(rig->hash);
    dkim_end(rig->dkim);
    return rig;
}

static void rig_free(struct rig *rig)
{
    dkim_free(rig->dkim);
    body_hash_free(rig->hash);
    header_free(rig->header);
    fake_dns_free(rig->dns);
    free(rig);
}

/* "pass|fail: why|..."; the caller frees it. */
static char *shown(const struct dkim *dkim)
{
    char *out = mem_strdup("");
    assert_true(dkim_settled(dkim));
    for (size_t i = 0; i < dkim_count(dkim); i++) {
        const struct dkim_signature *one = dkim_signature(dkim, i);
        assert_int_equal(one->why[0] == '\0', one->result == DKIM_PASS);
        char *more = mem_printf("%s%s%s%s%s", out, i > 0 ? "|" : "", dkim_result_name(one->result),
                                one->why[0] != '\0' ? ": " : "", one->why);
        free(out);
        out = more;
    }
    return out;
}

/* What becomes of the message under these key records (a record a line). */
static char *verdict(const char *message, const char *record, const struct dkim_rules *rules)
{
    struct rig *rig = rig_new(message, strlen(message), rules);
    if (record != NULL)
        fake_dns_set(rig->dns, DNS_TXT, KEY_NAME, record);
    while (fake_dns_run(rig->dns) > 0)
        ;
    char *out = shown(rig->dkim);
    rig_free(rig);
    return out;
}

#define REST                                                                                       \
    "From: Joe <joe@example.org>\r\nTo: x@example.net\r\nSubject: some  words\r\n folded\r\n"      \
    "X-Other: not signed\r\n\r\nHi  there.\r\n\r\nBye.\r\n"
#define TAGS "v=1; a=rsa-sha256; d=example.org; s=sel; h=from:to:subject:subject; "
#define ED   "v=1; a=ed25519-sha256; d=example.org; s=sel; h=from:to:subject:subject; "

static const struct {
    const char *name;
    enum key_kind kind;
    const char *tags, *flags; /* of the signature, of the record */
    const char *want;
} verdicts[] = {
    {"rsa", RSA_2048, TAGS, "", "pass"},
    {"rsa of 1024 bits", RSA_1024, TAGS, "v=DKIM1;", "pass"},
    {"ed25519", ED25519, ED, "", "pass"},
    {"rsa, simple/relaxed", RSA_1024, TAGS "c=simple/relaxed;", "", "pass"},
    {"rsa, relaxed/simple", RSA_1024, TAGS "c=relaxed/simple;", "", "pass"},
    {"ed25519, relaxed/relaxed", ED25519, ED "c=relaxed/relaxed;", "", "pass"},
    {"a short key", RSA_512, TAGS, "", "policy: the key is too short"},
    {"rsa-sha1", RSA_1024, "v=1; a=rsa-sha1; d=example.org; s=sel; h=from;", "",
     "policy: rsa-sha1 is no longer believed"},
    {"an unknown algorithm", RSA_1024, "v=1; a=rsa-sha512; d=example.org; s=sel; h=from;", "",
     "neutral: a= is not known"},
    {"an unreadable one", RSA_1024, "v=2; a=rsa-sha256; d=example.org; s=sel; h=from;", "",
     "neutral: v= is another version"},
    {"expires now", RSA_1024, TAGS "x=1700000000;", "", "pass"},
    {"has expired", RSA_1024, TAGS "x=1699999999;", "", "permerror: the signature has expired"},
    {"a clock that is fast", RSA_1024, TAGS "t=1700086400;", "", "pass"},
    {"from the future", RSA_1024, TAGS "t=1700086401;", "",
     "policy: the signature is from the future"},
    {"all of the body by l=", RSA_1024, TAGS "l=20;", "", "pass"},
    {"a part of the body", RSA_1024, TAGS "l=19;", "", "policy: a part of the body is not signed"},
    {"nothing of the body", RSA_1024, TAGS "l=0;", "", "policy: a part of the body is not signed"},
    {"more than the body", RSA_1024, TAGS "l=21;", "", "fail: l= is more than the body has"},
    {"a subdomain in i=", RSA_1024, TAGS "i=joe@a.example.org;", "", "pass"},
    {"which t=s forbids", RSA_1024, TAGS "i=joe@a.example.org;", "t=s;",
     "permerror: the key allows no subdomain in i="},
    {"t=s and no subdomain", RSA_1024, TAGS "i=joe@Example.org;", "t=s;", "pass"},
    {"the hash is allowed", RSA_1024, TAGS, "h=sha1:sha256;", "pass"},
    {"the hash is not", RSA_1024, TAGS, "h=sha1;", "permerror: the key is not for SHA-256"},
    {"the service is allowed", RSA_1024, TAGS, "s=email;", "pass"},
    {"the service is not", RSA_1024, TAGS, "s=tlsrpt;", "permerror: the key is not for mail"},
    {"testing", RSA_1024, TAGS, "t=y;", "pass"},
    {"signed with another key", RSA_1024, ED, "", "permerror: the key is of another kind"},
    {"a key of another kind", ED25519, TAGS, "", "permerror: the key is of another kind"},
    {"a bad key record", RSA_1024, TAGS, "v=DKIM2;", "permerror: the key is of another version"},
    {"the signature's own field is not in h=", RSA_1024,
     "v=1; a=rsa-sha256; d=example.org; s=sel; h=from:dkim-signature:dkim-signature;", "", "pass"},
    {"empty names in h=", RSA_1024, "v=1; a=rsa-sha256; d=example.org; s=sel; h=:from::to:;", "",
     "pass"},
};

static void signatures_have_their_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        char *message = signed_by(verdicts[i].kind, verdicts[i].tags, REST);
        char *record = mem_printf("%s %s", verdicts[i].flags, records[verdicts[i].kind]);
        char *got = verdict(message, record, &usual);
        if (strcmp(got, verdicts[i].want) != 0)
            fail_msg("%s: '%s', not '%s'", verdicts[i].name, got, verdicts[i].want);
        free(got);
        free(record);
        free(message);
    }
}

static void the_key_s_record_decides(void **state)
{
    (void)state;
    char *message = signed_by(RSA_1024, TAGS, REST), *got;
    char *other = mem_printf("nonsense\nv=DKIM1; p=\n%s\n%s", records[ED25519], records[RSA_1024]);
    const struct {
        const char *record, *want;
    } cases[] = {
        {NULL, "permerror: there is no key"},
        {"p=", "permerror: the key is revoked"},
        {"nonsense\np=", "permerror: a tag has no \"=\""},
        {"k=rsa; p=AAAA", NULL},
        {other, "pass"}, /* the first that can be used */
        {records[RSA_2048], "fail: the signature does not verify"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        got = verdict(message, cases[i].record, &usual);
        if (cases[i].want == NULL ? strncmp(got, "permerror: ", 11) != 0
                                  : strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].record, got);
        free(got);
    }
    free(other);
    free(message);
}

static void rules_are_kept(void **state)
{
    (void)state;
    struct dkim_rules rules = usual;
    char *message = signed_by(RSA_1024, TAGS "l=5;", REST);
    rules.partial = true;
    struct rig *rig = rig_new(message, strlen(message), &rules);
    fake_dns_set(rig->dns, DNS_TXT, KEY_NAME, records[RSA_1024]);
    fake_dns_run(rig->dns);
    assert_int_equal(dkim_signature(rig->dkim, 0)->result, DKIM_PASS);
    assert_true(dkim_signature(rig->dkim, 0)->partial);
    rig_free(rig);

    rules.least_bits = 2048;
    char *got = verdict(message, records[RSA_1024], &rules);
    assert_string_equal(got, "policy: the key is too short");
    free(got);
    free(message);

    message = signed_by(RSA_512, TAGS, REST);
    rules.least_bits = 0;
    got = verdict(message, records[RSA_512], &rules); /* never under 1024 */
    assert_string_equal(got, "policy: the key is too short");
    free(got);
    free(message);
}

static void what_is_said_of_a_signature(void **state)
{
    (void)state;
    char *record = mem_printf("t=y; %s", records[RSA_2048]);
    char *message = signed_by(RSA_2048, TAGS "i=joe@Sub.Example.org;", REST);
    struct rig *rig = rig_new(message, strlen(message), &usual);
    fake_dns_set(rig->dns, DNS_TXT, KEY_NAME, record);
    assert_false(dkim_settled(rig->dkim));
    assert_int_equal(rig->changed, 0);
    fake_dns_run(rig->dns);
    assert_int_equal(rig->changed, 1);
    const struct dkim_signature *one = dkim_signature(rig->dkim, 0);
    assert_string_equal(one->domain, "example.org");
    assert_string_equal(one->selector, "sel");
    assert_string_equal(one->identity, "joe@Sub.Example.org");
    assert_string_equal(one->algorithm, "rsa-sha256");
    assert_int_equal(strlen(one->b), 8);
    assert_memory_equal(one->b, strstr(message, " b=") + 3, 8);
    assert_int_equal(one->bits, 2048);
    assert_true(one->testing);
    assert_false(one->partial);
    rig_free(rig);
    free(message);
    free(record);
}

static void faults_of_dns_are_temporary(void **state)
{
    (void)state;
    char *message = signed_by(RSA_1024, TAGS, REST);
    struct rig *rig = rig_new(message, strlen(message), &usual);
    fake_dns_status(rig->dns, DNS_TXT, KEY_NAME, DNS_TEMPFAIL, "timeout");
    fake_dns_run(rig->dns);
    char *got = shown(rig->dkim);
    assert_string_equal(got, "temperror: the key could not be asked for: timeout");
    free(got);
    rig_free(rig);

    rig = rig_new(message, strlen(message), &usual);
    fake_dns_hold(rig->dns, DNS_TXT, KEY_NAME);
    fake_dns_run(rig->dns);
    assert_false(dkim_settled(rig->dkim));
    dkim_give_up(rig->dkim);
    got = shown(rig->dkim);
    assert_string_equal(got, "temperror: no answer in time");
    assert_int_equal(rig->changed, 0);
    free(got);
    rig_free(rig);

    rig = rig_new(message, strlen(message), &usual); /* freed while a question is open */
    rig_free(rig);
    free(message);
}

static void what_cannot_pass_asks_nothing(void **state)
{
    (void)state;
    static const char *const tags[] = {
        "v=2; a=rsa-sha256; d=example.org; s=sel; h=from;",
        "v=1; a=rsa-sha1; d=example.org; s=sel; h=from;",
        "v=1; a=x; d=example.org; s=sel; h=from;",
        TAGS "x=5;",
    };
    for (size_t i = 0; i < COUNT(tags); i++) {
        char *message = signed_by(RSA_1024, tags[i], REST);
        struct rig *rig = rig_new(message, strlen(message), &usual);
        assert_int_equal(fake_dns_asked(rig->dns), 0);
        assert_true(dkim_settled(rig->dkim));
        rig_free(rig);
        free(message);
    }
    struct rig *rig = rig_new(REST, strlen(REST), &usual);
    assert_true(dkim_settled(rig->dkim));
    assert_int_equal(dkim_count(rig->dkim), 0);
    rig_free(rig);
}

/* A thousand signatures under ten thousand other fields. */
static void signatures_are_bounded(void **state)
{
    (void)state;
    struct buf text = {0};
    char *one = signed_by(RSA_1024, TAGS, "From: a@example.org\r\n\r\n");
    size_t field = (size_t)(strstr(one, "From: ") - one);
    for (int i = 0; i < 1000; i++)
        buf_add(&text, one, field);
    for (int i = 0; i < 9000; i++)
        buf_add_str(&text, "From: a@example.org\r\n");
    buf_add_str(&text, "\r\n");
    struct dkim_rules rules = usual;
    rules.signatures = 3;
    struct rig *rig = rig_new(buf_data(&text), buf_len(&text), &rules);
    assert_int_equal(fake_dns_asked(rig->dns), 3);
    fake_dns_set(rig->dns, DNS_TXT, KEY_NAME, records[RSA_1024]);
    fake_dns_run(rig->dns);
    char *got = shown(rig->dkim);
    assert_string_equal(got, "pass|pass|pass|neutral: there are too many signatures");
    assert_string_equal(dkim_signature(rig->dkim, 3)->domain, "");
    free(got);
    rig_free(rig);
    free(one);
    buf_free(&text);
}

static void a_header_that_was_cut_verifies_nothing(void **state)
{
    (void)state;
    char *message = signed_by(RSA_1024, TAGS, REST);
    struct dns *dns = fake_dns_new();
    struct body_hash *hash = body_hash_new();
    struct header *header = header_new(1 << 20, 2);
    header_add(header, message, strlen(message));
    header_end(header);
    struct dkim *dkim = dkim_new(dns, header, &usual, hash, on_change, NULL);
    body_hash_end(hash);
    dkim_end(dkim);
    char *got = shown(dkim);
    assert_string_equal(got, "neutral: the header is too long to be verified");
    free(got);
    dkim_free(dkim);
    header_free(header);
    body_hash_free(hash);
    fake_dns_free(dns);
    free(message);
}

/* ---- what is signed */

static void changes_show(const char *tags, const char *rest, bool relaxed)
{
    char *message = signed_by(ED25519, tags, rest);
    size_t len = strlen(message);
    const char *b = strstr(message, " b=");
    size_t last_letter = (size_t)(strchr(b, '\r') - message) - 3; /* it has bits to spare */
    const char *other = strstr(message, "X-Other");
    size_t other_at = (size_t)(other - message),
           other_end = other_at + strlen("X-Other: not signed");
    for (size_t at = 0; at < len; at++) {
        if (at == last_letter || (at >= other_at && at < other_end))
            continue;
        for (int bit = 0; bit < 8; bit += relaxed ? 4 : 1) {
            message[at] = (char)(message[at] ^ 1 << bit);
            struct rig *rig = rig_new(message, len, &usual);
            fake_dns_set(rig->dns, DNS_TXT, KEY_NAME, records[ED25519]);
            fake_dns_run(rig->dns);
            for (size_t i = 0; i < dkim_count(rig->dkim); i++)
                if (dkim_signature(rig->dkim, i)->result == DKIM_PASS)
                    fail_msg("bit %d of octet %zu: %.*s", bit, at, 10, message + at);
            rig_free(rig);
            message[at] = (char)(message[at] ^ 1 << bit);
        }
    }
    char *got = verdict(message, records[ED25519], &usual);
    assert_string_equal(got, "pass");
    free(got);
    free(message);
}

static void no_bit_that_is_signed_can_change(void **state)
{
    (void)state;
    changes_show(ED, REST, false);
    /* Nothing in it that relaxed passes over; bits 0 and 4 change no case. */
    changes_show(ED "c=relaxed/relaxed;",
                 "From:a@example.org\r\nX-Other: not signed\r\n\r\nHi.\r\n.\r\n", true);
}

static const struct {
    const char *name, *added; /* above the signed message */
    const char *want;
} added_fields[] = {
    {"a field h= does not name", "X-New: 1\r\n", "pass"},
    {"a second To above, named once", "To: other@example.net\r\n", "pass"},
    {"a second Subject, which is oversigned", "Subject: other\r\n",
     "fail: the signature does not verify"},
    {"a Cc, of which there was none", "Cc: x@example.net\r\n",
     "fail: the signature does not verify"},
    {"what is no field", "nonsense\r\n", "pass"},
};

static void oversigned_fields_cannot_be_added(void **state)
{
    (void)state;
    char *message = signed_by(
        ED25519, "v=1; a=ed25519-sha256; d=example.org; s=sel; h=from:to:subject:Subject:cc; ",
        REST);
    for (size_t i = 0; i < COUNT(added_fields); i++) {
        char *more = mem_printf("%s%s", added_fields[i].added, message);
        char *got = verdict(more, records[ED25519], &usual);
        if (strcmp(got, added_fields[i].want) != 0)
            fail_msg("%s: %s", added_fields[i].name, got);
        free(got);
        free(more);
    }
    free(message);
}

/* Of several fields the lowest is signed first, and their order counts. */
static void fields_are_signed_from_the_bottom_up(void **state)
{
    (void)state;
    static const char tags[] = "v=1; a=ed25519-sha256; d=example.org; s=sel; h=from:x:x; ";
    char *message = signed_by(ED25519, tags, "From: a@b\r\nX: 1\r\nX: 2\r\nX: 3\r\n\r\n");
    char *one = strstr(message, "X: 1"), *three = strstr(message, "X: 3");
    one[3] = '7'; /* the third from below is not signed */
    char *got = verdict(message, records[ED25519], &usual);
    assert_string_equal(got, "pass");
    free(got);
    three[3] = '2';
    strstr(message, "X: 2")[3] = '3';
    got = verdict(message, records[ED25519], &usual);
    assert_string_equal(got, "fail: the signature does not verify");
    free(got);
    free(message);
}

/* ---- canonical fields */

static const struct {
    const char *field, *simple, *relaxed, *blank_simple, *blank_relaxed;
} fields[] = {
    {"A: X\r\n", "A: X", "a:X", "A: X", "a:X"},
    {"B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  ", "b:Y Z", "B : Y\t\r\n\tZ  ", "b:Y Z"},
    {"C:\r\n", "C:", "c:", "C:", "c:"},
    {"C: \t \r\n", "C: \t ", "c:", "C: \t ", "c:"},
    {"C:\r\n  d\r\n", "C:\r\n  d", "c:d", "C:\r\n  d", "c:d"},
    {"SuBJect: a\rb\nc\r\n", "SuBJect: a\rb\nc", "subject:a\rb\nc", "SuBJect: a\rb\nc",
     "subject:a\rb\nc"},
    {"C: \ra \r\r\n", "C: \ra \r", "c:\ra \r", "C: \ra \r", "c:\ra \r"},
    {"D: b=xyz\r\n", "D: b=xyz", "d:b=xyz", "D: b=", "d:b="},
    {"D: a=1; b=x\r\n y; c=2\r\n", "D: a=1; b=x\r\n y; c=2", "d:a=1; b=x y; c=2", "D: a=1; b=; c=2",
     "d:a=1; b=; c=2"},
    {"D: a=1;\r\n\tb \t= \tx ; c=2 \r\n", "D: a=1;\r\n\tb \t= \tx ; c=2 ", "d:a=1; b = x ; c=2",
     "D: a=1;\r\n\tb \t=; c=2 ", "d:a=1; b =; c=2"},
    {"D: bh=abc; ab=b=1; b=2 \r\n", "D: bh=abc; ab=b=1; b=2 ", "d:bh=abc; ab=b=1; b=2",
     "D: bh=abc; ab=b=1; b=", "d:bh=abc; ab=b=1; b="},
    {"D: b=\r\n", "D: b=", "d:b=", "D: b=", "d:b="},
    {"D: ;; b\r\n", "D: ;; b", "d:;; b", "D: ;; b", "d:;; b"},
};

static void canon_is(const struct header_field *field, enum canon canon, bool blank,
                     const char *want)
{
    struct buf got = {0};
    dkim_canon_field(field, canon, blank, &got);
    if (buf_len(&got) != strlen(want) || memcmp(buf_data(&got), want, buf_len(&got)) != 0)
        fail_msg("'%.*s', not '%s'", (int)buf_len(&got), buf_data(&got), want);
    buf_free(&got);
}

static void fields_have_one_canonical_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        size_t used;
        char *text = mem_printf("%s\r\n", fields[i].field);
        struct header *header = header_of(text, strlen(text), &used);
        const struct header_field *field = header_field(header, 0);
        canon_is(field, CANON_SIMPLE, false, fields[i].simple);
        canon_is(field, CANON_RELAXED, false, fields[i].relaxed);
        canon_is(field, CANON_SIMPLE, true, fields[i].blank_simple);
        canon_is(field, CANON_RELAXED, true, fields[i].blank_relaxed);
        header_free(header);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_have_one_canonical_form),
        cmocka_unit_test(signatures_have_their_verdict),
        cmocka_unit_test(the_key_s_record_decides),
        cmocka_unit_test(rules_are_kept),
        cmocka_unit_test(what_is_said_of_a_signature),
        cmocka_unit_test(faults_of_dns_are_temporary),
        cmocka_unit_test(what_cannot_pass_asks_nothing),
        cmocka_unit_test(signatures_are_bounded),
        cmocka_unit_test(a_header_that_was_cut_verifies_nothing),
        cmocka_unit_test(no_bit_that_is_signed_can_change),
        cmocka_unit_test(oversigned_fields_cannot_be_added),
        cmocka_unit_test(fields_are_signed_from_the_bottom_up),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
