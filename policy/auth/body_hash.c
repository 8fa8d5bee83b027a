/* SPDX-License-Identifier: ISC */
/*
 * body_hash: a body on its way through up to two canonicalisations into up to two SHA-256.
 *
 *     relaxed -> [blanks] -> [end of body] -> digest
 *     simple  -------------> [end of body] -> digest
 *
 * "blanks" makes runs of white space one space and drops those before a CRLF, sixteen octets at a
 * time where nothing changes; "end of body" keeps back, as a number, the CRLFs that may turn out to
 * be the last.
 *
 * Promises: any cut of the body gives the same; memory does not depend on the body. Only CRLF ends
 * a line: another CR or LF is an octet like any.
 * Limits: BODY_HASH_MOST wishes of a canonicalisation.
 * RFC 6376 3.4.3 to 3.4.5.
 */
#include "policy/auth/body_hash.h"

#include "lib/mem.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK      4096 /* octets whose blanks are made one at a time */
#define CRLF_BLOCK 256

struct wish {
    uint64_t most;
    unsigned char digest[DIGEST_SIZE];
};

struct half { /* of one canonicalisation */
    struct digest *digest;
    struct wish wish[BODY_HASH_MOST];
    size_t order[BODY_HASH_MOST]; /* of wishes by `most` */
    size_t wishes, reached;       /* reached: of `order`; those have their digest */
    uint64_t octets;
    /* end of body */
    uint64_t ends; /* CRLFs kept back */
    bool cr;       /* and behind them a CR, of which the LF may follow */
    bool content;  /* there was something else */
};

/* Of the blanks that were read last, nothing is written yet. */
enum blanks { BLANKS_NONE, BLANKS_SOME, BLANKS_CR /* and a CR behind them */ };

struct body_hash {
    struct half *half[2]; /* by canonicalisation; NULL: not wanted */
    enum blanks blanks;
};

struct body_hash *body_hash_new(void)
{
    return mem_alloc(sizeof(struct body_hash));
}

void body_hash_free(struct body_hash *hash)
{
    if (hash == NULL)
        return;
    for (int canon = 0; canon < 2; canon++) {
        if (hash->half[canon] != NULL)
            digest_free(hash->half[canon]->digest);
        free(hash->half[canon]);
    }
    free(hash);
}

int body_hash_want(struct body_hash *hash, enum canon canon, uint64_t most)
{
    struct half *half = hash->half[canon];
    int base = canon == CANON_RELAXED ? BODY_HASH_MOST : 0;
    if (half == NULL) {
        hash->half[canon] = half = mem_alloc(sizeof *half);
        half->digest = digest_new();
    }
    for (size_t i = 0; i < half->wishes; i++)
        if (half->wish[i].most == most)
            return base + (int)i;
    if (half->wishes == BODY_HASH_MOST)
        return -1;
    size_t at = half->wishes++, place = at;
    half->wish[at].most = most;
    for (; place > 0 && half->wish[half->order[place - 1]].most > most; place--)
        half->order[place] = half->order[place - 1];
    half->order[place] = at;
    return base + (int)at;
}

/* ---- the digest */

static struct wish *next_wish(struct half *half)
{
    return half->reached < half->wishes ? &half->wish[half->order[half->reached]] : NULL;
}

static void hash_run(struct half *half, const char *data, size_t len)
{
    struct wish *wish;
    while ((wish = next_wish(half)) != NULL && wish->most - half->octets <= len) {
        size_t part = (size_t)(wish->most - half->octets);
        digest_add(half->digest, data, part);
        digest_peek(half->digest, wish->digest);
        half->reached++;
        half->octets += part;
        data += part;
        len -= part;
    }
    if (wish != NULL)
        digest_add(half->digest, data, len);
    half->octets += len;
}

/* ---- end of body */

#define CRLF4   "\r\n\r\n\r\n\r\n"
#define CRLF32  CRLF4 CRLF4 CRLF4 CRLF4 CRLF4 CRLF4 CRLF4 CRLF4
#define CRLF256 CRLF32 CRLF32 CRLF32 CRLF32 CRLF32 CRLF32 CRLF32 CRLF32
static const char crlfs[] = CRLF256;
_Static_assert(sizeof crlfs == CRLF_BLOCK * 2 + 1, "a block of CRLFs");

/* They were not the last. */
static void put_ends(struct half *half)
{
    while (half->ends > 0) {
        uint64_t some = half->ends < CRLF_BLOCK ? half->ends : CRLF_BLOCK;
        hash_run(half, crlfs, (size_t)some * 2);
        half->ends -= some;
    }
    if (half->cr)
        hash_run(half, "\r", 1);
    half->cr = false;
}

