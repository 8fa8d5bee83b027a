/* SPDX-License-Identifier: ISC */
/*
 * answer: the hostile-proof reader of a DNS packet (RFC 1035 4.1, TLSA: RFC 6698 2.1).
 *
 * Promises: the packet must be an answer to the name, type and class that were asked; its CNAMEs
 * are followed from there, whatever their order, and records of other names are not looked at. One
 * malformed record of those spoils the answer: it is DNS_TEMPFAIL, never a part of it. A name with
 * odd octets does not (field experience: PTR records hold anything), it is shown with \DDD. All
 * records lie in one block, sized before it is filled.
 * The TTL is the least on the way (RFC 2181 8: a TTL with the highest bit set is 0); where nothing
 * was found that of the SOA, min(TTL, minimum), and of the CNAMEs before it (RFC 2308 3, 5).
 * A CNAME without what was asked for: NODATA if the packet has a SOA (RFC 2308 2.2), else the
 * server did not follow it and it is to be asked. A referral (RFC 2308 2.2.1), from a server that
 * does not look further for us, is no NODATA but a failure. Limits: those of the header; a block
 * has at most about 260 kB.
 */
#include "dns/answer.h"

#include "dns/name.h"
#include "dns/wire.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

#define BAD SIZE_MAX

enum { RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };

static const char malformed[] = "malformed answer";

static const char *const rcode_text[16] = {
    "rcode 0", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",   "REFUSED",  "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",  "rcode 11", "rcode 12", "rcode 13", "rcode 14", "rcode 15",
};

/* A packet on its way to be an answer. */
struct reading {
    struct wire wire;
    const struct answer_asked *asked;
    size_t at; /* behind the sections read so far */
    unsigned rcode;
    size_t records;
    struct wire_rr record[ANSWER_RECORDS_MAX]; /* of class IN in the answer section */
    char name[WIRE_NAME_TEXT];                 /* where the CNAMEs have led */
    bool moved;                                /* it is no longer the question's name */
    unsigned aliases;
    uint32_t ttl;
    size_t matches;
    uint16_t match[ANSWER_RECORDS_MAX]; /* records of `name` and the type asked for */
};

/* ---- the kinds of records ---- */

/* An answer's block while it is filled: its records, then their octets. */
struct filling {
    const struct wire *wire;
    void *records;
    char *text; /* the next octet free */
};

struct kind {
    uint16_t type; /* on the wire */
    size_t size;   /* of a record */
    /* Octets it needs beside that; BAD: malformed. */
    size_t (*octets)(const struct wire *wire, const struct wire_rr *rr);
    void (*put)(struct filling *f, size_t i, const struct wire_rr *rr);
};

static size_t a_octets(const struct wire *wire, const struct wire_rr *rr)
{
    (void)wire;
    return rr->len == 4 ? 0 : BAD;
}

static size_t aaaa_octets(const struct wire *wire, const struct wire_rr *rr)
{
    (void)wire;
    return rr->len == 16 ? 0 : BAD;
}

static void addr_put(struct filling *f, size_t i, const struct wire_rr *rr)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct addr *out = (struct addr *)f->records + i;
    const unsigned char *data = f->wire->octet + rr->data;
    size_t len = rr->len;
    if (len == 16 && memcmp(data, mapped, sizeof mapped) == 0) { /* IPv4, as everywhere */
        data += sizeof mapped;
        len = 4;
    }
    out->family = len == 4 ? AF_INET : AF_INET6;
    memcpy(out->ip, data, len);
}

/* The octets of the name that fills the record's data from `skip` on. */
static size_t name_octets_at(const struct wire *wire, const struct wire_rr *rr, size_t skip)
{
    char text[WIRE_NAME_TEXT];
    size_t at = rr->data + skip;
    if (rr->len <= skip || !wire_name(wire, &at, WIRE_HOST, text) ||
        at != (size_t)rr->data + rr->len)
        return BAD;
    return strlen(text) + 1;
}

