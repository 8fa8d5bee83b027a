/* SPDX-License-Identifier: ISC */
/*
 * capability: what an EHLO reply offers (RFC 5321 4.1.1.1), in common, and what we advertise.
 *
 * An allow-list: keywords not in the table below are neither read nor ever printed, so BINARYMIME,
 * BURL, ETRN, REQUIRETLS and what is invented tomorrow stay behind. Of AUTH (RFC 4954) only
 * mechanisms go through that work across a proxy which ends TLS: no -PLUS (channel binding), no
 * EXTERNAL, no GSSAPI, NTLM, DIGEST-MD5 or ANONYMOUS. The form "AUTH=LOGIN" of old servers is read
 * and never printed.
 *
 * Numbers of LIMITS (RFC 9422 4) have at most six digits; larger ones count as 999999, zero is no
 * limit. A number that is none counts as not said.
 */
#include "proxy/capability.h"

#include "lib/str.h"
#include "proxy/param.h"
#include "proxy/xclient.h"

#include <inttypes.h>
#include <string.h>

#define LIMIT_MAX 999999

struct keyword {
    const char *name;
    enum capability_bit bit;
    unsigned param; /* what MAIL and RCPT may say with it */
};

/* In the order they are advertised. */
static const struct keyword keywords[] = {
    {"PIPELINING", CAP_PIPELINING, 0},
    {"SIZE", CAP_SIZE, PARAM_SIZE},
    {"STARTTLS", CAP_STARTTLS, 0},
    {"AUTH", CAP_AUTH, PARAM_AUTH},
    {"ENHANCEDSTATUSCODES", CAP_ENHANCEDSTATUSCODES, 0},
    {"8BITMIME", CAP_8BITMIME, PARAM_BODY},
    {"SMTPUTF8", CAP_SMTPUTF8, PARAM_SMTPUTF8},
    {"DSN", CAP_DSN, PARAM_DSN},
    {"CHUNKING", CAP_CHUNKING, 0},
    {"DELIVERBY", CAP_DELIVERBY, PARAM_DELIVERBY},
    {"MT-PRIORITY", CAP_MT_PRIORITY, PARAM_MT_PRIORITY},
    {"RRVS", CAP_RRVS, PARAM_RRVS},
    {"NO-SOLICITING", CAP_NO_SOLICITING, PARAM_NO_SOLICITING},
    {"LIMITS", CAP_LIMITS, 0},
    {"XCLIENT", CAP_XCLIENT, 0},
    {"XFORWARD", CAP_XFORWARD, 0},
};

#define KEYWORDS (sizeof keywords / sizeof keywords[0])

struct mechanism {
    const char *name;
    enum capability_auth bit;
};

static const struct mechanism mechanisms[] = {
    {"PLAIN", AUTH_PLAIN},
    {"LOGIN", AUTH_LOGIN},
    {"CRAM-MD5", AUTH_CRAM_MD5},
    {"SCRAM-SHA-1", AUTH_SCRAM_SHA_1},
    {"SCRAM-SHA-256", AUTH_SCRAM_SHA_256},
    {"SCRAM-SHA-512", AUTH_SCRAM_SHA_512},
    {"OAUTHBEARER", AUTH_OAUTHBEARER},
    {"XOAUTH2", AUTH_XOAUTH2},
};

#define MECHANISMS (sizeof mechanisms / sizeof mechanisms[0])

unsigned capability_auth_bit(const char *name, size_t len)
{
    for (size_t i = 0; i < MECHANISMS; i++)
        if (str_case_eq(name, len, mechanisms[i].name))
            return mechanisms[i].bit;
    return 0;
}

/* The next word of [*at, end): its start, *len octets; *at moves behind it. NULL: none left. */
static const char *next_word(const char **at, const char *end, size_t *len)
{
    const char *p = *at;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    const char *word = p;
    while (p < end && *p != ' ' && *p != '\t')
        p++;
    *at = p;
    *len = (size_t)(p - word);
    return *len > 0 ? word : NULL;
}

/* A decimal number, `max` where it is larger, 0 where it is none. */
static uint64_t number(const char *text, size_t len, uint64_t max)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        uint64_t digit = (uint64_t)(text[i] - '0');
        value = value > (max - digit) / 10 ? max : value * 10 + digit;
    }
    return value;
}

static void parse_limit(struct capability *cap, const char *word, size_t len)
{
    const char *equals = memchr(word, '=', len);
    if (equals == NULL)
        return;
    size_t name_len = (size_t)(equals - word);
    uint32_t value = (uint32_t)number(equals + 1, len - name_len - 1, LIMIT_MAX);
    if (str_case_eq(word, name_len, "RCPTMAX"))
        cap->rcpt_max = value;
    else if (str_case_eq(word, name_len, "MAILMAX"))
        cap->mail_max = value;
    else if (str_case_eq(word, name_len, "RCPTDOMAINMAX"))
        cap->rcpt_domain_max = value;
}

