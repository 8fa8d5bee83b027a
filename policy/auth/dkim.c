/* SPDX-License-Identifier: ISC */
/*
 * dkim: which domains have signed this message?
 *
 * Each DKIM-Signature goes its own way: read; judged by what stands in it; its key asked for; then,
 * once the body has passed and the key is there, verified. What is decided early asks no question
 * and makes no hash. The body's digest is compared first, since it is there already.
 *
 * Promises: only rsa-sha256 with least_bits and ed25519-sha256 pass; as many questions as
 * rules.signatures at most. Of several keys at one name the first that can be used is taken (RFC
 * 6376 3.6.2.2 leaves it open).
 * Limits: rules.signatures; KEYS_MOST keys at one name; a signature may be a day from the future,
 * for clocks in a wrong zone.
 * RFC 6376 6.1, RFC 8301 3, RFC 8463 3, RFC 8601 2.7.1.
 */
#include "policy/auth/dkim.h"

#include "dns/name.h"
#include "lib/mem.h"
#include "policy/auth/dkim_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_NAME  "DKIM-Signature"
#define LEAST_BITS  1024 /* RFC 8301 3.2 */
#define KEYS_MOST   8
#define FUTURE_MOST 86400 /* seconds */
#define WHY_SIZE    96

struct signature {
    struct dkim *dkim;
    const struct header_field *own;
    struct dkim_field field;
    struct dkim_signature answer;
    bool decided;
    struct dns_question *question; /* NULL: not asked, or answered */
    struct dkim_key key;           /* once it was answered, unless decided */
    int wish;
    char *identity, why[WHY_SIZE];
};

struct dkim {
    struct dns *dns;
    const struct header *header;
    struct dkim_rules rules;
    struct body_hash *hash;
    void (*changed)(void *arg);
    void *arg;
    struct signature *signature;
    size_t count, open;
    bool ended;
};

const char *dkim_result_name(enum dkim_result result)
{
    static const char *const name[] = {
        [DKIM_NONE] = "none",           [DKIM_PASS] = "pass",       [DKIM_FAIL] = "fail",
        [DKIM_POLICY] = "policy",       [DKIM_NEUTRAL] = "neutral", [DKIM_TEMPERROR] = "temperror",
        [DKIM_PERMERROR] = "permerror",
    };
    return name[result];
}

static void decide(struct signature *signature, enum dkim_result result, const char *why)
{
    signature->decided = true;
    signature->answer.result = result;
    signature->answer.why = why;
}

/* ---- once key and body are there */

static bool is_partial(const struct signature *signature, uint64_t octets)
{
    return signature->field.body_octets != BODY_HASH_ALL && signature->field.body_octets < octets;
}

/* NULL, or why it does not verify. */
static const char *verify(const struct signature *signature, const unsigned char *body,
                          uint64_t octets)
{
    const struct dkim_field *field = &signature->field;
    unsigned char digest[DIGEST_SIZE];
    if (field->body_octets != BODY_HASH_ALL && field->body_octets > octets)
        return "l= is more than the body has";
    if (buf_len(&field->body_digest) != DIGEST_SIZE ||
        memcmp(buf_data(&field->body_digest), body, DIGEST_SIZE) != 0)
        return "the body is not the one that was signed";
    if (!dkim_header_digest(signature->dkim->header, signature->own, field, digest) ||
        !pubkey_verify(signature->key.key, digest, buf_data(&field->signature),
                       buf_len(&field->signature)))
        return "the signature does not verify";
    return NULL;
}

static void judge(struct signature *signature)
{
    const struct dkim_rules *rules = &signature->dkim->rules;
    unsigned least = rules->least_bits > LEAST_BITS ? rules->least_bits : LEAST_BITS;
    uint64_t octets;
    const unsigned char *body = body_hash_digest(signature->dkim->hash, signature->wish, &octets);
    const char *why = verify(signature, body, octets);
    signature->answer.partial = is_partial(signature, octets);
    if (why != NULL)
        decide(signature, DKIM_FAIL, why);
    else if (signature->key.kind == PUBKEY_RSA && signature->answer.bits < least)
        decide(signature, DKIM_POLICY, "the key is too short");
    else if (signature->answer.partial && !rules->partial)
        decide(signature, DKIM_POLICY, "a part of the body is not signed");
    else
        decide(signature, DKIM_PASS, "");
}

/* ---- its key */