static const char *put_name(struct filling *f, size_t at)
{
    char text[WIRE_NAME_TEXT];
    if (!wire_name(f->wire, &at, WIRE_HOST, text))
        abort(); /* was read before */
    size_t size = strlen(text) + 1;
    char *name = f->text;
    memcpy(name, text, size);
    f->text += size;
    return name;
}

static size_t ptr_octets(const struct wire *wire, const struct wire_rr *rr)
{
    return name_octets_at(wire, rr, 0);
}

static void ptr_put(struct filling *f, size_t i, const struct wire_rr *rr)
{
    ((const char **)f->records)[i] = put_name(f, rr->data);
}

static size_t mx_octets(const struct wire *wire, const struct wire_rr *rr)
{
    return name_octets_at(wire, rr, 2);
}

static void mx_put(struct filling *f, size_t i, const struct wire_rr *rr)
{
    struct dns_mx *mx = f->records;
    struct dns_mx new = {.preference = wire_u16(f->wire, rr->data)};
    new.host = put_name(f, rr->data + 2u);
    for (; i > 0 && mx[i - 1].preference > new.preference; i--)
        mx[i] = mx[i - 1];
    mx[i] = new;
}

static size_t txt_octets(const struct wire *wire, const struct wire_rr *rr)
{
    size_t total = 0, at = rr->data, end = at + rr->len; /* no string at all: an empty text */
    while (at < end) {
        size_t len = wire->octet[at];
        if (len >= end - at)
            return BAD;
        total += len;
        at += 1 + len;
    }
    return total + 1;
}

static void txt_put(struct filling *f, size_t i, const struct wire_rr *rr)
{
    struct dns_txt *out = (struct dns_txt *)f->records + i;
    out->text = f->text;
    for (size_t at = rr->data, end = at + rr->len; at < end;) {
        size_t len = f->wire->octet[at];
        memcpy(f->text, f->wire->octet + at + 1, len);
        f->text += len;
        at += 1 + len;
    }
    out->len = (size_t)(f->text - out->text);
    *f->text++ = '\0';
}

static size_t tlsa_octets(const struct wire *wire, const struct wire_rr *rr)
{
    (void)wire;
    return rr->len > 3 ? rr->len - 3u : BAD;
}

static void tlsa_put(struct filling *f, size_t i, const struct wire_rr *rr)
{
    struct dns_tlsa *out = (struct dns_tlsa *)f->records + i;
    const unsigned char *data = f->wire->octet + rr->data;
    out->usage = data[0];
    out->selector = data[1];
    out->matching = data[2];
    out->len = rr->len - 3u;
    out->data = memcpy(f->text, data + 3, out->len);
    f->text += out->len;
}

static const struct kind kinds[] = {
    [DNS_A] = {1, sizeof(struct addr), a_octets, addr_put},
    [DNS_AAAA] = {28, sizeof(struct addr), aaaa_octets, addr_put},
    [DNS_PTR] = {12, sizeof(const char *), ptr_octets, ptr_put},
    [DNS_MX] = {15, sizeof(struct dns_mx), mx_octets, mx_put},
    [DNS_TXT] = {16, sizeof(struct dns_txt), txt_octets, txt_put},
    [DNS_TLSA] = {52, sizeof(struct dns_tlsa), tlsa_octets, tlsa_put},
};

uint16_t answer_wire_type(enum dns_type type)
{
    return kinds[type].type;
}

/* ---- reading ---- */

static void least(uint32_t *ttl, uint32_t other)
{
    if (other > INT32_MAX)
        other = 0;
    if (other < *ttl)
        *ttl = other;
}

