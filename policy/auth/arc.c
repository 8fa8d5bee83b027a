/* SPDX-License-Identifier: ISC */
/*
 * arc: is the chain of those who handled this message whole? (RFC 8617 5.2)
 *
 * The structure of the chain is judged at once (arc_set); if it is sound, all keys are asked for
 * (arc_keys). When they and the body have come, the newest message signature is verified and then
 * the seals, from the newest to the oldest. A definite failure outweighs a temporary one.
 *
 * Promises: at most one question for each seal and one more; the seals cost what their octets do
 * (one hash runs through all sets); nothing is evaluated twice.
 * Limits: rules.sets; RSA keys of up to MOST_BITS (RFC 8301 3.2 wants no more), since fifty
 * longer ones would hold up the loop; oldest-pass is looked for among the newest OLDEST_MOST
 * signatures only, and only where no further key has to be asked for.
 *
 * RFC-DEVIATION: a message signature of a part of the body (l=) fails if the body is longer: a
 * chain overrides DMARC, and whoever appended what is unsigned need not be in it.
 */
#include "policy/auth/arc.h"

#include "lib/mem.h"
#include "lib/str.h"
#include "policy/auth/arc_keys.h"
#include "policy/auth/arc_set.h"
#include "policy/auth/dkim_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLDEST_MOST 8
#define MOST_BITS   4096
#define WHY_MAX     160
#define NO_WISH     (-1)

struct signature { /* a seal, or a message signature */
    struct dkim_field field;
    const char *fault; /* it cannot be read; NULL: it can */
    size_t key;
    int wish; /* of a message signature: its hash of the body */
};

struct arc {
    const struct header *header;
    struct arc_rules rules;
    struct body_hash *hash;
    void (*changed)(void *arg);
    void *arg;
    struct arc_chain chain;
    struct arc_keys *keys;
    struct signature *seal;    /* of each set, or NULL */
    struct signature *message; /* of the newest sets, the newest first */
    unsigned messages;
    bool ended, settled;
    struct arc_answer answer;
    char why[WHY_MAX];
    char oldest[STR_NUMBER_MAX];
};

const char *arc_result_name(enum arc_result result)
{
    static const char *const name[] = {[ARC_NONE] = "none",
                                       [ARC_PASS] = "pass",
                                       [ARC_FAIL] = "fail",
                                       [ARC_TEMPERROR] = "temperror"};
    return name[result];
}

/* ---- what is there */

static void settle(struct arc *arc, enum arc_result result)
{
    arc->settled = true;
    arc->answer.result = result;
    arc->answer.why = arc->why;
}

/* RFC 8617 4.1.2: a message signature does not cover seals. */
static bool covers_seals(const struct tag *names)
{
    const char *name;
    for (size_t at = 0, len; tag_item(names, &at, &name, &len);)
        if (str_case_eq(name, len, "ARC-Seal"))
            return true;
    return false;
}

/* What speaks against a signature before its key is known. Without From in h= (RFC 6376 5.4) a
 * chain could be put in front of any author's message. */
static const char *check_field(const struct dkim_field *field, int64_t now)
{
    if (field->algorithm == DKIM_RSA_SHA1)
        return "rsa-sha1 is not believed";
    if (field->algorithm == DKIM_ALGORITHM_UNKNOWN)
        return "its algorithm is unknown";
    if (field->expires >= 0 && now > field->expires)
        return "it has expired";
    if (field->signed_fields != NULL && covers_seals(field->signed_fields))
        return "it covers a seal";
    if (field->signed_fields != NULL && !tag_has_item(field->signed_fields, "from"))
        return "it does not cover From";
    return NULL;
}

static void read_signature(const struct arc *arc, const struct header_field *field,
                           enum dkim_form form, struct signature *out)
{
    out->key = ARC_KEYS_NONE;
    out->wish = NO_WISH;
    if (dkim_field_parse(field, form, &out->field, &out->fault))
        out->fault = check_field(&out->field, arc->rules.now);
}

static void read_message(struct arc *arc, unsigned set, struct signature *out)
{
    read_signature(arc, arc->chain.set[set].message, DKIM_FORM_ARC_MESSAGE, out);
    if (out->fault == NULL)
        out->wish = body_hash_want(arc->hash, out->field.body_canon, out->field.body_octets);
}

/* Says why the chain fails, or may. */
static void blame(struct arc *arc, const char *what, unsigned set, const char *why)
{
    snprintf(arc->why, sizeof arc->why, "%s %u: %s", what, set + 1, why);
}