/* NULL, or why this key is none for the signature. */
static const char *key_fault(const struct dkim_key *key, const struct dkim_field *field)
{
    bool ed25519 = field->algorithm == DKIM_ED25519_SHA256;
    if (ed25519 != (key->kind == PUBKEY_ED25519))
        return "the key is of another kind";
    if (!key->sha256)
        return "the key is not for SHA-256";
    if (!key->email)
        return "the key is not for mail";
    if (key->strict && strcmp(field->identity_domain, field->domain) != 0)
        return "the key allows no subdomain in i=";
    return key->revoked ? "the key is revoked" : NULL;
}

static void take_key(struct signature *signature, const struct dns_answer *answer)
{
    const char *first = "there is no key", *why = NULL;
    size_t count = answer->count < KEYS_MOST ? answer->count : KEYS_MOST;
    for (size_t i = 0; i < count; i++) {
        struct dkim_key key;
        if (dkim_key_parse(answer->txt[i].text, answer->txt[i].len, &key, &why))
            why = key_fault(&key, &signature->field);
        if (i == 0 || why == NULL) {
            signature->answer.testing = key.testing;
            signature->answer.bits = key.key != NULL ? pubkey_bits(key.key) : 0;
        }
        if (why == NULL) {
            signature->key = key;
            return;
        }
        dkim_key_free(&key);
        if (i == 0)
            first = why;
    }
    decide(signature, DKIM_PERMERROR, first);
}

static void key_came(const struct dns_answer *answer, void *arg)
{
    struct signature *signature = arg;
    struct dkim *dkim = signature->dkim;
    signature->question = NULL;
    dkim->open--;
    switch (answer->status) {
    case DNS_FOUND:
        take_key(signature, answer);
        break;
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        decide(signature, DKIM_PERMERROR, "there is no key");
        break;
    case DNS_TEMPFAIL:
        snprintf(signature->why, sizeof signature->why, "the key could not be asked for: %s",
                 answer->why);
        decide(signature, DKIM_TEMPERROR, signature->why);
        break;
    }
    if (dkim->ended && !signature->decided)
        judge(signature);
    if (dkim->open == 0)
        dkim->changed(dkim->arg);
}

static void ask_key(struct signature *signature)
{
    char key[DNS_NAME_MAX + 1], name[DNS_NAME_MAX + 1];
    struct dkim *dkim = signature->dkim;
    if (!dns_name_join(signature->field.selector, "_domainkey", key) ||
        !dns_name_join(key, signature->field.domain, name)) {
        decide(signature, DKIM_NEUTRAL, "s= and d= are too long for a name");
        return;
    }
    signature->question = dns_ask(dkim->dns, DNS_TXT, name, key_came, signature);
    dkim->open++;
}

/* ---- what stands in it */

static const char *algorithm_name(enum dkim_algorithm algorithm)
{
    static const char *const name[] = {
        [DKIM_RSA_SHA256] = "rsa-sha256",
        [DKIM_ED25519_SHA256] = "ed25519-sha256",
        [DKIM_RSA_SHA1] = "rsa-sha1",
        [DKIM_ALGORITHM_UNKNOWN] = "",
    };
    return name[algorithm];
}

