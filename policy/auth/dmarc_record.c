/* SPDX-License-Identifier: ISC */
/*
 * dmarc_record: a DMARC policy record as text (RFC 9989 4.7, 4.8).
 *
 * "v=DMARC1", exactly so, must come first; without it the text is no record. Behind it, tags in any
 * order and names and values in any case. What is unknown, empty or of no meaning is as if it were
 * not there (pct, rf and ri among it); of a tag that stands twice the first counts.
 *
 * p, sp and np are the exception (4.10.1): where p is missing or one of them is no policy, the
 * record means p=none if somebody wants reports of it (rua with a URI), else nothing at all. One
 * such tag is enough, so a slip of the pen never makes a stricter policy than the one meant.
 *
 * Limits: linear; nothing is kept of the text. URIs are looked at for their scheme and characters
 * only.
 */
#include "policy/auth/dmarc.h"

#include "lib/str.h"

#include <string.h>

struct span {
    const char *at;
    size_t len;
};

/* ---- words ----------------------------------------------------------------------------------- */

static const char *const policy_word[] = {"none", "quarantine", "reject"};
static const char *const psd_word[] = {"u", "y", "n"}; /* as enum dmarc_psd */
static const char *const align_word[] = {"r", "s"};
static const char *const yes_word[] = {"n", "y"};

const char *dmarc_policy_name(enum dmarc_policy policy)
{
    return policy_word[policy];
}

#define WORD_OF(span, words) word_of(span, words, sizeof(words) / sizeof(words)[0])

/* Which of the words it is, or -1. */
static int word_of(struct span value, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_case_eq(value.at, value.len, words[i]))
            return (int)i;
    return -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trimmed(const char *from, const char *to)
{
    while (from < to && is_blank(*from))
        from++;
    while (from < to && is_blank(to[-1]))
        to--;
    return (struct span){from, (size_t)(to - from)};
}

/* ---- tags ------------------------------------------------------------------------------------ */

/* Cuts the next "name = value" off the text between `*at` and `end`. False: there is none. One
 * without '=' has an empty name. */
static bool next_tag(const char **at, const char *end, struct span *name, struct span *value)
{
    if (*at >= end)
        return false;
    const char *stop = memchr(*at, ';', (size_t)(end - *at));
    if (stop == NULL)
        stop = end;
    const char *equals = memchr(*at, '=', (size_t)(stop - *at));
    *name = equals != NULL ? trimmed(*at, equals) : (struct span){stop, 0};
    *value = equals != NULL ? trimmed(equals + 1, stop) : (struct span){stop, 0};
    *at = stop + (stop < end);
    return true;
}

/* A URI by its looks (RFC 3986 3): a scheme, a colon, and something that is printable. */
static bool is_uri(struct span text)
{
    const char *colon = memchr(text.at, ':', text.len);
    if (colon == NULL || colon == text.at || colon + 1 == text.at + text.len)
        return false;
    for (const char *c = text.at; c < colon; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && (c == text.at || strchr("0123456789+-.", *c) == NULL || *c == '\0'))
            return false;
    }
    for (const char *c = colon + 1; c < text.at + text.len; c++)
        if (*c <= ' ' || *c > '~' || strchr("<>\"\\^`{|}", *c) != NULL)
            return false;
    return true;
}

static bool has_uri(struct span list)
{
    const char *end = list.at + list.len;
    for (const char *at = list.at; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        if (is_uri(trimmed(at, comma != NULL ? comma : end)))
            return true;
        at = comma != NULL ? comma + 1 : end;
    }
    return false;
}

/* ---- the record ------------------------------------------------------------------------------ */

enum { TAG_P, TAG_SP, TAG_NP, TAG_T, TAG_PSD, TAG_ADKIM, TAG_ASPF, TAG_RUA, TAGS };
static const char *const tag_name[TAGS] = {"p", "sp", "np", "t", "psd", "adkim", "aspf", "rua"};

/* The version, and all behind it. False: it is not ours. */
static bool take_version(const char **at, const char *end)
{
    struct span name, value;
    if (*at < end && is_blank(**at))
        return false; /* "v" is the very first */
    return next_tag(at, end, &name, &value) && str_case_eq(name.at, name.len, "v") &&
           value.len == 6 && memcmp(value.at, "DMARC1", 6) == 0;
}

static void take_tags(const char *at, const char *end, struct span found[static TAGS])
{
    struct span name, value;
    while (next_tag(&at, end, &name, &value)) {
        int tag = word_of(name, tag_name, TAGS);
        if (tag >= 0 && found[tag].at == NULL)
            found[tag] = value;
    }
}

/* A policy that may be missing. False: it is there and is none. */
static bool take_policy(struct span value, enum dmarc_policy fallback, enum dmarc_policy *out)
{
    int word = value.at != NULL ? WORD_OF(value, policy_word) : (int)fallback;
    if (word >= 0)
        *out = (enum dmarc_policy)word;
    return word >= 0;
}

/* "": all three are as they should be. */
static const char *take_policies(const struct span tag[static TAGS], struct dmarc_record *out)
{
    if (tag[TAG_P].at == NULL)
        return "the record has no p";
    if (!take_policy(tag[TAG_P], DMARC_POLICY_NONE, &out->p))
        return "the record's p is no policy";
    if (!take_policy(tag[TAG_SP], out->p, &out->sp))
        return "the record's sp is no policy";
    if (!take_policy(tag[TAG_NP], out->sp, &out->np))
        return "the record's np is no policy";
    return "";
}

enum dmarc_reading dmarc_record_parse(const char *text, size_t len, struct dmarc_record *out,
                                      const char **why)
{
    struct span tag[TAGS] = {{0}};
    const char *at = text;
    memset(out, 0, sizeof *out);
    *why = "";
    if (!take_version(&at, text + len))
        return DMARC_NO_RECORD;
    take_tags(at, text + len, tag);
    int psd = WORD_OF(tag[TAG_PSD], psd_word);
    out->psd = psd > 0 ? (enum dmarc_psd)psd : DMARC_PSD_UNKNOWN;
    out->testing = WORD_OF(tag[TAG_T], yes_word) == 1;
    out->strict_dkim = WORD_OF(tag[TAG_ADKIM], align_word) == 1;
    out->strict_spf = WORD_OF(tag[TAG_ASPF], align_word) == 1;
    out->has_rua = tag[TAG_RUA].at != NULL && has_uri(tag[TAG_RUA]);
    const char *fault = take_policies(tag, out);
    if (fault[0] == '\0')
        return DMARC_RECORD;
    out->p = out->sp = out->np = DMARC_POLICY_NONE;
    if (out->has_rua)
        return DMARC_RECORD;
    *why = fault;
    return DMARC_BAD_RECORD;
}