/* Whether all that has to verify can be read. */
static bool read_chain(struct arc *arc)
{
    unsigned count = arc->chain.count;
    arc->seal = mem_alloc(count * sizeof *arc->seal);
    for (unsigned i = 0; i < count; i++)
        read_signature(arc, arc->chain.set[i].seal, DKIM_FORM_ARC_SEAL, &arc->seal[i]);
    arc->messages = count < OLDEST_MOST ? count : OLDEST_MOST;
    arc->message = mem_alloc(arc->messages * sizeof *arc->message);
    read_message(arc, count - 1, &arc->message[0]);
    if (arc->message[0].fault != NULL) {
        blame(arc, "message signature", count - 1, arc->message[0].fault);
        return false;
    }
    for (unsigned i = count; i-- > 0;)
        if (arc->seal[i].fault != NULL) {
            blame(arc, "seal", i, arc->seal[i].fault);
            return false;
        }
    return true;
}

static size_t want(struct arc *arc, const struct signature *signature)
{
    return arc_keys_want(arc->keys, signature->field.selector, signature->field.domain);
}

static void on_keys(void *arg);

static void ask(struct arc *arc, struct dns *dns)
{
    unsigned count = arc->chain.count;
    arc->keys = arc_keys_new(dns, (size_t)count + 1, on_keys, arc);
    arc->message[0].key = want(arc, &arc->message[0]);
    for (unsigned i = count; i-- > 0;)
        arc->seal[i].key = want(arc, &arc->seal[i]);
    for (unsigned i = 1; i < arc->messages; i++) {
        struct signature *older = &arc->message[i];
        read_message(arc, count - 1 - i, older);
        if (older->fault == NULL)
            older->key = arc_keys_find(arc->keys, older->field.selector, older->field.domain);
    }
}

struct arc *arc_new(struct dns *dns, const struct header *header, const struct arc_rules *rules,
                    struct body_hash *hash, void (*changed)(void *arg), void *arg)
{
    const char *why;
    struct arc *arc = mem_alloc(sizeof *arc);
    arc->header = header;
    arc->rules = *rules;
    arc->hash = hash;
    arc->changed = changed;
    arc->arg = arg;
    arc->answer = (struct arc_answer){.why = "", .sealer = "", .oldest_pass = ""};
    enum arc_result structure = arc_set_collect(header, rules->sets, &arc->chain, &why);
    if (structure != ARC_PASS) {
        snprintf(arc->why, sizeof arc->why, "%s", why != NULL ? why : "");
        settle(arc, structure);
        return arc;
    }
    unsigned newest = arc->chain.count - 1;
    bool readable = read_chain(arc);
    arc->answer.sets = arc->chain.count;
    arc->answer.results = arc->chain.set[newest].results;
    if (arc->seal[newest].fault == NULL)
        arc->answer.sealer = arc->seal[newest].field.domain;
    if (readable)
        ask(arc, dns);
    else
        settle(arc, ARC_FAIL);
    return arc;
}

void arc_free(struct arc *arc)
{
    if (arc == NULL)
        return;
    arc_keys_free(arc->keys);
    for (unsigned i = 0; arc->seal != NULL && i < arc->chain.count; i++)
        dkim_field_free(&arc->seal[i].field);
    for (unsigned i = 0; i < arc->messages; i++)
        dkim_field_free(&arc->message[i].field);
    free(arc->seal);
    free(arc->message);
    free(arc);
}

/* ---- verifying */

static const char *check_key(const struct arc *arc, const struct dkim_field *field,
                             const struct dkim_key *key)
{
    enum pubkey_kind kind = field->algorithm == DKIM_ED25519_SHA256 ? PUBKEY_ED25519 : PUBKEY_RSA;
    if (key->kind != kind)
        return "its key is of another kind";
    if (!key->sha256 || !key->email)
        return "its key is for something else";
    if (kind == PUBKEY_RSA && pubkey_bits(key->key) < arc->rules.least_bits)
        return "its key is too short";
    if (pubkey_bits(key->key) > MOST_BITS)
        return "its key is too long";
    return NULL;
}

/* PASS, or *why it is not. */
static enum arc_result verify(const struct arc *arc, const struct signature *signature,
                              const unsigned char digest[static DIGEST_SIZE], const char **why)
{
    const struct dkim_key *key = NULL;
    const struct buf *octets = &signature->field.signature;
    switch (arc_keys_get(arc->keys, signature->key, &key, why)) {
    case ARC_KEY_FOUND:
        break;
    case ARC_KEY_NONE:
        return ARC_FAIL;
    case ARC_KEY_OPEN:
    case ARC_KEY_TEMPFAIL:
        return ARC_TEMPERROR;
    }
    *why = check_key(arc, &signature->field, key);
    if (*why == NULL && !pubkey_verify(key->key, digest, buf_data(octets), buf_len(octets)))
        *why = "it does not verify";
    return *why == NULL ? ARC_PASS : ARC_FAIL;
}