static void add(struct half *half, const char *data, size_t len)
{
    if (len > 0 && half->cr && data[0] == '\n') {
        half->cr = false;
        half->ends++;
        data++;
        len--;
    }
    if (len == 0)
        return;
    size_t stop = data[len - 1] == '\r' ? len - 1 : len;
    bool cr = stop < len;
    uint64_t ends = 0;
    for (; stop >= 2 && data[stop - 1] == '\n' && data[stop - 2] == '\r'; stop -= 2)
        ends++;
    if (stop > 0 || half->cr) {
        put_ends(half);
        hash_run(half, data, stop);
        half->content = true;
    }
    half->ends += ends;
    half->cr = cr;
}

static void end(struct half *half, bool even_empty)
{
    if (half->cr) {
        put_ends(half);
        half->content = true;
    }
    if (half->content || even_empty)
        hash_run(half, "\r\n", 2);
    if (half->reached == half->wishes)
        return;
    unsigned char digest[DIGEST_SIZE];
    digest_end(half->digest, digest);
    for (; half->reached < half->wishes; half->reached++)
        memcpy(half->wish[half->order[half->reached]].digest, digest, sizeof digest);
}

/* ---- blanks */

typedef unsigned char sixteen __attribute__((vector_size(16)));
typedef uint64_t words __attribute__((vector_size(16)));

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Copies up to what needs a change: a tab, or a space that has another blank, a CR or nothing
 * behind it. Returns how many octets; writes up to 15 more. */
static inline size_t copy_unchanged(char *out, const char *in, size_t len)
{
    size_t at = 0;
    for (sixteen here, next; len - at > sizeof here; at += sizeof here) {
        memcpy(&here, in + at, sizeof here);
        memcpy(&next, in + at + 1, sizeof next);
        memcpy(out + at, &here, sizeof here);
        words change = (words)((here == '\t') |
                               ((here == ' ') & ((next == ' ') | (next == '\t') | (next == '\r'))));
        if ((change[0] | change[1]) != 0) {
            uint64_t first = le64toh(change[0] != 0 ? change[0] : change[1]);
            return at + (change[0] != 0 ? 0 : 8) + (size_t)__builtin_ctzll(first) / 8;
        }
    }
    for (; at < len; out[at] = in[at], at++)
        if (in[at] == '\t' ||
            (in[at] == ' ' && (at + 1 == len || is_blank(in[at + 1]) || in[at + 1] == '\r')))
            break;
    return at;
}

/* One block without needless blanks, of which the last may stay in *blanks. `out` has room for 18
 * octets more than `in`. Returns how many octets it now has. */
static size_t relax(enum blanks *blanks, char *out, const char *in, size_t len)
{
    char *const start = out;
    const char *const stop = in + len;
    while (in < stop) {
        if (*blanks == BLANKS_NONE) {
            size_t run = copy_unchanged(out, in, (size_t)(stop - in));
            in += run;
            out += run;
            *blanks = in < stop ? BLANKS_SOME : BLANKS_NONE;
        }
        if (*blanks == BLANKS_SOME) {
            while (in < stop && is_blank(*in))
                in++;
            if (in < stop && *in == '\r') {
                *blanks = BLANKS_CR;
                in++;
            } else if (in < stop) {
                *blanks = BLANKS_NONE;
                *out++ = ' ';
            }
        }
        if (*blanks == BLANKS_CR && in < stop) { /* a CR alone ends no line: they were a space */
            *blanks = BLANKS_NONE;
            if (*in != '\n')
                *out++ = ' ';
            *out++ = '\r';
        }
    }
    return (size_t)(out - start);
}

static void add_relaxed(struct body_hash *hash, const char *data, size_t len)
{
    char block[BLOCK + 18];
    while (len > 0) {
        size_t some = len < BLOCK ? len : BLOCK;
        add(hash->half[CANON_RELAXED], block, relax(&hash->blanks, block, data, some));
        data += some;
        len -= some;
    }
}

/* ---- the whole */

void body_hash_add(struct body_hash *hash, const char *data, size_t len)
{
    if (hash->half[CANON_SIMPLE] != NULL)
        add(hash->half[CANON_SIMPLE], data, len);
    if (hash->half[CANON_RELAXED] != NULL)
        add_relaxed(hash, data, len);
}

void body_hash_end(struct body_hash *hash)
{
    if (hash->half[CANON_SIMPLE] != NULL)
        end(hash->half[CANON_SIMPLE], true);
    if (hash->half[CANON_RELAXED] == NULL)
        return;
    if (hash->blanks == BLANKS_CR)
        add(hash->half[CANON_RELAXED], " \r", 2);
    end(hash->half[CANON_RELAXED], false);
}

const unsigned char *body_hash_digest(const struct body_hash *hash, int wish, uint64_t *octets)
{
    const struct half *half = hash->half[wish < BODY_HASH_MOST ? CANON_SIMPLE : CANON_RELAXED];
    *octets = half->octets;
    return half->wish[wish % BODY_HASH_MOST].digest;
}
