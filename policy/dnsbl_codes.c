/* SPDX-License-Identifier: ISC */
/*
 * dnsbl_codes: the codes of a DNS list, as the configuration names them and as an answer is judged.
 *
 * Promises: an answer that a list gives for other reasons than a listing (it does not serve us, it
 * was asked wrongly, a resolver made it up) is an error, whatever the configuration says of it, and
 * one error spoils the whole answer. A code that is not named counts 0 as soon as any is named.
 * Limits: bit masks (as SURBL's) must be written as the codes they make.
 *
 * RFC 5782 2.1, 2.3: 127.0.0.1 is never listed, codes lie in 127.0.0.0/8. 127.255.255.x: Spamhaus
 * and Validity refuse to answer. 127.0.0.255, 127.0.10.x: list.dnswl.org does, the latter in the
 * guise of the highest trust.
 */
#include "policy/dnsbl_codes.h"

#include "lib/mem.h"
#include "lib/str.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CODE_NEVER        0x7f000001u /* 127.0.0.1 */
#define CODE_REFUSED      0x7fffff00u /* 127.255.255.0/24 */
#define CODE_ALLOW_FULL   0x7f0000ffu /* 127.0.0.255 */
#define CODE_ALLOW_QUOTA  0x7f000a00u /* 127.0.10.0/24 */
#define CODE_ALLOW_CANARY 0x7f000a00u /* 127.0.10.0 */
#define NET_24            0xffffff00u

/* ---- the text ----------------------------------------------------------------------------------
 */

/* One octet or '*' at *p; false: neither. */
static bool read_octet(const char **p, uint32_t *value, uint32_t *mask)
{
    const char *at = *p;
    uint32_t octet = 0;
    if (*at == '*') {
        *value <<= 8;
        *mask <<= 8;
        *p = at + 1;
        return true;
    }
    for (; *at >= '0' && *at <= '9' && octet <= 255; at++)
        octet = octet * 10 + (uint32_t)(*at - '0');
    if (at == *p || octet > 255 || (**p == '0' && at - *p > 1))
        return false;
    *value = *value << 8 | octet;
    *mask = *mask << 8 | 0xff;
    *p = at;
    return true;
}

/* "127.0.0.2" at *p, with '*' for octets that may be any. */
static bool read_code(const char **p, uint32_t *value, uint32_t *mask)
{
    *value = *mask = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && *(*p)++ != '.')
            return false;
        if (!read_octet(p, value, mask))
            return false;
    }
    return *mask >> 24 == 0xff && *value >> 24 == 127;
}

/* The pattern in front of the score; *p ends behind it. NULL, or why not. */
static const char *read_pattern(const char **p, struct dnsbl_code *code)
{
    static const char form[] = "write a code of 127.0.0.0/8 such as \"127.0.0.2=4\", "
                               "\"127.0.0.4-127.0.0.7=6\" or \"127.0.*.3=2\"";
    if (!read_code(p, &code->first, &code->mask))
        return form;
    code->last = code->first;
    if (**p != '-')
        return NULL;
    uint32_t mask = 0;
    (*p)++;
    if (!read_code(p, &code->last, &mask))
        return form;
    if (mask != UINT32_MAX || code->mask != UINT32_MAX)
        return "a range has no '*'; write the codes singly";
    return code->last < code->first ? "the range ends before it begins; write the lower code first"
                                    : NULL;
}

/* Nothing but errors, so that it can never count? */
static bool is_vain(const struct dnsbl_code *code)
{
    bool never = code->first == CODE_NEVER && code->last == CODE_NEVER && code->mask == UINT32_MAX;
    return never || code->first >= CODE_REFUSED;
}

bool dnsbl_codes_add(struct dnsbl_codes *codes, const char *text, const char **why)
{
    struct dnsbl_code code = {0};
    const char *p = text;
    *why = read_pattern(&p, &code);
    if (*why != NULL)
        return false;
    code.scored = *p == '=';
    if (*p != '\0' && (!code.scored || !str_decimal(p + 1, &code.score)))
        *why = "behind the code may stand = and a score from -1000 to 1000, such as 6, -2 or 0.5";
    else if (is_vain(&code))
        *why = "127.0.0.1 and 127.255.255.x are errors of every list and never count; remove it";
    else if (codes->count == DNSBL_CODES_MOST)
        *why = "that are too many codes; 256 are enough, with ranges and '*'";
    if (*why != NULL)
        return false;
    codes->item = mem_grow(codes->item, codes->count + 1, sizeof codes->item[0]);
    codes->item[codes->count++] = code;
    return true;
}

bool dnsbl_code_is_refusal(const struct dnsbl_code *code)
{
    bool exact = code->mask == UINT32_MAX;
    bool full = exact && code->first == CODE_ALLOW_FULL && code->last == CODE_ALLOW_FULL;
    return full || ((code->mask & NET_24) == NET_24 && (code->first & NET_24) == CODE_ALLOW_QUOTA &&
                    (code->last & NET_24) == CODE_ALLOW_QUOTA);
}

void dnsbl_codes_clear(struct dnsbl_codes *codes)
{
    free(codes->item);
    *codes = (struct dnsbl_codes){0};
}

/* ---- an answer ---------------------------------------------------------------------------------
 */

static uint32_t code_of(const struct addr *answer)
{
    return (uint32_t)answer->ip[0] << 24 | (uint32_t)answer->ip[1] << 16 |
           (uint32_t)answer->ip[2] << 8 | answer->ip[3];
}

static bool is_error(const struct addr *answer, bool allow)
{
    if (answer->family != AF_INET || answer->ip[0] != 127)
        return true;
    uint32_t code = code_of(answer);
    if (code == CODE_NEVER || (code & NET_24) == CODE_REFUSED)
        return true;
    return allow && (code == CODE_ALLOW_FULL || (code & NET_24) == CODE_ALLOW_QUOTA);
}

static score_t score_of(const struct dnsbl_codes *codes, score_t score, uint32_t answer)
{
    for (size_t i = 0; i < codes->count; i++) {
        const struct dnsbl_code *code = &codes->item[i];
        uint32_t masked = answer & code->mask;
        if (masked >= code->first && masked <= code->last)
            return code->scored ? code->score : score;
    }
    return codes->count == 0 ? score : 0;
}

enum dnsbl_meaning dnsbl_judge(const struct dnsbl_codes *codes, score_t score, bool allow,
                               const struct addr *answer, size_t count, score_t *out, size_t *which)
{
    *out = 0;
    *which = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_error(&answer[i], allow)) {
            *which = i;
            *out = 0;
            return DNSBL_ERROR;
        }
        score_t one = score_of(codes, score, code_of(&answer[i]));
        if (allow ? one < *out : one > *out) {
            *which = i;
            *out = one;
        }
    }
    return *out != 0 ? DNSBL_LISTED : DNSBL_NOT_LISTED;
}

bool dnsbl_is_canary(bool allow, const struct addr *answer, size_t count, size_t *which)
{
    *which = 0;
    for (size_t i = 0; i < count; i++) {
        *which = i;
        bool test_entry =
            allow && !is_error(&answer[i], false) && code_of(&answer[i]) == CODE_ALLOW_CANARY;
        if (is_error(&answer[i], allow) && !test_entry)
            return false;
    }
    return count > 0;
}