static const char *check_body(const struct arc *arc, const struct signature *signature)
{
    uint64_t octets = 0;
    const struct dkim_field *field = &signature->field;
    if (signature->wish == NO_WISH)
        return "too many kinds of hashes";
    const unsigned char *digest = body_hash_digest(arc->hash, signature->wish, &octets);
    if (field->body_octets != BODY_HASH_ALL && field->body_octets != octets)
        return "it does not cover the whole body";
    if (buf_len(&field->body_digest) != DIGEST_SIZE ||
        memcmp(buf_data(&field->body_digest), digest, DIGEST_SIZE) != 0)
        return "the body is another one";
    return NULL;
}

static enum arc_result verify_message(const struct arc *arc, unsigned number, const char **why)
{
    unsigned char digest[DIGEST_SIZE];
    const struct signature *signature = &arc->message[number];
    const struct header_field *own = arc->chain.set[arc->chain.count - 1 - number].message;
    *why = check_body(arc, signature);
    if (*why != NULL)
        return ARC_FAIL;
    *why = "its h= cannot be read";
    if (!dkim_header_digest(arc->header, own, &signature->field, digest))
        return ARC_FAIL;
    return verify(arc, signature, digest, why);
}

static void add_field(struct digest *digest, struct buf *text, const struct header_field *field,
                      bool last)
{
    dkim_canon_field(field, CANON_RELAXED, last, text);
    digest_add(digest, buf_data(text), buf_len(text));
    buf_consume(text, buf_len(text));
    if (!last)
        digest_add(digest, "\r\n", 2);
}

/* What each seal has signed (RFC 8617 5.1.1): all sets before its own, and its own. */
static void seal_digests(const struct arc *arc, unsigned char (*out)[DIGEST_SIZE])
{
    struct buf text = {0};
    struct digest *all = digest_new();
    for (unsigned i = 0; i < arc->chain.count; i++) {
        const struct arc_set *set = &arc->chain.set[i];
        add_field(all, &text, set->results, false);
        add_field(all, &text, set->message, false);
        struct digest *own = digest_copy(all);
        add_field(own, &text, set->seal, true);
        digest_end(own, out[i]);
        digest_free(own);
        add_field(all, &text, set->seal, false);
    }
    digest_free(all);
    buf_free(&text);
}

/* The first failure from the newest, else the first temporary fault. */
static enum arc_result verify_seals(struct arc *arc)
{
    unsigned char digest[ARC_SETS_MOST][DIGEST_SIZE];
    enum arc_result result = ARC_PASS;
    seal_digests(arc, digest);
    for (unsigned i = arc->chain.count; i-- > 0 && result != ARC_FAIL;) {
        const char *why;
        enum arc_result one = verify(arc, &arc->seal[i], digest[i], &why);
        if (one == ARC_FAIL || (one == ARC_TEMPERROR && result == ARC_PASS)) {
            blame(arc, "seal", i, why);
            result = one;
        }
    }
    return result;
}

/* RFC 8617 5.2, step 5: the oldest set from which on all message signatures verify; 0: all. */
static void find_oldest(struct arc *arc)
{
    const char *why;
    unsigned passed = 1;
    for (; passed < arc->messages; passed++) {
        const struct signature *older = &arc->message[passed];
        if (older->fault != NULL)
            break;
        if (check_body(arc, older) == NULL && older->key == ARC_KEYS_NONE)
            return; /* nobody knows */
        if (verify_message(arc, passed, &why) != ARC_PASS)
            break;
    }
    if (passed == arc->messages && passed < arc->chain.count)
        return;
    str_number(arc->oldest, passed == arc->chain.count ? 0 : arc->chain.count - passed + 1);
    arc->answer.oldest_pass = arc->oldest;
}

static void evaluate(struct arc *arc)
{
    const char *why;
    enum arc_result message = verify_message(arc, 0, &why);
    enum arc_result result = message == ARC_FAIL ? ARC_FAIL : verify_seals(arc);
    if (message == ARC_FAIL || (message == ARC_TEMPERROR && result != ARC_FAIL)) {
        blame(arc, "message signature", arc->chain.count - 1, why);
        result = message;
    }
    if (result == ARC_PASS)
        find_oldest(arc);
    settle(arc, result);
}

static void look(struct arc *arc)
{
    if (arc->ended && !arc->settled && arc_keys_open(arc->keys) == 0)
        evaluate(arc);
}

static void on_keys(void *arg)
{
    struct arc *arc = arg;
    look(arc);
    arc->changed(arc->arg); /* who may free it */
}

void arc_end(struct arc *arc)
{
    arc->ended = true;
    look(arc);
}

bool arc_settled(const struct arc *arc)
{
    return arc->settled;
}

void arc_give_up(struct arc *arc)
{
    if (arc->settled)
        return;
    arc_keys_give_up(arc->keys);
    look(arc);
}

const struct arc_answer *arc_answer(const struct arc *arc)
{
    return &arc->answer;
}
