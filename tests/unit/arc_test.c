/* SPDX-License-Identifier: ISC */
/*
 * Tests of arc: chains of any length that are whole, and those that are not: in structure, in a
 * signature, in a key; what DNS does not say; how much is asked; and that no bit that is sealed can
 * be turned.
 */
#include "policy/auth/arc.h"

#include "lib/mem.h"
#include "tests/unit/support/arc_chain.h"
#include "tests/unit/support/base64_encode.h"
#include "tests/unit/support/fake_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define PLENTY   ((size_t)1 << 24)
#define NOW      1700000000

#define FIELDS  "From: a@example.org\r\nSubject: hello  there\r\n"
#define MESSAGE FIELDS "\r\nbody \r\n.\r\n"

struct rig {
    struct dns *dns;
    struct buf message;
    struct arc_rules rules;
    struct header *header;
    struct body_hash *hash;
    struct arc *arc;
    unsigned changes;
    bool free_in_change;
};

static void publish(struct rig *rig, const char *name, const char *key, const char *tags)
{
    struct buf record = {0};
    arc_chain_key(&record, key);
    buf_add_str(&record, tags);
    buf_add(&record, "", 1);
    fake_dns_set(rig->dns, DNS_TXT, name, buf_data(&record));
    buf_free(&record);
}

static void rig_start(struct rig *rig, const char *message)
{
    *rig = (struct rig){.dns = fake_dns_new(), .rules = {ARC_SETS_MOST, 1024, NOW}};
    buf_add_str(&rig->message, message);
    publish(rig, "s._domainkey.example.org", arc_chain_rsa1024, "");
}

/* Sets by the rig's defaults up to that number. */
static void seal(struct rig *rig, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        arc_chain_seal(&rig->message, &(struct arc_chain_set){.instance = i});
}

static void on_changed(void *arg)
{
    struct rig *rig = arg;
    rig->changes++;
    if (rig->free_in_change) {
        arc_free(rig->arc);
        rig->arc = NULL;
    }
}

/* Reads the message; keys stay open. */
static void begin(struct rig *rig)
{
    rig->header = header_new(PLENTY, PLENTY);
    rig->hash = body_hash_new();
    size_t used = header_add(rig->header, buf_data(&rig->message), buf_len(&rig->message));
    header_end(rig->header);
    rig->arc = arc_new(rig->dns, rig->header, &rig->rules, rig->hash, on_changed, rig);
    body_hash_add(rig->hash, buf_data(&rig->message) + used, buf_len(&rig->message) - used);
    body_hash_end(rig->hash);
}

static void drop(struct rig *rig)
{
    arc_free(rig->arc);
    body_hash_free(rig->hash);
    header_free(rig->header);
    rig->arc = NULL;
}

static void rig_stop(struct rig *rig)
{
    drop(rig);
    buf_free(&rig->message);
    fake_dns_free(rig->dns);
}

static const struct arc_answer *run(struct rig *rig)
{
    begin(rig);
    arc_end(rig->arc);
    while (fake_dns_run(rig->dns) > 0)
        ;
    assert_true(arc_settled(rig->arc));
    return arc_answer(rig->arc);
}

static void expect(struct rig *rig, enum arc_result result, const char *why)
{
    const struct arc_answer *answer = run(rig);
    if (answer->result != result || strcmp(answer->why, why) != 0)
        fail_msg("%s (%s), not %s (%s)", arc_result_name(answer->result), answer->why,
                 arc_result_name(result), why);
}

static void a_message_without_a_chain_has_none(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    const struct arc_answer *answer = run(&rig);
    assert_int_equal(answer->result, ARC_NONE);
    assert_int_equal(answer->sets, 0);
    assert_string_equal(answer->why, "");
    assert_string_equal(answer->sealer, "");
    assert_string_equal(answer->oldest_pass, "");
    assert_null(answer->results);
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    rig_stop(&rig);
    arc_free(NULL);
}

static void whole_chains_pass_and_cost_one_question_a_key(void **state)
{
    (void)state;
    static const struct {
        unsigned sets;
        const char *oldest;
    } chains[] = {{1, "0"}, {2, "0"}, {8, "0"}, {9, ""}, {50, ""}};
    for (size_t i = 0; i < COUNT(chains); i++) {
        struct rig rig;
        rig_start(&rig, MESSAGE);
        seal(&rig, 1, chains[i].sets);
        const struct arc_answer *answer = run(&rig);
        assert_string_equal(answer->why, "");
        assert_int_equal(answer->result, ARC_PASS);
        assert_int_equal(answer->sets, chains[i].sets);
        assert_string_equal(answer->sealer, "example.org");
        assert_string_equal(answer->oldest_pass, chains[i].oldest);
        assert_true(header_named(answer->results, "arc-authentication-results"));
        assert_int_equal(fake_dns_asked(rig.dns), 1);
        rig_stop(&rig);
    }
}

