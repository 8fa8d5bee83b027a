/* SPDX-License-Identifier: ISC */
#ifndef POLICY_DNSBL_CODES_H
#define POLICY_DNSBL_CODES_H
/* What the addresses that a DNS list answers mean (RFC 5782 2.1, standards of the lists). Pure. */

#include "lib/addr.h"
#include "policy/check.h"

#define DNSBL_CODES_MOST 256 /* of one zone */

struct dnsbl_code {
    uint32_t mask;        /* of an answer; octets written as '*' are 0 */
    uint32_t first, last; /* 127.a.b.c, host order */
    bool scored;          /* else it counts the block's score */
    score_t score;
};

struct dnsbl_codes {
    struct dnsbl_code *item; /* none: any code counts the block's score */
    size_t count;
};

/* "127.0.0.2=4", "127.0.0.4-127.0.0.7=6", "127.0.*.3=-2"; without "=" it counts the block's score:
 * adds one. False: *why says what would be right. */
bool dnsbl_codes_add(struct dnsbl_codes *codes, const char *text, const char **why);
/* Nothing but answers by which an allow zone says that it does not serve us? */
bool dnsbl_code_is_refusal(const struct dnsbl_code *code);
void dnsbl_codes_clear(struct dnsbl_codes *codes);

enum dnsbl_meaning {
    DNSBL_LISTED,
    DNSBL_NOT_LISTED, /* only codes that count 0, or no address */
    DNSBL_ERROR,      /* an error code, or an answer no list gives: never a listing, never trust */
};
/* Judges the addresses of one answer: the strongest score counts, the highest, or of an allow zone
 * (`allow`: its score is below 0) the lowest; of the codes that name an address the first decides.
 * *which: the index of the address that decided; *out: 0 unless DNSBL_LISTED. Errors are stronger
 * than listings: 127.255.255.0/24, 127.0.0.1, anything outside 127/8, and of allow zones
 * 127.0.0.255 and 127.0.10.x. */
enum dnsbl_meaning dnsbl_judge(const struct dnsbl_codes *codes, score_t score, bool allow,
                               const struct addr *answer, size_t count, score_t *out,
                               size_t *which);
/* A positive canary's answer: is it a listing of any kind? That of an allow zone may be 127.0.10.0,
 * which list.dnswl.org gives for its test entry and nothing else (over quota it is 127.0.10.3). */
bool dnsbl_is_canary(bool allow, const struct addr *answer, size_t count, size_t *which);

#endif