/* The header and the question; NULL, or why it is no answer to what was asked. */
static const char *read_question(struct reading *r)
{
    const struct wire *wire = &r->wire;
    const unsigned char *header = wire->octet;
    if (wire->len < WIRE_HEADER || wire->len > UINT16_MAX || (header[2] & 0xf8) != 0x80)
        return malformed; /* no response, or none to a query */
    r->rcode = header[3] & 15;
    if (r->rcode != RCODE_NOERROR && r->rcode != RCODE_NXDOMAIN)
        return rcode_text[r->rcode];
    if (header[2] & 2)
        return "truncated answer"; /* a second time: by UDP it was asked again by TCP */
    r->at = WIRE_HEADER;
    if (wire_u16(wire, 4) != 1 || !wire_name(wire, &r->at, WIRE_ASKED, r->name) ||
        wire->len - r->at < 4 || strcmp(r->name, r->asked->name) != 0 ||
        wire_u16(wire, r->at) != kinds[r->asked->type].type ||
        wire_u16(wire, r->at + 2) != WIRE_CLASS_IN)
        return malformed;
    r->at += 4;
    return NULL;
}

static const char *read_records(struct reading *r)
{
    size_t count = wire_u16(&r->wire, 6);
    if (count > ANSWER_RECORDS_MAX)
        return "too many records";
    for (size_t i = 0; i < count; i++) {
        struct wire_rr rr;
        if (!wire_record(&r->wire, &r->at, &rr))
            return malformed;
        if (rr.class == WIRE_CLASS_IN)
            r->record[r->records++] = rr;
    }
    return NULL;
}

/* The record belongs to the name the reading has come to. */
static bool is_owner(const struct reading *r, const struct wire_rr *rr)
{
    static const unsigned char question[2] = {0xc0, WIRE_HEADER};
    if (memcmp(r->wire.octet + rr->owner, question, sizeof question) == 0)
        return !r->moved || strcmp(r->name, r->asked->name) == 0;
    char owner[WIRE_NAME_TEXT];
    size_t at = rr->owner;
    return wire_name(&r->wire, &at, WIRE_ASKED, owner) && strcmp(owner, r->name) == 0;
}

/* Notes the records that answer, else gives the CNAME there, or NULL. */
static const struct wire_rr *look(struct reading *r)
{
    const struct wire_rr *cname = NULL;
    uint16_t type = kinds[r->asked->type].type;
    for (size_t i = 0; i < r->records; i++) {
        const struct wire_rr *rr = &r->record[i];
        if (rr->type == type && is_owner(r, rr))
            r->match[r->matches++] = (uint16_t)i;
        else if (rr->type == WIRE_CNAME && cname == NULL && is_owner(r, rr))
            cname = rr;
    }
    return r->matches > 0 ? NULL : cname;
}

static const char *follow(struct reading *r)
{
    const struct wire_rr *cname;
    while ((cname = look(r)) != NULL) {
        if (++r->aliases > ANSWER_ALIASES_MAX)
            return "CNAME loop";
        size_t at = cname->data;
        if (!wire_name(&r->wire, &at, WIRE_ASKED, r->name) ||
            at != (size_t)cname->data + cname->len)
            return malformed;
        r->moved = true;
        least(&r->ttl, cname->ttl);
    }
    return NULL;
}

/* Nothing but the names of servers to be asked instead. */
static bool is_referral(const struct reading *r, bool servers)
{
    bool authoritative = (r->wire.octet[2] & 4) != 0;
    return servers && !authoritative && !r->moved && r->rcode == RCODE_NOERROR;
}

/* The SOA of a negative answer; `*found` stays false if there is none. */
static const char *read_soa(struct reading *r, bool *found)
{
    bool servers = false;
    for (size_t left = wire_u16(&r->wire, 8); left > 0; left--) {
        struct wire_rr rr;
        if (!wire_record(&r->wire, &r->at, &rr))
            return malformed;
        servers = servers || rr.type == WIRE_NS;
        if (rr.type != WIRE_SOA || rr.class != WIRE_CLASS_IN)
            continue;
        size_t at = rr.data; /* the names of server and mailbox, then five numbers */
        bool names = wire_skip_name(&r->wire, &at);
        names = names && wire_skip_name(&r->wire, &at);
        if (!names || at + 20 != (size_t)rr.data + rr.len)
            return malformed;
        least(&r->ttl, rr.ttl);
        least(&r->ttl, wire_u32(&r->wire, at + 16));
        *found = true;
        return NULL;
    }
    return is_referral(r, servers) ? "referral" : NULL;
}