static bool is_base64(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' ||
           c == '/' || c == '=';
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void copy_b(const struct tag *tag, char out[static 9])
{
    size_t len = 0;
    for (size_t i = 0; tag != NULL && i < tag->value_len && len < 8; i++)
        if (is_base64(tag->value[i]))
            out[len++] = tag->value[i];
        else if (!is_white(tag->value[i]))
            break;
    out[len] = '\0';
}

/* i= without white space, or "@" and d=; the caller frees it. */
static char *identity_of(const struct dkim_field *field)
{
    const struct tag *tag = field->identity;
    if (tag == NULL)
        return field->domain[0] != '\0' ? mem_printf("@%s", field->domain) : mem_strdup("");
    char *out = mem_strndup(tag->value, tag->value_len);
    size_t len = 0;
    for (size_t i = 0; i < tag->value_len; i++)
        if (!is_white(tag->value[i]))
            out[len++] = tag->value[i];
    out[len] = '\0';
    return out;
}

static void describe(struct signature *signature)
{
    struct dkim_signature *answer = &signature->answer;
    signature->identity = identity_of(&signature->field);
    answer->domain = signature->field.domain;
    answer->selector = signature->field.selector;
    answer->identity = signature->identity;
    answer->algorithm = algorithm_name(signature->field.algorithm);
    copy_b(tag_list_find(&signature->field.tags, "b"), answer->b);
}

static void judge_field(struct signature *signature)
{
    const struct dkim_field *field = &signature->field;
    const struct dkim *dkim = signature->dkim;
    if (header_cut(dkim->header))
        decide(signature, DKIM_NEUTRAL, "the header is too long to be verified");
    else if (field->algorithm == DKIM_RSA_SHA1)
        decide(signature, DKIM_POLICY, "rsa-sha1 is no longer believed");
    else if (field->algorithm == DKIM_ALGORITHM_UNKNOWN)
        decide(signature, DKIM_NEUTRAL, "a= is not known");
    else if (field->expires >= 0 && field->expires < dkim->rules.now)
        decide(signature, DKIM_PERMERROR, "the signature has expired");
    else if (field->signed_at > dkim->rules.now + FUTURE_MOST)
        decide(signature, DKIM_POLICY, "the signature is from the future");
    if (signature->decided)
        return;
    signature->wish = body_hash_want(dkim->hash, field->body_canon, field->body_octets);
    if (signature->wish < 0)
        decide(signature, DKIM_NEUTRAL, "too many lengths of the body are signed");
}

static void begin(struct signature *signature)
{
    const char *why;
    bool read = dkim_field_parse(signature->own, DKIM_FORM_SIGNATURE, &signature->field, &why);
    describe(signature);
    if (!read)
        decide(signature, DKIM_NEUTRAL, why);
    else
        judge_field(signature);
    if (!signature->decided)
        ask_key(signature);
}

/* One more than are tried. */
static void begin_surplus(struct signature *signature)
{
    struct dkim_signature *answer = &signature->answer;
    answer->domain = answer->selector = answer->identity = answer->algorithm = "";
    decide(signature, DKIM_NEUTRAL, "there are too many signatures");
}

/* ---- the whole */

static size_t find_signatures(struct dkim *dkim)
{
    size_t found = 0;
    for (size_t i = 0; i < header_count(dkim->header) && found <= dkim->rules.signatures; i++) {
        const struct header_field *field = header_field(dkim->header, i);
        if (!header_named(field, FIELD_NAME))
            continue;
        dkim->signature = mem_grow(dkim->signature, found + 1, sizeof *dkim->signature);
        dkim->signature[found++] = (struct signature){.dkim = dkim, .own = field};
    }
    return found;
}

struct dkim *dkim_new(struct dns *dns, const struct header *header, const struct dkim_rules *rules,
                      struct body_hash *hash, void (*changed)(void *arg), void *arg)
{
    struct dkim *dkim = mem_alloc(sizeof *dkim);
    *dkim = (struct dkim){.dns = dns,
                          .header = header,
                          .rules = *rules,
                          .hash = hash,
                          .changed = changed,
                          .arg = arg};
    dkim->count = find_signatures(dkim);
    for (size_t i = 0; i < dkim->count; i++)
        if (i < rules->signatures)
            begin(&dkim->signature[i]);
        else
            begin_surplus(&dkim->signature[i]);
    return dkim;
}

void dkim_free(struct dkim *dkim)
{
    if (dkim == NULL)
        return;
    for (size_t i = 0; i < dkim->count; i++) {
        struct signature *signature = &dkim->signature[i];
        dns_cancel(signature->question);
        dkim_field_free(&signature->field);
        dkim_key_free(&signature->key);
        free(signature->identity);
    }
    free(dkim->signature);
    free(dkim);
}

void dkim_end(struct dkim *dkim)
{
    dkim->ended = true;
    for (size_t i = 0; i < dkim->count; i++)
        if (dkim->signature[i].question == NULL && !dkim->signature[i].decided)
            judge(&dkim->signature[i]);
}

bool dkim_settled(const struct dkim *dkim)
{
    return dkim->ended && dkim->open == 0;
}

void dkim_give_up(struct dkim *dkim)
{
    for (size_t i = 0; i < dkim->count; i++) {
        struct signature *signature = &dkim->signature[i];
        if (signature->question == NULL)
            continue;
        dns_cancel(signature->question);
        signature->question = NULL;
        dkim->open--;
        decide(signature, DKIM_TEMPERROR, "no answer in time");
    }
}

size_t dkim_count(const struct dkim *dkim)
{
    return dkim->count;
}

const struct dkim_signature *dkim_signature(const struct dkim *dkim, size_t index)
{
    return &dkim->signature[index].answer;
}