#define AAR1 "ARC-Authentication-Results: i=1; mx.example; none\r\n"
#define AMS1                                                                                       \
    "ARC-Message-Signature: i=1; a=rsa-sha256; d=example.org; s=s; h=from; bh=AAAA; b=AAAA\r\n"
#define AS1  "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.org; s=s; b=AAAA\r\n"
#define SET1 AS1 AMS1 AAR1
#define AAR2 "ARC-Authentication-Results: i=2; mx.example; none\r\n"
#define AMS2                                                                                       \
    "ARC-Message-Signature: i=2; a=rsa-sha256; d=example.org; s=s; h=from; bh=AAAA; b=AAAA\r\n"
#define AS2 "ARC-Seal: i=2; a=rsa-sha256; cv=pass; d=example.org; s=s; b=AAAA\r\n"

static const struct {
    const char *fields, *why;
} broken[] = {
    {AAR1, "a field is missing"},
    {AMS1, "a field is missing"},
    {AS1, "a field is missing"},
    {AS1 AAR1, "a field is missing"},
    {AS2 AMS2 AAR2, "a field is missing"},
    {SET1 AMS2 AAR2, "a field is missing"},
    {SET1 AS2 AMS2, "a field is missing"},
    {SET1 AS1, "a field stands twice"},
    {SET1 AAR1, "a field stands twice"},
    {SET1 AMS1, "a field stands twice"},
    {AS1 AMS2 AAR1, "a field is missing"},
    {"ARC-Seal: i=1; cv=fail; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "the chain had failed before"},
    {"ARC-Seal: i=1; cv=FAIL; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "the chain had failed before"},
    {"ARC-Seal: i=1; cv=pass; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "the cv= of a seal does not fit its place"},
    {SET1 "ARC-Seal: i=2; cv=none; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS2 AAR2,
     "the cv= of a seal does not fit its place"},
    {"ARC-Seal: i=1; cv=; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "the cv= of a seal does not fit its place"},
    {"ARC-Seal: i=1; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1, "a seal has no cv="},
    {"ARC-Seal: i=1; cv=none; h=from; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "a seal has h="},
    {"ARC-Seal: i=1; cv=none;; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "a field has an empty tag"},
    {"ARC-Seal: ; i=1; cv=none; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "a field has an empty tag"},
    {"ARC-Seal: cv=none; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "a field has no proper i="},
    {"ARC-Seal: i=0; cv=none; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "a field has no proper i="},
    {"ARC-Seal: i=51; cv=none; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "a field has no proper i="},
    {"ARC-Seal: i=001; cv=none; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "a field has no proper i="},
    {"ARC-Seal: i=-1; cv=none; d=a.example; s=s; a=rsa-sha256; b=AAAA\r\n" AMS1 AAR1,
     "a field has no proper i="},
    {"ARC-Seal: i=1; i=1; cv=none\r\n" AMS1 AAR1, "a tag stands twice"},
    {"ARC-Seal:\r\n" AMS1 AAR1, "there is no tag"},
    {AS1 AMS1 "ARC-Authentication-Results: mx.example; none\r\n",
     "ARC-Authentication-Results has no proper i="},
    {AS1 AMS1 "ARC-Authentication-Results: i=1\r\n", "ARC-Authentication-Results has no proper i="},
    {AS1 AMS1 "ARC-Authentication-Results: i=1 mx.example; none\r\n",
     "ARC-Authentication-Results has no proper i="},
    {AS1 AMS1 "ARC-Authentication-Results: I=1; mx.example; none\r\n",
     "ARC-Authentication-Results has no proper i="},
    {AS1 AMS1 "ARC-Authentication-Results: i=; mx.example; none\r\n",
     "ARC-Authentication-Results has no proper i="},
    {AS1 AMS1 "ARC-Authentication-Results: i=1 (; mx.example; none\r\n",
     "ARC-Authentication-Results has no proper i="},
    {AS1 AMS1 "ARC-Authentication-Results:\r\n", "ARC-Authentication-Results has no proper i="},
    {SET1 "ARC-Seal: i=1\r\n", "a seal has no cv="},
};

static void a_broken_structure_fails_without_a_question(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct rig rig;
        rig_start(&rig, broken[i].fields);
        buf_add_str(&rig.message, MESSAGE);
        const struct arc_answer *answer = run(&rig);
        if (answer->result != ARC_FAIL || strcmp(answer->why, broken[i].why) != 0)
            fail_msg("case %zu: %s: %s", i, arc_result_name(answer->result), answer->why);
        assert_int_equal(answer->sets, 0);
        assert_int_equal(fake_dns_asked(rig.dns), 0);
        rig_stop(&rig);
    }
}

static void comments_may_stand_around_the_number(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "ARC-Authentication-Results: (a (b\\)) ;) i (i=2;) = (x)\r\n 01 (y) ; mx.example; none\r\n",
        "arc-authentication-results:i=1;mx.example;none\r\n",
        "ARC-Authentication-Results:\r\n\ti=1;\r\n mx.example;none\r\n",
    };
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct rig rig;
        rig_start(&rig, AS1 AMS1);
        buf_add_str(&rig.message, fields[i]);
        buf_add_str(&rig.message, MESSAGE);
        expect(&rig, ARC_FAIL, "message signature 1: the body is another one");
        rig_stop(&rig);
    }
}

static uint64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void a_flood_of_fields_costs_little(void **state)
{
    (void)state;
    static const char *const fields[] = {AAR1, AS1, AMS1, "ARC-Seal: i=2; i=3\r\n"};
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct rig rig;
        rig_start(&rig, SET1);
        for (unsigned n = 0; n < 10000; n++)
            buf_add_str(&rig.message, fields[i]);
        buf_add_str(&rig.message, MESSAGE);
        uint64_t start = cpu_ms();
        assert_int_equal(run(&rig)->result, ARC_FAIL);
        assert_true(cpu_ms() - start < 20000); /* it takes a few */
        assert_int_equal(fake_dns_asked(rig.dns), 0);
        rig_stop(&rig);
    }
}

/* Each seal covers all sets before it; what that costs is not the square of them. */
static void large_sets_cost_their_octets(void **state)
{
    (void)state;
    struct rig rig;
    struct buf results = {0};
    buf_add_str(&results, "mx.example; none ");
    for (size_t i = 0; i < 5000; i++)
        buf_add_str(&results, "(x)\r\n ");
    buf_add(&results, "", 1);
    rig_start(&rig, MESSAGE);
    for (unsigned i = 1; i <= 20; i++)
        arc_chain_seal(&rig.message,
                       &(struct arc_chain_set){.instance = i, .results = buf_data(&results)});
    uint64_t start = cpu_ms();
    expect(&rig, ARC_PASS, "");
    assert_true(cpu_ms() - start < 20000);
    buf_free(&results);
    rig_stop(&rig);
}

static void a_chain_longer_than_the_rules_allow_fails(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    seal(&rig, 1, 3);
    rig.rules.sets = 3;
    expect(&rig, ARC_PASS, "");
    drop(&rig);
    rig.rules.sets = 2;
    expect(&rig, ARC_FAIL, "the chain is too long");
    assert_int_equal(fake_dns_asked(rig.dns), 1);
    rig_stop(&rig);
}

static void each_sealer_costs_a_question_and_the_signature_one(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    for (unsigned i = 1; i <= ARC_SETS_MOST; i++) {
        char name[96];
        char domain[64];
        snprintf(domain, sizeof domain, "d%u.example", i);
        arc_chain_seal(&rig.message, &(struct arc_chain_set){
                                         .instance = i, .domain = domain, .message_selector = "m"});
        snprintf(name, sizeof name, "s._domainkey.%s", domain);
        publish(&rig, name, arc_chain_rsa1024, "");
    }
    expect(&rig, ARC_FAIL, "message signature 50: it has no key in DNS");
    assert_int_equal(fake_dns_asked(rig.dns), ARC_SETS_MOST + 1);
    drop(&rig);
    publish(&rig, "m._domainkey.d50.example", arc_chain_rsa1024, "");
    const struct arc_answer *answer = run(&rig);
    assert_int_equal(answer->result, ARC_PASS);
    assert_string_equal(answer->sealer, "d50.example");
    assert_string_equal(answer->oldest_pass, ""); /* that would be another question */
    assert_int_equal(fake_dns_asked(rig.dns), (ARC_SETS_MOST + 1) * 2);
    rig_stop(&rig);
}

struct key_case {
    const char *record; /* NULL: by `key` */
    const char *key, *tags;
    const char *why;
};

static const struct key_case keys[] = {
    {"v=DKIM1; p=", NULL, "", "message signature 1: its key is revoked"},
    {NULL, arc_chain_rsa512, "", "message signature 1: its key is too short"},
    {NULL, arc_chain_ed25519, "", "message signature 1: its key is of another kind"},
    {NULL, arc_chain_rsa1024, "; h=sha1", "message signature 1: its key is for something else"},
    {NULL, arc_chain_rsa1024, "; s=tlsrpt", "message signature 1: its key is for something else"},
    {NULL, arc_chain_rsa1024, "; h=sha1:sha256; s=x:email; t=y:s", ""},
    {NULL, arc_chain_rsa1024, "; s=*", ""},
};

static void the_key_has_to_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct rig rig;
        rig_start(&rig, MESSAGE);
        seal(&rig, 1, 1);
        if (keys[i].record != NULL)
            fake_dns_set(rig.dns, DNS_TXT, "s._domainkey.example.org", keys[i].record);
        else
            publish(&rig, "s._domainkey.example.org", keys[i].key, keys[i].tags);
        expect(&rig, keys[i].why[0] == '\0' ? ARC_PASS : ARC_FAIL, keys[i].why);
        rig_stop(&rig);
    }
}

/* Of so many octets; nobody has its other half. */
static void publish_large(struct rig *rig, const char *name, size_t octets)
{
    size_t len = octets + 9;
    const unsigned char head[] = {0x30, 0x82, (unsigned char)(len >> 8),    (unsigned char)len,
                                  0x02, 0x82, (unsigned char)(octets >> 8), (unsigned char)octets};
    struct buf der = {0};
    struct buf record = {0};
    buf_add(&der, head, sizeof head);
    for (size_t i = 0; i < octets; i++)
        buf_add(&der, "\x7f", 1);
    buf_add(&der, "\x02\x03\x01\x00\x01", 5);
    buf_add_str(&record, "v=DKIM1; p=");
    base64_encode(buf_data(&der), buf_len(&der), &record);
    buf_add(&record, "", 1);
    fake_dns_set(rig->dns, DNS_TXT, name, buf_data(&record));
    buf_free(&der);
    buf_free(&record);
}

static void long_keys_are_not_believed(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    seal(&rig, 1, 1);
    publish_large(&rig, "s._domainkey.example.org", 512);
    expect(&rig, ARC_FAIL, "message signature 1: it does not verify");
    drop(&rig);
    publish_large(&rig, "s._domainkey.example.org", 513);
    expect(&rig, ARC_FAIL, "message signature 1: its key is too long");
    rig_stop(&rig);
}

static void short_keys_are_the_rules_to_mind(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    arc_chain_seal(&rig.message, &(struct arc_chain_set){.instance = 1, .key = arc_chain_rsa512});
    publish(&rig, "s._domainkey.example.org", arc_chain_rsa512, "");
    expect(&rig, ARC_FAIL, "message signature 1: its key is too short");
    drop(&rig);
    rig.rules.least_bits = 512;
    expect(&rig, ARC_PASS, "");
    rig_stop(&rig);
}

static void ed25519_seals_pass(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    publish(&rig, "e._domainkey.example.org", arc_chain_ed25519, "");
    arc_chain_seal(&rig.message, &(struct arc_chain_set){
                                     .instance = 1, .key = arc_chain_ed25519, .selector = "e"});
    seal(&rig, 2, 2);
    expect(&rig, ARC_PASS, "");
    assert_int_equal(fake_dns_asked(rig.dns), 2);
    rig_stop(&rig);
}

static const struct {
    struct arc_chain_set set;
    const char *why;
} signatures[] = {
    {{.algorithm = "rsa-sha1"}, "message signature 1: rsa-sha1 is not believed"},
    {{.algorithm = "dsa-sha256"}, "message signature 1: its algorithm is unknown"},
    {{.message_tags = "x=1700000000; "}, ""},
    {{.message_tags = "x=1699999999; "}, "message signature 1: it has expired"},
    {{.fields = "from : ARC-seal"}, "message signature 1: it covers a seal"},
    {{.fields = "arc-seal\t:from"}, "message signature 1: it covers a seal"},
    {{.fields = "from:x-arc-seal:arc-authentication-results"}, ""},
    {{.fields = "subject:date"}, "message signature 1: it does not cover From"},
    {{.fields = "subject:x-from:FROM"}, ""},
    {{.message_tags = "l=3; "}, "message signature 1: it does not cover the whole body"},
    {{.message_tags = "l=99; "}, "message signature 1: it does not cover the whole body"},
    {{.message_tags = "l=9; "}, ""},
    {{.canon = "simple/simple"}, ""},
    {{.canon = "relaxed/simple"}, ""},
    {{.canon = "simple/relaxed"}, ""},
};

static void message_signatures_are_judged_as_dkims(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(signatures); i++) {
        struct rig rig;
        struct arc_chain_set set = signatures[i].set;
        rig_start(&rig, MESSAGE);
        set.instance = 1;
        arc_chain_seal(&rig.message, &set);
        expect(&rig, signatures[i].why[0] == '\0' ? ARC_PASS : ARC_FAIL, signatures[i].why);
        rig_stop(&rig);
    }
}

static void what_dns_does_not_say_is_temporary(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    arc_chain_seal(&rig.message, &(struct arc_chain_set){.instance = 1, .domain = "old.example"});
    seal(&rig, 2, 2);
    fake_dns_status(rig.dns, DNS_TXT, "s._domainkey.old.example", DNS_TEMPFAIL, "timeout");
    expect(&rig, ARC_TEMPERROR, "seal 1: DNS: timeout");
    drop(&rig);
    fake_dns_status(rig.dns, DNS_TXT, "s._domainkey.example.org", DNS_TEMPFAIL, "SERVFAIL");
    expect(&rig, ARC_TEMPERROR, "message signature 2: DNS: SERVFAIL");
    drop(&rig);
    /* what has failed for certain outweighs it */
    fake_dns_status(rig.dns, DNS_TXT, "s._domainkey.old.example", DNS_NODATA, NULL);
    expect(&rig, ARC_FAIL, "seal 1: it has no key in DNS");
    drop(&rig);
    fake_dns_status(rig.dns, DNS_TXT, "s._domainkey.old.example", DNS_TEMPFAIL, "timeout");
    fake_dns_status(rig.dns, DNS_TXT, "s._domainkey.example.org", DNS_NXDOMAIN, NULL);
    expect(&rig, ARC_FAIL, "message signature 2: it has no key in DNS");
    rig_stop(&rig);
}

static void keys_that_do_not_come_are_given_up(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    seal(&rig, 1, 1);
    fake_dns_hold(rig.dns, DNS_TXT, "s._domainkey.example.org");
    begin(&rig);
    arc_end(rig.arc);
    fake_dns_run(rig.dns);
    assert_false(arc_settled(rig.arc));
    arc_give_up(rig.arc);
    assert_true(arc_settled(rig.arc));
    assert_int_equal(arc_answer(rig.arc)->result, ARC_TEMPERROR);
    assert_string_equal(arc_answer(rig.arc)->why, "message signature 1: no answer in time");
    assert_int_equal(fake_dns_open(rig.dns), 0);
    assert_int_equal(rig.changes, 0);
    arc_give_up(rig.arc);
    drop(&rig);
    begin(&rig); /* given up before the body has passed */
    arc_give_up(rig.arc);
    assert_false(arc_settled(rig.arc));
    arc_end(rig.arc);
    assert_int_equal(arc_answer(rig.arc)->result, ARC_TEMPERROR);
    rig_stop(&rig);
}

static void keys_may_come_before_the_body_or_after(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    seal(&rig, 1, 2);
    begin(&rig);
    fake_dns_run(rig.dns);
    assert_int_equal(rig.changes, 1);
    assert_false(arc_settled(rig.arc));
    arc_end(rig.arc);
    assert_true(arc_settled(rig.arc));
    assert_int_equal(arc_answer(rig.arc)->result, ARC_PASS);
    drop(&rig);
    begin(&rig);
    arc_end(rig.arc);
    assert_false(arc_settled(rig.arc));
    fake_dns_run(rig.dns);
    assert_int_equal(rig.changes, 2);
    assert_true(arc_settled(rig.arc));
    rig_stop(&rig);
}

static void it_may_be_freed_at_any_time(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    seal(&rig, 1, 2);
    begin(&rig);
    assert_int_equal(fake_dns_open(rig.dns), 1);
    drop(&rig);
    assert_int_equal(fake_dns_open(rig.dns), 0);
    begin(&rig);
    arc_end(rig.arc);
    rig.free_in_change = true;
    fake_dns_run(rig.dns);
    assert_null(rig.arc);
    rig_stop(&rig);
}

/* What comes between the sets changes the message. */
static void change(struct rig *rig, const char *from, char to)
{
    char *at = memmem(buf_data(&rig->message), buf_len(&rig->message), from, strlen(from));
    assert_non_null(at);
    *at = to;
}

static void the_oldest_signature_that_holds_is_told(void **state)
{
    (void)state;
    static const struct {
        unsigned before, sets;
        const char *oldest;
    } chains[] = {{1, 2, "2"}, {1, 3, "2"}, {2, 3, "3"}, {3, 9, "4"}, {1, 9, ""}};
    for (size_t i = 0; i < COUNT(chains); i++) {
        struct rig rig;
        rig_start(&rig, MESSAGE);
        seal(&rig, 1, chains[i].before);
        change(&rig, i % 2 == 0 ? "hello" : "body", 'x');
        seal(&rig, chains[i].before + 1, chains[i].sets);
        const struct arc_answer *answer = run(&rig);
        assert_int_equal(answer->result, ARC_PASS);
        if (strcmp(answer->oldest_pass, chains[i].oldest) != 0)
            fail_msg("%zu: oldest-pass is %s", i, answer->oldest_pass);
        rig_stop(&rig);
    }
}

static void a_changed_message_fails_and_so_does_a_changed_chain(void **state)
{
    (void)state;
    static const struct {
        const char *from, *why;
    } changes[] = {
        {"body", "message signature 2: the body is another one"},
        {"hello", "message signature 2: it does not verify"},
        {"mx.old", "seal 2: it does not verify"},
    };
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct rig rig;
        rig_start(&rig, MESSAGE);
        arc_chain_seal(&rig.message,
                       &(struct arc_chain_set){.instance = 1, .results = "mx.old; none"});
        seal(&rig, 2, 2);
        change(&rig, changes[i].from, 'X');
        expect(&rig, ARC_FAIL, changes[i].why);
        rig_stop(&rig);
    }
}

/* The octets of the newest seal's b=: nothing is sealed over them. */
static bool in_newest_signature(const struct rig *rig, size_t at)
{
    const char *text = buf_data(&rig->message);
    const char *value = memmem(text, buf_len(&rig->message), "\tb=", 3);
    const char *end = memchr(value, '\r', buf_len(&rig->message) - (size_t)(value - text));
    return text + at >= value && text + at < end;
}

static void no_bit_that_is_sealed_can_be_turned(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, MESSAGE);
    seal(&rig, 1, 2);
    for (size_t at = 0; at < buf_len(&rig.message); at++) {
        char *octet = rig.message.data + rig.message.start + at;
        bool last = in_newest_signature(&rig, at); /* its padding has bits that say nothing */
        *octet ^= 1;
        const struct arc_answer *answer = run(&rig);
        if (answer->result == ARC_PASS && !last)
            fail_msg("octet %zu may be '%c'", at, *octet);
        drop(&rig);
        *octet ^= 1;
    }
    expect(&rig, ARC_PASS, "");
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_without_a_chain_has_none),
        cmocka_unit_test(whole_chains_pass_and_cost_one_question_a_key),
        cmocka_unit_test(a_broken_structure_fails_without_a_question),
        cmocka_unit_test(comments_may_stand_around_the_number),
        cmocka_unit_test(a_flood_of_fields_costs_little),
        cmocka_unit_test(large_sets_cost_their_octets),
        cmocka_unit_test(a_chain_longer_than_the_rules_allow_fails),
        cmocka_unit_test(each_sealer_costs_a_question_and_the_signature_one),
        cmocka_unit_test(the_key_has_to_fit),
        cmocka_unit_test(long_keys_are_not_believed),
        cmocka_unit_test(short_keys_are_the_rules_to_mind),
        cmocka_unit_test(ed25519_seals_pass),
        cmocka_unit_test(message_signatures_are_judged_as_dkims),
        cmocka_unit_test(what_dns_does_not_say_is_temporary),
        cmocka_unit_test(keys_that_do_not_come_are_given_up),
        cmocka_unit_test(keys_may_come_before_the_body_or_after),
        cmocka_unit_test(it_may_be_freed_at_any_time),
        cmocka_unit_test(the_oldest_signature_that_holds_is_told),
        cmocka_unit_test(a_changed_message_fails_and_so_does_a_changed_chain),
        cmocka_unit_test(no_bit_that_is_sealed_can_be_turned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