/* ---- answers ---- */

struct answer *answer_none(enum dns_type type, enum dns_status status, const char *why)
{
    struct answer *answer = mem_alloc(sizeof *answer);
    answer->refs = 1;
    answer->octets = sizeof *answer;
    answer->said = (struct dns_answer){.status = status, .type = type, .why = why};
    return answer;
}

struct answer *answer_hold(struct answer *answer)
{
    answer->refs++;
    return answer;
}

void answer_drop(struct answer *answer)
{
    if (--answer->refs == 0)
        free(answer);
}

static void point(struct dns_answer *said, void *records)
{
    switch (said->type) {
    case DNS_A:
    case DNS_AAAA:
        said->addr = records;
        break;
    case DNS_PTR:
        said->name = records;
        break;
    case DNS_MX:
        said->mx = records;
        break;
    case DNS_TXT:
        said->txt = records;
        break;
    case DNS_TLSA:
        said->tlsa = records;
        break;
    }
}

static struct answer *fail(const struct reading *r, const char *why)
{
    return answer_none(r->asked->type, DNS_TEMPFAIL, why);
}

static struct answer *found(struct reading *r)
{
    const struct kind *kind = &kinds[r->asked->type];
    size_t size = sizeof(struct answer) + r->matches * kind->size;
    for (size_t i = 0; i < r->matches; i++) {
        const struct wire_rr *rr = &r->record[r->match[i]];
        size_t octets = kind->octets(&r->wire, rr);
        if (octets == BAD)
            return fail(r, malformed);
        size += octets;
        least(&r->ttl, rr->ttl);
    }
    struct answer *answer = mem_alloc(size);
    answer->refs = 1;
    answer->octets = (uint32_t)size;
    answer->said.type = r->asked->type;
    answer->said.status = DNS_FOUND;
    answer->said.ttl = r->ttl < ANSWER_TTL_MAX ? r->ttl : ANSWER_TTL_MAX;
    answer->said.count = r->matches;
    struct filling f = {.wire = &r->wire, .records = answer + 1};
    f.text = (char *)f.records + r->matches * kind->size;
    for (size_t i = 0; i < r->matches; i++)
        kind->put(&f, i, &r->record[r->match[i]]);
    point(&answer->said, f.records);
    return answer;
}

static struct answer *not_found(struct reading *r, struct answer_alias *alias)
{
    bool soa = false;
    const char *why = read_soa(r, &soa);
    if (why != NULL)
        return fail(r, why);
    if (r->rcode == RCODE_NOERROR && r->moved && !soa) {
        if (!dns_name_normal(r->name, alias->name))
            return fail(r, "CNAME to what cannot be asked for");
        alias->aliases = r->aliases;
        alias->ttl = r->ttl;
        return NULL;
    }
    if (!soa)
        least(&r->ttl, ANSWER_NO_SOA_TTL);
    struct answer *answer =
        answer_none(r->asked->type, r->rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA, NULL);
    answer->said.ttl = r->ttl < ANSWER_NEGATIVE_MAX ? r->ttl : ANSWER_NEGATIVE_MAX;
    return answer;
}

struct answer *answer_read(const unsigned char *packet, size_t len,
                           const struct answer_asked *asked, struct answer_alias *alias)
{
    struct reading r; /* not zeroed as a whole: the tables are large and filled in order */
    r.wire = (struct wire){packet, len};
    r.asked = asked;
    r.aliases = asked->aliases;
    r.ttl = asked->ttl;
    r.records = r.matches = 0;
    r.moved = false;
    const char *why = read_question(&r);
    if (why == NULL)
        why = read_records(&r);
    if (why == NULL)
        why = follow(&r);
    if (why != NULL)
        return fail(&r, why);
    return r.matches > 0 && r.rcode == RCODE_NOERROR ? found(&r) : not_found(&r, alias);
}