static void parse_args(struct capability *cap, enum capability_bit bit, const char *args,
                       size_t len)
{
    const char *at = args;
    const char *word;
    size_t n;
    if (bit == CAP_XCLIENT)
        cap->xclient |= xclient_offer(args, len);
    if (bit == CAP_XFORWARD)
        cap->xforward |= xclient_offer(args, len);
    if (bit == CAP_SIZE && (word = next_word(&at, args + len, &n)) != NULL)
        cap->size = number(word, n, UINT64_MAX);
    while (bit == CAP_AUTH && (word = next_word(&at, args + len, &n)) != NULL)
        cap->auth |= capability_auth_bit(word, n);
    while (bit == CAP_LIMITS && (word = next_word(&at, args + len, &n)) != NULL)
        parse_limit(cap, word, n);
}

/* AUTH without a mechanism that may pass is no AUTH. */
static void settle(struct capability *cap)
{
    if (cap->auth == 0)
        cap->bits &= ~(unsigned)CAP_AUTH;
}

void capability_parse_line(struct capability *cap, const char *line, size_t len)
{
    size_t n;
    const char *at = line;
    const char *word = next_word(&at, line + len, &n);
    if (word == NULL)
        return;
    if (str_case_starts(word, n, "AUTH=")) {
        n = 4;
        at = word + 5;
    }
    for (size_t i = 0; i < KEYWORDS; i++) {
        if (!str_case_eq(word, n, keywords[i].name))
            continue;
        cap->bits |= (unsigned)keywords[i].bit;
        parse_args(cap, keywords[i].bit, at, (size_t)(line + len - at));
        break;
    }
    settle(cap);
}

void capability_parse(struct capability *cap, const char *text)
{
    *cap = (struct capability){0};
    const char *line = strchr(text, '\n');
    while (line != NULL) {
        line++;
        size_t len = strcspn(line, "\n");
        capability_parse_line(cap, line, len);
        line = line[len] != '\0' ? line + len : NULL;
    }
}

static uint64_t smaller_set(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

void capability_intersect(struct capability *into, const struct capability *other)
{
    into->bits &= other->bits;
    into->auth &= other->auth;
    into->xclient &= other->xclient;
    into->xforward &= other->xforward;
    into->size = smaller_set(into->size, other->size);
    into->rcpt_max = (uint32_t)smaller_set(into->rcpt_max, other->rcpt_max);
    into->mail_max = (uint32_t)smaller_set(into->mail_max, other->mail_max);
    into->rcpt_domain_max = (uint32_t)smaller_set(into->rcpt_domain_max, other->rcpt_domain_max);
    settle(into);
}

struct capability capability_safe(void)
{
    return (struct capability){.bits = CAP_PIPELINING};
}

/* The bits that make sense as they stand. */
static unsigned usable(const struct capability *cap)
{
    unsigned bits = cap->bits;
    if ((bits & CAP_8BITMIME) == 0)
        bits &= ~(unsigned)CAP_SMTPUTF8; /* RFC 6531 3.1 item 8 */
    if (cap->auth == 0)
        bits &= ~(unsigned)CAP_AUTH;
    if (cap->rcpt_max == 0 && cap->mail_max == 0 && cap->rcpt_domain_max == 0)
        bits &= ~(unsigned)CAP_LIMITS;
    return bits;
}

unsigned capability_params(const struct capability *cap)
{
    unsigned bits = usable(cap);
    unsigned params = 0;
    for (size_t i = 0; i < KEYWORDS; i++)
        if ((bits & keywords[i].bit) != 0)
            params |= keywords[i].param;
    return params;
}

static void print_limit(struct buf *out, const char *name, uint32_t value)
{
    if (value != 0)
        buf_printf(out, " %s=%" PRIu32, name, value < LIMIT_MAX ? value : LIMIT_MAX);
}

static void print_args(const struct capability *cap, enum capability_bit bit, struct buf *out)
{
    if (bit == CAP_SIZE && cap->size != 0)
        buf_printf(out, " %" PRIu64, cap->size);
    for (size_t i = 0; bit == CAP_AUTH && i < MECHANISMS; i++)
        if ((cap->auth & mechanisms[i].bit) != 0)
            buf_printf(out, " %s", mechanisms[i].name);
    if (bit == CAP_LIMITS) {
        print_limit(out, "RCPTMAX", cap->rcpt_max);
        print_limit(out, "MAILMAX", cap->mail_max);
        print_limit(out, "RCPTDOMAINMAX", cap->rcpt_domain_max);
    }
    if (bit == CAP_XCLIENT)
        buf_add_str(out, " NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
    if (bit == CAP_XFORWARD)
        buf_add_str(out, " NAME ADDR PORT PROTO HELO IDENT SOURCE");
}

void capability_print(const struct capability *cap, struct buf *out)
{
    unsigned bits = usable(cap);
    for (size_t i = 0; i < KEYWORDS; i++) {
        if ((bits & keywords[i].bit) == 0)
            continue;
        buf_add_str(out, keywords[i].name);
        print_args(cap, keywords[i].bit, out);
        buf_add(out, "\n", 1);
    }
}
